"""The index leads to every report, tells every failure, and reads without its script."""

import re
import threading
import time
from dataclasses import replace
from urllib.parse import unquote

import geopandas as gpd
import lxml.html
import pandas as pd
import pytest
import shapely
from small_study import LSOAS, small_tables, write_small_study
from test_page import NAME, Tags

from lsp_analysis import durable, open_study
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.manifest import FAILED, MADE, ReportRecord, append_record
from lsp_analysis.reports.page import index
from lsp_analysis.reports.page.index import render_index, write_index
from lsp_analysis.study import write_study


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
    page = render_index([made], study)
    links = [attrs["href"] for attrs in Tags(page).of("a")]
    assert "hall/hall.html" in links
    assert "hall/hall.ipynb" in links
    assert "Burglary fell by 5%." in page
    assert "1 report." in page


def test_it_tells_each_failure_with_its_reason(study, made, failed):
    page = render_index([made, failed], study)
    assert "1 that could not be made" in page
    assert "It hung." in page
    assert "earlier run" not in page
    earlier = made.out / "other" / "other.html"
    earlier.parent.mkdir()
    earlier.write_text("old")
    assert 'href="other/other.html"' in render_index([made, failed], study)


FACTS = {
    "name": "Hall i’ th’ Wood A",
    "counts": {"worse": 3, "better": 1, "none": 2},
    "rank": 2,
    "rank_of": 4,
    "themes": ["Healthy", "Safe"],
    "pilot": "24% fewer",
    "pilot_size": -0.24,
    "spark": {
        "name": "Claimants, 2012",
        "value": 7.8,
        "words": "7.8%",
        "chart": {"type": "spark", "here": [1, 2], "rest": [1, 1], "label": "up"},
    },
}


def test_the_map_links_each_area_and_names_it(study, made):
    page = render_index([replace(made, facts=FACTS)], study)
    links = [attrs for attrs in Tags(page).of("a") if attrs["href"] == "hall/hall.html"]
    assert len(links) == 2  # on the map and in the list
    assert "<title>Hall i’ th’ Wood A: worse on 3</title>" in page
    assert len(re.findall(r'<path class="land"', page)) == 3
    assert "outlined" in page


def test_rows_carry_what_they_are_sorted_and_filtered_by(study, made):
    other = replace(
        made,
        name="other",
        area_code=LSOAS[1],
        area_name="Other",
        members=[LSOAS[1]],
        files={"other/other.html": "x", "other/other.ipynb": "x"},
        facts={"counts": {"worse": 5, "none": 1}, "themes": ["Safe"], "rank": 1, "rank_of": 4},
    )
    page = render_index([replace(made, facts=FACTS), other], study)
    rows = [a for a in Tags(page).of("tr") if a.get("id")]
    assert [row["id"] for row in rows] == [LSOAS[1], LSOAS[0]]  # most worse first
    assert [row["data-worse"] for row in rows] == ["5", "3"]
    assert rows[1]["data-themes"] == "Healthy|Safe"
    assert [row["data-rank"] for row in rows] == ["1", "2"]
    assert rows[0]["data-value"] == ""
    assert "Safe 2" in page  # areas worse on something, by theme
    assert "One area of 2 is worse than the rest of the borough on five or more" in page


def test_a_study_without_boundaries_has_an_index_without_a_map(made, tmp_path):

    folder = write_small_study(tmp_path / "study")
    (folder / "geometry.geojson").write_text("{")
    page = render_index([replace(made, facts=FACTS)], open_study(folder))
    assert 'class="map"' not in page
    assert "Hall i’ th’ Wood A" in page


def test_hostile_names_are_text_and_their_links_work(study, made):
    page = render_index([replace(made, area_name=NAME, headline=NAME)], study)
    assert page.count("<script") == 1
    assert "alert('Hall')" not in page


def test_only_its_own_script_may_run(study, made):
    page = render_index([made], study)
    policy = next(m["content"] for m in Tags(page).of("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+';", policy)
    assert not re.search(r"(src|href)=\"https?:", page.replace("xmlns", ""))


def test_it_is_made_from_the_manifest_and_the_same_each_time(study, made, failed):
    append_record(made, CLAIM)
    append_record(replace(failed, area_name="An area"), CLAIM)
    put_page(made)
    write_index(made.out, study)
    first = (made.out / "index.html").read_bytes()
    write_index(made.out, study)
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
        write_index(tmp_path / str(place), study)
        pages.append((tmp_path / str(place) / "index.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_run_that_waits_for_another_indexes_what_that_one_made(study, made):
    append_record(made, CLAIM)
    with durable.locked(made.out, "index.html"):
        waiting = threading.Thread(target=write_index, args=(made.out, study))
        waiting.start()
        time.sleep(0.5)
        append_record(replace(made, name="late", area_name="Late"), CLAIM)
    waiting.join()
    assert ">Late<" in (made.out / "index.html").read_text(encoding="utf-8")


def test_what_is_in_the_folder_and_what_is_on_record_are_both_listed(study, made):
    append_record(made, CLAIM)
    put_page(replace(made, name="lost"))
    found = write_index(made.out, study)
    page = (made.out / "index.html").read_text(encoding="utf-8")
    assert (found.unrecorded, found.gone) == (("lost",), ("hall",))
    assert 'href="lost/lost.html"' in page
    assert "Its page is no longer in the folder." in page


def test_a_folder_that_cannot_be_written_is_told(study):
    from pathlib import Path

    with pytest.raises(ReportError, match="index of reports could not be written"):
        write_index(Path("/proc/lsp"), study)


@pytest.fixture
def country(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "MOST_SHAPES", 7)
    return two_boroughs(tmp_path)


def two_boroughs(folder):
    """A study of two boroughs of 4 areas, and a page on record for each but one that failed."""
    codes = {f"E0800000{b}": [f"E0100{b}00{a}" for a in range(4)] for b in (1, 2)}
    rows = [(b, f"Borough {b[-1]}", "borough", b) for b in codes]
    rows += [(c, f"Area {c[-4:]}", "lsoa", b) for b, own in codes.items() for c in own]
    areas = pd.DataFrame(rows, columns=["area_code", "area_name", "area_type", "borough_code"])
    tables = small_tables()
    small = [code for own in codes.values() for code in own]
    tables = {"areas": areas.assign(code_vintage=2011), "indicators": tables["indicators"],
              "observations": tables["observations"].head(8).assign(area_code=small)}  # fmt: skip
    x = [1_000.0 * (i % 4) + 370_000 for i in range(8)]
    y = [1_000.0 * (i // 4) + 410_000 for i in range(8)]
    boxes = [shapely.box(a, b, a + 1_000, b + 1_000) for a, b in zip(x, y, strict=True)]
    shapes = gpd.GeoDataFrame({"area_code": small}, geometry=boxes, crs="EPSG:27700")
    study = open_study(write_study(folder / "study", tables, shapes, about={"title": "Land"}))
    out = folder / "out"
    out.mkdir()
    for number, code in enumerate(small):
        facts = {"counts": {"worse": number}, "name": f"Area {code[-4:]}"}
        files = {f"{code.lower()}/{code.lower()}.html": "0" * 64}
        record = ReportRecord(out, code.lower(), MADE, code, facts["name"], "LSOA", "report_area",
                              members=[code], headline="h", facts=facts, files=files)  # fmt: skip
        if number == 3:
            record = replace(record, status=FAILED, reason="It hung.", facts={}, files={})
        else:
            put_page(record)
        append_record(record, CLAIM)
    return study, out, codes


def test_reports_of_many_boroughs_are_listed_by_borough_and_found_as_a_whole(country):
    study, out, codes = country
    (out / "index-e08000009.html").write_text("of a borough that is gone")
    write_index(out, study)
    assert sorted(file.name for file in out.glob("index*")) == [
        "index-e08000001.html", "index-e08000002.html", "index.html",
    ]  # fmt: skip
    top = (out / "index.html").read_text("utf-8")
    rows = {row.get("id"): row for row in lxml.html.fromstring(top).xpath("//tbody/tr")}
    assert list(rows) == [*codes]
    for borough, row in rows.items():
        assert set(codes[borough]) - {"E01001003"} <= set(row.get("data-words").split())
        assert row.xpath(".//a/@href") == [f"index-{borough.lower()}.html"]
        assert f'href="index-{borough.lower()}.html"' in top.partition("<tbody")[0]  # on the map
    words = " ".join(lxml.html.fromstring(top).text_content().split())
    assert "Three areas of 6 are worse than the rest of their borough on five or more" in words
    assert "No areas are worse on none." in words
    assert "7 reports" in words
    said = rows["E08000001"].text_content()
    assert "One report could not be made" in said
    assert "three areas" in said
    for borough, own in codes.items():
        page = (out / f"index-{borough.lower()}.html").read_text("utf-8")
        tree = lxml.html.fromstring(page)
        listed = tree.xpath("//tbody/tr/@id")
        assert set(listed) == set(own) - {"E01001003"}
        assert tree.xpath("//a[text()='All boroughs']/@href") == ["index.html"]
        drawn = page.partition("<tbody")[0]
        assert all(f'href="{code.lower()}/{code.lower()}.html"' in drawn for code in listed)
        assert ("It hung." in page) == (borough == "E08000001")
    assert not (out / "index-e08000009.html").exists()


def test_a_few_reports_of_many_boroughs_are_one_list(country, monkeypatch):
    study, out, _ = country
    monkeypatch.setattr(index, "MOST_SHAPES", 8)
    write_index(out, study)
    assert [file.name for file in out.glob("index*")] == ["index.html"]
