"""Check what identifies rows and links tables: blanks, allowed words, repeated and unknown keys."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written

# Columns that name a row of another table; blank means "none".
REFERENCES = (
    ("observations", "indicator_id", "indicators"),
    ("plan", "indicator_id", "indicators"),
    ("events", "intervention_id", "interventions"),
)


def check_keys(sheets: Mapping[str, Sheet]) -> list[Problem]:
    """Blank cells, words that are not allowed, repeated keys, and references to nothing."""
    problems = []
    for sheet in sheets.values():
        problems += blank_cells(sheet) + words_not_allowed(sheet) + repeated_keys(sheet)
    for table, column, target in REFERENCES:
        if table in sheets and target in sheets:
            problems += dangling(sheets[table], column, sheets[target])
    return problems


def blank_cells(sheet: Sheet) -> list[Problem]:
    """Cells that must hold something and do not."""
    problems = []
    for column in schema.TABLES[sheet.table].columns:
        if column.name in sheet.text and column.required and column.default is None:
            blank = blanks(sheet.text[column.name])
            problem = f"The cell is blank and should hold the {column.about}."
            if column.name == "polarity":
                problem = "The polarity is missing, so nothing can be called better or worse."
            choice = f" one of {', '.join(column.allowed)}" if column.allowed else " it"
            problems += sheet.flag(blank, column.name, problem, f"Write{choice}.")
    return problems


def blanks(cells: pd.Series) -> pd.Series:
    """Which cells hold nothing."""
    return cells.str.strip() == "" if cells.dtype == "str" else cells.isna()


def words_not_allowed(sheet: Sheet) -> list[Problem]:
    """Words outside the list a column is limited to."""
    problems = []
    for column in schema.TABLES[sheet.table].columns:
        if not column.allowed or column.name not in sheet.text:
            continue
        words = as_written(sheet.text[column.name]).str.strip()
        wrong = ~words.isin([*column.allowed, ""])

        def said(row: int, words: pd.Series = words, column: schema.Column = column) -> str:
            hint = did_you_mean(words[row], column.allowed, n=1)
            return f"This is not one of {', '.join(column.allowed)}.{hint}"

        problems += sheet.flag(wrong, column.name, said, "Write one of the words allowed.")
    return problems


def repeated_keys(sheet: Sheet) -> list[Problem]:
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

    def said(row: int) -> str:
        return f"The key ({', '.join(key)}) repeats that of row {first[row]}."

    remedy = "Keep one of the rows, or tell them apart by the columns of the key."
    problems = sheet.flag(repeated, key[0], said, remedy)
    return [
        Problem(p.file, p.row, ", ".join(key), joined[p.row], p.problem, p.remedy) for p in problems
    ]


def dangling(sheet: Sheet, column: str, target: Sheet) -> list[Problem]:
    """Cells that name a row the other table does not have, one problem for each such name."""
    names = sheet.typed[column].astype("str").where(sheet.typed[column].notna(), "")
    known = target.typed[column].dropna().astype("str")
    unknown = ~names.isin([*known, ""])
    counts = names[unknown].value_counts()
    first = unknown & ~names.duplicated()

    def said(row: int) -> str:
        lost = f"{counts[names[row]]} rows of {sheet.table} would be lost."
        hint = did_you_mean(names[row], known, n=1)
        return f"The table {target.table} has no such {column}; {lost}{hint}"

    remedy = f"Correct it, or add it to {target.table}."
    return sheet.flag(first, column, said, remedy)
