"""The whole borough on a page: which areas stand out, on what, and what to look at first."""

from dataclasses import replace
from typing import Any

import numpy as np

from lsp_analysis import wording
from lsp_analysis.effects.outcomes.programme_page import Programmes
from lsp_analysis.reports.view import places
from lsp_analysis.reports.view.changes import clear_gap_changes, gap_words, since
from lsp_analysis.reports.view.part import KIND, WORDS, Part, is_clear, rows_of
from lsp_analysis.reports.view.screen import furthest_table, pilot_box
from lsp_analysis.standing.agencies import highlight
from lsp_analysis.standing.agencies.highlight import Highlights
from lsp_analysis.standing.agencies.plan import OFF_TRACK
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.study.store import Study

MOST_AREAS = 28  # columns of a table that can be read
WORST = 3
NAMED = 2  # measures of an area that are named
LIFT = 30  # units of the map between a label and its place, and between two labels
RULE = "Chosen as worse than the rest of the borough on more measures than the others."


def borough_screen(
    study: Study, found: Highlights, brief: AreaBrief | None = None, works: Programmes | None = None
) -> Part:
    """What those who steer a borough should know who read no further.

    Parameters
    ----------
    study : Study
    found : Highlights
        See `highlights`.
    brief : AreaBrief, optional
        Of the most deprived small areas together, for the gap to the rest.
    works : Programmes, optional
        See `programmes`.
    """
    borough = places.borough_name(study)
    small = study.small_areas()["area_code"]
    told = {
        "eyebrow": "Whole borough",
        "name": wording.capital(borough),
        "verdict": str(found.sentence()),
        "tally": _tally(found),
        "facts": [["", f"{wording.number(len(small))} small areas; compared here: "
                       f"{found.table['area'].nunique()} {found.kind}."]],
        "map": _map(study, found),
        "rest": f"Rest of {borough}",
        "table": _table(brief, borough) if brief else None,
        "box": _box(works) if works else None,
        "changed": _changed(found, brief),
        "next": _next(study, found, brief),
        "unknown": highlight.cannot_tell(study, found),
        "index": {"title": "Highlight report", "borough": f"{borough} neighbourhoods"},
    }  # fmt: skip
    return Part("screen", told, found.changed_rows())


def _tally(found: Highlights) -> list[list[Any]]:
    """How many areas are worse on something, better only, and neither."""
    worse, better = (
        found.table["verdict"].eq(word).groupby(found.table["area"]).any()
        for word in verdicts.CLEAR[:2]
    )
    counts = [
        ["worse", int(worse.sum()), "worse on something"],
        ["better", int((better & ~worse).sum()), "only better"],
        ["none", int((~better & ~worse).sum()), "neither"],
    ]
    return [told for told in counts if told[1]]


def _table(brief: AreaBrief, borough: str) -> dict[str, Any]:
    """The most deprived small areas together on the measures where they stand out most."""
    told = furthest_table([replace(row, rank="") for row in rows_of(brief)], borough)
    title = f"{wording.capital(brief.area.name)} against the rest of {borough}"
    return {**told, "title": title, "here": "Most deprived", "of": ""}


def _box(works: Programmes) -> dict[str, Any]:
    """What became of the programmes on record: the one there is, or how many moved something."""
    title = "What works?"
    if len(works.found) == 1 and (effect := works.found[0][1]):
        programme = works.found[0][0]
        return {**pilot_box(programme, effect), "title": f"{title} {programme.area.name}"}
    judged = [effect.effect for _, effect in works.judged()]
    if not judged:
        return {"title": title, "sure": ["", str(works.sentence())]}
    clear = wording.capital(wording.of_total(sum(map(is_clear, judged)), len(judged)))
    small = "programmes moved the outcome named for them by more than chance."
    return {"title": title, "big": clear, "small": small, "sure": ["", str(works.sentence())]}


def verdict_grid(study: Study, found: Highlights) -> Part:
    """Every area beside every other on each measure: rows of measures, columns of areas.

    Measures for which neither high nor low is better are left to the numbers, and so are those on
    which no area can be judged.
    """
    table = found.table
    judged = table["verdict"].ne(verdicts.NOT).groupby(table["indicator_id"], sort=False).any()
    sided = [name for name in judged.index[judged] if study.indicator(name).polarity != "none"]
    shown = table[table["indicator_id"].isin(sided)]
    areas = found.worst_first()[:MOST_AREAS]
    worse = shown["verdict"].eq("worse").groupby(shown["indicator_id"]).sum()
    by_place = shown.set_index(["indicator_id", "area"])["verdict"]
    named = shown.drop_duplicates("indicator_id").set_index("indicator_id")
    named = named.assign(unit=named["unit"].replace("percent", "%"))
    rows = [
        {
            "name": named.loc[name, "indicator"],
            "unit": ", ".join(filter(None, named.loc[name, ["unit", "when"]])),
            "cells": [[KIND[by_place[name, area]], by_place[name, area]] for area in areas],
        }
        for name in worse.sort_values(ascending=False, kind="stable").index
    ]
    notes = []
    if left_out := table["indicator_id"].nunique() - len(rows):
        notes.append(
            f"{wording.capital(wording.counted(left_out, 'measure'))} without a better side, or "
            "on which no area can be judged, are in the numbers."
        )
    if table["area"].nunique() > len(areas):
        notes.append(f"The {len(areas)} areas most often worse are shown.")
    words = [verdict for verdict in verdicts.VERDICTS if shown["verdict"].eq(verdict).any()]
    data = {
        "question": "Where are we at?",
        "title": _grid_title(found, len(rows)),
        "subtitle": f"Each of the {found.kind} against the rest of the borough, the most often "
        "worse from the left.",
        "areas": areas,
        "rows": rows,
        "key": [[KIND[word], WORDS[KIND[word]]] for word in words],
        "note": " ".join(notes),
        "explained": " ".join(
            f"{wording.capital(word)}: {verdicts.MEANINGS[word]}." for word in words
        ),
    }
    return Part("measures", data, table.drop(columns="area_code"))


def _grid_title(found: Highlights, measures: int) -> str:
    worse = found.times_worse()
    if worse.empty:
        return f"None of the {found.kind} is clearly worse on any measure"
    n = wording.counted(measures, "measure")
    times, most = wording.in_words(worse.iloc[0]), worse[worse == worse.iloc[0]]
    if len(most) > WORST:
        areas = wording.capital(wording.counted(len(most), "area"))
        return f"{areas} are worse on {'the only measure' if measures == 1 else f'{times} of {n}'}"
    verb = "is" if len(most) == 1 else "are"
    return f"{wording.and_list(most.index)} {verb} worse on {times} of {n}, more than any other"


def _changed(found: Highlights, brief: AreaBrief | None) -> list[list[str]]:
    told = [["Since the year before:", str(found.changed())]]
    gaps = clear_gap_changes(brief) if brief else []
    if gaps:
        span = since(gaps) or "over all years"
        told.append([f"Gaps of {brief.area.name}, {span}:", gap_words(gaps)])
    elif brief:
        told.append([f"Gaps of {brief.area.name}:", "no gap clearly changed in size."])
    return told


def _next(study: Study, found: Highlights, brief: AreaBrief | None) -> dict[str, Any]:
    """The areas most often worse with the measures they are worse on, and the plan's leads."""
    table = found.table[found.table["verdict"] == "worse"].sort_values("p_value", kind="stable")
    items = []
    for area in found.times_worse().index[:WORST]:
        rows = table[table["area"] == area]
        leads = [study.indicator(name).lead_agency for name in rows["indicator_id"].head(NAMED)]
        agencies = wording.and_list(dict.fromkeys(filter(None, leads)))
        led = f" (lead: {agencies})" if agencies else ""
        items.append([f"{area}:", f"{wording.some_of(rows['indicator'], NAMED + 1)}{led}."])
    after = RULE if items else ""
    plan = brief.plan if brief else None
    if plan is not None and plan.table["status"].isin(OFF_TRACK).any():
        after = f"{after} {highlight.leads_sentence(plan)}".strip()
    lead = "Look first at:" if items else "The numbers single out no area."
    return {"lead": lead, "items": items, "after": after}


def _map(study: Study, found: Highlights) -> dict[str, Any] | None:
    """Where the areas that are most often worse lie."""
    drawn = places.outlines(study)
    worst = list(found.times_worse().index[:WORST])
    if drawn is None or not worst:
        return None
    codes = found.table.drop_duplicates("area").set_index("area")["area_code"]
    members = {name: study.area(codes[name]).members for name in worst}
    inside = {code for own in members.values() for code in own}
    labels = []
    for name, own in members.items():
        points = [drawn.points[code] for code in own if code in drawn.points]
        if points:
            x, y = np.mean(points, axis=0)
            y = max(y - LIFT, 24)
            while any(abs(y - other["y"]) < LIFT for other in labels):
                y += LIFT
            labels.append({"name": name, "me": True, "x": float(x), "y": float(y)})
    borough = places.borough_name(study)
    told = f"Map of {borough}: {wording.and_list(worst)} are most often worse than the rest."
    return drawn.dark(inside, told, labels)
