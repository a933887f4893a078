"""Does the finding hang on who it is compared with?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import dijkstra

from lsp_analysis import wording
from lsp_analysis.effects.case import (
    FAILED,
    PASSED,
    UNSURE,
    Case,
    in_words,
    shown,
    shown_unit,
    sized,
)
from lsp_analysis.effects.given import need_columns
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.placebo import PlaceboPool, count_disjoint
from lsp_analysis.effects.result import CheckResult

FEWEST = 10  # comparison areas that a pool must have
FEWEST_TO_LEAVE = 3  # comparison areas, so that two are left
TOO_MUCH = 0.25  # of the interval's half-width, by which one area may move the effect
ENOUGH = 0.1  # the same, where leaving the area out also changes whether the effect is clear
FAR = 0.5  # of the half-width, by which another choice of areas may move the effect
ENOUGH_AREAS = 30  # in a choice, for how far it moves the effect to mean something
SHOWN = 10


def leave_one_out(case: Case) -> CheckResult:
    """How far the effect moves when one comparison area at a time is left out.

    "failed" when one area moves it by more than a quarter of the interval's half-width, or by a
    tenth and with it whether the interval leaves out 0; "too little to tell" with one or two.
    """
    name = "Leave one comparator out"
    if case.pool.comparison.sum() < FEWEST_TO_LEAVE:
        finding = (
            f"With {wording.counted(int(case.pool.comparison.sum()), 'comparison area')} there is "
            "no expectation left once one is taken out."
        )
        return CheckResult(name, UNSURE, finding, pd.DataFrame())
    alone, carried = replace(case.pool, members=case.pool.members[:1]), case.found.carried
    base = _effect(case, case.judged(pool=alone, carried=carried))
    areas = np.flatnonzero(case.pool.comparison)
    pools = [replace(alone, comparison=_without(case, at)) for at in areas]
    effects = np.array([_effect(case, case.judged(pool=one, carried=carried)) for one in pools])
    moves = effects - base
    order = np.argsort(-np.abs(moves), kind="stable")[:SHOWN]
    whole = sized(case, case.found)
    start = _effect(case, case.found)
    table = pd.DataFrame(
        {
            "label": [f"without {code}" for code in case.ledger.codes[areas[order]]],
            "estimate": shown(case, start + moves[order]),
            "low": np.nan,
            "high": np.nan,
        }
    )
    half = _half_width(case)
    worst = float(np.abs(moves).max() / half) if half else np.inf
    ends = [in_words(case, float(shown(case, start + x))) for x in (moves.min(), moves.max())]
    without = sized(case, case.judged(pool=among(case.pool, _without(case, areas[order[0]]))))
    hangs = worst > TOO_MUCH or (worst > ENOUGH and without.clear != whole.clear)
    status = FAILED if hangs else PASSED
    finding = (
        f"With any one of the {len(areas)} comparison areas left out it stays between {ends[0]} "
        f"and {ends[1]} (with all of them: {in_words(case, whole.estimate)})."
    )
    return CheckResult(
        name, status, finding, table, "draw_forest",
        {"unit": shown_unit(case), "level": case.level},
    )  # fmt: skip


def comparison_choice(case: Case) -> CheckResult:
    """The effect against other choices of comparison areas.

    "failed" when a choice moves it by more than half of the interval's half-width (twice what
    happens in sound boroughs, see ``benchmarks/checks.py``), turns a clear effect's direction, or
    is clear in the opposite direction from another; "too little to tell" when a clear effect is not
    clear with each of them.
    """
    whole = sized(case, case.found)
    rows = [whole.row("all but neighbours") | {"areas": case.pool.comparison.sum()}]
    start, half = _effect(case, case.found), _half_width(case)
    outside, unclear = [], []
    for label, comparison in comparison_choices(case).items():
        pool = among(case.pool, comparison)
        if comparison.sum() < FEWEST or not pool.n_placebos:
            continue
        judged = case.judged(pool=pool)
        found = sized(case, judged)
        rows.append(found.row(label) | {"areas": comparison.sum()})
        turned = whole.clear and found.estimate * whole.estimate < 0
        far = abs(_effect(case, judged) - start) > FAR * half and comparison.sum() >= ENOUGH_AREAS
        if turned or far or not whole.low <= found.estimate <= whole.high:
            outside.append(label)
        if whole.clear and not found.clear and comparison.sum() >= ENOUGH_AREAS:
            unclear.append(label)
    table = pd.DataFrame(rows)
    ends = [in_words(case, x) for x in (table["estimate"].min(), table["estimate"].max())]
    clear = table[(table["low"] > 0) | (table["high"] < 0)]["estimate"]
    if len(rows) == 1:
        status, finding = UNSURE, "There are too few areas to choose other comparisons from."
    else:
        opposed = (clear > 0).any() and (clear < 0).any()
        status = FAILED if outside or opposed else UNSURE if unclear else PASSED
        finding = (
            f"Over {wording.counted(len(rows), 'choice')} of comparison areas it runs from "
            f"{ends[0]} to {ends[1]}"
        ) + (f"; too far from the rest with {wording.and_list(outside)}." if outside else ".")
        if unclear and not outside:
            finding += f" It is no longer clear of chance with {wording.and_list(unclear)} alone."
    return CheckResult(
        "Comparison pool", status, finding, table, "draw_forest",
        {"unit": shown_unit(case), "level": case.level},
    )  # fmt: skip


def contaminated_comparators(
    case: Case,
    *,
    interventions: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    members: Mapping[str, Sequence[str]] | None = None,
) -> CheckResult:
    """Whether something else was done in comparison areas, or in the neighbourhood itself.

    Parameters
    ----------
    interventions, events : DataFrame, optional
        Tables of the study folder: ``area_code`` and ``start`` or ``date``, ``name`` or ``label``.
        Those of areas that hold the whole borough touch all alike and are left aside.
    members : mapping of area code to small-area codes, optional
        What larger areas in those tables are made of.
    """
    name = "Contaminated comparators"
    columns = ["label", "date", "where", "areas"]
    if interventions is None and events is None:
        return CheckResult(
            name, UNSURE, "No list of other programmes or events was given to look through.",
            pd.DataFrame(columns=columns),
        )  # fmt: skip
    rows, touched = _other_doings(case, interventions, events, members or {})
    table = pd.DataFrame(rows, columns=columns)
    at_home = table[table["where"] == "here"]
    if len(at_home):
        return CheckResult(
            name, FAILED,
            f"Something else began in the neighbourhood: {wording.and_list(at_home['label'])}. "
            "What the programme did cannot be told apart from what that did.",
            table,
        )  # fmt: skip
    if not touched.any():
        return CheckResult(
            name, PASSED, "No other programme or event is on record in any comparison area.", table
        )
    whole = sized(case, case.found)
    clean = among(case.pool, case.pool.comparison & ~touched)
    if clean.comparison.sum() < FEWEST or not clean.n_placebos:
        return CheckResult(
            name, UNSURE, "Hardly a comparison area is left without a programme of its own.", table
        )
    found = sized(case, case.judged(pool=clean))
    same_way = found.estimate * whole.estimate > 0 or not whole.clear
    inside = whole.low <= found.estimate <= whole.high
    stands = inside and same_way and found.clear == whole.clear
    finding = (
        f"Something was done in {wording.counted(int(touched.sum()), 'comparison area')}; without "
        f"them the effect is {in_words(case, found.estimate)} (with them "
        f"{in_words(case, whole.estimate)})."
    )
    drawn = pd.DataFrame(
        [
            whole.row("with all comparison areas"),
            found.row("without those something was done in"),
        ]
    )
    return CheckResult(
        name, PASSED if stands else FAILED, finding, table, "draw_forest",
        {"unit": shown_unit(case), "level": case.level}, drawn,
    )  # fmt: skip


def among(pool: PlaceboPool, comparison: np.ndarray) -> PlaceboPool:
    """The same pool among fewer or more comparison areas; placebos that reach outside them go."""
    inside = ~(pool.members[1:] & ~comparison).any(axis=1)
    members = np.vstack([pool.members[:1], pool.members[1:][inside]])
    return replace(
        pool, members=members, comparison=comparison, n_disjoint=count_disjoint(members[1:])
    )


def steps_away(case: Case) -> np.ndarray:
    """Borders to cross from each area to the neighbourhood; infinite where there is no way."""
    if case.adjacency is None:
        return np.where(case.treated, 0.0, np.inf)
    home = np.flatnonzero(case.treated)
    return dijkstra(case.adjacency, indices=home, unweighted=True, min_only=True)


def comparison_choices(case: Case) -> dict[str, np.ndarray]:
    """Other choices of comparison areas, by name: bool arrays (areas,)."""
    comparison = case.pool.comparison
    total, exposure = case.ledger.sums(max(0, case.start - case.ledger.cycle), case.start)
    own = total[case.treated].sum() / max(exposure[case.treated].sum(), 1e-12)
    gap = np.abs(total / np.maximum(exposure, 1e-12) - own)
    choices = {
        "most alike half": _nearer(gap, comparison, 0.5),
        "most alike quarter": _nearer(gap, comparison, 0.25),
    }
    if case.adjacency is not None:
        away = steps_away(case)
        nearest = _nearer(away, comparison, 0.5)
        choices |= {
            "nearest half": nearest,
            "farthest half": comparison & ~nearest,
            "neighbours too": case.eligible,
        }
    return choices


def _nearer(distance: np.ndarray, comparison: np.ndarray, share: float) -> np.ndarray:
    """That share of the comparison areas, nearest first; ties in order of code."""
    areas = np.flatnonzero(comparison)
    order = areas[np.argsort(distance[areas], kind="stable")]
    return np.isin(np.arange(len(comparison)), order[: round(share * len(order))])


def _without(case: Case, at: int) -> np.ndarray:
    kept = case.pool.comparison.copy()
    kept[at] = False
    return kept


def _effect(case: Case, found: Judgement) -> float:
    """Effect in its own units; finite where nothing happened at all."""
    if case.ledger.counts:
        return float(np.log((found.total[0] + 0.25) / found.expected[0]))
    return float((found.total[0] - found.expected[0]) / found.exposure[0])


def _half_width(case: Case) -> float:
    """Half-width of the interval in units of effect, about."""
    statistics = np.abs(case.found.statistic[1:])
    return float(np.quantile(statistics, case.level) * case.found.errors[0])


def _other_doings(
    case: Case,
    interventions: pd.DataFrame | None,
    events: pd.DataFrame | None,
    members: Mapping[str, Sequence[str]],
) -> tuple[list[tuple], np.ndarray]:
    """Rows of what else was done where, and the comparison areas it touched."""
    known = set(case.ledger.codes)
    own = set(case.ledger.codes[case.treated])
    begun = case.ledger.periods[case.start]
    rows, touched = [], np.zeros(len(case.treated), dtype=bool)
    for label, code, date, is_programme in _doings(interventions, events):
        areas = known & set(members.get(code, [code]))
        if not areas or len(areas) > 0.9 * len(known) or wording.is_missing(date):
            continue
        if areas & own:
            later = pd.Period(date, freq=begun.freq) > begun
            if is_programme and later:
                rows.append((label, date, "here", len(areas)))
            continue
        among_them = case.ledger.codes.isin(list(areas)) & case.pool.comparison
        if among_them.any():
            rows.append((label, date, "comparison areas", int(among_them.sum())))
            touched |= among_them
    return rows, touched


def _doings(interventions: pd.DataFrame | None, events: pd.DataFrame | None) -> list[tuple]:
    found = []
    if interventions is not None:
        need_columns(interventions, ["name", "area_code", "start"], "interventions")
        found += [
            (row.name, row.area_code, row.start, True)
            for row in interventions[["name", "area_code", "start"]].itertuples(index=False)
        ]
    if events is not None:
        need_columns(events, ["label", "area_code", "date"], "events")
        found += [
            (row.label, row.area_code, row.date, False)
            for row in events[["label", "area_code", "date"]].itertuples(index=False)
        ]
    return found
