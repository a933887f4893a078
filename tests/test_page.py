"""The page stands alone: safe, described, in order, and the same from the same content."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_content import figure, shown

from lsp_analysis.reports.page.exporter import LARGEST_DOWNLOAD, render_page

NAME = "<script>alert('Hall')</script> \"i' th'\nWood\u202e"
ABOUT = {
    "area": {
        "name": "Hall i' th' Wood",
        "code": "N1",
        "kind": "Neighbourhood",
        "members": ["E01004802"],
        "vintage": "2011",
    },
    "study": {
        "title": "A study",
        "note": "Simulated data",
        "attribution": "Open Government Licence v3.0",
        "digest": "a" * 64,
    },
    "template": {"name": "small", "digest": "b" * 64},
    "parameters": {"start": "2008-04", "themes": [], "quiet": False},
}


def page_of(*cells, about=ABOUT):
    cells = [new_markdown_cell("# Neighbourhood report\n\n## Where are we at?"), *cells]
    return render_page(new_notebook(cells=cells, metadata={"lsp": {"report": about}}))


class Tags(HTMLParser):
    """Tags of a page in order, with their attributes, and the text of headings."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


def test_the_page_says_its_language_its_area_and_what_it_was_made_from():
    page = page_of(figure())
    assert '<html lang="en-GB">' in page
    assert "<title>Hall i&#39; th&#39; Wood: Neighbourhood report</title>" in page
    for said in (
        "Neighbourhood made of small area E01004802 (codes of 2011)",
        "Open Government Licence v3.0",
        "<b>Simulated data.</b>",
        "start: 2008-04; themes: none; quiet: no.",
        "a" * 16,
    ):
        assert said in page, said


def test_headings_are_in_order_with_one_of_level_one():
    page = page_of(new_markdown_cell("#### Deep\n\n## What works?"), figure())
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_link_inside_the_page_leads_somewhere():
    tags = Tags(page_of(figure()))
    anchors = {attrs.get("id") for _, attrs in tags.found}
    inside = [attrs["href"][1:] for attrs in tags.of("a") if attrs["href"].startswith("#")]
    assert inside
    assert set(inside) <= anchors


def test_no_script_runs_and_only_the_pages_own_style_applies():
    page = page_of(figure())
    assert not Tags(page).of("script")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(
        meta["content"]
        for meta in Tags(page).of("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert " style=" not in page.replace(style, "")


def test_a_figure_has_its_words_its_numbers_as_a_table_and_as_a_file():
    page = page_of(figure(alt='Falls from "9" to <5.', csv="area,value\nHall,-1\nB,2.34567\n"))
    [picture] = Tags(page).of("img")
    assert picture["alt"] == 'Falls from "9" to <5.'
    assert '<td>Hall</td><td class="number">-1</td>' in page
    assert '<td>B</td><td class="number">2.3</td>' in page
    assert "2.34567" in page  # in the file
    [download] = [a for a in Tags(page).of("a") if "download" in a]
    assert download["href"].startswith("data:text/csv;charset=utf-8,%EF%BB%BFarea,value%0A")


def test_many_numbers_are_left_to_the_file_beside_the_page():
    rows = "".join(f"area {n},{n}\n" for n in range(LARGEST_DOWNLOAD // 8))
    page = page_of(figure(csv=f"area,value\n{rows}"))
    assert "more rows are in the file" in page
    assert "tables/figure-01.csv" in page
    assert "data:text/csv" not in page
    assert len(page) < len(page_of(figure(csv="area,value\n"))) + 2_000


@pytest.mark.parametrize("place", ["name", "title", "alt", "csv", "heading", "parameter"])
def test_a_hostile_name_is_text_wherever_it_stands(place):
    about = {**ABOUT, "area": dict(ABOUT["area"]), "study": dict(ABOUT["study"])}
    cells = [figure()]
    if place == "name":
        about["area"]["name"] = NAME
    elif place == "title":
        about["study"]["title"] = NAME
    elif place == "parameter":
        about["parameters"] = {"indicator": NAME}
    elif place == "alt":
        cells = [figure(alt=NAME)]
    elif place == "csv":
        cells = [figure(csv=f'area\n"{NAME.replace(chr(34), chr(34) * 2)}"\n')]
    else:
        cells.append(new_markdown_cell(f"## {NAME}"))
    page = page_of(*cells, about=about)
    assert "<script" not in page
    assert not Tags(page).of("script")


def test_a_hostile_table_is_a_table():
    page = page_of(shown({"text/html": f"<table><tr><td onclick=x>{NAME}</td></tr></table>"}))
    assert "<script" not in page
    assert "onclick" not in page


def test_the_same_content_gives_the_same_bytes():
    assert page_of(figure()) == page_of(figure())


def test_a_notebook_that_no_runner_made_still_makes_a_page():
    page = render_page(new_notebook(cells=[new_markdown_cell("# Mine"), new_code_cell("1")]))
    assert "<h1>Mine</h1>" in page
    assert "Simulated" not in page


def test_the_part_with_the_headline_is_printed_on_a_page_of_its_own():
    line = shown({"text/html": "<p>All is well.</p>"}, tags=["headline"])
    cells = [line, new_markdown_cell("## What works?"), figure()]
    page = page_of(*cells)
    summary = page.split('<div class="summary">')[1].split('id="what-works"')[0]
    assert "All is well." in summary
    assert "<figure" not in summary
    assert '<div class="summary">' not in page_of(*cells[1:])
