"""Whatever is done to a file of ours, it is read or refused in a sentence, and never crashes.

Nor is all said to be well where what the file held is lost.
"""

import copy
import functools
import io
import json
import os
import random
import time
import zipfile

import pytest
from small_study import small_tables
from small_world import make_world

from lsp_analysis.disclosure.audit import audit_folder
from lsp_analysis.errors import LspError
from lsp_analysis.experiments.analysis.opening import analysis_of
from lsp_analysis.experiments.papers import result as result_paper
from lsp_analysis.experiments.protocol.reading import read_design
from lsp_analysis.experiments.protocol.unit_list import read_units
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.verification import verify
from lsp_analysis.reports.job.manifest import settled_manifest
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.selection import jobs_of, read_batch_file
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.page.index import render_index
from lsp_analysis.study import add_table, check_study, open_study
from lsp_analysis.study.check.whole_study import render
from lsp_analysis.study.schema import TABLES

FEW, MANY = 1, int(os.environ.get("LSP_MUTATIONS", "6"))  # edits of each file
LONGEST = 30.0  # seconds of a processor that reading one small file may take
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
    if not places:
        return edited_bytes(content, rng)
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


def edited_parts(content, rng):
    """A few bytes of one part of a workbook changed, and all packed again."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    name = rng.choice(sorted(parts))
    parts[name] = edited_bytes(parts[name], rng)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as book:
        for name, part in parts.items():
            book.writestr(name, part)
    return made.getvalue()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("mutations"))


def everything_in(study):
    """All that a study says and holds, as text."""
    said = [study.code_vintage, study.small_area_type]
    tables = {name: study.read(name) for name in TABLES if study.has(name)}
    shapes = study.geometry().to_wkt().to_csv() if study.has("geometry") else ""
    return f"{said}{shapes}" + "".join(f"{name}\n{t.to_csv()}" for name, t in tables.items())


def use_study(top, name="study"):
    problems = check_study(top / name)
    render(problems)
    study = open_study(top / name)
    assert isinstance(f"{study.title}{study.name}{study.note}{study.attribution}", str)
    study.small_areas()
    study.area("N1")
    for indicator_id in study.indicators()["indicator_id"].dropna():
        study.panel(indicator_id)
    study.geometry()
    for table in ("plan", "deprivation", "populations", "events", "interventions"):
        study.read(table)
    return "" if problems else everything_in(study)


def use_packed(top):
    return use_study(top, "packed")


def use_public(top):
    audit_folder(top / "public")
    return "safe to publish"


HEADS = {}


def use_trial(top):
    found = verify(top / "trial", head=HEADS.setdefault(top, open_experiment(top / "trial").head))
    return str(found.sentence()) if found.holds else ""


def use_reports(top):
    found = settled_manifest(top / "out")
    said = found.sentence()
    render_index(list(found.records.values()), open_study(top / "study")).encode()
    return "" if said else "".join(one.as_json() for one in found.records.values())


def use_table(top):
    add_table(top / "study", top / "table.csv", indicator_id="fruit", replace=True)


def use_workbook(top):
    add_table(top / "study", top / "table.xlsx", indicator_id="fruit", replace=True)


def use_draft(top):
    read_units(top / "draft" / "units.csv", read_design(top / "draft"))


def use_outcomes(top):
    analysis_of(open_experiment(top / "trial"), top / "draft" / "outcomes.csv")


def use_batch(top):
    jobs_of(read_batch_file(top / "batch.yaml"), JobMaker(top / "study", out=top / "out"))


CELLS, TREE = (edited_bytes, edited_cells), (edited_bytes, edited_json)
FILES = {
    "study/datapackage.json": (use_study, TREE),
    "study/geometry.geojson": (use_study, TREE),
    **dict.fromkeys([f"study/{name}.csv" for name in small_tables()], (use_study, CELLS)),
    "packed/datapackage.json": (use_packed, TREE),
    "packed/observations.parquet": (use_packed, (edited_bytes,)),
    "packed/geometry.parquet": (use_packed, (edited_bytes,)),
    "out/manifest.jsonl": (use_reports, TREE),
    "out/two/two.html": (use_reports, (edited_bytes,)),
    "public/manifest.jsonl": (use_public, TREE),
    "public/one/one.html": (use_public, (edited_bytes,)),
    "public/_release/release.json": (use_public, TREE),
    "public/_release/effects.json": (use_public, TREE),
    "public/_release/datapackage.json": (use_public, TREE),
    "public/_release/observations.csv": (use_public, CELLS),
    "trial/register.jsonl": (use_trial, TREE),
    "trial/design.toml": (use_trial, (edited_bytes,)),
    **dict.fromkeys([f"trial/{n}.csv" for n in ("units", "allocation")], (use_trial, CELLS)),
    "trial/outcomes.csv": (use_trial, CELLS),
    **dict.fromkeys([f"trial/{name}" for name in result_paper.FILES], (use_trial, (edited_bytes,))),
    "draft/outcomes.csv": (use_outcomes, CELLS),
    "draft/design.toml": (use_draft, (edited_bytes,)),
    "draft/units.csv": (use_draft, CELLS),
    "small.ipynb": (lambda top: load_template(top / "small.ipynb"), TREE),
    "table.csv": (use_table, CELLS),
    "table.xlsx": (use_workbook, (edited_bytes, edited_parts)),
    "batch.yaml": (use_batch, (edited_bytes,)),
}
VOUCHED = ("study/", "packed/", "out/", "public/", "trial/")  # whose files are on record
FREE = ("datapackage.json", "manifest.jsonl")  # where blanks may be written otherwise


@functools.cache
def of_sound(use, top):
    """What is said to be well of files as they are, which every test leaves as they were."""
    return use(top)


def told(use, top):
    """The sentence by which a file is refused, and what is said to be well else."""
    try:
        return "", use(top)
    except LspError as error:  # any other is a defect
        return str(error), ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("edited", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FILES)
def test_an_edited_file_is_read_or_refused_in_a_sentence(world, name, edited):
    use, edits = FILES[name]
    file = world / name
    study = {path: path.read_bytes() for path in (world / "study").iterdir()}
    sound, rng, refused = file.read_bytes(), random.Random(f"{name} {edited}"), 0
    well = of_sound(use, world)
    assert well or not name.startswith(VOUCHED)
    try:
        for place in range(edited):
            content = rng.choice(edits)(sound, rng)
            file.write_bytes(content)
            began = time.process_time()
            said, holds = told(use, world)
            refused += bool(said) or not holds
            assert time.process_time() - began < LONGEST, place
            if name.startswith(VOUCHED) and content != sound and holds:
                assert name.endswith(FREE), place
                assert holds == well, place
            if use in (use_table, use_workbook):
                for path, content in study.items():
                    path.write_bytes(content)
    finally:
        file.write_bytes(sound)
        for path, content in study.items():
            path.write_bytes(content)
    assert refused or edited == FEW
