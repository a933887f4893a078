"""Numbers into plain English, by rule: rounding, units, change, intervals, periods, lists.

British spelling, a true minus sign, and percentage points kept apart from per cent.
"""

import datetime as dt
import html
import math
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from lsp_analysis.errors import ParameterError

MISSING = "not available"

# unit code -> (what follows a level, what follows a change, axis label)
_UNITS = {
    "percent": ("%", " percentage points", "Per cent"),
    "per_1000": (" per 1,000", " per 1,000", "Per 1,000"),
    "per_10000": (" per 10,000", " per 10,000", "Per 10,000"),
    "per_100000": (" per 100,000", " per 100,000", "Per 100,000"),
    "count": ("", "", "Number"),
    "mean": ("", "", "Average"),
    "years": (" years", " years", "Years"),
    "score": ("", "", "Score"),
    "": ("", "", ""),
}

_FINEST = 6  # decimals beyond which a number is written as zero

# First words of names of indicators that are proper names by themselves.
_PROPER = {"Asian", "British", "English", "European", "Jobseeker", "Ofsted", "Roma", "Welsh"}

_SMALL_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Sentence(str):
    """A plain-English line; as the last line of a notebook cell it shows itself as a paragraph."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def is_missing(x: Any) -> bool:
    """Whether `x` is None, NaN, NaT or pandas' NA."""
    return x is None or bool(pd.isna(x))


def number(x: float | None, digits: int | None = None) -> str:
    """`x` with thousands commas, a true minus sign and sensible rounding.

    Without `digits`, whole numbers stay whole, others keep one decimal from 1 to 1,000, none
    above, and two significant figures below 1. Missing gives "not available".

    >>> number(1234.5), number(12.34), number(0.0321), number(-4)
    ('1,234', '12.3', '0.032', '−4')
    """
    if is_missing(x):
        return MISSING
    x = float(x)
    if math.isinf(x):
        return "infinity" if x > 0 else "−infinity"
    places = _places(x) if digits is None else digits
    text = f"{abs(x):,.{places}f}"
    if not _shows(text):
        return "0" if digits is None else text
    return f"−{text}" if x < 0 else text


def _places(x: float) -> int:
    """Decimals that keep a number readable: see `number`."""
    size = abs(x)
    if size >= 1000 or x == int(x):
        return 0
    if size >= 1:
        return 1
    return min(1 - math.floor(math.log10(size)), _FINEST)


def _unit_places(x: float, unit: str) -> int | None:
    """Decimals for a value in `unit`: counts whole when whole, other units always one or more."""
    if unit in ("count", "") or is_missing(x) or math.isinf(x):
        return None
    size = abs(float(x))
    if size >= 1000:
        return 0
    return 1 if size >= 0.095 or size == 0 else None


def _suffixes(unit: str) -> tuple[str, str, str]:
    """What follows a level and a change in `unit`, and its axis label; other text stands."""
    joined = unit if unit.startswith("%") else f" {unit}"
    return _UNITS.get(unit, (joined, joined, capital(unit)))


def capital(text: str) -> str:
    """`text` with its first letter a capital, as at the start of a sentence or a label."""
    return text[:1].upper() + text[1:]


def inside(name: str) -> str:
    """`name` as it stands inside a sentence: without its capital, unless that is part of a name.

    Abbreviations keep it, and so do proper names: known first words, and a first word before
    another that has a capital of its own.

    >>> inside("Burglary"), inside("GCSE passes"), inside("Universal Credit claimants")
    ('burglary', 'GCSE passes', 'Universal Credit claimants')
    """
    first, second, *_ = [*name.split(maxsplit=2), "", ""]
    known = first.partition("'")[0].partition("’")[0] in _PROPER
    titled = second[:1].isupper() and not _is_abbreviation(second)
    keeps = known or titled or _is_abbreviation(first)
    return name if keeps else name[:1].lower() + name[1:]


def _is_abbreviation(word: str) -> bool:
    """Whether a word has capitals or figures after its first letter: NEET, A&E, PM2.5."""
    return any(letter.isupper() or letter.isdigit() for letter in word[1:])


def quantity(x: float | None, unit: str = "", digits: int | None = None) -> str:
    """A level with its unit: "12.3%", "45.1 per 1,000", "52.4".

    `unit` is a unit code of the study folder, or any words that can follow a number.
    """
    if is_missing(x):
        return MISSING
    places = _unit_places(x, unit) if digits is None else digits
    return number(x, places) + _suffixes(unit)[0]


def once(unit: str) -> tuple[str, str]:
    """The unit for each of several numbers in a sentence, and the words to say once after them.

    A long unit is said once: ``("", ", per 1,000 residents a year")``; a short one goes with each
    number: ``("percent", "")``.
    """
    if unit not in _UNITS and " " in unit:
        return "", f", {unit}"
    return unit, ""


def difference(x: float | None, unit: str = "", digits: int | None = None) -> str:
    """A signed difference between levels: "−3.2 percentage points", "+4.0 per 1,000"."""
    if is_missing(x):
        return MISSING
    places = _unit_places(x, unit) if digits is None else digits
    text = number(x, places)
    sign = "+" if x > 0 and _shows(text) else ""
    return sign + text + _suffixes(unit)[1]


def unit_label(unit: str) -> str:
    """Axis label of a unit code; other text, such as "crimes a month", gets a capital."""
    return _suffixes(unit)[2]


def change_label(unit: str) -> str:
    """Axis label of a change or gap in `unit`: percentage points where levels are per cent."""
    return "Percentage points" if unit == "percent" else unit_label(unit)


def change(x: float | None, unit: str = "") -> str:
    """A change in words: "fell by 3.2 percentage points", "rose by 4.0 per 1,000".

    A change that rounds to nothing is "changed by less than ..."; zero "did not change".
    """
    return _changed(x, _unit_places(x, unit), _suffixes(unit)[1])


def percent_change(ratio: float | None) -> str:
    """A relative change, given as a fraction: -0.25 is "fell by 25%".

    Per cent here is of the level before; a difference of two percentages is `change`.
    """
    if is_missing(ratio):
        return _changed(ratio, None, "%")
    return _changed(100 * ratio, 0 if abs(ratio) >= 0.1 else 1, "%")


def _changed(x: float | None, places: int | None, suffix: str) -> str:
    if is_missing(x):
        return "changed by an unknown amount"
    if x == 0:
        return "did not change"
    size = number(abs(x), places)
    if not _shows(size):
        return f"changed by less than {_finest(places)}{suffix}"
    return f"{'rose' if x > 0 else 'fell'} by {size}{suffix}"


def compared(x: float | None, unit: str = "") -> str:
    """A gap in words: "3.2 percentage points higher", "4.0 per 1,000 lower", "the same"."""
    if is_missing(x):
        return "not comparable"
    if x == 0:
        return "the same"
    places = _unit_places(x, unit)
    size = number(abs(x), places)
    if not _shows(size):
        return f"within {_finest(places)}{_suffixes(unit)[1]}"
    return f"{size}{_suffixes(unit)[1]} {'higher' if x > 0 else 'lower'}"


def _shows(text: str) -> bool:
    """Whether a rounded number still differs from zero."""
    return any(digit in text for digit in "123456789") or "infinity" in text


def _finest(places: int | None) -> str:
    """The smallest step that `places` decimals can show."""
    return number(10.0 ** -(_FINEST if places is None else places), places)


def interval(
    low: float | None,
    high: float | None,
    unit: str = "",
    level: float = 0.95,
    *,
    of_change: bool = False,
) -> str:
    """An interval in words: "95% interval 1.2% to 3.4%".

    With `of_change` the ends are differences: "95% interval −5.1 to −1.3 percentage points".
    An end that is missing or infinite is said to be open.
    """
    name = f"{number(100 * level, 0 if math.isclose(100 * level, round(100 * level)) else 1)}%"
    open_low, open_high = (is_missing(end) or math.isinf(end) for end in (low, high))
    if open_low and open_high:
        return f"{name} interval {MISSING}"
    suffix = _suffixes(unit)[1 if of_change else 0]
    ends = [end for end, is_open in ((low, open_low), (high, open_high)) if not is_open]
    places = _shared_places(ends, unit)
    first, last = (number(end, places) for end in (ends[0], ends[-1]))
    if open_low:
        return f"{name} interval up to {last}{suffix}"
    if open_high:
        return f"{name} interval {first}{suffix} or more"
    each = suffix if suffix == "%" else ""
    return f"{name} interval {first}{each} to {last}{suffix}"


def _shared_places(ends: list[float], unit: str) -> int | None:
    """Decimals that both ends of an interval are written with."""
    if unit in ("count", "") and all(float(end).is_integer() for end in ends):
        return 0
    places = [1 if p is None else p for p in (_unit_places(end, unit) for end in ends)]
    widest = max(abs(end) for end in ends)
    if widest >= 1000:
        return 0
    if 0 < widest < 0.095:
        return _places(widest)
    return min(places)


def p_value(p: float | None) -> str:
    """A p-value: "p = 0.03", "p < 0.001"; never rounded across 0.05.

    >>> p_value(0.0304), p_value(0.04996), p_value(0.2), p_value(0.0001)
    ('p = 0.03', 'p = 0.04996', 'p = 0.20', 'p < 0.001')
    """
    if is_missing(p):
        return f"p {MISSING}"
    if not 0 <= p <= 1:
        raise ParameterError(f"A p-value lies between 0 and 1, not {p!r}. Check what was passed.")
    if p < 0.001:
        return "p < 0.001"
    if p > 0.99:
        return "p > 0.99"
    if p >= 0.0995:
        return f"p = {p:.2f}"
    for digits in (2, 3, 4, 5):
        text = f"{p:.{digits}g}"
        if (float(text) < 0.05) == (p < 0.05):
            break
    return f"p = {text}"


def and_list(items: Iterable[Any], *, last: str = "and") -> str:
    """Items as a reader would list them: "a", "a and b", "a, b and c"."""
    words = [str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def some_of(names: Iterable[str], most: int = 4) -> str:
    """Names of indicators inside a sentence; of more than `most`, the first and how many more."""
    named = list(map(inside, names))
    if len(named) > most:
        named = [*named[: most - 1], f"{number(len(named) - most + 1)} more"]
    return and_list(named)


def in_words(n: int) -> str:
    """A count, in words up to nine: "none", "one", "12"."""
    return ("none", *_SMALL_NUMBERS[1:])[n] if 0 <= n < len(_SMALL_NUMBERS) else number(n)


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: "one area", "12 areas", "no areas"."""
    plural = plural or f"{noun}s"
    if n == 0:
        return f"no {plural}"
    return f"{in_words(n)} {noun if n == 1 else plural}"


def times(n: float | None) -> str:
    """How often or how many fold: "once", "twice", "three times", "1.8 times"."""
    if is_missing(n):
        return f"{MISSING} times"
    if n in (1, 2):
        return "once" if n == 1 else "twice"
    if float(n).is_integer() and 0 < n < len(_SMALL_NUMBERS):
        return f"{_SMALL_NUMBERS[int(n)]} times"
    return "never" if n == 0 else f"{number(n)} times"


def of_total(k: int, n: int) -> str:
    """A share as counts: "3 of 177", "none of 177", "all 177"."""
    if k == 0:
        return f"none of {number(n)}"
    return f"all {number(n)}" if k == n else f"{number(k)} of {number(n)}"


def ordinal(n: int) -> str:
    """A rank: "1st", "2nd", "11th", "23rd"."""
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{number(int(n))}{ending}"


def placed(rank: float, superlative: str) -> str:
    """A place from one end: "worst" for the first, then "2nd worst", "3rd worst".

    >>> placed(1, "most deprived"), placed(27.0, "worst")
    ('most deprived', '27th worst')
    """
    return superlative if round(rank) == 1 else f"{ordinal(round(rank))} {superlative}"


def period(p: Any, *, short: bool = False) -> str:
    """A period as people say it: "April 2008", "2008", "2008/09", "2008 Q2", "1 April 2008".

    Takes a Period, a date, a year, or text such as ``2008-04`` or ``2008Q2``; text that is no
    period comes back as it is. `short` cuts the month to three letters.
    """
    if isinstance(p, str):
        p = _parsed(p)
    if is_missing(p):
        return MISSING
    if isinstance(p, pd.Period):
        return _period_words(p, short)
    if isinstance(p, dt.date | pd.Timestamp):
        return f"{p.day} {p:%b} {p.year}" if short else f"{p.day} {p:%B} {p.year}"
    return str(int(p)) if isinstance(p, float) and p.is_integer() else str(p)


def _parsed(text: str) -> Any:
    """A Period or date where `text` is one beyond doubt, else `text`."""
    text = text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            return text
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        return pd.Period(text, freq="M")
    quarter = re.fullmatch(r"(\d{4})[ -]?Q([1-4])", text)
    return pd.Period(f"{quarter[1]}Q{quarter[2]}", freq="Q") if quarter else text


def _period_words(p: pd.Period, short: bool) -> str:
    """Words for a Period by its frequency; years that end in another month are split years."""
    freq = p.freqstr
    if freq.startswith("M"):
        return f"{p.strftime('%b' if short else '%B')} {p.year}"
    if freq.startswith("Q"):
        split = not freq.endswith("DEC") and freq != "Q"
        return f"{_split_year(p.qyear) if split else p.year} Q{p.quarter}"
    if freq.startswith(("Y", "A")):
        return str(p.year) if freq in ("Y", "Y-DEC", "A-DEC") else _split_year(p.year)
    first = p.start_time
    return f"{first.day} {first.strftime('%b' if short else '%B')} {first.year}"


def _split_year(last: int) -> str:
    """A year that ends in `last`: 2009 is "2008/09"."""
    return f"{last - 1}/{last % 100:02d}"


def a_type(given: object) -> str:
    """What was given in place of something else, for messages.

    >>> a_type("Safe"), a_type(7), a_type([])
    ('the text "Safe"', 'an int', 'a list')
    """
    if given is None:
        return "nothing (None)"
    if isinstance(given, str):
        return f'the text "{given[:60]}"'
    name = type(given).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
