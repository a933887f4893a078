"""Did the effect spread to the areas around, or did the trouble only move there? Rings of areas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import (
    FAILED,
    PASSED,
    UNSURE,
    Case,
    as_size,
    detectable,
    in_words,
    shown_unit,
    sized,
)
from lsp_analysis.effects.checks.comparators import steps_away
from lsp_analysis.effects.given import need_columns
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import than_expected
from lsp_analysis.errors import PanelError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

EDGES = (500.0, 1000.0, 1500.0)  # metres from the neighbourhood's boundary
BORDERS = ("next door", "one area farther", "two areas farther")
LARGEST_RING = 0.25  # of all eligible areas


def spillover(
    case: Case, *, geometry: GeoDataFrame | None = None, edges: Sequence[float] = EDGES
) -> CheckResult:
    """What happened in rings around the neighbourhood, judged as the neighbourhood is.

    "failed" when a ring moved more than chance allows (its share of the level split over the
    rings); "too little to tell" when the whole effect could have moved next door unseen.

    Parameters
    ----------
    geometry : GeoDataFrame, optional
        ``area_code`` and boundaries in metres: rings are then bands of distance between the
        neighbourhood's boundary and a point inside each area. Without it they count borders.
    edges : metres
        Outer ends of the bands.
    """
    name = "Spillover"
    rows, judgements = [], []
    for label, ring, nearer in rings(case, geometry, edges):
        found = judge_ring(case, ring, nearer)
        if found is not None:
            size = sized(case, found)
            judgements.append(found)
            rows.append(
                {"ring": label, "areas": int(ring.sum())}
                | {key: getattr(size, key) for key in ("estimate", "low", "high", "p_value")}
            )
    columns = ["ring", "areas", "estimate", "low", "high", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    if table.empty:
        why = "no neighbours were given" if case.adjacency is None else "no ring can be judged"
        return CheckResult(name, UNSURE, f"Areas around it were not looked at: {why}.", table)
    moved = table[table["p_value"] <= (1 - case.level) / len(table) + 1e-12]
    told = wording.and_list(
        f"{row.ring} it was {than_expected(in_words(case, row.estimate))}"
        for row in (moved if len(moved) else table.head(1)).itertuples()
    )
    smallest = detectable(case, judgements[0])
    whole = _whole_effect_there(case, judgements[0])
    seen = (
        f"A change of {as_size(case, smallest)} there would have been found four times in five"
        if np.isfinite(smallest)
        else "No change of any size there would have been found"
    )
    if len(moved):
        status, rest = FAILED, "The programme may have touched areas beyond its own."
    elif smallest > whole:
        status = UNSURE
        rest = (
            f"{seen}; had all of the effect moved there, they would differ by only "
            f"{as_size(case, whole)}."
        )
    else:
        status, rest = PASSED, f"{seen}."
    return CheckResult(
        name, status, f"{wording.capital(told)}. {rest}", table, "draw_forest",
        {"unit": shown_unit(case), "level": case.level}, table.rename(columns={"ring": "label"}),
    )  # fmt: skip


def rings(
    case: Case, geometry: GeoDataFrame | None = None, edges: Sequence[float] = EDGES
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label, areas, and all areas up to there, of each ring that holds some; nearest first."""
    if geometry is not None:
        away, bounds = metres_away(case, geometry), [0.0, *edges]
        labels = [
            f"{wording.number(low)} to {wording.number(high)} m away"
            for low, high in pairwise(bounds)
        ]
    elif case.adjacency is not None:
        away, bounds, labels = steps_away(case), [0, 1, 2, 3], list(BORDERS)
    else:
        return
    for label, (low, high) in zip(labels, pairwise(bounds), strict=True):
        inside = (away > low) & (away <= high) if low else (away <= high) & ~case.treated
        if (inside & case.eligible).any():
            yield label, inside & case.eligible, away <= high


def metres_away(case: Case, geometry: GeoDataFrame) -> np.ndarray:
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
    home = shapes.loc[shapes.index.isin(case.ledger.codes[case.treated])].union_all()
    away = shapes.representative_point().distance(home).reindex(case.ledger.codes)
    return np.where(case.treated, 0.0, away.fillna(np.inf).to_numpy())


def judge_ring(case: Case, ring: np.ndarray, nearer: np.ndarray) -> Judgement | None:
    """Judge a ring against areas beyond it; None where too few are left.

    Parameters
    ----------
    ring, nearer : bool arrays (areas,)
        The ring, and all areas at its distance or nearer, which are not compared with.
    """
    pool = ring_pool(case, ring, nearer)
    return None if pool is None else case.judged(pool=pool)


def ring_pool(case: Case, ring: np.ndarray, nearer: np.ndarray) -> PlaceboPool | None:
    """Placebos for a ring: groups of its size among the areas beyond."""
    if ring.sum() > LARGEST_RING * case.eligible.sum():
        return None
    try:
        return placebo.draw_pool(
            ring, eligible=case.eligible & ~nearer, adjacency=case.adjacency, seed=case.seed
        )
    except PanelError:
        return None


def _whole_effect_there(case: Case, found: Judgement) -> float:
    """Size that the neighbourhood's whole effect would have in a ring, as shown."""
    gone = abs(case.found.total[0] - case.found.expected[0])
    if case.ledger.counts:
        return float(100 * gone / found.expected[0])
    return float(gone / found.exposure[0])
