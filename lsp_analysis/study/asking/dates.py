"""Labels of periods, whatever a table calls them, as pandas Periods with true dates."""

import datetime
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.study.periods import MONTHS, Span, parse_period, read_span

YEARS = (1800, 2200)  # whole numbers between them are calendar years
HOW_TO_WRITE = (
    "Write months as 2008-04, quarters as 2008Q2, years as 2008 or 2008/09, or give pandas Periods."
)


def as_dates(labels: pd.Series) -> pd.PeriodIndex:
    """Periods of a column of Periods, dates, calendar years or text, row by row.

    First or last days of months become the months, quarters or years that they are apart.

    Raises
    ------
    PanelError
        A label is missing, or says nothing of when it was, or is of another length than others.
    """
    if labels.isna().any():
        raise PanelError(
            f"{int(labels.isna().sum())} of {len(labels)} rows of the panel have no period. "
            "Fill it in, or leave those rows out."
        )
    if isinstance(labels.dtype, pd.PeriodDtype):
        return pd.PeriodIndex(labels)
    try:
        codes, met = pd.factorize(labels)
    except TypeError as error:
        raise PanelError(f"The panel's periods cannot be read. {HOW_TO_WRITE}") from error
    told = [_date_of(label) for label in met]
    for label, period in zip(met, told, strict=True):
        if period is None:
            raise PanelError(
                f"The panel's period {label!r} does not say when it was. {HOW_TO_WRITE}"
            )
        alike = all(isinstance(label, of) == isinstance(met[0], of) for of in (str, pd.Period))
        if period.freqstr != told[0].freqstr or not alike:
            raise PanelError(
                f"The panel's periods mix labels of several kinds, such as {met[0]!r} and "
                f"{label!r}. Write all in one way."
            )
    periods = pd.PeriodIndex(told)
    if told[0].freqstr == "D" and not isinstance(met[0], pd.Period):
        periods = _of_days(periods.start_time)
    return periods.take(codes)


def as_date(when: Any, freq: Any = None, name: str = "start") -> pd.Period:
    """One Period from a Period, date, year or text: with `freq`, the first of that length it holds.

    Raises ParameterError, which calls it `name`, for anything else.
    """
    found = _date_of(when)
    if found is None:
        raise ParameterError(
            f"{name}={when!r} is not a month, quarter or year. Write it as 2008-04, 2008Q2 or 2008."
        )
    return found if freq is None or found.freq == freq else found.asfreq(freq, how="start")


def _period_of(span: Span | None) -> pd.Period | None:
    """The period of a first and a last day: a day, a month, a quarter or twelve months."""
    if span is None:
        return None
    if span.start == span.end:
        return pd.Period(span.start, freq="D")
    freq = {1: "M", 3: "Q-DEC", 12: f"Y-{span.end:%b}".upper()}.get(span.months)
    return None if freq is None else pd.Period(span.start, freq=freq)


def _date_of(when: Any) -> pd.Period | None:
    if isinstance(when, pd.Period):
        return when
    if isinstance(when, str):
        found = parse_period(when)
        return _period_of(read_span(when)) if found is None else found
    if isinstance(when, datetime.date | np.datetime64) and not pd.isna(when):
        return pd.Period(pd.Timestamp(when).tz_localize(None), freq="D")
    number = isinstance(when, int | float | np.number) and not isinstance(when, bool)
    if number and YEARS[0] <= when <= YEARS[1] and float(when).is_integer():
        return pd.Period(year=int(when), freq="Y")
    return None


def _of_days(days: pd.DatetimeIndex) -> pd.PeriodIndex:
    """Months, quarters or years from their first or last days; weeks or days from other dates."""
    if not (days.is_month_start.all() or days.is_month_end.all()):
        weekly = len(set(days.day_of_week)) == 1 and len(set(days)) > 1
        return days.to_period(
            f"W-{(days[0] - pd.Timedelta(days=1)).strftime('%a').upper()}" if weekly else "D"
        )
    months = days.to_period("M")
    ordinals = np.unique(months.asi8)
    step = int(np.gcd.reduce(np.diff(ordinals))) if len(ordinals) > 1 else 1
    first = months.min() if days.is_month_start.all() else months.min() - min(step, 12) + 1
    if step % 12 == 0:
        return months.asfreq(f"Y-{MONTHS[(first.month - 2) % 12].upper()}")
    if step == 3:
        return months.asfreq(f"Q-{MONTHS[((first.month - 1) % 3 or 12) - 1].upper()}")
    return months
