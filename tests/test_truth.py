"""The truth of a simulated study is set beside what was estimated, and only there."""

from __future__ import annotations

import pytest

from lsp_analysis import open_study
from lsp_analysis.effects.outcomes import many_outcomes
from lsp_analysis.effects.question import pose
from lsp_analysis.effects.truth import truth_beside
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


def test_no_truth_is_told_of_real_data(study, found, tmp_path):
    study.path = tmp_path
    assert "these data are real" in truth_beside(study, found, ["E01004802"])
