"""Periods as they come, dates, years or text, as pandas Periods; and the start among them."""

from __future__ import annotations

import calendar
import datetime
import re
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError, ParameterError

YEARS = (1800, 2200)  # whole numbers between them are calendar years
_MONTHS = [name.upper() for name in calendar.month_abbr]
_FINANCIAL_YEAR = re.compile(r"(\d{4})/(\d{2})")
_TEXT = re.compile(r"\d{4}(-\d{2}(-\d{2})?|-?Q[1-4])?")


def in_periods(panel: pd.DataFrame, column: str = "period") -> pd.DataFrame:
    """`panel` with its periods as pandas Periods, where they are dates, calendar years or text.

    Whole numbers that are no years, and dates less than a month apart, stay as they are.

    Raises
    ------
    PanelError
        A period is missing, or is text that does not say when it was.
    """
    given = panel[column]
    if given.isna().any():
        raise PanelError(
            f"{wording.counted(int(given.isna().sum()), 'row')} of the panel "
            f"{'has' if given.isna().sum() == 1 else 'have'} no {column}. Fill it in, or leave "
            "those rows out."
        )
    if isinstance(given.dtype, pd.PeriodDtype):
        return panel
    met = pd.Series(given.unique())
    known = _as_periods(met)
    if known is None:
        return panel
    places = pd.Index(met).get_indexer(pd.Index(given))
    return panel.assign(**{column: known.take(places)})


def as_start(start: Any, periods: pd.Series | pd.Index) -> Any:
    """`start` in the kind of `periods`: text such as "2008-04" becomes a Period among Periods.

    Raises ParameterError for a start that is missing, or is no such period.
    """
    dtype = periods.dtype
    example = pd.Index(periods)[0]
    refused = ParameterError(
        f"start={start!r} is not a period like those of the panel, for example {example!s}."
    )
    if start is None or start is pd.NaT or (np.isscalar(start) and (start == "" or pd.isna(start))):
        raise ParameterError(
            f"No start was given ({start!r}). Name the first period of the programme; the panel's "
            f"are such as {example!s}."
        )
    try:
        if isinstance(dtype, pd.PeriodDtype):
            return as_period(start, dtype.freq)
        if pd.api.types.is_datetime64_any_dtype(dtype):
            if isinstance(start, pd.Period):
                return start.start_time
            return pd.Timestamp(start).tz_localize(None)
        if pd.api.types.is_numeric_dtype(dtype):
            return float(start) if not float(start).is_integer() else int(float(start))
    except (ValueError, TypeError) as error:
        raise refused from error
    return str(start) if pd.api.types.is_string_dtype(dtype) else start


def as_period(when: Any, freq: Any = None) -> pd.Period:
    """A Period from a Period, a date, a year or text; the first one of `freq` that it holds.

    Raises ValueError or TypeError for what is none of these.
    """
    if isinstance(when, str) and (told := _period_of_text(when.strip())) is not None:
        when = told
    elif isinstance(when, (int, float, np.number)) and not isinstance(when, bool):
        if not (YEARS[0] <= when <= YEARS[1] and float(when).is_integer()):
            raise ValueError(f"{when!r} is not a year")
        when = pd.Period(str(int(when)), freq="Y")
    if isinstance(when, pd.Period):
        return when if freq is None or when.freq == freq else when.asfreq(freq, how="start")
    return pd.Period(when) if freq is None else pd.Period(pd.Timestamp(when), freq=freq)


def _as_periods(met: pd.Series) -> pd.PeriodIndex | None:
    """Distinct values as Periods; None where they are to be left as they are."""
    if pd.api.types.is_datetime64_any_dtype(met.dtype):
        return _of_dates(met)
    if pd.api.types.is_numeric_dtype(met.dtype):
        years = met.between(*YEARS) & (met % 1 == 0)
        return pd.PeriodIndex(met.astype(int).astype(str), freq="Y") if years.all() else None
    if met.map(lambda x: isinstance(x, pd.Period)).all():
        return pd.PeriodIndex(met)
    if met.map(lambda x: isinstance(x, datetime.date)).all():
        return _of_dates(pd.to_datetime(met))
    told = [_period_of_text(str(text).strip()) for text in met]
    for text, period in zip(met, told, strict=True):
        if period is None or period.freqstr != told[0].freqstr:
            raise PanelError(
                f"The panel's periods are text, and {text!r} does not say when it was in the same "
                "way as the others. Write months as 2008-04, quarters as 2008Q2, years as 2008 or "
                "2008/09, or give pandas Periods."
            )
    if told[0].freqstr == "D":
        return _of_dates(pd.Series([period.start_time for period in told]))
    return pd.PeriodIndex(told)


def _period_of_text(text: str) -> pd.Period | None:
    """Period of "2008", "2008-04", "2008Q2", "2008-04-01" or "2008/09"; None for other text."""
    if year := _FINANCIAL_YEAR.fullmatch(text):
        first = int(year[1])
        return pd.Period(str(first + 1), "Y-MAR") if int(year[2]) == (first + 1) % 100 else None
    try:
        return pd.Period(text) if _TEXT.fullmatch(text) else None
    except ValueError:
        return None


def _of_dates(met: pd.Series) -> pd.PeriodIndex | None:
    """First or last days of months, quarters or years as those; None for other dates."""
    if not (met.dt.is_month_start.all() or met.dt.is_month_end.all()):
        return None
    months = pd.PeriodIndex(met, freq="M")
    ordinals = np.unique(months.asi8)
    step = int(np.gcd.reduce(np.diff(ordinals))) if len(ordinals) > 1 else 1
    first = months.min() if met.dt.is_month_start.all() else months.min() - min(step, 12) + 1
    if step % 12 == 0:
        return months.asfreq(f"Y-{_MONTHS[(first.month - 2) % 12 + 1]}")
    if step == 3:
        return months.asfreq(f"Q-{_MONTHS[(first.month - 1) % 3 or 12]}")
    return months
