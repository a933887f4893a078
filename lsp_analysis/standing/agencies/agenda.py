"""What the plan, the agencies and the gaps in the evidence say should be done differently."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.standing.agencies.activities import activity
from lsp_analysis.standing.comparison.verdict import NOT
from lsp_analysis.standing.place.brief import ALIKE, AreaBrief

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
    marks = {
        "worse_than_alike": alike == "worse",
        "off_track": rows.index.isin(off),
        "getting_worse": worsening | (rows["change_verdict"] == "worse"),
        "untested": rows["verdict"] == NOT,
    }
    rows = rows.assign(**marks)
    points = rows[["worse_than_alike", "off_track", "getting_worse"]].sum(axis=1)
    rows = rows.iloc[np.lexsort((-points, rows["untested"]))]
    why = [
        wording.and_list(said for name, said in REASONS.items() if row[name])
        for row in rows[list(REASONS)].to_dict("records")
    ]
    return rows.assign(why=why)


def plan_sentence(brief: AreaBrief) -> wording.Sentence:
    """How the plan stands, and how many measures off track are worse here as well."""
    progress = brief.plan
    if progress is None:
        return wording.Sentence(NO_PLAN)
    off = progress.off_track
    worse = brief.profile.table.index[brief.profile.table["verdict"] == "worse"]
    both = [i for i in dict.fromkeys(off["indicator_id"]) if i in set(worse)]
    among = wording.of_total(len(off), len(progress.table))
    text = f"{wording.capital(among)} targets of the borough's plan are off track"
    if both:
        measures = wording.counted(len(both), "of their measures", "of their measures")
        text += f"; {measures} {'is' if len(both) == 1 else 'are'} worse here too"
    return wording.Sentence(f"{text}.")


def activity_sentence(brief: AreaBrief) -> wording.Sentence:
    """What agencies were doing in the area over the period of the data."""
    if not brief.study.has("interventions") or brief.population() is None:
        return wording.Sentence(
            "The study does not record what agencies did here, so activity cannot be set beside "
            "outcomes."
        )
    return activity(brief).sentence()


def evidence_gaps(brief: AreaBrief) -> wording.Sentence | None:
    """What this study cannot say because it has no table, and which indicators had no numbers.

    None when nothing that the page asks for is missing.
    """
    wanted = {name: what for name, what in WANTED.items() if name not in TOLD_APART}
    parts = []
    if missing := [f'"{n}" ({what})' for n, what in wanted.items() if not brief.study.has(n)]:
        parts.append(f"The study has no table for {wording.and_list(missing)}.")
    table = brief.profile.table
    if blank := list(table.loc[table["value"].isna(), "name"]):
        parts.append(f"No value is known here for {wording.some_of(blank)}.")
    return wording.Sentence(" ".join([*parts, *brief.notes])) if parts or brief.notes else None
