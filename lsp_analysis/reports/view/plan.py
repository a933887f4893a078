"""The partnership's plan on a page: every measure by agency or theme, exceptions first."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.dates import ticks_of, year_at
from lsp_analysis.reports.view.part import Part
from lsp_analysis.reports.view.plan_screen import EXCEPTIONS, KIND, NOUNS, many, plan_screen
from lsp_analysis.reports.view.rows import about
from lsp_analysis.standing.agencies.agenda import NO_PLAN
from lsp_analysis.standing.agencies.plan import (
    MET,
    MISSED,
    OFF_TRACK,
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
from lsp_analysis.study.schema import TABLES
from lsp_analysis.study.store import Study


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
        """Read the plan and its values; without a plan the cover says so, alone."""
        places.refuse_part(
            study, area, "report_thematic" if by == "theme" else "report_lead_agencies"
        )
        self.study, self.only, self.as_at = study, only, as_at
        self.group = "lead_agency" if only else by  # what divides the rows of one theme
        if not study.has("plan"):
            self.progress = None
            return
        progress, values = _read(study, as_at or None)
        table = progress.table.reindex(columns=[*dict.fromkeys([*progress.table, *NOUNS])])
        if only:
            table = table[table[by].fillna("").str.casefold() == only.casefold()]
        self.progress = PlanProgress(table)
        self.values = values
        self.odds = plan_forecasts(table, values, as_at=as_at or None)

    def cover(self) -> Part:
        """How many targets stand where, the furthest off, what is ahead, and what next."""
        if self.progress is not None:
            return plan_screen(self)
        borough = places.borough_name(self.study)
        name = f"{wording.capital(borough)}: the plan"
        index = {"title": "The plan", "borough": f"{borough} neighbourhoods"}
        told = {"eyebrow": "", "name": name, "verdict": NO_PLAN, "tally": [], "facts": []}
        return Part("screen", {**told, "index": index})

    def measures(self) -> Part:
        """Every measure with its latest value, target, due date and odds; exceptions first."""
        if self.progress is None:
            told = {"question": "How is the plan going?", "title": "No measure is on record"}
            nothing = pd.DataFrame(columns=TABLES["plan"].names)
            return Part("measures", {**told, "themes": []}, nothing)
        groups = [
            {"name": name, "rows": [self.row(m) for m in rows.index]}
            for name, rows in self.grouped().items()
        ]
        data = {
            "question": "How is the plan going?",
            "title": self._title(),
            "subtitle": f"By {NOUNS[self.group]}, exceptions first. Lines start at zero.",
            **self.heads(),
            "themes": groups,
            "note": "On track: at least as far as a straight line from baseline to target. "
            "Odds are from a state-space forecast and need eight values.",
        }
        return Part("measures", data, self.frame())

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row per measure: its first target still open, else its last. Exceptions come first,
        those furthest from their target before others."""
        table = self.progress.table.assign(due_by=self.progress.table["due"].map(_due_by))
        closed = table["status"].isin((MET, MISSED))
        ahead = table[~closed].sort_values("due_by", kind="stable")
        past = table[closed].sort_values("due_by", ascending=False, kind="stable")
        found = pd.concat([ahead, past]).drop_duplicates("indicator_id")
        order = found["status"].map({status: i for i, status in enumerate(EXCEPTIONS)})
        placed = found.assign(order=order, far=found["progress"].fillna(0.0))
        return placed.sort_values(["order", "far"], kind="stable")

    def grouped(self) -> dict[str, pd.DataFrame]:
        """The rows by agency or theme, the group with most exceptions first."""
        groups = list(self.rows.groupby(self.rows[self.group].fillna("No agency named")))
        groups.sort(key=lambda group: -int(group[1]["status"].isin(OFF_TRACK).sum()))
        return {str(name): rows for name, rows in groups}

    def _title(self) -> str:
        rows = self.rows
        off = rows[rows["status"].isin(OFF_TRACK)]
        if len(rows) == 1:
            return f"{self.name(rows.index[0])}: {rows['status'].iloc[0]}"
        worst = off[self.group].value_counts()
        most = f"; {worst.index[0]} has most" if len(worst[worst == worst.max()]) == 1 else ""
        return f"{many(len(off), len(rows))} are off track{most if len(worst) > 1 else ''}"

    def least_likely(self) -> Part | None:
        """The forecast of the measure least likely to meet a target that is still ahead.

        None without such a target, and where no series is long enough: the first screen says so.
        """
        odds = {} if self.progress is None else self.odds
        known = [(m, f) for m, f in odds.items() if np.isfinite(f.probability)]
        if not known:
            return None
        return self._path(*min(known, key=lambda pair: pair[1].probability))

    def heads(self) -> dict[str, str]:
        """What stands over the columns of its tables."""
        years = [when.end_time.year for when in self.values.dropna(subset="value")["period"]]
        span = f"{min(years)} to {max(years)}" if years else ""
        return {"here": "Borough", "rest": "Target", "years": span}

    def name(self, measure_id: str) -> str:
        """Name of the indicator of a measure."""
        return self.study.indicator(self.progress.table.loc[measure_id, "indicator_id"]).name

    def amounts(self, measure_id: str) -> list[str]:
        """The latest value and the target, in as many digits as tell them apart."""
        row = self.progress.table.loc[measure_id]
        told = [self.amount(measure_id, row[end]) for end in ("value", "target")]
        if told[0] == told[1] and row["status"] != MET:  # what is missed by little is not met
            told = [self.amount(measure_id, row[end], finer=1) for end in ("value", "target")]
        return told

    def amount(self, measure_id: str, value: float, finer: int = 0) -> str:
        """A value of a measure in words."""
        row = self.progress.table.loc[measure_id]
        return _amount(value, self.study.indicator(row["indicator_id"]).unit, finer)

    def row(self, measure_id: str) -> dict[str, Any]:
        """A measure with its value, target and status, as the page's tables take it."""
        row = self.progress.table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        values = list(self.series(measure_id)["value"])
        latest, target = self.amounts(measure_id)
        odds = self.odds.get(measure_id)
        told = f"due {wording.period(str(row['due']))}"
        if odds is not None and not odds.reason:
            told = f"{told}; {odds_words(odds.probability).lower()}"
        when = "" if wording.is_missing(row["period"]) else wording.period(row["period"])
        return {
            "name": indicator.name,
            "unit": ", ".join(filter(None, [_unit(indicator), when])),
            "here": latest,
            "rest": target,
            "kind": KIND[row["status"]],
            "word": wording.capital(row["status"]),
            "rank": told,
            "about": f"{self._others(measure_id)}{about(indicator)}",
            "spark": {
                "type": "spark", "here": values, "rest": [row["target"]] * len(values),
                "label": f"{indicator.name}: latest {latest}, target {target}",
            },
        }  # fmt: skip

    def series(self, measure_id: str) -> pd.DataFrame:
        """Values of a measure through time, from the first known to the last."""
        own = self.values[self.values["measure_id"] == measure_id]
        return own.loc[own["value"].first_valid_index() : own["value"].last_valid_index()]

    def _others(self, measure_id: str) -> str:
        """What became of the other targets of the same indicator."""
        table = self.progress.table
        same = table[table["indicator_id"] == table.loc[measure_id, "indicator_id"]]
        told = ""
        for other in same.index.drop(measure_id):
            value, target = self.amounts(other)
            due, status = wording.period(str(same.loc[other, "due"])), same.loc[other, "status"]
            told += f"Target for {due}: {target}, {status} at {value}. "
        return told

    def _path(self, measure_id: str, forecast: TargetForecast) -> Part:
        row = self.progress.table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        series = self.series(measure_id)
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

    def frame(self) -> pd.DataFrame:
        """Every row of the plan with its progress, and the odds of targets ahead."""
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


def _due_by(due: Any) -> pd.Timestamp:
    return pd.Timestamp.max if wording.is_missing(due) else parse_period(due).end_time


def _unit(indicator: Indicator) -> str:
    if indicator.unit == "percent":
        return f"% of {indicator.base}" if indicator.base else "%"
    return indicator.per or indicator.unit


def _amount(value: float, unit: str, finer: int = 0) -> str:
    if wording.is_missing(value):
        return "–"
    digits = 0 if abs(value) >= 9.95 and unit != "percent" else 1
    return wording.number(float(value), digits + finer) + ("%" if unit == "percent" else "")
