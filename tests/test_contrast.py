"""Published comparisons: against statsmodels, scipy, worked examples, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.rates import confint_poisson_2indep

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.standing.comparison.exact import (
    compare_proportions,
    compare_rates,
    exact_rate_test,
    indirectly_standardised,
    judge,
    ratio_of_rates,
)
from lsp_analysis.standing.inequality.gradient import slope_index


def test_newcombes_limits_are_those_of_his_worked_example():
    # Newcombe (1998), Statistics in Medicine 17, table II, example (a), method 10.
    gap = compare_proportions(56, 70, 48, 80)
    found = [gap[f"difference{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


def test_score_limits_of_a_ratio_are_those_found_by_search():
    _, low, high = ratio_of_rates(30, 1000, 50, 3000)
    searched = confint_poisson_2indep(30, 1000, 50, 3000, method="score", compare="ratio")
    assert [low, high] == pytest.approx(searched, rel=1e-6)


def test_exact_limits_exclude_one_when_the_exact_test_does():
    share = stats.binomtest(3, 53, 0.25)
    high = compare_rates([3], [1000], [50], [3000])["ratio_high"][0]
    assert exact_rate_test(3, 1000, 50, 3000) == pytest.approx(share.pvalue)
    assert high == pytest.approx(3 * share.proportion_ci().high / (1 - share.proportion_ci().high))
    assert high < 1


def test_no_events_on_one_side_leaves_an_open_end():
    none_here = ratio_of_rates(0, 1000, 50, 3000)
    none_there = ratio_of_rates(5, 1000, 0, 3000)
    assert none_here[1] == 0
    assert np.isinf(none_there[2])
    assert np.isnan(ratio_of_rates(0, 1000, 50, 3000, method="wald-log")[1])
    assert np.isnan(compare_proportions(0, 60, 410, 5200)["ratio_low"])


def test_rows_are_worked_on_as_if_each_came_alone():
    x1, x2 = np.array([0, 7, 30]), np.array([12, 0, 50])
    together = ratio_of_rates(x1, 1000, x2, 3000)
    alone = [ratio_of_rates(a, 1000, b, 3000) for a, b in zip(x1, x2, strict=True)]
    assert together[2] == pytest.approx([float(one[2]) for one in alone])


def test_an_unknown_method_is_answered_with_the_ones_there_are():
    with pytest.raises(ParameterError, match="wald-log"):
        ratio_of_rates(1, 2, 3, 4, method="scores")


@pytest.mark.parametrize(
    ("polarity", "below", "above"),
    [
        ("low_is_good", "better", "worse"),
        ("high_is_good", "worse", "better"),
        ("none", "lower", "higher"),
    ],
)
def test_polarity_chooses_the_words(polarity, below, above):
    words = judge([-3.0, -1.0, 1.0, np.nan], [-1.0, 1.0, 3.0, 1.0], polarity=polarity)
    assert words.tolist() == [below, "similar", above, "not compared"]


def test_a_benchmark_on_the_limit_is_similar():
    assert judge(10.0, 14.0, benchmark=14.0, polarity="low_is_good") == "similar"
    assert judge(10.0, 14.0, benchmark=14.01, polarity="low_is_good") == "better"


def test_a_word_that_is_no_polarity_is_answered_with_the_nearest():
    with pytest.raises(ParameterError, match='Did you mean "low_is_good"'):
        judge(1.0, 2.0, polarity="low_is_god")


def test_no_events_at_all_have_a_ratio_of_zero_with_an_upper_limit():
    row = indirectly_standardised([0, 0], [100, 100], [100, 300], [10_000, 10_000]).loc[0]
    assert row["ratio"] == 0
    assert row["ratio_low"] == 0
    assert row["ratio_high"] == pytest.approx(-np.log(0.025) / 4)


def test_each_group_has_its_own_expected_number():
    bands = [[2, 4], [1, np.nan]], [[1000, 200], [500, 100]]
    table = indirectly_standardised(*bands, [100, 50], [10_000, 500])
    assert table["expected"].to_list() == pytest.approx([30, 15])
    assert table["ratio"][0] == pytest.approx(0.2)
    assert np.isnan(table["ratio"][1])


def test_an_age_band_without_reference_is_refused():
    with pytest.raises(PanelError, match="2 age bands and the reference 1"):
        indirectly_standardised([1, 2], [100, 100], [100], [10_000])


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_errors_given_either_way_agree(transform):
    value, se = np.array([0.3, 0.25, 0.22, 0.2, 0.15]), 0.001
    by_error = slope_index([20.0] * 5, value, se=[se] * 5, transform=transform)
    low, high = value - 1.959964 * se, value + 1.959964 * se
    by_limits = slope_index([20.0] * 5, value, limits=(low, high), transform=transform)
    assert by_error.sii_low == pytest.approx(by_limits.sii_low, rel=1e-3)
