"""The partnership's plan on a page: every measure by agency or theme, exceptions first."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.dates import ticks_of, year_at
from lsp_analysis.reports.view.part import Part
from lsp_analysis.standing.agencies.plan import (
    AWAY,
    BEHIND,
    MET,
    MISSED,
    NO_DATA,
    OFF_TRACK,
    ON_TRACK,
    STATUSES,
    PlanProgress,
    plan_progress,
    plan_values,
)
from lsp_analysis.standing.agencies.target_odds import (
    TargetForecast,
    odds_words,
    plan_forecasts,
)
from lsp_analysis.standing.place.panels import read_panels
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.periods import parse_period
from lsp_analysis.study.store import Study

KIND = {MET: "better", ON_TRACK: "close", BEHIND: "none", AWAY: "worse", MISSED: "worse",
        NO_DATA: "few"}  # fmt: skip
EXCEPTIONS = (MISSED, AWAY, BEHIND, NO_DATA, ON_TRACK, MET)


class PlanView:
    """A study's plan with its progress and the odds of targets still ahead.

    Parameters
    ----------
    study : Study
    by : "lead_agency" or "theme"
    only : str
        One agency or theme; all when empty.
    as_at : str
        Read as if on this day, for example "2010-04-01"; all data when empty.
    area : str
        The whole borough, as the page calls it; ReportError for less than that.
    """

    def __init__(
        self,
        study: Study,
        by: str = "lead_agency",
        only: str = "",
        as_at: str = "",
        area: str = "",
    ) -> None:
        """Read the plan and its values; StudyError when the study has none."""
        places.refuse_part(
            study, area, "report_thematic" if by == "theme" else "report_lead_agencies"
        )
        self.study, self.by, self.only = study, by, only
        progress, values = _read(study, as_at or None)
        table = progress.table
        if only:
            table = table[table[by].fillna("").str.casefold() == only.casefold()]
        self.progress = PlanProgress(table)
        self.values = values
        self.odds = plan_forecasts(table, values, as_at=as_at or None)

    def cover(self) -> Part:
        """How many measures stand where, and what is off track."""
        table = self.progress.table
        counts = Counter(table["status"])
        borough = places.borough_name(self.study)
        off = sum(counts[s] for s in OFF_TRACK)
        n = wording.counted(len(table), "measure")
        who = {"lead_agency": "by lead agency", "theme": "by theme"}[self.by]
        about = f": {self.only}" if self.only else f" {who}"
        told = _leads(table[table["status"].isin(OFF_TRACK)], self.by)
        verdict = f"{off} of {n} off track{told}." if off else f"None of {n} is off track."
        odds = [f.probability for f in self.odds.values() if np.isfinite(f.probability)]
        ahead = f" Of {len(odds)} still ahead, {sum(p >= 0.66 for p in odds)} are likely to be met."
        data = {
            "eyebrow": "The partnership’s plan",
            "name": f"{wording.capital(borough)}{about}",
            "verdict": verdict + (ahead if odds else ""),
            "tally": [[KIND[s], counts[s], s] for s in EXCEPTIONS if counts[s]],
            "facts": [["", str(self.progress.sentence())]],
            "index": {"title": f"The plan{about}", "borough": f"{borough} neighbourhoods"},
        }
        return Part("screen", data)

    def measures(self) -> Part:
        """Every measure with its latest value, target, due date and odds; exceptions first."""
        table = self.progress.table
        groups = [
            {"name": str(name), "rows": [self._row(m) for m in _exceptions_first(rows)]}
            for name, rows in table.groupby(table[self.by].fillna("No agency named"))
        ]
        groups.sort(key=lambda g: -sum(row["kind"] == "worse" for row in g["rows"]))
        worst = groups[0]["name"] if groups else ""
        off = int(table["status"].isin((MISSED, AWAY)).sum())
        who = "agency" if self.by == "lead_agency" else "theme"
        title = (
            f"{wording.capital(wording.counted(off, 'target'))} missed or moving away; "
            f"{worst} has most of them"
            if off and len(groups) > 1
            else f"{wording.capital(wording.counted(off, 'target'))} missed or moving away"
        )
        data = {
            "question": "How is the plan going?",
            "title": title,
            "subtitle": f"Latest value of the whole borough and target of every measure, by {who}, "
            "exceptions first. Lines start at zero; dashed: the target.",
            "here": "Borough",
            "rest": "Target",
            "years": "",
            "themes": groups,
            "note": "On track: at least as far as a straight line from baseline to target. "
            "Odds are from a state-space forecast and need eight values.",
        }
        return Part("measures", data, self._frame())

    def least_likely(self) -> Part | Absent:
        """The forecast of the measure least likely to meet a target that is still ahead."""
        known = [(m, f) for m, f in self.odds.items() if np.isfinite(f.probability)]
        if not known:
            return Absent("No target is still ahead with values enough for a forecast.")
        return self._path(*min(known, key=lambda pair: pair[1].probability))

    def _row(self, measure_id: str) -> dict[str, Any]:
        row = self.progress.table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        series = self.values[self.values["measure_id"] == measure_id]
        values = list(series["value"])
        due = wording.period(str(row["due"]))
        odds = self.odds.get(measure_id)
        told = f"due {due}"
        ends = [row["value"], row["target"]]
        latest, target = (_amount(x, indicator.unit) for x in ends)
        if latest == target and row["status"] != MET:  # what is missed by little is not printed met
            latest, target = (_amount(x, indicator.unit, finer=1) for x in ends)
        if odds is not None:
            told += f"; {odds_words(odds.probability).lower()}" if not odds.reason else (
                "; too short to say"
            )  # fmt: skip
        when = "" if wording.is_missing(row["period"]) else wording.period(row["period"])
        return {
            "name": indicator.name,
            "unit": ", ".join(filter(None, [_unit(indicator), when])),
            "here": latest,
            "rest": target,
            "kind": KIND[row["status"]],
            "word": wording.capital(row["status"]),
            "rank": told,
            "spark": {
                "type": "spark", "here": values, "rest": [row["target"]] * len(values),
                "label": f"{indicator.name}: latest {latest}, target {target}",
            },
        }  # fmt: skip

    def _path(self, measure_id: str, forecast: TargetForecast) -> Part:
        row = self.progress.table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        series = self.values[self.values["measure_id"] == measure_id]
        ahead = forecast.paths
        periods = [*series["period"], *ahead["period"]]
        n, m = len(series), len(ahead)
        last = float(series["value"].iloc[-1])
        none = [None] * (n - 1)
        odds = odds_words(forecast.probability)
        target = _amount(forecast.target, indicator.unit)
        due = wording.period(str(row["due"]))
        data = {
            "question": "Will the target be met?",
            "title": f"{indicator.name}: {odds.lower()} to meet its target by {due}",
            "subtitle": f"{_unit(indicator)}; the forecast with its 80% interval",
            "chart": {
                "type": "lines",
                "x": [year_at(p) for p in periods],
                "ticks": ticks_of(periods),
                "unit": "",
                "series": [
                    {"name": "borough", "role": "here", "end": "",
                     "values": [*series["value"], *[None] * m]},
                    {"name": "forecast", "role": "forecast", "end": "forecast",
                     "values": [*none, last, *ahead["value"]]},
                    {"name": "plan", "role": "rest", "values": self._planned(row, periods),
                     "end": f"{target} planned"},
                ],
                "band": {
                    "low": [*none, last, *ahead["low"]],
                    "high": [*none, last, *ahead["high"]],
                },
                "label": str(forecast.sentence()),
            },
            "note": f"Lead agency: {row.get('lead_agency') or 'not named'}.",
        }  # fmt: skip
        return Part("figure", data, ahead)

    def _planned(self, row: pd.Series, periods: list[pd.Period]) -> list[float | None]:
        """Straight lines from the baseline through each target of the indicator in turn."""
        same = self.progress.table[self.progress.table["indicator_id"] == row["indicator_id"]]
        points = {year_at(parse_period(row["baseline_period"])): float(row["baseline"])}
        points |= {
            year_at(parse_period(due)): float(target)
            for due, target in zip(same["due"], same["target"], strict=True)
            if not wording.is_missing(due) and not wording.is_missing(target)
        }
        x = sorted(points)
        y = [points[place] for place in x]
        places_of = [year_at(p) for p in periods]
        return [float(np.interp(at, x, y)) if x[0] <= at <= x[-1] else None for at in places_of]

    def _frame(self) -> pd.DataFrame:
        table = self.progress.table.reset_index()
        odds = {m: f.probability for m, f in self.odds.items()}
        return table.assign(probability=table["measure_id"].map(odds))


def _read(study: Study, as_at: str | None) -> tuple[PlanProgress, pd.DataFrame]:
    """The borough's progress on every measure, and the measures' values through time."""
    panels, _ = read_panels(study)
    plan = study.read("plan")
    indicators = [study.indicator(name) for name in panels]
    names = {indicator.indicator_id: indicator.name for indicator in indicators}
    values = plan_values(plan, panels, indicators)
    if as_at is not None:
        ends = values["period"].map(lambda period: period.end_time)
        values = values[ends <= pd.Timestamp(as_at) + pd.Timedelta(days=1)]
    return plan_progress(plan, values, as_at=as_at, names=names), values


def _exceptions_first(rows: pd.DataFrame) -> list[str]:
    order = {status: i for i, status in enumerate(EXCEPTIONS)}
    placed = rows.assign(order=rows["status"].map(order), far=rows["progress"].fillna(0))
    return list(placed.sort_values(["order", "far"], kind="stable").index)


def _leads(off: pd.DataFrame, by: str) -> str:
    if by not in off or off[by].dropna().empty:
        return ""
    leads = off[by].value_counts().head(3)
    return f": {wording.and_list(f'{name} ({n})' for name, n in leads.items())}"


def _unit(indicator: Indicator) -> str:
    if indicator.unit == "percent":
        return f"% of {indicator.base}" if indicator.base else "%"
    return indicator.per or indicator.unit


def _amount(value: float, unit: str, finer: int = 0) -> str:
    if wording.is_missing(value):
        return "–"
    digits = 0 if abs(value) >= 9.95 and unit != "percent" else 1
    return wording.number(float(value), digits + finer) + ("%" if unit == "percent" else "")


assert set(KIND) == set(STATUSES)
