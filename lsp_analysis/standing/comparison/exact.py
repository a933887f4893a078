"""One test and one interval for two groups, row by row: exact, and always in agreement.

Given the total of both groups, the count of the first is binomial (two rates) or hypergeometric
(two shares). The p-value is twice the smaller tail of that distribution, and the interval holds
every ratio that this test does not reject (Clopper and Pearson 1934; Cornfield 1956). A difference
has the limits that these ratios give at the same total, so it excludes zero exactly when the test
rejects. The two groups must not overlap: an area is compared with the borough without it. The test
takes events as independent of one another: where one cause brings several it rejects too often, as
``python benchmarks/standing.py`` shows.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, gammaincinv, gammaln, ndtr, ndtri, stdtr, stdtrit
from scipy.stats import binomtest
from statsmodels.stats.proportion import confint_proportions_2indep

from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.standing.comparison import intervals
from lsp_analysis.standing.comparison.verdict import SIDES
from lsp_analysis.study.indicator import Indicator

COLUMNS = ("difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high")
COLUMNS += ("p_value",)
Values = dict[str, np.ndarray]
FURTHEST = 40.0  # log odds ratio beyond which a limit is taken as infinite


def compare_rates(
    x1: np.ndarray, t1: np.ndarray, x2: np.ndarray, t2: np.ndarray, *, level: float = 0.95
) -> Values:
    """Events per unit of exposure, first group against second: exact given all events.

    Parameters
    ----------
    x1, t1, x2, t2 : arrays of one length
        Events and exposures (people, or person-years) of groups that do not overlap. Age-
        standardised rates come as effective counts (rate squared over variance) with the exposure
        that gives the rate, as in Fay (1999).
    level : float between 0 and 1

    Returns
    -------
    dict of arrays: ``difference``, ``ratio`` (each with ``_low`` and ``_high``) and ``p_value``;
    missing where a count or an exposure is.
    """
    x1, t1, x2, t2 = (np.asarray(part, dtype=float) for part in (x1, t1, x2, t2))
    tail = (1 - intervals.check_level(level)) / 2
    t1, t2 = np.where(t1 > 0, t1, np.nan), np.where(t2 > 0, t2, np.nan)
    total = x1 + x2
    some1, some2 = np.maximum(x1, 1e-300), np.maximum(x2, 1e-300)
    equal = t1 / (t1 + t2)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(x1 > 0, betaincinv(some1, x2 + 1, tail), 0.0)
        high = np.where(x2 > 0, betaincinv(x1 + 1, some2, 1 - tail), 1.0)
        above = np.where(x1 > 0, betainc(some1, x2 + 1, equal), 1.0)
        below = np.where(x2 > 0, 1 - betainc(x1 + 1, some2, equal), 1.0)
        ends = [share * total / t1 - (1 - share) * total / t2 for share in (low, high)]
        # Without any event the most that either rate can be is that of no event observed.
        most = gammaincinv(1.0, 1 - tail)
        ends[0] = np.where(total > 0, ends[0], -most / t2)
        ends[1] = np.where(total > 0, ends[1], most / t1)
        ratios = [share / (1 - share) * t2 / t1 for share in (low, high)]
        values = (x1 / t1 - x2 / t2, *ends, (x1 / t1) / (x2 / t2), *ratios)
    p_value = np.minimum(1.0, 2 * np.minimum(above, below))
    missing = np.isnan(x1 + t1 + x2 + t2)
    return _named(np.where(missing, np.nan, part) for part in (*values, p_value))


def compare_shares(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray, *, level: float = 0.95
) -> Values:
    """Shares of two groups of people: exact given all that are counted (Fisher's test).

    Arguments and result as for `compare_rates`; the test rounds averages to whole people.
    The ratio is that of the two shares at the limits of the odds ratio.
    """
    intervals.check_level(level)
    groups = np.column_stack([np.asarray(part, dtype=float) for part in (x1, n1, x2, n2)])
    rows = [_share_row(*group, level) for group in np.round(np.round(groups, 6))]
    made = _named(np.array(rows, dtype=float).reshape(-1, len(COLUMNS)).T)
    with np.errstate(divide="ignore", invalid="ignore"):
        own, other = groups[:, 0] / groups[:, 1], groups[:, 2] / groups[:, 3]
        exact = {"difference": own - other, "ratio": own / other}
    known = ~np.isnan(made["p_value"])
    return made | {name: np.where(known, values, np.nan) for name, values in exact.items()}


def _named(values: Iterable[np.ndarray]) -> Values:
    return dict(zip(COLUMNS, values, strict=True))


def _share_row(x1: float, n1: float, x2: float, n2: float, level: float) -> tuple[float, ...]:
    """One comparison of two shares."""
    if not (n1 > 0 and n2 > 0 and 0 <= x1 <= n1 and 0 <= x2 <= n2):
        return (np.nan,) * len(COLUMNS)
    total, tail = x1 + x2, (1 - level) / 2
    counts = np.arange(max(0.0, total - n2), min(n1, total) + 1)
    parts = (counts, n1 - counts, total - counts, n2 - total + counts)
    weights = -sum(gammaln(part + 1) for part in parts)

    def beyond(log_odds: float, *, above: bool) -> float:
        chance = weights + counts * log_odds
        chance = np.exp(chance - chance.max())
        chosen = counts >= x1 if above else counts <= x1
        return float(chance[chosen].sum() / chance.sum())

    cells = np.array([x1, n1 - x1, x2, n2 - x2]) + 0.5
    middle = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    reach = 6 * np.sqrt((1 / cells).sum())

    def limit(*, above: bool) -> float:
        def wanted(log_odds: float) -> float:
            return beyond(log_odds, above=above) - tail

        for ends in ((middle - reach, middle + reach), (-FURTHEST, FURTHEST)):
            if wanted(ends[0]) * wanted(ends[1]) < 0:
                return float(brentq(wanted, *ends, xtol=1e-9))
        return -np.inf if above else np.inf

    low = -np.inf if x1 == counts[0] else limit(above=True)
    high = np.inf if x1 == counts[-1] else limit(above=False)
    p_value = min(1.0, 2 * min(beyond(0.0, above=True), beyond(0.0, above=False)))
    pairs = [_shares_at(end, total, n1, n2) for end in (low, high)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [np.divide(*map(np.float64, pair)) for pair in ((x1 / n1, x2 / n2), *pairs)]
    differences = [x1 / n1 - x2 / n2, *(one - other for one, other in pairs)]
    if total in (0, n1 + n2):  # then the most that either share can be is what none observed leaves
        differences[1:] = [-(1 - tail ** (1 / n2)), 1 - tail ** (1 / n1)]
        differences[1:] = differences[1:] if total == 0 else [-differences[2], -differences[1]]
    return (*differences, *ratios, p_value)


def _shares_at(log_odds: float, total: float, n1: float, n2: float) -> tuple[float, float]:
    """Both shares when their odds have this ratio and `total` are counted in all."""
    if np.isinf(log_odds):
        first = min(n1, total) if log_odds > 0 else max(0.0, total - n2)
        return first / n1, (total - first) / n2
    if log_odds > 0:  # of the other group to this one, so that the square is taken of small numbers
        return _shares_at(-log_odds, total, n2, n1)[::-1]
    odds = np.exp(log_odds)
    a, b, c = n1 * (1 - odds), n1 * odds - total * (1 - odds) + n2, -total * odds
    own = 2 * c / (-b - np.sqrt(b * b - 4 * a * c))
    return own, (total - n1 * own) / n2


def compare_groups(
    own: pd.DataFrame, other: pd.DataFrame, *, indicator: Indicator, level: float
) -> Values:
    """Two groups of small areas compared as the kind of the indicator asks, row by row.

    Parameters
    ----------
    own, other : DataFrames of equal length
        ``numerator`` and ``denominator``, or ``value``, ``se`` and ``n_areas`` of `group_series`.
    indicator : Indicator
        Events: exact for two rates. Shares and stocks: exact for two shares (a stock as one
        reading of its average count). Others: from published intervals where both sides have
        them, else Welch's t on the spread between small areas. Counts of places of different size
        are not compared.
    level : float between 0 and 1

    Returns
    -------
    dict with the values of `compare_rates`; differences in the indicator's unit.
    """
    if indicator.unit == "count":
        return _named(np.full((len(COLUMNS), len(own)), np.nan))
    if not indicator.counted:
        return _spread_gap(own, other, level)
    columns = ("numerator", "denominator")
    groups = [side[name].to_numpy(float) for side in (own, other) for name in columns]
    shares = indicator.kind != "events" and "events" not in own
    made = (compare_shares if shares else compare_rates)(*groups, level=level)
    return made | {name: made[name] * indicator.multiplier for name in COLUMNS[:3]}


def compare_rows(
    own: pd.DataFrame, other: pd.DataFrame, *, indicator: Indicator, level: float
) -> dict[str, float]:
    """`compare_groups` of two groups of one row each."""
    values = compare_groups(own, other, indicator=indicator, level=level)
    return {name: float(array[0]) for name, array in values.items()}


def _spread_gap(own: pd.DataFrame, other: pd.DataFrame, level: float) -> Values:
    """Values with standard errors: published ones, else of the spread between small areas."""
    columns = ("value", "se", "n_areas")
    (v1, se1, n1), (v2, se2, n2) = (side[[*columns]].to_numpy(float).T for side in (own, other))
    s1, s2 = se1**2, se2**2
    published = np.asarray(own.get("published", np.zeros(len(own))), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(s1 + s2)
        df = (s1 + s2) ** 2 / (s1**2 / (n1 - 1) + s2**2 / (n2 - 1))
        reach = np.where(published, ndtri(0.5 + level / 2), stdtrit(df, 0.5 + level / 2))
        z = -np.abs((v1 - v2) / se)
        p_value = 2 * np.where(published, ndtr(z), stdtr(df, z))
        log_se = np.where((v1 > 0) & (v2 > 0), np.sqrt(s1 / v1**2 + s2 / v2**2), np.nan)
        ratio = np.where(v2 != 0, v1 / v2, np.nan)
    differences = (v1 - v2, v1 - v2 - reach * se, v1 - v2 + reach * se)
    ratios = (ratio, ratio * np.exp(-reach * log_se), ratio * np.exp(reach * log_se))
    return _named((*differences, *ratios, p_value))


def compare_proportions(
    x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, *, level: float = 0.95
) -> dict[str, np.ndarray]:
    """Two proportions: Newcombe's limits of their difference, log limits of their ratio.

    Returns the keys of `exact.COLUMNS`: ``difference`` and ``ratio`` (first group less, or over,
    the second), each with ``_low`` and ``_high``. A count of zero leaves the limits of the ratio
    missing: its logarithm has no spread. Newcombe (1998) and Katz (1978), from statsmodels.
    """
    groups = np.broadcast_arrays(*intervals.as_parts(x1, n1), *intervals.as_parts(x2, n2))
    alpha, some = 1 - intervals.check_level(level), (groups[0] > 0) & (groups[2] > 0)
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
    x1, t1, x2, t2 = np.broadcast_arrays(*intervals.as_events(x1, t1), *intervals.as_events(x2, t2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (x1 / t1) / (x2 / t2)
        if method == "score":
            low, high = intervals.wilson_limits(x1, x1 + x2, level=intervals.check_level(level))
            return ratio, low / (1 - low) * t2 / t1, high / (1 - high) * t2 / t1
        reach = ndtri(0.5 + intervals.check_level(level) / 2) * np.sqrt(1 / x1 + 1 / x2)
        some = (x1 > 0) & (x2 > 0)
        low, high = (np.where(some, ratio * np.exp(z), np.nan) for z in (-reach, reach))
        return ratio, low, high


def exact_rate_test(x1: float, t1: float, x2: float, t2: float) -> float:
    """Two-sided p-value of two equal Poisson rates: binomial given all events (SciPy).

    1 without any event, missing without exposure. PanelError if events are no whole numbers.
    """
    x1, t1, x2, t2 = map(float, (*intervals.as_events(x1, t1), *intervals.as_events(x2, t2)))
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
    events, people = (np.atleast_2d(intervals.as_counts(part)) for part in (events, people))
    known = intervals.as_counts(reference_events, "reference count")
    base = intervals.as_exposure(reference_people)
    if not events.shape[-1] == people.shape[-1] == len(known) == len(base):
        raise PanelError(
            f"The areas have {events.shape[-1]} age bands and the reference {len(known)}. "
            "Use the same bands for both, each once."
        )
    observed, expected = events.sum(axis=1), (people * known / base).sum(axis=1)
    observed = np.where(np.isnan(expected), np.nan, observed)
    limits = intervals.poisson_limits(observed, level=intervals.check_level(level))
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
