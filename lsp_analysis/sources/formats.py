"""Formats: what a publisher's table looks like, told by its headings.

A table is recognised by the headings of its columns, not by its file name: files are renamed,
trimmed to a region, moved into folders. Only what no heading tells (the year of a yearly file) is
looked for in the names of the sheet, the file and its folders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lsp_analysis.errors import SourceError
from lsp_analysis.study.add.grids import Grid
from lsp_analysis.study.add.layouts import fold_heading

SEARCHED = 20  # rows in which headings are looked for
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
MID_YEAR = re.compile(r"mid[- ]?((?:19|20)\d\d)", re.IGNORECASE)
SHORT_YEAR = re.compile(r"(?:pop[a-z]*|mid)[-_ ]?(\d\d)(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Publication:
    """Who publishes a table, under which licence; `native` if the columns are the publisher's."""

    title: str
    publisher: str
    licence: str = "OGL"
    native: bool = True


@dataclass(frozen=True)
class SourceTable:
    """One table inside a file: a CSV file, or one sheet of a workbook."""

    grid: Grid
    heading_row: int  # counted from 1
    headings: tuple[str, ...]  # folded: one case, single spaces
    above: str = ""  # text of the rows above the headings
    folders: tuple[str, ...] = ()  # folders between the imported one and the file, nearest first

    @property
    def path(self) -> Path:
        """The file."""
        return self.grid.path

    @property
    def sheet(self) -> str:
        """The sheet of a workbook, else an empty string."""
        return self.grid.sheet

    @property
    def place(self) -> str:
        """The file, and the sheet if it is one of a workbook, as an error names them."""
        return self.grid.place


@dataclass(frozen=True)
class Format:
    """Headings a table must have (`required`) or may have, as regular expressions by role.

    Named groups of the expressions become texts in ``Found.facts``. `settle` may add numbers to
    them (the edition, the year), or say with None that the table is something else after all.
    """

    kind: str
    publication: Publication
    required: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    unless: str = ""
    settle: Callable[[SourceTable, dict[str, str]], dict[str, int] | None] | None = None

    def find(self, table: SourceTable) -> Found | None:
        """This format in `table`, or None when the headings are another's."""
        if self.unless and any(re.fullmatch(self.unless, text) for text in table.headings):
            return None
        columns: dict[str, int] = {}
        texts: dict[str, str] = {}
        for role, pattern in {**self.required, **self.optional}.items():
            match = _first_match(pattern, table.headings)
            if match is not None:
                columns[role], groups = match
                texts |= groups
            elif role in self.required:
                return None
        facts = self.settle(table, texts) if self.settle else {}
        return None if facts is None else Found(self, table, columns, facts)


@dataclass(frozen=True)
class Found:
    """A table of a known format: where it is, which column is what, and what its headings tell."""

    format: Format
    table: SourceTable
    columns: Mapping[str, int]
    facts: Mapping[str, int]

    @property
    def kind(self) -> str:
        """What the table holds, for example ``deprivation``."""
        return self.format.kind

    @property
    def title(self) -> str:
        """Title of the publication with its edition or year."""
        return self.format.publication.title.format(**self.facts)


def _first_match(pattern: str, headings: Iterable[str]) -> tuple[int, dict[str, str]] | None:
    for place, text in enumerate(headings):
        match = re.fullmatch(pattern, text)
        if match:
            return place, match.groupdict()
    return None


def recognise(
    grid: Grid, folders: tuple[str, ...], formats: Iterable[Format]
) -> list[tuple[SourceTable, Found | None]]:
    """The first format that one of the first rows of a grid is the headings of.

    Returns
    -------
    Each row that may be headings as a table, with what it was recognised as; the search ends with
    the first that is.
    """
    tried: list[tuple[SourceTable, Found | None]] = []
    rows = grid.head(SEARCHED)
    for number, row in enumerate(rows, start=1):
        if sum(bool(cell) for cell in row) < 2:
            continue
        above = " ".join(cell for earlier in rows[: number - 1] for cell in earlier)
        headings = tuple(fold_heading(cell) for cell in row)
        table = SourceTable(grid, number, headings, above, folders)
        for known in formats:
            found = known.find(table)
            if found is not None:
                return [*tried, (table, found)]
        tried.append((table, None))
    return tried


def year_of(table: SourceTable, allowed: Iterable[int] | None = None) -> int:
    """The year a yearly table is of, as its sheet, title rows, file or folder is named.

    Raises
    ------
    SourceError
        No name has one year and only one.
    """
    places = (table.sheet, table.above, table.path.name, *table.folders)
    for text in places:
        years = {int(year) for year in MID_YEAR.findall(text)}
        if not years:
            years = {int(year) for year in YEAR.findall(text)}
            years |= {2000 + int(year) for year in SHORT_YEAR.findall(text)}
        if allowed is not None:
            years &= set(allowed)
        if len(years) == 1:
            return years.pop()
    raise SourceError(
        f"{table.place} does not say which year it is of, nor does the name of the file. "
        "Put the year, and no other, in the file's name, for example claimants-2013.csv."
    )
