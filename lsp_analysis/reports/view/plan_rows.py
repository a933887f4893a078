"""The partnership's plan as rows of a page: every measure with its target, status and odds."""

from functools import cached_property
from typing import Any

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.part import about, amount, unit_words
from lsp_analysis.standing.agencies.plan import (
    AWAY,
    BEHIND,
    MET,
    MISSED,
    NO_DATA,
    OFF_TRACK,
    ON_TRACK,
    PlanProgress,
    odds_words,
    plan_forecasts,
    plan_progress,
    plan_values,
)
from lsp_analysis.standing.comparison.measured import read_panels
from lsp_analysis.study.periods import parse_period
from lsp_analysis.study.store import Study

KIND = {MET: "better", ON_TRACK: "close", BEHIND: "none", AWAY: "worse", MISSED: "worse",
        NO_DATA: "few"}  # fmt: skip
EXCEPTIONS = (MISSED, AWAY, BEHIND, NO_DATA, ON_TRACK, MET)
NOUNS = {"lead_agency": "lead agency", "theme": "theme"}


class PlanRows:
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
        """Read the plan and its values; ReportError for a theme or agency that it does not have.

        Without a plan the cover says so, alone.
        """
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
            known = sorted(table[by].dropna().unique())
            if only.casefold() not in map(str.casefold, known):
                raise ReportError(
                    f"The plan has no {NOUNS[by]} {only!r}. It has {wording.and_list(known)}."
                )
            table = table[table[by].fillna("").str.casefold() == only.casefold()]
        self.progress = PlanProgress(table)
        self.values = values
        self.odds = plan_forecasts(table, values, as_at=as_at or None)

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
        return amount(value, self.study.indicator(row["indicator_id"]).unit, finer)

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
            "unit": ", ".join(filter(None, [unit_words(indicator), when])),
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


def target_words(status: str) -> str:
    """How a measure stands to its target, inside a sentence: "target missed", "behind target"."""
    return {BEHIND: "behind target", AWAY: "moving away from target"}.get(
        status, f"target {status}"
    )
