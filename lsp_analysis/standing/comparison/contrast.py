"""Published intervals for two groups side by side, for those who know them by name.

Differences of proportions have hybrid score limits (Newcombe 1998), their ratios log limits (Katz
1978), ratios of rates score, log or exact limits. Pages compare groups by one exact test instead:
see `lsp_analysis.standing.comparison.exact`. The groups must not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.standing import checks
from lsp_analysis.standing.comparison.intervals import wilson_limits


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
    x1, n1, x2, n2 = _both(x1, n1, x2, n2, of=checks.as_parts)
    with np.errstate(invalid="ignore"):
        low, high = confint_proportions_2indep(
            x1, n1, x2, n2, method="newcomb", compare="diff", alpha=1 - checks.check_level(level)
        )
    return Contrast(x1 / n1 - x2 / n2, np.asarray(low), np.asarray(high))


def ratio_of_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Share of the first group over that of the second, with log limits (Katz 1978, statsmodels).

    Arguments as for `difference_of_proportions`. A count of zero on either side leaves the limits
    missing: its logarithm has no spread.
    """
    x1, n1, x2, n2 = _both(x1, n1, x2, n2, of=checks.as_parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = confint_proportions_2indep(
            x1, n1, x2, n2, method="log", compare="ratio", alpha=1 - checks.check_level(level)
        )
        ratio = (x1 / n1) / (x2 / n2)
    some = (x1 > 0) & (x2 > 0)
    return Contrast(ratio, np.where(some, low, np.nan), np.where(some, high, np.nan))


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
            reach = ndtri(0.5 + checks.check_level(level) / 2) * np.sqrt(1 / x1 + 1 / x2)
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


def _both(
    *counts_and_bases: ArrayLike,
    of: Callable[[ArrayLike, ArrayLike], tuple[np.ndarray, np.ndarray]] = checks.as_events,
) -> list[np.ndarray]:
    """Counts and bases of both groups as arrays of one shape."""
    x1, n1, x2, n2 = counts_and_bases
    return [np.array(part) for part in np.broadcast_arrays(*of(x1, n1), *of(x2, n2))]


def _share_limits(
    x: np.ndarray, total: np.ndarray, method: str, level: float
) -> tuple[np.ndarray, np.ndarray]:
    if method == "score":
        return wilson_limits(x, total, level=level)
    low, high = proportion_confint(x, total, alpha=1 - checks.check_level(level), method="beta")
    return np.asarray(low), np.asarray(high)
