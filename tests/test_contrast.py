"""Differences and ratios of two groups: against statsmodels, scipy, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.rates import confint_poisson_2indep

from lsp_analysis.errors import ParameterError
from lsp_analysis.standing.comparison.contrast import (
    difference_of_proportions,
    exact_rate_test,
    ratio_of_proportions,
    ratio_of_rates,
)


def test_newcombes_limits_are_those_of_his_worked_example():
    # Newcombe (1998), Statistics in Medicine 17, table II, example (a), method 10.
    gap = difference_of_proportions(56, 70, 48, 80)
    assert [gap.estimate, gap.low, gap.high] == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


def test_score_limits_of_a_ratio_are_those_found_by_search():
    ratio = ratio_of_rates(30, 1000, 50, 3000)
    searched = confint_poisson_2indep(30, 1000, 50, 3000, method="score", compare="ratio")
    assert [ratio.low, ratio.high] == pytest.approx(searched, rel=1e-6)


def test_exact_limits_exclude_one_when_the_exact_test_does():
    share = stats.binomtest(3, 53, 0.25)
    ratio = ratio_of_rates(3, 1000, 50, 3000, method="exact")
    assert exact_rate_test(3, 1000, 50, 3000) == pytest.approx(share.pvalue)
    assert ratio.high == pytest.approx(
        3 * share.proportion_ci().high / (1 - share.proportion_ci().high)
    )
    assert ratio.high < 1


def test_no_events_on_one_side_leaves_an_open_end():
    none_here = ratio_of_rates(0, 1000, 50, 3000)
    none_there = ratio_of_rates(5, 1000, 0, 3000)
    assert none_here.low == 0
    assert np.isinf(none_there.high)
    assert np.isnan(ratio_of_rates(0, 1000, 50, 3000, method="wald-log").low)
    assert np.isnan(ratio_of_proportions(0, 60, 410, 5200).low)


def test_rows_are_worked_on_as_if_each_came_alone():
    x1, x2 = np.array([0, 7, 30]), np.array([12, 0, 50])
    together = ratio_of_rates(x1, 1000, x2, 3000)
    alone = [ratio_of_rates(a, 1000, b, 3000) for a, b in zip(x1, x2, strict=True)]
    assert together.high == pytest.approx([float(one.high) for one in alone])


def test_an_unknown_method_is_answered_with_the_ones_there_are():
    with pytest.raises(ParameterError, match="score, wald-log, exact"):
        ratio_of_rates(1, 2, 3, 4, method="scores")
