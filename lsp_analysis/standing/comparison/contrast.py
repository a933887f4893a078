"""Published comparisons of two groups and with a benchmark, for those who know them by name.

Pages compare groups by one exact test instead: see `lsp_analysis.standing.comparison.exact`. The
groups must not overlap. Counts and populations are arrays of one shape, or single numbers.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.standing.checks import as_counts, as_events, as_exposure, as_parts, check_level
from lsp_analysis.standing.comparison.intervals import poisson_limits, wilson_limits
from lsp_analysis.standing.comparison.verdict import SIDES


def compare_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> dict[str, np.ndarray]:
    """Two proportions: Newcombe's limits of their difference, log limits of their ratio.

    Returns the keys of `exact.COLUMNS`: ``difference`` and ``ratio`` (first group less, or over,
    the second), each with ``_low`` and ``_high``. A count of zero leaves the limits of the ratio
    missing: its logarithm has no spread. Newcombe (1998) and Katz (1978), from statsmodels.
    """
    groups = np.broadcast_arrays(*as_parts(x1, n1), *as_parts(x2, n2))
    alpha, some = 1 - check_level(level), (groups[0] > 0) & (groups[2] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own, other = groups[0] / groups[1], groups[2] / groups[3]
        ends = confint_proportions_2indep(*groups, method="newcomb", compare="diff", alpha=alpha)
        logs = confint_proportions_2indep(*groups, method="log", compare="ratio", alpha=alpha)
        made = {"difference": own - other, "ratio": own / other}
    for side, end, log_end in zip(("low", "high"), ends, logs, strict=True):
        made[f"difference_{side}"] = np.asarray(end)
        made[f"ratio_{side}"] = np.where(some, log_end, np.nan)
    return made


def ratio_of_rates(
    x1: ArrayLike,
    t1: ArrayLike,
    x2: ArrayLike,
    t2: ArrayLike,
    *,
    method: str = "score",
    level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratio of two rates of events and its limits; for exact ones see `exact.compare_rates`.

    Parameters
    ----------
    x1, t1, x2, t2 : events and exposures (people, or person-years) of the two groups
    method : "score" (Wilson's limits of the first group's share of all events) or "wald-log"
        With no events in the second group the upper limit is infinite; "wald-log" then has none.
    level : float between 0 and 1
    """
    check_one_of(method, ("score", "wald-log"), "method")
    x1, t1, x2, t2 = np.broadcast_arrays(*as_events(x1, t1), *as_events(x2, t2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (x1 / t1) / (x2 / t2)
        if method == "score":
            low, high = wilson_limits(x1, x1 + x2, level=check_level(level))
            return ratio, low / (1 - low) * t2 / t1, high / (1 - high) * t2 / t1
        reach = ndtri(0.5 + check_level(level) / 2) * np.sqrt(1 / x1 + 1 / x2)
        some = (x1 > 0) & (x2 > 0)
        low, high = (np.where(some, ratio * np.exp(z), np.nan) for z in (-reach, reach))
        return ratio, low, high


def exact_rate_test(x1: float, t1: float, x2: float, t2: float) -> float:
    """Two-sided p-value of two equal Poisson rates: binomial given all events (SciPy).

    1 without any event, missing without exposure. PanelError if events are no whole numbers.
    """
    x1, t1, x2, t2 = (float(part) for part in (*as_events(x1, t1), *as_events(x2, t2)))
    if np.isnan(x1 + t1 + x2 + t2):
        return np.nan
    if not (x1.is_integer() and x2.is_integer()):
        raise PanelError(f"An exact test needs whole numbers of events, not {x1:g} and {x2:g}.")
    return float(binomtest(int(x1), int(x1 + x2), t1 / (t1 + t2)).pvalue) if x1 + x2 else 1.0


def indirectly_standardised(
    events: ArrayLike,
    people: ArrayLike,
    reference_events: ArrayLike,
    reference_people: ArrayLike,
    *,
    multiplier: float = 100_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Indirectly standardised ratios and rates of groups, with limits of the events observed.

    Parameters
    ----------
    events, people : arrays, groups x age bands
    reference_events, reference_people : arrays, one element per band, for example of England
    multiplier : float, of the rates; ratios have the reference at 1
    level : float between 0 and 1

    Returns
    -------
    DataFrame, one row per group
        ``observed``, ``expected``, ``reference_rate``, and ``ratio`` and ``rate``, each with
        ``_low`` and ``_high``. Missing where a count or a population of some band is.

    Raises
    ------
    PanelError
        The reference has other age bands than the groups.
    """
    events, people = np.atleast_2d(as_counts(events)), np.atleast_2d(as_counts(people))
    known, base = as_counts(reference_events, "reference count"), as_exposure(reference_people)
    if not events.shape[-1] == people.shape[-1] == len(known) == len(base):
        raise PanelError(
            f"The areas have {events.shape[-1]} age bands and the reference {len(known)}. "
            "Use the same bands for both, each once."
        )
    observed, expected = events.sum(axis=1), (people * known / base).sum(axis=1)
    observed = np.where(np.isnan(expected), np.nan, observed)
    limits = poisson_limits(observed, level=check_level(level))
    overall = multiplier * known.sum() / base.sum()
    table = pd.DataFrame({"observed": observed, "expected": expected, "reference_rate": overall})
    for end, top in zip(("", "_low", "_high"), (observed, *limits), strict=True):
        table[f"ratio{end}"] = top / np.where(expected > 0, expected, np.nan)
        table[f"rate{end}"] = overall * table[f"ratio{end}"]
    return table


def judge(
    low: ArrayLike, high: ArrayLike, *, benchmark: ArrayLike = 0.0, polarity: str = "none"
) -> np.ndarray:
    """Compare intervals with a benchmark that is known without error, in the words of Fingertips.

    Parameters
    ----------
    low, high : arrays, or single numbers
        Limits of each area's value; "not compared" where one is missing.
    benchmark : array or number
        "similar" when it lies inside the closed interval.
    polarity : "high_is_good", "low_is_good" or "none"
        Without it the words are "lower" and "higher", which pass no judgement.

    Returns
    -------
    array of str
    """
    check_one_of(polarity, SIDES, "polarity")
    low, high, benchmark = np.broadcast_arrays(
        *(np.asarray(end, dtype=float) for end in (low, high, benchmark))
    )
    words = np.array(["not compared", "similar", *SIDES[polarity]])
    known = ~np.isnan(low + high + benchmark)
    return words[known * (1 + (high < benchmark) + 2 * (low > benchmark))]
