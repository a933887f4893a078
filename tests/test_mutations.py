"""Whatever is done to a file of ours, it is read or refused in a sentence, and never crashes."""

import copy
import json
import os
import random
import time

import pytest
from report_templates import write_template
from small_experiment import drawn, outcomes_of
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.errors import LspError
from lsp_analysis.experiments.analysis.opening import analysis_of
from lsp_analysis.experiments.protocol.reading import new_experiment, read_design
from lsp_analysis.experiments.protocol.unit_list import read_units
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.verification import verify
from lsp_analysis.reports.job.manifest import MADE, ReportRecord, append_record, read_manifest
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.selection import jobs_of, read_batch_file
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.page.index import render_index
from lsp_analysis.study import add_table, check_study, open_study
from lsp_analysis.study.check.whole_study import render

EDITS = int(os.environ.get("LSP_MUTATIONS", "0"))  # for each file; 0: as many as fit into
SECONDS = 4.0
LONGEST = 30.0  # seconds that reading one small file may take on a busy machine
NASTY = [
    *(None, True, -1, 0, 10**400, 1e308, "", " ", "x", "\0", "/etc/passwd"),
    *("../..", "\ud800", "NaN", "‮abc", "a" * 10_000, [], {}, [[]], {"a": {"b": []}}, "=1+1"),
    *("9" * 5000, "1e999", "2008-13", "0001-01-01", "E01000001\n", '"', ",", "\u2028", "-0", "1_0"),
]


def nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made


def edited_bytes(content, rng):
    """A few bytes changed, taken away, put in, doubled, or the end cut off."""
    made = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(made) + 1)
        size = rng.choice([1, 1, 2, 8, 200])
        part = bytes(rng.randrange(256) for _ in range(min(size, 8)))
        change = rng.randrange(5)
        if change == 0:
            made[at : at + len(part)] = part
        elif change == 1:
            del made[at : at + size]
        elif change == 2:
            made[at:at] = part
        elif change == 3:
            made[at:at] = made[max(0, at - size) : at]
        else:
            del made[at:]
    return bytes(made)


def edited_json(content, rng):
    """One value of a JSON text, or of one of its lines, made something else, moved or removed."""
    lines = content.decode().splitlines() if b"\n{" in content else [content.decode()]
    at = rng.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except ValueError:
        return edited_bytes(content, rng)
    places = list(places_of(value))
    holder, key = rng.choice(places)
    change = rng.randrange(6)
    if change == 0:
        del holder[key]
    elif change == 1:
        holder[key] = nested(rng.choice([5, 100, 5000]))
    elif change == 2:
        other, name = rng.choice(places)
        with_copy = copy.deepcopy(other[name]) if in_it(other, name) else None
        holder[key] = with_copy
    else:
        holder[key] = rng.choice(NASTY)
    try:
        lines[at] = json.dumps(value)
    except RecursionError:
        lines[at] = "[" * 5000 + "]" * 5000
    return ("\n".join(lines) + "\n").encode()


def in_it(holder, key):
    return key in holder if isinstance(holder, dict) else key < len(holder)


def places_of(value):
    waiting = [value]
    while waiting:
        one = waiting.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one)
        for key, inner in list(pairs):
            yield one, key
            if isinstance(inner, dict | list):
                waiting.append(inner)


def edited_cells(content, rng):
    """One or several cells of a CSV text made something else, or a row or column lost."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(rng.randint(1, 3)):
        row = rng.choice(rows)
        at = rng.randrange(len(row)) if row else 0
        change = rng.randrange(5)
        if change == 0 and row:
            del row[at]
        elif change == 1:
            rows.insert(rng.randrange(len(rows)), list(rng.choice(rows)))
        elif change == 2:
            rows = [[cell for k, cell in enumerate(r) if k != at] for r in rows]
        elif row:
            row[at] = str(rng.choice(NASTY))
    return ("\n".join(map(",".join, rows)) + "\n").encode(errors="surrogatepass")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A study, an experiment, a folder of reports, a template and a table of one's own."""
    top = tmp_path_factory.mktemp("mutations")
    write_small_study(top / "study", small_tables())
    drawn(top / "trial")
    outcomes_of(top / "trial")
    new_experiment(top / "draft")
    record = ReportRecord(top / "out", "one", MADE, "E1", "One", "LSOA", "small", key="k")
    claim = {"name": "anytown", "path": str(top / "study"), "digest": "d"}
    for name in ("one", "two", "three"):
        append_record(ReportRecord(**{**vars(record), "name": name}), claim)
    write_template(top)
    rows = [f"{code},2008-{month:02d},{month},1000" for code in LSOAS for month in range(1, 4)]
    text = "\n".join(["code,month,count,population", *rows, ""])
    (top / "table.csv").write_text(text, encoding="utf-8")
    entries = "- areas: [N1]\n  decile: 1\n  parameters: {top: 3}\n- all: yes\n  name: later\n"
    (top / "batch.yaml").write_text(entries, encoding="utf-8")
    return top


def use_study(top):
    render(check_study(top / "study"))
    study = open_study(top / "study")
    assert isinstance(f"{study.title}{study.name}{study.note}{study.attribution}", str)
    study.small_areas()
    study.area("N1")
    for indicator_id in study.indicators()["indicator_id"].dropna():
        study.panel(indicator_id)
    study.geometry()
    for table in ("plan", "deprivation", "populations", "events", "interventions"):
        study.read(table)


def use_reports(top):
    found = read_manifest(top / "out")
    assert isinstance(found.sentence(), str)
    render_index(list(found.records.values()), open_study(top / "study")).encode()


def use_table(top):
    add_table(top / "study", top / "table.csv", indicator_id="fruit", replace=True)


def use_draft(top):
    read_units(top / "draft" / "units.csv", read_design(top / "draft"))


def use_outcomes(top):
    analysis_of(open_experiment(top / "trial"), top / "trial" / "outcomes.csv")


def use_batch(top):
    jobs_of(read_batch_file(top / "batch.yaml"), JobMaker(top / "study", out=top / "out"))


FILES = {
    "study/datapackage.json": (use_study, (edited_bytes, edited_json)),
    "study/geometry.geojson": (use_study, (edited_bytes, edited_json)),
    "study/areas.csv": (use_study, (edited_bytes, edited_cells)),
    "study/indicators.csv": (use_study, (edited_bytes, edited_cells)),
    "study/observations.csv": (use_study, (edited_bytes, edited_cells)),
    "study/deprivation.csv": (use_study, (edited_bytes, edited_cells)),
    "study/plan.csv": (use_study, (edited_bytes, edited_cells)),
    "out/manifest.jsonl": (use_reports, (edited_bytes, edited_json)),
    "trial/register.jsonl": (lambda top: verify(top / "trial"), (edited_bytes, edited_json)),
    "trial/design.toml": (lambda top: verify(top / "trial"), (edited_bytes,)),
    "trial/units.csv": (lambda top: verify(top / "trial"), (edited_bytes, edited_cells)),
    "trial/allocation.csv": (lambda top: verify(top / "trial"), (edited_bytes, edited_cells)),
    "trial/outcomes.csv": (use_outcomes, (edited_bytes, edited_cells)),
    "draft/design.toml": (use_draft, (edited_bytes,)),
    "draft/units.csv": (use_draft, (edited_bytes, edited_cells)),
    "small.ipynb": (lambda top: load_template(top / "small.ipynb"), (edited_bytes, edited_json)),
    "table.csv": (use_table, (edited_bytes, edited_cells)),
    "batch.yaml": (use_batch, (edited_bytes,)),
}


def told(use, top):
    """The sentence by which a file is refused; any other error than ours is a defect."""
    try:
        use(top)
    except LspError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_an_edited_file_is_read_or_refused_in_a_sentence(world, name):
    use, edits = FILES[name]
    file = world / name
    study = {path: path.read_bytes() for path in (world / "study").iterdir()}
    sound, rng, refused = file.read_bytes(), random.Random(name), 0
    try:
        until = time.monotonic() + SECONDS
        for place in range(EDITS or 10_000):
            if not EDITS and time.monotonic() > until:
                break
            file.write_bytes(rng.choice(edits)(sound, rng))
            began = time.monotonic()
            said = told(use, world)
            refused += bool(said)
            assert time.monotonic() - began < LONGEST, place
            if use is use_table:
                for path, content in study.items():
                    path.write_bytes(content)
    finally:
        file.write_bytes(sound)
        for path, content in study.items():
            path.write_bytes(content)
    assert refused or name == "out/manifest.jsonl" or name.startswith("trial")
