"""Looks: published bounds, the right chances, conditional power by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from lsp_analysis.errors import ParameterError
from lsp_analysis.experiments.analysis.boundaries import (
    conditional_power,
    crossing_chances,
    group_sequential_bounds,
)


def paths(times, drift=0.0, n=200_000, seed=0):
    """Statistics at each look of simulated experiments."""
    rng = np.random.default_rng(seed)
    steps = np.diff([0, *times])
    moves = rng.normal(drift * steps, np.sqrt(steps), (n, len(times)))
    return moves.cumsum(axis=1) / np.sqrt(times)


@pytest.mark.parametrize(
    ("kind", "alpha", "constants"),
    [
        # Jennison and Turnbull (2000), tables 2.1 and 2.3, two to ten looks
        ("pocock", 0.01, [2.772, 2.873, 2.939, 2.986, 3.023, 3.053, 3.078, 3.099, 3.117]),
        ("pocock", 0.05, [2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555]),
        ("pocock", 0.10, [1.875, 1.992, 2.067, 2.122, 2.164, 2.197, 2.225, 2.249, 2.270]),
        ("obrien_fleming", 0.01, [2.580, 2.595, 2.609, 2.621, 2.631, 2.640, 2.648, 2.654, 2.660]),
        ("obrien_fleming", 0.05, [1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087]),
        ("obrien_fleming", 0.10, [1.678, 1.710, 1.733, 1.751, 1.765, 1.776, 1.786, 1.794, 1.801]),
    ],
)
def test_constants_are_the_published_ones(kind, alpha, constants):
    found = [group_sequential_bounds(k, kind, alpha=alpha).constant for k in range(2, 11)]
    assert found == pytest.approx(constants, abs=6e-4)


@pytest.mark.parametrize("kind", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("looks", [2, 4, [0.2, 0.7, 1.0]])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_all_looks_together_keep_their_alpha(kind, looks, alpha):
    bounds = group_sequential_bounds(looks, kind, alpha=alpha)
    assert crossing_chances(bounds.z, bounds.fractions).sum() == pytest.approx(alpha, abs=1e-7)
    crossed = (np.abs(paths(bounds.fractions)) >= bounds.z).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=0.002)


def test_an_early_obrien_fleming_look_is_strict():
    bounds = group_sequential_bounds(4)
    assert list(bounds.z) == sorted(bounds.z, reverse=True)
    assert bounds.z[0] == pytest.approx(2 * bounds.constant)
    assert len(set(group_sequential_bounds(4, "pocock").z)) == 1


def test_crossing_chances_with_an_effect_are_those_of_a_simulation():
    bounds = group_sequential_bounds(3, "pocock")
    told = crossing_chances(bounds.z, bounds.fractions, drift=2.8)
    crossed = np.abs(paths(bounds.fractions, drift=2.8)) >= bounds.z
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), -1)
    assert told == pytest.approx([(first == k).mean() for k in range(3)], abs=0.004)


@pytest.mark.parametrize(
    ("z", "fraction", "drift"), [(1.5, 0.5, 2.8), (-0.4, 0.3, 2.8), (2, 0.8, None)]
)
def test_conditional_power_is_that_of_a_simulation(z, fraction, drift):
    rng = np.random.default_rng(1)
    side = np.sign(z)
    mean = abs(z) / np.sqrt(fraction) if drift is None else side * drift
    end = abs(z) * np.sqrt(fraction) + rng.normal(
        mean * (1 - fraction), np.sqrt(1 - fraction), 400_000
    )
    told = conditional_power(z, fraction, bound=1.96, drift=drift)
    assert told == pytest.approx((end >= 1.96).mean(), abs=0.003)


def test_one_look_is_the_usual_test():
    only = group_sequential_bounds(1)
    assert only.z == pytest.approx((norm.isf(0.025),))


def test_bounds_explain_themselves():
    bounds = group_sequential_bounds(3)
    assert "three looks" in bounds.sentence()
    assert bounds.summary_frame()["false_alarm_by_then"].iloc[-1] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("looks", "kind", "alpha"),
    [(0, "pocock", 0.05), ([0.5, 0.9], "pocock", 0.05), (2, "haybittle", 0.05), (2, "pocock", 5)],
)
def test_bounds_that_make_no_sense_are_refused(looks, kind, alpha):
    with pytest.raises(ParameterError):
        group_sequential_bounds(looks, kind, alpha=alpha)


def test_conditional_power_at_the_end_is_refused():
    with pytest.raises(ParameterError, match="between 0 and 1"):
        conditional_power(1.5, 1.0, bound=1.96)
