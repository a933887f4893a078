"""Which column of somebody else's table is what: told by headings, units and content."""

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Any

import pandas as pd

from lsp_analysis.study.add.places import Places, code_in, plain_name
from lsp_analysis.study.schema import MISSING_MARKS, UNIT_ROWS

MARKS = {"", *(mark.casefold() for mark in MISSING_MARKS)}
SEARCHED_ROWS = 60  # rows above the first area, title and remarks

SPELLINGS: dict[str, list[str]] = tomllib.loads(
    (resources.files("lsp_analysis.study.add") / "headings.toml").read_text("utf-8")
)
NUMBERS = ("numerator", "denominator", "value", "lower95", "upper95")
# Numbers that are no measurements.
NO_MEASURE = re.compile(
    r"(?:.*(?:objectid|globalid|sortable|sortorder|recordcount|easting|northing|shape).*|.*code"
    r"|fid|lat|long?|latitude|longitude|bng[en]|id|unnamed.*|recordoffset|row|index)?"
)
# Measurements of which no page can be made, so that the account tells of them.
NOT_OFFERED = re.compile(
    r".*(?:rank(?:ing|ed)?)(?:where1is.*)?|rank.*|.*datayear|years?ofdata.*|numberofyears.*"
    r"|(?!proportion|percent|share|number|count).*(?:decile|quintile)(?:where1is.*)?"
)
_NUMBER = re.compile(
    r"(?P<number>[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d{1,2})?)"
    r"(?P<percent> ?%)?(?: ?(?P<mark>\[[a-z]\]|\([a-z]\)|\*))?$",
    re.IGNORECASE,
)

_OTHER_MARKS = re.compile(r"[-+£]?(?:\d{1,3}(?:\.\d{3})*,\d+|\d{1,3}(?:\.\d{3}){2,})%?")
FRACTIONS = re.compile(  # of names whose numbers may well have decimals
    r"\bper\b|per_|rate|%|share|proportion|ratio|score|index|indicator|average|mean|thousand"
    r"|million|000s",
    re.IGNORECASE,
)
_WHOLE_WORDS = re.compile(r"price|£|number|count|population|households|people", re.IGNORECASE)
DOTTED = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")


def fold(heading: str) -> str:
    """A heading as it is compared with `SPELLINGS`: letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", heading.casefold()) or ("percent" if heading == "%" else "")


def unit_in(text: str) -> str:
    """The unit that a heading or a column of units names, or an empty string."""
    folded = re.sub(r"(?<=\d) (?=000\b)", "", text.casefold().replace("_", " "))
    said = (row["unit"] for row in UNIT_ROWS if "said" in row and re.search(row["said"], folded))
    return next(said, "")


def number_in(cell: str) -> tuple[str, bool, str] | None:
    """A cell's number as plain text, whether it has a percent sign, and a mark behind it.

    >>> number_in("1,234 [r]")
    ('1234', False, '[r]')
    """
    plain = cell.replace("\u2212", "-").removeprefix("£").replace("\u202f", " ")
    plain = re.sub(r"(?<=\d)[ ’'](?=\d{3}(?!\d))", "", plain)
    match = _NUMBER.match(plain)
    if match is None or not match["number"] or len(match["number"]) > 40:
        return None
    return match["number"].replace(",", ""), bool(match["percent"]), match["mark"] or ""


def each(cells: pd.Series, told: Callable[[str], Any]) -> pd.Series:
    """What `told` says of each cell, asked once of each distinct text; no cell is missing."""
    at, met = pd.factorize(cells)
    return pd.Series(pd.Index([told(text) for text in met]).take(at), index=cells.index)


def numbers_in(cells: pd.Series) -> pd.Series:
    """The numbers in cells of text, without thousands separators; missing where there is none."""
    plain = each(cells, lambda text: (number_in(text) or ("",))[0])
    return pd.to_numeric(plain, errors="coerce").astype("float64")


def written(numbers: pd.Series) -> pd.Series:
    """Numbers as text, blank where one is missing."""
    return numbers.map(lambda number: "" if pd.isna(number) else f"{number:.10g}")


@dataclass(frozen=True)
class Header:
    """Where a table's headings are and what they say."""

    data_row: int  # of the first area, from 0
    names: tuple[str, ...]
    tops: tuple[str, ...]  # a second row of headings above, each over its own columns
    title: tuple[str, ...]  # cells of the rows above

    def heading(self, at: int) -> str:
        """Both headings of a column in one."""
        return " ".join(dict.fromkeys(filter(None, (self.tops[at], self.names[at]))))


def find_header(rows: Sequence[Sequence[str]], places: Places) -> Header | None:
    """The headings: above the first area by code or by name, or told by the usual spellings.

    Above areas by name they are the first row without numbers above one with them.
    """
    full = [at for at, row in enumerate(rows) if _written(row) > 1]
    coded = (_header_above(rows, at) for at in full if any(map(places.code_in, rows[at])))
    if found := next(filter(None, coded), None):
        return found
    first = next((n for n in full if any(plain_name(c) in places.names for c in rows[n])), 0)
    for above, below in pairwise(at for at in full if at <= first):
        if _measured(rows[below]) and not _measured(rows[above]):
            found = found or _header_above(rows, below)
    for at, row in enumerate(() if found else rows[:SEARCHED_ROWS]):
        roles = roles_of(row, range(len(row)))
        if _written(row) > 2 and len(roles) > 1 and {"period", *NUMBERS} & roles.keys():
            return _header_above([*rows[: at + 1], ["", ""]], at + 1)
    return found


def _written(row: Sequence[str]) -> int:
    return sum(map(bool, row))


def _measured(row: Iterable[str]) -> bool:
    """Whether a row has numbers that are no years."""
    return any(number_in(cell) and not re.match(r"(?:19|20)\d\d", cell) for cell in row)


def _header_above(rows: Sequence[Sequence[str]], data: int) -> Header | None:
    """The headings above the first row of data; None where what stands there is none."""
    above = range(data - 1, max(data - SEARCHED_ROWS, -1), -1)
    at = next((at for at in above if _written(rows[at]) > 1), None)
    if at is None or any(map(code_in, rows[at])) or _measured(rows[at]):
        return None
    if 2 * _written(rows[at]) < _written(rows[data]) and not _written(rows[at + 1]):
        return None  # remarks, a blank row, and no headings
    names, tops, first = rows[at], [""] * len(rows[at]), at
    if at and _is_top(rows[at - 1], names):
        first, top = at - 1, ""
        for place, cell in enumerate([*rows[first], *tops][: len(names)]):
            top = cell or top
            tops[place] = "" if top == names[place] else top
    title = tuple(cell for row in rows[:first] for cell in row if cell)
    return Header(data, tuple(names), tuple(tops), title)


def _is_top(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row stands over headings that repeat or lack beyond the first column."""
    given = [name for name in names if name]
    lacking = any(cell and not name for cell, name in zip(row, names, strict=False))
    return any(row[1:]) and (len(set(given)) < len(given) or lacking) and not _measured(row[1:])


def roles_of(names: Sequence[str], free: Sequence[int]) -> dict[str, int]:
    """The columns among `free` whose headings are among the usual spellings, by role."""
    folded = {at: fold(names[at]) for at in free}
    roles: dict[str, int] = {}
    for role, spellings in SPELLINGS.items():
        left = [at for at in free if at not in roles.values()]
        found = [at for one in spellings for at in left if folded[at] == one]
        if found:
            roles[role] = found[0]
    return roles


def measure_role(text: str) -> str:
    """The role of a column of numbers by its heading: numerator, denominator, value, or none."""
    rate = re.match(
        r"(?:crude )?(?:rate|percentage|percent|proportion|%)\b.{0,25}$", text.casefold()
    )
    usual = (role for role in NUMBERS if fold(text) in SPELLINGS[role])
    return next(usual, "value" if rate else "")


def with_other_marks(cells: Sequence[str], words: str = "") -> str:
    """A cell of a column whose decimal commas or dots for thousands would be misread, or "".

    Where every number has three decimals, `words` of counts or prices say that the dots part
    thousands.

    >>> with_other_marks(["1.459", "987", "2.103"]), with_other_marks(["1,5", "12,25"])
    ('1.459', '1,5')
    """
    given = [cell for cell in cells if cell]
    strange = [c for c in given if _OTHER_MARKS.fullmatch(c) and number_in(c) is None]
    if 2 * len(strange) > len(given):
        return strange[0]
    numbers = [cell for cell in given if number_in(cell) and cell != "0"]
    fractions = [cell for cell in numbers if "." in cell]
    whole = _WHOLE_WORDS.search(words) and not FRACTIONS.search(words)
    mixed = len(numbers) > len(fractions) or whole
    dotted = mixed and len(fractions) > 1 and 3 * len(fractions) > len(numbers)
    return fractions[0] if dotted and all(map(DOTTED.fullmatch, fractions)) else ""


def is_numeric(cells: Sequence[str]) -> bool:
    """Whether the cells of a column are numbers, or marks where a number is missing."""
    given = [cell for cell in cells if cell]
    numbers = sum(number_in(cell) is not None for cell in given)
    marks = sum(cell.casefold() in MARKS for cell in given)
    return numbers > 0 and numbers + marks >= 0.8 * len(given)
