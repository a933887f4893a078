"""What the agencies do here, with which money, and what should be done differently: outcomes, the
plan and the gaps in the evidence side by side."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import View
from lsp_analysis.standing.comparison.verdict import NOT
from lsp_analysis.standing.place.brief import ALIKE, REST, AreaBrief

METRES_A_KM = 1000
WANTED = {
    "deprivation": "similarly deprived areas and the story of the Indices",
    "geometry": "maps, neighbours and the ring around the area",
    "plan": "progress against targets",
    "interventions": "what was done, when and by whom",
    "resources": "what was spent",
    "populations": "how many people live here",
}
TOLD_APART = {"plan", "interventions"}  # tables whose own sentence says that they are missing
NO_PLAN = 'The study has no table "plan", so progress against targets is not known.'
NOTHING = (
    "The numbers single out nothing here: ask residents and the ward's services what they see."
)
REASONS = {
    "worse_than_alike": f"worse than even in {ALIKE}",
    "off_track": "off track in the borough's plan",
    "getting_worse": "getting worse",
    "untested": "among the worst tenth, though it cannot be tested",
}


def priorities(brief: AreaBrief) -> pd.DataFrame:
    """What to look at first, by a rule that the page prints; empty when nothing is singled out.

    What is worse than in the rest of the borough comes first: before others what is also worse
    than in similarly deprived areas, off track in the borough's plan or getting worse (the more of
    these the earlier), then by place among the small areas. After these come values that cannot be
    tested but are among the worst tenth.

    Returns
    -------
    DataFrame, indexed by indicator_id, the first to look at first
        Rows of the profile's table with ``worse_than_alike``, ``off_track``, ``getting_worse`` and
        ``untested`` (booleans), and ``why`` (those that hold, in words).
    """
    table = brief.profile.table
    rows = table.loc[brief.profile.standing_out("worse").index]
    tenth = table[(table["verdict"] == NOT) & (table["rank"] <= table["of"] / 10)]
    rows = pd.concat([rows, tenth[tenth["polarity"] != "none"].sort_values("rank")])
    alike = rows.get(f"{ALIKE}: verdict", pd.Series("", index=rows.index))
    off = set() if brief.plan is None else set(brief.plan.off_track["indicator_id"])
    worsening = rows["trend"].fillna("").str.contains("getting worse")
    worsening &= rows["change_verdict"] != "better"  # it has clearly turned since
    rows = rows.assign(
        worse_than_alike=alike == "worse",
        off_track=rows.index.isin(off),
        getting_worse=worsening | (rows["change_verdict"] == "worse"),
        untested=rows["verdict"] == NOT,
    )
    points = rows[["worse_than_alike", "off_track", "getting_worse"]].sum(axis=1)
    rows = rows.iloc[np.lexsort((-points, rows["untested"]))]
    why = [
        wording.and_list(said for name, said in REASONS.items() if row[name])
        for row in rows[list(REASONS)].to_dict("records")
    ]
    return rows.assign(why=why)


def plan_sentence(brief: AreaBrief) -> wording.Sentence:
    """How the plan stands, and how many measures off track are worse here as well."""
    if brief.plan is None:
        return wording.Sentence(NO_PLAN)
    off, verdicts = brief.plan.off_track, brief.profile.table["verdict"]
    both = set(off["indicator_id"]) & set(verdicts.index[verdicts == "worse"])
    among = wording.of_total(len(off), len(brief.plan.table))
    text = f"{wording.capital(among)} targets of the borough's plan are off track"
    if both:
        measures = wording.counted(len(both), "of their measures", "of their measures")
        text += f"; {measures} {'is' if len(both) == 1 else 'are'} worse here too"
    return wording.Sentence(f"{text}.")


def activity_sentence(brief: AreaBrief) -> wording.Sentence:
    """What agencies were doing in the area over the period of the data."""
    if brief.study.has("interventions") and brief.population() is not None:
        return activity(brief).sentence()
    text = "The study does not record what agencies did here, so activity cannot be set beside "
    return wording.Sentence(f"{text}outcomes.")


def evidence_gaps(brief: AreaBrief) -> wording.Sentence | None:
    """What this study cannot say because it has no table, and which indicators had no numbers.

    None when nothing that the page asks for is missing.
    """
    wanted, parts = {n: what for n, what in WANTED.items() if n not in TOLD_APART}, []
    if missing := [f'"{n}" ({what})' for n, what in wanted.items() if not brief.study.has(n)]:
        parts.append(f"The study has no table for {wording.and_list(missing)}.")
    table = brief.profile.table
    if blank := list(table.loc[table["value"].isna(), "name"]):
        parts.append(f"No value is known here for {wording.some_of(blank)}.")
    return wording.Sentence(" ".join([*parts, *brief.notes])) if parts or brief.notes else None


def joined_up(brief: AreaBrief) -> View:
    """Set outcomes, plan, programmes and money of each theme side by side.

    A table that the study lacks leaves its column empty.

    Returns
    -------
    View
        ``table``, indexed by theme, has ``lead_agencies``, ``indicators``, ``worse``,
        ``off_track``, ``interventions`` and ``tied_gbp``.

    Raises
    ------
    PanelError
        No indicator of the study has a theme.
    """
    indicators = brief.study.indicators().set_index("indicator_id")
    indicators = indicators.loc[list(brief.panels)].dropna(subset="theme")
    if indicators.empty:
        raise PanelError("No indicator of this study has a theme to set work and money against.")
    verdicts = brief.profile.table["verdict"].reindex(indicators.index)
    themes = indicators.assign(worse=verdicts == "worse").groupby("theme", sort=False)
    leads = themes["lead_agency"].agg(lambda names: wording.and_list(names.dropna().unique()))
    table = pd.DataFrame({"lead_agencies": leads, "indicators": themes.size()})
    table["worse"] = themes["worse"].sum()
    table["off_track"] = _counted(brief.plan and brief.plan.off_track, table.index)
    table["interventions"] = _counted(_here(brief, "interventions"), table.index)
    money, table["tied_gbp"] = _here(brief, "resources"), np.nan
    if money is not None:
        tied = money.groupby("theme")["amount_gbp"].sum()
        table["tied_gbp"] = tied.reindex(table.index).fillna(0.0)
    area = brief.area.name
    return View(_joined(area, table, _works(brief)), table, tabulate=lambda: _by_theme(area, table))


def _joined(area: str, table: pd.DataFrame, works: tuple[str, ...]) -> str:
    """Themes that are worse here, with and without anybody on record as at work on them."""
    worse, worked = table["worse"] > 0, table["interventions"] > 0
    if not worse.any():
        return f"On no theme is {area} worse than {REST} on any indicator."
    groups = (worse & (table["interventions"] == 0), worse & worked, (table["worse"] == 0) & worked)
    without, at_work, idle = (
        wording.and_list(f"{name} (led by {lead})" if lead else name for name, lead in leads)
        for leads in (table.loc[rows, "lead_agencies"].items() for rows in groups)
    )
    text = f"{area} is worse than {REST} in {wording.counted(int(worse.sum()), 'theme')}."
    if without:
        text += f" No programme and no money is on record here under {without}."
    if at_work:
        text += f" Something is on record under {at_work}."
    if idle:
        text += f" Work is also on record for {idle}, where no indicator is worse."
    if without and works:
        text += f" Programmes under other themes may reach them: {wording.and_list(works)}."
    return text


def _by_theme(area: str, rows: pd.DataFrame) -> Table:
    """Theme by theme: who leads, what is worse, what is off track, what is done and spent."""
    shown = {
        "Theme": rows.index,
        "Lead agencies": rows["lead_agencies"],
        "Worse here": list(map(wording.of_total, rows["worse"], rows["indicators"])),
        "Borough off track": rows["off_track"].to_numpy(),
        "Programmes here": rows["interventions"].to_numpy(),
        "Pounds tied to the area": rows["tied_gbp"].to_numpy(),
    }
    return figures.table(
        pd.DataFrame(shown).reset_index(drop=True),
        caption=f"{area}: outcomes, work and money by theme",
        note="Worse: indicators worse than in the rest of the borough. Off track: measures of "
        "the borough's plan. Only work and money recorded against the area itself count.",
        digits={"Pounds tied to the area": 0},
    )


def _works(brief: AreaBrief) -> tuple[str, ...]:
    """Events of the area's programmes with their dates, as the trend charts mark them."""
    rows = _here(brief, "events")
    if rows is None or "intervention_id" not in rows:
        return ()
    begun_or_over = rows["kind"].str.contains(r"\b(?:start|end)", case=False)
    rows = rows[rows["intervention_id"].notna() & ~begun_or_over].sort_values("date")
    return tuple(
        f"{wording.inside(label)} ({wording.period(date.to_period('M'))})"
        for label, date in zip(rows["label"], rows["date"], strict=True)
    )


def spending_table(brief: AreaBrief, *, by: str = "stream") -> Table:
    """`spending` for people, all periods together."""
    found = spending(brief, by=by).table
    names = [brief.area.name, "Other areas", "Tied to no area"]
    shown = found[MONEY].set_axis(names, axis=1).rename_axis(wording.capital(by))
    return figures.table(shown, caption=f"Pounds by {by}, all periods together")


def plan_by_agency(brief: AreaBrief) -> Table:
    """How many measures of the borough's plan each lead agency has met, missed and so on.

    StudyError without a plan.
    """
    brief.study.files("plan")  # says that the study lacks the table
    counts = brief.plan.by("lead_agency").rename(columns=wording.capital)
    return figures.table(
        counts.rename_axis("Lead agency").rename_axis(columns=None),
        caption="Measures of the borough's plan by lead agency",
    )


def assets_table(brief: AreaBrief) -> Table:
    """The nearest asset of each kind, and how many small areas have one nearer.

    Distances are as the crow flies, from a point in the middle of each small area; for an area of
    several, the least of theirs. StudyError without assets or boundaries.
    """
    assets = brief.study.read("assets").dropna(subset=["x", "y"])
    shapes = brief.study.geometry([*brief.area.members, *brief.comparators[REST]])
    middle = shapes.geometry.representative_point()
    own, rows = shapes["area_code"].isin(brief.area.members).to_numpy(), []
    for kind, some in assets.groupby("kind"):
        metres, found = KDTree(some[["x", "y"]]).query(np.column_stack([middle.x, middle.y]))
        place = np.where(own, metres, np.inf).argmin()
        nearest, nearer = some.iloc[found[place]], int((metres[~own] < metres[place]).sum())
        of = wording.of_total(nearer, int((~own).sum()))
        rows.append([kind, *nearest[["name", "services"]], metres[place] / METRES_A_KM, of])
    columns = ["Kind", "Nearest", "Services", "Kilometres", "Small areas with one nearer"]
    shown = pd.DataFrame(rows, columns=columns)
    shown = shown.assign(Services=shown["Services"].str.replace(";", ", "))
    return figures.table(
        shown.sort_values("Kilometres", ascending=False, ignore_index=True),
        caption=f"The nearest asset of each kind, from {brief.area.name}, the furthest first",
        note="As the crow flies, from the middle of each small area.",
        digits={"Kilometres": 1},
    )


def _here(brief: AreaBrief, table: str) -> pd.DataFrame | None:
    """Rows of a table that carry a code of the area; None when the study lacks the table."""
    if not brief.study.has(table):
        return None
    return brief.study.read(table, where={"area_code": codes_of(brief)})


def _counted(rows: pd.DataFrame | None, themes: pd.Index) -> pd.Series | float:
    """Rows by theme; missing when there is no such table."""
    if rows is None:
        return np.nan
    return rows["theme"].value_counts().reindex(themes).fillna(0).astype(int)


BY = ("agency", "theme", "kind")
SPENT_BY = ("stream", "theme", "agency")
MONEY = ["area", "elsewhere", "untied"]
EVERYWHERE = "not tied to an area"


@dataclass(frozen=True)
class Activity(View):
    """Interventions under way in an area, and how many were at once."""

    at_once: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


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
    groups = rows.groupby(by)
    sums = groups[["cost_gbp", "people_reached"]].sum(min_count=1).astype(float)
    reached = sums["people_reached"].where(sums["people_reached"] > 0)
    table = pd.DataFrame(
        {
            "interventions": groups.size(),
            "cost_gbp": sums["cost_gbp"],
            "cost_per_head": sums["cost_gbp"] / population,
            "without_cost": groups["without_cost"].sum(),
            "people_reached": sums["people_reached"],
            "cost_per_person_reached": sums["cost_gbp"] / reached,
            "reached_per_1000": 1000 * sums["people_reached"] / population,
        }
    )
    at_once = _at_once(rows, start, end)
    long = at_once.melt("day", ["interventions", "agencies"], var_name="series")
    long = long.assign(period=pd.PeriodIndex(long["day"], freq="M"))
    long["series"] = long["series"].str.capitalize()
    where = f"in {brief.area.name}, {wording.period(start)} to {wording.period(end)}"
    said = _under_way(where, table, int(at_once["agencies"].max()), population)
    return Activity(
        said, table, lambda ax: figures.draw_trend(long, unit="count", ax=ax), at_once=at_once
    )


def _under_way(where: str, table: pd.DataFrame, most: int, population: float) -> str:
    """How many interventions by how many agencies, the cost, and the most at once."""
    n, missing = int(table["interventions"].sum()), int(table["without_cost"].sum())
    if n == 0:
        return f"No intervention is recorded {where}."
    text, known = f"{wording.counted(n, 'intervention').capitalize()} {where}.", table["cost_gbp"]
    if most > 1:
        text += f" Up to {wording.counted(most, 'agency', 'agencies')} were at work at once."
    if known.notna().any():
        a_head = wording.number(known.sum() / population, 0)
        text += f" Cost: £{wording.number(round(known.sum()))}, £{a_head} a head"
        text += f"; not known for {wording.of_total(missing, n)}." if missing else "."
    return text


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
    agencies = [rows.loc[now, "agency"].nunique() for now in running]
    counts = {"day": days, "interventions": running.sum(axis=1), "agencies": agencies}
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
    here = residents_of(brief, list(brief.area.members))
    there = residents_of(brief, brief.comparators[REST])
    places = [rows["area_code"].isin(codes_of(brief)), rows["area_code"].notna()]
    rows = rows.assign(where=np.select(places, MONEY[:2], MONEY[2]))
    table, over_time = _spread_out(rows, by), _spread_out(rows, "period")
    (area, elsewhere, untied), tied = table[MONEY].sum(), table[MONEY[:2]].sum(axis=1)
    table = table.assign(
        area_per_head=table["area"] / here,
        elsewhere_per_head=table["elsewhere"] / there,
        share_of_money=100 * table["area"] / tied.where(tied > 0),
        share_of_people=100 * here / (here + there),
    )
    lines = {brief.area.name: over_time["area"] / here, "Elsewhere": over_time["elsewhere"] / there}
    long = pd.DataFrame(lines).reset_index().melt("period", var_name="series")
    a_head, against = wording.number(area / here, 2), wording.number(elsewhere / there, 2)
    said = (
        f"£{wording.number(round(area))} is tied to {brief.area.name} (£{a_head} a head, against "
        f"£{against} elsewhere); £{wording.number(round(untied))} is {EVERYWHERE}."
    )
    said = said if area + elsewhere + untied else "No spending is recorded."
    return View(said, table, lambda ax: figures.draw_trend(long, unit="pounds a head", ax=ax))


def _spread_out(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Pounds by `by`, with a column for each of area, elsewhere and untied."""
    sums = rows.pivot_table(index=by, columns="where", values="amount_gbp", aggfunc="sum")
    return sums.reindex(columns=MONEY).fillna(0.0).rename_axis(columns=None)


def codes_of(brief: AreaBrief) -> list[str]:
    """Codes of the area, of its small areas, and of every other area that lies wholly in it."""
    codes = [brief.area.code, *brief.area.members]
    if brief.study.has("area_members"):
        rows = brief.study.read("area_members", where={"code_vintage": brief.area.code_vintage})
        inside = rows["member_code"].isin(brief.area.members).groupby(rows["area_code"]).all()
        codes.extend(inside.index[inside])
    return list(dict.fromkeys(codes))


def residents_of(brief: AreaBrief, codes: list[str]) -> float:
    """Residents of small areas; StudyError or PanelError where the study has none."""
    found = brief.population(codes)
    if found is None:
        brief.study.files("populations")  # says that the study lacks the table
        raise PanelError(f"The table populations has no residents of {brief.area.name}.")
    return found[0]
