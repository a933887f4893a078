"""Rates and their intervals: against exact distributions, published tables and edge cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from standing_panels import CLAIMS, COUNT, RATE, SCORE, SHARE, panel_of

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.standing.comparison.intervals import (
    as_events,
    byar_limits,
    exact_poisson_limits,
    mean_limits,
    poisson_limits,
    row_limits,
    wilson_limits,
)


@given(count=st.integers(1, 200), level=st.sampled_from([0.8, 0.95, 0.998]))
def test_exact_limits_leave_half_the_rest_in_each_tail(count, level):
    lower, upper = exact_poisson_limits([count], level=level)
    tail = (1 - level) / 2
    assert stats.poisson.sf(count - 1, lower[0]) == pytest.approx(tail)
    assert stats.poisson.cdf(count, upper[0]) == pytest.approx(tail)


@given(count=st.integers(10, 5000))
def test_byar_limits_are_close_to_exact_ones_from_ten_events(count):
    for approximate, exact in zip(byar_limits([count]), exact_poisson_limits([count]), strict=True):
        assert approximate[0] == pytest.approx(exact[0], rel=2e-3)


KINDS = (RATE, SHARE, COUNT, CLAIMS, SCORE)


def test_limits_are_exact_below_ten_and_byars_from_ten():
    counts = np.array([0.0, 3.0, 9.0, 10.0, 250.0])
    lower, upper = poisson_limits(counts)
    for limits, exact, byar in zip(
        (lower, upper), exact_poisson_limits(counts), byar_limits(counts), strict=True
    ):
        assert limits[:3] == pytest.approx(exact[:3])
        assert limits[3:] == pytest.approx(byar[3:])


def limits_of(counts, people, indicator=RATE):
    panel = panel_of(np.transpose([counts]), np.transpose([people]), multiplier=1.0)
    return row_limits(panel, indicator=indicator, level=0.95)


def test_no_events_is_data():
    low, high = limits_of([0], [1200])
    assert low[0] == 0
    assert high[0] == pytest.approx(1000 / 1200 * -np.log(0.025))


def test_nobody_there_means_no_rate():
    assert np.isnan(limits_of([0, 4], [0, np.nan])).all()
    assert np.isnan(wilson_limits([0, np.nan], [0, 50])).all()


def test_a_negative_count_is_refused():
    with pytest.raises(PanelError, match="negative"):
        limits_of([-1], [100])


@given(n=st.integers(1, 500), data=st.data())
def test_a_proportion_and_its_complement_have_mirrored_limits(n, data):
    x = data.draw(st.integers(0, n))
    (low,), (high,) = wilson_limits([x], [n])
    assert low == pytest.approx(1 - wilson_limits([n - x], [n])[1][0], abs=1e-11)
    assert 0 <= low <= x / n <= high <= 1


def test_one_value_has_a_mean_and_no_limits():
    low, high = mean_limits([1.0, 3.0], [np.nan, np.sqrt(2)], [1, 2])
    assert np.isnan(low[0])
    assert [low[1], high[1]] == pytest.approx(stats.t.interval(0.95, 1, loc=3, scale=1))


def test_mean_limits_take_any_level():
    low, high = mean_limits([5.0], [2.0], [16], level=0.9)
    assert (high[0] - low[0]) / 2 == pytest.approx(stats.t.ppf(0.95, 15) * 0.5)


def test_each_kind_of_number_gets_its_own_interval():
    panel = panel_of([[30.0]], 1000, multiplier=1000)
    high = {i.value_type: row_limits(panel, indicator=i, level=0.95)[1][0] for i in KINDS}
    wilson = stats.binomtest(30, 1000).proportion_ci(method="wilson").high
    assert high["rate"] == high["count"] == pytest.approx(poisson_limits([30])[1][0])
    assert high["proportion"] == pytest.approx(100 * wilson)
    assert high["person_periods"] == pytest.approx(1000 * wilson)  # a stock: one reading
    assert np.isnan(high["score"])


def test_a_share_above_the_whole_is_refused_and_a_rate_above_it_is_not():
    with pytest.raises(PanelError, match="above its denominator in one row, the first 6 of 5"):
        wilson_limits([6, 2], [5, 5])
    assert np.isfinite(limits_of([6], [5])).all()


@pytest.mark.filterwarnings("error")
def test_no_rows_give_no_limits():
    assert not len(poisson_limits([])[0])
    assert not len(wilson_limits([], [])[0])


def test_a_level_in_per_cent_is_refused():
    with pytest.raises(ParameterError, match=r"0\.95 for 95%"):
        poisson_limits([3], level=95)


UGLY = {
    "text": (["5", "x"], [10, 20], "holds 'x', which is no number"),
    "negative": ([-1, 5], [10, 20], "negative in one row"),
    "infinite": ([np.inf, 5], [10, 20], "infinite"),
    "dates": (pd.to_datetime(["2020-01-01", "2020-02-01"]), [10, 20], "holds dates"),
    "two lengths": ([1, 2], [10, 20, 30], "2 counts and 3 denominators"),
}


@pytest.mark.parametrize("make", [as_events, wilson_limits])
@pytest.mark.parametrize("what", UGLY)
def test_what_is_no_count_is_refused_with_a_sentence(make, what):
    counts, people, said = UGLY[what]
    with pytest.raises(PanelError, match=said):
        make(counts, people)


@pytest.mark.parametrize(
    "counts", [pd.Series([5, pd.NA], dtype=object), pd.array([5, pd.NA], dtype="Int64"), [5, None]]
)
def test_every_kind_of_missing_count_gives_a_missing_rate(counts):
    assert np.isnan(wilson_limits(counts, [10, 10])[0]).tolist() == [False, True]


@pytest.mark.parametrize("level", [1.5, 95, 0, "95", None, np.nan])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ParameterError, match="for 95%"):
        wilson_limits([5], [10], level=level)
