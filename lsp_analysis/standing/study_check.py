"""Can these numbers be trusted? What a study holds, what its check found, how complete it is, and
whether a series makes a step that asks for a reason."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown, ShownTable
from lsp_analysis.standing.comparison.funnels import Funnel, funnel
from lsp_analysis.standing.comparison.intervals import group_series
from lsp_analysis.standing.comparison.measured import by_year, measure, read_panels
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import problems_frame
from lsp_analysis.study.check.whole_study import check_study
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

# Upper limit of a moving range chart in median moving ranges (Wheeler and Chambers 1992). The
# median, for a break would hide itself in the mean.
RANGE_LIMIT = 3.865
FEWEST = 6  # years below which no step is called large
LENGTHS = {"M": "month", "Q": "quarter", "Y": "year"}
MOST_SHOWN = 20
BOUNDARIES = "boundaries of the areas"


@dataclass(frozen=True)
class DataCheck(Shown):
    """The tables of a study and every problem found in them."""

    study: str
    tables: pd.DataFrame = field(repr=False, compare=False)  # table, about, here
    problems: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per problem: file, row, column, value, problem, remedy."""
        return self.problems

    def sentence(self) -> wording.Sentence:
        """How many problems there are and in which files, and what is not here at all."""
        here = int(self.tables["here"].sum())
        text = f"{self.study}: {wording.counted(here, 'table')} checked, "
        if self.problems.empty:
            text += "no problem found."
        else:
            counts = self.problems["file"].value_counts(sort=False)
            places = wording.and_list(f"{n} in {file}" for file, n in counts.items())
            text += f"{wording.counted(len(self.problems), 'problem')} found ({places})."
        lacking = self.tables.loc[~self.tables["here"], "table"]
        if len(lacking):
            text += f" The study does without {wording.and_list(lacking)}."
        return wording.Sentence(text)

    def tables_table(self) -> Table:
        """What the study holds and what it does without."""
        shown = self.tables.rename(columns={"table": "Table", "about": "What it holds"})
        shown = shown.assign(**{"In this study": shown.pop("here").map({True: "yes", False: "no"})})
        return figures.table(shown, caption="What a study can hold, and what this one does")

    shown_table = tables_table

    def problems_table(self) -> Table:
        """The first problems, as the command line lists them."""
        n = len(self.problems)
        more = f"The first {MOST_SHOWN} of {n}." if n > MOST_SHOWN else ""
        return figures.table(
            self.problems.head(MOST_SHOWN).rename(columns=str.capitalize),
            caption="What to mend, where, and how",
            note=more,
        )


def data_check(study: Study, *, today: str | None = None) -> DataCheck:
    """Check a study, as ``lsp-analysis check`` does, for a notebook.

    Parameters
    ----------
    study : Study
    today : date, optional
        From which on data count as from the future; the day of the check unless given.
    """
    about = {name: table.about for name, table in schema.TABLES.items()}
    about[schema.GEOMETRY] = BOUNDARIES
    tables = pd.DataFrame(
        {
            "table": list(about),
            "about": [wording.capital(text) for text in about.values()],
            "here": [study.has(name) for name in about],
        }
    )
    found = problems_frame(check_study(study.path, today=today))
    return DataCheck(study.title, tables, found)


def owners_table(study: Study) -> Table:
    """Who leads on each indicator, where its numbers come from, and under which licence."""
    names = {
        "name": "Indicator",
        "lead_agency": "Lead agency",
        "source": "Source",
        "licence": "Licence",
    }
    shown = study.indicators()[list(names)].rename(columns=names)
    return figures.table(shown, caption="Owners, sources and licences", note=study.attribution)


def funnel_of_areas(study: Study, indicator: str = "") -> Funnel:
    """All small areas of a study against the limits of chance.

    Of `indicator`, else of the first with counts of separate events, else of the first.
    """
    known = study.indicators()
    counted = known.loc[known["value_type"].isin(["rate", "proportion"]), "indicator_id"]
    made = measure(study, indicator or [*counted, *known["indicator_id"]][0])
    return funnel(made.panel, indicator=made.indicator)


@dataclass(frozen=True)
class Coverage(ShownTable):
    """What is known of each indicator, and the large steps of its series over all areas."""

    table: pd.DataFrame = field(repr=False, compare=False)
    steps: pd.DataFrame = field(repr=False, compare=False)  # one large step of an indicator a row
    notes: tuple[str, ...] = ()  # indicators that could not be read, and why

    def sentence(self) -> wording.Sentence:
        """How many values are missing, and which indicators they are of."""
        return wording.Sentence(" ".join([self._missing(), *self.notes]))

    def _missing(self) -> str:
        missing, cells = int(self.table["missing"].sum()), int(self.table["cells"].sum())
        text = (
            f"{wording.capital(wording.counted(len(self.table), 'indicator'))}, "
            f"{wording.number(cells)} values by area and period: "
        )
        if not missing:
            return f"{text}none is missing."
        rows = self.table[self.table["missing"] > 0].set_index("name")["missing"]
        places = [f"{wording.number(n)} of {wording.inside(name)}" for name, n in rows.items()]
        return f"{text}{wording.number(missing)} missing ({wording.and_list(places)})."

    def steps_sentence(self) -> wording.Sentence:
        """Which series moved further in one year than their other years lead one to expect."""
        if self.steps.empty:
            return wording.Sentence(
                "No series changes from one year to the next by more than "
                f"{wording.number(RANGE_LIMIT, 1)} times its usual step."
            )
        told = "; ".join(map(_step_words, self.steps.to_dict("records")))
        return wording.Sentence(
            f"Ask for a reason: {told}. Was it counted in the same way before and after?"
        )

    def shown_table(self) -> Table:
        """Indicators with their first and last period, areas, and missing values."""
        shown = self.table
        columns = {
            "Indicator": shown["name"],
            "A value for each": shown["every"],
            "First": shown["first"].map(wording.period),
            "Last": shown["last"].map(wording.period),
            "Areas": shown["areas"],
            "Values": shown["cells"],
            "Missing": shown["missing"],
            "Notes": shown["notes"],
        }
        return figures.table(
            pd.DataFrame(columns).reset_index(drop=True),
            caption="What is known of each indicator, area by area",
        )


def coverage(study: Study) -> Coverage:
    """Count what is known of each indicator over the small areas, and look for steps in its series.

    The largest step between two years is named when it exceeds 3.865 times the median step, the
    limit of a moving range chart. Now and then one does so by chance: it is a question, not a
    finding.

    Returns
    -------
    Coverage
        ``table``, indexed by indicator_id, has ``name``, ``every`` (month, quarter or year),
        ``first``, ``last``, ``areas`` (with any value), ``cells`` (areas by periods), ``missing``
        and ``notes`` (how often each note of the publisher stands there). ``steps`` has ``name``,
        ``unit``, ``start``, ``end``, ``change``, ``usual`` (median step) and ``noted`` (whether
        the publisher notes a break there), the largest for its series first.
    """
    panels, notes = read_panels(study)
    codes = study.small_areas()["area_code"]
    rows, steps = [], []
    for indicator_id, panel in panels.items():
        indicator = study.indicator(indicator_id)
        rows.append(_row(panel, indicator, codes))
        years = by_year(panel, indicator)
        line = group_series(years, codes, indicator=indicator, leave_out_missing=True)
        # Periods of different lengths make a column of objects.
        step = _largest_step(line, years, indicator)
        steps.append(step.astype({"start": object, "end": object}))
    found = pd.concat(steps).sort_values("times", ascending=False, kind="stable", ignore_index=True)
    return Coverage(pd.DataFrame(rows).set_index("indicator_id"), found, tuple(notes))


def large_steps(line: pd.DataFrame) -> pd.DataFrame:
    """Steps of a series that are large beside its median step: start, end, change, usual.

    Parameters
    ----------
    line : DataFrame
        ``period``, ``value``, in order of time. Under six known values nothing is large.
    """
    change = line["value"].diff().to_numpy(float)
    usual = float(np.nanmedian(np.abs(change))) if np.isfinite(change).any() else np.nan
    large = np.abs(change) > RANGE_LIMIT * usual
    if line["value"].notna().sum() < FEWEST or not usual > 0:
        large[:] = False
    return pd.DataFrame(
        {
            "start": line["period"].shift()[large],
            "end": line["period"][large],
            "change": change[large],
            "usual": usual,
        }
    )


def _largest_step(line: pd.DataFrame, years: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    steps = large_steps(line)
    steps = steps.assign(times=steps["change"].abs() / steps["usual"])
    largest = steps.sort_values("times", kind="stable").tail(1)
    broken = years.loc[years["note"].str.contains("break"), "period"]
    noted = largest["end"].isin(broken)
    return largest.assign(name=indicator.name, unit=indicator.per, noted=noted)


def _step_words(step: dict[str, Any]) -> str:
    noted = " (the publisher notes a break there)" if step["noted"] else ""
    return (
        f"{wording.inside(step['name'])} {wording.change(step['change'], step['unit'])} from "
        f"{wording.period(step['start'])} to {wording.period(step['end'])}, "
        f"{wording.times(round(step['times'], 1))} the usual step{noted}"
    )


def _row(panel: pd.DataFrame, indicator: Indicator, codes: Collection[str]) -> dict[str, object]:
    wanted = panel[panel["area_code"].isin(codes)]
    periods = wanted["period"].nunique()
    known = int(wanted["value"].notna().sum())
    cells = periods * len(set(codes))
    counts = wanted.loc[wanted["note"] != "", "note"].value_counts()
    length = wanted["period"].dtype.freq.freqstr[0]
    return {
        "indicator_id": indicator.indicator_id,
        "name": indicator.name,
        "every": LENGTHS[length],
        "first": wanted["period"].min(),
        "last": wanted["period"].max(),
        "areas": wanted.loc[wanted["value"].notna(), "area_code"].nunique(),
        "cells": cells,
        "missing": cells - known,
        "notes": ", ".join(f"{note} {n}" for note, n in counts.items()),
    }
