"""The truth of a simulated study is set beside what was estimated, and only there."""

from __future__ import annotations

import pytest

from lsp_analysis import open_study
from lsp_analysis.effects.outcomes import many_outcomes
from lsp_analysis.effects.question import pose
from lsp_analysis.effects.truth import truth_beside
from lsp_analysis.resources import study_path

INDICATOR = "antisocial_behaviour"


def test_the_true_effect_stands_beside_the_interval_that_holds_it(tmp_path):
    study = open_study(study_path("bolton_demo"))
    asked = pose(study, INDICATOR, area="Hall i' th' Wood", start="2008-04")
    found = many_outcomes([asked], primary=INDICATOR)
    row = truth_beside(study, found).frame.iloc[0]
    assert row["True effect (%)"] == pytest.approx(-20)
    assert row["Low (%)"] < -20 < row["High (%)"]
    study.path = tmp_path
    shown = truth_beside(study, found)
    assert shown.frame.empty
    assert "No truth is known" in shown.note
