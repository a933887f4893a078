"""Does the finding depend on who it is compared with?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.checks.around import steps_away
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.study.asking.table import need_columns
from lsp_analysis.study.question import Question

FEWEST = 10  # comparison areas that a pool must have
FEWEST_TO_LEAVE = 3  # comparison areas, so that two are left
SHOWN = 12  # placebos left out in turn: those that move the effect farthest
TOO_MUCH = 0.25  # of the interval's half-width, by which one area may move the effect
ENOUGH = 0.1  # the same, where leaving the area out also changes whether the effect is clear
FAR = 0.5  # of the half-width, by which another choice of areas may move the effect
DOINGS = {
    "interventions": ["name", "area_code", "start"],
    "events": ["label", "area_code", "date"],
}  # tables of a study, and the columns that say what was done where and when
ENOUGH_AREAS = 30  # in a choice, for how far it moves the effect to mean something


def leave_one_out(asked: Asked) -> CheckResult:
    """How far the effect moves when one placebo at a time is left out of the regression.

    "failed" when one moves it by more than a quarter of the interval's half-width, or by a tenth
    and with it whether the interval leaves out 0; "too little to tell" with one or two comparison
    areas.
    """
    name, placebos, half = "Leave one comparator out", asked.effect.placebos, asked.half_width
    count = int(asked.question.comparison.sum())
    if count < FEWEST_TO_LEAVE:
        finding = (
            f"With {wording.counted(count, 'comparison area')} too few are left to compare with "
            "once one is taken out."
        )
        return CheckResult(name, UNSURE, finding)
    moved = (placebos["without"] - asked.own_units).abs().to_numpy()
    order = np.argsort(-moved, kind="stable")[:SHOWN]
    table = pd.DataFrame({"label": "without " + placebos["areas"].iloc[order].astype(str)})
    table = table.reset_index(drop=True)
    for column, side in (("estimate", 0.0), ("low", -half), ("high", half)):
        table[column] = asked.shown(placebos["without"].to_numpy()[order] + side)
    size = asked.question.treated.sum()  # a placebo of several areas counts by area
    share = float(moved[order[0]]) / size / half if half else np.inf
    worst = np.isin(asked.question.areas.astype(str), placebos["areas"].iloc[order[0]].split())
    again = asked.among(asked.question.comparison & ~worst)
    turns = again is not None and again.size.clear != asked.size.clear
    status = FAILED if share > TOO_MUCH or (share > ENOUGH and turns) else PASSED
    low, high = asked.runs(table["estimate"])
    finding = (
        f"Whichever of {wording.counted(len(placebos), 'placebo neighbourhood')} is left out, the "
        f"effect stays between {low} and {high} (with all: "
        f"{asked.effect.scale.gap(asked.size.estimate)})."
    )
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest)


def comparison_choice(asked: Asked) -> CheckResult:
    """The effect against other choices of comparison areas.

    "failed" when a choice moves it by more than half of the interval's half-width (twice what
    happens in sound boroughs, see ``benchmarks/checks.py``), turns a clear effect's direction, or
    is clear in the opposite direction from another; "too little to tell" when a clear effect is not
    clear with each of them.
    """
    whole, half = asked.size, asked.half_width
    rows = [whole.row("all but neighbours")]
    outside, unclear = [], []
    for label, found, count in other_choices(asked):
        size = found.size
        rows.append(size.row(label))
        turned = whole.clear and size.estimate * whole.estimate < 0
        far = abs(found.own_units - asked.own_units) > FAR * half and count >= ENOUGH_AREAS
        if turned or far or not whole.low <= size.estimate <= whole.high:
            outside.append(label)
        if whole.clear and not size.clear and count >= ENOUGH_AREAS:
            unclear.append(label)
    table = pd.DataFrame(rows)
    low, high = asked.runs(table["estimate"])
    clear = table[(table["low"] > 0) | (table["high"] < 0)]["estimate"]
    if len(rows) == 1:
        status, finding = UNSURE, "There are too few areas to choose other comparisons from."
    else:
        opposed = (clear > 0).any() and (clear < 0).any()
        status = FAILED if outside or opposed else UNSURE if unclear else PASSED
        finding = f"Over {wording.counted(len(rows), 'choice')} of comparison areas it runs from "
        finding += f"{low} to {high}."
        if outside:
            finding = f"{finding[:-1]}; too far from the rest with {wording.and_list(outside)}."
        elif unclear:
            finding += f" It is no longer clear of chance with {wording.and_list(unclear)} alone."
    return CheckResult("Comparison pool", status, finding, table, "draw_forest", asked.forest)


def contaminated_comparators(asked: Asked) -> CheckResult:
    """Whether something else was done in comparison areas, or in the neighbourhood itself.

    Looks through the study's interventions and events; those of areas that hold the whole borough
    touch all alike and are left aside.
    """
    name, question, context = "Contaminated comparators", asked.question, asked.question.context
    if all(context.get(source) is None for source in DOINGS):
        said = "No list of other programmes or events was given to look through."
        return CheckResult(name, UNSURE, said)
    rows, touched = _other_doings(question)
    table = pd.DataFrame(rows, columns=["label", "date", "where", "areas"])
    at_home = table[table["where"] == "here"]
    if len(at_home):
        said = (
            f"Something else began in the neighbourhood: {wording.and_list(at_home['label'])}. "
            "What the programme did cannot be told apart from what that did."
        )
        return CheckResult(name, FAILED, said, table)
    if not touched.any():
        said = "No other programme or event is on record in any comparison area."
        return CheckResult(name, PASSED, said, table)
    clean = question.comparison & ~touched
    found = asked.among(clean | question.ring) if clean.sum() >= FEWEST else None
    if found is None:
        said = "Almost every comparison area had a programme of its own."
        return CheckResult(name, UNSURE, said, table)
    size, whole = found.size, asked.size
    same_way = size.estimate * whole.estimate > 0 or not whole.clear
    stands = whole.low <= size.estimate <= whole.high and same_way and size.clear == whole.clear
    finding = (
        f"Something was done in {wording.counted(int(touched.sum()), 'comparison area')}; without "
        f"them the effect is {asked.effect.scale.gap(size.estimate)} (with them "
        f"{asked.effect.scale.gap(whole.estimate)})."
    )
    drawn = pd.DataFrame(
        [whole.row("with all comparison areas"), size.row("without those something was done in")]
    )
    status = PASSED if stands else FAILED
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest, drawn)


def other_choices(asked: Asked) -> list[tuple[str, Asked, int]]:
    """The effect against other choices of comparison areas: name, effect, and how many areas."""
    question = asked.question
    comparison, recent = question.comparison, question.just_before(question.cycle)
    levels = question.compared[:, recent].mean(axis=1)
    gap = np.abs(levels - np.nanmean(question.level_of(question.treated)[recent]))
    choices = {
        "most alike half": _nearer(gap, comparison, 0.5),
        "most alike quarter": _nearer(gap, comparison, 0.25),
    }
    if question.neighbours is not None:
        nearest = _nearer(steps_away(question), comparison, 0.5)
        choices |= {"nearest half": nearest, "farthest half": comparison & ~nearest}
    found = [
        (label, asked.among(areas), int(areas.sum()))
        for label, areas in choices.items()
        if areas.sum() >= FEWEST
    ]
    if question.ring.any():
        apart, count = question.neighbours.tolil(), int((comparison | question.ring).sum())
        apart[question.treated, :] = apart[:, question.treated] = False
        too = asked.again(lambda question: replace(question, neighbours=apart.tocsr()))
        found.append(("neighbours too", too, count))
    return [one for one in found if one[1] is not None]


def _nearer(distance: np.ndarray, comparison: np.ndarray, share: float) -> np.ndarray:
    """That share of the comparison areas, nearest first; ties in order of code."""
    areas = np.flatnonzero(comparison)
    order = areas[np.argsort(distance[areas], kind="stable")]
    return np.isin(np.arange(len(comparison)), order[: round(share * len(order))])


def _other_doings(question: Question) -> tuple[list[tuple], np.ndarray]:
    """Rows of what else was done where, and the comparison areas it touched."""
    known, own = set(question.areas), set(question.areas[question.treated])
    members, touched = question.context.get("members", {}), np.zeros(len(known), dtype=bool)
    rows = []
    for source, columns in DOINGS.items():
        table = question.context.get(source)
        table = pd.DataFrame(columns=columns) if table is None else table
        need_columns(table, columns, source)
        for label, code, date in table[columns].itertuples(index=False):
            areas = known & set(members.get(code, [code]))
            if not areas or len(areas) > 0.9 * len(known) or wording.is_missing(date):
                continue
            among_them = question.areas.isin(list(areas)) & question.comparison
            if areas & own:
                own_programme = source == "interventions"
                if own_programme and pd.Period(date, freq=question.dates.freq) > question.start:
                    rows.append((label, date, "here", len(areas)))
            elif among_them.any():
                rows.append((label, date, "comparison areas", int(among_them.sum())))
                touched |= among_them
    return rows, touched
