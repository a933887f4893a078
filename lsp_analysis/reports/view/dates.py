"""Dates as places along the time scale of a page's charts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lsp_analysis import wording

LONGEST_TICKS = 6


def year_at(period: pd.Period) -> float:
    """Where a period lies on a scale of years: its middle, less half a year."""
    start, end = period.start_time, period.end_time
    middle = start + (end - start) / 2
    return middle.year + (middle.day_of_year - 1) / 365.25 - 0.5


def year_of(date: Any) -> float:
    """Where a day, or the first day of a period, lies on the same scale."""
    day = date.start_time if isinstance(date, pd.Period) else pd.Timestamp(date)
    return day.year + (day.day_of_year - 1) / 365.25 - 0.5


def ticks_of(periods: Any) -> list[list[Any]]:
    """Place and name of six periods at the most, the last among them."""
    periods = list(periods)
    step = max(1, -(-len(periods) // LONGEST_TICKS))
    chosen = periods[::-1][::step][::-1]
    return [[year_at(p), wording.period(p, short=True)] for p in chosen]
