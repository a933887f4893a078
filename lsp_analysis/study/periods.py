"""Texts that name a period, as analysts and spreadsheets write them, into pandas periods."""

from __future__ import annotations

import datetime as dt
import re

import pandas as pd

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = "(?P<month>" + "|".join(f"{name}[a-z]*" for name in MONTHS) + ")"
YEAR = r"(?P<year>(?:19|20)\d\d)"
CENTURY_TURNS = 70  # Apr-69 is 2069, Apr-70 is 1970

# The forms that stand in a study's own files. No two read the same text.
STORED = (
    (re.compile(rf"{YEAR}$"), "Y-DEC"),
    (re.compile(rf"{YEAR}/(?P<next>\d\d)$"), "Y-MAR"),
    (re.compile(rf"{YEAR}-(?P<number>0[1-9]|1[0-2])$"), "M"),
    (re.compile(rf"{YEAR}[ -]?q(?P<quarter>[1-4])$"), "Q-DEC"),
    (re.compile(rf"{YEAR}-(?P<number>0[1-9]|1[0-2])-(?P<day>[0-3]\d)(?:[t ]00:00:00)?$"), "D"),
)
# Further forms, understood in an analyst's table.
TOLERATED = (
    (re.compile(rf"(?:fy ?)?{YEAR}[/-](?P<next>(?:19|20)\d\d)$"), "Y-MAR"),
    (re.compile(rf"fy ?{YEAR}[/-]?(?P<next>\d\d)$"), "Y-MAR"),
    (re.compile(rf"{YEAR}/(?P<next>\d)$"), "Y-MAR"),
    (re.compile(rf"q(?P<quarter>[1-4])[ -]?{YEAR}$"), "Q-DEC"),
    (re.compile(rf"{YEAR}(?P<number>0[1-9]|1[0-2])$"), "M"),
    (re.compile(rf"(?P<number>0?[1-9]|1[0-2])/{YEAR}$"), "M"),
    (re.compile(rf"{MONTH}[ -]+{YEAR}$"), "M"),
    (re.compile(rf"{MONTH}[ '-]+(?P<short>\d\d)$"), "M"),
    (re.compile(rf"{YEAR}[ -]+{MONTH}$"), "M"),
    (re.compile(rf"(?P<day>[0-3]?\d)/(?P<number>0?[1-9]|1[0-2])/{YEAR}$"), "D"),
)


def parse_period(text: object, *, tolerant: bool = False) -> pd.Period | None:
    """The period that `text` names, or None.

    ``2008`` is the calendar year, ``2008/09`` the year to March 2009, ``2008-04`` a month,
    ``2008 Q2`` a calendar quarter and ``2008-04-01`` one day. With `tolerant`, so are ``Apr-08``,
    ``April 2008``, ``Q2 2008``, ``2008-2009``, ``FY2008/09`` and, day first, ``01/04/2008``.

    >>> parse_period("2008/09")
    Period('2009', 'Y-MAR')
    """
    folded = " ".join(str(text).split()).casefold()
    for pattern, freq in STORED + (TOLERATED if tolerant else ()):
        match = pattern.match(folded)
        if match:
            return _period(match.groupdict(), freq)
    return None


def _period(parts: dict[str, str | None], freq: str) -> pd.Period | None:
    year = _year(parts)
    if freq == "Y-MAR":
        following = str(year + 1)
        return pd.Period(year=year + 1, freq=freq) if following.endswith(parts["next"]) else None
    if freq == "Q-DEC":
        return pd.Period(year=year, quarter=int(parts["quarter"]), freq=freq)
    month = int(parts.get("number") or _month_number(parts.get("month")))
    try:
        first = dt.date(year, month, int(parts.get("day") or 1))
    except ValueError:  # 31 February
        return None
    return pd.Period(first, freq=freq)


def _year(parts: dict[str, str | None]) -> int:
    if parts.get("year"):
        return int(parts["year"])
    short = int(parts["short"])
    return short + (2000 if short < CENTURY_TURNS else 1900)


def _month_number(name: str | None) -> int:
    return MONTHS.index(name[:3]) + 1 if name else 1
