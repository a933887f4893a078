"""The partnership's plan on a page: a first screen, every measure, and what lies ahead."""

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part, lines_of, unit_words, year_at
from lsp_analysis.reports.view.plan_rows import EXCEPTIONS, KIND, NOUNS, PlanRows, target_words
from lsp_analysis.standing.agencies.agenda import NO_PLAN
from lsp_analysis.standing.agencies.plan import (
    MET,
    MISSED,
    NO_DATA,
    ODDS,
    OFF_TRACK,
    TargetForecast,
    odds_words,
)
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
        series, ahead = self.series(measure_id), forecast.paths
        periods = [*series["period"], *ahead["period"]]
        known = list(series["value"])
        later = {end: [*[None] * (len(known) - 1), known[-1], *ahead[end]] for end in ENDS}
        odds = odds_words(forecast.probability)
        target = self.amount(measure_id, forecast.target)
        due = wording.period(str(row["due"]))
        data = {
            "question": "Will the target be met?",
            "title": f"{indicator.name}: {odds.lower()} to meet its target by {due}",
            "subtitle": f"{wording.capital(unit_words(indicator))}; forecast with its 80% interval",
            "chart": lines_of(
                periods,
                {
                    "here": ([*known, *[None] * len(ahead)], ""),
                    "forecast": (later["value"], "forecast"),
                    "rest": (self._planned(row, periods), f"{target} planned"),
                },
                str(forecast.sentence()),
                band={"low": later["low"], "high": later["high"]},
            ),
            "note": f"Lead agency: {row.get('lead_agency') or 'not named'}.",
        }
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


WORST, BEST = 3, 1
MOST_MARKS = 12  # in a row of a group, one a measure
ENDS = ("value", "low", "high")  # of a forecast
LIKELY = ODDS[1][0]
RULE = "Chosen as off track and furthest behind on the way from baseline to target."


def screen_of(view: PlanRows) -> Part:
    """What those who answer for the plan should know who read no further.

    Parameters
    ----------
    view : PlanRows
    """
    rows = view.rows
    counts = rows["status"].value_counts()
    borough = places.borough_name(view.study)
    noun = NOUNS[view.group]
    about = f": {view.only}" if view.only else f" by {noun}"
    tallies = [
        [name, [[KIND[s], int(n), s] for s in EXCEPTIONS if (n := of["status"].eq(s).sum())]]
        for name, of in view.grouped().items()
    ]
    many_marks = max(n for _, marks in tallies for _, n, _ in marks) > MOST_MARKS
    data = {
        "eyebrow": "The partnership’s plan",
        "name": f"{wording.capital(borough)}{about}",
        "verdict": _verdict(view),
        "tally": [[KIND[s], int(counts[s]), s] for s in EXCEPTIONS if s in counts],
        "facts": [["", _facts(view)]],
        "groups": {"title": f"Measures by {noun}", "rows": tallies, "many": many_marks},
        "rest": "Target",
        "table": _table(view),
        "box": _ahead(view) or _stretch(view),
        "changed": _changed(view),
        "next": _next(view),
        "unknown": _unknown(view),
        "index": {"title": f"The plan{about}", "borough": f"{borough} neighbourhoods"},
    }
    return Part("screen", data)


def _off(view: PlanRows) -> pd.DataFrame:
    return view.rows[view.rows["status"].isin(OFF_TRACK)]


def many(some: int, every: int) -> str:
    """Some of all measures, to begin a sentence: "10 of 12 measures", "Both measures"."""
    if every == 1:
        return "The only measure" if some else "No measure"
    said = "both" if some == every == 2 else wording.of_total(some, every)
    return f"{wording.capital(said)} measures"


def _verdict(view: PlanRows) -> str:
    off, verb = _off(view), "is" if len(view.rows) == 1 else "are"
    leads = off[view.group].value_counts()
    said = f"{many(len(off), len(view.rows))} {verb} off track"
    if len(leads) < 2:
        return f"{said}."
    return f"{said}: {wording.and_list(f'{name} ({n})' for name, n in leads.head(WORST).items())}."


def _facts(view: PlanRows) -> str:
    told = f"{wording.capital(wording.counted(len(view.rows), 'measure'))}. "
    told += str(view.progress.sentence())
    return f"{told} Read as on {wording.period(view.as_at)}." if view.as_at else told


def _table(view: PlanRows) -> dict[str, Any]:
    """The measures furthest from their targets, and the one furthest beyond its own."""
    worst = _off(view).head(WORST)
    met = view.rows[view.rows["status"] == MET].sort_values("progress", kind="stable").tail(BEST)
    shown = [*worst.index, *met.index] or list(view.rows.index[: WORST + BEST])
    title = "Furthest from target" if len(worst) else "Closest to target"
    return {
        "title": title + (", and the best" if len(worst) and len(met) else ""),
        **view.heads(),
        "rows": [view.row(measure) for measure in shown],
    }


def _ahead(view: PlanRows) -> dict[str, Any] | None:
    """How many targets ahead are likely to be met, and the least likely; None without odds."""
    odds = {m: f.probability for m, f in view.odds.items() if np.isfinite(f.probability)}
    if not odds:
        return None
    least = min(odds, key=odds.__getitem__)
    due = wording.period(str(view.progress.table.loc[least, "due"]))
    likely = sum(p >= LIKELY for p in odds.values())
    name = wording.inside(view.name(least))
    return {
        "title": "Will the targets be met?",
        "big": f"{wording.capital(wording.of_total(likely, len(odds)))} likely",
        "small": f"to be met by their dates: odds of {LIKELY:.0%} or more by a forecast from each "
        "measure’s past.",
        "sure": ["Least likely:", f"{name}, due {due}: {odds_words(odds[least]).lower()}."],
    }


def _stretch(view: PlanRows) -> dict[str, Any] | None:
    """The stretch targets, where no target is ahead that can be forecast; None without any."""
    table = view.progress.table.dropna(subset="stretch_status")
    if table.empty:
        return None
    met = int((table["stretch_status"] == MET).sum())
    near = table[table["stretch_status"] != MET].sort_values("stretch_progress").tail(1)
    sure = ["", ""]
    for measure, row in near.iterrows():
        name, due = wording.inside(view.name(measure)), wording.period(str(row["due"]))
        value, target = (view.amount(measure, row[end]) for end in ("value", "stretch_target"))
        sure = ["Nearest:", f"{name}, {value} against {target} due {due}."]
    return {
        "title": "Are the stretch targets met?",
        "big": wording.capital(wording.of_total(met, len(table))),
        "small": "targets that were set higher than the plan’s own.",
        "sure": sure,
    }


def _changed(view: PlanRows) -> list[list[str]]:
    """How the targets of each round fared, and which way the measures last moved."""
    table = view.progress.table
    due = table[table["status"].isin((MET, MISSED))]
    rounds = due.groupby(due["due"].map(lambda d: parse_period(d).start_time.year))
    told = [
        f"{_met(int((of['status'] == MET).sum()), len(of))} due in "
        f"{wording.and_list(map(wording.period, sorted(set(of['due'].map(str)))), last='or')}"
        for _, of in list(rounds)[-2:]
    ]
    said = [["Targets met:", f"{wording.and_list(told)}."]] if told else []
    steps = {measure: _step(view, measure) for measure in view.rows.index}
    moved = {measure: step for measure, step in steps.items() if np.isfinite(step)}
    if moved:
        away = sorted((m for m in moved if moved[m] < 0), key=moved.__getitem__)
        names = wording.some_of((view.name(m) for m in away), 3)
        which = f"; away from them: {names}" if away else ""
        towards = wording.of_total(sum(step > 0 for step in moved.values()), len(moved))
        said.append(["Since the period before:", f"{towards} moved towards their targets{which}."])
    return said or [["", "No target is due yet, and no measure is known for two periods."]]


def _met(some: int, every: int) -> str:
    return "the one" if some == every == 1 else wording.of_total(some, every)


def _step(view: PlanRows, measure: str) -> float:
    """How far a measure moved in its last period, as a share of the way to its target."""
    row = view.progress.table.loc[measure]
    last = view.series(measure).dropna(subset="value").sort_values("period")["value"].tail(2)
    way = row["target"] - row["baseline"]
    return float((last.iloc[1] - last.iloc[0]) / way) if len(last) == 2 and way else np.nan


def _next(view: PlanRows) -> dict[str, Any]:
    """Whom to ask first about what: the measures furthest off track, with agency and date."""
    items = []
    for measure, row in _off(view).head(WORST).iterrows():
        agency = "No agency named" if wording.is_missing(row["lead_agency"]) else row["lead_agency"]
        due = wording.period(str(row["due"]))
        items.append(
            [f"{view.name(measure)}:", f"{agency}, {target_words(row['status'])}, due {due}."]
        )
    if not items:
        return {"lead": "No measure is off track.", "items": [], "after": ""}
    return {"lead": "Look first at:", "items": items, "after": RULE}


def _unknown(view: PlanRows) -> list[list[str]]:
    """Measures without data, targets without odds, and causes."""
    told = []
    silent = view.rows.index[view.rows["status"] == NO_DATA]
    if len(silent):
        told.append([f"{wording.capital(wording.some_of(map(view.name, silent)))}:", "no data."])
    short = [m for m, forecast in view.odds.items() if forecast.reason]
    if short:
        names = wording.some_of(map(view.name, short), 3)
        told.append(["Odds of targets ahead:", f"too short a series for {names}."])
    elif not view.odds:
        told.append(["What comes next:", "no target of the plan is still ahead of the data."])
    return [*told, ["Why targets are missed:", "the numbers hold outcomes, not causes."]]
