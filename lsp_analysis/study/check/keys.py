"""Check what identifies rows and links tables: blanks, allowed words, repeated and unknown keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written

PLACED = ("observations", "populations", "events", "interventions", "resources", "deprivation")
CODED = "Correct the code, add the area to areas, or translate it with code_lookup."
# Columns that name a row of another table; blank means "none".
REFERENCES = (
    ("observations", "indicator_id", "indicators"),
    ("plan", "indicator_id", "indicators"),
    ("events", "intervention_id", "interventions"),
    *((table, "area_code", "areas") for table in (*PLACED, "area_members")),
    ("area_members", "member_code", "areas"),
)
MANY = 20  # unknown names, beyond which no nearest one is looked for


def check_keys(sheets: Mapping[str, Sheet]) -> Iterator[Problem]:
    """Blank cells, words that are not allowed, repeated keys, and references to nothing."""
    for sheet in sheets.values():
        for column in schema.TABLES[sheet.table].columns:
            if column.name in sheet.text:
                yield from _blank_cells(sheet, column)
                yield from _words_not_allowed(sheet, column)
        yield from _repeated_keys(sheet)
    for table, column, target in REFERENCES:
        if table in sheets and target in sheets:
            yield from _dangling(sheets[table], column, sheets[target])


def blanks(cells: pd.Series) -> pd.Series:
    """Which cells hold nothing."""
    return cells.str.strip() == "" if cells.dtype == "str" else cells.isna()


def _blank_cells(sheet: Sheet, column: schema.Column) -> list[Problem]:
    """Cells that must hold something and do not."""
    if not column.required or column.default is not None:
        return []
    problem = f"The cell is blank and should hold the {column.about}."
    if column.name == "polarity":
        problem = "The polarity is missing, so nothing can be called better or worse."
    choice = f"one of {', '.join(column.allowed)}" if column.allowed else "it"
    return sheet.flag(blanks(sheet.text[column.name]), column.name, problem, f"Write {choice}.")


def _words_not_allowed(sheet: Sheet, column: schema.Column) -> list[Problem]:
    """Words outside the list a column is limited to."""
    if not column.allowed:
        return []
    words = as_written(sheet.text[column.name]).str.strip()

    def said(row: int) -> str:
        hint = did_you_mean(words[row], column.allowed, n=1)
        return f"This is not one of {', '.join(column.allowed)}.{hint}"

    wrong = ~words.isin([*column.allowed, ""])
    return sheet.flag(wrong, column.name, said, "Write one of the words allowed.")


def _repeated_keys(sheet: Sheet) -> list[Problem]:
    """Rows that have the key of an earlier row."""
    key = [name for name in schema.TABLES[sheet.table].key if name in sheet.typed]
    known = sheet.typed[key]
    repeated = known.duplicated() & known.notna().all(axis=1)
    if not repeated.any():
        return []
    known = known[known.duplicated(keep=False)].astype("str").fillna("")
    joined = known.replace(r"\.0$", "", regex=True).agg(" ".join, axis=1)
    rows = pd.Series(joined.index, index=joined.index)
    first = rows.groupby(joined).transform("min")
    remedy = "Keep one of the rows, or tell them apart by the columns of the key."
    named = ", ".join(key)
    return [
        Problem(
            sheet.file,
            f"The key ({named}) repeats that of row {first[row]}.",
            remedy,
            int(row),
            named,
            joined[row],
        )
        for row in repeated.index[repeated]
    ]


def _dangling(sheet: Sheet, column: str, target: Sheet) -> list[Problem]:
    """Cells that name a row the other table does not have, one problem for each such name."""
    names = sheet.typed[column].astype("str").where(sheet.typed[column].notna(), "")
    own = "area_code" if column == "member_code" else column
    known = target.typed[own].dropna().astype("str").unique()
    unknown = ~names.isin([*known, ""])
    counts = names[unknown].value_counts()
    wanted = "code" if target.table == "areas" else column

    def said(row: int) -> str:
        hint = did_you_mean(names[row], known, n=1) if len(counts) <= MANY else ""
        lost = f"{counts[names[row]]} rows would be lost in a join.{hint}"
        return f"The table {target.table} has no such {wanted}; {lost}"

    remedy = CODED if target.table == "areas" else f"Correct it, or add it to {target.table}."
    return sheet.flag(unknown & ~names.duplicated(), column, said, remedy)
