"""Texts that name a period: in a study's own files, and in tables of other people.

A study's own files write each kind in one way. What one text of another table leaves open, the
heading, a column beside it or the neighbours tell; what nothing tells is asked.
"""

import calendar
import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study.schema import listed

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMED_MONTH = "|".join(f"{n[:3]}(?:{n[3:]})?" for n in calendar.month_name[1:]).lower() + "|sept"
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
        if match := pattern.match(folded):
            parts = match.groups()
            if freq == "Y-MAR":
                follows = (int(parts[0]) + 1) % 100 == int(parts[1])
                return pd.Period(year=int(parts[0]) + 1, freq=freq) if follows else None
            try:
                return pd.Period(("Q" if freq == "Q-DEC" else "-").join(parts), freq=freq)
            except ValueError:  # 31 February
                return None
    return None


def period_starts(texts: pd.Series) -> pd.Series:
    """First day of the period each text of a study's own file names; missing when it names none."""
    found = {text: parse_period(text) for text in texts.dropna().unique()}
    starts = {text: one.start_time for text, one in found.items() if one is not None}
    known = pd.Series(starts, dtype="datetime64[us]").reindex(texts)
    return known.set_axis(texts.index)


# Periods in other people's tables ----------------------------------------------------------------
CENTURY_TURNS = 70  # Apr-69 is 2069, Apr-70 is 1970
YEAR_STARTS = {"financial": 4, "academic": 9, "calendar": 1}


class Span(NamedTuple):
    """A period by its first and last day."""

    start: dt.date
    end: dt.date

    @property
    def months(self) -> int:
        """Length in months; 0 for one day."""
        if self.start == self.end:
            return 0
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month + 1


def months_from(year: int, month: int, count: int) -> Span:
    """The `count` months from the first of one."""
    end_year, end_month = divmod(year * 12 + month + count - 2, 12)
    last_day = calendar.monthrange(end_year, end_month + 1)[1]
    return Span(dt.date(year, month, 1), dt.date(end_year, end_month + 1, last_day))


def months_to(end: dt.date, count: int) -> Span:
    """The `count` months to the end of the month that `end` lies in."""
    first = end.year * 12 + end.month - count
    return months_from(first // 12, first % 12 + 1, count)


# What stands for a longer expression in `periods.csv`: years, months by name, the last two digits
# of a year, numbers of months, quarters and days.
_SHORT = {name: rf"(?P<{name}>{YEAR})" for name in ("y", "y2")}
_SHORT |= {name: rf"(?P<{name}>{NAMED_MONTH})\.?" for name in ("m", "m2")}
_SHORT |= {name: rf"(?P<{name}>\d\d)" for name in ("s", "s2")}
_SHORT |= {"n": r"(?P<n>0?[1-9]|1[0-2])", "q": r"(?:q|quarter )(?P<q>[1-4])", "year": YEAR}
_SHORT |= {"d": r"(?:(?P<d>[0-3]?\d)(?:st|nd|rd|th)? )?", "to": r" ?(?:-|to) ?"}
_SHORT |= {"d2": r"(?:[0-3]?\d(?:st|nd|rd|th)? )?"}
_FORMS = [
    (row["form"], re.compile(re.sub(r"\{(\w+)\}", lambda m: _SHORT[m[1]], row["written"]) + "$"))
    for row in listed("periods.csv")
]
_ENDING = re.compile(
    r"(?:year|12 months|twelve months|rolling year)s? (?:ending|ended|end|to)(?: in)? "
)
_KIND_OF_YEAR = re.compile(
    r"^(?P<kind>academic|financial|fiscal|calendar|school|fy|ay|census|mid)[ -]*(?:years?|day)? ?"
    r"(?=(?:19|20)|q)"
)
_KINDS = {"school": "academic", "ay": "academic", "fiscal": "financial", "fy": "financial"}
_KINDS |= {"census": "calendar", "mid": "calendar"}


def fold_period(text: object) -> str:
    """A period's text as it is compared: plain dashes, single spaces, no mark of revision."""
    plain = unicodedata.normalize("NFKC", str(text))
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", plain).casefold()
    plain = re.sub(r"\((?:p|r|provisional|revised)\)|\[[a-z0-9 ]*\]|(?<=\d) ?[rp*]$", " ", plain)
    return " ".join(plain.split())


def year_kind(text: object) -> str:
    """``academic``, ``financial`` or ``calendar`` if a heading or an identifier says so."""
    folded = fold_period(text)
    if "academic" in folded or "school year" in folded:
        return "academic"
    if re.search(r"financial|fiscal|tax year|\bfy\b", folded):
        return "financial"
    return "calendar" if "calendar" in folded else ""


def read_span(text: object, kind: str = "") -> Span | None:
    """The period that `text` names, or None; `kind` is that of its year where it is split in two.

    >>> read_span("2019/20 Q1"), read_span("2016 - 18").months
    (Span(start=datetime.date(2019, 4, 1), end=datetime.date(2019, 6, 30)), 36)
    """
    folded = fold_period(text)
    if ending := _ENDING.match(folded):
        last = read_span(folded[ending.end() :])
        return months_to(last.end, 12) if last and last.months <= 3 else None
    if named := _KIND_OF_YEAR.match(folded):
        kind = _KINDS.get(named["kind"], named["kind"])
        folded = folded[named.end() :]
    matches = ((name, match) for name, form in _FORMS if (match := form.match(folded)))
    try:
        spans = (_span(name, match.groupdict(), kind) for name, match in matches)
        return next(filter(None, spans), None)
    except ValueError:  # 31 February, or a year beyond the calendar
        return None


def _span(form: str, parts: Mapping[str, str | None], kind: str) -> Span | None:
    year = int(parts["y"]) if parts.get("y") else 0
    first = YEAR_STARTS.get(kind or "financial", 4)
    if form == "year":
        return months_from(year, 1, 12) if kind in ("", "calendar") else None
    if form in ("split", "joined"):
        last = int(parts["y2"]) if parts.get("y2") else _following(year, parts["s"])
        if last - year == 1 and kind != "calendar":
            return months_from(year, first, 12)
        long = "range" in parts and kind in ("", "calendar") and last - year < 10
        return months_from(year, 1, 12 * (last - year + 1)) if long else None
    if form == "years":
        last = _following(year, parts["s2"])
        return months_from(year, first, 12 * (last - year)) if last > year + 1 else None
    if form == "quarter":
        return months_from(year, 3 * int(parts["q"]) - 2, 3) if kind != "financial" else None
    if form == "split quarter":
        months = first - 1 + 3 * (int(parts["q"]) - 1)
        follows = _following(year, parts["s"]) == year + 1
        return months_from(year + months // 12, months % 12 + 1, 3) if follows else None
    if form == "range":
        begin, finish = (MONTHS.index(parts[name][:3]) + 1 for name in ("m", "m2"))
        end = int(parts["y2"])
        begun = year or (end if begin <= finish else end - 1)
        count = (end - begun) * 12 + finish - begin + 1
        return months_from(begun, begin, count) if count > 0 else None
    month = int(parts["n"]) if parts.get("n") else MONTHS.index(parts["m"][:3]) + 1
    if form == "day":
        day = dt.date(year, month, int(parts["d"]))
        return Span(day, day)
    if not year:
        short = int(parts["s"])
        year = short + (2000 if short < CENTURY_TURNS else 1900)
    return months_from(year, month, 1)


def _following(year: int, digits: str | None) -> int:
    """The first year after `year` that ends in `digits`."""
    size = 10 ** len(str(digits))
    return year + (int(digits or 0) - year - 1) % size + 1


_OF_YEAR = re.compile(r"(?:academic|school|financial|fiscal|calendar|tax) years? ?")
_OTHER_PARTS = re.compile(r".*\b(?:terms?|weeks?|reporting)\b")


def within_year(year: str, identifier: str, place: str) -> str:
    """A year with the part of it that a column beside it names, as one text.

    >>> within_year("201920", "Financial year Q2", "a.csv"), within_year("2019", "April", "a.csv")
    ('2019/20 q2', 'april 2019')

    Raises
    ------
    SourceError
        The part is neither months nor quarters: a term, a week, a year that may end in any month.
    """
    part = _OF_YEAR.sub("", fold_period(identifier))
    if re.fullmatch(r"q[1-4]", part):
        return _BARE_SPLIT.sub(r"\1/\2", fold_period(year)) + f" {part}"
    if re.fullmatch(NAMED_MONTH, part):
        return f"{part} {year}"
    months = re.match(rf"part \d \(({NAMED_MONTH}) to ({NAMED_MONTH})\)", part)
    if months:
        first, last = (MONTHS.index(name[:3]) + 1 for name in months.groups())
        begun = int(year[:4]) + (first < YEAR_STARTS[year_kind(identifier) or "calendar"])
        return f"{months[1]} {begun} to {months[2]} {begun + (last < first)}"
    if _OTHER_PARTS.match(part):
        raise SourceError(
            f'{place} has "{identifier}" for {year}, of which first and last month are not known. '
            "Write 2018/19, 2019-04 or 2019-Q2 in place of the year, or delete these rows."
        )
    return year


_BARE_SPLIT = re.compile(rf"({YEAR}) ?-? ?(\d\d)$")


def spans_of(
    texts: Iterable[str],
    heading: str = "",
    *,
    freq: str = "",
    kind: str = "",
    place: str = "the table",
) -> dict[str, Span | None]:
    """The period each text of one column names; None where it names none.

    Parameters
    ----------
    texts : distinct texts of the column.
    heading : its heading, which may say "Financial year".
    freq : M, Q, Y, Y-MAR or Y-AUG: how long a period is, where the texts leave it open.
    kind : ``academic``, ``financial`` or ``calendar``, if a column beside it says so.
    place : the table, as a message names it.

    Raises
    ------
    SourceError
        Texts may mean one thing or another: single days, 200708, 2006-07, every third month. The
        message says with which option to answer.
    """
    texts = [text for text in dict.fromkeys(texts) if str(text).strip()]
    kind = kind or year_kind(heading)
    if freq in ("Y-MAR", "Y-AUG"):
        kind = {"Y-MAR": "financial", "Y-AUG": "academic"}[freq]
    bare = {text: _BARE_SPLIT.match(fold_period(text)) for text in texts}
    if texts and all(bare.values()):
        return _months_or_years(bare, fold_period(heading), kind, freq, place)
    found = {text: read_span(text, kind) for text in texts}
    single = [text for text in texts if re.fullmatch(YEAR, fold_period(text))]
    if single and kind in ("financial", "academic"):
        raise SourceError(
            f'{place} has {kind} years in one number, such as "{single[0]}", which may be that of '
            f"its start or of its end. Write 2008/09 for the year from 2008 to 2009."
        )
    if freq:
        return {text: _lasting(span, freq) for text, span in found.items()}
    days = [text for text, span in found.items() if span is not None and not span.months]
    if days:
        raise SourceError(
            f'{place} gives one day, such as "{days[0]}", for a period, which does not say how '
            f"long it is. Say so: {_line(place)} --freq M (or Q; Y, Y-MAR or Y-AUG for calendar, "
            "financial or academic years)."
        )
    months = sorted(
        s.start.year * 12 + s.start.month for s in found.values() if s and s.months == 1
    )
    steps = {later - one for one, later in pairwise(months)}
    if len(months) > 2 and min(steps) in (3, 6, 12) and "month" not in fold_period(heading):
        raise SourceError(
            f'{place} has months such as "{texts[0]}", and only one in {min(steps)}: they may be '
            f"quarters or years that end then. Say so: {_line(place)} --freq M if they are single "
            "months, Q or Y if they end then."
        )
    return found


def _lasting(span: Span | None, freq: str) -> Span | None:
    """The period of length `freq` that a day lies in, or that a month ends; others as they are."""
    if span is None or span.months not in (0, 1):
        return span
    if span.months == 1 and freq in ("Q", "Y"):
        return months_to(span.end, {"Q": 3, "Y": 12}[freq])
    period = pd.Period(span.start, freq={"Q": "Q-DEC", "Y": "Y-DEC"}.get(freq, freq))
    return Span(period.start_time.date(), period.end_time.date())


def _line(place: str) -> str:
    """The command that brings a table in by itself, to be ended with an option."""
    file, _, sheet = place.partition(", sheet ")
    return f'lsp-analysis add STUDY "{file}"' + (f" --sheet {sheet}" if sheet else "")


def part_of_year(text: str, heading: str) -> str:
    """A month or quarter without its year, as it is read before one: 3 is March, or Q3."""
    if text.isdecimal() and 1 <= int(text) <= 12:
        return MONTHS[int(text) - 1] if "month" in heading.casefold() else f"Q{int(text)}"
    return text


def may_be_period(text: str) -> bool:
    """Whether a text names a period of months, or may name one in some column."""
    span = read_span(text)
    return bool(_BARE_SPLIT.match(fold_period(text))) or (span is not None and span.months > 0)


def _months_or_years(
    bare: Mapping[str, re.Match[str]], heading: str, kind: str, freq: str, place: str
) -> dict[str, Span | None]:
    """Texts such as 200708 or 2006-07: years in two parts, or months."""
    texts = [*bare]
    parts = {text: (int(match[1]), int(match[2])) for text, match in bare.items()}
    as_years = all((year + 1) % 100 == short for year, short in parts.values())
    as_months = all(1 <= short <= 12 for _, short in parts.values())
    spaced = any(" " in fold_period(text) for text in texts)
    monthly = freq == "M" or "month" in heading
    if as_months and (monthly or not as_years) and not kind and not spaced:
        return {text: months_from(year, month, 1) for text, (year, month) in parts.items()}
    joined = any("-" not in fold_period(text) for text in texts)
    if as_years and not kind and not joined and ("year" in heading or not (as_months or spaced)):
        kind = "financial"
    if as_years and kind in ("financial", "academic"):
        return {text: months_from(year, YEAR_STARTS[kind], 12) for text, (year, _) in parts.items()}
    if as_years and not kind:
        raise SourceError(
            f'{place} has periods such as "{texts[0]}", which may be months or years to March or '
            f"August. Say which: {_line(place)} --freq M (months), Y-MAR (financial years) or "
            "Y-AUG (academic years)."
        )
    return {text: None if joined else read_span(text, kind) for text in texts}
