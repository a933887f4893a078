"""Small numbers: what may be shown of them, and what a reader could still work out.

Rules are those of a disclosure profile. `protect` and `protect_table` apply one; `audit` asks of a
table with published totals what each hidden cell could have been.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsp_analysis.errors import DisclosureError, did_you_mean

Cell = tuple[int, int]

MARK = "*"
SUPPRESSED = "suppressed"
DERIVED = ("value", "lower95", "upper95")
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Profile:
    """A small-number rule: counts from 1 to `hidden_to` are hidden, others rounded to `base`."""

    name: str
    hidden_to: int
    base: int
    about: str


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("open", 0, 1, "published already: shown as it is"),
        Profile("under_5", 4, 1, "counts of 1 to 4 are hidden"),
        Profile("under_10", 9, 1, "counts of 1 to 9 are hidden"),
        # NHS Digital, disclosure control for HES and ECDS below national level, September 2018.
        Profile("nhs", 7, 5, "counts of 1 to 7 are hidden, others rounded to the nearest 5"),
    )
}


def find_profile(name: str) -> Profile:
    """The profile of that name; a blank name is the strictest one, "nhs"."""
    if not name or pd.isna(name):
        return PROFILES["nhs"]
    if name not in PROFILES:
        raise DisclosureError(
            f'There is no disclosure profile "{name}".{did_you_mean(str(name), PROFILES)} '
            f"Choose one of {', '.join(PROFILES)}."
        )
    return PROFILES[name]


def shown_count(count: float, profile: str = "nhs") -> str:
    """A count of people as it may be printed: ``"0"``, ``"*"`` or the rounded count.

    Parameters
    ----------
    count : whole number, 0 or more; a missing one is printed as an en dash.
    profile : name of a `Profile`.

    >>> [shown_count(count) for count in (0, 7, 8, 13)]
    ['0', '*', '10', '15']
    """
    if pd.isna(count):
        return "–"
    rule = find_profile(profile)
    if count < 0 or count != round(count):
        raise DisclosureError(f"{count} is no count. Give a whole number, 0 or more.")
    if 0 < count <= rule.hidden_to:
        return MARK
    return str(int(_rounded(np.array([count]), rule)[0]))


def protect(frame: pd.DataFrame, *, profile: str, count: str = "numerator") -> pd.DataFrame:
    """`frame` with small counts, and what could be worked out from them, made missing.

    Parameters
    ----------
    frame : DataFrame, one row per area and period
        Column `count`; where it is hidden, ``value``, ``lower95`` and ``upper95`` are missing too
        and ``note`` says "suppressed". Where counts are rounded, a ``value`` is worked out again
        from the rounded count in the same proportion, and intervals stay.
    profile : name of a `Profile`.
    count : column of counts of people.
    """
    rule = find_profile(profile)
    counts = frame[count]
    hidden = (counts > 0) & (counts <= rule.hidden_to)
    rounded = pd.Series(_rounded(counts.to_numpy(dtype="float64"), rule), index=frame.index)
    made = frame.copy()
    if "value" in frame and rule.base > 1:
        scale = (rounded / counts.where(counts > 0)).fillna(1.0)
        made["value"] = frame["value"] * scale
    made[count] = rounded.mask(hidden)
    for column in DERIVED:
        if column in made:
            made[column] = made[column].mask(hidden)
    note = made["note"] if "note" in made else pd.Series("", index=made.index, dtype="str")
    return made.assign(note=note.mask(hidden, SUPPRESSED))


def _rounded(counts: np.ndarray, rule: Profile) -> np.ndarray:
    return rule.base * np.floor(counts / rule.base + 0.5)


def small_cells(table: np.ndarray, *, profile: str) -> list[Cell]:
    """Cells (row, column) of a table of counts that the profile hides."""
    counts = np.asarray(table, dtype="float64")
    rule = find_profile(profile)
    rows, columns = np.nonzero((counts > 0) & (counts <= rule.hidden_to))
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


def feasible_intervals(
    table: np.ndarray, hidden: Collection[Cell], *, margins_published: bool = True
) -> dict[Cell, tuple[float, float]]:
    """The smallest and largest count each hidden cell can have, as an intruder could work out.

    Two linear programmes for each cell (HiGHS), with counts of 0 or more and, when
    `margins_published`, the true totals of rows and columns.

    Parameters
    ----------
    table : array of counts, rows by columns, without totals.
    hidden : cells (row, column), counted from 0, that are not printed.
    margins_published : whether row and column totals are printed.

    Returns
    -------
    dict of cell to (low, high); low equal to high means the cell is disclosed exactly. Without
    margins every cell is (0, infinity).
    """
    from scipy.optimize import linprog

    counts = np.asarray(table, dtype="float64")
    cells = [(int(row), int(column)) for row, column in hidden]
    if not margins_published:
        return dict.fromkeys(cells, (0.0, math.inf))
    equations, totals = _margins(counts, cells)
    found = {}
    for place, cell in enumerate(cells):
        aim = np.zeros(len(cells))
        aim[place] = 1.0
        low, high = (
            linprog(sign * aim, A_eq=equations, b_eq=totals, bounds=(0, None), method="highs")
            for sign in (1, -1)
        )
        if not (low.success and high.success):
            raise DisclosureError(
                "The totals of this table cannot be reached with counts of 0 or more. "
                "Check that the table holds counts and no totals."
            )
        found[cell] = (low.fun + 0.0, -high.fun + 0.0)
    return found


def _margins(counts: np.ndarray, cells: list[Cell]) -> tuple[np.ndarray, np.ndarray]:
    """What rows and columns say of the hidden cells: one equation for each that has any."""
    equations, totals = [], []
    for axis in (0, 1):
        for line in sorted({cell[axis] for cell in cells}):
            inside = np.array([cell[axis] == line for cell in cells], dtype="float64")
            equations.append(inside)
            totals.append(sum(counts[cell] for cell in cells if cell[axis] == line))
    return np.array(equations), np.array(totals)


def audit(table: pd.DataFrame, hidden: Collection[Cell], *, narrowest: float = 1.0) -> pd.DataFrame:
    """What a reader could work out of each hidden cell of a table with published totals.

    Parameters
    ----------
    table : DataFrame of counts, without totals.
    hidden : cells (row, column), counted from 0.
    narrowest : a cell known to within less than this counts as disclosed.

    Returns
    -------
    DataFrame with ``row``, ``column`` (labels), ``low``, ``high``, ``disclosed``.
    """
    intervals = feasible_intervals(table.to_numpy(), hidden)
    rows = [
        {
            "row": table.index[row],
            "column": table.columns[column],
            "low": low,
            "high": high,
            "disclosed": bool(high - low < narrowest - TOLERANCE),
        }
        for (row, column), (low, high) in intervals.items()
    ]
    return pd.DataFrame(rows, columns=["row", "column", "low", "high", "disclosed"])


def cells_to_hide(table: np.ndarray, *, profile: str) -> list[Cell]:
    """Small cells of a table with published totals, and the others that must go with them.

    A cell hidden alone in its row or column is given a companion there, the smallest that closes a
    rectangle if there is one, until no hidden cell is disclosed. That is safe, though not always
    the fewest cells possible.

    Raises
    ------
    DisclosureError
        No pattern protects the table, for example one with a single row.
    """
    counts = np.asarray(table, dtype="float64")
    hidden = small_cells(counts, profile=profile)
    while True:
        intervals = feasible_intervals(counts, hidden)
        bare = [cell for cell, (low, high) in intervals.items() if high - low < 1 - TOLERANCE]
        if not bare:
            return sorted(hidden)
        hidden.append(_companion(counts, hidden, bare))


def _companion(counts: np.ndarray, hidden: list[Cell], bare: list[Cell]) -> Cell:
    """The next cell to hide: beside one that is alone in its line, else beside a disclosed one."""
    lines = [(axis, cell[axis]) for cell in hidden for axis in (0, 1)]
    alone = [line for line in lines if lines.count(line) == 1]
    for wanted in (alone, [(axis, cell[axis]) for cell in bare for axis in (0, 1)]):
        beside = [
            cell
            for cell in map(tuple, np.argwhere(counts > 0).tolist())
            if cell not in hidden and any(cell[axis] == at for axis, at in wanted)
        ]
        if beside:
            return min(beside, key=lambda cell: (_new_lines(cell, lines), counts[cell], cell))
    raise DisclosureError(
        f"The cell in row {bare[0][0] + 1}, column {bare[0][1] + 1} can be worked out from the "
        "totals whatever else is hidden. Leave out the totals, or join rows or columns."
    )


def _new_lines(cell: Cell, lines: list[tuple[int, int]]) -> int:
    return sum((axis, cell[axis]) not in lines for axis in (0, 1))


def protect_table(table: pd.DataFrame, *, profile: str) -> pd.DataFrame:
    """A table of counts as it may be printed with totals: text, hidden cells as ``*``.

    Totals are those of the true counts, rounded by the profile, so a rounded table need not add up.
    """
    rule = find_profile(profile)
    hidden = cells_to_hide(table.to_numpy(), profile=profile)
    full = table.assign(Total=table.sum(axis=1))
    full.loc["Total"] = full.sum()
    rounded = _rounded(full.to_numpy(dtype="float64"), rule).astype(int)
    shown = pd.DataFrame(rounded, index=full.index, columns=full.columns).astype("str")
    for row, column in hidden:
        shown.iloc[row, column] = MARK
    return shown
