"""The manifest tells what was made, and what need not be made again."""

from dataclasses import replace

import pytest

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.manifest import (
    FAILED,
    MADE,
    ReportRecord,
    append_record,
    check_writable,
    is_up_to_date,
    read_records,
)


@pytest.fixture
def record(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "one.html").write_bytes(b"page")
    return ReportRecord(
        out=tmp_path,
        name="one",
        status=MADE,
        area_code="E1",
        area_name="Hall i’ th’ Wood\u2028<script>\n",
        area_kind="LSOA",
        template="small",
        key="k",
        files={"one/one.html": "fd3b34f8b8fd69dcf5e9f1b6f8f4f7ee3c9a6a8e54b80fb9ebf96b2c0a7d8e3f"},
        run={"seconds": 1.0},
    )


@pytest.fixture
def whole(record):
    import hashlib

    return replace(record, files={"one/one.html": hashlib.sha256(b"page").hexdigest()})


def test_a_record_comes_back_as_it_was_written_on_one_line(record):
    append_record(record)
    assert len((record.out / "manifest.jsonl").read_text().splitlines()) == 1
    assert read_records(record.out) == {"one": record}
    assert read_records(record.out)["one"].run == {"seconds": 1.0}


def test_the_latest_record_of_a_report_counts(record):
    append_record(record)
    append_record(replace(record, status=FAILED, reason="It hung."))
    assert read_records(record.out)["one"].failed


def test_a_line_that_a_crash_cut_short_hides_no_other(record):
    append_record(record)
    path = record.out / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name": "two", "sta\n[]\n\xff\n')
    assert set(read_records(record.out)) == {"one"}


def test_a_line_without_an_end_does_not_swallow_the_next(record):
    append_record(record)
    path = record.out / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name": "tw')
    append_record(replace(record, name="three"))
    assert set(read_records(record.out)) == {"one", "three"}
    assert path.read_bytes().count(b"\n") == 2


def test_a_report_is_up_to_date_while_its_key_and_its_files_are_as_recorded(whole):
    assert is_up_to_date(whole, "k", ["html"])
    assert not is_up_to_date(whole, "another key", ["html"])
    assert not is_up_to_date(whole, "k", ["html", "pdf"])
    assert not is_up_to_date(replace(whole, status=FAILED), "k", ["html"])
    assert not is_up_to_date(None, "k", ["html"])


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_report_whose_files_were_touched_is_not_up_to_date(whole, damage):
    page = whole.out / "one" / "one.html"
    page.write_bytes(b"other") if damage == "changed" else page.unlink()
    assert not is_up_to_date(whole, "k", ["html"])


def test_a_manifest_that_cannot_be_added_to_is_told_before_any_report_is_replaced(tmp_path):
    check_writable(tmp_path / "new")
    (tmp_path / "manifest.jsonl").mkdir()
    with pytest.raises(ReportError, match="no report made now would be on record"):
        check_writable(tmp_path)
