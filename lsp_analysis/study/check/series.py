"""Check the periods of observations, those that are missing, overlap, roll or are of no length; and
that the kind of each indicator is one that its numbers can have."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.indicator import (
    COUNTED,
    KIND_OF_VALUE_TYPE,
    KINDS,
    KINDS_OF_VALUE_TYPE,
    months_to,
    period_kinds,
)

SERIES = ["area_code", "sex", "age", "group"]
DATES = ["period_start", "period_end"]
MOST = 0.5
MIN_STEPS = 3
FILL = "Add the rows; where a number is missing leave it blank and say why in note."
# Squared change from one period to the next, as a share of what separate events would show.
STEADY, UNSTEADY = 0.5, 0.9
LEAST_STEPS = 100  # pairs of periods below which months and separate events are not told apart
LEAST_COUNT = 1.0  # and mean count below which rounding hides it


def check_periods(sheet: Sheet, areas: Sheet | None, *, gaps: bool = True) -> Iterator[Problem]:
    """Periods of observations that are of several or unknown lengths, overlap, roll, are missing.

    Without `gaps`, missing and rolling ones are passed over.
    """
    rows = sheet.typed[["indicator_id", *SERIES, *DATES]]
    rows = rows.dropna(subset=["indicator_id", "area_code", *DATES])
    rows = rows[rows["period_end"] >= rows["period_start"]]
    rows = rows.sort_values(["indicator_id", *SERIES, *DATES])
    rows["freq"] = period_kinds(rows["period_start"], rows["period_end"])
    rows["kind"] = ""
    if areas is not None:
        known = areas.typed.drop_duplicates("area_code").set_index("area_code")["area_type"]
        rows["kind"] = look_up(rows["area_code"], known).fillna("")
    for name, own in rows.groupby("indicator_id"):
        yield from _several_lengths(sheet, f'"{name}"', own["freq"])
        yield from _overlaps(sheet, f'"{name}"', own, rolling=gaps)
        for freq, alike in own.groupby("freq"):
            if freq and gaps:
                yield from _missing(sheet, f'"{name}"', alike, str(freq))


def _several_lengths(sheet: Sheet, name: str, kinds: pd.Series) -> Iterator[Problem]:
    """One problem when periods are of unknown lengths, one when they are of several."""
    odd = kinds.index[kinds == ""]
    if len(odd):
        problem = (
            f"{len(odd)} periods of {name} are not a month, a calendar quarter or whole years from "
            "the first of a month."
        )
        remedy = "Correct period_start and period_end."
        yield from sheet.flag([odd.min()], "period_start", problem, remedy)
    counts = kinds[kinds != ""].value_counts()
    if len(counts) > 1:
        problem = f"{name} mixes periods of several lengths ({', '.join(counts.index)})."
        remedy = "Make them two indicators, or correct the dates."
        row = kinds.index[kinds == counts.index[-1]].min()
        yield from sheet.flag([row], "period_start", problem, remedy)


def _overlaps(sheet: Sheet, name: str, rows: pd.DataFrame, *, rolling: bool) -> list[Problem]:
    """Periods that begin before the one before has ended; one problem when all of them roll.

    Rolling ones are passed over unless `rolling` is to be told.

    A month inside a year is no such problem: periods of several lengths are told by themselves.
    """
    start, end, kind = rows["period_start"], rows["period_end"], rows["freq"]
    previous = rows.groupby(SERIES, dropna=False)[[*DATES, "freq"]].shift()
    before = previous["period_start"]
    repeated = (start == before) & (end == previous["period_end"])
    other = (kind != previous["freq"]) & (kind != "") & (previous["freq"] != "")
    overlap = (start <= previous["period_end"]) & ~repeated & ~other
    months = months_to(start, end)
    step = months_to(before, start) - 1
    steady = months.min() == months.max() and overlap.sum() > MOST * step.notna().sum()
    if not overlap.any() or (steady and not rolling):
        return []
    if steady:
        problem = (
            f"{name} has rolling periods of {months.max():.0f} months every {step.median():.0f}: "
            "neighbouring values share most of their data."
        )
        remedy = "Keep periods that do not overlap, for trends and effects to hold."
        return sheet.flag([overlap.index[overlap].min()], "period_start", problem, remedy)

    def said(row: int) -> str:
        return f"The period begins before the one that starts {before[row]:%Y-%m-%d} has ended."

    remedy = "Keep periods of one length that do not overlap, or make them two indicators."
    return sheet.flag(overlap, "period_start", said, remedy)


def _missing(sheet: Sheet, name: str, rows: pd.DataFrame, freq: str) -> Iterator[Problem]:
    """Periods nobody has, in an indicator that otherwise has every period; and those that areas
    lack which other areas of their type have."""
    period = pd.Series(pd.PeriodIndex(rows["period_start"], freq=freq), index=rows.index)
    seen = pd.PeriodIndex(sorted(period.unique()))
    if skips(seen):
        missing = pd.period_range(seen[0], seen[-1], freq=seen.freq).difference(seen)
        row = period.index[period == missing[0] - 1].min()
        problem = f"{name} has no {_listed(missing)} in any area."
        yield from sheet.flag([row], "period_start", problem, FILL)
    for _, alike in rows.assign(period=period).groupby("kind"):
        expected = pd.Index(sorted(alike["period"].unique()))
        counts = alike.groupby("area_code")["period"].nunique()
        for code in counts.index[counts < len(expected)]:
            own = alike[alike["area_code"] == code]
            missing = expected.difference(own["period"])
            problem = f"{name} has no {_listed(missing)} for area {code}, as others have."
            yield from sheet.flag([own.index.min()], "period_start", problem, FILL)


def skips(seen: pd.PeriodIndex) -> bool:
    """Whether a sorted series of periods, most of which follow one another, leaves some out."""
    steps = pd.Series(seen.asi8).diff().dropna()
    return len(steps) >= MIN_STEPS and (steps == 1).mean() > MOST and steps.max() > 1


def _listed(missing: pd.Index) -> str:
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return ", ".join(map(str, missing[:3])) + more


def check_kinds(sheets: Mapping[str, Sheet]) -> Iterator[Problem]:
    """Kinds that the value type or the observed numbers contradict, each with the right one."""
    if not {"indicators", "observations"} <= set(sheets):
        return
    indicators, rows = sheets["indicators"], sheets["observations"].typed
    people = [c for c in ("sex", "age", "group") if c in rows]
    rows = rows[(rows[people].fillna("all") == "all").all(axis=1)]
    seen = dict(list(rows.groupby("indicator_id")))
    for at, row in indicators.typed.iterrows():
        given = row.get("kind")
        declared = isinstance(given, str) and given in KINDS
        kind = given if declared else KIND_OF_VALUE_TYPE.get(row["value_type"], "")
        why, right = contradiction(kind, row["value_type"], seen.get(row["indicator_id"]))
        if why and (declared or right == "stock"):
            named = f"The kind is {kind}" + ("" if declared else " (from the value type)")
            column = "kind" if "kind" in indicators.typed else "value_type"
            remedy = f"Write {right} in the column kind."
            yield from indicators.flag([at], column, f"{named}, but {why}.", remedy)


def contradiction(kind: str, value_type: str, rows: pd.DataFrame | None) -> tuple[str, str]:
    """Why `kind` cannot be, in words, and the kind it should be; two empty texts if it can."""
    possible = KINDS_OF_VALUE_TYPE.get(value_type, KINDS)
    if kind not in possible:
        return f"its value type is {value_type}", possible[0]
    if rows is None or rows.empty:
        return "", ""
    counted = rows["numerator"].notna()
    if kind in COUNTED and not counted.any():
        return "it has values without numerators", "published"
    if kind == "published" and counted.all() and rows["denominator"].notna().all():
        return "it has numerators and denominators", possible[0]
    more = bool((rows["numerator"] > rows["denominator"]).any())
    if kind in ("share", "stock") and value_type == "proportion" and more:
        return "more are counted than there are", "events"
    ratio = steadiness(rows)
    if kind in ("events", "share") and ratio < STEADY and "stock" in possible:
        return "the same people seem to be counted again in each period", "stock"
    if kind == "stock" and ratio > UNSTEADY and value_type == "rate":
        return "its periods vary as separate events do", "events"
    return "", ""


def steadiness(rows: pd.DataFrame) -> float:
    """Squared changes between months or quarters, over what separate counts would show.

    About 1 or more for separate events, well below for people who are counted again each period;
    missing for years, short series and very small counts.
    """
    rows = rows.dropna(subset=["numerator"]).sort_values(["area_code", "period_start"])
    if rows.empty or (rows["period_end"] - rows["period_start"]).dt.days.median() > 93:
        return np.nan
    x, area = rows["numerator"], rows["area_code"]
    share = (x / rows["denominator"].where(rows["denominator"] > 0)).clip(0, 1).fillna(0)
    spread = x * (1 - share.where(share < 1, 0))
    same = area.eq(area.shift())
    steps, expected = (x - x.shift())[same], (spread + spread.shift())[same]
    if len(steps) < LEAST_STEPS or x.mean() < LEAST_COUNT:
        return np.nan
    return float((steps**2).sum() / expected.sum())
