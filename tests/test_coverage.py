"""How complete a study is, and steps that ask for a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
from standing_panels import RATE, panel_of

from lsp_analysis import open_study
from lsp_analysis.resources import study_path
from lsp_analysis.standing.completeness import coverage, coverage_of, large_steps


def line(values: list[float]) -> pd.DataFrame:
    periods = pd.period_range("2000", periods=len(values), freq="Y")
    return pd.DataFrame({"period": periods, "value": values})


def test_a_step_is_found_where_it_was_planted():
    found = large_steps(line([10, 11, 10, 11, 30, 31, 30, 31]))
    assert found["end"].astype(str).tolist() == ["2004"]
    assert found["change"].tolist() == [19]


def test_a_steady_climb_has_no_large_step_and_a_short_series_none():
    assert large_steps(line(list(np.arange(10.0)))).empty
    assert large_steps(line([1, 1, 2, 50])).empty


def test_missing_values_are_counted_and_named():
    panel = panel_of([[5, 6, 7], [6, 7, 8]], [[100], [100]], multiplier=1000)
    panel.loc[1, ["numerator", "value"]] = np.nan
    found = coverage({RATE.indicator_id: panel}, [RATE], ["A00", "A01", "A02"])
    assert found.table["cells"].iloc[0] == 9
    assert found.table["missing"].iloc[0] == 4  # one cell, and an area that has no row at all
    assert "4 missing (4 of burglary)" in found.sentence()


def test_the_break_and_the_suppressed_cell_of_the_demo_study_are_found():
    found = coverage_of(open_study(study_path("bolton_demo")))
    steps = found.steps.set_index("name")
    assert found.table["missing"].sum() == 1
    assert steps.loc["Fly-tipping", "noted"]
    assert str(steps.loc["Fly-tipping", "end"]) == "2010"
