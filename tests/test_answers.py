"""Questions asked of one place: any way to name it, grey sentences, notes, and wrong input."""

from __future__ import annotations

import datetime as dt
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from lsp_analysis import area_brief, compare, effects, estimate, gap, open_study, standing
from lsp_analysis.effects.words import effect_class
from lsp_analysis.errors import LspError, ParameterError, UnknownNameError
from lsp_analysis.showing import Absent
from lsp_analysis.standing.answers import brief_of

DEMO = ROOT / "data" / "bolton_demo"
HERE = "Hall i' th' Wood"


@pytest.fixture(scope="module")
def study():
    return open_study(DEMO)


@pytest.fixture(scope="module")
def place(study):
    return study.area(HERE)


def test_a_place_and_its_brief_give_the_same_answer(study, place):
    brief = area_brief(study, HERE)
    assert gap(place, "burglary") == gap(brief, "burglary")
    assert compare(place, "burglary") == compare(brief, "burglary")
    assert brief_of(place) is brief_of(place)


def test_an_indicator_goes_by_its_id_and_by_its_name(place):
    assert gap(place, "burglary in a DWELLING") == gap(place, "burglary")
    assert compare(place, place.study.indicator("burglary")) == compare(place, "burglary")


ANSWERS = [name for name in standing.__all__ if not name.endswith(("_page", "brief"))]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_shows_itself_and_bears_the_note(place, name):
    ask = getattr(standing, name)
    by_indicator = list(signature(ask).parameters)[1:2] == ["indicator_id"]
    options = {"on": "2012-03-31"} if name == "sharing" else {}
    found = ask(place, *["burglary"] * by_indicator, **options)
    shown = found._repr_html_()
    assert "<p" in shown or "<table" in shown
    if "<img" in shown:
        texts = [text.get_text() for text in found.plot().figure.texts]
        assert "Simulated data" in texts


def test_what_the_study_cannot_answer_is_one_grey_sentence(place):
    found = standing.trend_test(place, "burglary")
    assert isinstance(found, Absent)
    assert not found
    assert found.plot()._repr_html_() == found._repr_html_()
    assert "chi-squared" in found._repr_html_()


def test_help_shows_the_public_name_and_the_indicator():
    assert gap.__name__ == "gap"
    assert "rest of its borough" in gap.__doc__


WRONG = {
    "misspelt indicator": (lambda s, p: gap(p, "burglry"), 'Did you mean "burglary"'),
    "misspelt label": (lambda s, p: compare(p, "Burglry in a dwelling"), "Burglary in a dwelling"),
    "number for an indicator": (lambda s, p: s.panel(3), "this is an int"),
    "unknown indicator lists them": (lambda s, p: s.indicator("xyz"), "antisocial_behaviour"),
    "place as text": (lambda s, p: gap(HERE, "burglary"), "open_study"),
    "study for a place": (lambda s, p: gap(s, "burglary"), ".area("),
    "text for a place": (lambda s, p: compare("burglary", p), 'the text "burglary"'),
    "no indicator": (lambda s, p: compare(p), "It takes place, indicator_id"),
    "level of a gap": (lambda s, p: gap(p, "burglary", level=95), "write 0.95"),
    "unknown option": (lambda s, p: gap(p, "burglary", colour="red"), "'colour'"),
    "area as a list": (lambda s, p: s.area(["E01004802"]), "Question.from_frame"),
    "study as nothing": (lambda s, p: open_study(None), "bolton_demo"),
    "place asked for an effect": (lambda s, p: estimate(p), "given an Area"),
    "study asked for an effect": (lambda s, p: effects.did(s), "study.question"),
    "unknown option of an effect": (
        lambda s, p: estimate(s.question("burglary", p, "2008-04"), colour="red"),
        "It takes question, checks and placebos",
    ),
    "comparator": (
        lambda s, p: gap(p, "burglary", "similarly deprivd areas"),
        "similarly deprived",
    ),
    "start in words": (lambda s, p: area_brief(s, HERE, start="soon"), "2008-04"),
    "start too late": (lambda s, p: s.question("burglary", HERE, start="2030"), "the data end in"),
    "level in per cent": (lambda s, p: area_brief(s, HERE, level=95), "write 0.95"),
    "level in words": (lambda s, p: area_brief(s, HERE, level="high"), "write 0.95"),
    "misspelt area": (lambda s, p: s.area("Hall in the Wood"), "Hall i' th' Wood"),
    "code too short": (lambda s, p: s.area("E0100480"), "E01004802"),
    "no area": (lambda s, p: s.area(""), "No area of this study"),
    "against nowhere": (lambda s, p: area_brief(s, HERE, against="Nowhere"), "Nowhere"),
    "study by half its name": (lambda s, p: open_study("bolton"), "bolton_demo"),
    "study nowhere": (lambda s, p: open_study("no/such/folder"), "bolton_demo"),
    "misspelt table": (lambda s, p: s.read("observation"), "observations"),
    "misspelt column": (lambda s, p: s.read("areas", ["area_cod"]), "area_code"),
    "type of area": (lambda s, p: s.areas("lsoas"), "lsoa"),
    "question of no date": (lambda s, p: s.question("burglary", p, "soon"), "2008-04"),
    "question too late": (lambda s, p: s.question("burglary", p, "2030"), "nothing to evaluate"),
    "question of no outcome": (lambda s, p: s.question("burglry", p, "2008-04"), "burglary"),
    "question of no area": (lambda s, p: s.question("burglary", "Hal", "2008-04"), "No area"),
    "study as a list": (lambda s, p: open_study(["bolton_demo"]), "this is a list"),
    "area as nothing": (lambda s, p: s.area(None), "this is nothing (None)"),
    "area as a tuple": (lambda s, p: s.area((HERE,)), "this is a tuple"),
    "area as a column": (lambda s, p: s.area(pd.Series([HERE])), "this is a Series"),
    "area not a number": (lambda s, p: s.area(float("nan")), "this is a float"),
    "indicators in a tuple": (lambda s, p: gap(p, ("burglary", "deaths")), "this is a tuple"),
    "indicator as nothing": (lambda s, p: compare(p, None), "There are emergency_admissions"),
    "table for a place": (lambda s, p: gap(pd.DataFrame(), "burglary"), "this is a DataFrame"),
    "level below zero": (lambda s, p: compare(p, "burglary", level=-1), "write 0.95"),
    "level not a number": (lambda s, p: compare(p, "burglary", level=float("nan")), "write 0.95"),
    "level of a question": (
        lambda s, p: s.question("burglary", p, "2008-04", level=-0.95), "0.95 is usual"),
    "start as a tuple": (lambda s, p: s.question("burglary", p, (2008, 4)), "Write it as 2008-04"),
    "start as a share": (lambda s, p: s.question("burglary", p, 2008.25), "Write it as 2008-04"),
    "start below zero": (lambda s, p: s.question("burglary", p, -1), "Write it as 2008-04"),
    "start not a time": (lambda s, p: s.question("burglary", p, pd.NaT), "Write it as 2008-04"),
    "thirteenth month": (lambda s, p: s.question("burglary", p, "2008-13"), "Write it as 2008-04"),
    "question as a tuple": (lambda s, p: estimate((s, p)), "given a tuple"),
    "inference as nothing": (lambda s, p: effects.did(asked(s, p), inference=None), "from auto"),
    "width in words": (lambda s, p: effects.event_study(asked(s, p), width="wide"), "whole number"),
    "harmonics in words": (
        lambda s, p: effects.interrupted_series(asked(s, p), harmonics="two"), "whole number"),
    "family as a number": (
        lambda s, p: effects.interrupted_series(asked(s, p), family=3), "Choose from gaussian"),
    "since in words": (
        lambda s, p: standing.signals(p, since="yesterday"), "Write it as 2008-04"),
    "rebased never": (
        lambda s, p: standing.process_chart(p, "burglary", rebase="never"), "Write it as 2008-04"),
    "worth in words": (lambda s, p: effect_class(-1.0, 1.0, "much"), "above zero"),
}  # fmt: skip


def asked(study, place):
    return study.question("antisocial_behaviour", place, start="2008-04")


@pytest.mark.parametrize(
    "start", [pd.Timestamp("2008-04-01"), dt.date(2008, 4, 1), pd.Period("2008-04", "M"), "2008-04"]
)
def test_one_start_may_be_given_in_many_ways(study, place, start):
    assert study.question(np.str_("burglary"), place, start).start == pd.Period("2008-04", "M")


def test_without_a_name_the_main_area_and_outcome_are_those_of_the_programme(study):
    assert study.main_area() == study.main_area(HERE) == study.area(HERE)
    assert study.main_outcome() == "antisocial_behaviour"
    assert study.main_outcome("Burglary in a dwelling") == "burglary"
    with pytest.raises(LspError, match="Hall i' th' Wood"):
        study.main_area("Hall in the Wood")


def test_a_question_that_is_not_needed_is_one_grey_sentence(study, place):
    late = study.question("burglary", place, "2030-01", needed=False)
    assert isinstance(late, Absent)
    assert "nothing to evaluate yet" in late._repr_html_()
    for ask in (estimate, effects.did, effects.check_all):
        assert ask(late)._repr_html_() == late._repr_html_()
    with pytest.raises(UnknownNameError):
        study.question("burglry", place, "2008-04", needed=False)


@pytest.mark.parametrize(("ask", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_answered_by_one_sentence_with_what_was_meant(study, place, ask, said):
    with pytest.raises(LspError) as caught:
        ask(study, place)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value._render_traceback_() == [f"{type(caught.value).__name__}: {caught.value}"]


def test_a_question_shows_what_is_asked_and_its_estimate_bears_the_note(study, place):
    question = study.question("Anti-social behaviour", place, start="2008-04")
    assert question.note == "Simulated data"
    shown = question._repr_html_()
    assert "Did anti-social behaviour change in Hall i" in shown
    assert shown.count("<img") == shown.count("<table") == 1
    found = estimate(question, checks=False)
    assert "Simulated data" in [text.get_text() for text in found.plot().figure.texts]


def test_unknown_names_and_wrong_parameters_are_never_grey(place):
    with pytest.raises(UnknownNameError):
        standing.small_area_map(place, "burglry")
    with pytest.raises(ParameterError):
        standing.compare("Hall i' th' Wood", "burglary")
