"""Check what identifies rows and links tables: blanks, allowed words, repeated and unknown keys,
codes of areas of other vintages, and counts that do not add up to those of the borough."""

from collections.abc import Iterator, Mapping

import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written, look_up

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
SMALLER = ("oa", "lsoa", "msoa", "ward")
# Published counts are rounded, so parts may miss their borough by a little.
ADD_UP_TOLERANCE = 0.01
COUNTS = (
    ("observations", "numerator"),
    ("observations", "denominator"),
    ("populations", "population"),
)
ALIKE = ("indicator_id", "period_start", "period_end", "period", "sex", "age", "group", "age_band")


def check_keys(sheets: Mapping[str, Sheet]) -> Iterator[Problem]:
    """Blank cells, words that are not allowed, repeated keys, references to nothing, and what the
    rows about areas say together."""
    for sheet in sheets.values():
        for column in schema.TABLES[sheet.table].columns:
            if column.name in sheet.text:
                yield from _blank_cells(sheet, column)
                yield from _words_not_allowed(sheet, column)
        yield from _repeated_keys(sheet)
    for table, column, target in REFERENCES:
        if table in sheets and target in sheets:
            yield from _dangling(sheets[table], column, sheets[target])
    if "areas" in sheets:
        yield from _check_areas(sheets, sheets["areas"].typed)


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


def _check_areas(sheets: Mapping[str, Sheet], areas: pd.DataFrame) -> Iterator[Problem]:
    """What the rows about areas say together."""
    for table in PLACED:
        if table in sheets and table != "deprivation":  # which tells the vintage of each row
            rows = sheets[table].typed
            groups = rows.groupby("indicator_id") if table == "observations" else [("", rows)]
            for _, own in groups:
                yield from _outside_vintage(sheets[table], own["area_code"], areas)
    for table, column in COUNTS:
        if table in sheets:
            yield from _not_added_up(sheets[table], column, areas)


def _outside_vintage(sheet: Sheet, codes: pd.Series, areas: pd.DataFrame) -> Iterator[Problem]:
    """Codes that live in other vintages than the one that fits most codes of their type."""
    present = areas[areas["area_code"].isin(codes.unique())]
    for kind, rows in present.groupby("area_type"):
        counts = rows.groupby("code_vintage")["area_code"].nunique()
        if len(counts) < 2:
            continue
        main = counts[counts == counts.max()].index.max()
        current = set(rows.loc[rows["code_vintage"] == main, "area_code"])
        elsewhere = rows[~rows["area_code"].isin(current)]
        vintages = elsewhere.groupby("area_code")["code_vintage"].min()
        for code, vintage in vintages.items():
            at = codes.index[codes == code]
            problem = (
                f"The code is of the {kind} list of {vintage:.0f}, the others of {main:.0f}; "
                f"{len(at)} rows would be lost in a join."
            )
            remedy = f"Translate it to {main:.0f} with code_lookup."
            yield from sheet.flag([at[0]], "area_code", problem, remedy)


def _not_added_up(sheet: Sheet, column: str, areas: pd.DataFrame) -> Iterator[Problem]:
    """Borough counts that their small areas do not add up to, where all of them are there."""
    kinds = areas.drop_duplicates("area_code").set_index("area_code")
    rows = sheet.typed.assign(
        kind=look_up(sheet.typed["area_code"], kinds["area_type"]),
        borough=look_up(sheet.typed["area_code"], kinds["borough_code"]),
    )
    keys = [name for name in rows if name in ALIKE]
    whole = rows[(rows["kind"] == "borough") & rows[column].notna()]
    at = pd.MultiIndex.from_frame(whole[["area_code", *keys]])
    remedy = "Correct the borough's number, or those of its areas."
    for kind in SMALLER:
        parts = rows[(rows["kind"] == kind) & rows["borough"].isin(whole["area_code"])]
        if parts.empty:
            continue
        summed = parts.groupby(["borough", *keys])[column].agg(["sum", "count"])
        found = summed.reindex(at).set_axis(whole.index)
        every = areas[areas["area_type"] == kind]
        listed = every.groupby(["borough_code", "code_vintage"])["area_code"].nunique()
        complete = listed.groupby("borough_code").min()
        # Counts rounded to 5 may each be off by half of that.
        rounded = 2.5 * found["count"].where(found["sum"] % 5 == 0, 0)
        allowed = (ADD_UP_TOLERANCE * whole[column].abs().clip(lower=1)).clip(lower=rounded)
        off = (found["sum"] - whole[column]).abs() > allowed
        off &= found["count"] >= look_up(whole["area_code"], complete)

        def said(row: int, found: pd.DataFrame = found, kind: str = kind) -> str:
            return f"The borough's {kind}s add up to {found.loc[row, 'sum']:,.10g} here."

        yield from sheet.flag(off, column, said, remedy)
