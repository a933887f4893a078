"""One outcome of one programme, posed from a study."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from boroughs import scores

from lsp_analysis import open_study
from lsp_analysis.effects.question import Question, begun, pose, pose_all
from lsp_analysis.errors import AreaError, ParameterError, StudyError
from lsp_analysis.resources import study_path

PLACE = "Hall i' th' Wood"


@pytest.fixture(scope="module")
def study():
    return open_study(study_path("bolton_demo"))


@pytest.fixture(scope="module")
def question(study):
    return pose(study, "antisocial_behaviour", area=PLACE, start="2008-04")


def test_a_rate_is_asked_about_as_counts_and_their_base(question):
    assert (question.outcome, question.population) == ("numerator", "denominator")
    assert question.start == pd.Period("2008-04", "M")
    assert question.treated == ("E01004802",)
    assert question.per == 1000


def test_its_estimate_holds_the_truth_of_the_simulation(question):
    effect = question.estimate(checks=False)
    assert effect.relative_low < -0.2 < effect.relative_high
    assert effect.sentence().startswith("From April 2008 to December 2012, anti-social behaviour")


def test_person_periods_are_asked_about_as_such(study, monkeypatch):
    known = type(study).indicator
    monkeypatch.setattr(
        type(study),
        "indicator",
        lambda self, name: replace(known(self, name), value_type="person_periods"),
    )
    asked = pose(study, "antisocial_behaviour", area=PLACE, start="2008-04")
    assert asked.person_periods
    found = {one.name: one for one in asked.checks()}
    assert "chance alone" not in found["Small counts and dispersion"].finding


def test_its_checks_know_the_programme_and_find_none_other(question):
    found = {one.name: one for one in question.checks()}
    assert found["Contaminated comparators"].status == "passed"
    assert "m away" in found["Spillover"].table["ring"][0]


def test_a_year_in_which_it_began_belongs_to_neither_side(study):
    asked = pose(study, "deaths", area=PLACE, start="2008-04")
    assert asked.start == pd.Period("2009", "Y")
    assert "2008" not in asked.panel["period"].astype(str).tolist()
    assert "is left out" in asked.caution


def test_data_that_begin_too_late_get_a_placebo_date_and_say_so(study):
    asked = pose(study, "antisocial_behaviour", area=PLACE, start="1999-01")
    assert asked.placebo_date
    assert "placebo date" in asked.caution


def test_another_question_shares_the_neighbours(study, question):
    other = pose(study, "burglary", area=PLACE, start="2008-04", like=question)
    assert other.neighbours is question.neighbours
    assert other.context is question.context


def test_all_questions_of_a_study_know_behaviours_from_outcomes(study):
    asked = pose_all(study, area=PLACE, start="2008-04", behaviours=["smoking_quits"])
    kinds = {one.name: one.kind for one in asked}
    assert len(kinds) == 12
    assert [name for name, kind in kinds.items() if kind == "behaviour"] == ["smoking_quits"]


def test_unknown_indicators_and_areas_are_refused(study):
    with pytest.raises(StudyError, match='Did you mean "burglary"'):
        pose(study, "burglery", area=PLACE, start="2008-04")
    with pytest.raises(AreaError):
        pose(study, "burglary", area="Atlantis", start="2008-04")


def test_a_placebo_date_is_said_before_the_answer_and_a_share_is_put_in_units():
    panel, of_score = scores()
    start = pd.Period(of_score["start"], "Y")
    asked = Question("score", panel, "score", ("A000",), start, unit="score")
    effect = asked.estimate(checks=False)
    said = asked.answer(effect, worth_having=0.5)
    assert f"{abs(0.5 * effect.counterfactual):.1f}" in said
    late = replace(asked, caution="2000 is a placebo date.", placebo_date=True)
    assert late.answer(effect).startswith("2000 is a placebo date.")
    dropped = replace(asked, caution="1999 is left out.")
    assert dropped.answer(effect).endswith("1999 is left out.")


@pytest.mark.parametrize("start", [None, "soon", [2008]])
def test_a_start_that_is_no_date_is_refused_in_a_sentence(start):
    with pytest.raises(ParameterError, match="not a month, quarter or year"):
        begun(start)


def test_whether_it_lasted_is_asked_of_the_same_panel(study):
    asked = pose(study, "antisocial_behaviour", area="Hall i' th' Wood", start="2008-04")
    found = asked.persistence("2011-03")
    assert list(found.funded["label"]) == [
        "while funded: April 2008 to March 2011", "after: April 2011 to December 2012",
    ]  # fmt: skip
    assert asked.persistence("").funded.empty
