"""Limits and rules of XmR charts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.standing.change.process import xmr

SERIES = st.lists(st.integers(0, 40), min_size=2, max_size=40)


@given(values=SERIES)
def test_turning_values_over_turns_rules_over(values):
    up, down = xmr(values, direction=1), xmr(np.negative(values), direction=-1)
    assert up["point_type"].equals(down["point_type"])
    assert up["upl"].to_numpy() == pytest.approx(-down["lpl"].to_numpy())


@given(values=SERIES, shift=st.integers(-50, 50))
def test_a_shift_of_all_values_moves_limits_and_no_verdict(values, shift):
    old, new = xmr(values), xmr(np.add(values, shift))
    assert old["type"].equals(new["type"])
    assert new["lpl"].to_numpy() - old["lpl"].to_numpy() == pytest.approx(shift)


def test_seven_on_one_side_are_a_shift_and_six_are_not():
    quiet = [11, 9, 12, 8, 11, 9, 12, 8, 11, 9]
    for run, found in ((6, False), (7, True)):
        values = [*quiet, *[10.9, 11.2] * 4][: len(quiet) + run]
        chart = xmr([*values, 9, 11], fix_after=len(quiet))
        flagged = chart["type"].iloc[len(quiet) : len(quiet) + run].eq("7 Points Above CL")
        assert flagged.all() == found


def test_seven_going_down_are_a_trend_and_the_first_of_them_counts():
    chart = xmr([20, 14, 17, 16, 15, 14, 13, 12, 11, 18, 20], screen_outliers=False)
    assert chart["type"].tolist()[2:9] == ["7 Point Trend (Decreasing)"] * 7
    assert chart["type"][1] == "Common Cause"


def test_two_of_three_near_a_limit_are_flagged_and_the_third_is_not():
    base = [10, 12] * 10
    chart = xmr([*base, 15.5, 12, 15.5, 10], fix_after=20)
    assert chart["type"].tolist()[20:23] == ["2 in 3 Above CL", "Common Cause", "2 in 3 Above CL"]
