"""The rows of a table below its headings, as text: those wanted, in one pass through the file."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.study.add import headings
from lsp_analysis.study.add.columns import Plan
from lsp_analysis.study.add.grids import AGAIN, Grid, tidy
from lsp_analysis.study.add.headings import number_in
from lsp_analysis.study.add.places import TOTALS, Places, code_in, level_of

PIECE = 100_000  # rows that are held as lists of cells at once
NOMIS_ANSWER = 25_000  # rows, cut without a word
ALIKE = 0.85  # from which a name is taken for another misspelt (1: the same)
FEW = 50  # codes that may be misspelt ones of the study's own
BROKEN_CODE = re.compile(r"[A-Z]\d{0,8}")

Row = tuple[int, str, Sequence[str]]  # number in the file, code, cells


def read_rows(
    grid: Grid,
    header: int,
    width: int,
    columns: Mapping[str | int, int],
    code_of: Callable[[int, list[str]], str],
    *,
    needed: int | None = None,
    distinct: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """The rows that `code_of` has a code for, and the cells of the last row there is.

    Parameters
    ----------
    grid : the file or sheet.
    header : number of the row above the first row of data.
    width : number of headings.
    columns : places of the cells to keep, by the name they are to have.
    code_of : told number and cells of each written row, gives its code; "" passes the row over.
    needed : last column that a row of a text file must have; by default the last kept.
    distinct : keep a row only the first time its cells are seen, as of a long directory.

    Returns
    -------
    DataFrame of text with `columns` and ``code``, its index the number of each row in the file.

    Raises
    ------
    SourceError
        A row that is kept has more cells than headings, or lacks one that is needed.
    """
    needed = max(columns.values()) if needed is None else needed
    last: list[str] = []

    def wanted() -> Iterator[Row]:
        for number, row in grid.rows():
            if number > header and any(map(str.strip, row)):
                last[:] = row
                if code := code_of(number, row):
                    grid.refuse_shifted(number, row, width, needed)
                    yield number, code, row

    rows, pieces = wanted(), [framed([], columns)]
    while piece := list(islice(rows, PIECE)):
        made = framed(piece, columns)
        pieces.append(made.drop_duplicates() if distinct else made)
    made = pd.concat(pieces)
    return (made.drop_duplicates() if distinct else made), last


def framed(rows: Sequence[Row], columns: Mapping[str | int, int]) -> pd.DataFrame:
    """Rows as a table of `columns` and ``code``; the index is the number in the file."""
    numbers = [number for number, _, _ in rows]
    cells = [
        [tidy(row[at]) if at < len(row) else "" for at in columns.values()] for _, _, row in rows
    ]
    made = pd.DataFrame(cells, index=numbers, columns=[*columns], dtype="str")
    return made.assign(code=pd.Series([code for _, code, _ in rows], index=numbers, dtype="str"))


def is_remark(row: Sequence[str]) -> bool:
    """Whether a row is a sentence below a table, and not a row that breaks off."""
    written = [cell.strip() for cell in row if cell.strip()]
    return (
        len(written) <= 2
        and not any(code_in(cell) or len(cell) < 3 for cell in written)
        and " " in written[0]
    )


def rows_of_areas(plan: Plan) -> tuple[pd.DataFrame, Counter[str]]:
    """The rows about the study's areas, each with its ``code``, and a count of the others.

    Raises
    ------
    SourceError
        A second table begins below, the file is cut, or there is no row at all.
    """
    grid, main, width = plan.grid, plan.codes[0], len(plan.header.names)
    needed = max([main, *plan.dates, *plan.measured])
    columns = dict(enumerate(range(width)))
    seen = _Seen(plan, _codes_by_name(plan) if plan.by_name else {})
    found, last = read_rows(grid, plan.header.data_row, width, columns, seen.code_of, needed=needed)
    short = 0 < len(last) < min(width, needed + 1)
    if not grid.ended and short and BROKEN_CODE.fullmatch(tidy("".join(last[main : main + 1]))):
        raise SourceError(f"{grid.place}: its last row breaks off, so the file is cut. {AGAIN}")
    if found.empty and not seen.others:
        raise SourceError(
            f"{grid.place} has a header in row {plan.header.data_row} but no rows below it. "
            "Add them."
        )
    lacking = seen.periods[False] - seen.periods[True]
    lacking = sorted(period for period in lacking if re.search(r"\d\d", period))
    if lacking and len(found):
        more = f" and {len(lacking) - 1} more periods" if len(lacking) > 1 else ""
        plan.notes.append(
            f'only other areas have rows of "{lacking[0]}"{more}: rows of the study\'s areas may '
            "have been cut off"
        )
    if seen.read and seen.read % NOMIS_ANSWER == 0 and not grid.sheet:
        plan.notes.append(
            f"exactly {seen.read:,} rows, as many as one answer of Nomis has: the rest may be "
            "missing. Ask again with RecordOffset, or for fewer areas"
        )
    if seen.others:  # a table of other boroughs too, whose codes are not ours to correct
        seen.others.update(f"no code: {cell or 'blank'}" for _, cell, _ in seen.unread)
        seen.unread.clear()
    kept = [*seen.unread, *_misspelt(set(found["code"]), seen, plan.places)]
    made = pd.concat([found, framed(kept, columns)]).sort_index() if kept else found
    return made, seen.others


class _Seen:
    """What the rows of a table are of, as they pass: the study's areas, others, or neither."""

    def __init__(self, plan: Plan, named: Mapping[str, str]) -> None:
        self.plan, self.known, self.named = plan, plan.places.known, named
        self.numeric = [at for at, cells in enumerate(plan.sample) if headings.is_numeric(cells)]
        self.read = 0
        self.others: Counter[str] = Counter()
        self.strange: list[Row] = []  # of other areas, the first ones
        self.unread: list[Row] = []  # of no area, with numbers
        # Periods of the study's areas, and of others.
        self.periods: dict[bool, set[str]] = {True: set(), False: set()}

    def code_of(self, number: int, row: list[str]) -> str:
        """The code of an area of the study, or an empty string; other rows are remembered."""
        plan, main = self.plan, self.plan.codes[0]
        self.read += 1
        cell = tidy(row[main]) if main < len(row) else ""
        if not cell and "level" in plan.roles:
            cell = next((tidy(row[at]) for at in plan.codes[1:] if row[at : at + 1] != [""]), "")
        code = self.named.get(cell, "") if plan.by_name else (code_in(cell) or cell)
        known, other = code in self.known, bool(code_in(cell) or (plan.by_name and cell))
        if plan.dates and (known or other):
            when = " ".join(tidy(row[at]) for at in plan.dates if at < len(row))
            self.periods[known].add(when)
        if known:
            return code
        if other:
            self.others[code_in(cell) or cell] += 1
            if len(self.others) <= FEW:
                self.strange.append((number, code or cell, row))
        elif _is_heading(plan, row):
            raise SourceError(
                f"{plan.grid.place}, row {number} has headings again: a second table begins there. "
                "Put each table into a sheet or file of its own."
            )
        elif any(TOTALS.fullmatch(tidy(one).casefold()) for one in row):
            self.others["total"] += 1
        elif any(number_in(tidy(row[at])) for at in self.numeric if at < len(row)):
            self.unread.append((number, cell, row))
        return ""


def _is_heading(plan: Plan, row: Sequence[str]) -> bool:
    """Whether a row below the headings repeats that of the areas, and others beside it."""
    main = plan.codes[0]
    cells = [tidy(cell) for cell in row]
    if main >= len(cells) or headings.fold(cells[main]) != headings.fold(plan.header.names[main]):
        return False
    others = [cell for at, cell in enumerate(cells) if cell and at != main]
    return bool(others) and not any(map(number_in, others))


def _misspelt(have: set[str], seen: _Seen, places: Places) -> list[Row]:
    """Rows of unknown codes where as many of the study's own are lacking beside those it `have`.

    Codes of other boroughs come beside all of this one; a few that stand where others lack are
    mistakes, which the check will name.
    """
    level = {places.level(code) for code in have} & {"oa", "lsoa"}
    mine = [row for row in seen.strange if places.level(row[1]) in level]
    codes = {code for _, code, _ in mine}
    small = sum(places.level(code) in level for code in seen.others)
    lists = [places.small, *places.by_vintage.values()]
    every = max(lists, key=lambda listed: len(listed & have))
    if len(codes) < small or small > len(every - have):
        return []
    for code in codes:
        del seen.others[code]
    return mine


def _codes_by_name(plan: Plan) -> dict[str, str]:
    """The code of each name in the table, all of areas of one level."""
    at, places = plan.codes[0], plan.places
    rows = islice(plan.grid.rows(), plan.header.data_row, None)
    texts = {tidy(row[at]) for _, row in rows if at < len(row)}
    plan.notes.append(f'areas by the names in "{plan.name(at)}"')
    found = places.codes_of(sorted(texts), plan.grid.place)
    rows = places.areas[~places.areas["area_code"].isin(found.values())]
    levels = {places.level(code) for code in found.values()}
    lacking = rows.loc[rows["area_type"].isin(levels), "area_name"].astype("str").tolist()
    for text in sorted(texts - found.keys()):
        near = difflib.get_close_matches(text, lacking, 1, ALIKE)
        if near and re.findall(r"\d+", near[0]) == re.findall(r"\d+", text):
            raise SourceError(
                f'{plan.grid.place}: "{text}" is the name of no area of the study. Did you mean '
                f'"{near[0]}"? Correct it, or add a column with the areas\' codes.'
            )
    return found


def listed(others: Counter[str]) -> str:
    """Codes that are not the study's by level, with the first ones where they are few."""
    levels: dict[str, list[str]] = {}
    for code in others:
        level = "total" if code == "total" else level_of(code) or "by name"
        levels.setdefault(level, []).append(code)
    said = {
        level: f"{len(codes)} {level}: {', '.join(codes[:3])}{' ...' if len(codes) > 3 else ''}"
        for level, codes in levels.items()
    }
    if "total" in said:
        said["total"] = f"{others['total']} of totals"
    return ", ".join(said.values())
