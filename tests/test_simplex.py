"""Simplex weights meet the conditions that only the best ones meet."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from lsp_analysis.effects.synthetic.weights import is_unique, nearest_weights


def random_points(n: int, dimensions: int, donors: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.7, 1, (n, dimensions, donors))


def assert_optimal(points: np.ndarray, weights: np.ndarray, ridge: float = 0.0) -> None:
    """No donor lies further on the origin's side than those in use (Karush, Kuhn and Tucker)."""
    gram = points.T @ points + ridge * np.eye(points.shape[1])
    slope = gram @ weights
    loss = weights @ slope
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert slope.min() >= loss - 1e-7 * gram.max()
    assert slope[weights > 1e-9] == pytest.approx(loss, abs=1e-7 * gram.max())


@pytest.mark.parametrize(("dimensions", "donors"), [(3, 2), (7, 38), (30, 12), (40, 60), (1, 9)])
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.3, 50.0])
def test_weights_are_optimal(dimensions, donors, ridge):
    for one in random_points(25, dimensions, donors):
        assert_optimal(one, nearest_weights(one, ridge), ridge)


def test_weights_are_those_of_another_algorithm():
    for one in random_points(5, 12, 8):
        by_search = minimize(
            lambda w, p=one: ((p @ w) ** 2).sum(),
            np.full(8, 1 / 8),
            bounds=[(0, None)] * 8,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            tol=1e-12,
        )
        assert nearest_weights(one) == pytest.approx(by_search.x, abs=1e-4)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_scale_of_the_problem_does_not_matter(ridge):
    for points in random_points(10, 7, 20):
        weights = nearest_weights(points, ridge)
        for scale in (1e-6, 1e6):
            other = nearest_weights(points * scale, ridge * scale**2)
            assert other == pytest.approx(weights, abs=1e-8)


def test_a_donor_that_is_the_treated_unit_takes_all_the_weight():
    points = random_points(1, 7, 20)[0]
    points[:, 4] = 0.0
    assert nearest_weights(points) == pytest.approx(np.eye(20)[4])


def test_two_donors_that_are_alike_make_the_weights_not_unique():
    for points in random_points(2, 7, 20):
        weights = nearest_weights(points)
        twin = np.column_stack([points, points[:, weights.argmax()]])
        assert is_unique(points, weights)
        assert not is_unique(twin, nearest_weights(twin))


def test_a_very_large_ridge_spreads_the_weights_evenly():
    found = nearest_weights(random_points(1, 10, 40)[0], 1e9)
    assert found == pytest.approx(np.full(40, 1 / 40), abs=1e-6)
