"""The intervals behind the honest bounds: moment inequalities for magnitudes, shortest length for
smoothness; and the steps they take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

_DRAWS = 5_000  # of the least favourable case; the first stage is tested at a tenth of the level
_SMALL = 1e-9


@dataclass(frozen=True)
class Steps:
    """How the treated neighbourhood moved away from the others, and the effect it is held against.

    Attributes
    ----------
    values : array (before + 1,)
        Steps before the start per unit of time, in order, then the estimate.
    covariance : array (before + 1, before + 1)
    carried : array (after,)
        How much a step of size 1 in each interval after the start moves the estimate: with a mean
        over three even periods 1, 2/3, 1/3.
    bends : array (before + after - 1,), optional
        Time between the middles of successive intervals; 1 where dates are even.
    """

    values: np.ndarray
    covariance: np.ndarray
    carried: np.ndarray
    bends: np.ndarray | None = None

    @property
    def before(self) -> np.ndarray:
        """Steps before the start."""
        return self.values[:-1]

    @property
    def estimate(self) -> float:
        """The effect that a violation could undo."""
        return float(self.values[-1])

    @property
    def error(self) -> float:
        """Standard error of the estimate."""
        return float(np.sqrt(self.covariance[-1, -1]))

    @property
    def turns(self) -> np.ndarray:
        """`bends`, or ones."""
        count = len(self.before) + len(self.carried) - 1
        return np.ones(count) if self.bends is None else self.bends


def normal_draws(steps: Steps) -> np.ndarray:
    """Draws (_DRAWS, before + 1) with the covariance of the steps and mean 0."""
    values, vectors = np.linalg.eigh(steps.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.random.default_rng(0).standard_normal((_DRAWS, len(values))) @ root.T


def widest_look(steps: Steps, violation: float) -> float:
    """Distance from the estimate beyond which no effect need be tried."""
    largest = np.abs(steps.before).max() + 4 * np.sqrt(np.diag(steps.covariance)[:-1].max())
    return 5 * steps.error + violation * np.abs(steps.carried).sum() * largest


def accepted(
    steps: Steps, effects: np.ndarray, violation: float, draws: np.ndarray, level: float
) -> np.ndarray:
    """Which of `effects` are not rejected whichever step was the largest; bool array.

    That no step after the start exceeds `violation` times the largest before it holds if it holds
    of some step, rising or falling, so an effect stays in if one of these does not reject it.
    """
    kept = np.zeros(len(effects), dtype=bool)
    for largest in range(len(steps.before)):
        for sign in (1, -1):
            step = sign * np.eye(len(steps.values))[largest]
            reach = violation * np.abs(steps.carried).sum() * step
            kept |= ~_rejected(steps, effects, reach, draws, level)
    return kept


def _rejected(
    steps: Steps, effects: np.ndarray, reach: np.ndarray, draws: np.ndarray, level: float
) -> np.ndarray:
    """Test for every effect that it differs from the estimate by no more than `reach`; bool array.

    Two moments, one a side, that are 0 at the most. First stage: the larger exceeds what the least
    favourable case makes of it once in ten times the level. Second: it exceeds what a normal
    variable makes of it given that it is the larger.
    """
    last = np.eye(len(reach))[-1]
    rows = np.array([last - reach, -last - reach])
    spread = np.sqrt(np.einsum("mi,ij,mj->m", rows, steps.covariance, rows))
    scaled = rows / np.maximum(spread, 1e-12)[:, None]
    first_stage = (1 - level) / 10
    ceiling = np.quantile((draws @ scaled.T).max(axis=1), 1 - first_stage)
    seen = scaled @ steps.values - effects[:, None] * scaled[:, -1]
    top, other = seen.max(axis=1), seen.min(axis=1)
    together = float(scaled[0] @ steps.covariance @ scaled[1])
    floor = (other - together * top) / max(1 - together, _SMALL)
    second_stage = (1 - level - first_stage) / (1 - first_stage)
    inside = np.maximum(ndtr(ceiling) - ndtr(floor), 1e-300)
    chance = (ndtr(ceiling) - ndtr(top)) / inside
    return (top > ceiling) | ((top > 0) & (chance < second_stage))


def shortest(steps: Steps, violation: float, level: float) -> tuple[float, float]:
    """Centre and half-length of the shortest interval that holds whatever drift changes by
    `violation` at most."""
    count = len(steps.before)
    total = float(steps.carried.sum())
    turns, later = np.tile(steps.turns[: count - 1], 2), steps.turns[count - 1 :]
    beyond = float(np.abs(np.cumsum(steps.carried[::-1]))[::-1] @ later)

    def length(split: np.ndarray) -> tuple[float, np.ndarray]:
        cumulated = split[: count - 1] - split[count - 1 :]
        weights = _step_weights(cumulated, total)
        combined = np.append(-weights, 1.0)
        spread = math.sqrt(float(combined @ steps.covariance @ combined))
        bias = violation * (float(turns @ split) + beyond)
        half, by_bias, by_spread = _half_length(bias, spread, level)
        pull = -(steps.covariance @ combined)[:-1] / spread
        slope = by_spread * (pull[:-1] - pull[1:])
        return half, np.concatenate([slope, -slope]) + by_bias * violation * turns

    start = np.maximum(np.concatenate([np.ones(count - 1), -np.ones(count - 1)]) * total, 0) / 2
    if count == 1:
        return steps.estimate - total * float(steps.before[0]), length(np.zeros(0))[0]
    found = minimize(
        length, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * (2 * count - 2)
    )
    cumulated = found.x[: count - 1] - found.x[count - 1 :]
    centre = steps.estimate - float(_step_weights(cumulated, total) @ steps.before)
    return centre, float(found.fun)


def _step_weights(cumulated: np.ndarray, total: float) -> np.ndarray:
    """Weights of the steps from their running sums, which end in `total` so that a straight line
    cancels."""
    return np.diff(np.concatenate([[0.0], cumulated, [total]]))


def _half_length(bias: float, spread: float, level: float) -> tuple[float, float, float]:
    """Half-length of an interval for a normal estimate with at most that bias, and its two
    slopes."""
    ratio = bias / spread
    critical = (
        ratio + float(ndtri(level)) if ratio > 0.5 else float(ndtri(0.5 + level / 2)) + ratio / 2
    )
    for _ in range(20):
        near, far = (math.exp(-((critical + side * ratio) ** 2) / 2) for side in (-1, 1))
        covered = float(ndtr(critical - ratio) - ndtr(-critical - ratio))
        step = (covered - level) * math.sqrt(2 * math.pi) / (near + far)
        critical -= step
        if abs(step) < 1e-10:
            break
    turn = (near - far) / (near + far)
    return spread * critical, turn, critical - ratio * turn
