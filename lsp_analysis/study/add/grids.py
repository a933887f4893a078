"""The cells of a table file as text: CSV of any encoding, Excel and OpenDocument workbooks.

A file is read as a stream where it can be, and what a damaged or hostile one claims (its size, its
dimensions, its lengths) is bounded before it is believed.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import gzip
import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lsp_analysis import untrusted
from lsp_analysis.errors import SourceError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
AGAIN = "Download it again, or move it out of the folder."
PEEK_BYTES = 65_536
HEAD_ROWS = 5_000  # rows that say what a column holds
FORMAT_ROWS = 60  # rows whose number formats are looked at
PIECE = 1 << 20
LARGEST_UNPACKED = 4 << 30
MOST_COLUMNS = 20_000
GZIP_MAGIC = b"\x1f\x8b"
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile)
HTML = re.compile(rb"^\s*(?:<!doctype html|<html)", re.IGNORECASE)


@dataclass
class Grid:
    """One table of cells: a text file, or one sheet of a workbook."""

    path: Path
    sheet: str
    stream: Callable[[Grid, int | None], Iterable[list[str]]] = field(repr=False)
    hidden: bool = False
    merged: int = 0  # ranges of merged cells, known when rows were read
    delimiter: str = ""
    ended: bool = True  # whether the last line read was ended; known when `rows` are used up

    @property
    def place(self) -> str:
        """The file, and the sheet if it is one of a workbook, as a message names them."""
        return f'{self.path.name}, sheet "{self.sheet}"' if self.sheet else self.path.name

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Number, as a spreadsheet shows it, and cells of each row."""
        return enumerate(self.stream(self, None), start=1)

    def refuse_shifted(self, number: int, row: list[str], width: int, needed: int) -> None:
        """Stop where it is not certain which cell stands in which of `width` columns.

        `needed` is the last column that is read; text files may leave out blank cells after it.
        """
        if any(cell.strip() for cell in row[width:]):
            raise SourceError(
                f"{self.place}, row {number} has {len(row)} cells and the headings {width}. Put a "
                "number with commas in quotation marks, or save it without."
            )
        if not self.sheet and len(row) <= needed:
            raise SourceError(
                f"{self.place}, row {number} has {len(row)} cells and the headings {width}: the "
                f"file is cut or damaged there. {AGAIN}"
            )

    def head(self, limit: int = HEAD_ROWS) -> list[list[str]]:
        """The first rows, with single spaces in their cells."""
        rows = itertools.islice(self.stream(self, limit), limit)
        return [[tidy(cell) for cell in row] for row in rows]


def tidy(cell: str) -> str:
    """A cell without blanks at its ends and with single spaces; non-breaking ones are blanks."""
    return " ".join(cell.split()).replace("\ufeff", "")


def open_grids(path: Path) -> list[Grid]:
    """The tables of a file, one for each sheet of a workbook, hidden ones marked.

    Raises
    ------
    SourceError
        There is no such file, or it is neither CSV nor a workbook, or is damaged or beyond bounds.
    """
    name = path.name.lower()
    if not path.is_file():
        raise SourceError(f"There is no file {path}. Check the path.")
    if name.endswith(WORKBOOK_SUFFIXES):
        return _workbook(path)
    if name.endswith(TEXT_SUFFIXES):
        return [_text(path)]
    raise SourceError(f"{path.name} is neither CSV nor XLSX. Save it as one of them.")


def first_bytes(path: Path) -> bytes:
    """Up to 64 KiB of a file, unpacked if it is gzip; SourceError if there are none."""
    with open_bytes(path) as file:
        head = file.read(PEEK_BYTES)
    if not head.strip():
        raise SourceError(f"{path.name} is empty. {AGAIN}")
    if HTML.match(head):
        raise SourceError(
            f"{path.name} is a web page and not a table: the download failed, or needed a login. "
            f"{AGAIN}"
        )
    return head


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if it is gzip, whatever its name; damage becomes a SourceError."""
    try:
        with path.open("rb") as packed:
            is_gzip = packed.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            packed.seek(0)
            yield gzip.GzipFile(fileobj=packed) if is_gzip else packed
    except DAMAGED as error:
        raise SourceError(
            f"{path.name} cannot be unpacked: it is cut or damaged. {AGAIN}"
        ) from error
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def encoding_of(path: Path) -> str:
    """UTF-8, UTF-16, or else Windows-1252, which publishers' older files are in."""
    if told := untrusted.marked_encoding(first_bytes(path)):
        return told
    for name in ("utf-8", "cp1252"):
        if _is_text(path, name):
            return name
    raise SourceError(
        f"{path.name} is in no encoding this package reads (UTF-8, UTF-16, Windows-1252). "
        "Open it in the program that made it and save it as CSV UTF-8."
    )


def _is_text(path: Path, encoding: str) -> bool:
    """Whether the whole file is text of this encoding; read in pieces, because some are large."""
    with open_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            for read, piece in enumerate(iter(lambda: text.read(PIECE), ""), start=1):
                untrusted.refuse_bomb(path, (read - 1) * PIECE)
                if "\0" in piece:
                    return False
                if len(piece) == PIECE and "\n" not in piece and "\r" not in piece:
                    raise SourceError(
                        f"{path.name} has a line of more than {PIECE:,} characters, so it is no "
                        f"table. {AGAIN}"
                    )
        except UnicodeDecodeError:
            return False
    return True


@contextmanager
def open_text(path: Path, encoding: str = "") -> Iterator[TextIO]:
    """A file's text in its own encoding, its line ends as they are."""
    name = encoding or encoding_of(path)
    with open_bytes(path) as file:
        yield io.TextIOWrapper(file, name, newline="", errors="replace")


def _text(path: Path) -> Grid:
    encoding = encoding_of(path)
    with open_text(path, encoding) as text:
        delimiter = max(",;\t|", key="".join(itertools.islice(text, 30)).count)
    return Grid(path, "", lambda grid, _: _delimited(grid, encoding), delimiter=delimiter)


def _delimited(grid: Grid, encoding: str) -> Iterator[list[str]]:
    """Rows of a text file; a quotation mark that hides the lines after it is an error."""
    with open_text(grid.path, encoding) as text:
        seen: list[str] = []

        def lines() -> Iterator[str]:
            for line in text:
                seen.append(line)
                yield line

        number = width = 0
        try:
            for number, row in enumerate(csv.reader(lines(), delimiter=grid.delimiter), start=1):
                grid.ended = not seen or seen[-1].endswith(("\n", "\r"))
                if len(seen) > 1 or (not grid.ended and f'{grid.delimiter}"' in seen[-1]):
                    most = max(width - 1, 1)
                    hidden = any("\n" in c and c.count(grid.delimiter) >= most for c in row)
                    if hidden or sum(line.count('"') for line in seen) % 2:
                        raise SourceError(
                            f"{grid.path.name}, row {number}: a quotation mark is not closed, and "
                            "the text after it was read as one cell. Close or remove it."
                        )
                if len(row) > MOST_COLUMNS:
                    raise SourceError(
                        f"{grid.path.name}, row {number} has {len(row):,} columns; at most "
                        f"{MOST_COLUMNS:,} are read. Keep those of the table."
                    )
                width = max(width, len(row))
                seen.clear()
                yield row
        except csv.Error as error:
            raise SourceError(
                f"{grid.path.name} breaks off at row {number + 1} ({error}). {AGAIN}"
            ) from error


def _workbook(path: Path) -> list[Grid]:
    # Calamine reads the old xls workbooks too, and large ones many times faster than openpyxl.
    from python_calamine import SheetVisibleEnum, load_workbook

    is_xlsx = path.suffix.lower() in (".xlsx", ".xlsm")
    with _readable(path.name):
        untrusted.refuse_vast_sheets(path)
        book = load_workbook(str(path))
        sheets = book.sheets_metadata
    formats = functools.cache(lambda: _formats(path) if is_xlsx else {})

    def rows_of(grid: Grid, limit: int | None) -> list[list[str]]:
        return _sheet(grid, book, limit, formats().get(grid.sheet, []))

    shown = SheetVisibleEnum.Visible
    return [Grid(path, one.name, rows_of, hidden=one.visible != shown) for one in sheets]


_OF_SYSTEM = re.compile(r"([A-Z][a-z ]+)(?: \(os error|: ')")  # why the system refuses a file


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Whatever the readers of workbooks raise over a damaged one, as a sentence about `what`."""
    try:
        yield
    except (SourceError, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # calamine's panics are no Exception
        if reason := _OF_SYSTEM.search(str(error)):
            raise SourceError(f"{what} cannot be read: {reason[1]}.") from error
        said = "is protected by a password" if "password" in str(error).lower() else "is damaged"
        raise SourceError(
            f"{what} cannot be read: it {said}. Save it again as CSV UTF-8, or as XLSX without "
            "a password."
        ) from error


def _sheet(
    grid: Grid, book: Any, limit: int | None, formats: list[list[tuple[str, bool]]]
) -> list[list[str]]:
    """Cells of one sheet as text: 5.0 as 5, merged cells filled, shares shown as percentages."""
    path, name = grid.path, grid.sheet
    with _readable(f'Sheet "{name}" of {path.name}'):
        sheet = book.get_sheet_by_name(name)
        untrusted.refuse_cells(path, sheet.total_height, sheet.total_width)
        cells = sheet.to_python(skip_empty_area=False, nrows=limit)
        merged = sheet.merged_cell_ranges or []
        grid.merged = len(merged)
    for (top, left), (bottom, right) in merged:
        for row in cells[top : bottom + 1] if bottom - top < HEAD_ROWS else ():
            row[left : right + 1] = cells[top][left : left + 1] * len(row[left : right + 1])
    last: list[str] = []
    made = []
    rows = itertools.zip_longest(cells, formats[: len(cells)], fillvalue=())
    for number, (row, marks) in enumerate(rows, start=1):
        if any(formula and cell == "" for cell, (_, formula) in zip(row, marks, strict=False)):
            raise SourceError(
                f"{grid.place}, row {number}: the cell holds a formula without its result. Open "
                "the file in Excel, save it and try again."
            )
        last = [shown for shown, _ in marks] or last
        shown = itertools.zip_longest(row, last[: len(row)], fillvalue="")
        made.append(list(itertools.starmap(_as_text, shown)))
    return made


def _formats(path: Path) -> dict[str, list[list[tuple[str, bool]]]]:
    """By sheet, the number format of each cell of the first rows, and whether it is a formula."""
    import openpyxl

    def mark(cell: Any) -> tuple[str, bool]:
        return str(getattr(cell, "number_format", "")), str(cell.value)[:1] == "="

    with _readable(path.name), closing(openpyxl.load_workbook(path, read_only=True)) as book:
        return {
            sheet.title: [list(map(mark, row)) for row in sheet.iter_rows(max_row=FORMAT_ROWS)]
            for sheet in book.worksheets
        }


def _as_text(cell: Any, shown: str) -> str:
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, (int, float)):
        if "%" in shown:
            return f"{100 * cell:.10g}%"
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    if isinstance(cell, (dt.datetime, dt.date)):
        monthly = shown and "d" not in re.sub(r"\[[^\]]*\]", "", shown).lower()
        return f"{cell:%Y-%m}" if monthly and cell.day == 1 else f"{cell:%Y-%m-%d}"
    return str(cell)
