"""Texts that name a period in a study's own files, into pandas periods."""

from __future__ import annotations

import datetime as dt
import re

import pandas as pd

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YEAR = r"(?:19|20)\d\d"

# The forms that stand in a study's own files. No two read the same text.
STORED = (
    (re.compile(rf"({YEAR})$"), "Y-DEC"),
    (re.compile(rf"({YEAR})/(\d\d)$"), "Y-MAR"),
    (re.compile(rf"({YEAR})-(0[1-9]|1[0-2])$"), "M"),
    (re.compile(rf"({YEAR})[ -]?q([1-4])$"), "Q-DEC"),
    (re.compile(rf"({YEAR})-(0[1-9]|1[0-2])-([0-3]\d)(?:[t ]00:00:00)?$"), "D"),
)


def parse_period(text: object) -> pd.Period | None:
    """The period that `text` of a study's own file names, or None.

    ``2008`` is the calendar year, ``2008/09`` the year to March 2009, ``2008-04`` a month,
    ``2008 Q2`` a calendar quarter and ``2008-04-01`` one day.

    >>> parse_period("2008/09")
    Period('2009', 'Y-MAR')
    """
    folded = " ".join(str(text).split()).casefold()
    for pattern, freq in STORED:
        match = pattern.match(folded)
        if match:
            year, *rest = map(int, match.groups())
            if freq == "Y-MAR":
                follows = (year + 1) % 100 == rest[0]
                return pd.Period(year=year + 1, freq=freq) if follows else None
            if freq == "Q-DEC":
                return pd.Period(year=year, quarter=rest[0], freq=freq)
            try:
                return pd.Period(dt.date(year, *(rest or [1]), *[1] * (len(rest) < 2)), freq=freq)
            except ValueError:  # 31 February
                return None
    return None
