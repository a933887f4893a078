"""Periods along an axis: even steps, gaps kept, few labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.figures.marks import TimeAxis
from lsp_analysis.figures.style import new_axes


def labels(periods):
    ax = new_axes()
    TimeAxis.of(periods).label(ax)
    return [text.get_text() for text in ax.get_xticklabels()]


def test_a_missing_period_breaks_the_line():
    periods = pd.PeriodIndex(["2008-01", "2008-02", "2008-04"], freq="M")
    x, y = TimeAxis.of(periods).line(periods, np.array([1.0, 2.0, 4.0]))
    assert np.isnan(y).tolist() == [False, False, True, False]
    assert np.diff(x).tolist() == [1, 1, 1]


def test_rows_in_any_order_are_drawn_in_order_of_time():
    periods = pd.PeriodIndex(["2008-03", "2008-01", "2008-02"], freq="M")
    _, y = TimeAxis.of(periods).line(periods, np.array([3.0, 1.0, 2.0]))
    assert y.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        (pd.period_range("2003-01", "2012-12", freq="M"), ["2004", "2006", "2008", "2010", "2012"]),
        (
            pd.period_range("2008-01", "2008-04", freq="M"),
            ["Jan\n2008", "Feb\n2008", "Mar\n2008", "Apr\n2008"],
        ),
        (pd.period_range("2003", "2006", freq="Y"), ["2003", "2004", "2005", "2006"]),
        (pd.period_range("2004", "2005", freq="Y-MAR"), ["2003/04", "2004/05"]),
        (pd.period_range("2008Q1", "2008Q2", freq="Q"), ["2008\nQ1", "2008\nQ2"]),
        ([2004, 2007, 2010], ["2004", "2007", "2010"]),
        (["before", "after"], ["before", "after"]),
    ],
)
def test_labels_are_few_and_short(periods, expected):
    assert labels(periods) == expected


def test_forty_years_get_at_most_eight_labels():
    assert len(labels(pd.period_range("1980", "2020", freq="Y"))) <= 8
    assert len(labels(list(range(1980, 2021)))) <= 8


def test_editions_keep_their_distance_in_years():
    steps = TimeAxis.of([2019, 2004, 2010]).steps
    assert steps.tolist() == [2004, 2010, 2019]


def test_calendar_and_financial_years_lie_where_their_middles_do():
    years = [
        *pd.period_range("2003", "2005", freq="Y"),
        *pd.period_range("2004", "2005", freq="Y-MAR"),
    ]
    steps = TimeAxis.of(pd.Series(years, dtype=object)).steps
    assert [str(p) for p in steps.index] == ["2003", "2004", "2004", "2005", "2005"]
    assert steps.to_numpy() == pytest.approx([2003.5, 2003.75, 2004.5, 2004.75, 2005.5], abs=0.01)


def test_a_start_lies_half_a_step_before_its_first_value():
    time = TimeAxis.of(pd.period_range("2008-01", "2008-12", freq="M"))
    april = time.places(pd.PeriodIndex(["2008-04"], freq="M"))[0]
    for start in (pd.Period("2008-04", "M"), "2008-04", pd.Timestamp("2008-04-01"), "2008Q2"):
        assert time.start_of(start) == pytest.approx(april - 0.5)
    assert time.start_of(pd.Timestamp("2008-04-16")) == pytest.approx(april, abs=0.02)


@pytest.mark.parametrize("moment", [None, pd.NaT, "rubbish"])
def test_a_moment_that_is_none_lies_nowhere(moment):
    assert np.isnan(TimeAxis.of(pd.period_range("2008", "2010", freq="Y")).start_of(moment))
    assert np.isnan(TimeAxis.of(["before", "after"]).start_of(moment))


def test_dates_and_plain_years_share_a_scale():
    time = TimeAxis.of([2003, 2012])
    assert time.start_of(2003) == 2003
    assert time.start_of(pd.Timestamp("2008-07-01")) == pytest.approx(2008.5, abs=0.01)
    dates = TimeAxis.of(pd.to_datetime(["2008-01-01", "2009-01-01"]))
    assert dates.steps.tolist() == pytest.approx([2008, 2009])
