"""The rows of a recognised table, as text or numbers, with errors that say which row."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import Found, SourceTable
from lsp_analysis.study.add.grids import AGAIN
from lsp_analysis.study.add.places import code_in
from lsp_analysis.study.schema import MISSING_MARKS

MISSING = {"", "na", *(mark.casefold() for mark in MISSING_MARKS)}


def read(
    found: Found,
    codes: Iterable[str] | None = None,
    role: str = "area_code",
    distinct: bool = False,
) -> pd.DataFrame:
    """Rows of a table as text, one column per role, and ``row``, its number in the file.

    Parameters
    ----------
    found : the table to read.
    codes : keep only the rows with one of these codes; all rows when None.
    role : the column the codes are in.
    distinct : keep a row only the first time its cells are seen, as of a long directory.

    Raises
    ------
    SourceError
        A row has fewer cells than there are headings, or none is wanted and the last is not ended:
        the file was cut.
    """
    wanted = None if codes is None else frozenset(codes)
    columns = found.columns
    at = columns[role]
    kept: list[tuple[object, ...]] = []
    seen: set[tuple[str, ...]] = set()
    for number, row in _rows(found.table):
        if wanted is not None and row[at].strip() not in wanted:
            continue
        cells = tuple(row[place].strip() for place in columns.values())
        if not distinct or cells not in seen:
            seen.add(cells)
            kept.append((number, *cells))
    if wanted and not kept:
        _refuse_cut_end(found)
    return pd.DataFrame(kept, columns=["row", *columns]).astype(dict.fromkeys(columns, "str"))


def _refuse_cut_end(found: Found) -> None:
    """Stop when no row wanted is there and the last row is not ended: they were cut off."""
    if not found.table.grid.ended:
        raise SourceError(
            f"{found.table.place} has none of the rows wanted and its last row breaks off: the "
            f"file is cut. {AGAIN}"
        )


def _rows(table: SourceTable) -> Iterable[tuple[int, list[str]]]:
    """Number and cells of the rows below the headings; blank ones and remarks are left out.

    A remark has fewer cells than the headings and, of those, text in one or two alone.
    """
    width = len(table.headings)
    for number, row in table.grid.rows():
        if number <= table.heading_row or not any(cell.strip() for cell in row):
            continue
        short = len(row) < width
        if short and _is_remark(row):
            continue
        if short or any(cell.strip() for cell in row[width:]):
            raise SourceError(
                f"{table.place}, row {number} has {len(row)} cells and the headings {width}: the "
                f"file is cut or damaged there. {AGAIN}"
            )
        yield number, row


def _is_remark(row: list[str]) -> bool:
    """Whether a short row is a sentence below the table, and not a row that breaks off."""
    written = [cell for cell in row if cell.strip()]
    return (
        len(written) <= 2
        and not any(code_in(cell.strip()) or len(cell) < 3 for cell in written)
        and " " in written[0].strip()
    )


def numbers(frame: pd.DataFrame, column: str, found: Found) -> pd.Series:
    """A column of text as numbers, without thousands commas; marks for missing are missing.

    Raises
    ------
    SourceError
        A cell is neither a number nor a mark for missing; the message has its row and text.
    """
    text = frame[column].str.replace(",", "", regex=False)
    text = text.mask(text.str.casefold().isin(MISSING))
    made = pd.to_numeric(text, errors="coerce").astype("float64")
    wrong = made.isna() & text.notna()
    if wrong.any():
        bad = frame[wrong]
        heading = found.table.headings[found.columns[column]]
        raise SourceError(
            f'{found.table.place}, row {bad["row"].iloc[0]}: "{bad[column].iloc[0]}" is not a '
            f'number (column "{heading}"). Correct the cell, or download the file again.'
        )
    return made


def refuse_repeats(frame: pd.DataFrame, keys: list[str], found: Found) -> None:
    """Stop when two rows have the same key."""
    repeated = frame[frame.duplicated(keys)]
    if not repeated.empty:
        first = repeated.iloc[0]
        code = " to ".join(str(first[key]) for key in keys)
        raise SourceError(
            f"{found.table.place} has {code} more than once, again in row {first['row']}, and "
            f"{len(repeated)} repeated rows in all. Delete the repeats, or download the file again."
        )
