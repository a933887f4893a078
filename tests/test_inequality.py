"""The slope and the relative index of inequality."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.standing.inequality.gradient import slope_index

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


def test_the_same_values_give_the_same_limits():
    draw = [slope_index(PEOPLE, [9.0, 8, 7, 7, 5], se=[1.0] * 5).sii_low for _ in range(2)]
    assert draw[0] == draw[1]


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_errors_given_either_way_agree(transform):
    value, se = np.array([0.3, 0.25, 0.22, 0.2, 0.15]), 0.001
    by_error = slope_index(PEOPLE, value, se=[se] * 5, transform=transform)
    low, high = value - 1.959964 * se, value + 1.959964 * se
    by_limits = slope_index(PEOPLE, value, limits=(low, high), transform=transform)
    assert by_error.sii_low == pytest.approx(by_limits.sii_low, rel=1e-3)
