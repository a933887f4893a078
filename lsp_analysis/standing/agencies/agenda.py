"""What the plan, the agencies and the gaps in the evidence say should be done differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.standing.agencies.joining import activity_in
from lsp_analysis.standing.agencies.plan import OFF_TRACK
from lsp_analysis.standing.place.brief import ALIKE

if TYPE_CHECKING:
    from lsp_analysis.figures.tables import Table
    from lsp_analysis.standing.place.brief import AreaBrief

WANTED = {
    "deprivation": "similarly deprived areas and the story of the Indices",
    "geometry": "maps, neighbours and the ring around the area",
    "plan": "progress against targets",
    "interventions": "what was done, when and by whom",
    "resources": "what was spent",
    "populations": "how many people live here",
}


def first_things(brief: AreaBrief, *, most: int = 3) -> wording.Sentence:
    """What to look at first: what is worse here than even in similarly deprived areas.

    Else what is worse than in the rest of the borough and off track in its plan, else what is
    worse; the furthest from the comparator first.
    """
    table = brief.profile.table
    worse = brief.profile.standing_out("worse", n=len(table))
    if worse.empty:
        return wording.Sentence(
            f"Nothing in {brief.area.name} stands out as worse than the rest of the borough, so "
            "nothing here calls for a programme of its own."
            if (table["verdict"] != "not compared").any()
            else "Find indicators with counts of separate events: without them no difference can "
            "be told from chance."
        )
    alike = worse[worse.get(f"{ALIKE}: verdict", pd.Series("", index=worse.index)) == "worse"]
    if len(alike):
        return wording.Sentence(f"{_first(alike, most)}: worse here than even in {ALIKE}.")
    off = set() if brief.plan is None else set(_off_track(brief)["indicator_id"])
    both = worse[worse.index.isin(off)]
    if len(both):
        return wording.Sentence(
            f"{_first(both, most)}: worse here, and off track in the whole borough's plan."
        )
    return wording.Sentence(f"{_first(worse, most)}: furthest behind the rest of the borough.")


def _first(rows: pd.DataFrame, most: int) -> str:
    return f"Look first at {wording.and_list(map(wording.inside, rows['name'].head(most)))}"


def _off_track(brief: AreaBrief) -> pd.DataFrame:
    table = brief.plan.table
    return table[table["status"].isin(OFF_TRACK)]


def plan_sentence(brief: AreaBrief) -> wording.Sentence:
    """How the plan stands, and which measures off track are worse here as well."""
    progress = brief.plan
    if progress is None:
        return wording.Sentence(
            'The study has no table "plan", so progress against targets is not known.'
        )
    off = _off_track(brief)
    worse = brief.profile.table.index[brief.profile.table["verdict"] == "worse"]
    both = [i for i in dict.fromkeys(off["indicator_id"]) if i in set(worse)]
    text = f"For the whole borough. {progress.sentence()}"
    if both:
        names = wording.and_list(wording.inside(brief.study.indicator(i).name) for i in both)
        text += f" Off track in the borough and worse in {brief.area.name}: {names}."
    return wording.Sentence(text)


def plan_table(brief: AreaBrief) -> Table:
    """Indicators whose last target in the plan is off track, the furthest behind first."""
    last = brief.plan.table.sort_values("due", kind="stable").drop_duplicates(
        "indicator_id", keep="last"
    )
    off = last[last["status"].isin(OFF_TRACK)].sort_values("progress", kind="stable")
    shown = pd.DataFrame(
        {
            "Measure": [brief.study.indicator(name).name for name in off["indicator_id"]],
            "Due": [wording.period(str(due)) for due in off["due"]],
            "Baseline": off["baseline"].to_numpy(),
            "Latest": off["value"].to_numpy(),
            "Target": off["target"].to_numpy(),
            "Status": off["status"].to_numpy(),
            "Lead agency": _column(off, "lead_agency"),
        }
    )
    return figures.table(
        shown,
        caption="Off track in the borough's plan by the last target of each indicator, the "
        "furthest behind first",
    )


def _column(rows: pd.DataFrame, name: str) -> list[str]:
    if name not in rows:
        return [""] * len(rows)
    return ["" if wording.is_missing(cell) else str(cell) for cell in rows[name]]


def activity_sentence(brief: AreaBrief) -> wording.Sentence:
    """What agencies were doing in the area over the period of the data."""
    if not brief.study.has("interventions") or brief.population() is None:
        return wording.Sentence(
            "The study does not record what agencies did here, so activity cannot be set beside "
            "outcomes."
        )
    return activity_in(brief).sentence()


def evidence_gaps(brief: AreaBrief) -> wording.Sentence:
    """What this study cannot say for want of a table, and which indicators had no numbers."""
    missing = [f'"{name}" ({what})' for name, what in WANTED.items() if not brief.study.has(name)]
    parts = []
    if missing:
        parts.append(f"For want of a table this page is without: {wording.and_list(missing)}.")
    table = brief.profile.table
    blank = list(table.loc[table["value"].isna(), "name"])
    if blank:
        parts.append(f"No value is known here for {wording.and_list(map(wording.inside, blank))}.")
    parts.extend(brief.notes)
    return wording.Sentence(
        " ".join(parts) or "No table or value that this page asks for is missing."
    )
