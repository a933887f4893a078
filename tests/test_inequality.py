"""Slope index, concentration, segregation."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.errors import ParameterError
from lsp_analysis.standing.inequality import concentration, segregation, slope_index

PEOPLE = [20.0, 20, 20, 20, 20]


def test_values_on_a_line_have_the_lines_ends_as_their_index():
    position = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    found = slope_index(PEOPLE, 70 + 10 * position, se=[0.1] * 5)
    assert found.sii == pytest.approx(10)
    assert found.rii == pytest.approx(80 / 70)
    turned = slope_index(PEOPLE, 70 + 10 * position, se=[0.1] * 5, multiplier=-1)
    assert turned.sii == pytest.approx(-10)
    assert turned.rii == pytest.approx(70 / 80)


def test_simulated_limits_are_those_of_normal_theory():
    value = np.array([70.0, 73, 74, 78, 79])
    found = slope_index(PEOPLE, value, se=[0.5] * 5)
    position = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    error = 0.5 / np.sqrt(((position - 0.5) ** 2).sum())
    assert found.sii_high - found.sii_low == pytest.approx(2 * 1.96 * error, rel=0.02)


def test_a_seed_fixes_the_limits():
    draw = [slope_index(PEOPLE, [9.0, 8, 7, 7, 5], se=[1.0] * 5, seed=s).sii_low for s in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_errors_given_either_way_agree(transform):
    value, se = np.array([0.3, 0.25, 0.22, 0.2, 0.15]), 0.001
    by_error = slope_index(PEOPLE, value, se=[se] * 5, transform=transform, seed=2)
    low, high = value - 1.959964 * se, value + 1.959964 * se
    by_limits = slope_index(PEOPLE, value, low=low, high=high, transform=transform, seed=2)
    assert by_error.sii_low == pytest.approx(by_limits.sii_low, rel=1e-3)


def test_a_slope_without_errors_or_with_two_groups_is_refused():
    with pytest.raises(ParameterError, match="standard errors"):
        slope_index(PEOPLE, [1.0, 2, 3, 4, 5])
    with pytest.raises(ParameterError, match="3 groups"):
        slope_index([1.0, 1.0], [1.0, 2.0], se=[0.1, 0.1])


def test_equal_shares_lie_on_the_line_and_all_with_the_poorest_at_its_end():
    even = concentration([1, 2, 3, 4], [5, 5, 5, 5], [10, 10, 10, 10])
    assert even.index == pytest.approx(0)
    poorest = concentration([1, 2, 3, 4], [20, 0, 0, 0], [10, 10, 10, 10])
    assert poorest.index == pytest.approx(-0.75)
    richest = concentration([4, 3, 2, 1], [20, 0, 0, 0], [10, 10, 10, 10])
    assert richest.index == pytest.approx(0.75)


def test_the_concentration_index_is_twice_the_covariance_with_rank():
    # Kakwani, Wagstaff and van Doorslaer (1997), equation 2, for groups of equal size.
    outcome = np.array([9.0, 7, 8, 3, 2])
    rank = (np.arange(5) + 0.5) / 5
    expected = 2 * np.cov(outcome, rank, ddof=0)[0, 1] / outcome.mean()
    assert concentration(range(5), outcome, [10] * 5).index == pytest.approx(expected)


def test_segregation_does_not_depend_on_how_large_the_areas_are_drawn():
    whole = segregation([20, 60], [100, 100])
    split = segregation([10, 10, 30, 30], [50, 50, 50, 50])
    assert whole.to_numpy() == pytest.approx(split.to_numpy())


def test_segregation_leaves_empty_areas_out():
    assert segregation([20, 60, 0], [100, 100, 0]).equals(segregation([20, 60], [100, 100]))
