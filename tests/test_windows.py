"""Panels laid out as areas by periods, and the windows they are summed over."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.effects.one_area.windows import (
    read_ledger,
    start_position,
    treated_rows,
    windows_before,
)
from lsp_analysis.errors import AreaError, PanelError

PANEL = pd.DataFrame(
    {
        "area_code": ["b", "a", "a", "b"],
        "period": pd.PeriodIndex(["2008-02", "2008-02", "2008-01", "2008-01"], freq="M"),
        "count": [4.0, 2.0, 1.0, np.nan],
        "people": [10, 20, 20, 10],
    }
)


def test_counts_and_people_are_added_up_by_area_and_period():
    ledger = read_ledger(PANEL, outcome="count", population="people")
    assert ledger.counts
    assert ledger.codes.tolist() == ["a", "b"]
    assert ledger.total.tolist() == [[1, 2], [0, 4]]
    assert ledger.sums(0, 2)[0].tolist() == [3, 4]


def test_a_missing_value_has_neither_a_count_nor_people():
    ledger = read_ledger(PANEL, outcome="count", population="people")
    assert ledger.exposure.tolist() == [[20, 20], [0, 10]]


def test_values_that_are_not_whole_are_weighted_means():
    ledger = read_ledger(
        PANEL.assign(count=PANEL["count"] / 3), outcome="count", population="people"
    )
    assert not ledger.counts
    total, exposure = ledger.sums(0, 2)
    assert (total / exposure)[0] == pytest.approx((1 / 3 + 2 / 3) / 2)


@given(st.integers(2, 120), st.sampled_from([1, 4, 12]), st.integers(1, 3))
def test_windows_tile_all_periods_before_the_start_the_last_first(position, cycle, most):
    windows = windows_before(position, cycle, most)
    assert 1 <= len(windows) <= most
    assert windows[0][1] == position
    assert windows[-1][0] == 0
    assert all(first < last for first, last in windows)
    assert all(a[0] == b[1] for a, b in pairwise(windows))


def test_the_last_half_year_is_a_window_of_its_own():
    assert windows_before(36, 12, 3) == [(30, 36), (12, 30), (0, 12)]


@pytest.mark.parametrize(
    ("start", "words"), [("2008-01", "fewer than two"), ("2009-01", "ends at 2008-02")]
)
def test_a_start_without_a_before_or_an_after_is_refused(start, words):
    ledger = read_ledger(PANEL, outcome="count", population="people")
    with pytest.raises(PanelError, match=words):
        start_position(ledger, start)


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (PANEL.head(0), "no rows"),
        (pd.concat([PANEL, PANEL]), "repeat an"),
        (PANEL.assign(people=0), "zero or less"),
        (PANEL.astype({"count": object}).assign(count="many"), "not a number"),
    ],
)
def test_panels_that_cannot_be_laid_out_are_refused(panel, words):
    with pytest.raises(PanelError, match=words):
        read_ledger(panel, outcome="count", population="people")


def test_an_unknown_treated_area_is_refused():
    ledger = read_ledger(PANEL, outcome="count", population=None)
    with pytest.raises(AreaError, match="'c' is not among the panel's 2 areas"):
        treated_rows(ledger, ["a", "c"])
