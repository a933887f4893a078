"""Check numbers and dates by the rules of `rules.csv`: what no cell of a row may be.

A rule names a column, the rows that are wrong (a formula of the row's columns, of the facts of its
indicator and of what `_derived` adds), the problem, in which ``{column}`` is filled in, and the
remedy.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lsp_analysis.study.check.cells import rounding_of
from lsp_analysis.study.check.keys import blanks
from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.periods import period_starts
from lsp_analysis.study.schema import UNIT_MULTIPLIER, listed

RELATIVE_TOLERANCE = 1e-6
# How near a value must come to the usual one, once moved by the factor between two units.
UNIT_FACTOR = 100.0
NEAR = 3.0
FACTORS = (0.01, 100.0, 0.001, 1_000.0, 0.1, 10.0, 1e-5, 1e5)


def check_values(sheets: Mapping[str, Sheet], today: pd.Timestamp) -> list[Problem]:
    """What the rules find in all tables, where `today` ends the past."""
    frames = {name: _derived(sheet, sheets) for name, sheet in sheets.items()}
    problems = []
    for rule in listed("rules.csv"):
        if rule["table"] in sheets:
            frame = frames[rule["table"]]
            wrong = frame.eval(rule["wrong"], engine="python", local_dict={"today": today})

            def said(row: int, text: str = rule["problem"], frame: pd.DataFrame = frame) -> str:
                return text.format(**frame.loc[row]) if "{" in text else text

            found = sheets[rule["table"]].flag(wrong, rule["column"], said, rule["remedy"])
            problems += found
    return problems


def _derived(sheet: Sheet, sheets: Mapping[str, Sheet]) -> pd.DataFrame:
    """The rows of a table with what its rules need besides."""
    if sheet.table == "indicators":
        usual = look_up(sheet.typed["unit"], pd.Series(UNIT_MULTIPLIER))
        return sheet.typed.assign(usual_multiplier=usual)
    if sheet.table == "populations":
        return sheet.typed.assign(begins=period_starts(sheet.typed["period"]))
    if sheet.table != "observations":
        return sheet.typed
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
