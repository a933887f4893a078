"""One report, end to end: the same from both engines, and a sentence for every fault."""

import json
import re

import nbformat
import pytest
from report_templates import CELLS, write_template
from small_study import write_small_study

from lsp_analysis.errors import AreaError, ParameterError, ReportError, StudyError
from lsp_analysis.reports.fork.forked import make_forked
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import run_report

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("runner") / "study")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return write_template(tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="module")
def reports(folder, template, tmp_path_factory):
    """The same report from each engine."""
    out = tmp_path_factory.mktemp("runner")
    return {
        engine: run_report(
            folder,
            Entry("Hall i' th' Wood", template=template, parameters={"top": "1"}),
            out=out / engine,
            engine=engine,
        )
        for engine in ("", "kernel")
    }


def files_of(record):
    return {
        path.relative_to(record.out).as_posix(): path.read_bytes()
        for path in (record.out / record.name).rglob("*")
        if path.is_file()
    }


def test_both_engines_give_the_same_bytes(reports):
    ours, reference = (files_of(reports[engine]) for engine in ("", "kernel"))
    assert set(ours) == set(reference)
    for name in ours:
        if name.endswith(".ipynb"):
            assert json.loads(ours[name]) == json.loads(reference[name])
        assert ours[name] == reference[name], name


def test_a_record_says_what_was_made_and_where(reports):
    record = reports[""]
    assert record.page.is_file()
    assert record.notebook.is_file()
    assert [name for name in record.files if name.endswith(".csv")] == [
        f"{record.name}/tables/figure-01.csv"
    ]
    assert (record.figures, record.tables, record.sentences) == (1, 1, 3)
    assert record.headline == "Hall i’ th’ Wood has 1 small areas."
    assert set(record.files) == set(files_of(record))


def test_the_page_asks_no_host_and_shows_no_code_and_no_warnings(reports):
    page = reports[""].page.read_text(encoding="utf-8")
    bare = re.sub(r'href="https?://[^"]*"', "", page)
    assert not re.search(r"https?:|<script|<link(?![^>]*data:)|@import|url\(", bare)
    for hidden in ("nobody should read this", "open_study(", "UserWarning"):
        assert hidden not in page
    assert "<pre>nor this</pre>" in page  # what a cell prints is for readers
    assert "=1+1" in page


def test_the_numbers_of_a_figure_are_safe_to_open(reports):
    [table] = reports[""].page.parent.glob("tables/*.csv")
    assert table.read_bytes().decode("utf-8-sig") == (
        "area,value,internal: not for publication\nHall i’ th’ Wood,-1.5,\n'=1+1,2,\n"
    )


def test_parameters_reach_the_notebook_as_data(folder, template, tmp_path):
    hostile = "\"); import os; os._exit(0) #'\n\\"
    entry = Entry("N1", template=template, parameters={"indicator": hostile})
    record = run_report(folder, entry, out=tmp_path)
    cells = nbformat.read(record.notebook, as_version=4).cells
    injected = next(c for c in cells if "injected-parameters" in c.metadata.get("tags", []))
    values = {}
    exec(injected.source, values)
    assert values["indicator"] == hostile
    assert values["area"] == "N1"


REFUSED = [
    (AreaError, {"areas": "Hall ith Wod"}, "Did you mean"),
    (ParameterError, {"parameters": {"tpo": 1}}, "Did you mean"),
    (ParameterError, {"parameters": {"top": "many"}}, "whole number"),
    (ParameterError, {"formats": ["doc"]}, "no format"),
    (ParameterError, {"engine": "frok"}, "Did you mean"),
    (ReportError, {"template": "report_aera"}, "Did you mean"),
    (ParameterError, {"areas": ["N1", "E01000001"]}, "asks for 2 reports"),
    (StudyError, {"study": "nowhere/at/all"}, "no study folder"),
    (ReportError, {"out": "/proc/lsp"}, "cannot be written"),
]


@pytest.mark.parametrize(("kind", "request_", "said"), REFUSED, ids=lambda x: str(x)[:40])
def test_a_request_that_cannot_be_answered_starts_nothing(
    folder, template, tmp_path, monkeypatch, kind, request_, said
):
    monkeypatch.setattr(
        "lsp_analysis.reports.run.runner.make_reports", lambda *_: pytest.fail("it was started")
    )
    asked = {"areas": "N1", "template": template} | request_
    run = {"study": folder, "out": tmp_path / "out", "engine": ""}
    run |= {name: asked.pop(name) for name in run.keys() & asked.keys()}
    with pytest.raises(kind, match=said) as raised:
        run_report(entry=Entry(**asked), **run)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("engine", ["", "kernel"])
def test_a_fault_is_one_sentence_and_leaves_the_old_report(folder, tmp_path, engine):
    good = write_template(tmp_path)
    before = files_of(run_report(folder, Entry("N1", template=good), out=tmp_path / "out"))
    broken = write_template(tmp_path, [*CELLS, "1/0"])
    with pytest.raises(ReportError) as raised:
        run_report(folder, Entry("N1", template=broken), out=tmp_path / "out", engine=engine)
    assert str(raised.value) == (
        "The report on Hall i’ th’ Wood could not be made. "
        'The cell that begins "1/0" failed with ZeroDivisionError: division by zero.'
    )
    after = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(after) == len(before) + 1  # and the manifest
    for name, content in before.items():
        assert (tmp_path / "out" / name).read_bytes() == content


@pytest.mark.slow
def test_a_report_is_made_without_a_home(folder, template, tmp_path, monkeypatch):
    monkeypatch.setattr("lsp_analysis.reports.run.runner.make_forked", make_forked)
    monkeypatch.setenv("HOME", "/nonexistent")
    for engine in ("", "kernel"):
        entry = Entry("N1", template=template)
        assert run_report(folder, entry, out=tmp_path, engine=engine).page
