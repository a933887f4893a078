"""Simplex weights meet the conditions that only the best ones meet."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from lsp_analysis.effects.synthetic.sdid import ridged_weights
from lsp_analysis.effects.synthetic.simplex import nearest_points, tied_donors


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
def test_weights_are_optimal(dimensions, donors):
    points = random_points(25, dimensions, donors)
    for one, weights in zip(points, nearest_points(points).weights, strict=True):
        assert_optimal(one, weights)


def test_weights_are_those_of_another_algorithm():
    """The nearest point, up to scale, by non-negative least squares."""
    for one, weights in zip(
        points := random_points(20, 12, 30), nearest_points(points).weights, strict=True
    ):
        other = nnls(np.vstack([one, np.ones(30)]), np.append(np.zeros(12), 1.0))[0]
        assert weights == pytest.approx(other / other.sum(), abs=1e-7)


def test_a_start_from_similar_problems_changes_nothing():
    points = random_points(20, 7, 38)
    moved = points * np.random.default_rng(1).uniform(0.9, 1.1, (20, 7, 1))
    warm = nearest_points(moved, nearest_points(points).support)
    assert warm.weights == pytest.approx(nearest_points(moved).weights, abs=1e-8)


def test_scale_of_the_problem_does_not_matter():
    points = random_points(10, 7, 20)
    weights = nearest_points(points).weights
    for scale in (1e-6, 1e6):
        assert nearest_points(points * scale).weights == pytest.approx(weights, abs=1e-8)


def test_a_donor_that_is_the_treated_unit_takes_all_the_weight():
    points = random_points(1, 7, 20)
    points[0, :, 4] = 0.0
    assert nearest_points(points).weights[0] == pytest.approx(np.eye(20)[4])


def test_two_donors_that_are_alike_make_the_weights_not_unique():
    points = random_points(2, 7, 20)
    nearest = nearest_points(points)
    assert not tied_donors(points, nearest).any()
    used = nearest.weights[0].argmax()
    twin = np.concatenate([points, points[:, :, [used]]], axis=2)
    assert tied_donors(twin, nearest_points(twin))[0]


@pytest.mark.parametrize("ridge", [1e-6, 0.3, 50.0])
def test_ridged_weights_are_optimal(ridge):
    points = random_points(15, 10, 40)
    found = ridged_weights(points, np.full(15, ridge))
    for one, weights in zip(points, found, strict=True):
        assert_optimal(one, weights, ridge)


def test_a_very_large_ridge_spreads_the_weights_evenly():
    found = ridged_weights(random_points(1, 10, 40), np.array([1e9]))
    assert found[0] == pytest.approx(np.full(40, 1 / 40), abs=1e-6)


def test_the_sure_method_takes_over_when_exchanges_do_not_settle(monkeypatch):
    points = random_points(5, 10, 40)
    expected = ridged_weights(points, np.full(5, 0.3))
    monkeypatch.setattr("lsp_analysis.effects.synthetic.sdid.MOST_EXCHANGES", 1)
    assert ridged_weights(points, np.full(5, 0.3)) == pytest.approx(expected, abs=1e-7)
