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
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, gammaincinv, gammaln, ndtr, ndtri, stdtr, stdtrit

from lsp_analysis.standing.checks import check_level
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
    tail = (1 - check_level(level)) / 2
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
    check_level(level)
    groups = np.column_stack([np.asarray(part, dtype=float) for part in (x1, n1, x2, n2)])
    rows = [_share_row(*group, level) for group in np.round(np.round(groups, 6))]
    made = _named(np.array(rows, dtype=float).reshape(-1, len(COLUMNS)).T)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = groups[:, 0] / groups[:, 1], groups[:, 2] / groups[:, 3]
        exact = {"difference": shares[0] - shares[1], "ratio": shares[0] / shares[1]}
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
    parts = ((counts, n1 - counts), (total - counts, n2 - total + counts))
    weights = -sum(gammaln(part + 1) for pair in parts for part in pair)

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
        other, own = _shares_at(-log_odds, total, n2, n1)
        return own, other
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
    scaled = [name for name in COLUMNS if name.startswith("difference")]
    return made | {name: made[name] * indicator.multiplier for name in scaled}


def compare_rows(
    own: pd.DataFrame, other: pd.DataFrame, *, indicator: Indicator, level: float
) -> dict[str, float]:
    """`compare_groups` of two groups of one row each."""
    values = compare_groups(own, other, indicator=indicator, level=level)
    return {name: float(array[0]) for name, array in values.items()}


def _spread_gap(own: pd.DataFrame, other: pd.DataFrame, level: float) -> Values:
    """Values with standard errors: published ones, else of the spread between small areas."""
    v1, v2 = own["value"].to_numpy(float), other["value"].to_numpy(float)
    s1, s2 = own["se"].to_numpy(float) ** 2, other["se"].to_numpy(float) ** 2
    n1, n2 = own["n_areas"].to_numpy(float), other["n_areas"].to_numpy(float)
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
