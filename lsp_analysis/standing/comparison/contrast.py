"""Published intervals for two groups side by side, for those who know them by name.

Differences of proportions have hybrid score limits (Newcombe 1998), their ratios log limits (Katz
1978), ratios of rates score, log or exact limits. Pages compare groups by one exact test instead:
see `lsp_analysis.standing.comparison.exact`. The groups must not overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.standing.checks import as_events, as_parts, check_level
from lsp_analysis.standing.comparison.exact import compare_rates
from lsp_analysis.standing.comparison.intervals import wilson_limits


class Contrast(NamedTuple):
    """A difference or a ratio of two groups with its limits; arrays when the counts were arrays."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


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
    x1, n1, x2, n2 = np.broadcast_arrays(*as_parts(x1, n1), *as_parts(x2, n2))
    with np.errstate(invalid="ignore"):
        limits = confint_proportions_2indep(
            x1, n1, x2, n2, method="newcomb", compare="diff", alpha=1 - check_level(level)
        )
    return Contrast(x1 / n1 - x2 / n2, *map(np.asarray, limits))


def ratio_of_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> Contrast:
    """Share of the first group over that of the second, with log limits (Katz 1978, statsmodels).

    Arguments as for `difference_of_proportions`. A count of zero on either side leaves the limits
    missing: its logarithm has no spread.
    """
    x1, n1, x2, n2 = np.broadcast_arrays(*as_parts(x1, n1), *as_parts(x2, n2))
    some = (x1 > 0) & (x2 > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = confint_proportions_2indep(
            x1, n1, x2, n2, method="log", compare="ratio", alpha=1 - check_level(level)
        )
        return Contrast((x1 / n1) / (x2 / n2), *(np.where(some, end, np.nan) for end in limits))


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
    x1, t1, x2, t2 = np.broadcast_arrays(*as_events(x1, t1), *as_events(x2, t2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (x1 / t1) / (x2 / t2)
        if method == "exact":
            found = compare_rates(x1, t1, x2, t2, level=level)
            return Contrast(ratio, found["ratio_low"], found["ratio_high"])
        if method == "score":
            low, high = wilson_limits(x1, x1 + x2, level=level)
            return Contrast(ratio, low / (1 - low) * t2 / t1, high / (1 - high) * t2 / t1)
        reach = ndtri(0.5 + check_level(level) / 2) * np.sqrt(1 / x1 + 1 / x2)
        ends = (np.where((x1 > 0) & (x2 > 0), ratio * np.exp(z), np.nan) for z in (-reach, reach))
        return Contrast(ratio, *ends)


def exact_rate_test(x1: float, t1: float, x2: float, t2: float) -> float:
    """Two-sided p-value of two equal Poisson rates: binomial given all events (SciPy).

    Whole numbers of events; 1 without any event, missing without exposure.
    """
    x1, t1, x2, t2 = (float(part) for part in (*as_events(x1, t1), *as_events(x2, t2)))
    if np.isnan(x1 + t1 + x2 + t2):
        return np.nan
    if not (x1.is_integer() and x2.is_integer()):
        raise PanelError(f"An exact test needs whole numbers of events, not {x1:g} and {x2:g}.")
    return float(binomtest(int(x1), int(x1 + x2), t1 / (t1 + t2)).pvalue) if x1 + x2 else 1.0
