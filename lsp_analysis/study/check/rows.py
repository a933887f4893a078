"""Check the rows of tables, alone and together.

What identifies rows and links tables: blanks, allowed words, repeated and unknown keys, codes of
areas of other vintages, and counts that do not add up to those of the borough. And the rules of
`rules.csv`, what no cell of a row may be: a rule names a column, the rows that are wrong (a formula
of the row's columns and of what `_derived` adds to them), the problem, in which ``{column}`` is
filled in, and the remedy.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written, look_up
from lsp_analysis.study.check.series import check_periods
from lsp_analysis.study.check.text import rounding_of
from lsp_analysis.study.periods import period_starts

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
RELATIVE_TOLERANCE = 1e-6
WEIGHT_TOLERANCE = 0.01
# How near a value must come to the usual one, once moved by the factor between two units.
UNIT_FACTOR = 100.0
NEAR = 3.0
FACTORS = (0.01, 100.0, 0.001, 1_000.0, 0.1, 10.0, 1e-5, 1e5)
# Types whose areas share out every small area between them.
PARTITIONS = ("msoa", "ward", "borough")
NO_AREAS = pd.DataFrame(columns=schema.TABLES["areas"].names)
COMPARATORS = ("comparator", "comparison", "comparison area", "rest of borough")


def check_rows(
    sheets: Mapping[str, Sheet], today: pd.Timestamp, *, gaps: bool = True
) -> Iterator[Problem]:
    """What the rows of tables say, alone and together, where `today` ends the past; see
    `check_periods` for `gaps`."""
    for sheet in sheets.values():
        for column in schema.TABLES[sheet.table].columns:
            if column.name in sheet.text:
                yield from _blanks_and_words(sheet, column)
        yield from _repeated_keys(sheet)
    for table, column, target in REFERENCES:
        if table in sheets and target in sheets:
            yield from _dangling(sheets[table], column, sheets[target])
    if "areas" in sheets:
        areas = sheets["areas"].typed
        for table in PLACED:
            if table in sheets and table != "deprivation":  # which tells the vintage of each row
                rows = sheets[table].typed
                groups = rows.groupby("indicator_id") if table == "observations" else [("", rows)]
                for _, own in groups:
                    yield from _outside_vintage(sheets[table], own["area_code"], areas)
        for table, column in COUNTS:
            if table in sheets:
                yield from _not_added_up(sheets[table], column, areas)
    if "observations" in sheets:
        yield from check_periods(sheets["observations"], sheets.get("areas"), gaps=gaps)
    yield from _by_rules(sheets, today)


def _blank(cells: pd.Series) -> pd.Series:
    """Which cells hold nothing."""
    return cells.str.strip() == "" if cells.dtype == "str" else cells.isna()


def _blanks_and_words(sheet: Sheet, column: schema.Column) -> Iterator[Problem]:
    """Cells that must hold something and do not, and words outside the list a column is limited
    to."""
    name, allowed = column.name, ", ".join(column.allowed)
    if column.needed:
        problem = f"The cell is blank and should hold the {column.about}."
        if name == "polarity":
            problem = "The polarity is missing, so nothing can be called better or worse."
        remedy = f"Write {f'one of {allowed}' if allowed else 'it'}."
        yield from sheet.flag(_blank(sheet.text[name]), name, problem, remedy)
    if allowed:
        words = as_written(sheet.text[name]).str.strip()

        def said(row: int) -> str:
            return f"This is not one of {allowed}.{did_you_mean(words[row], column.allowed, n=1)}"

        wrong = ~words.isin([*column.allowed, ""])
        yield from sheet.flag(wrong, name, said, "Write one of the words allowed.")


def _repeated_keys(sheet: Sheet) -> list[Problem]:
    """Rows that have the key of an earlier row."""
    key = [name for name in schema.TABLES[sheet.table].key if name in sheet.typed]
    known = sheet.typed[key]
    repeated = known.duplicated() & known.notna().all(axis=1)
    if not repeated.any():
        return []
    known = known[known.duplicated(keep=False)].astype("str").fillna("")
    joined = known.replace(r"\.0$", "", regex=True).agg(" ".join, axis=1)
    first = joined.index.to_series().groupby(joined).transform("min")
    remedy = "Keep one of the rows, or tell them apart by the columns of the key."
    named = ", ".join(key)
    problem = "The key ({}) repeats that of row {}."
    return [
        Problem(sheet.file, problem.format(named, first[row]), remedy, row, named, joined[row])
        for row in repeated.index[repeated].tolist()
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


def _outside_vintage(sheet: Sheet, codes: pd.Series, areas: pd.DataFrame) -> Iterator[Problem]:
    """Codes that live in other vintages than the one that fits most codes of their type."""
    present = areas[areas["area_code"].isin(codes.unique())]
    for kind, rows in present.groupby("area_type"):
        counts = rows.groupby("code_vintage")["area_code"].nunique()
        if len(counts) < 2:
            continue
        main = counts[counts == counts.max()].index.max()
        current = rows.loc[rows["code_vintage"] == main, "area_code"]
        elsewhere = rows[~rows["area_code"].isin(current)]
        for code, vintage in elsewhere.groupby("area_code")["code_vintage"].min().items():
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
        said = found.loc[off, "sum"].map(f"The borough's {kind}s add up to {{:,.10g}} here.".format)
        yield from sheet.flag(off, column, said.get, remedy)


def _by_rules(sheets: Mapping[str, Sheet], today: pd.Timestamp) -> Iterator[Problem]:
    """What the rules find in all tables."""
    frames = {name: _derived(sheet, sheets) for name, sheet in sheets.items()}
    for rule in schema.listed("rules.csv"):
        frame = frames.get(rule["table"])
        if frame is None:
            continue
        wrong = frame.eval(rule["wrong"], engine="python", local_dict={"today": today})

        def said(row: int, text: str = rule["problem"], frame: pd.DataFrame = frame) -> str:
            return text.format(**frame.loc[row]) if "{" in text else text

        yield from sheets[rule["table"]].flag(wrong, rule["column"], said, rule["remedy"])


def _derived(sheet: Sheet, sheets: Mapping[str, Sheet]) -> pd.DataFrame:
    """The rows of a table with what its rules need besides."""
    row = sheet.typed
    typed = {name: other.typed for name, other in sheets.items()}
    areas, interventions = typed.get("areas", NO_AREAS), typed.get("interventions")
    match sheet.table:
        case "indicators":
            usual = look_up(row["unit"], pd.Series(schema.UNIT_MULTIPLIER))
            return row.assign(usual_multiplier=usual)
        case "populations":
            return row.assign(begins=period_starts(row["period"]))
        case "areas":
            known = [*row.loc[row["area_type"] == "borough", "area_code"], ""]
            return row.assign(orphan=~row["borough_code"].fillna("").isin(known) & (len(known) > 1))
        case "code_lookup":
            by = ["from_code", "from_vintage", "to_vintage"]
            return row.assign(total=_wrong_totals(row, by))
        case "area_members":
            return _of_members(row, areas, interventions)
        case "deprivation":
            return row.assign(misplaced=_misplaced(row, "area_code", areas))
        case "plan":
            return _of_plan(row, interventions)
        case "observations":
            return _of_observations(sheet, typed.get("indicators", pd.DataFrame()))
    return row


def _wrong_totals(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    """The total weight of each group, at its first row, where it is not 1."""
    total = rows.groupby(by, dropna=False)["weight"].transform("sum")
    return total.where(((total - 1).abs() > WEIGHT_TOLERANCE) & ~rows.duplicated(by))


def _misplaced(rows: pd.DataFrame, column: str, areas: pd.DataFrame) -> np.ndarray:
    """Codes of areas that are not in the vintage their row claims."""
    claimed = pd.MultiIndex.from_frame(rows[[column, "code_vintage"]])
    real = pd.MultiIndex.from_frame(areas[["area_code", "code_vintage"]])
    return ~claimed.isin(real) & rows[column].isin(areas["area_code"].dropna()).to_numpy()


def _of_members(
    row: pd.DataFrame, areas: pd.DataFrame, interventions: pd.DataFrame | None
) -> pd.DataFrame:
    known = areas.drop_duplicates("area_code").set_index("area_code")
    kind = look_up(row["area_code"], known["area_type"])
    borough = known["borough_code"].fillna("")
    borough = borough.mask(known["area_type"] == "borough", known.index.to_series())
    outer, inner = (look_up(row[name], borough).fillna("") for name in ("area_code", "member_code"))
    by = ["kind", "code_vintage", "member_code"]
    shared = row.assign(kind=kind.where(kind.isin(PARTITIONS))).dropna(subset=by)
    treated = set(areas.loc[areas["is_pilot"], "area_code"])
    if interventions is not None:
        treated |= set(interventions["area_code"].dropna())
    treated -= set(areas.loc[areas["area_type"] == "borough", "area_code"])
    treated |= set(row.loc[row["area_code"].isin(treated), "member_code"])
    comparators = areas.loc[areas["area_type"].str.casefold().isin(COMPARATORS), "area_code"]
    return row.assign(
        misplaced=_misplaced(row, "member_code", areas),
        outer=outer,
        inner=inner,
        kind=kind,
        total=_wrong_totals(shared, by).reindex(row.index),
        own=row["area_code"].isin(comparators) & row["member_code"].isin(treated),
    )


def _of_plan(row: pd.DataFrame, begun: pd.DataFrame | None) -> pd.DataFrame:
    start = pd.Series(pd.NaT, row.index, dtype="datetime64[us]")
    if begun is not None and begun["start"].notna().any():
        start = look_up(row["theme"], begun.groupby("theme")["start"].max())
        start = start.fillna(begun["start"].max())
    baseline = period_starts(row["baseline_period"])
    return row.assign(baseline_from=baseline, due_from=period_starts(row["due"]), start=start)


def _of_observations(sheet: Sheet, known: pd.DataFrame) -> pd.DataFrame:
    row = sheet.typed.copy()
    names = ["indicator_id", "value_type", "unit", "kind", "multiplier"]
    facts = known.reindex(columns=names).drop_duplicates("indicator_id").set_index("indicator_id")
    for name in facts:
        row[name] = look_up(row["indicator_id"], facts[name])
    note = row["note"].fillna("")
    row["estimated"] = note.str.contains("estimated")
    row["silent"] = row[["numerator", "value"]].isna().all(axis=1) & (note == "")
    for column in {"numerator", "value"}.intersection(sheet.text):
        row["silent"] &= _blank(sheet.text[column])
    base = row["denominator"].where(row["denominator"] > 0)
    ratio = row["numerator"] / base * row["multiplier"].astype("float64")
    expected = ratio.where(row["unit"] != "count", row["numerator"])
    row["expected"] = expected.where(~row["value_type"].isin(("dsr", "score")))
    rounding = rounding_of(sheet.text["value"]) if row["value"].notna().any() else 0.0
    allowed = rounding + RELATIVE_TOLERANCE * row["expected"].abs()
    row["unlike"] = (row["value"] - row["expected"]).abs() > allowed
    times = row["value"] / row["expected"].where(row["expected"] != 0)
    row["moved"] = pd.concat([(times / f - 1).abs() < 0.02 for f in FACTORS], axis=1).any(axis=1)
    alone = row["value"].where(row["numerator"].isna() | row["denominator"].isna())
    row["alone"] = alone.where(alone > 0)
    usual = row["value"].groupby(row["indicator_id"]).transform("median")
    for name, factor in (("small", UNIT_FACTOR), ("large", 1 / UNIT_FACTOR)):
        row[name] = (row["alone"] * factor > usual / NEAR) & (row["alone"] * factor < usual * NEAR)
    return row
