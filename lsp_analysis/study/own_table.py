"""Read an analyst's own table, CSV or Excel, whatever its columns are called."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis.errors import StudyError
from lsp_analysis.study.check_cells import SPREADSHEET_ERRORS
from lsp_analysis.study.check_text import decode
from lsp_analysis.study.periods import parse_period
from lsp_analysis.study.schema import MISSING_MARKS

SEARCHED_ROWS = 30
NUMBERS = ("numerator", "denominator", "value", "lower95", "upper95")
NEEDED = ("area_code", "period")

# Spellings of a column, without case, blanks and punctuation; the first that a table has is taken.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "area_code": (
        *("areacode", "code", "geographycode", "lsoacode", "msoacode", "wardcode", "gsscode"),
        *("onscode", "area", "lsoa", "msoa", "ward", "neighbourhoodcode"),
    ),
    "period": (
        *("period", "timeperiod", "month", "quarter", "financialyear", "fiscalyear", "year"),
        *("date", "time", "yearmonth", "monthyear"),
    ),
    "period_start": ("periodstart", "startdate", "from"),
    "period_end": ("periodend", "enddate", "to"),
    "numerator": ("numerator", "num", "count", "number", "n", "events", "observed", "cases"),
    "denominator": (
        *("denominator", "den", "denom", "population", "pop", "base", "total", "residents"),
        "outof",
    ),
    "value": ("value", "rate", "percent", "percentage", "proportion", "score", "indicatorvalue"),
    "lower95": ("lower95", "lowerci", "lowerci95", "lower95ci", "lowerci950limit", "lci"),
    "upper95": ("upper95", "upperci", "upperci95", "upper95ci", "upperci950limit", "uci"),
    "note": ("note", "notes", "flag", "valuenote", "comment"),
    "indicator_id": ("indicatorid", "indicator", "measure", "indicatorname"),
    "sex": ("sex", "gender"),
    "age": ("age", "ageband", "agegroup"),
    "group": ("group",),
}
ONS_CODE = re.compile(r"(oa|lsoa|msoa|wd|ward|lad|ltla)\d{0,2}cd$")


def read_own_table(
    file: Path, *, freq: str | None = None, sheet: str | None = None
) -> pd.DataFrame:
    """The table in `file` as text in the columns of `observations`.

    Title lines above the header and source lines below the table are passed over. Thousands commas
    are dropped. A publisher's mark for a missing number becomes a blank, its meaning the note.

    Parameters
    ----------
    file : CSV (any of comma, semicolon, tab; UTF-8 or Windows) or XLSX.
    freq : "M", "Q", "Y" or "Y-MAR", the length of a period; needed when it is given as one day.
    sheet : name of the sheet of a workbook; by default the first that has such a table.

    Returns
    -------
    DataFrame of text, index the row numbers of the file; ``attrs["columns"]`` maps our column
    names to the file's.

    Raises
    ------
    StudyError
        The file cannot be read, or has no columns of codes, periods and numbers.
    """
    grids = _grids(file, sheet)
    for grid in grids:
        header = _find_header(grid)
        if header is not None:
            return _cells(file, grid, *header, freq)
    seen = next((row for grid in grids for row in grid if any(row)), [])
    raise StudyError(
        f"{file} has no table with a column for the area's code, one for the period and one for "
        f"the numerator or value; its first row is: {', '.join(seen)[:120] or 'empty'}. "
        "Name the columns code, period, numerator, denominator."
    )


def _grids(file: Path, sheet: str | None) -> list[list[list[str]]]:
    """Tables of text cells: one of a CSV file, one for each sheet of a workbook."""
    if not file.is_file():
        raise StudyError(f"There is no file {file}. Check the path.")
    kind = file.suffix.lower()
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
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())


def _find_header(grid: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]] | None:
    """Position of the header and of our columns in it."""
    for at, row in enumerate(grid[:SEARCHED_ROWS]):
        columns = _match(row)
        dated = "period" in columns or {"period_start", "period_end"} <= set(columns)
        if dated and "area_code" in columns and {"numerator", "value"} & set(columns):
            return at, columns
    return None


def _match(header: Sequence[str]) -> dict[str, int]:
    folded = [re.sub(r"[^a-z0-9]", "", name.casefold()) for name in header]
    columns: dict[str, int] = {}
    for ours, spellings in SPELLINGS.items():
        found = [folded.index(spelling) for spelling in spellings if spelling in folded]
        if ours == "area_code":
            found = [at for at, name in enumerate(folded) if ONS_CODE.match(name)] + found
        free = [at for at in found if at not in columns.values()]
        if free:
            columns[ours] = free[0]
    return columns


def _cells(
    file: Path,
    grid: Sequence[Sequence[str]],
    header: int,
    columns: dict[str, int],
    freq: str | None,
) -> pd.DataFrame:
    rows = {
        at + 1: {ours: row[place] if place < len(row) else "" for ours, place in columns.items()}
        for at, row in enumerate(grid)
        if at > header and any(row)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns), dtype="str")
    frame = frame[~_is_remark(frame)]
    if frame.empty:
        raise StudyError(f"{file} has a header in row {header + 1} but no rows below it. Add them.")
    frame = _with_missing_marks(frame)
    frame["area_code"] = frame["area_code"].str.upper()
    if "period_start" not in frame or "period_end" not in frame:
        frame = _with_dates(file, frame, freq)
    frame.attrs["columns"] = {ours: grid[header][place] for ours, place in columns.items()}
    return frame


def _is_remark(frame: pd.DataFrame) -> pd.Series:
    """Rows that hold a remark and no observation: no period and no number."""
    dates = [name for name in ("period", "period_start") if name in frame]
    numbers = [name for name in NUMBERS if name in frame]
    return (frame[dates + numbers] == "").all(axis=1)


def _with_missing_marks(frame: pd.DataFrame) -> pd.DataFrame:
    made = frame.copy()
    note = made["note"] if "note" in made else pd.Series("", index=made.index, dtype="str")
    for column in (name for name in NUMBERS if name in made):
        cells = made[column]
        marked = cells.isin(MISSING_MARKS) & ~cells.isin(SPREADSHEET_ERRORS)
        note = note.mask(marked & (note == ""), cells.map(MISSING_MARKS))
        plain = cells.str.replace(r"(?<=\d),(?=\d{3})", "", regex=True)
        made[column] = plain.mask(marked, "")
    return made.assign(note=note)


def _with_dates(file: Path, frame: pd.DataFrame, freq: str | None) -> pd.DataFrame:
    """First and last day of each row's period in place of the text that names it."""
    periods = {text: parse_period(text, tolerant=True) for text in frame["period"].unique()}
    days = [text for text, period in periods.items() if period is not None and _is_day(period)]
    if days and freq is None:
        raise StudyError(
            f'{file} gives one day, such as "{days[0]}", for a period, which does not say how '
            'long it is. Give the length as freq: "M", "Q", "Y" or "Y-MAR".'
        )
    for text in days:
        periods[text] = pd.Period(periods[text].start_time, freq=freq)
    start = {
        text: f"{period.start_time:%Y-%m-%d}" if period else text
        for text, period in periods.items()
    }
    end = {
        text: f"{period.end_time:%Y-%m-%d}" if period else text for text, period in periods.items()
    }
    named = frame["period"]
    return frame.drop(columns="period").assign(
        period_start=named.map(start), period_end=named.map(end)
    )


def _is_day(period: pd.Period) -> bool:
    return period.freqstr == "D"
