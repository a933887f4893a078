"""Looks: published bounds, the right chances, conditional power by simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from lsp_analysis.experiments.analysis.boundaries import (
    conditional_power,
    crossing_chances,
    spending_bounds,
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
        pytest.param(
            "pocock",
            0.01,
            [2.772, 2.873, 2.939, 2.986, 3.023, 3.053, 3.078, 3.099, 3.117],
            marks=pytest.mark.slow,
        ),
        ("pocock", 0.05, [2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555]),
        pytest.param(
            "pocock",
            0.10,
            [1.875, 1.992, 2.067, 2.122, 2.164, 2.197, 2.225, 2.249, 2.270],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "obrien_fleming",
            0.01,
            [2.580, 2.595, 2.609, 2.621, 2.631, 2.640, 2.648, 2.654, 2.660],
            marks=pytest.mark.slow,
        ),
        ("obrien_fleming", 0.05, [1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087]),
        pytest.param(
            "obrien_fleming",
            0.10,
            [1.678, 1.710, 1.733, 1.751, 1.765, 1.776, 1.786, 1.794, 1.801],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_constants_are_the_published_ones(kind, alpha, constants):
    for k, constant in zip(range(2, 11), constants, strict=True):
        times = np.arange(1, k + 1) / k
        shape = np.ones(k) if kind == "pocock" else 1 / np.sqrt(times)
        spent = crossing_chances(constant * shape, times).sum()
        assert spent == pytest.approx(alpha, abs=3e-4)


@pytest.mark.parametrize(
    ("kind", "fractions", "z"),
    [
        # Lan and DeMets' spending functions at equally spaced looks, as tabulated for ldbounds
        ("obrien_fleming", [0.2, 0.4, 0.6, 0.8, 1], [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [0.2, 0.4, 0.6, 0.8, 1], [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        ("obrien_fleming", [0.5, 1], [2.9626, 1.9686]),
        ("pocock", [0.5, 1], [2.1570, 2.2010]),
    ],
)
def test_spending_bounds_are_the_published_ones(kind, fractions, z):
    assert spending_bounds(tuple(fractions), kind).z == pytest.approx(z, abs=5e-4)


def test_what_was_spent_does_not_depend_on_what_was_planned():
    late = spending_bounds((0.35, 0.8, 1.0), "pocock")
    assert spending_bounds((0.35,), "pocock").z == pytest.approx(late.z[:1])
    assert spending_bounds((0.35, 0.8), "pocock").z == pytest.approx(late.z[:2])


@pytest.mark.parametrize("kind", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("looks", [[0.5, 1.0], [0.2, 0.7, 1.0]])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_all_looks_together_keep_their_alpha(kind, looks, alpha):
    bounds = spending_bounds(tuple(looks), kind, alpha)
    assert crossing_chances(bounds.z, bounds.fractions).sum() == pytest.approx(alpha, abs=1e-7)
    crossed = (np.abs(paths(bounds.fractions)) >= bounds.z).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=0.002)


def test_an_early_obrien_fleming_look_is_strict():
    bounds = spending_bounds((0.25, 0.5, 0.75, 1), "obrien_fleming")
    assert list(bounds.z) == sorted(bounds.z, reverse=True)
    assert bounds.z[0] > 2 * bounds.z[-1]


def test_crossing_chances_with_an_effect_are_those_of_a_simulation():
    bounds = spending_bounds((1 / 3, 2 / 3, 1), "pocock")
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
    only = spending_bounds((1.0,), "pocock")
    assert only.z == pytest.approx((norm.isf(0.025),), abs=1e-6)


def test_bounds_explain_themselves():
    bounds = spending_bounds((1 / 3, 2 / 3, 1), "obrien_fleming")
    assert "three looks" in bounds.sentence()
    assert bounds.summary_frame()["error_by_then"].iloc[-1] == pytest.approx(0.05)
