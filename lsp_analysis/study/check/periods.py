"""Check time: periods that are missing, overlap, roll or lie ahead, and late baselines."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from lsp_analysis.study.check.problems import Problem, Sheet, as_written, look_up
from lsp_analysis.study.panel import period_kinds
from lsp_analysis.study.periods import period_starts

SERIES = ["indicator_id", "area_code", "sex", "age", "group"]
MOST = 0.5
MIN_STEPS = 3
FILL = "Add the rows; where a number is missing leave it blank and say why in note."


def check_periods(sheets: Mapping[str, Sheet], *, gaps: bool = True) -> list[Problem]:
    """Everything about periods and dates; without `gaps`, not missing or rolling ones."""
    problems = []
    if "observations" in sheets:
        problems += check_observed_periods(sheets["observations"], sheets.get("areas"), gaps=gaps)
    if "plan" in sheets:
        problems += late_baselines(sheets["plan"], sheets.get("interventions"))
    return problems


def check_observed_periods(
    sheet: Sheet, areas: Sheet | None, *, gaps: bool = True
) -> list[Problem]:
    """Periods of observations: backwards, overlapping, rolling, missing."""
    rows = sheet.typed[[*SERIES, "period_start", "period_end"]].dropna(
        subset=["indicator_id", "area_code", "period_start", "period_end"]
    )
    back = rows["period_end"] < rows["period_start"]
    problem = "The period ends before it starts."
    problems = sheet.flag(back, "period_end", problem, "Correct one of the dates.")
    ordered = rows[~back].sort_values([*SERIES, "period_start", "period_end"])
    kinds = period_kinds(ordered["period_start"], ordered["period_end"])
    for indicator_id, own in ordered.groupby("indicator_id"):
        kind = kinds.loc[own.index]
        problems += _several_lengths(sheet, str(indicator_id), kind)
        problems += _overlaps(sheet, str(indicator_id), own, kind, rolling=gaps)
        for freq, alike in own.groupby(kind):
            if freq and gaps:
                problems += _missing(sheet, str(indicator_id), alike, str(freq), areas)
    return problems


def _several_lengths(sheet: Sheet, indicator_id: str, kinds: pd.Series) -> list[Problem]:
    """One problem when periods are of unknown lengths, one when they are of several."""
    problems = []
    odd = kinds.index[kinds == ""]
    if len(odd):
        problem = (
            f'{len(odd)} periods of "{indicator_id}" are not a month, a calendar quarter or whole '
            "years from the first of a month."
        )
        remedy = "Correct period_start and period_end."
        problems.append(_at_start(sheet, int(odd.min()), problem, remedy))
    counts = kinds[kinds != ""].value_counts()
    if len(counts) > 1:
        rarest = counts.index[-1]
        problem = f'"{indicator_id}" mixes periods of several lengths ({", ".join(counts.index)}).'
        remedy = "Make them two indicators, or correct the dates."
        row = int(kinds.index[kinds == rarest].min())
        problems.append(_at_start(sheet, row, problem, remedy))
    return problems


def _at_start(sheet: Sheet, row: int, problem: str, remedy: str) -> Problem:
    value = as_written(sheet.text.loc[[row], "period_start"]).iloc[0]
    return Problem(sheet.file, row, "period_start", value, problem, remedy)


def _overlaps(
    sheet: Sheet, indicator_id: str, rows: pd.DataFrame, kinds: pd.Series, *, rolling: bool
) -> list[Problem]:
    """Periods that begin before the one before has ended; one problem when all of them roll.

    Rolling ones are passed over unless `rolling` is to be told.

    A month inside a year is no such problem: periods of several lengths are told by themselves.
    """
    rows = rows.assign(kind=kinds)
    previous = rows.groupby(SERIES[1:], dropna=False)[
        ["period_start", "period_end", "kind"]
    ].shift()
    overlap = rows["period_start"] <= previous["period_end"]
    repeated = (rows["period_start"] == previous["period_start"]) & (
        rows["period_end"] == previous["period_end"]
    )
    other = (rows["kind"] != previous["kind"]) & (rows["kind"] != "") & (previous["kind"] != "")
    overlap &= ~repeated & ~other
    if not overlap.any():
        return []
    months = _months(rows["period_start"], rows["period_end"])
    step = _months(previous["period_start"], rows["period_start"]) - 1
    steady = months.min() == months.max() and overlap.sum() > MOST * step.notna().sum()
    if steady and not rolling:
        return []
    if steady:
        problem = (
            f'"{indicator_id}" has rolling periods of {months.max():.0f} months every '
            f"{step.median():.0f}: neighbouring values share most of their data."
        )
        remedy = "Keep periods that do not overlap, for trends and effects to hold."
        return [_at_start(sheet, int(overlap.index[overlap].min()), problem, remedy)]
    before = previous["period_start"]

    def said(row: int) -> str:
        return f"The period begins before the one that starts {before[row]:%Y-%m-%d} has ended."

    remedy = "Keep periods of one length that do not overlap, or make them two indicators."
    return sheet.flag(overlap, "period_start", said, remedy)


def _months(first: pd.Series, last: pd.Series) -> pd.Series:
    return (last.dt.year - first.dt.year) * 12 + last.dt.month - first.dt.month + 1


def _missing(
    sheet: Sheet, indicator_id: str, rows: pd.DataFrame, freq: str, areas: Sheet | None
) -> list[Problem]:
    """Periods that other areas of the same type have, or that the whole indicator skips."""
    period = pd.Series(pd.PeriodIndex(rows["period_start"], freq=freq), index=rows.index)
    kind = pd.Series("", index=rows.index)
    if areas is not None:
        known = areas.typed.drop_duplicates("area_code").set_index("area_code")["area_type"]
        kind = look_up(rows["area_code"], known).fillna("")
    problems = _skipped(sheet, indicator_id, period)
    frame = rows.assign(period=period, kind=kind)
    for _, alike in frame.groupby("kind"):
        problems += _unlike_the_others(sheet, indicator_id, alike)
    return problems


def _skipped(sheet: Sheet, indicator_id: str, period: pd.Series) -> list[Problem]:
    """Periods nobody has, in an indicator that otherwise has every period."""
    seen = pd.PeriodIndex(sorted(period.unique()))
    if not skips(seen):
        return []
    missing = pd.period_range(seen[0], seen[-1], freq=seen.freq).difference(seen)
    row = int(period.index[period == missing[0] - 1].min())
    problem = f'"{indicator_id}" has no {_listed(missing)} in any area.'
    return [_at_start(sheet, row, problem, FILL)]


def skips(seen: pd.PeriodIndex) -> bool:
    """Whether a sorted series of periods, most of which follow one another, leaves some out."""
    steps = pd.Series(seen.asi8).diff().dropna()
    return len(steps) >= MIN_STEPS and (steps == 1).mean() > MOST and steps.max() > 1


def _unlike_the_others(sheet: Sheet, indicator_id: str, rows: pd.DataFrame) -> list[Problem]:
    """Areas that lack periods which other areas of their type have."""
    expected = pd.Index(sorted(rows["period"].unique()))
    counts = rows.groupby("area_code")["period"].nunique()
    problems = []
    for code in counts.index[counts < len(expected)]:
        own = rows[rows["area_code"] == code]
        missing = expected.difference(own["period"])
        problem = f'"{indicator_id}" has no {_listed(missing)} for area {code}, as others have.'
        problems.append(_at_start(sheet, int(own.index.min()), problem, FILL))
    return problems


def _listed(missing: pd.Index) -> str:
    first = ", ".join(map(str, missing[:3]))
    return f"{first} and {len(missing) - 3} more" if len(missing) > 3 else first


def late_baselines(plan: Sheet, interventions: Sheet | None) -> list[Problem]:
    """Baselines later than the target's date, or later than the start of what they judge."""
    baseline = period_starts(plan.typed["baseline_period"])
    late = baseline >= period_starts(plan.typed["due"])
    remedy = "Choose a baseline period before it."
    problem = "The baseline period is not before the date the target is due."
    problems = plan.flag(late, "baseline_period", problem, remedy)
    if interventions is None or interventions.typed["start"].dropna().empty:
        return problems
    by_theme = interventions.typed.groupby("theme")["start"].max()
    start = look_up(plan.typed["theme"], by_theme).fillna(interventions.typed["start"].max())
    after = (baseline >= start) & ~late

    def said(row: int) -> str:
        return f"The baseline period is after the start of the programme ({start[row]:%Y-%m-%d})."

    return problems + plan.flag(after, "baseline_period", said, remedy)
