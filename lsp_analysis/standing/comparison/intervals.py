"""Rates, proportions and means with their intervals, for one area or a million rows at once.

Sources: Breslow and Day (1987) for Byar's limits, Wilson (1927) for proportions, and the choices
of the Fingertips technical guidance: exact Poisson limits for counts below ten, Byar's from ten.
A count of zero is data; a denominator of zero gives a missing rate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammainccinv, gammaincinv, ndtri, stdtrit
from statsmodels.stats.proportion import proportion_confint

from lsp_analysis.standing import checks
from lsp_analysis.study.indicator import Indicator

EXACT_BELOW = 10  # counts under ten get exact limits: Byar's are off by more than rounding there


def exact_poisson_limits(
    counts: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Exact (Garwood 1936) limits of Poisson means, from the chi-squared distribution."""
    counts = checks.as_counts(counts)
    tail = (1 - checks.check_level(level)) / 2
    lower = np.where(counts > 0, gammaincinv(np.where(counts > 0, counts, 1.0), tail), 0.0)
    return np.where(np.isnan(counts), np.nan, lower), gammainccinv(counts + 1, tail)


def byar_limits(counts: ArrayLike, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Byar's limits of Poisson means (Breslow and Day 1987, page 69)."""
    counts = checks.as_counts(counts)
    z = ndtri(0.5 + checks.check_level(level) / 2)
    some = np.where(counts > 0, counts, np.nan)
    lower = counts * (1 - 1 / (9 * some) - z / (3 * np.sqrt(some))) ** 3
    above = counts + 1
    upper = above * (1 - 1 / (9 * above) + z / (3 * np.sqrt(above))) ** 3
    return np.where(counts == 0, 0.0, lower), upper


def poisson_limits(counts: ArrayLike, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Limits of Poisson means: exact for counts below ten, Byar's from ten.

    Parameters
    ----------
    counts : array of any shape
        Events observed, zero allowed; missing counts give missing limits.
    level : float between 0 and 1
        Two-sided coverage, for example 0.95 or 0.998.

    Returns
    -------
    lower, upper : arrays like `counts` (of one element for a single number), in events
    """
    counts = np.atleast_1d(checks.as_counts(counts))
    lower, upper = byar_limits(counts, level=level)
    small = counts < EXACT_BELOW
    # Few distinct values are that small, so each is worked out once.
    few, where = np.unique(counts[small], return_inverse=True)
    exact_lower, exact_upper = exact_poisson_limits(few, level=level)
    lower[small], upper[small] = exact_lower[where], exact_upper[where]
    return lower, upper


def wilson_limits(
    counts: ArrayLike, population: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson (1927) score limits of shares, between 0 and 1, without continuity correction.

    PanelError for a count above its population: such a ratio is a rate.
    """
    counts, population = checks.as_parts(counts, population)
    alpha = 1 - checks.check_level(level)
    low, high = proportion_confint(counts, population, alpha=alpha, method="wilson")
    # Rounding leaves a trace where the limit is exactly zero or one.
    none, every = (counts == 0) & (population > 0), counts == population
    return np.where(none, 0.0, low), np.where(every, 1.0, high)


def mean_limits(
    mean: ArrayLike, stdev: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Student's limits of means of `n` values; missing for fewer than two."""
    n = np.asarray(n, dtype=float)
    n = np.where(n >= 2, n, np.nan)
    reach = stdtrit(n - 1, 0.5 + checks.check_level(level) / 2) * np.asarray(stdev) / np.sqrt(n)
    return np.asarray(mean) - reach, np.asarray(mean) + reach


def row_limits(
    panel: pd.DataFrame, *, indicator: Indicator, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each row's value, by the kind of the indicator, in its own units.

    Events: exact or Byar's. Shares, and stocks as one reading of their average count: Wilson's.
    Missing for other kinds, which have no count behind them.
    """
    nothing = np.full(len(panel), np.nan)
    if not indicator.counted:
        return nothing, nothing
    counts = panel["numerator"].to_numpy(float, na_value=np.nan)
    if indicator.unit == "count":
        values = panel["value"].to_numpy(float, na_value=np.nan)
        per = np.divide(values, counts, out=np.ones_like(values), where=counts > 0)
        return tuple(limit * per for limit in poisson_limits(counts, level=level))
    people = panel["denominator"].to_numpy(float, na_value=np.nan)
    if indicator.kind == "events":
        events, people = checks.as_events(counts, people)
        scale = indicator.multiplier / people
        return tuple(limit * scale for limit in poisson_limits(events, level=level))
    low, high = wilson_limits(counts, checks.possible_parts(counts, people), level=level)
    return low * indicator.multiplier, high * indicator.multiplier


def empirical_bayes(events: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Global empirical Bayes rates (Marshall 1991).

    Each rate is a mean of the area's own and the overall rate. The weight of its own is the share
    of true variation between areas in all the variation one would see at its population; when the
    areas differ by no more than chance, all get the overall rate.

    Parameters
    ----------
    events, population : arrays of one length, one element per area
        An area without people, or with a missing count, has no rate and does not count.

    Returns
    -------
    array of float
        Events per head, between the area's own rate and the overall one.
    """
    events, population = checks.as_events(events, population)
    known = ~np.isnan(events / population)
    if not known.any():
        return np.full(events.shape, np.nan)
    people = population[known].sum()
    overall = events[known].sum() / people
    rates = events / population
    spread = (population * (rates - overall) ** 2)[known].sum() / people
    between = max(spread - overall / population[known].mean(), 0.0)
    by_chance = overall / population
    total = between + by_chance
    weight = np.divide(between, total, out=np.zeros_like(total), where=total != 0)
    return np.where(known, overall + weight * (rates - overall), np.nan)
