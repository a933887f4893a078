"""Can these numbers be trusted? What a study holds, what its check found, how complete it is, and
whether a series makes a step that asks for a reason."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.disclosure.profiles import MARK, PLAIN, find_profile
from lsp_analysis.disclosure.suppression import protect_table
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown, ShownTable, View
from lsp_analysis.standing.comparison.funnels import Funnel, funnel
from lsp_analysis.standing.comparison.intervals import group_series
from lsp_analysis.standing.comparison.measured import by_year, measure, read_panels
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.standing.place.mapped import small_names
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
        n, shown = len(self.problems), self.problems.head(MOST_SHOWN)
        more = f"The first {MOST_SHOWN} of {n}." if n > MOST_SHOWN else ""
        shown = shown.rename(columns=str.capitalize)
        return figures.table(shown, caption="What to mend, where, and how", note=more)


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
    rows = [(name, wording.capital(text), study.has(name)) for name, text in about.items()]
    tables = pd.DataFrame(rows, columns=["table", "about", "here"])
    found = problems_frame(check_study(study.path, today=today))
    return DataCheck(study.title, tables, found)


def owners_table(study: Study) -> Table:
    """Who leads on each indicator, where its numbers come from, and under which licence."""
    names = ["Indicator", "Lead agency", "Source", "Licence"]
    shown = study.indicators()[["name", "lead_agency", "source", "licence"]].set_axis(names, axis=1)
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
        cells, missing = map(int, self.table[["cells", "missing"]].sum())
        rows = self.table[self.table["missing"] > 0].set_index("name")["missing"]
        places = [f"{wording.number(n)} of {wording.inside(name)}" for name, n in rows.items()]
        lacking = f"{wording.number(missing)} missing ({wording.and_list(places)})"
        indicators = wording.capital(wording.counted(len(self.table), "indicator"))
        text = f"{indicators}, {wording.number(cells)} values by area and period"
        text += f": {lacking if missing else 'none is missing'}."
        return wording.Sentence(" ".join([text, *self.notes]))

    def steps_sentence(self) -> wording.Sentence:
        """Which series moved further in one year than their other years lead one to expect."""
        if self.steps.empty:
            usual = f"{wording.number(RANGE_LIMIT, 1)} times its usual step"
            text = "No series changes from one year to the next by more than"
            return wording.Sentence(f"{text} {usual}.")
        told = "; ".join(map(_step_words, self.steps.to_dict("records")))
        asked = "Was it counted in the same way before and after?"
        return wording.Sentence(f"Ask for a reason: {told}. {asked}")

    def shown_table(self) -> Table:
        """Indicators with their first and last period, areas, and missing values."""
        names = ["Indicator", "A value for each", "First", "Last", "Areas", "Values"]
        shown = self.table.set_axis([*names, "Missing", "Notes"], axis=1).reset_index(drop=True)
        for end in ("First", "Last"):
            shown[end] = shown[end].map(wording.period)
        caption = "What is known of each indicator, area by area"
        return figures.table(shown, caption=caption)


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
        step = large_steps(line).assign(name=indicator.name, unit=indicator.per)
        step["times"] = step["change"].abs() / step["usual"]
        broken = years.loc[years["note"].str.contains("break"), "period"]
        step = step.assign(noted=step["end"].isin(broken)).sort_values("times", kind="stable")
        # Periods of different lengths make a column of objects.
        steps.append(step.tail(1).astype({"start": object, "end": object}))
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
    ends = {"start": line["period"].shift()[large], "end": line["period"][large]}
    return pd.DataFrame({**ends, "change": change[large], "usual": usual})


def _step_words(step: dict[str, Any]) -> str:
    noted = " (the publisher notes a break there)" if step["noted"] else ""
    return (
        f"{wording.inside(step['name'])} {wording.change(step['change'], step['unit'])} from "
        f"{wording.period(step['start'])} to {wording.period(step['end'])}, "
        f"{wording.times(round(step['times'], 1))} the usual step{noted}"
    )


def _row(panel: pd.DataFrame, indicator: Indicator, codes: Collection[str]) -> dict[str, object]:
    wanted = panel[panel["area_code"].isin(codes)]
    known = int(wanted["value"].notna().sum())
    cells = wanted["period"].nunique() * len(set(codes))
    counts = wanted.loc[wanted["note"] != "", "note"].value_counts()
    return {
        "indicator_id": indicator.indicator_id,
        "name": indicator.name,
        "every": LENGTHS[wanted["period"].dtype.freq.freqstr[0]],
        "first": wanted["period"].min(),
        "last": wanted["period"].max(),
        "areas": wanted.loc[wanted["value"].notna(), "area_code"].nunique(),
        "cells": cells,
        "missing": cells - known,
        "notes": ", ".join(f"{note} {n}" for note, n in counts.items()),
    }


IN_FORCE, EXPIRED, NONE = "in force", "expired", "no agreement"


def sharing(study: Study, *, on: str | pd.Timestamp) -> View:
    """Look up the agreement on every table of a study that holds facts about people or money.

    Parameters
    ----------
    study : Study
    on : date
        Agreements whose last day is earlier have expired; one without a last day has not.

    Returns
    -------
    View
        ``table``, indexed by table, has ``status`` (in force, expired, no agreement) and the
        columns of the table `sharing`.

    Raises
    ------
    StudyError
        The study has no table of agreements.
    """
    day = pd.Timestamp(on)
    agreements = study.read("sharing").set_index("table")
    held = [name for name in schema.TABLES if study.has(name) and name not in PLAIN]
    table = agreements.reindex(held).rename_axis("table")
    over, known = table["expires"] < day, table.index.isin(agreements.index)
    table.insert(0, "status", np.select([~known, over], [NONE, EXPIRED], IN_FORCE))
    when = wording.period(day)
    return View(_told(table, when), table, tabulate=lambda: _agreements(table, when))


def _told(table: pd.DataFrame, when: str) -> str:
    """Which tables have an agreement in force, which may be published, which have none."""
    in_force = table[table["status"] == IN_FORCE]
    of = wording.of_total(len(in_force), len(table))
    text = f"On {when} an agreement is in force for {of} tables."
    named = {
        "It has expired for": table.index[table["status"] == EXPIRED],
        "There is none for": table.index[table["status"] == NONE],
        "Not to be published:": in_force.index[~in_force["may_publish"].astype(bool)],
    }
    lists = [f"{said} {wording.and_list(names)}." for said, names in named.items() if len(names)]
    return " ".join([text, *lists])


def _agreements(table: pd.DataFrame, when: str) -> Table:
    """The agreements for people."""
    columns = {
        "table": "Table",
        "status": "Agreement",
        "owner_agency": "Owned by",
        "recipients": "May be seen by",
        "purpose": "For",
        "min_cell": "Smallest count shown",
        "expires": "Until",
    }
    shown = table.reset_index()[list(columns)].rename(columns=columns)
    for name in ("Owned by", "May be seen by", "For"):
        shown[name] = shown[name].str.replace(";", ", ")
    publish = table["may_publish"].astype("object").map({True: "yes", False: "no"})
    return figures.table(
        shown.assign(**{"May be published": publish.to_numpy()}),
        caption=f"What may be shared on {when}",
    )


class SmallCounts(View):
    """How much of each indicator would be hidden if it were shown by small area."""

    @property
    def most_hidden(self) -> str:
        """The indicator of whose counts by small area and year the most are hidden."""
        return str(self.table["hidden_by_year"].idxmax())


def _most_hidden(table: pd.DataFrame, hidden_to: int) -> str:
    """What would be hidden most, and how far counting by year instead would help."""
    rule = f"With counts of 1 to {hidden_to} hidden" if hidden_to else "By this rule"
    some = table[table["hidden"] > 0]
    if some.empty:
        return f"{rule}, every count by small area may be shown."
    worst = some.sort_values("hidden").iloc[-1]
    share, by_year = (wording.quantity(worst[c], "percent") for c in ("hidden", "hidden_by_year"))
    counts = f"{share} of the counts of {wording.inside(worst['name'])} by small area"
    text = f"{rule}, {counts} and {worst['every']} may not be shown"
    text += "" if worst["every"] == "year" else f", but {by_year} of those by year"
    if free := list(table.loc[table["hidden_by_year"] == 0, "name"]):
        text += f". By year nothing is hidden of {wording.and_list(map(wording.inside, free))}"
    return f"{text}."


def _by_share_hidden(table: pd.DataFrame, hidden_to: int) -> Table:
    """Every indicator, the most hidden first."""
    rows = table.sort_values("hidden", ascending=False, kind="stable").reset_index(drop=True)
    shares = ["Hidden as counted", "Hidden by year"]
    return figures.table(
        rows.set_axis(["Indicator", "Counted by", *shares], axis=1),
        caption=f"Counts by small area from 1 to {hidden_to}, which may not be shown",
        units=dict.fromkeys(shares, "percent"),
    )


def small_counts(brief: AreaBrief, *, profile: str = "ons_5") -> SmallCounts:
    """Count the cells by small area and period that a rule would hide.

    Parameters
    ----------
    brief : AreaBrief
    profile : name of a rule; see `lsp_analysis.disclosure.profiles.find_profile`
        Zero is shown, small counts are not.

    Raises
    ------
    PanelError
        No indicator has counts.
    """
    hidden_to, rows = find_profile(profile).hidden_to, {}
    for indicator_id, panel in brief.panels.items():
        if panel["numerator"].notna().any():
            known = [x["numerator"].dropna() for x in (panel, brief.measured(indicator_id).panel)]
            shares = [float(100 * counts.between(1, hidden_to).mean()) for counts in known]
            every = LENGTHS[panel["period"].dtype.freq.freqstr[0]]
            rows[indicator_id] = [brief.study.indicator(indicator_id).name, every, *shares]
    if not rows:
        raise PanelError("No indicator of this study has counts, so there are none to hide.")
    columns = ["name", "every", "hidden", "hidden_by_year"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table, said = table.rename_axis("indicator_id"), _most_hidden(table, hidden_to)
    return SmallCounts(said, table, tabulate=lambda: _by_share_hidden(table, hidden_to))


def shareable(
    brief: AreaBrief, indicator_id: str, *, profile: str = "ons_5", years: int = 5
) -> Table:
    """Counts of the area and of the areas that touch it, as they may leave the room.

    Small counts are hidden, and with them whatever would give them away through the totals.

    Parameters
    ----------
    brief : AreaBrief
    indicator_id : str
    profile : name of a rule; see `lsp_analysis.disclosure.profiles.find_profile`
    years : int
        The last years to show.

    Raises
    ------
    PanelError
        The indicator has no counts there.
    StudyError
        The study has no boundaries to tell neighbours by.
    """
    indicator, rule = brief.study.indicator(indicator_id), find_profile(profile)
    near = {*brief.area.members, *brief.touching()}
    panel = brief.measured(indicator_id).panel
    rows = panel[panel["area_code"].isin(near)].dropna(subset="numerator")
    if rows.empty:
        raise PanelError(f"{indicator.name} has no counts in {brief.area.name} or next to it.")
    counts = rows.pivot_table(index="area_code", columns="period", values="numerator")
    counts = counts.dropna(axis=1).iloc[:, -years:]
    counts = counts.set_axis(small_names(brief).reindex(counts.index))
    shown = protect_table(counts, profile=profile).rename(columns=wording.period)
    hidden = int((shown == MARK).sum().sum())
    marked = "No cell had to be hidden."
    if hidden:
        cells = f"{wording.capital(wording.counted(hidden, 'cell'))} marked {MARK}"
        marked = f"{cells}: those counts, and others from which they could be worked out."
    return figures.table(
        shown.rename_axis("Small area"),
        caption=f"{indicator.name}: counts as they may be shared",
        note=f"{wording.capital(rule.about)}. {marked}",
    )
