"""Simplex weights with a ridge penalty, for many problems at once: dozens of donors have weight."""

from __future__ import annotations

import numpy as np

from lsp_analysis.effects.synthetic.simplex import nearest_points

MOST_EXCHANGES = 40


def ridged_weights(points: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Minimise ``||points[i] @ w||^2 + ridge[i] ||w||^2`` over the simplex, for each i.

    Block principal pivoting (Júdice and Pires 1994; Kim and Park 2011): every donor on the wrong
    side of its optimality condition changes side at once, which ends in a handful of exchanges
    where one donor at a time needs one per donor. Should exchanges not settle, the slower sure
    method takes over.

    Parameters
    ----------
    points : array (n, dimensions, donors)
        Donors less the unit to be matched.
    ridge : array (n,)
        Above 0, so that the weights are unique.

    Returns
    -------
    array (n, donors)
    """
    n, _, donors = points.shape
    gram = np.matmul(points.transpose(0, 2, 1), points)
    size = np.trace(gram, axis1=1, axis2=2)
    ridge = np.maximum(ridge, 4 * np.finfo(float).eps * size)  # less would leave it singular
    gram[:, np.arange(donors), np.arange(donors)] += ridge[:, None]
    inside = np.ones((n, donors), dtype=bool)
    weights = np.zeros((n, donors))
    todo = np.arange(n)
    for _ in range(MOST_EXCHANGES):
        weights[todo] = _on_support(gram[todo], inside[todo])
        slope = np.matmul(gram[todo], weights[todo][:, :, None])[:, :, 0]
        loss = (weights[todo] * slope).sum(axis=1, keepdims=True)
        leave = inside[todo] & (weights[todo] < 0)
        enter = ~inside[todo] & (slope < loss * (1 - 1e-12))
        inside[todo] ^= leave | enter
        todo = todo[(leave | enter).any(axis=1)]
        if not len(todo):
            return weights
    bordered = [np.vstack([points[i], np.sqrt(ridge[i]) * np.eye(donors)]) for i in todo]
    weights[todo] = nearest_points(np.array(bordered)).weights
    return weights


def _on_support(gram: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Best weights on the donors `inside`, adding up to 1 but of any sign."""
    n, donors = inside.shape
    width = int(inside.sum(axis=1).max())
    places = np.argsort(~inside, axis=1, kind="stable")[:, :width]
    used = np.take_along_axis(inside, places, axis=1)
    small = gram[np.arange(n)[:, None, None], places[:, :, None], places[:, None, :]]
    small = np.where(used[:, :, None] & used[:, None, :], small, 0.0)
    diagonal = np.arange(width)
    small[:, diagonal, diagonal] += ~used
    solved = np.linalg.solve(small, used[:, :, None].astype(float))[:, :, 0]
    weights = np.zeros((n, donors))
    np.put_along_axis(weights, places, solved / solved.sum(axis=1, keepdims=True), axis=1)
    return weights
