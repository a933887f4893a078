"""The truth of a simulated study is set beside what was estimated, and only there."""

from __future__ import annotations

import pytest

from lsp_analysis import open_study
from lsp_analysis.effects.outcomes.many import many_outcomes
from lsp_analysis.effects.outcomes.truth import truth_beside
from lsp_analysis.effects.question import pose
from lsp_analysis.resources import study_path

INDICATOR = "antisocial_behaviour"


@pytest.fixture
def study():
    return open_study(study_path("bolton_demo"))


@pytest.fixture
def found(study):
    asked = pose(study, INDICATOR, area="Hall i' th' Wood", start="2008-04")
    return many_outcomes([asked], primary=INDICATOR)


def test_the_true_effect_stands_beside_the_interval_that_holds_it(study, found):
    shown = truth_beside(study, found, ["E01004802"])
    row = shown.frame.iloc[0]
    assert row["True effect (%)"] == pytest.approx(-20)
    assert row["Low (%)"] < -20 < row["High (%)"]
    assert row["In the interval"] == "yes"
    assert "in truth 20% lower" in shown.note
    assert "the truth lies inside its interval" in shown.note


def test_the_truth_about_one_neighbourhood_is_not_told_of_another(study, found):
    assert "another neighbourhood" in truth_beside(study, found, ["E01004766"])
    assert "another neighbourhood" in truth_beside(study, found, ["E01004802", "E01004766"])


def test_a_study_without_a_truth_says_so_whether_simulated_or_real(study, found, tmp_path):
    study.path = tmp_path
    said = truth_beside(study, found, ["E01004802"])
    assert said.startswith("There is no known truth here: these data are simulated, but")
    study.descriptor = study.descriptor | {"lsp:simulated": False}
    said = truth_beside(study, found, ["E01004802"])
    assert said.startswith("There is no known truth here: this study says nothing")


@pytest.mark.parametrize("start", ["2008-04", "2008", "2008Q2"])
def test_the_truth_is_told_of_a_period_that_holds_the_true_start(study, found, start):
    assert not isinstance(truth_beside(study, found, ["E01004802"], start), str)


def test_the_truth_about_one_start_is_not_told_of_another(study, found):
    said = truth_beside(study, found, ["E01004802"], "2006-04")
    assert "began in April 2008, and what was asked about is April 2006" in said
