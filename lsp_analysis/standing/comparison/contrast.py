"""Two groups side by side: differences and ratios of proportions and of rates, row by row.

The groups must not overlap: an area is set against the borough without it. Differences have hybrid
intervals from each side's own (Newcombe 1998 for proportions; the same construction, known as
MOVER, from score limits for rates). Ratios have log limits for proportions and, for rates, score
limits, which are Wilson's limits of the first group's share of all events turned into odds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import erfc, ndtri, stdtr, stdtrit
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.rates import confint_poisson

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import (
    as_events,
    as_parts,
    check_level,
    check_one_of,
    possible_parts,
)
from lsp_analysis.standing.comparison.intervals import wilson_limits

if TYPE_CHECKING:
    from lsp_analysis.study.indicator import Indicator


@dataclass(frozen=True)
class Contrast:
    """A difference or a ratio of two groups with its limits; arrays when the counts were arrays."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def scaled(self, factor: float) -> Contrast:
        """The same contrast in units `factor` times as small."""
        return Contrast(self.estimate * factor, self.low * factor, self.high * factor)


def difference_of_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Share of the first group less that of the second, with Newcombe's limits (statsmodels).

    Parameters
    ----------
    x1, n1, x2, n2 : arrays of one shape, or single numbers
        Counts and populations of two groups that do not overlap.
    level : float between 0 and 1
    """
    x1, n1, x2, n2 = _both(x1, n1, x2, n2, of=as_parts)
    with np.errstate(invalid="ignore"):
        low, high = confint_proportions_2indep(
            x1, n1, x2, n2, method="newcomb", compare="diff", alpha=1 - check_level(level)
        )
    return Contrast(x1 / n1 - x2 / n2, np.asarray(low), np.asarray(high))


def ratio_of_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Share of the first group over that of the second, with log limits (Katz 1978, statsmodels).

    Arguments as for `difference_of_proportions`. A count of nought on either side leaves the limits
    missing: its logarithm has no spread.
    """
    x1, n1, x2, n2 = _both(x1, n1, x2, n2, of=as_parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = confint_proportions_2indep(
            x1, n1, x2, n2, method="log", compare="ratio", alpha=1 - check_level(level)
        )
        ratio = (x1 / n1) / (x2 / n2)
    some = (x1 > 0) & (x2 > 0)
    return Contrast(ratio, np.where(some, low, np.nan), np.where(some, high, np.nan))


def difference_of_rates(
    x1: ArrayLike, t1: ArrayLike, x2: ArrayLike, t2: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Events per unit of exposure, first group less second, with MOVER limits from score limits.

    Arguments as for `ratio_of_rates`.
    """
    x1, t1, x2, t2 = _both(x1, t1, x2, t2)
    alpha = 1 - check_level(level)
    rate1, rate2 = x1 / t1, x2 / t2
    low1, high1 = confint_poisson(x1, t1, method="score", alpha=alpha)
    low2, high2 = confint_poisson(x2, t2, method="score", alpha=alpha)
    estimate = rate1 - rate2
    low = estimate - np.hypot(rate1 - low1, high2 - rate2)
    return Contrast(estimate, low, estimate + np.hypot(high1 - rate1, rate2 - low2))


def ratio_of_rates(
    x1: ArrayLike,
    t1: ArrayLike,
    x2: ArrayLike,
    t2: ArrayLike,
    *,
    method: str = "score",
    level: float = 0.95,
) -> Contrast:
    """Rate of the first group over that of the second.

    Parameters
    ----------
    x1, t1, x2, t2 : arrays of one shape, or single numbers
        Events and exposures (people, or person-years) of two groups that do not overlap.
    method : "score", "wald-log" or "exact"
        Exact limits are those of the binomial test given all events (Clopper and Pearson). With no
        events in the second group the upper limit is infinite; "wald-log" then has none.
    level : float between 0 and 1
    """
    check_one_of(method, ("score", "wald-log", "exact"), "method")
    x1, t1, x2, t2 = _both(x1, t1, x2, t2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (x1 / t1) / (x2 / t2)
        if method == "wald-log":
            reach = ndtri(0.5 + check_level(level) / 2) * np.sqrt(1 / x1 + 1 / x2)
            some = (x1 > 0) & (x2 > 0)
            low, high = ratio * np.exp(-reach), ratio * np.exp(reach)
            return Contrast(ratio, np.where(some, low, np.nan), np.where(some, high, np.nan))
        low, high = _share_limits(x1, x1 + x2, method, level)
        return Contrast(ratio, low / (1 - low) * t2 / t1, high / (1 - high) * t2 / t1)


def exact_rate_test(x1: float, t1: float, x2: float, t2: float) -> float:
    """Two-sided p-value of two equal Poisson rates: binomial given all events (SciPy).

    Whole numbers of events; 1 without any event, missing without exposure.
    """
    x1, t1, x2, t2 = (float(part) for part in _both(x1, t1, x2, t2))
    if np.isnan(x1 + t1 + x2 + t2):
        return np.nan
    if not (x1.is_integer() and x2.is_integer()):
        raise PanelError(f"An exact test needs whole numbers of events, not {x1:g} and {x2:g}.")
    return float(binomtest(int(x1), int(x1 + x2), t1 / (t1 + t2)).pvalue) if x1 + x2 else 1.0


def score_p_proportions(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> np.ndarray:
    """Two-sided p-values of two equal proportions (pooled score test); 1 where both are alike."""
    x1, n1, x2, n2 = _both(x1, n1, x2, n2, of=as_parts)
    pooled = (x1 + x2) / (n1 + n2)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return _two_sided(x1 / n1 - x2 / n2, spread)


def score_p_rates(x1: ArrayLike, t1: ArrayLike, x2: ArrayLike, t2: ArrayLike) -> np.ndarray:
    """Two-sided p-values of two equal rates (score test); they agree with the score limits."""
    x1, t1, x2, t2 = _both(x1, t1, x2, t2)
    return _two_sided(x1 * t2 - x2 * t1, np.sqrt(t1 * t2 * (x1 + x2)))


def contrast_groups(
    own: pd.DataFrame, other: pd.DataFrame, *, indicator: Indicator, level: float
) -> pd.DataFrame:
    """Difference and ratio of two groups, row by row, with limits and a p-value.

    Parameters
    ----------
    own, other : DataFrames of equal length
        ``numerator`` and ``denominator``, or ``value``, ``se`` and ``n_areas`` of `group_series`.
    indicator : Indicator
    level : float between 0 and 1

    Returns
    -------
    DataFrame
        ``difference``, ``difference_low``, ``difference_high``, ``ratio``, ``ratio_low``,
        ``ratio_high``, ``p_value``; differences in the indicator's units.
    """
    return pd.DataFrame(_contrasts(own, other, indicator, level), index=own.index)


def contrast_once(
    own: pd.DataFrame, other: pd.DataFrame, *, indicator: Indicator, level: float
) -> dict[str, float]:
    """`contrast_groups` of two groups of one row each, by the name of its columns."""
    contrasts = _contrasts(own, other, indicator, level)
    return {name: float(values[0]) for name, values in contrasts.items()}


def _contrasts(
    own: pd.DataFrame, other: pd.DataFrame, indicator: Indicator, level: float
) -> dict[str, np.ndarray]:
    """Columns of `contrast_groups`."""
    if indicator.value_type == "count":
        nothing = np.full(len(own), np.nan)
        blank = Contrast(nothing, nothing, nothing)
        return _by_name(blank, blank, nothing)
    counted = indicator.value_type in ("rate", "proportion")
    if not (counted and own["numerator"].notna().any()):
        return _spread_gap(own, other, level)
    columns = ("numerator", "denominator")
    groups = [side[name].to_numpy(float) for side in (own, other) for name in columns]
    if indicator.value_type == "proportion":
        groups[1], groups[3] = (possible_parts(*groups[at : at + 2]) for at in (0, 2))
        difference = difference_of_proportions(*groups, level=level)
        ratio = ratio_of_proportions(*groups, level=level)
        p_value = score_p_proportions(*groups)
    else:
        difference = difference_of_rates(*groups, level=level)
        ratio = ratio_of_rates(*groups, level=level)
        p_value = score_p_rates(*groups)
    return _by_name(difference.scaled(indicator.multiplier), ratio, p_value)


def _spread_gap(own: pd.DataFrame, other: pd.DataFrame, level: float) -> dict[str, np.ndarray]:
    """Welch's t for groups whose units are small areas."""
    v1, v2 = own["value"].to_numpy(float), other["value"].to_numpy(float)
    s1, s2 = own["se"].to_numpy(float) ** 2, other["se"].to_numpy(float) ** 2
    n1, n2 = own["n_areas"].to_numpy(float), other["n_areas"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(s1 + s2)
        df = (s1 + s2) ** 2 / (s1**2 / (n1 - 1) + s2**2 / (n2 - 1))
        reach = stdtrit(df, 0.5 + level / 2)
        p_value = 2 * stdtr(df, -np.abs((v1 - v2) / se))
        log_se = np.where((v1 > 0) & (v2 > 0), np.sqrt(s1 / v1**2 + s2 / v2**2), np.nan)
        ratio = np.where(v2 != 0, v1 / v2, np.nan)
    difference = Contrast(v1 - v2, v1 - v2 - reach * se, v1 - v2 + reach * se)
    relative = Contrast(ratio, ratio * np.exp(-reach * log_se), ratio * np.exp(reach * log_se))
    return _by_name(difference, relative, p_value)


def _by_name(difference: Contrast, ratio: Contrast, p_value: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "ratio": ratio.estimate,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "p_value": p_value,
    }


def _both(
    *counts_and_bases: ArrayLike,
    of: Callable[[ArrayLike, ArrayLike], tuple[np.ndarray, np.ndarray]] = as_events,
) -> list[np.ndarray]:
    """Counts and bases of both groups as arrays of one shape."""
    x1, n1, x2, n2 = counts_and_bases
    return [np.array(part) for part in np.broadcast_arrays(*of(x1, n1), *of(x2, n2))]


def _share_limits(
    x: np.ndarray, total: np.ndarray, method: str, level: float
) -> tuple[np.ndarray, np.ndarray]:
    if method == "score":
        return wilson_limits(x, total, level=level)
    low, high = proportion_confint(x, total, alpha=1 - check_level(level), method="beta")
    return np.asarray(low), np.asarray(high)


def _two_sided(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    z = np.divide(difference, spread, out=np.zeros_like(difference), where=spread != 0)
    return np.where(np.isnan(difference), np.nan, erfc(np.abs(z) / np.sqrt(2)))
