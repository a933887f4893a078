"""The same reports from a Dask cluster, through lost workers."""

import shutil
import sys
import threading
import time
from dataclasses import replace

import pytest
from report_templates import CELLS, write_template
from small_study import LSOAS, write_small_study
from test_around import growth

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.request import JobMaker
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.run import cluster
from lsp_analysis.reports.run.runner import Workers, run_reports
from lsp_analysis.study import write

distributed = pytest.importorskip("distributed", reason="needs Dask")

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("cluster") / "study")


def at(address, folder, areas, tmp_path):
    """A batch of plain reports from the scheduler at an address."""
    return run_reports(
        folder,
        [Entry(areas, template=write_template(tmp_path))],
        out=tmp_path / "out",
        workers=Workers(scheduler=address),
    )


def pages(out):
    return {p.relative_to(out): p.read_bytes() for p in out.rglob("*.html")}


@pytest.mark.slow
def test_a_cluster_makes_the_same_pages_and_tells_the_same_failures(folder, tmp_path):
    fails = 'assert place.code != "E01000002", "not this one"'
    template = write_template(tmp_path, [*CELLS, fails])
    asked = [Entry(every_area=True, template=template)]
    here = run_reports(folder, asked, out=tmp_path / "here", workers=Workers(2))
    there = run_reports(
        folder, asked, out=tmp_path / "there", workers=Workers(2, scheduler="local")
    )
    assert pages(here.out) == pages(there.out)
    assert [r.reason for r in here.failed] == [r.reason for r in there.failed] != []


@pytest.mark.slow
def test_a_worker_that_is_lost_costs_no_report(folder, tmp_path):
    flag = tmp_path / "flag"
    kill_the_worker = (
        f"import os, pathlib, psutil\nif not (f := pathlib.Path({str(flag)!r})).exists():\n"
        "    f.touch()\n    psutil.Process().parent().parent().kill()"
    )
    template = write_template(tmp_path, [*CELLS, kill_the_worker])
    batch = run_reports(
        folder,
        [Entry(LSOAS, template=template)],
        out=tmp_path / "out",
        workers=Workers(2, scheduler="local"),
    )
    assert flag.exists()
    assert batch.failed == []
    assert len(batch.records) == 4


@pytest.mark.slow
def test_two_workers_make_the_pages_of_a_study_in_parts(tmp_path, monkeypatch):
    maker = growth()
    monkeypatch.setattr(write, "PARQUET_FROM_ROWS", 1_000)
    folder = maker.make(tmp_path, 3 * maker.BOROUGH, 2, 48)
    assert len(list((folder / "observations").glob("*.parquet"))) == 3
    areas = [code for borough in range(3) for code in maker.codes_of(borough, 2)]
    asked = [Entry(areas, template=write_template(tmp_path))]
    here = run_reports(folder, asked, out=tmp_path / "here")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as two:
        assert two.scheduler_address.startswith("tcp://127.0.0.1:")
        workers = Workers(scheduler=two.scheduler_address)
        there = run_reports(folder, asked, out=tmp_path / "there", workers=workers)
    assert here.failed == there.failed == []
    assert len(here.records) == 6
    assert pages(here.out) == pages(there.out)


def test_a_scheduler_that_does_not_answer_is_told(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("lsp_analysis.reports.run.cluster.CONNECTING", "1s")
    with pytest.raises(ReportError, match="No Dask scheduler answers at"):
        at("tcp://127.0.0.1:9", folder, LSOAS[:1], tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_scheduler_without_workers_is_not_waited_for_all_night(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("lsp_analysis.reports.run.cluster.ASK", 0.2)
    monkeypatch.setattr("lsp_analysis.reports.run.cluster.LONELY", 1.5)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        batch = at(cluster.scheduler_address, folder, LSOAS[:2], tmp_path)
    assert len(batch.failed) == 2
    assert all("No Dask worker was at" in record.reason for record in batch.failed)
    assert batch.index.is_file()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_said_to_be(folder, tmp_path):
    hang = f"open({str(tmp_path / 'begun')!r}, 'w').close()\nimport time; time.sleep(60)"
    template = write_template(tmp_path, [*CELLS, hang])
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)

    def lose_it():
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        cluster.close()

    losing = threading.Thread(target=lose_it)
    losing.start()
    batch = run_reports(
        folder,
        [Entry(LSOAS[:2], template=template)],
        out=tmp_path / "out",
        workers=Workers(scheduler=cluster.scheduler_address),
    )
    losing.join()
    assert [record.reason for record in batch.failed] == [
        "The Dask scheduler was lost, or took the report back before it was made."
    ] * 2


def test_a_machine_without_dask_is_told_how_to_get_it(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReportError, match="pip install"):
        run_reports(
            folder,
            [Entry(LSOAS[:1], template=write_template(tmp_path))],
            out=tmp_path / "out",
            workers=Workers(scheduler="local"),
        )


@pytest.mark.slow
def test_workers_of_a_scheduler_elsewhere_send_the_pages_back(folder, tmp_path):
    template = write_template(tmp_path)
    asked = [Entry(LSOAS[:2], template=template)]
    here = run_reports(folder, asked, out=tmp_path / "here")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as two:
        there = run_reports(
            folder,
            asked,
            out=tmp_path / "there",
            workers=Workers(scheduler=two.scheduler_address),
        )
    assert [record.status for record in there.records] == ["made", "made"]
    assert pages(there.out) == pages(here.out)
    assert there.differences == ""


@pytest.mark.slow
def test_a_worker_with_other_versions_or_without_the_study_makes_nothing(folder, tmp_path):
    job = JobMaker(folder, out=tmp_path / "out").make(
        LSOAS[0], load_template(write_template(tmp_path))
    )
    other = replace(job, made_with={**job.made_with, "pandas": "1.0"})
    reason, *_ = cluster.make_on_worker(other)
    assert "has pandas" in reason
    assert "for 1.0" in reason
    gone = replace(job, study=str(tmp_path / "gone"))
    reason, *_ = cluster.make_on_worker(gone)
    assert f"has no study at {tmp_path / 'gone' / 'datapackage.json'}" in reason
    assert not (tmp_path / "out").exists()


def test_a_study_that_was_changed_before_it_was_read_and_then_restored_is_noticed(folder, tmp_path):
    study = shutil.copytree(folder, tmp_path / "study")
    change = [
        "from pathlib import Path",
        'path = Path(study) / "areas.csv"',
        "sound = path.read_bytes()",
        'path.write_bytes(sound.replace(b"Anytown", b"Wrongtn"))',
        "open_study(Path(study)).areas()",
        "path.write_bytes(sound)",
    ]
    template = write_template(tmp_path, [CELLS[0], "\n".join(change), *CELLS[1:]])
    asked = [Entry(LSOAS[:1], template=template)]
    batch = run_reports(study, asked, out=tmp_path / "out", workers=Workers(engine="kernel"))
    assert "The study was changed (areas.csv) before it was read" in batch.failed[0].reason
