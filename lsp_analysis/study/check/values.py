"""Check rows by the rules of `rules.csv`: what no cell of a row may be.

A rule names a column, the rows that are wrong (a formula of the row's columns and of what
`_derived` adds to them), the problem, in which ``{column}`` is filled in, and the remedy.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lsp_analysis.study.check.cells import rounding_of
from lsp_analysis.study.check.keys import blanks
from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.periods import period_starts
from lsp_analysis.study.schema import TABLES, UNIT_MULTIPLIER, listed

RELATIVE_TOLERANCE = 1e-6
WEIGHT_TOLERANCE = 0.01
# How near a value must come to the usual one, once moved by the factor between two units.
UNIT_FACTOR = 100.0
NEAR = 3.0
FACTORS = (0.01, 100.0, 0.001, 1_000.0, 0.1, 10.0, 1e-5, 1e5)
# Types whose areas share out every small area between them.
PARTITIONS = ("msoa", "ward", "borough")
NO_AREAS = pd.DataFrame(columns=TABLES["areas"].names)
COMPARATORS = ("comparator", "comparison", "comparison area", "rest of borough")


def check_values(sheets: Mapping[str, Sheet], today: pd.Timestamp) -> Iterator[Problem]:
    """What the rules find in all tables, where `today` ends the past."""
    frames = {name: _derived(sheet, sheets) for name, sheet in sheets.items()}
    for rule in listed("rules.csv"):
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
    areas = sheets["areas"].typed if "areas" in sheets else NO_AREAS
    if sheet.table == "indicators":
        return row.assign(usual_multiplier=look_up(row["unit"], pd.Series(UNIT_MULTIPLIER)))
    if sheet.table == "populations":
        return row.assign(begins=period_starts(row["period"]))
    if sheet.table == "areas":
        known = [*row.loc[row["area_type"] == "borough", "area_code"], ""]
        return row.assign(orphan=~row["borough_code"].fillna("").isin(known) & (len(known) > 1))
    if sheet.table == "code_lookup":
        by = ["from_code", "from_vintage", "to_vintage"]
        return row.assign(total=_wrong_totals(row, by))
    if sheet.table == "area_members":
        return _of_members(row, areas, sheets.get("interventions"))
    if sheet.table == "deprivation":
        return row.assign(misplaced=_misplaced(row, "area_code", areas))
    if sheet.table == "plan":
        return _of_plan(row, sheets.get("interventions"))
    return _of_observations(sheet, sheets) if sheet.table == "observations" else row


def _wrong_totals(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    """The total weight of each group, at its first row, where it is not 1."""
    total = rows.groupby(by, dropna=False)["weight"].transform("sum")
    return total.where(((total - 1).abs() > WEIGHT_TOLERANCE) & ~rows.duplicated(by))


def _misplaced(rows: pd.DataFrame, column: str, areas: pd.DataFrame) -> np.ndarray:
    """Codes of areas that are not in the vintage their row claims."""
    claimed = pd.MultiIndex.from_arrays([rows[column], rows["code_vintage"]])
    real = pd.MultiIndex.from_frame(areas[["area_code", "code_vintage"]])
    return ~claimed.isin(real) & rows[column].isin(areas["area_code"].dropna()).to_numpy()


def _of_members(
    row: pd.DataFrame, areas: pd.DataFrame, interventions: Sheet | None
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
        treated |= set(interventions.typed["area_code"].dropna())
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


def _of_plan(row: pd.DataFrame, interventions: Sheet | None) -> pd.DataFrame:
    baseline = period_starts(row["baseline_period"])
    start = pd.Series(pd.NaT, row.index, dtype="datetime64[us]")
    if interventions is not None and interventions.typed["start"].notna().any():
        begun = interventions.typed
        start = look_up(row["theme"], begun.groupby("theme")["start"].max())
        start = start.fillna(begun["start"].max())
    return row.assign(baseline_from=baseline, due_from=period_starts(row["due"]), start=start)


def _of_observations(sheet: Sheet, sheets: Mapping[str, Sheet]) -> pd.DataFrame:
    row = sheet.typed.copy()
    known = sheets["indicators"].typed if "indicators" in sheets else pd.DataFrame()
    names = ["indicator_id", "value_type", "unit", "kind", "multiplier"]
    facts = known.reindex(columns=names).drop_duplicates("indicator_id").set_index("indicator_id")
    for name in facts:
        row[name] = look_up(row["indicator_id"], facts[name])
    written = [c for c in ("numerator", "value") if c in sheet.text]
    nothing = row[["numerator", "value"]].isna().all(axis=1) & (row["note"].fillna("") == "")
    for column in written:
        nothing &= blanks(sheet.text[column])
    row["silent"] = nothing
    row["estimated"] = row["note"].fillna("").str.contains("estimated")
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
