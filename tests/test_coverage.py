"""How complete a study is, and steps that ask for a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
from small_study import LSOAS, MONTHS, small_tables, write_small_study

from lsp_analysis import open_study
from lsp_analysis.resources import study_path
from lsp_analysis.standing.study_check import coverage, large_steps


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


def test_missing_values_are_counted_and_named(tmp_path):
    tables = small_tables()
    rows = tables["observations"]
    burglary = rows["indicator_id"] == "burglary"
    gone = rows[burglary].index[:3]  # one that is empty, and two that have no row at all
    rows.loc[gone[0], ["numerator", "value"]] = np.nan
    tables["observations"] = rows[burglary].drop(gone[1:])
    found = coverage(open_study(write_small_study(tmp_path / "study", tables)))
    assert found.table["cells"].iloc[0] == len(LSOAS) * len(MONTHS)
    assert found.table["missing"].iloc[0] == 3
    assert "3 missing (3 of burglary" in found.sentence()


def test_the_break_and_the_suppressed_cell_of_the_demo_study_are_found():
    found = coverage(open_study(study_path("bolton_demo")))
    steps = found.steps.set_index("name")
    assert found.table["missing"].sum() == 1
    assert steps.loc["Fly-tipping", "noted"]
    assert str(steps.loc["Fly-tipping", "end"]) == "2010"
