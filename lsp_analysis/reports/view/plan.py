"""The partnership's plan on a page: a first screen, every measure, and what lies ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part, ticks_of, year_at
from lsp_analysis.reports.view.plan_rows import NOUNS, PlanRows
from lsp_analysis.reports.view.plan_screen import many, screen_of
from lsp_analysis.reports.view.rows import unit_words
from lsp_analysis.standing.agencies.agenda import NO_PLAN
from lsp_analysis.standing.agencies.plan import OFF_TRACK
from lsp_analysis.standing.agencies.target_odds import TargetForecast, odds_words
from lsp_analysis.study.periods import parse_period


class PlanView(PlanRows):
    """A study's plan with its progress and the odds of targets still ahead; see `PlanRows`."""

    def cover(self) -> Part:
        """How many measures stand where, the furthest off, what is ahead, and what next."""
        if self.progress is not None:
            return screen_of(self)
        borough = places.borough_name(self.study)
        name = f"{wording.capital(borough)}: the plan"
        index = {"title": "The plan", "borough": f"{borough} neighbourhoods"}
        told = {"eyebrow": "", "name": name, "verdict": NO_PLAN, "tally": [], "facts": []}
        return Part("screen", {**told, "index": index})

    def measures(self) -> Part | None:
        """Every measure with its latest value, target, due date and odds; exceptions first."""
        if self.progress is None:
            return None
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
        if self.progress is None:
            return None
        known = [(m, f) for m, f in self.odds.items() if np.isfinite(f.probability)]
        if not known:
            return None
        return self._path(*min(known, key=lambda pair: pair[1].probability))

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
        target = self.amount(measure_id, forecast.target)
        due = wording.period(str(row["due"]))
        data = {
            "question": "Will the target be met?",
            "title": f"{indicator.name}: {odds.lower()} to meet its target by {due}",
            "subtitle": f"{wording.capital(unit_words(indicator))}; forecast with its 80% interval",
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
