"""The manifest tells what was made, and what need not be made again."""

import json
from dataclasses import replace

import pytest

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.digests import digest_of
from lsp_analysis.reports.job.manifest import (
    FAILED,
    MADE,
    Manifest,
    ReportRecord,
    append_record,
    check_writable,
    is_up_to_date,
    read_manifest,
    read_records,
    settled_manifest,
)

CLAIM = {"name": "anytown", "path": "/nowhere/anytown", "digest": "d"}


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
    append_record(record, CLAIM)
    assert len((record.out / "manifest.jsonl").read_text().splitlines()) == 2  # whose it is
    assert read_records(record.out) == {"one": record}
    assert read_records(record.out)["one"].run == {"seconds": 1.0}


def test_the_latest_record_of_a_report_counts(record):
    append_record(record, CLAIM)
    append_record(replace(record, status=FAILED, reason="It hung."), CLAIM)
    assert read_records(record.out)["one"].failed


def test_a_line_that_a_crash_cut_short_hides_no_other(record):
    append_record(record, CLAIM)
    path = record.out / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name": "two", "sta\n[]\n\xff\n')
    assert set(read_records(record.out)) == {"one"}


def test_a_line_without_an_end_does_not_swallow_the_next(record):
    append_record(record, CLAIM)
    path = record.out / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name": "tw')
    append_record(replace(record, name="three"), CLAIM)
    assert set(read_records(record.out)) == {"one", "three"}
    assert path.read_bytes().count(b"\n") == 3


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
    with pytest.raises(ReportError, match="is there already and is no file"):
        check_writable(tmp_path)


def test_reports_of_two_studies_are_not_mixed_in_one_folder(record, tmp_path):
    append_record(record, CLAIM)
    before = (record.out / "manifest.jsonl").read_bytes()
    other = {"name": "othertown", "path": str(tmp_path), "digest": "e"}
    with pytest.raises(ReportError, match="has the reports of another study, anytown"):
        append_record(record, other)
    assert (record.out / "manifest.jsonl").read_bytes() == before
    append_record(record, {**CLAIM, "path": str(tmp_path)})  # a copy has the same content
    append_record(record, {**other, "name": "anytown"})  # it has moved, and was changed


@pytest.mark.parametrize(
    "change",
    [
        {"area_name": None},
        {"name": "/etc/passwd"},
        {"name": "../one"},
        {"files": {"../one.html": "0" * 64}},
        {"files": {"one/one.html": "x"}},
        {"files": []},
        {"figures": "3"},
        {"status": "finished"},
        {"unknown": 1},
    ],
)
def test_a_record_that_is_not_as_it_should_be_is_passed_over_and_told(record, change):
    append_record(record, CLAIM)
    content = {**json.loads(replace(record, name="two").as_json()), **change}
    del content["seal"]
    line = json.dumps(content | {"seal": digest_of(content)})
    path = record.out / "manifest.jsonl"
    path.write_text(path.read_text() + line + "\n" + "[" * 100_000 + "\n")
    found = read_manifest(record.out)
    assert (set(found.records), found.damaged) == ({"one"}, (3, 4))
    assert "Two lines of manifest.jsonl cannot be read" in found.sentence()


def test_a_line_or_a_page_that_was_altered_is_told(whole):
    record = whole
    append_record(record, CLAIM)
    page = record.out / "one" / "one.html"
    sound, path = page.read_bytes(), record.out / "manifest.jsonl"
    page.write_bytes(sound + b" ")
    said = "One report is not as it was made. Put the files back, or make again: one."
    assert said in settled_manifest(record.out).sentence()
    page.write_bytes(sound)
    assert settled_manifest(record.out) == Manifest({"one": record})
    path.write_bytes(path.read_bytes().replace(b'"area_name": "', b'"area_name": "x'))
    assert settled_manifest(record.out).damaged == (2,)


def test_a_damaged_manifest_is_mended_once_and_told(whole):
    record = whole
    append_record(record, CLAIM)
    path = record.out / "manifest.jsonl"
    damaged = path.read_bytes() + b"{}\n"
    path.write_bytes(damaged)
    assert read_manifest(record.out, mend=True).damaged == (3,)
    assert (record.out / "manifest.damaged.jsonl").read_bytes() == damaged
    assert read_manifest(record.out) == Manifest({"one": record})


def test_pages_that_are_not_on_record_and_records_without_a_page_are_told(record):
    append_record(replace(record, name="gone"), CLAIM)
    found = read_manifest(record.out)
    assert (found.unrecorded, found.gone) == (("one",), ("gone",))
    assert (
        "One report is in the folder and not on record. Make again, or remove: one."
        in found.sentence()
    )
    assert (
        "One report is on record and no longer in the folder. Make again: gone." in found.sentence()
    )
