"""The index leads to every report, tells every failure, and reads without its script."""

import re
import threading
import time
from dataclasses import replace
from urllib.parse import unquote

import pytest
from small_study import LSOAS, write_small_study
from test_page import NAME, Tags

from lsp_analysis import durable, open_study
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.manifest import FAILED, MADE, ReportRecord, append_record
from lsp_analysis.reports.page.index import borough_outline, render_index, write_index


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return open_study(write_small_study(tmp_path_factory.mktemp("index") / "study"))


CLAIM = {"name": "anytown", "path": "/nowhere/anytown", "digest": "d"}


def put_page(record):
    page = record.out / record.name / f"{record.name}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(b"page")


@pytest.fixture
def made(tmp_path):
    return ReportRecord(
        out=tmp_path,
        name="hall",
        status=MADE,
        area_code=LSOAS[0],
        area_name="Hall i’ th’ Wood",
        area_kind="LSOA",
        template="report_area",
        members=[LSOAS[0]],
        headline="Burglary fell by 5%.",
        files={"hall/hall.html": "0" * 64, "hall/hall.ipynb": "0" * 64},
    )


@pytest.fixture
def failed(made):
    return replace(
        made,
        name="other",
        status=FAILED,
        area_code=LSOAS[1],
        area_name="Other",
        members=[LSOAS[1]],
        reason="It hung.",
        files={},
    )


def test_it_leads_to_each_report_with_its_headline(study, made):
    page = render_index([made], study, None)
    links = [attrs["href"] for attrs in Tags(page).of("a")]
    assert "hall/hall.html" in links
    assert "hall/hall.ipynb" in links
    assert "Burglary fell by 5%." in page
    assert "1 report." in page


def test_it_tells_each_failure_with_its_reason(study, made, failed):
    page = render_index([made, failed], study, None)
    assert "1 that could not be made" in page
    assert "It hung." in page
    assert "earlier run" not in page
    earlier = made.out / "other" / "other.html"
    earlier.parent.mkdir()
    earlier.write_text("old")
    assert 'href="other/other.html"' in render_index([made, failed], study, None)


def test_the_map_marks_what_was_made_and_what_failed(study, made, failed):
    outline = borough_outline(study)
    assert set(outline.paths) == set(LSOAS)
    page = render_index([made, failed], study, outline)
    assert len(re.findall(r'<path class="made"', page)) == 1
    assert len(re.findall(r'<path class="failed"', page)) == 1
    assert len(re.findall(r'<path class="none"', page)) == 2


def test_a_study_without_boundaries_has_an_index_without_a_map(study, made, tmp_path):
    from small_study import small_tables

    folder = write_small_study(tmp_path / "study", small_tables())
    (folder / "geometry.geojson").write_text("{")
    assert borough_outline(open_study(folder)) is None
    assert "<svg" not in render_index([made], study, None)


def test_hostile_names_are_text_and_their_links_work(study, made):
    page = render_index([replace(made, area_name=NAME, headline=NAME)], study, None)
    assert page.count("<script") == 1
    assert "alert('Hall')" not in page


def test_only_its_own_script_may_run(study, made):
    page = render_index([made], study, None)
    policy = next(m["content"] for m in Tags(page).of("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+';", policy)
    assert not re.search(r"(src|href)=\"https?:", page.replace("xmlns", ""))


def test_it_is_made_from_the_manifest_and_the_same_each_time(study, made, failed):
    append_record(made, CLAIM)
    append_record(replace(failed, area_name="An area"), CLAIM)
    put_page(made)
    write_index(made.out, study, None)
    first = (made.out / "index.html").read_bytes()
    write_index(made.out, study, None)
    assert (made.out / "index.html").read_bytes() == first
    page = first.decode()
    assert page.index("Hall i’ th’ Wood") < page.index("An area")  # failures come after
    assert unquote("hall/hall.html") in page


def test_reports_on_one_area_come_in_one_order_however_they_were_made(study, made, tmp_path):
    both = [replace(made, name=name, template=name) for name in ("hall--one", "hall--two")]
    pages = []
    for place, records in enumerate([both, both[::-1]]):
        for record in records:
            append_record(replace(record, out=tmp_path / str(place)), CLAIM)
        write_index(tmp_path / str(place), study, None)
        pages.append((tmp_path / str(place) / "index.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_run_that_waits_for_another_indexes_what_that_one_made(study, made):
    append_record(made, CLAIM)
    with durable.locked(made.out, "index.html"):
        waiting = threading.Thread(target=write_index, args=(made.out, study, None))
        waiting.start()
        time.sleep(0.5)
        append_record(replace(made, name="late", area_name="Late"), CLAIM)
    waiting.join()
    assert ">Late<" in (made.out / "index.html").read_text(encoding="utf-8")


def test_what_is_in_the_folder_and_what_is_on_record_are_both_listed(study, made):
    append_record(made, CLAIM)
    put_page(replace(made, name="lost"))
    found = write_index(made.out, study, None)
    page = (made.out / "index.html").read_text(encoding="utf-8")
    assert (found.unrecorded, found.gone) == (("lost",), ("hall",))
    assert 'href="lost/lost.html"' in page
    assert "Its page is no longer in the folder." in page


def test_a_folder_that_cannot_be_written_is_told(study):
    from pathlib import Path

    with pytest.raises(ReportError, match="index of reports could not be written"):
        write_index(Path("/proc/lsp"), study, None)
