"""Check that the kind of each indicator is one that its numbers can have."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.indicator import COUNTED, KIND_OF_VALUE_TYPE, KINDS, KINDS_OF_VALUE_TYPE

# Squared change from one period to the next, as a share of what separate events would show.
STEADY, UNSTEADY = 0.5, 0.9
LEAST_STEPS = 100  # pairs of periods below which months and separate events are not told apart
LEAST_COUNT = 1.0  # and mean count below which rounding hides it


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
    months = (rows["period_end"] - rows["period_start"]).dt.days
    if rows.empty or months.median() > 93:
        return np.nan
    x, area = rows["numerator"], rows["area_code"]
    share = (x / rows["denominator"].where(rows["denominator"] > 0)).clip(0, 1).fillna(0)
    spread = x * (1 - share.where(share < 1, 0))
    same = area.eq(area.shift())
    steps, expected = (x - x.shift())[same], (spread + spread.shift())[same]
    if len(steps) < LEAST_STEPS or x.mean() < LEAST_COUNT:
        return np.nan
    return float((steps**2).sum() / expected.sum())
