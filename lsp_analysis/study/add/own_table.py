"""Read an analyst's own table, CSV or Excel, whatever its columns are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import StudyError
from lsp_analysis.study.add.grids import SEARCHED_ROWS, read_grids
from lsp_analysis.study.check.cells import SPREADSHEET_ERRORS
from lsp_analysis.study.periods import parse_period
from lsp_analysis.study.schema import MISSING_MARKS

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
# 2006-07 is a year to March in the usual writing, and July 2006 in that of dates.
SPLIT_YEAR = re.compile(r"(?P<year>(?:19|20)\d\d)-(?P<next>\d\d)$")
ONS_CODE = re.compile(r"(oa|lsoa|msoa|wd|ward|lad|ltla)\d{0,2}cd$")


def read_own_table(
    file: Path, *, freq: str | None = None, sheet: str | None = None
) -> pd.DataFrame:
    """The table in `file` as text in the columns of `observations`.

    Title lines above the header and source lines below the table are passed over. Thousands commas
    are dropped. A publisher's mark for a missing number becomes a blank, its meaning the note. A
    table with one column for each period is turned into one with a row for each, its numbers
    becoming values; blank cells of such a table are no observations.

    Parameters
    ----------
    file : CSV (any of comma, semicolon, tab; UTF-8 or Windows) or XLSX.
    freq : "M", "Q", "Y" or "Y-MAR", the length of a period; needed when it is given as one day.
    sheet : name of the sheet of a workbook; by default the first that has such a table.

    Returns
    -------
    DataFrame of text, index the row numbers of the file; ``attrs["columns"]`` maps our column
    names to the file's. Of a table with periods in columns the index counts the new rows, and
    ``attrs["places"]`` maps it to the row and column heading of the file. ``attrs["percent"]`` is
    whether the values were written with percent signs.

    Raises
    ------
    StudyError
        The file cannot be read, or has no columns of codes, periods and numbers.
    """
    grids = read_grids(file, sheet)
    for grid in grids:
        header = _find_header(grid)
        if header is not None:
            return _cells(file, grid, *header, freq)
    for grid in grids:
        wide = _find_periods_in_header(grid)
        if wide is not None:
            made, places = _turned(grid, *wide)
            cells = _cells(file, made, 0, _match(made[0]), freq)
            cells.attrs["places"] = places
            return cells
    seen = next((row for grid in grids for row in grid if any(row)), [])
    raise StudyError(
        f"{file} has no table with a column for the area's code, one for the period and one for "
        f"the numerator or value; its first row is: {', '.join(seen)[:120] or 'empty'}. "
        "Name the columns code, period, numerator, denominator."
    )


def _find_header(grid: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]] | None:
    """Position of the header and of our columns in it."""
    for at, row in enumerate(grid[:SEARCHED_ROWS]):
        columns = _match(row)
        dated = "period" in columns or {"period_start", "period_end"} <= set(columns)
        if dated and "area_code" in columns and {"numerator", "value"} & set(columns):
            return at, columns
    return None


def _find_periods_in_header(grid: Sequence[Sequence[str]]) -> tuple[int, list[int]] | None:
    """Position of a header that has a column for each of several periods, and of those columns."""
    for at, row in enumerate(grid[:SEARCHED_ROWS]):
        periods = [place for place, name in enumerate(row) if _names_period(name)]
        if "area_code" in _match(row) and len(periods) > 1:
            return at, periods
    return None


def _names_period(text: str) -> bool:
    period = parse_period(text, tolerant=True)
    return period is not None and not _is_day(period)


def _turned(
    grid: Sequence[Sequence[str]], header: int, periods: list[int]
) -> tuple[list[list[str]], dict[int, tuple[int, str]]]:
    """A table with one row for each area and period, and where each of its rows comes from."""
    names = grid[header]
    columns = {ours: at for ours, at in _match(names).items() if at not in periods}
    kept = [at for ours, at in columns.items() if ours not in (*NUMBERS, "note")]
    made = [[*(names[at] for at in kept), "Period", "Value"]]
    places = {}
    for number, row in enumerate(grid[header + 1 :], start=header + 2):
        for at in periods:
            if at < len(row) and row[at]:
                made.append([*(row[k] for k in kept), names[at], row[at]])
                places[len(made)] = (number, names[at])
    return made, places


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
    _refuse_shifted(file, grid, header, columns, frame.index)
    if frame.empty:
        raise StudyError(f"{file} has a header in row {header + 1} but no rows below it. Add them.")
    frame = _with_missing_marks(frame)
    frame, percent = _without_percent_signs(frame)
    frame["area_code"] = frame["area_code"].str.upper()
    if "period_start" not in frame or "period_end" not in frame:
        frame = _with_dates(file, frame, grid[header][columns["period"]], freq)
    frame.attrs["percent"] = percent
    frame.attrs["columns"] = {ours: grid[header][place] for ours, place in columns.items()}
    return frame


def _refuse_shifted(
    file: Path,
    grid: Sequence[Sequence[str]],
    header: int,
    columns: Mapping[str, int],
    rows: pd.Index,
) -> None:
    """Stop where it is not certain which number stands in which column."""
    names = [name.casefold() for name in grid[header]]
    for at in columns.values():
        if names.count(names[at]) > 1:
            raise StudyError(
                f'{file} has several columns named "{grid[header][at]}" in row {header + 1}. '
                "Rename those that are not meant."
            )
    for row in rows:
        if any(grid[row - 1][len(names) :]):
            raise StudyError(
                f"{file}, row {row}: the row has {len(grid[row - 1])} cells and the header "
                f"{len(names)}. Put a number with commas in quotation marks, or save it without."
            )


def _without_percent_signs(frame: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Values that all are percentages as numbers alone, and whether they were."""
    named = [name for name in ("value", "lower95", "upper95") if name in frame]
    given = [cell for name in named for cell in frame[name] if cell]
    if not given or not all(cell.endswith("%") for cell in given):
        return frame, False
    plain = {name: frame[name].str.removesuffix("%").str.strip() for name in named}
    return frame.assign(**plain), True


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


def _with_dates(file: Path, frame: pd.DataFrame, heading: str, freq: str | None) -> pd.DataFrame:
    """First and last day of each row's period in place of the text that names it."""
    texts = frame["period"].unique()
    years = _split_years(file, texts, heading, freq)
    periods = {text: parse_period(years.get(text, text), tolerant=True) for text in texts}
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


def _split_years(
    file: Path, texts: Sequence[str], heading: str, freq: str | None
) -> dict[str, str]:
    """The texts that are financial years written like months, each as ``2006/07``.

    They are when the column is headed as one of years, or `freq` says so.
    """
    split = [SPLIT_YEAR.match(text) for text in texts]
    if not all(one and (int(one["year"]) + 1) % 100 == int(one["next"]) for one in split):
        return {}
    if freq == "Y-MAR" or ("year" in heading.casefold() and "month" not in heading.casefold()):
        return {text: text.replace("-", "/") for text in texts}
    if len(split) > 1 and freq is None:
        raise StudyError(
            f'{file} has periods such as "{texts[0]}", which may be months or years to March. '
            'Write 2006/07 for such years, or give the length as freq: "M" or "Y-MAR".'
        )
    return {}


def _is_day(period: pd.Period) -> bool:
    return period.freqstr == "D"
