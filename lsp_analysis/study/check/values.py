"""Check numbers: signs, sizes, units, and whether a value is what its parts say."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.schema import UNIT_MULTIPLIER

# Values that come from whole people, things or events counted.
COUNTED = ("proportion", "rate", "count", "person_periods", "dsr")
RELATIVE_TOLERANCE = 1e-6
# How near a value must come to the usual one, once moved by the factor between two units.
UNIT_FACTOR = 100.0
NEAR = 3.0
FACTORS = (0.01, 100.0, 0.001, 1_000.0, 0.1, 10.0, 1e-5, 1e5)


def check_values(sheets: Mapping[str, Sheet]) -> list[Problem]:
    """Everything about numbers in observations, indicators, populations and deprivation."""
    problems = []
    if "indicators" in sheets:
        problems += multiplier_of_unit(sheets["indicators"])
    if "populations" in sheets:
        people = sheets["populations"]
        problems += negative(people, "population") + decimals(people, "population")
    if "deprivation" in sheets:
        problems += deprivation_ranges(sheets["deprivation"])
    if "observations" in sheets and "indicators" in sheets:
        problems += check_observations(sheets["observations"], sheets["indicators"])
    return problems


def multiplier_of_unit(indicators: Sheet) -> list[Problem]:
    """Multipliers that are not those of the unit."""
    unit = indicators.typed["unit"]
    expected = look_up(unit, pd.Series(UNIT_MULTIPLIER))
    given = indicators.typed["multiplier"]
    wrong = expected.notna() & given.notna() & (expected != given)

    def said(row: int) -> str:
        return f"The unit {unit[row]} has the multiplier {expected[row]:g}."

    return indicators.flag(wrong, "multiplier", said, "Correct the unit or the multiplier.")


def deprivation_ranges(sheet: Sheet) -> list[Problem]:
    """Ranks below 1 and deciles outside 1 to 10."""
    rank, decile = sheet.typed["rank"], sheet.typed["decile"]
    problems = sheet.flag(rank < 1, "rank", "A rank begins at 1.", "Correct it.")
    outside = (decile < 1) | (decile > 10)
    return problems + sheet.flag(outside, "decile", "A decile is 1 to 10.", "Correct it.")


def negative(sheet: Sheet, column: str) -> list[Problem]:
    """Counts below zero."""
    below = sheet.typed[column] < 0
    remedy = "Correct it; a missing number is a blank cell."
    return sheet.flag(below, column, "A count cannot be below zero.", remedy)


def decimals(sheet: Sheet, column: str, where: pd.Series | None = None) -> list[Problem]:
    """Counts that are not whole, unless the note says they are estimated."""
    values = sheet.typed[column]
    broken = values.notna() & (values != values.round())
    if "note" in sheet.typed:
        broken &= ~sheet.typed["note"].fillna("").str.contains("estimated")
    if where is not None:
        broken &= where
    remedy = 'Correct it, or write "estimated" in the column note.'
    if "note" not in sheet.typed:
        remedy = "Correct it."
    return sheet.flag(broken, column, "A count has no decimals.", remedy)


def check_observations(sheet: Sheet, indicators: Sheet) -> list[Problem]:
    """Numerators, denominators, values and intervals, by what their indicator is."""
    facts = indicators.typed.drop_duplicates("indicator_id").set_index("indicator_id")
    row = sheet.typed
    kind = look_up(row["indicator_id"], facts["value_type"]).fillna("")
    unit = look_up(row["indicator_id"], facts["unit"]).fillna("")
    multiplier = look_up(row["indicator_id"], facts["multiplier"])
    problems = []
    for column in ("numerator", "denominator"):
        signed = kind.isin(COUNTED) if column == "numerator" else row[column].notna()
        problems += [p for p in negative(sheet, column) if signed[p.row]]
    averaged = pd.Series(False, index=row.index)  # a stock can be the average of several counts
    if "kind" in facts:
        averaged = look_up(row["indicator_id"], facts["kind"]) == "stock"
    problems += decimals(sheet, "numerator", kind.isin(COUNTED) & ~averaged)
    problems += decimals(sheet, "denominator", kind == "proportion")
    problems += decimals(sheet, "value", unit == "count")
    problems += parts_beyond_whole(sheet, kind)
    problems += values_unlike_parts(sheet, unit, kind, multiplier)
    problems += units_mixed(sheet, unit)
    return problems + intervals_beside_value(sheet) + nothing_said(sheet)


def parts_beyond_whole(sheet: Sheet, kind: pd.Series) -> list[Problem]:
    """More counted than there are, and nothing to count from."""
    row = sheet.typed
    zero = row["denominator"] == 0
    more = (row["numerator"] > row["denominator"]) & (kind == "proportion") & ~zero
    remedy = "Correct one of them, or make the indicator a rate if people can count twice."
    problems = sheet.flag(
        more, "numerator", "The numerator is larger than the denominator of a proportion.", remedy
    )
    remedy = "Correct it, or leave value and denominator blank where there is nobody."
    problems += sheet.flag(zero, "denominator", "The denominator is zero.", remedy)
    beyond = (kind == "proportion") & (row["value"] > 100) & row["numerator"].isna()
    remedy = "Correct it, or make the indicator a rate."
    return problems + sheet.flag(beyond, "value", "A proportion is beyond 100 percent.", remedy)


def values_unlike_parts(
    sheet: Sheet, unit: pd.Series, kind: pd.Series, multiplier: pd.Series
) -> list[Problem]:
    """Values that are not numerator / denominator x multiplier, to the decimals written."""
    row = sheet.typed
    base = row["denominator"].where(row["denominator"] > 0)
    expected = row["numerator"] / base * multiplier
    expected = expected.where(unit != "count", row["numerator"])
    expected = expected.where(~kind.isin(("dsr", "score")))
    off = (row["value"] - expected).abs() > _rounding(sheet) + RELATIVE_TOLERANCE * expected.abs()
    ratio = row["value"] / expected.where(expected != 0)
    moved = pd.Series(False, index=row.index)
    for factor in FACTORS:
        moved |= (ratio / factor - 1).abs() < 0.02

    def unlike(at: int) -> str:
        return (
            f"The value is not numerator / denominator x multiplier, which is {expected[at]:.6g}."
        )

    def other_unit(at: int) -> str:
        return f"The value is in another unit than its indicator: it should be {expected[at]:.6g}."

    problems = sheet.flag(off & ~moved, "value", unlike, "Correct the value, or leave it blank.")
    remedy = "Write all values in one unit."
    return problems + sheet.flag(off & moved, "value", other_unit, remedy)


def _rounding(sheet: Sheet) -> pd.Series:
    """Half of the last decimal place each value is written with."""
    if "value" not in sheet.text:
        return pd.Series(0.0, index=sheet.typed.index)
    written = sheet.text["value"].str.strip().str.replace(r"^[^.]*\.?", "", regex=True).str.len()
    return 0.5 * 10.0 ** -written.astype("float64")


def units_mixed(sheet: Sheet, unit: pd.Series) -> list[Problem]:
    """Values without parts that are a hundred times smaller or larger than is usual."""
    row = sheet.typed
    alone = row["value"].where(row["numerator"].isna() | row["denominator"].isna())
    alone = alone.where(alone > 0)
    usual = row["value"].groupby(row["indicator_id"]).transform("median")
    small = _near(alone * UNIT_FACTOR, usual)
    large = _near(alone / UNIT_FACTOR, usual)
    share = small & (unit == "percent") & (alone <= 1)
    rate = (small | large) & unit.isin(("per_1000", "per_10000", "per_100000"))
    said = "The value looks like a share of 1 among percentages."
    problems = sheet.flag(share, "value", said, "Write all values as percentages, 0 to 100.")
    said = "The value looks as if it were per 1,000 among values per 100,000, or the reverse."
    return problems + sheet.flag(rate, "value", said, "Write all values in the indicator's unit.")


def _near(moved: pd.Series, usual: pd.Series) -> pd.Series:
    return (moved > usual / NEAR) & (moved < usual * NEAR)


def intervals_beside_value(sheet: Sheet) -> list[Problem]:
    """Intervals that do not bracket their value."""
    row = sheet.typed
    low, value, high = row["lower95"], row["value"], row["upper95"]
    reversed_ends = low > high
    remedy = "Correct the interval or the value."
    problems = sheet.flag(
        reversed_ends, "lower95", "The interval's lower end is above its upper end.", remedy
    )
    for end, outside in (("lower95", low > value), ("upper95", high < value)):
        problem = "The interval does not bracket its value."
        problems += sheet.flag(outside & ~reversed_ends, end, problem, remedy)
    return problems


def nothing_said(sheet: Sheet) -> list[Problem]:
    """Rows with no number and no note that says why."""
    row = sheet.typed
    silent = row[["numerator", "value"]].isna().all(axis=1) & (row["note"].fillna("") == "")
    given = pd.Series(False, index=row.index)
    for column in ("numerator", "value"):
        if column in sheet.text:
            given |= sheet.text[column].str.strip() != ""
    problem = "The row has no number and does not say why."
    remedy = "Write why in note, for example suppressed, or remove the row."
    return sheet.flag(silent & ~given, "note", problem, remedy)
