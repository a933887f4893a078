"""The partnership's plan on a page: a first screen, every measure, and what lies ahead."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import Part, about, amount, lines_of, unit_words, year_at
from lsp_analysis.standing.agencies import plan as plans
from lsp_analysis.standing.agencies.agenda import NO_PLAN
from lsp_analysis.standing.comparison.measured import read_panels
from lsp_analysis.study.periods import parse_period
from lsp_analysis.study.store import Study

KIND = {plans.MISSED: "worse", plans.AWAY: "worse", plans.BEHIND: "none", plans.NO_DATA: "few",
        plans.ON_TRACK: "close", plans.MET: "better"}  # exceptions first # fmt: skip
NOUNS = {"lead_agency": "lead agency", "theme": "theme"}
WORST, BEST = 3, 1
MOST_MARKS = 12  # in a row of a group, one a measure
LIKELY = plans.ODDS[1][0]
RULE = "Chosen as off track and furthest behind on the way from baseline to target."


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
        self, study: Study, by: str = "lead_agency", only: str = "", as_at: str = "", area: str = ""
    ) -> None:
        """Read the plan and its values; ReportError for a theme or agency that it does not have.

        Without a plan the cover says so, alone.
        """
        template = "report_thematic" if by == "theme" else "report_lead_agencies"
        places.refuse_part(study, area, template)
        self.study, self.only, self.as_at = study, only, as_at
        self.borough = places.borough_name(study)
        self.group = "lead_agency" if only else by  # what divides the rows of one theme
        self.progress = None
        if not study.has("plan"):
            return
        panels, _ = read_panels(study)
        indicators = [study.indicator(name) for name in panels]
        names = {indicator.indicator_id: indicator.name for indicator in indicators}
        values = plans.plan_values(study.read("plan"), panels, indicators)
        if as_at:
            ends = values["period"].map(lambda period: period.end_time)
            values = values[ends <= pd.Timestamp(as_at) + pd.Timedelta(days=1)]
        progress = plans.plan_progress(study.read("plan"), values, as_at=as_at or None, names=names)
        table = progress.table.reindex(columns=[*dict.fromkeys([*progress.table, *NOUNS])])
        if only:
            named = table[by].fillna("").str.casefold() == only.casefold()
            if not named.any():
                known = wording.and_list(sorted(table[by].dropna().unique()))
                raise ReportError(f"The plan has no {NOUNS[by]} {only!r}. It has {known}.")
            table = table[named]
        self.progress = plans.PlanProgress(table)
        self.values = values
        self.odds = plans.plan_forecasts(table, values, as_at=as_at or None)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row per measure: its first target still open, else its last. Exceptions come first,
        those furthest from their target before others."""
        table = self.progress.table
        ends = table["due"].map(lambda due: parse_period(due).end_time, na_action="ignore")
        table = table.assign(due_by=ends)
        closed = table["status"].isin((plans.MET, plans.MISSED))
        ahead = table[~closed].sort_values("due_by", kind="stable")
        past = table[closed].sort_values(
            "due_by", ascending=False, kind="stable", na_position="first"
        )
        found = pd.concat([ahead, past]).drop_duplicates("indicator_id")
        order = found["status"].map({status: i for i, status in enumerate(KIND)})
        placed = found.assign(order=order, far=found["progress"].fillna(0.0))
        return placed.sort_values(["order", "far"], kind="stable")

    @cached_property
    def off(self) -> pd.DataFrame:
        """The rows of measures that are off track."""
        return self.rows[self.rows["status"].isin(plans.OFF_TRACK)]

    def grouped(self) -> dict[str, pd.DataFrame]:
        """The rows by agency or theme, the group with most exceptions first."""
        groups = list(self.rows.groupby(self.rows[self.group].fillna("No agency named")))
        groups.sort(key=lambda group: -int(group[1]["status"].isin(plans.OFF_TRACK).sum()))
        return {str(name): rows for name, rows in groups}

    def heads(self) -> dict[str, str]:
        """What stands over the columns of its tables."""
        years = [when.end_time.year for when in self.values.dropna(subset="value")["period"]]
        span = f"{min(years)} to {max(years)}" if years else ""
        return {"here": "Borough", "rest": "Target", "years": span}

    def name(self, measure_id: str) -> str:
        """Name of the indicator of a measure."""
        return self.study.indicator(self.progress.table.loc[measure_id, "indicator_id"]).name

    def due(self, measure_id: str) -> str:
        """When a measure's target is due, in words."""
        return wording.period(str(self.progress.table.loc[measure_id, "due"]))

    def amount(self, measure_id: str, value: float, finer: int = 0) -> str:
        """A value of a measure in words."""
        row = self.progress.table.loc[measure_id]
        return amount(value, self.study.indicator(row["indicator_id"]).unit, finer)

    def amounts(self, measure_id: str) -> list[str]:
        """The latest value and the target, in as many digits as tell them apart."""
        row = self.progress.table.loc[measure_id]
        told = [self.amount(measure_id, row[end]) for end in ("value", "target")]
        if told[0] == told[1] and row["status"] != plans.MET:  # what is missed by little is not met
            told = [self.amount(measure_id, row[end], finer=1) for end in ("value", "target")]
        return told

    def row(self, measure_id: str) -> dict[str, Any]:
        """A measure with its value, target and status, as the page's tables take it."""
        table = self.progress.table
        row = table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        values = list(self.series(measure_id)["value"])
        latest, target = self.amounts(measure_id)
        odds = self.odds.get(measure_id)
        told = f"due {self.due(measure_id)}"
        if odds is not None and not odds.reason:
            told = f"{told}; {plans.odds_words(odds.probability).lower()}"
        when = "" if wording.is_missing(row["period"]) else wording.period(row["period"])
        others = ""
        for other in table.index[table["indicator_id"] == row["indicator_id"]].drop(measure_id):
            value, wanted = self.amounts(other)
            status = table.loc[other, "status"]
            others += f"Target for {self.due(other)}: {wanted}, {status} at {value}. "
        return {
            "name": indicator.name,
            "unit": ", ".join(filter(None, [unit_words(indicator), when])),
            "here": latest,
            "rest": target,
            "kind": KIND[row["status"]],
            "word": wording.capital(row["status"]),
            "rank": told,
            "about": f"{others}{about(indicator)}",
            "spark": {
                "type": "spark", "here": values, "rest": [row["target"]] * len(values),
                "label": f"{indicator.name}: latest {latest}, target {target}",
            },
        }  # fmt: skip

    def series(self, measure_id: str) -> pd.DataFrame:
        """Values of a measure through time, from the first known to the last."""
        own = self.values[self.values["measure_id"] == measure_id]
        return own.loc[own["value"].first_valid_index() : own["value"].last_valid_index()]

    def cover(self) -> Part:
        """How many measures stand where, the furthest off, what is ahead, and what next."""
        where = f"{self.borough} neighbourhoods"
        if self.progress is None:
            name = f"{wording.capital(self.borough)}: the plan"
            told = {"eyebrow": "", "name": name, "verdict": NO_PLAN, "tally": [], "facts": []}
            return Part("screen", {**told, "index": {"title": "The plan", "borough": where}})
        noun = NOUNS[self.group]
        about = f": {self.only}" if self.only else f" by {noun}"
        tallies = [[name, _tally(rows)] for name, rows in self.grouped().items()]
        many_marks = max(n for _, marks in tallies for _, n, _ in marks) > MOST_MARKS
        data = {
            "eyebrow": "The partnership’s plan",
            "name": f"{wording.capital(self.borough)}{about}",
            "verdict": self._verdict(),
            "tally": _tally(self.rows),
            "facts": [["", self._facts()]],
            "groups": {"title": f"Measures by {noun}", "rows": tallies, "many": many_marks},
            "rest": "Target",
            "table": self._furthest(),
            "box": self._ahead() or self._stretch(),
            "changed": self._changed(),
            "next": self._next(),
            "unknown": self._unknown(),
            "index": {"title": f"The plan{about}", "borough": where},
        }
        return Part("screen", data)

    def measures(self) -> Part | None:
        """Every measure with its latest value, target, due date and odds; exceptions first."""
        if self.progress is None:
            return None
        data = {
            "question": "How is the plan going?",
            "title": self._title(),
            "subtitle": f"By {NOUNS[self.group]}, exceptions first. Lines start at zero.",
            **self.heads(),
            "themes": [
                {"name": name, "rows": [self.row(m) for m in rows.index]}
                for name, rows in self.grouped().items()
            ],
            "note": "On track: at least as far as a straight line from baseline to target. "
            "Odds are from a state-space forecast and need eight values.",
        }
        table = self.progress.table.reset_index()
        odds = table["measure_id"].map(self._known_odds())
        return Part("measures", data, table.assign(probability=odds))

    def least_likely(self) -> Part | None:
        """The forecast of the measure least likely to meet a target that is still ahead.

        None without such a target, and where no series is long enough: the first screen says so.
        """
        likely = self._known_odds() if self.progress is not None else {}
        if not likely:
            return None
        measure_id = min(likely, key=likely.__getitem__)
        forecast, row = self.odds[measure_id], self.progress.table.loc[measure_id]
        indicator = self.study.indicator(row["indicator_id"])
        series, ahead = self.series(measure_id), forecast.paths
        periods = [*series["period"], *ahead["period"]]
        known = list(series["value"])
        until = [None] * (len(known) - 1) + known[-1:]
        later = {end: [*until, *ahead[end]] for end in ("value", "low", "high")}
        odds, lead = plans.odds_words(forecast.probability).lower(), row["lead_agency"]
        target = self.amount(measure_id, float(row["target"]))
        data = {
            "question": "Will the target be met?",
            "title": f"{indicator.name}: {odds} to meet its target by {self.due(measure_id)}",
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
            "note": f"Lead agency: {'not named' if wording.is_missing(lead) else lead}.",
        }
        return Part("figure", data, ahead)

    def _known_odds(self) -> dict[str, float]:
        return {m: f.probability for m, f in self.odds.items() if np.isfinite(f.probability)}

    def _planned(self, row: pd.Series, periods: list[pd.Period]) -> np.ndarray:
        """Straight lines from the baseline through each target of the indicator in turn; NaN before
        and after."""
        same = self.progress.table[self.progress.table["indicator_id"] == row["indicator_id"]]
        points = {year_at(parse_period(row["baseline_period"])): float(row["baseline"])}
        points |= {
            year_at(parse_period(due)): float(target)
            for due, target in zip(same["due"], same["target"], strict=True)
            if not wording.is_missing(due) and not wording.is_missing(target)
        }
        x, y = zip(*sorted(points.items()), strict=True)
        return np.interp(list(map(year_at, periods)), x, y, left=np.nan, right=np.nan)

    def _off_track(self) -> str:
        """How many measures are: "10 of 12 measures are off track", "The only measure is ..."."""
        some, every = len(self.off), len(self.rows)
        if every == 1:
            return f"{'The only' if some else 'No'} measure is off track"
        said = "both" if some == every == 2 else wording.of_total(some, every)
        return f"{wording.capital(said)} measures are off track"

    def _title(self) -> str:
        if len(self.rows) == 1:
            return f"{self.name(self.rows.index[0])}: {self.rows['status'].iloc[0]}"
        worst = self.off[self.group].value_counts()
        has_one = len(worst) > 1 and worst.iloc[0] > worst.iloc[1]
        return self._off_track() + (f"; {worst.index[0]} has most" if has_one else "")

    def _verdict(self) -> str:
        leads = self.off[self.group].value_counts()
        if len(leads) < 2:
            return f"{self._off_track()}."
        most = wording.and_list(f"{name} ({n})" for name, n in leads.head(WORST).items())
        return f"{self._off_track()}: {most}."

    def _facts(self) -> str:
        told = f"{wording.capital(wording.counted(len(self.rows), 'measure'))}. "
        told += str(self.progress.sentence())
        return f"{told} Read as on {wording.period(self.as_at)}." if self.as_at else told

    def _furthest(self) -> dict[str, Any]:
        """The measures furthest from their targets, and the one furthest beyond its own."""
        worst = list(self.off.index[:WORST])
        met = self.rows[self.rows["status"] == plans.MET].sort_values("progress", kind="stable")
        best = list(met.index[-BEST:])
        title = "Furthest from target" if worst else "Closest to target"
        shown = [*worst, *best] or list(self.rows.index[: WORST + BEST])
        return {
            "title": title + (", and the best" if worst and best else ""),
            **self.heads(),
            "rows": [self.row(measure) for measure in shown],
        }

    def _ahead(self) -> dict[str, Any] | None:
        """How many targets ahead are likely to be met, and the least likely; None without odds."""
        odds = self._known_odds()
        if not odds:
            return None
        least = min(odds, key=odds.__getitem__)
        likely = wording.of_total(sum(p >= LIKELY for p in odds.values()), len(odds))
        told = f"{wording.inside(self.name(least))}, due {self.due(least)}"
        return {
            "title": "Will the targets be met?",
            "big": f"{wording.capital(likely)} likely",
            "small": f"to be met by their dates: odds of {LIKELY:.0%} or more by a forecast from "
            "each measure’s past.",
            "sure": ["Least likely:", f"{told}: {plans.odds_words(odds[least]).lower()}."],
        }

    def _stretch(self) -> dict[str, Any] | None:
        """The stretch targets, where no target is ahead that can be forecast; None without any."""
        table = self.progress.table.dropna(subset="stretch_status")
        if table.empty:
            return None
        met = table["stretch_status"] == plans.MET
        sure = ["", ""]
        for measure, row in table[~met].sort_values("stretch_progress").tail(1).iterrows():
            value, target = (self.amount(measure, row[end]) for end in ("value", "stretch_target"))
            name = wording.inside(self.name(measure))
            sure = ["Nearest:", f"{name}, {value} against {target} due {self.due(measure)}."]
        return {
            "title": "Are the stretch targets met?",
            "big": wording.capital(wording.of_total(int(met.sum()), len(table))),
            "small": "targets that were set higher than the plan’s own.",
            "sure": sure,
        }

    def _changed(self) -> list[list[str]]:
        """How the targets of each round fared, and which way the measures last moved."""
        table = self.progress.table
        due = table[table["status"].isin((plans.MET, plans.MISSED))]
        told = []
        rounds = due.groupby(due["due"].map(lambda d: parse_period(d).start_time.year))
        for _, of in list(rounds)[-2:]:
            met, dates = int((of["status"] == plans.MET).sum()), sorted(set(of["due"].map(str)))
            share = "the one" if met == len(of) == 1 else wording.of_total(met, len(of))
            told.append(f"{share} due in {wording.and_list(map(wording.period, dates), last='or')}")
        said = [["Targets met:", f"{wording.and_list(told)}."]] if told else []
        steps = {measure: self._step(measure) for measure in self.rows.index}
        moved = {measure: step for measure, step in steps.items() if np.isfinite(step)}
        if moved:
            away = sorted((m for m in moved if moved[m] < 0), key=moved.__getitem__)
            which = f"; away from them: {wording.some_of(map(self.name, away), 3)}" if away else ""
            to = wording.of_total(sum(step > 0 for step in moved.values()), len(moved))
            said.append(["Since the period before:", f"{to} moved towards their targets{which}."])
        return said or [["", "No target is due yet, and no measure is known for two periods."]]

    def _step(self, measure: str) -> float:
        """How far a measure moved in its last period, as a share of the way to its target."""
        row = self.progress.table.loc[measure]
        last = self.series(measure).dropna(subset="value").sort_values("period")["value"].tail(2)
        way = row["target"] - row["baseline"]
        return float((last.iloc[1] - last.iloc[0]) / way) if len(last) == 2 and way else np.nan

    def _next(self) -> dict[str, Any]:
        """Whom to ask first about what: measures furthest off track, with agency and date."""
        items = []
        for measure, row in self.off.head(WORST).iterrows():
            lead = row["lead_agency"]
            agency = "No agency named" if wording.is_missing(lead) else lead
            told = f"{agency}, {plans.target_words(row['status'])}, due {self.due(measure)}."
            items.append([f"{self.name(measure)}:", told])
        lead = "Look first at:" if items else "No measure is off track."
        return {"lead": lead, "items": items, "after": RULE if items else ""}

    def _unknown(self) -> list[list[str]]:
        """Measures without data, targets without odds, and causes."""
        told = []
        silent = self.rows.index[self.rows["status"] == plans.NO_DATA]
        if len(silent):
            names = wording.capital(wording.some_of(map(self.name, silent)))
            told.append([f"{names}:", "no data."])
        short = [m for m, forecast in self.odds.items() if forecast.reason]
        if short:
            names = wording.some_of(map(self.name, short), 3)
            told.append(["Odds of targets ahead:", f"too short a series for {names}."])
        elif not self.odds:
            told.append(["What comes next:", "no target of the plan is still ahead of the data."])
        return [*told, ["Why targets are missed:", "the numbers hold outcomes, not causes."]]


def _tally(rows: pd.DataFrame) -> list[list[Any]]:
    """How many measures have each status, exceptions first."""
    counts = rows["status"].value_counts()
    return [[kind, int(counts[s]), s] for s, kind in KIND.items() if s in counts]
