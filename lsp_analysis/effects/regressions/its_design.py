"""Columns of an interrupted time series: trend, change of level, change of slope, season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import distinct, tidy
from lsp_analysis.effects.layout import (
    as_start,
    check_pairs,
    check_start,
    check_varies,
    named_areas,
)
from lsp_analysis.effects.options import positive, whole
from lsp_analysis.effects.people import check_people, check_population
from lsp_analysis.effects.periods import in_periods
from lsp_analysis.errors import PanelError, ParameterError

CHANGES = {
    "level": ["level_change"],
    "slope": ["slope_change"],
    "both": ["level_change", "slope_change"],
}


def series_of(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any] | None,
    others: Sequence[str],
    summed: bool,
    area: str,
    period: str,
    population: str | None = None,
) -> tuple[pd.DataFrame, int]:
    """The treated areas together, one row per period, summed or averaged; and how many they are.

    Without `treated` the panel must have one row per period already.
    """
    check_population(outcome, population)
    columns = distinct([period, outcome, *others])
    labels = [period] if treated is None else [area, period]
    panel = tidy(panel, numbers=[outcome, *others], labels=labels)
    if treated is not None:
        check_pairs(panel, area, period)
        codes = named_areas(panel, treated, area)
        panel = panel[panel[area].isin(codes)]
        if population:
            check_people(panel, population, area, period)
        complete = panel.dropna(subset=columns)[period].value_counts() == len(codes)
        panel = panel[panel[period].isin(complete.index[complete])]
        grouped = panel[columns].groupby(period)
        table = grouped.sum() if summed else grouped.mean()
        return _varying(table.reset_index(), outcome), len(codes)
    series = panel[columns].dropna().sort_values(period, ignore_index=True)
    repeated = series[period].duplicated()
    if repeated.any():
        first = series.loc[repeated.idxmax(), period]
        raise PanelError(
            f"Periods occur more than once, first {first}. A series has one row per period: name "
            "the treated areas in `treated`, or add the rows up."
        )
    if population:
        check_people(series, population, None, period)
    return _varying(series, outcome), 1


def _varying(series: pd.DataFrame, outcome: str) -> pd.DataFrame:
    if len(series):
        check_varies(series[outcome])
    return series


def time_steps(periods: pd.Series) -> np.ndarray:
    """1, 2, 3 ... from the first period; a period that is missing leaves its number out.

    Dates and text count as what they say, months or weeks; other text only as its order.
    """
    periods = _dated(periods)
    if isinstance(periods.dtype, pd.PeriodDtype):
        ordinal = periods.array.asi8.astype(float)
    elif pd.api.types.is_datetime64_any_dtype(periods):
        days = (periods - periods.min()).dt.days.to_numpy()
        ordinal = days / max(int(np.gcd.reduce(days)), 1)
    elif pd.api.types.is_numeric_dtype(periods):
        ordinal = periods.to_numpy(dtype=float)
    else:
        ordinal = pd.factorize(periods, sort=True)[0].astype(float)
    return ordinal - ordinal.min() + 1


def _dated(periods: pd.Series) -> pd.Series:
    """As pandas Periods where they say when they were; else as they are."""
    if pd.api.types.is_numeric_dtype(periods):
        return periods
    try:
        return in_periods(periods.to_frame("period"))["period"]
    except PanelError:
        return periods


def design(
    periods: pd.Series,
    start: Any,
    *,
    change: str = "both",
    harmonics: int = 0,
    cycle: float | None = None,
    slope_from: int = 1,
) -> pd.DataFrame:
    """Columns intercept, time, level_change, slope_change, sin1, cos1, ... for sorted `periods`.

    Parameters
    ----------
    start : first period after
        level_change is 0 before it and 1 from it on; slope_change counts from it on.
    slope_from : 1 or 0
        Where slope_change begins to count: at 1 the level change is read in the last period before,
        at 0 it is the jump in the first period after.
    change : "level", "slope" or "both"
    harmonics : int, 0 or more
        Pairs of sine and cosine per season (Bhaskaran and others 2013).
    cycle : float, optional
        Periods per season; 12, 4 or 52 are read off monthly, quarterly and weekly periods.
    """
    if change not in CHANGES:
        raise ParameterError(f"change={change!r} is not known: use {', '.join(CHANGES)}.")
    if periods.empty:
        raise PanelError("No period has a value of the outcome in all the areas taken together.")
    if slope_from not in (0, 1):
        raise ParameterError(f"slope_from={slope_from!r} must be 1 or 0.")
    start = as_start(start, periods)
    at = check_start(pd.Index(periods.unique()).sort_values(), start, fewest_before=2)
    time = time_steps(periods)
    after = (periods >= start).to_numpy()
    last_before = time[at - 1] if periods.is_unique else time[~after].max()
    columns = {
        "intercept": np.ones(len(time)),
        "time": time,
        "level_change": after.astype(float),
        "slope_change": np.where(after, time - last_before - 1 + slope_from, 0.0),
    }
    kept = ["intercept", "time", *CHANGES[change]]
    table = pd.DataFrame({name: columns[name] for name in kept}, index=periods.index)
    harmonics = whole("harmonics", harmonics)
    cycle = None if cycle is None else positive("cycle", cycle)
    if harmonics:
        length = _cycle_of(periods) if cycle is None else cycle
        if not (harmonics > 0 and length >= 2 * harmonics):
            raise ParameterError(
                f"harmonics={harmonics} must be from 0 to half the {length:g} periods of a season."
            )
        for k in range(1, harmonics + 1):
            angle = 2 * np.pi * k * time / length
            if not np.isclose(2 * k, length):  # there the sine is 0 throughout
                table[f"sin{k}"] = np.sin(angle)
            table[f"cos{k}"] = np.cos(angle)
    return table


def _cycle_of(periods: pd.Series) -> float:
    lengths = {"M": 12.0, "Q": 4.0, "W": 365.25 / 7, "D": 365.25}
    periods = _dated(periods)
    freq = periods.dt.freq.freqstr[0] if isinstance(periods.dtype, pd.PeriodDtype) else ""
    if freq not in lengths:
        raise ParameterError(
            "Harmonics need the length of the season: give `cycle`, for example 12 for months."
        )
    return lengths[freq]
