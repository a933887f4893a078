"""Lists to pick an area and an indicator from."""

from __future__ import annotations

from lsp_analysis import picker
from lsp_analysis.picker import area_choices, pick
from lsp_analysis.standing.answers import gap_page


def test_neighbourhoods_come_first_and_every_code_once(brief):
    choices = area_choices(brief.study)
    codes = [code for _, code in choices]
    assert choices[0][0].endswith("(neighbourhood)")
    assert len(codes) == len(set(codes)) == 2 + 35 + 177


def test_what_is_picked_is_what_the_functions_make(brief):
    lists = pick(brief, gap_page, indicator="burglary")
    lists.areas.value = "E02000993"
    wanted = brief.about("E02000993").gap("burglary").sentence()
    assert wanted._repr_html_() in lists.page.value
    assert 'alt="Gap to the rest of the borough' in lists.page.value


def test_picking_an_indicator_keeps_the_area(brief):
    lists = pick(brief, gap_page, indicator="burglary")
    lists.indicators.value = "deaths"
    assert brief.gap("deaths").sentence()._repr_html_() in lists.page.value


def test_nothing_is_made_before_anything_is_picked(brief):
    def never(*_):
        raise AssertionError

    assert picker.PROMPT in pick(brief, never).page.value


def test_without_widgets_the_parameters_are_pointed_at(brief, monkeypatch):
    monkeypatch.setattr(picker, "find_spec", lambda name: None)
    assert "first code cell" in pick(brief, gap_page)
