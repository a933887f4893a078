"""Ranks among placebos, and the intervals they imply."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lsp_analysis.effects.parts import placebo_inference, rank_p

PLACEBOS = np.random.default_rng(0).normal(size=39)


def test_p_is_never_0_and_counts_ties_against_us():
    assert rank_p(10.0, np.abs(PLACEBOS)) == (1, 1 / 40)
    assert rank_p(2.0, np.array([2.0, 2.0, 1.0])) == (3, 3 / 4)


@pytest.mark.parametrize("level", [0.95, 0.9, 0.8])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_interval_holds_what_the_test_does_not_reject(level, scale):
    found = placebo_inference([1.3, *PLACEBOS], level, np.array([scale, *np.ones(39)]))
    inside = np.linspace(found.low + 1e-6, found.high - 1e-6, 50)
    outside = [found.low - 1e-6, found.high + 1e-6]

    def p(effect: float) -> float:
        return rank_p(abs(1.3 - effect) / scale, np.abs(PLACEBOS))[1]

    assert min(p(effect) for effect in inside) > 1 - level + 1e-12
    assert max(p(effect) for effect in outside) <= 1 - level + 1e-12


def test_an_effect_of_the_smallest_size_is_found_four_times_in_five():
    placebos = np.random.default_rng(1).normal(size=999)
    found = placebo_inference([0.0, *placebos])
    draws = np.random.default_rng(2).normal(size=4_000)
    power = np.mean(
        [rank_p(abs(d), np.abs(placebos))[1] <= 0.05 for d in draws + found.smallest_effect]
    )
    assert power == pytest.approx(0.8, abs=0.04)


def test_scaling_makes_a_noisy_placebo_no_threat():
    errors = np.array([1.0, 9.0, *np.ones(39)])
    assert placebo_inference([4.0, 9.0, *PLACEBOS], errors=errors).p_value == pytest.approx(1 / 41)


def test_too_few_placebos_give_a_p_value_and_no_interval():
    found = placebo_inference([9.0, *PLACEBOS[:10]])
    assert found.p_value == pytest.approx(1 / 11)
    assert math.isnan(found.low)
    assert "needs 19 placebos" in found.warning


def test_no_placebos_give_nothing():
    found = placebo_inference([9.0])
    assert math.isnan(found.p_value)
    assert found.warning
