"""Looking at many outcomes is allowed for, and no more than that."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.effects.outcomes.many import omnibus, romano_wolf


def draws(n_outcomes: int, n_placebos: int = 170, *, alike: float = 0.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n_placebos + 1, 1))
    own = rng.standard_normal((n_placebos + 1, n_outcomes))
    return np.sqrt(alike) * shared + np.sqrt(1 - alike) * own


def by_definition(statistics: np.ndarray) -> np.ndarray:
    """Romano and Wolf's step-down, one outcome at a time."""
    sizes = np.abs(statistics) / np.sqrt((statistics[1:] ** 2).mean(axis=0))
    left, last = list(range(sizes.shape[1])), 0.0
    found = np.zeros(sizes.shape[1])
    while left:
        top = max(left, key=lambda j: sizes[0, j])
        beaten = sum(max(row[j] for j in left) >= sizes[0, top] for row in sizes[1:])
        last = max(last, (beaten + 1) / len(sizes))
        found[top] = last
        left.remove(top)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_step_down_of_its_definition(seed):
    statistics = draws(6, 60, alike=0.3, seed=seed)
    assert romano_wolf(statistics) == pytest.approx(by_definition(statistics))


def test_a_false_finding_anywhere_is_as_rare_as_claimed():
    smallest = [romano_wolf(draws(12, 100, alike=0.4, seed=s)).min() for s in range(600)]
    assert np.mean(np.array(smallest) <= 0.05) == pytest.approx(0.05, abs=0.025)


def test_outcomes_that_go_together_are_not_paid_for_twice():
    one = draws(1, 200, seed=3)
    one[0] = 2.6
    many = np.repeat(one, 20, axis=1)
    assert romano_wolf(many) == pytest.approx(np.repeat(romano_wolf(one), 20))


def test_an_outcome_is_adjusted_upwards_and_the_order_kept():
    statistics = draws(8, seed=2)
    raw = np.array([romano_wolf(statistics[:, [j]])[0] for j in range(8)])
    adjusted = romano_wolf(statistics)
    assert (adjusted >= raw - 1e-12).all()
    sizes = np.abs(statistics[0]) / np.sqrt((statistics[1:] ** 2).mean(axis=0))
    assert (np.diff(adjusted[np.argsort(-sizes)]) >= 0).all()


def test_scales_of_outcomes_do_not_matter():
    statistics = draws(5, seed=4)
    assert romano_wolf(statistics * [1, 10, 0.1, 5, 2]) == pytest.approx(romano_wolf(statistics))
    assert omnibus(statistics * [1, 10, 0.1, 5, 2]) == omnibus(statistics)


def test_the_omnibus_test_sees_many_small_effects_that_no_single_outcome_shows():
    statistics = draws(12, seed=6)
    statistics[0] = 1.6
    assert romano_wolf(statistics).min() > 0.05
    assert omnibus(statistics) <= 0.05


def test_the_omnibus_test_is_as_rarely_wrong_as_claimed():
    found = [omnibus(draws(12, 100, alike=0.4, seed=s)) <= 0.05 for s in range(600)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.025)


def test_the_worst_place_is_no_omnibus_finding_because_its_outcomes_go_together_more():
    alarms = {"evened": 0, "plain": 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        levels = rng.normal(0, 1, 151)
        levels[0] = 2.8
        together = np.clip(0.25 + 0.2 * levels, 0, 0.9)[:, None]
        noise = rng.normal(size=(151, 10))
        shared = rng.normal(size=(151, 1))
        statistics = np.sqrt(together) * shared + np.sqrt(1 - together) * noise
        alarms["evened"] += omnibus(statistics, levels) <= 0.05
        alarms["plain"] += omnibus(statistics) <= 0.05
    assert alarms["plain"] > 30
    assert alarms["evened"] <= 27
