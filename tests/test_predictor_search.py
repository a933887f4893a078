"""The search for predictor weights: never above its starts, within its bounds, always the same."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.effects.synthetic.weights import (
    LOWEST,
    bounded,
    nearest_weights,
    search_predictor_weights,
    start_names,
    starting_points,
)


def matching(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(1.5, 1, (5, 15)), rng.normal(10, 2, (12, 15)) - rng.normal(10, 1, (12, 1))


def fit(weights: np.ndarray, predictors: np.ndarray, outcomes: np.ndarray) -> float:
    donors = nearest_weights(np.sqrt(weights)[:, None] * predictors)
    return float(((outcomes @ donors) ** 2).mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_search_ends_no_higher_than_any_start_nor_than_random_weights(seed):
    problem = matching(seed)
    best, start_loss = search_predictor_weights(*problem, generations=60)
    found = fit(best, *problem)
    assert found <= start_loss.min() * (1 + 1e-9)
    draws = np.random.default_rng(3).uniform(LOWEST, 0, (300, 5))
    assert found <= min(fit(np.exp(bounded(one)), *problem) for one in draws) * (1 + 1e-9)


def test_the_search_is_the_same_each_time_and_keeps_above_the_smallest_weight():
    one, other = (search_predictor_weights(*matching(), generations=20)[0] for _ in range(2))
    assert (one == other).all()
    assert one.sum() == pytest.approx(1)
    assert one.min() / one.max() >= np.exp(LOWEST) * (1 - 1e-9)


def test_a_single_predictor_needs_no_search():
    predictors, outcomes = matching()
    assert search_predictor_weights(predictors[:1], outcomes)[0] == pytest.approx(1)


def test_every_start_has_a_name():
    assert len(start_names(["a", "b"])) == len(starting_points(2))
