"""How fast level, slope and season drift is never known well: draws of it, for honest forecasts.

Taken at its single best value the drift of a level is often put at nothing, and intervals about the
forecast are then far too narrow (the pile-up of Shephard and Harvey 1990). So its standard
deviations are drawn from what the data leave possible, as Brodersen and others (2015) do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TARGET = 0.44
"""Share of steps accepted when a walk in one dimension explores best (Gelman and others 1996)."""


def variance_draws(
    model: Any,
    own: np.ndarray,
    regressors: np.ndarray,
    *,
    n_keep: int = 50,
    n_warm: int = 300,
    stride: int = 10,
    seed: int,
) -> np.ndarray:
    """Draws of the variances of a structural model, array (n_keep, variances).

    A random walk over their logs, one at a time (Metropolis within Gibbs). Prior: standard
    deviations half-normal, of the size of what the comparison series leave unexplained for the
    noise, of its changes for the level, and of a tenth of those for slope and season.

    Parameters
    ----------
    model : statsmodels UnobservedComponents whose parameters are variances only
    own, regressors : array (periods,), array (periods, series)
        The series the model is for, and the comparison series.
    """
    rng = np.random.default_rng(seed)
    scale = _prior_scales(model.param_names, _unexplained(own, regressors))
    place = np.log(0.3 * scale)
    density = _log_density(model, place, scale)
    stride_size = np.full(len(place), 0.5)
    kept = []
    for round_number in range(n_warm + n_keep * stride):
        for one in range(len(place)):
            trial = place.copy()
            trial[one] += stride_size[one] * rng.normal()
            new = _log_density(model, trial, scale)
            accepted = np.log(rng.random()) < new - density
            if accepted:
                place, density = trial, new
            if round_number < n_warm:
                stride_size[one] *= np.exp((accepted - TARGET) / np.sqrt(round_number + 1))
        if round_number >= n_warm and round_number % stride == 0:
            kept.append(np.exp(2 * place))
    return np.array(kept)


def _unexplained(own: np.ndarray, regressors: np.ndarray) -> np.ndarray:
    """The series less its regression on the comparison series."""
    columns = np.column_stack([np.ones(len(own)), regressors])
    return own - columns @ np.linalg.lstsq(columns, own, rcond=None)[0]


def _prior_scales(names: list[str], left: np.ndarray) -> np.ndarray:
    changes = max(float(np.diff(left).std()), 1e-12)
    sizes = {"irregular": max(float(left.std()), 1e-12), "level": changes}
    return np.array([sizes.get(name.split(".")[-1], 0.1 * changes) for name in names])


def _log_density(model: Any, log_deviations: np.ndarray, scale: np.ndarray) -> float:
    """Log posterior density of the logs of the standard deviations."""
    deviations = np.exp(log_deviations)
    if (deviations < 1e-6 * scale).any():
        return -np.inf
    prior = float(log_deviations.sum() - 0.5 * ((deviations / scale) ** 2).sum())
    return float(model.loglike(deviations**2)) + prior
