"""Rates, proportions and means with their intervals, of single areas and of areas taken together.

Sources: Breslow and Day (1987) for Byar's limits, Wilson (1927) for proportions, and the choices
of the Fingertips technical guidance: exact Poisson limits for counts below ten, Byar's from ten.
A count of zero is data; a denominator of zero gives a missing rate.
"""

from collections.abc import Collection
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammainccinv, gammaincinv, ndtri, stdtrit
from statsmodels.stats.proportion import proportion_confint

from lsp_analysis import wording
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.study.areas import is_among
from lsp_analysis.study.indicator import Indicator

ROUNDING = 1e-9  # by which a count worked out from a percentage may lie above its denominator


def check_level(level: float) -> float:
    """Refuse a level of confidence that is not a share, such as 95 for 0.95."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ParameterError(
            f"The level is {level!r}, and it must lie between 0 and 1: write 0.95 for 95%."
        )
    return level


def as_numbers(values: ArrayLike, what: str) -> np.ndarray:
    """Numbers as floats, missing ones as NaN; text, dates and endless numbers are refused."""
    if getattr(values, "dtype", np.dtype(float)).kind in "Mm":
        raise PanelError(f"The {what} holds dates, and numbers are wanted: were columns swapped?")
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):  # a mixed column, in which pandas' missing value may be one
        entries = pd.Series(np.ravel(np.asarray(values, dtype=object)))
        numbers = pd.to_numeric(entries, errors="coerce")
        wrong = entries[numbers.isna() & entries.notna()]
        if len(wrong):
            raise PanelError(
                f"The {what} holds {wrong.iloc[0]!r}, which is no number. Leave what is not known "
                "empty, and keep marks such as * in the note."
            ) from None
        numbers = numbers.to_numpy(float).reshape(np.shape(values))
    if np.isinf(numbers).any():
        raise PanelError(f"The {what} has an infinite value: was something divided by zero?")
    return numbers


def as_counts(counts: ArrayLike, what: str = "count") -> np.ndarray:
    """Counts as floats, missing ones as NaN; a negative count is refused."""
    counts = as_numbers(counts, what)
    if (counts < 0).any():
        raise PanelError(
            f"The {what} is negative in {wording.counted(int((counts < 0).sum()), 'row')}, the "
            f"least {np.nanmin(counts):g}. Counts start at zero: correct the source table."
        )
    return counts


def as_exposure(population: ArrayLike) -> np.ndarray:
    """Denominators as floats, zero as NaN: nobody there means no rate, not an infinite one."""
    population = as_counts(population, "denominator")
    return np.where(population > 0, population, np.nan)


def as_events(counts: ArrayLike, population: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Events and what they are counted over, of one shape; columns of two lengths are refused."""
    counts, population = as_counts(counts), as_exposure(population)
    if counts.ndim and population.ndim and counts.shape != population.shape:
        raise PanelError(
            f"There are {counts.size} counts and {population.size} denominators. Give one of each "
            "per row."
        )
    counts, population = np.broadcast_arrays(counts, population)
    return np.array(counts), np.array(population)


def as_parts(counts: ArrayLike, population: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Counts of some of a population, as `as_events`; more than everybody is refused."""
    counts, population = as_events(counts, population)
    above = counts > population * (1 + ROUNDING)
    if above.any():
        count, base = counts[above].flat[0], population[above].flat[0]
        raise PanelError(
            f"The count is above its denominator in {wording.counted(int(above.sum()), 'row')}, "
            f"the first {count:g} of {base:g}. A proportion counts some of the denominator: "
            "correct the source table, or call it a rate."
        )
    return np.where(counts > population, population, counts), population


SUPPRESSED = "suppressed"  # the note of a count that is withheld
WITHHELD = "the number is too small to be published"
PUBLISHED_AT = ndtri(0.975)  # publishers' intervals are 95% ones
EXACT_BELOW = 10  # counts under ten get exact limits: Byar's are off by more than rounding there


def exact_poisson_limits(
    counts: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Exact (Garwood 1936) limits of Poisson means, from the chi-squared distribution."""
    counts = as_counts(counts)
    tail = (1 - check_level(level)) / 2
    lower = np.where(counts > 0, gammaincinv(np.where(counts > 0, counts, 1.0), tail), 0.0)
    return np.where(np.isnan(counts), np.nan, lower), gammainccinv(counts + 1, tail)


def byar_limits(counts: ArrayLike, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Byar's limits of Poisson means (Breslow and Day 1987, page 69)."""
    counts = as_counts(counts)
    z = ndtri(0.5 + check_level(level) / 2)
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
    counts = np.atleast_1d(as_counts(counts))
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
    counts, population = as_parts(counts, population)
    alpha = 1 - check_level(level)
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
    reach = stdtrit(n - 1, 0.5 + check_level(level) / 2) * np.asarray(stdev) / np.sqrt(n)
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
        events, people = as_events(counts, people)
        scale = indicator.multiplier / people
        return tuple(limit * scale for limit in poisson_limits(events, level=level))
    # The check of a study names rows with more counted than there are; the others are shown.
    possible = np.where(counts > people * (1 + ROUNDING), np.nan, people)
    low, high = wilson_limits(counts, possible, level=level)
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
    events, population = as_events(events, population)
    known = ~np.isnan(events / population)
    if not known.any():
        return np.full(events.shape, np.nan)
    people, rates = population[known].sum(), events / population
    overall = events[known].sum() / people
    spread = (population * (rates - overall) ** 2)[known].sum() / people
    between = max(spread - overall / population[known].mean(), 0.0)
    total = between + overall / population
    weight = np.divide(between, total, out=np.zeros_like(total), where=total != 0)
    return np.where(known, overall + weight * (rates - overall), np.nan)


def group_series(
    panel: pd.DataFrame,
    codes: Collection[str],
    *,
    indicator: Indicator,
    leave_out_missing: bool = False,
) -> pd.DataFrame:
    """One group of small areas through time: sums over sums, and how much the areas differ.

    Numerators and denominators are added up. An indicator without them, such as a score, is
    averaged over the areas (weighted by denominators where all are known). The standard error is
    that of a ratio estimator with areas as its units (Cochran 1977, section 6.3): it describes the
    spread between areas. Of a single area with a published interval it is that of the interval.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        ``area_code``, ``period``, ``numerator``, ``denominator``, ``value``; where known
        ``lower95`` and ``upper95`` (published), ``imputed`` (for withheld counts, used only when
        several areas are added up).
    codes : small-area codes
    indicator : Indicator
    leave_out_missing : bool
        A comparator of many areas can do without one that is suppressed; the area itself cannot,
        so by default one missing part makes the period missing.

    Returns
    -------
    DataFrame, one row per period of the panel
        ``period``, ``numerator``, ``denominator``, ``value``, ``se``, ``published`` (whether the
        standard error is), ``n_areas`` (with a value), ``n_missing``, ``note``.

    Raises
    ------
    PanelError
        There are no codes, or none of them is in the panel.
    """
    codes = list(dict.fromkeys(codes))
    own = is_among(panel["area_code"], codes)
    if not own.any():
        raise PanelError(
            f"None of the {len(codes)} areas asked for (first: {', '.join(codes[:3]) or 'none'}) "
            f"is in the panel of {indicator.indicator_id!r}. Check the codes and their vintage."
        )
    periods = pd.PeriodIndex(panel["period"].unique()).sort_values()
    row = periods.get_indexer(pd.PeriodIndex(panel["period"].array[own]))
    columns = ("numerator", "denominator", "value")
    numerator, denominator, value = (panel[name].to_numpy(float)[own] for name in columns)
    if "imputed" in panel and len(codes) > 1:
        imputed = panel["imputed"].to_numpy(float)[own]
        numerator = np.where(np.isnan(numerator), imputed, numerator)
    fixed = indicator.kind in ("standardised", "published") or indicator.value_type == "score"
    additive = not fixed and not np.isnan(numerator).all()
    top, weight = numerator, denominator
    if not additive:
        weight = np.ones(len(value)) if np.isnan(denominator).any() else denominator
        top = value * weight
    elif indicator.unit == "count":
        weight = np.ones(len(value))
    # Each area's `top` and `weight` make the group's value; both are known or neither counts.
    nobody = (top == 0) & (weight == 0)  # no pupils, none absent: adds nothing, lacks nothing
    known = ~np.isnan(top) & (weight > 0) | nobody
    parts = {"top": top, "weight": weight, "tt": top**2, "tw": top * weight, "ww": weight**2}
    sums = {name: np.bincount(row[known], x[known], len(periods)) for name, x in parts.items()}
    sums["n_areas"] = np.bincount(row[known], minlength=len(periods))
    series = _estimates(sums, indicator, additive=additive)
    published = np.zeros(len(periods), dtype=bool)
    if not indicator.counted and "lower95" in panel:
        reach = (panel["upper95"] - panel["lower95"]).to_numpy(float)[own] / 2
        squares = np.bincount(row, (weight * reach / PUBLISHED_AT) ** 2, len(periods))
        published = ~np.isnan(squares)
        series["se"] = np.where(published, np.sqrt(squares) / sums["weight"], series["se"])
    n_missing = len(codes) - sums["n_areas"]
    known = sums["n_areas"] > 0 if leave_out_missing else n_missing == 0
    series = {name: np.where(known, column, np.nan) for name, column in series.items()}
    lacking = f"of {len(codes)} small areas without a value"
    notes = [f"{missing} {lacking}" if missing else "" for missing in n_missing]
    if "note" in panel and len(codes) == 1 and n_missing.any():
        small = (panel["note"].array[own] == SUPPRESSED) & np.isnan(top)
        notes = np.where(np.bincount(row, small, len(periods)) > 0, WITHHELD, notes)
    counts = {"published": published, "n_areas": sums["n_areas"], "n_missing": n_missing}
    return pd.DataFrame({"period": periods, **series, **counts, "note": notes})


def group_limits(
    series: pd.DataFrame, *, indicator: Indicator, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each row of a series: from its counts, published, or from its spread.

    Standardised rates (with a column ``events``) have Dobson's limits: Byar's of the events,
    stretched to the standard error of the rate (Dobson and others 1991).
    """
    value = series["value"].to_numpy(float)
    if "events" in series:
        events, effective = (series[name].to_numpy(float) for name in ("events", "numerator"))
        low, high = byar_limits(events, level=level)
        with np.errstate(divide="ignore", invalid="ignore"):
            stretch = value / np.sqrt(effective * events)
        return value + stretch * (low - events), value + stretch * (high - events)
    if indicator.counted:
        return row_limits(series, indicator=indicator, level=level)
    se, n = (series[name].to_numpy(float) for name in ("se", "n_areas"))
    low, high = mean_limits(value, se * np.sqrt(n), n, level=level)
    published = series["published"].to_numpy(bool) if "published" in series else False
    reach = ndtri(0.5 + level / 2) * se
    return np.where(published, value - reach, low), np.where(published, value + reach, high)


def _estimates(
    sums: dict[str, np.ndarray], indicator: Indicator, *, additive: bool
) -> dict[str, np.ndarray]:
    counted = indicator.unit == "count"
    nothing = np.full(len(sums["top"]), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sums["top"] / sums["weight"]
        n = np.where(sums["n_areas"] > 1, sums["n_areas"], np.nan)
        # The sum of (top - ratio x weight) squared, written out so that all periods go at once.
        squared = sums["tt"] - 2 * ratio * sums["tw"] + ratio**2 * sums["ww"]
        se = np.sqrt(n / (n - 1) * np.maximum(squared, 0)) / sums["weight"]
    # A count is a total over its areas, each of weight one; a rate has its multiplier.
    scale = sums["weight"] if counted else indicator.multiplier if additive else 1.0
    return {
        "numerator": sums["top"] if additive else nothing,
        "denominator": sums["weight"] if additive and not counted else nothing,
        "value": ratio * scale,
        "se": se * scale,
    }
