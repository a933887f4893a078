"""Check areas: codes of other vintages, and counts that do not add up to those of the borough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from lsp_analysis.study.check.keys import PLACED
from lsp_analysis.study.check.problems import Problem, Sheet, look_up

SMALLER = ("oa", "lsoa", "msoa", "ward")
# Published counts are rounded, so parts may miss their borough by a little.
ADD_UP_TOLERANCE = 0.01
COUNTS = (
    ("observations", "numerator"),
    ("observations", "denominator"),
    ("populations", "population"),
)
ALIKE = ("indicator_id", "period_start", "period_end", "period", "sex", "age", "group", "age_band")


def check_areas(sheets: Mapping[str, Sheet]) -> Iterator[Problem]:
    """What the rows about areas say together."""
    if "areas" not in sheets:
        return
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
