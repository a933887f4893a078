"""A batch: every report made or its failure told, nothing made twice, ended politely."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from report_templates import CELLS, write_template
from small_study import LSOAS, small_tables, write_small_study

from lsp_analysis.errors import AreaError, ParameterError, ReportError, StudyError
from lsp_analysis.reports.job.manifest import read_records
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import Workers, run_reports

SOME_FAIL = 'assert place.code != "E01000002", "not this one"'

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("batch") / "study")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return write_template(tmp_path_factory.mktemp("batch"), [*CELLS, SOME_FAIL])


@pytest.fixture(scope="module")
def first(folder, template, tmp_path_factory):
    """A first run over all areas, with the lines it told."""
    told = []
    batch = run_reports(
        folder,
        [Entry("Hall i' th' Wood", every_area=True, template=template)],
        out=tmp_path_factory.mktemp("batch") / "out",
        progress=told.append,
        workers=Workers(2),
    )
    return batch, told


def test_one_failure_stops_no_other_report(first):
    batch, _ = first
    assert len(batch.records) == 5
    [failed] = batch.failed
    assert failed.area_code == "E01000002"
    assert failed.reason.endswith("failed with AssertionError: not this one.")
    assert all(record.page.is_file() for record in batch.records if not record.failed)


def test_the_folder_holds_reports_index_manifest_and_logs_and_nothing_else(first):
    batch, _ = first
    names = {path.name for path in batch.out.iterdir()}
    reports = {record.name for record in batch.records if not record.failed}
    assert names == {*reports, "index.html", "manifest.jsonl", "logs"}
    assert {path.stem for path in (batch.out / "logs").iterdir()} == {
        record.name for record in batch.records
    }


def test_pages_and_index_are_marked_alike(first):
    batch, _ = first
    pages = [record.page for record in batch.records if not record.failed]
    for page in [*pages, batch.out / "index.html"]:
        assert "internal: not for publication" in page.read_text(encoding="utf-8")


def test_the_log_of_a_report_has_what_its_page_has_not(first):
    batch, _ = first
    log = (batch.out / "logs" / f"{batch.failed[0].name}.log").read_text()
    for said in ("nobody should read this", "nor this", "AssertionError", "could not be made"):
        assert said in log


def test_progress_is_told_line_by_line(first):
    _, told = first
    assert len(told) == 5
    assert told[-1].startswith("5 of 5, 1 failed: ")
    assert "left" in told[0]


def test_the_run_is_summed_up_in_sentences(first):
    batch, _ = first
    lines = batch.sentence().splitlines()
    assert lines[0].startswith("Four reports made in ")
    assert "1 failed" in lines[0]
    assert lines[1].startswith("Anytown 001B: The cell that begins")


def test_resuming_makes_only_what_failed_or_is_no_longer_whole(folder, template, first):
    batch, _ = first
    kept = next(record for record in batch.records if record.area_code == "N1")
    damaged = next(record for record in batch.records if record.area_code == "E01000003")
    damaged.page.write_text("damaged")
    before = kept.page.stat().st_mtime_ns
    asked = [Entry("N1", every_area=True, template=template)]
    again = run_reports(folder, asked, out=batch.out, resume=True)
    assert {r.area_code: r.status for r in again.records} == {
        "N1": "kept",
        "E01000001": "kept",
        "E01000002": "failed",
        "E01000003": "made",
        "E01000004": "kept",
    }
    assert kept.page.stat().st_mtime_ns == before
    assert damaged.page.read_text().startswith("<!DOCTYPE html>")
    assert "3 already up to date" in again.sentence()


def test_a_changed_parameter_or_study_makes_reports_anew(folder, template, first, tmp_path):
    batch, _ = first
    asked = [Entry("N1", template=template, parameters={"top": "1"})]
    changed = run_reports(folder, asked, out=batch.out, resume=True)
    assert [record.status for record in changed.records] == ["made"]
    tables = small_tables()
    tables["plan"].loc[0, "target"] = 1.0
    study, out = write_small_study(tmp_path / "study"), tmp_path / "out"
    run_reports(study, [Entry("N1", template=template)], out=out)
    write_small_study(study, tables)
    anew = run_reports(study, [Entry("N1", template=template)], out=out, resume=True)
    assert [record.status for record in anew.records] == ["made"]


def test_a_page_of_another_study_is_not_overwritten(folder, template, first, tmp_path):
    batch, _ = first
    page = batch.records[0].page.read_bytes()
    other = write_small_study(tmp_path / "other")
    tables = small_tables()
    tables["areas"]["area_name"] = "Wrongton"
    write_small_study(other, tables)
    with pytest.raises(ReportError, match="has the reports of another study"):
        run_reports(other, [Entry("N1", template=template)], out=batch.out)
    assert batch.records[0].page.read_bytes() == page


def test_two_runs_give_the_same_bytes(folder, template, tmp_path):
    content = []
    for name in ("one", "two"):
        out = tmp_path / name
        asked = [Entry(["N1", *LSOAS[2:]], template=template)]
        run_reports(folder, asked, out=out, workers=Workers(3))
        content.append(
            {
                path.relative_to(out).as_posix(): path.read_bytes()
                for path in out.rglob("*")
                if path.suffix in (".html", ".ipynb", ".csv")
            }
        )
    assert content[0] == content[1]
    assert len(content[0]) == 3 * 3 + 1


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"areas": ["N1", "Hall ith Wod"]}, AreaError, "Did you mean"),
        ({"areas": []}, ParameterError, "No areas"),
        ({"areas": ["N1"], "parameters": {"tpo": "1"}}, ParameterError, "Did you mean"),
        ({"areas": ["N1"], "formats": ["doc"]}, ParameterError, "no format"),
    ],
)
def test_a_request_that_cannot_be_answered_starts_nothing(
    folder, template, tmp_path, asked, kind, said
):
    with pytest.raises(kind, match=said):
        run_reports(folder, [Entry(template=template, **asked)], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "said"), [({"number": -1}, "number of workers"), ({"shard": "3/2"}, "shard")]
)
def test_workers_there_cannot_be_start_nothing(folder, template, tmp_path, asked, said):
    with pytest.raises(ParameterError, match=said):
        run_reports(
            folder,
            [Entry("N1", template=template)],
            out=tmp_path / "out",
            workers=Workers(**asked),
        )
    assert not (tmp_path / "out").exists()


def test_a_batch_is_for_whom_all_its_templates_are(tmp_path, monkeypatch):
    asked = []

    def study_for(audience, *more):
        asked.append(audience)
        raise StudyError("asked for")

    monkeypatch.setattr("lsp_analysis.reports.run.runner.study_for", study_for)
    public, internal = Entry(every_area=True, template="report_public"), Entry("E01004803")
    for entries in ([public], [internal]):
        with pytest.raises(StudyError):
            run_reports("bolton_demo", entries, out=tmp_path)
    assert asked == ["public", ""]
    with pytest.raises(ParameterError, match="for different audiences"):
        run_reports("bolton_demo", [public, internal], out=tmp_path)


SLOW = "import time\ntime.sleep(0 if place.code == 'E01000001' else 900)"
RUN = """
    import sys
    from lsp_analysis.reports.job.selection import Entry
    from lsp_analysis.reports.run.runner import Workers, run_reports
    study, template, out = sys.argv[1:]
    try:
        run_reports(study, [Entry(every_area=True, template=template)], out=out,
                    workers=Workers(2), progress=lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def start(folder, template, out):
    script = [sys.executable, "-c", textwrap.dedent(RUN), str(folder), str(template), str(out)]
    return subprocess.Popen(script, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGINT,
        *(pytest.param(how, marks=pytest.mark.slow) for how in (signal.SIGTERM, signal.SIGKILL)),
    ],
)
def test_an_interrupted_run_keeps_what_is_done_and_leaves_nothing_half_written(
    folder, tmp_path, how
):
    template = write_template(tmp_path, [*CELLS, SLOW])
    out = tmp_path / "out"
    run = start(folder, template, out)
    assert run.stdout.readline().startswith("1 of 4")
    os.kill(run.pid, how)  # the next reports would take a quarter of an hour
    assert run.wait() == (-9 if how == signal.SIGKILL else 130)
    assert {name for name, r in read_records(out).items() if not r.failed} == {
        "anytown-001a--small"
    }
    assert (out / "anytown-001a--small" / "anytown-001a--small.html").is_file()
    assert not list(out.glob("anytown-001[bcd]*"))
    assert (out / "index.html").is_file() == (how != signal.SIGKILL)
    assert not (out / ".lsp").exists()


@pytest.mark.slow
def test_two_runs_on_one_folder_at_once_both_end_well(folder, tmp_path):
    template, out = write_template(tmp_path), tmp_path / "out"
    runs = [start(folder, template, out) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    lines = (out / "manifest.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 9  # the first says whose they are
    for record in read_records(out).values():
        assert record.page.read_text().endswith("</html>\n")
    assert not (out / ".lsp").exists()


def test_shards_on_one_folder_make_one_index(folder, tmp_path):
    template, out = write_template(tmp_path), tmp_path / "out"
    for shard in ("1/2", "2/2"):
        asked = [Entry(every_area=True, template=template)]
        run_reports(folder, asked, out=out, workers=Workers(shard=shard))
    assert (out / "index.html").read_text().count('<tr role="row" class="where') == 4
