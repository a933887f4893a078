"""A disk that fills up costs the reports that do not fit, and nothing that was there."""

import os
import shutil
import subprocess
import sys

import pytest
from report_templates import write_template
from small_study import write_small_study

from lsp_analysis.cli import main
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.manifest import read_records
from lsp_analysis.reports.job.selection import Entry
from lsp_analysis.reports.run.runner import run_reports

pytestmark = pytest.mark.usefixtures("kept_parent")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 256 kB of its own; needs the right to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let a small disk be mounted")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def read_only(small_disk):
    """The small disk, read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return small_disk


def test_what_does_not_fit_is_told_and_what_was_there_stays(tmp_path, small_disk):
    study = write_small_study(tmp_path / "study")
    template = write_template(tmp_path)
    out = small_disk / "out"
    before = run_reports(study, [Entry("N1", template=template)], out=out)
    page = before.records[0].page.read_bytes()
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 30_000))
    batch = run_reports(study, [Entry(["N1", "E01000002"], template=template)], out=out)
    assert len(batch.failed) == 2
    for record in batch.failed:
        assert "No space left on device" in record.reason
    assert before.records[0].page.read_bytes() == page
    assert not list(out.glob("anytown*"))
    assert not (out / ".lsp").exists()
    assert set(read_records(out)) <= {"hall-i-th-wood--small", "anytown-001b--small"}


def test_where_not_even_the_index_fits_each_failure_is_still_told(tmp_path, small_disk, capsys):
    study, template = write_small_study(tmp_path / "study"), write_template(tmp_path)
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 8_000))
    words = ["--areas", "N1", "E01000002", "--template", str(template)]
    assert main(["reports", str(study), *words, "--out", str(small_disk / "out")]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert "2 failed" in printed[0]
    assert "The index of reports could not be written" in printed[0]
    assert len([line for line in printed[1:] if "No space left on device" in line]) == 2


def test_a_disk_without_any_room_is_told_before_any_work(tmp_path, small_disk):
    study = write_small_study(tmp_path / "study")
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(ReportError, match="No space left"):
        run_reports(study, [Entry("N1", template=write_template(tmp_path))], out=small_disk / "out")
    assert not (small_disk / "out").exists()


def test_a_read_only_disk_is_told_before_any_work(tmp_path, read_only):
    study = write_small_study(tmp_path / "study")
    with pytest.raises(ReportError, match="cannot be written"):
        run_reports(study, [Entry("N1", template=write_template(tmp_path))], out=read_only / "out")
