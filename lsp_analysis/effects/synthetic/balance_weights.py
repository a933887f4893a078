"""Weights at or above 0 that make comparison areas add up to the treated ones exactly.

Calibration of Deville and Särndal (1992): of all such weights those that differ least from equal
ones, in squares, so that as many areas as possible carry the comparison. The problem is convex and
its dual has one variable per constraint, so ten thousand areas take a fraction of a second.
"""

from __future__ import annotations

import numpy as np

MOST_ROUNDS = 100
EXACT = 1e-9
"""Largest gap that counts as met, in standard deviations of an area times the treated areas."""


def balancing_weights(donors: np.ndarray, targets: np.ndarray, total: float) -> np.ndarray | None:
    """Weights w >= 0 with ``w @ donors == targets`` and ``w.sum() == total``, or None.

    Parameters
    ----------
    donors : array (donors, constraints)
    targets : array (constraints,), totals to be met
    total : float
        What the weights add up to: the number of treated areas.

    Returns
    -------
    array (donors,), or None where no such weights were found
    """
    n = len(donors)
    spread = donors.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    centred = np.column_stack([np.ones(n), (donors - targets / total) / spread])
    goal = np.zeros(centred.shape[1])
    goal[0] = total
    base = total / n
    multipliers = np.zeros(len(goal))
    reached = base * np.ones(n)
    height = _dual(reached, base, multipliers, goal)
    for _ in range(MOST_ROUNDS):
        gap = goal - reached @ centred
        if np.abs(gap).max() <= EXACT * total:
            return reached
        used = centred[reached > 0]
        curvature = base * used.T @ used
        curvature[np.diag_indices_from(curvature)] += 1e-12 * max(np.trace(curvature), base)
        step = np.linalg.solve(curvature, gap)
        climb = float(gap @ step)
        for length in 0.5 ** np.arange(40):
            trial = multipliers + length * step
            weights = base * np.maximum(1 + centred @ trial, 0.0)
            new = _dual(weights, base, trial, goal)
            if new <= height - 1e-4 * length * climb:
                break
        else:
            return None
        multipliers, reached, height = trial, weights, new
    return None


def _dual(weights: np.ndarray, base: float, multipliers: np.ndarray, goal: np.ndarray) -> float:
    return float((weights**2).sum() / (2 * base) - multipliers @ goal)
