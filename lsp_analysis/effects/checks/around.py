"""Did the effect spread to the areas around, or did the trouble only move there? Rings of areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import dijkstra

from lsp_analysis import wording
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import than_expected
from lsp_analysis.errors import PanelError
from lsp_analysis.study.asking.table import need_columns
from lsp_analysis.study.question import Question

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

EDGES = (500.0, 1000.0, 1500.0)  # metres from the neighbourhood's boundary
BORDERS = ("next door", "one area farther", "two areas farther")
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
            row = found.size.row(label)
            rows.append({"ring": label, "areas": int(ring.sum())} | row)
    columns = ["ring", "areas", "estimate", "low", "high", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:
        lacking = question.neighbours is None
        why = "no neighbours were given" if lacking else "no ring can be judged"
        return CheckResult(name, UNSURE, f"Areas around it were not looked at: {why}.", table)
    moved = table[table["p_value"] <= (1 - question.level) / len(table) + 1e-12]
    told = wording.and_list(
        f"{row.ring} it was {than_expected(asked.effect.scale.gap(row.estimate))}"
        for row in (moved if len(moved) else table.head(1)).itertuples()
    )
    smallest, whole = around[0].effect.smallest, _whole_effect_there(asked, around[0])
    seen = (
        f"A change of {asked.as_size(smallest)} there would have been found four times in five"
        if np.isfinite(smallest)
        else "No change of any size there would have been found"
    )
    if len(moved):
        status, rest = FAILED, "The programme may have touched areas beyond its own."
    elif smallest > whole:
        status = UNSURE
        rest = (
            f"{seen}; had all of the effect moved there, they would differ by only "
            f"{asked.as_size(whole)}."
        )
    else:
        status, rest = PASSED, f"{seen}."
    finding = f"{wording.capital(told)}. {rest}"
    drawn = table.rename(columns={"ring": "label"})
    return CheckResult(name, status, finding, table, "draw_forest", asked.forest, drawn)


def rings(
    question: Question, geometry: GeoDataFrame | None = None, edges: Sequence[float] = EDGES
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label, areas, and all areas up to there, of each ring that holds some; nearest first."""
    eligible = question.known.all(axis=1) & ~question.treated
    if geometry is not None:
        away, bounds = metres_away(question, geometry), [0.0, *edges]
        labels = [
            f"{wording.number(low)} to {wording.number(high)} m away"
            for low, high in pairwise(bounds)
        ]
    elif question.neighbours is not None:
        away, bounds, labels = steps_away(question), [0, 1, 2, 3], list(BORDERS)
    else:
        return
    for label, (low, high) in zip(labels, pairwise(bounds), strict=True):
        inside = (away > low) & (away <= high) if low else (away <= high) & ~question.treated
        if (inside & eligible).any():
            yield label, inside & eligible, away <= high


def steps_away(question: Question) -> np.ndarray:
    """Borders to cross from each area to the neighbourhood; infinite where there is no way."""
    home = np.flatnonzero(question.treated)
    return dijkstra(question.neighbours, indices=home, unweighted=True, min_only=True)


def metres_away(question: Question, geometry: GeoDataFrame) -> np.ndarray:
    """Distance from the neighbourhood's boundary to a point inside each area, in metres.

    Boundaries in degrees are put on a plane first. Raises PanelError for areas that repeat.
    """
    need_columns(geometry, ["area_code", "geometry"], "geometry")
    repeated = geometry["area_code"][geometry["area_code"].duplicated()]
    if len(repeated):
        raise PanelError(
            f"The geometry has {len(repeated)} rows of areas that it has already, first "
            f"{repeated.iloc[0]}. Dissolve them, so that an area has one row."
        )
    if geometry.crs is not None and geometry.crs.is_geographic:
        geometry = geometry.to_crs(geometry.estimate_utm_crs())
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
    if here.multiplicative and asked.question.counted:
        return 100 * abs(here.relative) * asked.expected_total / ring.expected_total
    if here.multiplicative:
        return 100 * abs(here.relative)
    gone = abs(here.observed - here.counterfactual)
    exposures = [one.question.exposure[one.question.treated].sum() for one in (asked, ring)]
    return gone * exposures[0] / exposures[1]
