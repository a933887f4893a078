"""What the agencies do in an area and with which money: who, what, how much, how many at once."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.showing import Axes, ShownTable, View
from lsp_analysis.standing.place.brief import REST, AreaBrief

BY = ("agency", "theme", "kind")
SPENT_BY = ("stream", "theme", "agency")
EVERYWHERE = "not tied to an area"


@dataclass(frozen=True)
class Activity(ShownTable):
    """Interventions under way in an area during a stretch of time."""

    area: str
    start: pd.Timestamp
    end: pd.Timestamp
    population: float
    table: pd.DataFrame = field(repr=False, compare=False)
    at_once: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """How many interventions by how many agencies, the cost, and the most at once."""
        n = int(self.table["interventions"].sum())
        when = f"{wording.period(self.start)} to {wording.period(self.end)}"
        if n == 0:
            return wording.Sentence(f"No intervention is recorded in {self.area}, {when}.")
        most = int(self.at_once["agencies"].max())
        text = f"{wording.counted(n, 'intervention').capitalize()} in {self.area}, {when}."
        if most > 1:
            text += f" Up to {wording.counted(most, 'agency', 'agencies')} were at work at once."
        known = self.table["cost_gbp"].sum(min_count=1)
        if not np.isnan(known):
            missing = int(self.table["without_cost"].sum())
            text += f" Cost: £{wording.number(round(known))}"
            text += f", £{wording.number(known / self.population, 0)} a head"
            text += f"; not known for {wording.of_total(missing, n)}." if missing else "."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many interventions and agencies were at work, month by month."""
        long = self.at_once.melt("day", ["interventions", "agencies"], var_name="series")
        long["period"] = pd.PeriodIndex(long["day"], freq="M")
        long["series"] = long["series"].str.capitalize()
        return figures.draw_trend(long, unit="count", ax=ax)


def activity(brief: AreaBrief, *, by: str = "agency") -> Activity:
    """What was under way in the area over the time of its data.

    The cost of an intervention that runs beyond that time counts by its days inside; without an end
    it runs until the last day. `by` is "agency", "theme" or "kind".

    Returns
    -------
    Activity
        ``table`` has ``interventions``, ``cost_gbp``, ``cost_per_head``, ``without_cost``,
        ``people_reached``, ``cost_per_person_reached``, ``reached_per_1000``; ``at_once`` the
        number of interventions and agencies on the first day of each month.

    Raises
    ------
    StudyError
        The study has no interventions or no populations.
    """
    check_one_of(by, BY, "grouping")
    interventions = brief.study.read("interventions")
    population = residents_of(brief, list(brief.area.members))
    periods = [panel["period"] for panel in brief.panels.values()]
    start = min(period.min().start_time for period in periods).normalize()
    end = max(period.max().end_time for period in periods).normalize()
    rows = _running(interventions[interventions["area_code"].isin(codes_of(brief))], start, end)
    days = (rows["to"] - rows["from"]).dt.days + 1
    inside = (rows["to"].clip(upper=end) - rows["from"].clip(lower=start)).dt.days + 1
    rows = rows.assign(
        cost_gbp=rows["cost_gbp"] * inside / days, without_cost=rows["cost_gbp"].isna()
    )
    table = rows.groupby(by).agg(
        interventions=("from", "size"),
        cost_gbp=("cost_gbp", lambda cost: cost.sum(min_count=1)),
        without_cost=("without_cost", "sum"),
        people_reached=("people_reached", lambda people: people.sum(min_count=1)),
    )
    table = table.astype({"cost_gbp": float, "people_reached": float})
    table.insert(2, "cost_per_head", table["cost_gbp"] / population)
    reached = table["people_reached"].where(table["people_reached"] > 0)
    table["cost_per_person_reached"] = table["cost_gbp"] / reached
    table["reached_per_1000"] = 1000 * table["people_reached"] / population
    at_once = _at_once(rows, start, end)
    return Activity(brief.area.name, start, end, population, table, at_once)


def _running(rows: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Interventions that run on at least one day from `start` to `end`."""
    begun = pd.to_datetime(rows["start"])
    over = pd.to_datetime(rows["end"]).fillna(begun.clip(lower=end))
    rows = rows.assign(**{"from": begun, "to": over})
    return rows[(rows["from"] <= end) & (rows["to"] >= start)]


def _at_once(rows: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    days = pd.date_range(start, end, freq="MS").union([start])
    first, last = (rows[name].to_numpy("datetime64[ns]") for name in ("from", "to"))
    at = days.to_numpy("datetime64[ns]")[:, None]
    running = (first <= at) & (last >= at)
    agencies = rows["agency"].to_numpy()
    counts = {
        "day": days,
        "interventions": running.sum(axis=1),
        "agencies": [pd.Series(agencies[now]).nunique() for now in running],
    }
    return pd.DataFrame(counts)


def spending(brief: AreaBrief, *, by: str = "stream") -> View:
    """Money tied to the area, elsewhere and to neither, by "stream", "theme" or "agency".

    Returns
    -------
    View
        ``table`` has ``area``, ``elsewhere``, ``untied`` (pounds), ``area_per_head``,
        ``elsewhere_per_head``, ``share_of_money`` (of all that is tied to an area) and
        ``share_of_people``, both in per cent.

    Raises
    ------
    StudyError
        The study has no resources or no populations.
    """
    check_one_of(by, SPENT_BY, "grouping")
    rows = brief.study.read("resources")
    population = residents_of(brief, list(brief.area.members))
    population_elsewhere = residents_of(brief, brief.comparators[REST])
    tied_to = rows["area_code"]
    here = tied_to.isin(codes_of(brief))
    rows = rows.assign(where=np.select([here, tied_to.notna()], ["area", "elsewhere"], "untied"))
    table = _spread_out(rows, by)
    tied = table["area"] + table["elsewhere"]
    people = {"area": population, "elsewhere": population_elsewhere}
    over_time = _spread_out(rows, "period")[list(people)] / pd.Series(people)
    over_time = over_time.rename(columns={"area": brief.area.name, "elsewhere": "Elsewhere"})
    table = table.assign(
        area_per_head=table["area"] / population,
        elsewhere_per_head=table["elsewhere"] / population_elsewhere,
        share_of_money=100 * table["area"] / tied.where(tied > 0),
        share_of_people=100 * population / (population + population_elsewhere),
    )
    long = over_time.reset_index().melt("period", var_name="series")
    return View(
        _tied(brief.area.name, table[["area", "elsewhere", "untied"]].sum(), people), table,
        lambda ax: figures.draw_trend(long, unit="pounds a head", ax=ax),
    )  # fmt: skip


def _tied(area: str, total: pd.Series, people: dict[str, float]) -> str:
    """Money tied to the area per head, that elsewhere, and how much is tied to neither."""
    if total.sum() == 0:
        return "No spending is recorded."
    here, there = (total[where] / people[where] for where in people)
    return (
        f"£{wording.number(round(total['area']))} is tied to {area} "
        f"(£{wording.number(here, 2)} a head, against £{wording.number(there, 2)} elsewhere); "
        f"£{wording.number(round(total['untied']))} is {EVERYWHERE}."
    )


def _spread_out(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Pounds by `by`, with a column for each of area, elsewhere and untied."""
    sums = rows.pivot_table(index=by, columns="where", values="amount_gbp", aggfunc="sum")
    sums = sums.reindex(columns=["area", "elsewhere", "untied"]).fillna(0.0)
    return sums.rename_axis(columns=None)


def codes_of(brief: AreaBrief) -> list[str]:
    """Codes of the area, of its small areas, and of every other area that lies wholly in it."""
    own = set(brief.area.members)
    inside: list[str] = []
    if brief.study.has("area_members"):
        rows = brief.study.read("area_members", where={"code_vintage": brief.area.code_vintage})
        wholes = rows.groupby("area_code")["member_code"].agg(set)
        inside = [code for code, parts in wholes.items() if parts <= own]
    return list(dict.fromkeys([brief.area.code, *brief.area.members, *inside]))


def residents_of(brief: AreaBrief, codes: list[str]) -> float:
    """Residents of small areas; StudyError or PanelError where the study has none."""
    found = brief.population(codes)
    if found is None:
        brief.study.files("populations")  # says that the study lacks the table
        raise PanelError(f"The table populations has no residents of {brief.area.name}.")
    return found[0]
