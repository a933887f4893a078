"""Did the effect spread to the areas around, or did the trouble only move there? Rings of areas,
and the weighted displacement difference and quotient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import dijkstra
from scipy.special import ndtri

from lsp_analysis import wording
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import Size, than_expected
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.study.question import Question

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

METRES = {"0 to 500 m away": 500, "500 to 1,000 m away": 1000, "1,000 to 1,500 m away": 1500}
BORDERS = {"next door": 1, "one area farther": 2, "two areas farther": 3}
LARGEST_RING = 0.25  # of all areas with data


def spillover(asked: Asked) -> CheckResult:
    """What happened in rings around the neighbourhood, judged as the neighbourhood is.

    Rings are bands of distance between the neighbourhood's boundary and a point inside each area
    where the study has boundaries, otherwise they count borders. "failed" when a ring moved more
    than chance allows (its share of the level split over the rings); "too little to tell" when the
    whole effect could have moved next door unseen.
    """
    name, question = "Spillover", asked.question
    rows, around = [], []
    for label, ring, nearer in rings(question, question.context.get("geometry")):
        found = ask_ring(asked, ring, nearer)
        if found is not None:
            around.append(found)
            rows.append({"ring": label, "areas": int(ring.sum())} | found.size.row(label))
    table = pd.DataFrame(rows, columns=["ring", "areas", "estimate", "low", "high", "p_value"])
    if table.empty:
        why = (
            "no ring can be judged"
            if question.neighbours is not None
            else "no neighbours were given"
        )
        return CheckResult(name, UNSURE, f"Areas around it were not looked at: {why}.", table)
    moved = table[table["p_value"] <= (1 - question.level) / len(table) + 1e-12]
    told = wording.and_list(
        f"{row.ring} it was {than_expected(asked.effect.scale.gap(row.estimate))}"
        for row in (moved if len(moved) else table.head(1)).itertuples()
    )
    smallest, whole = around[0].effect.smallest, _whole_effect_there(asked, around[0])
    seen = "No change of any size there would have been found"
    if np.isfinite(smallest):
        size = asked.as_size(smallest)
        seen = f"A change of {size} there would have been found four times in five"
    if len(moved):
        status, rest = FAILED, "The programme may have touched areas beyond its own"
    elif smallest > whole:
        only = (
            f"had all of the effect moved there, they would differ by only {asked.as_size(whole)}"
        )
        status, rest = UNSURE, f"{seen}; {only}"
    else:
        status, rest = PASSED, seen
    finding = f"{wording.capital(told)}. {rest}."
    drawn = table.rename(columns={"ring": "label"})
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest, drawn)


def rings(
    question: Question, geometry: GeoDataFrame | None = None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label, areas, and all areas up to there, of each ring that holds some; nearest first."""
    eligible = question.known.all(axis=1) & ~question.treated
    if geometry is None and question.neighbours is None:
        return
    away = steps_away(question) if geometry is None else metres_away(question, geometry)
    nearer = question.treated
    for label, edge in (BORDERS if geometry is None else METRES).items():
        inside, nearer = (away <= edge) & ~nearer & eligible, away <= edge
        if inside.any():
            yield label, inside, nearer


def steps_away(question: Question) -> np.ndarray:
    """Borders to cross from each area to the neighbourhood; infinite where there is no way."""
    home = np.flatnonzero(question.treated)
    return dijkstra(question.neighbours, indices=home, unweighted=True, min_only=True)


def metres_away(question: Question, geometry: GeoDataFrame) -> np.ndarray:
    """Distance from the neighbourhood's boundary to a point inside each area, in metres.

    Boundaries are those of a study, in metres on a plane. Raises PanelError for areas that repeat.
    """
    repeated = geometry["area_code"][geometry["area_code"].duplicated()]
    if len(repeated):
        raise PanelError(
            f"The geometry has {len(repeated)} rows of areas that it has already, first "
            f"{repeated.iloc[0]}. Dissolve them, so that an area has one row."
        )
    shapes = geometry.set_index("area_code").geometry
    home = shapes.loc[shapes.index.isin(question.areas[question.treated])].union_all()
    away = shapes.representative_point().distance(home).reindex(question.areas)
    return np.where(question.treated, 0.0, away.fillna(np.inf).to_numpy())


def ask_ring(asked: Asked, ring: np.ndarray, nearer: np.ndarray) -> Asked | None:
    """The effect on a ring against areas beyond it; None where too few are left.

    Parameters
    ----------
    ring, nearer : bool arrays (n,)
        The ring, and all areas at its distance or nearer, which are not compared with.
    """
    if ring.sum() > LARGEST_RING * (~asked.question.treated).sum():
        return None
    return asked.again(lambda question: replace(question, treated=ring).among(~nearer | ring))


def _whole_effect_there(asked: Asked, ring: Asked) -> float:
    """Size that the neighbourhood's whole effect would have in a ring, as shown."""
    here = asked.effect
    if here.multiplicative:
        share = asked.expected_total / ring.expected_total if asked.question.counted else 1.0
        return 100 * abs(here.relative) * share
    own, there = (one.question.exposure[one.question.treated].sum() for one in (asked, ring))
    return abs(here.observed - here.counterfactual) * own / there


def weighted_displacement_difference(
    treated: Sequence[float],
    control: Sequence[float],
    displacement: Sequence[float] = (0, 0),
    displacement_control: Sequence[float] = (0, 0),
    *,
    sizes: Sequence[float] = (1, 1, 1, 1),
    level: float = 0.95,
) -> pd.DataFrame:
    """Weighted displacement difference of Wheeler and Ratcliffe (2018), Crime Science 7:11.

    Parameters
    ----------
    treated, control, displacement, displacement_control : pairs of counts
        Before and after.
    sizes : four numbers
        What counts of each area are divided by, in the order of the first four parameters.

    Returns
    -------
    DataFrame
        Rows programme area, next door and both: change less that of the control, its error and its
        interval at `level`, counts being Poisson. Below 0 events were prevented.

    Raises
    ------
    ParameterError
        Counts below 0 or missing, not in pairs, or to be divided by nothing; a level that is no
        share.
    """
    try:
        counts = np.array([treated, control, displacement, displacement_control], dtype=float)
    except (TypeError, ValueError):  # text, or counts that are not in pairs
        counts = np.empty(0)
    if counts.shape != (4, 2) or not (counts >= 0).all():
        raise ParameterError(
            "Each area needs a count before and one after, 0 or more: "
            f"got {treated}, {control}, {displacement} and {displacement_control}."
        )
    scale = np.asarray(sizes, dtype=float)[:, None]
    if scale.shape != (4, 1) or not (scale > 0).all():
        raise ParameterError(f"sizes must be four numbers above 0, not {sizes}.")
    if not 0 < level < 1:
        raise ParameterError(
            f"The level is {level!r}, and it must lie between 0 and 1: write 0.95 for 95%."
        )
    change = np.diff(counts / scale, axis=1)[:, 0] * [1, -1, 1, -1]
    table = pd.DataFrame({"estimate": change, "error": (counts / scale**2).sum(axis=1)})
    table = table.groupby(["programme area"] * 2 + ["next door"] * 2, sort=False).sum()
    table.loc["both"] = table.sum()
    table["error"] **= 0.5
    half = float(ndtri(0.5 + level / 2)) * table["error"]
    return table.assign(low=table["estimate"] - half, high=table["estimate"] + half)


def displacement_quotient(
    treated: Sequence[float], displacement: Sequence[float], control: Sequence[float]
) -> float:
    """Weighted displacement quotient of Bowers and Johnson (2003), J. Quant. Criminology 19:275.

    Each pair holds counts before and after. Below -1 more was displaced than gained; from -1 to 0
    part of the gain was; above 0 the gain spread. Missing where nothing was gained.
    """
    (before, after), (near_before, near_after), (far_before, far_after) = (
        map(float, pair) for pair in (treated, displacement, control)
    )
    if not (far_before > 0 and far_after > 0):
        return math.nan
    gained = after / far_after - before / far_before
    if gained >= 0:
        return math.nan
    return (near_after / far_after - near_before / far_before) / gained


def displacement(asked: Asked) -> CheckResult:
    """Whether gains here stand once the areas next door are counted with it.

    The neighbourhood, the areas next door and both together are judged against their expectations,
    so that regression to the mean is allowed for; the plain weighted displacement difference and
    quotient, which do not allow for it, are given beside them, the former without its interval for
    stocks, which are no Poisson counts.
    """
    name, question = "Displacement", asked.question
    counts = asked.effect.multiplicative and question.counted
    if not counts or question.neighbours is None:
        why = "no neighbours were given" if counts else "the outcome is not a count"
        return CheckResult(name, UNSURE, f"Displacement was not looked for: {why}.")
    near = next((areas for _, areas, _ in rings(question)), np.zeros(0, dtype=bool))
    both = near | question.treated if near.any() else near
    judged = [near.any() and ask_ring(asked, areas, both) for areas in (near, both)]
    if not all(judged):
        said = "There are too few areas beyond those next door to compare with."
        return CheckResult(name, UNSURE, said)
    next_door, together = judged
    plain, quotient = _plain(question, near)
    shown = ["estimate"] if question.kind == "stock" else ["estimate", "low", "high"]
    rows = [
        _events(asked, "This neighbourhood"),
        _events(next_door, f"The {wording.counted(int(near.sum()), 'area')} next door"),
        _events(together, "Both together"),
        {"label": "Both, by counts alone (WDD)"} | plain[shown].to_dict(),
    ]
    table, here = pd.DataFrame(rows), asked.size
    status, rest = _judged(here, next_door.size, together.size)
    amounts = [
        f"{wording.number(abs(round(x)))} {'more' if round(x) > 0 else 'fewer'}"
        for x in table["estimate"][:3]
    ]
    told = (
        f"Since the start {amounts[0]} {asked.counted} than expected here, {amounts[1]} next door, "
        f"{amounts[2]} together. {rest}"
    )
    if here.clear and not math.isnan(quotient):
        told += (
            f" (By counts alone the displacement quotient is {wording.number(quotient, 2)}; below "
            "−1 more moved than was gained.)"
        )
    options = asked.forest | {"unit": f"{wording.capital(asked.counted)} since the start"}
    return CheckResult(name, status, told, table, "draw_forest", options)


def _judged(here: Size, there: Size, net: Size) -> tuple[str, str]:
    """Status and reason from the effect here, next door, and both together."""
    if there.clear and there.estimate * here.estimate < 0:
        return FAILED, "Next door it went the other way: part of the effect may have moved there."
    if not here.clear:
        return UNSURE, "With no clear effect here there is nothing to ask after next door."
    if net.clear and net.estimate * here.estimate > 0:
        return PASSED, "The effect stands with the areas next door counted in."
    return UNSURE, "With the areas next door counted in, the effect is no longer clear."


def _events(asked: Asked, label: str) -> dict[str, object]:
    """Events above or below expectation, with the interval of the effect."""
    found, expected = asked.effect, asked.expected_total
    ends = {"estimate": found.relative, "low": found.relative_low, "high": found.relative_high}
    return {"label": label} | {name: expected * end for name, end in ends.items()}


def _plain(question: Question, near: np.ndarray) -> tuple[pd.Series, float]:
    """Weighted displacement difference of both together, and quotient, over equally long times
    before and after.

    Controls are the comparison areas, scaled to start level with what they are compared with.
    """
    times = question.event_time
    length = min(-times[0], times[-1] + 1)
    windows = (times >= -length) & (times < 0), (times >= 0) & (times < length)
    here, there, control = (
        tuple(float(question.total[areas][:, when].sum()) for when in windows)
        for areas in (question.treated, near, question.comparison)
    )
    scales = [max(control[0], 0.5) / max(pair[0], 0.5) for pair in (here, there)]
    sizes = (1, scales[0], 1, scales[1])
    plain = weighted_displacement_difference(
        here, control, there, control, sizes=sizes, level=question.level
    )
    return plain.loc["both"], displacement_quotient(here, there, control)
