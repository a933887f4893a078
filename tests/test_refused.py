"""A command that is refused says why in a sentence, and leaves every file as it was."""

import hashlib
import json
import os
import shutil
import stat
import sys
import time
from pathlib import Path

import pytest
from small_world import make_world

from lsp_analysis.cli import main

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(sys.platform == "win32", reason="pipes and links of POSIX"),
]
CPU_SECONDS = 12.0
ODD = ["pipe", "loop", "gone", "none", "file", "a\0b", "x" * 300, "", "/dev/null/x", "/dev/zero"]
TABLES = [
    *(f"{kind}.csv" for kind in ("pipe", "loop", "folder", "none", "empty", "zeros", "bytes"))
]
TABLES += ["a\0b.csv", "study", "", "/dev/zero", "/dev/null", "folder.xlsx", "empty.xlsx"]
BATCHES = {
    "number": "3", "text": "hello", "one": "areas: [N1]", "none": "- \n", "deep": "[" * 50_000,
    "twice": "- areas: [N1]\n  areas: [N1]\n", "unknown": "- areas: [N1]\n  colour: red\n",
    "negative": "- decile: -1\n", "vast": f"- decile: {'9' * 4000}\n", "empty": "- areas: []\n",
    "template": "- areas: [N1]\n  template: ../../x.ipynb\n", "nul": '- areas: ["N\\0"]\n',
    "list": "- areas: [N1]\n  template: [1, 2]\n", "half": '- areas: ["\\ud800"]\n',
    "pairs": "- areas: [N1]\n  parameters: [1]\n", "name": "- areas: [N1]\n  name: ../x\n",
    "parameter": "- areas: [N1]\n  parameters: {nosuch: 1}\n", "tabs": "-\tareas: [N1]\n",
    "merged": "- &a {areas: [N1]}\n- <<: *a\n", "bytes": "\0" * 100,
}  # fmt: skip
SETTINGS = [
    *("--workers=-1", "--timeout=-1", "--timeout=nan", "--memory=0", "--memory=nan", "--shard=0/3"),
    *("--shard=4/3", "--shard=x", f"--shard=1/{'9' * 5000}", "--scheduler=no", "--engine=no"),
    *("--formats=doc", "--formats=", "--audience=no", "--audience=public", "-pnosuch=1", "-ptop=x"),
    *("-parea=x", "-pstudy=x", "--decile=0", "--decile=11", f"--decile={'9' * 4000}", "--areas=no"),
    *("--areas=", "--areas=\ud800", "--areas=a\0", f"--areas={'x' * 100_000}"),
]
FACTS = [
    *("--indicator=a\0b", "--period=x", f"--period={'9' * 500}", "--code-column=no", "--sheet=no"),
    *("-punit=bananas", "-pmultiplier=1e999", f"-pmultiplier={'9' * 5000}", "-pmultiplier=-1"),
    *("-pnosuch=1", "-p=", "-px", "--freq=Z"),
]
ACTS = {
    "verify": [], "analyse": ["outcomes.csv"], "look": ["outcomes.csv"], "draw": ["--text=x"],
    "register": ["--note=n"], "page": ["--out=new/page.html"], "next": ["--out=new/next"],
    "decide": ["--arm=x", "--decision=stop", "--reason=r", "--by=b"], "pair": ["--on=x"],
    "pool": ["trial", "--arm=no"], "buffer": [],
}  # fmt: skip
BROKEN = ["nofile", "gap", "altered", "folder", "pipe", "loop", "nodesign", "design"]


def commands():
    """Command lines that cannot be followed, each of which is tried."""
    for path in ODD:
        yield "check", path
        yield "add", path, "table.csv"
        yield "reports", path, "--all", "--out=new"
        yield "import", path, "--borough=E08000099", "--out=new"
        if path not in ("none", "gone"):
            for words in (("new",), ("notebooks",), ("design", "new")):
                yield *words, path
            yield "import", "files", "--borough=E08000099", f"--out={path}"
            if path:
                yield "reports", "study", "--areas=N1", "--template=small.ipynb", f"--out={path}/x"
        if path not in ("none", ""):
            yield "template", "new", f"{path}.ipynb" if path in ("a\0b", "x" * 300) else path
            yield "design", "next", "trial", f"--out={path}"
            yield "design", "page", "trial", f"--out={path}"
        for act, more in ACTS.items():
            yield "design", act, path, *more
    for file in TABLES:
        yield "add", "study", file
        yield "design", "analyse", "trial", file
        yield "design", "look", "trial", file
        yield "aggregate", file, "--key-file=key", "--out=new.csv"
        yield "aggregate", "people.csv", f"--key-file={file}", "--out=new.csv", "--every=week"
        yield (
            "aggregate",
            "people.csv",
            "--key-file=key",
            f"--postcodes={file or 'none'}",
            "--every=x",
        )
        yield "fetch", "E08000099", "--out=new", f"--addresses={file or 'none'}"
    for fact in FACTS:
        yield "add", "study", "table.csv", fact
    for name in ("loop", "folder", "nolist", "observations", "descriptor"):
        yield "add", f"study-{name}", "table.csv"
    for name in (*BATCHES, "none", "pipe"):
        yield "reports", "study", f"--batch={name}.yaml", "--out=new"
    for setting in SETTINGS:
        yield "reports", "study", "--template=small.ipynb", "--out=new", "--areas=N1", setting
    for name in ("pipe", "loop", "folder", "empty", "none", "a\0b", "x" * 300):
        yield "reports", "study", "--areas=N1", f"--template={name}.ipynb", "--out=new"
        yield "template", "check", f"{name}.ipynb"
    for out in ("people.csv", "study/areas.csv", "folder.csv", "file/x.csv", "loop.csv"):
        yield "aggregate", "people.csv", "--key-file=key", f"--out={out}"
    for name in BROKEN:
        for act, more in ACTS.items():
            if (name, act) not in {
                ("nofile", "register"),
                ("nofile", "page"),
                ("design", "register"),
            }:
                yield "design", act, f"trial-{name}", *more
    for head in ("d", "x" * 64, "0" * 64, "0" * 63, "a\0b", "9" * 100_000):
        yield "design", "verify", "trial", f"--head={head}"
    for text in ("", "  ", "\0", "\ud800", "x" * 100_000):
        yield "design", "draw", "trial", f"--text={text}"
        yield (
            "design",
            "decide",
            "trial",
            f"--arm={text}",
            "--decision=stop",
            "--reason=r",
            "--by=b",
        )
        yield "design", "register", "trial", f"--note={text}", "--redraw"
    for folder in ("study", "trial", ".", ".."):
        yield "import", "files", "--borough=E08000099", f"--out={folder}/files"
    yield "design", "next", "trial", "--out=./trial"
    yield "design", "next", "trial", "--out=trial/new/../register.jsonl"
    for words in ((), ("no",), ("--no",), ("design",), ("design", "no"), ("report", "study")):
        yield words


def tree(top, known=None):
    """Every path below `top`, with what lies there; `known` are digests of files by their state."""
    made, known = {}, {} if known is None else known
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            state = os.lstat(path)
            kind = "folder" if name in folders else "other"
            if stat.S_ISLNK(state.st_mode):
                kind = os.readlink(path)
            elif stat.S_ISREG(state.st_mode):
                key = (path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
                if key not in known:
                    known[key] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                kind = known[key]
            made[os.path.relpath(path, top)] = kind
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    top = make_world(tmp_path_factory.mktemp("refused"))
    for ending in ("", ".csv", ".yaml", ".ipynb"):
        os.mkfifo(top / f"pipe{ending}")
        (top / f"loop{ending}").symlink_to(f"loop{ending}")
    (top / "gone").symlink_to("nowhere")
    for name in ("folder.csv", "folder.ipynb", "folder.xlsx", "files"):
        (top / name).mkdir()
    person = b"person_id,date,area_code,agency\n1,2008-01-01,E01000001,x\n"
    files = {"file": b"x", "zeros.csv": b"\0" * 1000, "bytes.csv": bytes(range(256))}
    files |= {"key": b"k" * 40, "people.csv": person}
    files |= dict.fromkeys(("empty.csv", "empty.xlsx", "empty.ipynb"), b"")
    for name, content in files.items():
        (top / name).write_bytes(content)
    for name, text in BATCHES.items():
        (top / f"{name}.yaml").write_text(text, encoding="utf-8")
    shutil.copy(top / "trial" / "outcomes.csv", top)
    for name in ("loop", "folder", "nolist", "observations", "descriptor"):
        shutil.copytree(top / "study", top / f"study-{name}")
    put(top / "study-loop/plan.csv", lambda path: path.symlink_to(path.name))
    put(top / "study-folder/plan.csv", os.mkdir)
    put(top / "study-observations/observations.csv", os.mkfifo)
    put(top / "study-descriptor/datapackage.json", os.mkfifo)
    listed = json.loads((top / "study/datapackage.json").read_text(encoding="utf-8"))
    (top / "study-nolist/datapackage.json").write_text(json.dumps(listed | {"resources": []}))
    lines = (top / "trial/register.jsonl").read_bytes().splitlines(keepends=True)
    for name in BROKEN:
        shutil.copytree(top / "trial", top / f"trial-{name}")
    (top / "trial-nofile/register.jsonl").unlink()
    (top / "trial-gap/register.jsonl").write_bytes(b"".join(lines[:1] + lines[2:]))
    altered = lines[0].replace(b"registered", b"banana")
    (top / "trial-altered/register.jsonl").write_bytes(b"".join([altered, *lines[1:]]))
    put(top / "trial-folder/register.jsonl", os.mkdir)
    put(top / "trial-pipe/register.jsonl", os.mkfifo)
    put(top / "trial-loop/register.jsonl", lambda path: path.symlink_to(path.name))
    put(top / "trial-nodesign/design.toml", os.mkfifo)
    put(top / "trial-design/design.toml", lambda path: path.write_text("[" * 100_000))
    return top


def put(path, make):
    path.unlink()
    make(path)


@pytest.mark.slow
def test_a_refused_command_says_why_and_leaves_every_byte(world, monkeypatch, capsys):
    monkeypatch.chdir(world)
    known, tried, odd = {}, 0, []
    before = tree(world, known)
    for words in commands():
        began = time.process_time()
        try:
            code = main(list(words))
        except SystemExit as left:
            code = left.code
        seconds = time.process_time() - began
        said, after = "".join(capsys.readouterr()), tree(world, known)
        tried += 1
        faults = [
            (code not in (1, 2), f"exit {code}"),
            (after != before, f"changed {sorted(after.items() ^ before.items())[:3]}"),
            ("Traceback" in said or "fault of lsp-analysis" in said, "a fault of ours"),
            (not said.strip() or len(said) > 6000, f"{len(said)} characters"),
            (seconds > CPU_SECONDS, f"{seconds:.0f} seconds"),
        ]
        told = [what for wrong, what in faults if wrong]
        if told:
            odd.append(f"{[word[:50] for word in words]}: {', '.join(told)}: {said[:300]}")
        before = after
    assert not odd, "\n".join(odd)
    assert tried > 400
