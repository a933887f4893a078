"""One exact test and the interval inverted from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lsp_analysis.standing.comparison.exact import compare_rates, compare_shares

EVENTS, PEOPLE = st.integers(0, 120), st.integers(121, 4000)


def one(compare, *counts, level=0.95):
    return {name: array[0] for name, array in compare(*([n] for n in counts), level=level).items()}


@pytest.mark.parametrize("compare", [compare_rates, compare_shares])
@settings(deadline=None, max_examples=60)
@given(x1=EVENTS, n1=PEOPLE, x2=EVENTS, n2=PEOPLE, level=st.sampled_from([0.8, 0.95, 0.998]))
def test_test_and_interval_always_agree(compare, x1, n1, x2, n2, level):
    found = one(compare, x1, n1, x2, n2, level=level)
    if abs(found["p_value"] - (1 - level)) < 1e-9:
        return
    rejected = found["p_value"] < 1 - level
    assert rejected == (found["difference_low"] > 0 or found["difference_high"] < 0)
    if x1 + x2:
        assert rejected == (found["ratio_low"] > 1 or found["ratio_high"] < 1)
    assert found["difference_low"] <= found["difference"] <= found["difference_high"]


@pytest.mark.parametrize("compare", [compare_rates, compare_shares])
@settings(deadline=None, max_examples=40)
@given(x1=EVENTS, n1=PEOPLE, x2=EVENTS, n2=PEOPLE)
def test_swapping_the_groups_flips_every_sign(compare, x1, n1, x2, n2):
    there, back = one(compare, x1, n1, x2, n2), one(compare, x2, n2, x1, n1)
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["difference_low"] == pytest.approx(-back["difference_high"], abs=1e-9)
    assert there["difference_high"] == pytest.approx(-back["difference_low"], abs=1e-9)
    assert there["p_value"] == pytest.approx(back["p_value"])
    if x1 and x2:
        assert there["ratio_low"] * back["ratio_high"] == pytest.approx(1)


def test_limits_of_two_shares_are_those_of_the_conditional_odds_ratio():
    found = one(compare_shares, 8, 10, 900, 1570)
    table = stats.contingency.odds_ratio([[8, 2], [900, 670]])
    limits = table.confidence_interval(0.95)
    for end, odds in (("low", limits.low), ("high", limits.high)):
        other = 900 / 1570 - 0.0  # solve for the two shares at these odds and this total
        own = np.roots([10 * (1 - odds), 10 * odds - 908 * (1 - odds) + 1570, -908 * odds])
        own = own[(own > 0) & (own < 1)][0]
        other = (908 - 10 * own) / 1570
        assert found[f"difference_{end}"] == pytest.approx(own - other, rel=1e-6)
    fixed = stats.hypergeom(1580, 908, 10)
    assert found["p_value"] == pytest.approx(2 * min(fixed.cdf(8), fixed.sf(7)))


def test_the_gcse_example_is_not_called_a_difference():
    # 8 of 10 pupils against 57%: log limits of the ratio exclude one, the test does not reject.
    found = one(compare_shares, 8, 10, 900, 1570)
    assert found["ratio"] == pytest.approx(1.3956, abs=1e-4)
    assert found["ratio_low"] < 1 < found["ratio_high"]
    assert found["p_value"] > 0.1


@pytest.mark.parametrize("expected", [0.2, 0.5, 1.0, 2.0, 5.0, 20.0])
def test_the_false_positive_rate_is_at_most_five_in_a_hundred(expected):
    # The rest is so large that its events hardly vary: every count of the area in turn.
    counts = np.arange(0, int(expected + 12 * np.sqrt(expected)) + 12)
    rest = np.full(len(counts), round(5000 * expected))
    p = compare_rates(counts, np.ones(len(counts)), rest, np.full(len(counts), 5000.0))["p_value"]
    rate = stats.poisson(expected).pmf(counts)[p < 0.05].sum()
    assert rate <= 0.055
    people = round(40 * max(1.0, expected))
    counts = np.arange(0, people + 1)
    whole = np.full(people + 1, 500 * people)
    p = compare_shares(
        counts, np.full(people + 1, people), np.full(people + 1, round(500 * expected)), whole
    )["p_value"]
    assert stats.binom(people, expected / people).pmf(counts)[p < 0.05].sum() <= 0.055


def test_nothing_observed_on_either_side_leaves_room_for_what_may_be():
    for compare in (compare_rates, compare_shares):
        found = one(compare, 0, 100, 0, 5000)
        assert found["p_value"] == 1
        assert found["difference_low"] < 0 < found["difference_high"] < 0.06


def test_effective_counts_need_not_be_whole_and_missing_ones_stay_missing():
    found = compare_rates([12.4, np.nan], [0.01, 1.0], [300.7, 3.0], [0.3, 1.0])
    assert found["difference_low"][0] < found["difference"][0] < found["difference_high"][0]
    assert np.isnan(found["p_value"][1])
