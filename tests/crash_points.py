"""Run a change again and again, each time with a fault at the next system call that writes.

Called as a program with the name of a change, a folder and how many calls to try (0: every one).
In each of two modes ("fail": the call answers that the disk is full; "kill": the process ends
there) it makes the change in a fork of this process, on a fresh copy of the folder, lets the next
command find what is left, and prints how many calls were tried and every state that is neither the
old nor the new.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lsp_analysis import durable

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CALLS = ("write", "fsync", "rename", "replace", "link", "mkdir", "rmdir", "unlink", "remove")
CALLS += ("ftruncate",)
KILLED = 137


class Faults:
    """Counts the calls that write, and makes the one at `place` fail or end the process."""

    def __init__(self, place: int, mode: str) -> None:
        self.count, self.place, self.mode = 0, place, mode

    def meet(self) -> None:
        self.count += 1
        if self.count == self.place:
            if self.mode == "kill":
                os._exit(KILLED)
            raise OSError(28, "No space left on device")

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._before(getattr(os, name)))
        really_open, really_exchange = os.open, durable._exchange

        def low_open(path, flags, *more, **named):
            if flags & WRITING:
                self.meet()
            return really_open(path, flags, *more, **named)

        def high_open(file, mode="r", *more, **named):
            if set(mode) & set("wax+"):
                self.meet()
            return io_open(file, mode, *more, **named)

        io_open = io.open
        os.open, builtins.open, io.open = low_open, high_open, high_open
        durable._exchange = self._before(really_exchange)

    def _before(self, call: Callable) -> Callable:
        def met(*given, **named):
            self.meet()
            return call(*given, **named)

        return met


def state_of(folder: Path, left_out: Callable[[str], bool]) -> str:
    """A fingerprint of all files below `folder`, what a change left in the workshop included."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not left_out(name):
            whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def in_fork(work: Callable[[], int], used: Path | None = None) -> int:
    """Exit status of `work` in a fork of this process, which has one thread.

    The modules that it loaded are written to `used` and loaded here, so that later forks have them.
    """
    plain_open = io.open
    pid = os.fork()
    if pid == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        code = 99
        with contextlib.suppress(BaseException):
            code = work()
            if used:
                with plain_open(used, "w") as file:
                    file.write("\n".join(sys.modules))
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for name in used.read_text().split() if used else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return status


def command(*words: str) -> int:
    from lsp_analysis.cli import main

    return main(list(words))


def add(folder: Path) -> int:
    return command("add", str(folder / "study"), str(folder / "table.csv"), "--indicator", "fruit")


def again(folder: Path) -> int:
    return command("check", str(folder / "study"))


def import_study(folder: Path) -> int:
    words = ["--borough", "E07000901", "--out", str(folder / "study")]
    return command("import", str(folder / "files"), *words)


def register(folder: Path) -> int:
    return command("design", "register", str(folder / "trial"))


def draw(folder: Path) -> int:
    return command("design", "draw", str(folder / "trial"), "--text", "Lottery: 4 16 20")


def analyse(folder: Path) -> int:
    trial = folder / "trial"
    return command("design", "analyse", str(trial), str(trial / "outcomes.csv"))


def verify(folder: Path) -> int:
    return command("design", "verify", str(folder / "trial"))


def report(folder: Path) -> int:
    """What a report's process writes at its end, and the index."""
    from lsp_analysis.reports.job.manifest import MADE, record_of
    from lsp_analysis.reports.job.request import JobMaker
    from lsp_analysis.reports.job.template import load_template
    from lsp_analysis.reports.page.index import write_index
    from lsp_analysis.reports.run.finishing import put_in_place

    maker = JobMaker(folder / "study", out=folder / "out")
    job = maker.make("N1", load_template(folder / "small.ipynb"))
    page = f"{job.name}.html"
    written = {page: b"new", "tables/one.csv": b"1"}
    files = {f"{job.name}/{name}": hashlib.sha256(c).hexdigest() for name, c in written.items()}
    put_in_place(job, written, record_of(job, status=MADE, files=files))
    write_index(maker.out, maker.study)
    return 0


def look(folder: Path) -> int:
    """The next run tidies up, finds whole what is on record, and writes the index."""
    from lsp_analysis.reports.job.manifest import make_ready, whole
    from lsp_analysis.reports.page.index import write_index
    from lsp_analysis.study.store import open_study

    (folder / "out").mkdir(exist_ok=True)
    make_ready(folder / "out", [])
    found = write_index(folder / "out", open_study(folder / "study"))
    return int(bool(found.sentence()) or any(not whole(r) for r in found.records.values()))


def done_again(act: Callable[[Path], int]) -> Callable[[Path], int]:
    """Of an act that is put on record in several lines: the same again ends it, and all holds."""

    def after(folder: Path) -> int:
        act(folder)
        return verify(folder)

    return after


# The change, the command that comes next, and what may differ between two runs of the change.
CHANGES = {
    "add": (add, again),
    "import": (import_study, again),
    "register": (register, done_again(register)),
    "draw": (draw, done_again(draw)),
    "analyse": (analyse, done_again(analyse)),
    "report": (report, look),
}


def unlike(name: str) -> bool:
    """Files that carry the time of the change, which two runs do not share, and stale locks."""
    return name.endswith((".jsonl", ".html", ".lock", ".draft")) and not name.startswith("out/N1")


def run(change: str, folder: Path, places: int) -> dict[str, object]:
    """Try a fault at some of the calls that write; `odd` left neither the old nor the new.

    `places` calls are tried in each mode (0: every call), spread over all of them; those at which
    the process is killed are others than those that fail.
    """
    make, after = CHANGES[change]
    fresh = folder.parent / f"{folder.name}-{change}"
    told = folder.parent / f"{fresh.name}-calls"

    def tried(place: int, mode: str = "fail") -> tuple[int, tuple[str, int, str]]:
        """Exit status of the change with a fault at `place`, and what the next command finds."""
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(folder, fresh)

        def changed() -> int:
            really_open = builtins.open
            faults = Faults(place, mode)
            faults.install()
            code = make(fresh)
            faults.place = 0
            with really_open(told, "w") as file:
                file.write(str(faults.count))
            return code

        used = told.with_name("modules") if place <= 0 else None
        code = in_fork(changed, used) if place >= 0 else 0
        next_code = in_fork(lambda: after(fresh), used)
        lines = [len(p.read_bytes().splitlines()) for p in sorted(fresh.rglob("manifest.jsonl"))]
        return code, (state_of(fresh, unlike), next_code, json.dumps(lines))

    _, old = tried(-1)
    done, new = tried(0)
    if done:
        return {"calls": 0, "tried": 0, "odd": [f"without a fault it ended with {done}"]}
    calls, odd, number = int(told.read_text()), [], 0
    step = max(1, round(calls / places)) if places else 1
    for mode, first in (("fail", 1), ("kill", 1 + step // 2)):
        for place in range(first, calls + 1, step):
            code, now = tried(place, mode)
            number += 1
            if now not in (old, new) or (code == 0 and now != new):
                told_of = f"{mode} at call {place} of {calls}: exit {code}"
                odd.append(f"{told_of}, then {now[1]}, lines {now[2]}")
    shutil.rmtree(fresh)
    return {"calls": calls, "tried": number, "odd": odd}


def load() -> None:
    """Import what the forks need, once; nothing that starts a thread is run."""
    for module in (
        *("cli", "study.add.adding", "study.check.whole_study", "study.store", "sources.importer"),
        *("experiments.commands", "reports.page.index", "reports.run.finishing"),
        *("reports.job.request", "reports.job.template"),
    ):
        importlib.import_module(f"lsp_analysis.{module}")
    for module in ("filelock", "fastjsonschema", "geopandas", "pyogrio", "pyarrow.parquet"):
        importlib.import_module(module)
    importlib.import_module("jinja2")


if __name__ == "__main__":
    load()
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
