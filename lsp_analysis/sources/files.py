"""Files on disk: which are in a folder, what their first rows say, and their whole text."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, SourceError

TEXT_SUFFIXES = (".csv", ".csv.gz")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
BOUNDARY_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")
PEEK_BYTES = 65_536
PEEK_ROWS = 15
PIECE = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
DAMAGED_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)
AGAIN = "Download it again, or move it out of the folder."


def find_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files below `folder` with one of `suffixes`, in order; hidden and lock files left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(suffixes)
        and not path.name.startswith("~$")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def peek(path: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """The first rows of each table in a file, as pairs of sheet name (empty for CSV) and rows."""
    if path.name.lower().endswith(WORKBOOK_SUFFIXES):
        workbook = open_workbook(path)
        for sheet in workbook.sheet_names:
            yield sheet, sheet_rows(path, workbook, sheet, limit=PEEK_ROWS)
    else:
        yield "", first_rows(path)


def first_rows(path: Path) -> list[list[str]]:
    """The first rows of a CSV file; a row that the peek cuts through is left out."""
    head = first_bytes(path)
    encoding = "utf-16" if head.startswith(UTF16_MARKS) else "utf-8-sig"
    text = head.decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)
    whole = lines if len(head) < PEEK_BYTES else lines[:-1]
    return list(csv.reader(whole[:PEEK_ROWS]))


def first_bytes(path: Path) -> bytes:
    """Up to 64 KiB of a file, unpacked if it is gzip; SourceError if there are none."""
    with _open_bytes(path) as file:
        head = file.read(PEEK_BYTES)
    if not head:
        raise SourceError(f"{path.name} is empty. {AGAIN}")
    return head


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked if it is gzip, whatever its name; damage becomes a SourceError."""
    try:
        with path.open("rb") as packed:
            is_gzip = packed.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            packed.seek(0)
            yield gzip.GzipFile(fileobj=packed) if is_gzip else packed
    except DAMAGED_GZIP as error:
        raise SourceError(
            f"{path.name} cannot be unpacked: it is cut or damaged. {AGAIN}"
        ) from error
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror or error}.") from error


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A file's text: UTF-8, UTF-16 with its mark, or else Windows-1252.

    Publishers' older files are Windows-1252, in which curly apostrophes are not UTF-8.
    """
    utf16 = first_bytes(path).startswith(UTF16_MARKS)
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        if _is_text(path, encoding):
            with _open_bytes(path) as file:
                yield io.TextIOWrapper(file, encoding, newline="")
            return
    raise SourceError(
        f"{path.name} is in no encoding this package reads (UTF-8, UTF-16, Windows-1252). "
        "Open it in the program that made it and save it as CSV UTF-8."
    )


def _is_text(path: Path, encoding: str) -> bool:
    """Whether the whole file is text of this encoding; read in pieces, for some are large."""
    with _open_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        try:
            return not any("\0" in piece for piece in iter(lambda: text.read(PIECE), ""))
        except UnicodeDecodeError:
            return False


def text_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row of a CSV file; SourceError where its quoting breaks off."""
    with open_text(path) as text:
        reader = csv.reader(text, strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise SourceError(
                f"{path.name} breaks off at line {reader.line_num} ({error}). {AGAIN}"
            ) from error


def ends_with_newline(path: Path) -> bool:
    """Whether the last row of a text file is ended; one that is not may have been cut."""
    last = ""
    with open_text(path) as text:
        for piece in iter(lambda: text.read(PIECE), ""):
            last = piece[-1]
    return last in ("\n", "\r")


def open_workbook(path: Path) -> Any:
    """A workbook (xlsx, xls, ods), opened without reading its sheets."""
    # Calamine reads the old xls workbooks too, and large ones many times faster than openpyxl.
    from python_calamine import CalamineError, load_workbook

    try:
        untrusted.refuse_vast_sheets(path)
    except LspError as error:
        raise SourceError(str(error)) from error
    try:
        return load_workbook(str(path))
    except (CalamineError, OSError) as error:
        raise SourceError(f"{path.name} is not a workbook that can be opened. {AGAIN}") from error


def sheet_rows(path: Path, workbook: Any, sheet: str, limit: int | None = None) -> list[list[str]]:
    """Cells of one sheet of `workbook`, opened from `path`, as text; 5.0 reads as 5."""
    from python_calamine import CalamineError

    try:
        rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False, nrows=limit)
    except CalamineError as error:
        raise SourceError(f'Sheet "{sheet}" of {path.name} cannot be read. {AGAIN}') from error
    return [[_as_text(cell) for cell in row] for row in rows]


def _as_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def sha256(path: Path) -> str:
    """SHA-256 of the file as it lies on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
