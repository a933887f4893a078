"""Check the periods of observations: those that are missing, overlap, roll or are of no length."""

from collections.abc import Iterator

import pandas as pd

from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.panel import months_to, period_kinds

SERIES = ["area_code", "sex", "age", "group"]
DATES = ["period_start", "period_end"]
MOST = 0.5
MIN_STEPS = 3
FILL = "Add the rows; where a number is missing leave it blank and say why in note."


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
    first = ", ".join(map(str, missing[:3]))
    return f"{first} and {len(missing) - 3} more" if len(missing) > 3 else first
