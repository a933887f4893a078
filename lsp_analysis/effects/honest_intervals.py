"""The two intervals behind the honest bounds: moment inequalities for magnitudes, shortest length
for smoothness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from lsp_analysis.effects.honest_steps import Steps

_DRAWS = 5_000  # of the least favourable case; the first stage is tested at a tenth of the level
_SMALL = 1e-9


@dataclass(frozen=True)
class Placings:
    """Every step before the start supposed to be the largest in turn, rising or falling.

    Attributes
    ----------
    draws : array (_DRAWS, before + 1)
        Normal draws with the covariance of the steps and mean 0.
    bounds : tuple of pairs
        For each supposition the supposed step as a row (before + 1,), and rows (others, before + 1)
        that are then 0 at the most.
    peaks : array (suppositions, _DRAWS)
        Largest standardised value of those rows in each draw.
    """

    steps: Steps
    draws: np.ndarray
    bounds: tuple[tuple[np.ndarray, np.ndarray], ...]
    peaks: np.ndarray


def placings(steps: Steps, seed: int) -> Placings:
    """Draw the least favourable case for every placing of the largest step."""
    values, vectors = np.linalg.eigh(steps.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, len(values))) @ root.T
    bounds = tuple(
        _bounds(len(steps.before), largest, sign)
        for largest in range(len(steps.before))
        for sign in (1, -1)
    )
    peaks = [(draws @ _scaled(steps, others).T).max(axis=1) for _, others in bounds]
    return Placings(steps, draws, bounds, np.array(peaks))


def _bounds(count: int, largest: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    unit = np.eye(count + 1)
    biggest = sign * unit[largest]
    others = [
        side * unit[step] - biggest
        for step in range(count)
        for side in (1, -1)
        if (step, side) != (largest, sign)
    ]
    return biggest, np.array(others)


def _scaled(steps: Steps, rows: np.ndarray) -> np.ndarray:
    """Combinations of the steps in units of their standard error."""
    variance = np.einsum("mi,ij,mj->m", rows, steps.covariance, rows)
    return rows / np.sqrt(np.maximum(variance, 1e-24))[:, None]


def widest_look(steps: Steps, violation: float) -> float:
    """Distance from the estimate beyond which no effect need be tried."""
    largest = np.abs(steps.before).max() + 4 * np.sqrt(np.diag(steps.covariance)[:-1].max())
    return 5 * steps.error + violation * np.abs(steps.carried).sum() * largest


def accepted(placed: Placings, effects: np.ndarray, violation: float, level: float) -> np.ndarray:
    """Which of `effects` some placing of the largest step does not reject; bool array."""
    kept = np.zeros(len(effects), dtype=bool)
    for at in range(len(placed.bounds)):
        kept |= ~_rejected(placed, at, effects, violation, level)
    return kept


def _rejected(
    placed: Placings, at: int, effects: np.ndarray, violation: float, level: float
) -> np.ndarray:
    """Test for every effect that no combination of the steps is above 0; bool array (effects,).

    To those of the placing come two: estimate less effect lies within what steps after the start,
    none above `violation` times the largest before it, can add up to.
    """
    steps = placed.steps
    biggest, others = placed.bounds[at]
    reach = violation * np.abs(steps.carried).sum() * biggest
    last = np.eye(len(biggest))[-1]
    rows = np.array([last - reach, -last - reach])
    scaled = np.vstack([_scaled(steps, others), _scaled(steps, rows)])
    first_stage = (1 - level) / 10
    peak = np.maximum(placed.peaks[at], (placed.draws @ scaled[-2:].T).max(axis=1))
    ceiling = np.quantile(peak, 1 - first_stage)
    seen = np.repeat((scaled @ steps.values)[None, :], len(effects), axis=0)
    seen[:, -2] -= effects * scaled[-2, -1]
    seen[:, -1] -= effects * scaled[-1, -1]
    which = seen.argmax(axis=1)
    top = seen[np.arange(len(seen)), which]
    together = (scaled @ steps.covariance @ scaled.T)[which]
    apart = np.where(1 - together > _SMALL, 1 - together, np.nan)
    floor = np.nanmax((seen - together * top[:, None]) / apart, axis=1, initial=-np.inf)
    second_stage = (1 - level - first_stage) / (1 - first_stage)
    inside = np.maximum(ndtr(ceiling) - ndtr(floor), 1e-300)
    chance = (ndtr(ceiling) - ndtr(top)) / inside
    return (top > ceiling) | ((top > 0) & (chance < second_stage))


def shortest(steps: Steps, violation: float, level: float) -> tuple[float, float]:
    """Centre and half-length of the shortest interval that holds whatever drift bends by
    `violation` at most."""
    count = len(steps.before)
    total = float(steps.carried.sum())
    beyond = float(np.abs(np.cumsum(steps.carried[::-1])).sum())

    def length(split: np.ndarray) -> tuple[float, np.ndarray]:
        cumulated = split[: count - 1] - split[count - 1 :]
        weights = _step_weights(cumulated, total)
        combined = np.append(-weights, 1.0)
        spread = math.sqrt(float(combined @ steps.covariance @ combined))
        bias = violation * (split.sum() + beyond)
        half, by_bias, by_spread = _half_length(bias, spread, level)
        pull = -(steps.covariance @ combined)[:-1] / spread
        slope = by_spread * (pull[:-1] - pull[1:])
        return half, np.concatenate([slope, -slope]) + by_bias * violation

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
