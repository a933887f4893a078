"""Small areas taken together."""

from __future__ import annotations

import numpy as np
import pytest
from standing_panels import COUNT, RATE, SCORE, SHARE, codes, panel_of
from statsmodels.stats.weightstats import DescrStatsW

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.intervals import group_limits, group_series
from lsp_analysis.study.indicator import Indicator

STAY = Indicator("stay", "Length of stay", "mean", "mean", 1000.0)


def test_rates_are_sums_over_sums():
    panel = panel_of([[10, 12], [30, 5], [4, 9]], [[500], [2000], [700]], multiplier=1000)
    ours = group_series(panel, codes(0, 1), indicator=RATE)
    assert ours["value"].tolist() == pytest.approx([1000 * 40 / 2500, 1000 * 17 / 2500])
    assert ours["numerator"].tolist() == [40, 17]


def test_a_missing_part_makes_an_area_missing_and_a_comparator_smaller():
    panel = panel_of([[10, 12], [np.nan, 5]], 1000, multiplier=1000)
    own = group_series(panel, codes(0, 1), indicator=RATE)
    other = group_series(panel, codes(0, 1), indicator=RATE, leave_out_missing=True)
    assert np.isnan(own["value"][0])
    assert other["value"].tolist() == [10, 8.5]
    assert own["note"].tolist() == ["1 of 2 small areas without a value", ""]


def test_a_code_that_is_not_there_is_missing():
    panel = panel_of([[10.0]], 1000, multiplier=1000)
    assert group_series(panel, ["A00", "A99"], indicator=RATE)["n_missing"].tolist() == [1]
    with pytest.raises(PanelError, match="Check the codes"):
        group_series(panel, ["A99"], indicator=RATE)


def test_areas_of_one_size_spread_as_a_simple_sample_does():
    values = np.array([[30.0], [12.0], [20.0], [26.0]])
    panel = panel_of(values, 1000, multiplier=1000)
    series = group_series(panel, codes(0, 1, 2, 3), indicator=STAY)
    low, high = group_limits(series, indicator=STAY, level=0.95)
    sample = DescrStatsW(values.ravel()).tconfint_mean()
    assert [low[0], high[0]] == pytest.approx(sample)


def test_a_score_is_averaged_and_a_count_added_up():
    panel = panel_of([[30.0], [12.0]], 1, multiplier=1).assign(numerator=np.nan, denominator=np.nan)
    assert group_series(panel, codes(0, 1), indicator=SCORE)["value"].tolist() == [21]
    counts = panel_of([[30.0], [12.0]], np.nan, multiplier=1)
    assert group_series(counts, codes(0, 1), indicator=COUNT)["value"].tolist() == [42]


@pytest.mark.slow
def test_the_spread_of_unequal_areas_has_the_right_coverage():
    # Areas drawn afresh: the interval should hold the true ratio about 95 times in 100.
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(400):
        people = rng.integers(500, 3000, 12)
        claims = rng.binomial(people, rng.beta(8, 72, 12))
        panel = panel_of(claims[:, None], people[:, None], multiplier=1000)
        series = group_series(panel, codes(*range(12)), indicator=STAY)
        low, high = group_limits(series, indicator=STAY, level=0.95)
        hits += low[0] <= 100 <= high[0]
    assert 0.9 <= hits / 400 <= 0.98


def test_no_spread_is_claimed_for_one_area():
    panel = panel_of([[30.0], [12.0]], 1000, multiplier=1000)
    series = group_series(panel, codes(0), indicator=STAY)
    assert np.isnan(series["se"][0])
    assert series["value"][0] == 30


def test_shares_have_the_same_sums_in_any_order_of_rows():
    panel = panel_of([[10, 12], [30, 5]], [[500], [2000]], multiplier=100)
    shuffled = panel.sample(frac=1, random_state=3)
    a, b = (group_series(p, codes(0, 1), indicator=SHARE) for p in (panel, shuffled))
    assert a.equals(b)
