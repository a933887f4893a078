"""The search for predictor weights: its derivative, its starts, its independence of company."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.effects.synthetic.predictor_fit import Matching, evaluate
from lsp_analysis.effects.synthetic.predictor_search import (
    LOWEST,
    bounded,
    descend,
    search_predictor_weights,
    starting_points,
)


def matching(units: int = 4, seed: int = 0) -> Matching:
    rng = np.random.default_rng(seed)
    return Matching(
        rng.normal(1.5, 1, (units, 5, 15)),
        rng.normal(10, 2, (units, 12, 15)),
        rng.normal(10, 1, (units, 12)),
    )


def test_the_derivative_is_that_of_small_steps():
    problem, unit = matching(), np.arange(4)
    place = np.random.default_rng(1).uniform(-3, 0, (4, 5))
    fit = evaluate(problem, unit, place, derivative=True)
    for k in range(5):
        step = 1e-6 * np.eye(5)[k]
        ahead, behind = (evaluate(problem, unit, place + s).residual for s in (step, -step))
        assert fit.jacobian[:, :, k] == pytest.approx((ahead - behind) / 2e-6, abs=1e-4)


def test_descent_never_ends_above_its_start():
    problem, starts = matching(), starting_points(5, 16, seed=0)
    unit = np.repeat(np.arange(4), len(starts))
    first = evaluate(problem, unit, bounded(np.tile(starts, (4, 1)))).loss.reshape(4, -1)
    assert (descend(problem, starts)[1] <= first + 1e-12).all()


def test_the_search_ends_no_higher_than_any_start_nor_than_random_weights():
    problem = matching()
    found = search_predictor_weights(problem, population=40, generations=60)
    assert (found.loss <= found.start_loss.min(axis=1) + 1e-12).all()
    draws = np.random.default_rng(3).uniform(LOWEST, 0, (500, 5))
    for unit in range(4):
        random = evaluate(problem, np.full(500, unit), bounded(draws)).loss.min()
        assert found.loss[unit] <= random * (1 + 1e-9)


def test_a_unit_gets_the_same_answer_alone_as_in_company():
    problem = matching()
    together = search_predictor_weights(problem, population=24, generations=30)
    alone = search_predictor_weights(
        Matching(problem.predictors[2:3], problem.donors[2:3], problem.targets[2:3]),
        population=24,
        generations=30,
    )
    assert alone.loss[0] == pytest.approx(together.loss[2], rel=1e-9)
    assert alone.best[0] == pytest.approx(together.best[2], rel=1e-6)


def test_weights_add_up_to_one_and_keep_above_the_smallest_allowed():
    best = search_predictor_weights(matching(), population=24, generations=30).best
    assert best.sum(axis=1) == pytest.approx(1)
    assert (best.min(axis=1) / best.max(axis=1) >= np.exp(LOWEST) * (1 - 1e-9)).all()


def test_a_single_predictor_needs_no_search():
    problem = matching()
    one = Matching(problem.predictors[:, :1], problem.donors, problem.targets)
    assert search_predictor_weights(one, n_random=4).best == pytest.approx(1)
