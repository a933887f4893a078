"""The search for predictor weights, from many starts so that no local optimum passes for the best.

The fit is a jagged function of the predictor weights: smooth while the same donors are in use, with
a kink wherever one comes or goes. So a descent on the smooth pieces from every start is followed by
differential evolution, which is not troubled by kinks. The draws are the same for each unit: its
answer does not depend on the company.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsp_analysis.effects.synthetic.predictor_fit import Fit, Matching, evaluate

SMALLEST_WEIGHT = 1e-6
"""Least predictor weight as a share of the largest; at 0 donor weights need not be unique."""

LOWEST = float(np.log(SMALLEST_WEIGHT))

ALIKE = 1e-6
"""Relative spread of a population's fits at which its evolution is over."""


@dataclass(frozen=True)
class Search:
    """Best predictor weights of each unit, and where every start led.

    Attributes
    ----------
    best : array (units, predictors), rows adding up to 1
    loss : array (units,)
        Mean squared prediction error at `best`.
    start_loss : array (units, starts)
        What a plain descent from each start reached: the spread shows the local optima that were
        avoided.
    """

    best: np.ndarray
    loss: np.ndarray
    start_loss: np.ndarray = field(repr=False)


def search_predictor_weights(
    matching: Matching,
    *,
    n_random: int = 64,
    population: int = 96,
    generations: int = 150,
    seed: int = 0,
) -> Search:
    """Predictor weights that fit the outcomes best, for each unit of `matching`.

    Parameters
    ----------
    n_random : int
        Starts spread evenly over the logs of the weights (Sobol), beside equal weights and each
        predictor in front.
    population, generations : int
        Size and length of the evolution that follows; more of either costs time in proportion.
    """
    n_predictors = matching.predictors.shape[1]
    starts = starting_points(n_predictors, n_random, seed)
    log_weights, loss = descend(matching, starts)
    start_loss = loss.copy()
    if n_predictors > 1:
        chosen = loss.argsort(axis=1, kind="stable")[:, :population]
        log_weights = np.take_along_axis(log_weights, chosen[:, :, None], axis=1)
        loss = np.take_along_axis(loss, chosen, axis=1)
        log_weights, loss = evolve(matching, log_weights, loss, generations, seed)
    at = loss.argmin(axis=1)
    rows = np.arange(len(at))
    best = np.exp(log_weights[rows, at])
    return Search(best / best.sum(axis=1, keepdims=True), loss[rows, at], start_loss)


def start_names(predictors: list[str], n_random: int) -> list[str]:
    """What each start of `starting_points` is."""
    lone = [f"{name} in front" for name in predictors]
    return ["equal weights", *lone, *(f"spread {i + 1}" for i in range(n_random))]


def starting_points(n_predictors: int, n_random: int, seed: int) -> np.ndarray:
    """Log weights to start from: equal; each predictor in front; `n_random` over all scales."""
    from scipy.stats import qmc

    equal = np.zeros((1, n_predictors))
    lone = np.full((n_predictors, n_predictors), np.log(1e-2))
    np.fill_diagonal(lone, 0.0)
    power = int(np.ceil(np.log2(max(n_random, 1))))
    spread = qmc.Sobol(n_predictors, rng=seed).random_base2(power)[:n_random]
    return np.vstack([equal, lone, LOWEST * spread])


def descend(
    matching: Matching, starts: np.ndarray, n_steps: int = 30
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on the log weights: (units, starts, predictors) and (units, starts)."""
    units, n_starts = len(matching.targets), len(starts)
    unit = np.repeat(np.arange(units), n_starts)
    log_weights = bounded(np.tile(starts, (units, 1)))
    fit = evaluate(matching, unit, log_weights, derivative=True)
    damping = np.full(len(unit), 1e-2)
    going = np.arange(len(unit))
    for _ in range(n_steps):
        step = _damped_step(fit, log_weights, damping, going)
        trial = bounded(log_weights[going] + step)
        new = evaluate(matching, unit[going], trial, fit.support[going], derivative=True)
        gain = fit.loss[going] - new.loss
        took = gain > 0
        settled = took & (gain < 1e-9 * fit.loss[going])
        log_weights[going[took]] = trial[took]
        fit.take(going[took], new, took)
        damping[going] *= np.where(took, 0.25, 5.0)
        going = going[~settled & (damping[going] < 1e6)]
        if not len(going):
            break
    return log_weights.reshape(units, n_starts, -1), fit.loss.reshape(units, n_starts)


def evolve(
    matching: Matching, log_weights: np.ndarray, loss: np.ndarray, generations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Differential evolution towards the better third (Zhang and Sanderson 2009).

    One population per unit; a unit rests once its whole population fits alike.
    """
    rng = np.random.default_rng(seed)
    size, n_predictors = log_weights.shape[1:]
    log_weights, loss = log_weights.copy(), loss.copy()
    going, support = np.arange(len(loss)), None
    for _ in range(generations):
        trial = _offspring(log_weights[going], loss[going], rng)
        unit = np.repeat(going, size)
        new = evaluate(matching, unit, trial.reshape(-1, n_predictors), support)
        better = new.loss.reshape(-1, size) < loss[going]
        log_weights[going] = np.where(better[:, :, None], trial, log_weights[going])
        loss[going] = np.where(better, new.loss.reshape(-1, size), loss[going])
        apart = loss[going].max(axis=1) > (1 + ALIKE) * loss[going].min(axis=1)
        support = new.support[np.repeat(apart, size)]
        going = going[apart]
        if not len(going):
            break
    return log_weights, loss


def _offspring(log_weights: np.ndarray, loss: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A new try for each member: ahead towards a leader, aside by a difference of two others."""
    _, size, n_predictors = log_weights.shape
    order = loss.argsort(axis=1, kind="stable")
    leader = np.take_along_axis(order, rng.integers(0, max(2, size // 3), (1, size)), axis=1)
    one, other = rng.integers(0, size, (2, size))
    stride = np.clip(rng.normal(0.7, 0.2, (size, 1)), 0.1, 1.0)
    ahead = np.take_along_axis(log_weights, leader[:, :, None], axis=1) - log_weights
    aside = log_weights[:, one] - log_weights[:, other]
    swap = rng.random((size, n_predictors)) < 0.9
    trial = bounded(np.where(swap, log_weights + stride * (ahead + aside), log_weights))
    low = (trial <= LOWEST) & (rng.random((size, n_predictors)) < 0.5)
    return np.where(low, (log_weights + LOWEST) / 2, trial)  # not all against the wall


def bounded(log_weights: np.ndarray) -> np.ndarray:
    """Largest weight 1 and none below the smallest allowed; only ratios matter."""
    return np.maximum(log_weights - log_weights.max(axis=-1, keepdims=True), LOWEST)


def _damped_step(
    fit: Fit, log_weights: np.ndarray, damping: np.ndarray, going: np.ndarray
) -> np.ndarray:
    """Gauss-Newton step, damped, that leaves alone the weights which the bound holds back."""
    jacobian = fit.jacobian[going]
    slope = np.matmul(jacobian.transpose(0, 2, 1), fit.residual[going][:, :, None])[:, :, 0]
    held = (log_weights[going] <= LOWEST) & (slope > 0)
    free = ~held
    curvature = np.matmul(jacobian.transpose(0, 2, 1), jacobian)
    curvature *= free[:, :, None] & free[:, None, :]
    diagonal = np.arange(curvature.shape[1])
    size = curvature[:, diagonal, diagonal]
    floor = 1e-6 * size.max(axis=1, keepdims=True) + 1e-12
    curvature[:, diagonal, diagonal] += damping[going][:, None] * (size + floor) + floor + held
    step = np.linalg.solve(curvature, -(slope * free)[:, :, None])[:, :, 0]
    return np.clip(step, -4.0, 4.0)
