"""Read the cells of an analyst's file, CSV or Excel, as text."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, StudyError
from lsp_analysis.study.check.text import decode, open_quote

SEARCHED_ROWS = 30


def read_grids(file: Path, sheet: str | None) -> list[list[list[str]]]:
    """Tables of text cells: one of a CSV file, one for each sheet of a workbook (or of `sheet`).

    Raises
    ------
    StudyError
        There is no such file or sheet, or the file is neither CSV nor XLSX or is damaged.
    """
    if not file.is_file():
        raise StudyError(f"There is no file {file}. Check the path.")
    kind = file.suffix.lower()
    try:
        untrusted.refuse_vast_sheets(file)
    except LspError as error:
        raise StudyError(str(error)) from error
    try:
        if kind in (".xlsx", ".xlsm"):
            return _workbook(file, sheet)
        if kind in (".csv", ".tsv", ".txt"):
            return [_delimited(file)]
    except StudyError:
        raise
    except Exception as error:  # zip, XML, csv and encoding errors share no base class
        raise StudyError(
            f"{file} cannot be read ({str(error)[:100]}). Save it again as CSV UTF-8 or XLSX."
        ) from error
    raise StudyError(f"{file} is neither CSV nor XLSX. Save it as one of them.")


def _delimited(file: Path) -> list[list[str]]:
    text, _ = decode(file.name, file.read_bytes())
    head = "\n".join(text.splitlines()[:SEARCHED_ROWS])
    delimiter = max(",;\t", key=head.count)
    row = open_quote(text, delimiter)
    if row:
        raise StudyError(
            f"{file}, row {row}: a quotation mark has no fellow and hides the text up to it. "
            "Close or remove it."
        )
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [[" ".join(cell.split()) for cell in row] for row in rows]


def _workbook(file: Path, sheet: str | None) -> list[list[list[str]]]:
    import openpyxl

    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise StudyError(
                f'{file} has no sheet "{sheet}"; it has {", ".join(book.sheetnames)}. Name one.'
            )
        wanted = [sheet] if sheet is not None else book.sheetnames
        return [
            [[_cell(cell) for cell in row] for row in book[name].iter_rows()] for name in wanted
        ]
    finally:
        book.close()


def _cell(cell: Any) -> str:
    """A workbook's cell as text; a date shown without its day is a month."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, (dt.datetime, dt.date)):
        shows_day = "d" in str(getattr(cell, "number_format", "d")).lower()
        return f"{value:%Y-%m-%d}" if shows_day else f"{value:%Y-%m}"
    if isinstance(value, (int, float)) and "%" in str(getattr(cell, "number_format", "")):
        return f"{100 * value:.10g}%"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())
