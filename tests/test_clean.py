"""Hostile text stays text, on a page and in a spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.reports.page.content import clean_html, safe_csv, spreadsheet

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<svg onload=alert(1)>",
    "<iframe src='https://example.org'></iframe>",
    "<style>body{display:none}</style>",
    "<p style='background:url(https://example.org)'>x</p>",
    "<form action='https://example.org'><input></form>",
    "<base href='https://example.org'>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<object data='https://example.org'></object>",
    "<table background='https://example.org'><tr><td>x</td></tr></table>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_that_runs_or_asks_a_host_is_left(html):
    cleaned = clean_html(html)
    for word in ("script", "onerror", "onload", "src", "style", "action", "data=", "background"):
        assert word not in cleaned
    assert "https://example.org" not in cleaned


def test_a_table_keeps_what_makes_it_one():
    table = (
        '<table><caption>C</caption><thead><tr><th scope="col" class="number">n</th></tr></thead>'
        '<tbody><tr><td colspan="2"><abbr title="not available">–</abbr></td></tr></tbody></table>'
    )
    assert clean_html(table) == table


def test_classes_and_scopes_of_our_own_are_kept_and_others_dropped():
    assert clean_html('<td class="number evil">1</td>') == "1"
    assert '<th scope="row">' in clean_html('<table><tr><th scope="row">a</th></tr></table>')
    assert "scope" not in clean_html('<table><tr><th scope="evil">a</th></tr></table>')


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1", " =1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(cell):
    assert safe_csv(f'name\n"{cell}"\n').splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-05", "12%", "text", "", "−4", "2008-04"])
def test_numbers_and_plain_text_are_left_as_they_are(cell):
    assert safe_csv(f"name\n{cell},x\n") == f"name\n{cell},x\n"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1))
def test_no_text_can_smuggle_a_formula_into_any_cell(rows):
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    for row in csv.reader(io.StringIO(safe_csv(written.getvalue()))):
        for cell in row:
            assert not cell.lstrip(" \n\u200b\ufeff").startswith(("=", "@"))


def test_a_spreadsheet_program_is_told_the_encoding():
    assert spreadsheet("Hall i’ th’ Wood").startswith(b"\xef\xbb\xbf")
