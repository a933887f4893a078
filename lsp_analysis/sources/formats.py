"""Formats: what a publisher's table looks like, and finding such tables in a folder.

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
from lsp_analysis.sources import files

YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
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

    path: Path
    sheet: str
    heading_row: int  # counted from 1
    headings: tuple[str, ...]  # folded: one case, single spaces
    above: str = ""  # text of the rows above the headings
    folders: tuple[str, ...] = ()  # folders between the imported one and the file, nearest first

    @property
    def place(self) -> str:
        """The file, and the sheet if it is one of a workbook, as an error names them."""
        return f'{self.path.name}, sheet "{self.sheet}"' if self.sheet else self.path.name


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


def fold_heading(text: str) -> str:
    """A heading as it is compared: no byte order mark, one case, single spaces."""
    return " ".join(text.replace("\ufeff", " ").split()).casefold()


def find_tables(folder: Path, formats: Iterable[Format]) -> list[Found]:
    """Every table below `folder` that one of `formats` recognises."""
    known = tuple(formats)
    found = []
    for path in files.find_files(folder, files.TEXT_SUFFIXES + files.WORKBOOK_SUFFIXES):
        folders = tuple(reversed(path.relative_to(folder).parts[:-1]))
        for sheet, rows in files.peek(path):
            match = _find_in_rows(path, sheet, folders, rows, known)
            if match is not None:
                found.append(match)
    return found


def _find_in_rows(
    path: Path,
    sheet: str,
    folders: tuple[str, ...],
    rows: list[list[str]],
    formats: tuple[Format, ...],
) -> Found | None:
    """The first format that one of the first rows is the headings of."""
    for number, row in enumerate(rows, start=1):
        if sum(bool(cell.strip()) for cell in row) < 2:
            continue
        above = " ".join(cell for earlier in rows[: number - 1] for cell in earlier)
        headings = tuple(fold_heading(cell) for cell in row)
        table = SourceTable(path, sheet, number, headings, above, folders)
        for known in formats:
            found = known.find(table)
            if found is not None:
                return found
    return None


def year_of(table: SourceTable, allowed: Iterable[int] | None = None) -> int:
    """The year a yearly table is of, as its sheet, title rows, file or folder is named.

    Raises
    ------
    SourceError
        No name has one year and only one.
    """
    places = (table.sheet, table.above, table.path.name, *table.folders)
    for text in places:
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
