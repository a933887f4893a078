"""Power of a randomisation test by simulation of the test itself, with no formula for another."""

from __future__ import annotations

import math

import numpy as np

from lsp_analysis.experiments.analysis.randomisation_test import Redraws

SIMULATED_ALLOCATIONS = 800  # of a long list, as many stand for it


def simulated_power(
    drawn: Redraws,
    effect: float,
    sd: float,
    *,
    level: float,
    varying: float = 0.0,
    sims: int = 1_000,
) -> float:
    """Share of simulated experiments in which a registered test finds `effect`.

    Parameters
    ----------
    drawn : Redraws
        The test, prepared.
    effect : float
        Mean effect, in units of the outcome.
    sd : float
        Standard deviation of the (weighted) cells once adjusted for.
    level : float
        Coverage: the test is at ``1 - level``.
    varying : float
        Standard deviation of effects between units; their mean is `effect` exactly.
    sims : int
        Simulated experiments; the same random numbers serve every effect and `sd`.
    """
    rng = np.random.default_rng(20100401)
    n_rows, n_cells = drawn.exposures.shape
    rows = np.arange(n_rows)
    if n_rows > SIMULATED_ALLOCATIONS:
        rows = np.sort(rng.choice(n_rows, SIMULATED_ALLOCATIONS, replace=False))
    few = drawn.subset(rows)
    observed = rng.integers(0, len(rows), sims)
    own = rng.normal(size=(drawn.unit.max() + 1, sims))
    own = varying * (own - own.mean(axis=0))[drawn.unit]
    shown = sd * rng.normal(size=(n_cells, sims)) * drawn.used[:, None]
    shown += (effect + own) * few.raw[observed].T
    found = np.abs(few.statistics(shown))
    mine = found[observed, np.arange(sims)]
    p_values = (found >= mine * (1 - 1e-5)).mean(axis=0)  # many at once are less exact
    return float((p_values <= 1 - level + 1e-12).mean())


def smallest_found(drawn: Redraws, sd: float, *, level: float, target: float = 0.8) -> float:
    """Size of the effect a registered test finds with power `target`; infinite if it never can."""
    if not (math.isfinite(sd) and sd > 0):
        return math.nan
    low, high = 0.0, sd / math.sqrt(float(np.median(drawn.squares)))
    while simulated_power(drawn, high, sd, level=level) < target:
        low, high = high, 2 * high
        if high > 1e3 * sd:
            return math.inf
    for _ in range(10):
        middle = (low + high) / 2
        enough = simulated_power(drawn, middle, sd, level=level) >= target
        low, high = (low, middle) if enough else (middle, high)
    return high
