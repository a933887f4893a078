"""Rings around the neighbourhood, judged as it is."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from boroughs import borough, case_of, scores
from pictures import assert_fit_for_a_page
from shapely.geometry import box

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.checks.rings import metres_away, rings, spillover
from lsp_analysis.errors import PanelError
from lsp_analysis.verdicts import causal_words

CALM = {"mean_count": 40, "overdispersion": 0.02, "autocorrelation": 0.0}


def moved_next_door(case, factor: float):
    total = case.ledger.total.copy()
    near = case.adjacency[case.treated].any(axis=0) & ~case.treated
    total[np.ix_(near, np.arange(case.start, case.stop))] *= factor
    return replace(case, ledger=replace(case.ledger, total=total))


def test_what_moved_next_door_is_found_in_the_first_ring():
    found = spillover(moved_next_door(case_of(borough(3, effect=-0.5, **CALM)), 1.5))
    assert found.status == "failed"
    assert found.table["estimate"][0] == pytest.approx(50, abs=20)
    assert "Next door it was" in found.finding


def test_where_nothing_moved_rings_seldom_fail():
    statuses = [spillover(case_of(borough(s, effect=-0.5))).status for s in range(15)]
    assert statuses.count("failed") <= 3


def test_a_small_effect_moved_next_door_could_not_be_seen():
    assert spillover(case_of(borough(1, effect=-0.1))).status == "too little to tell"


def grid_map(codes):
    """Squares of 400 m side by side in ten columns, in metres."""
    squares = [box(400 * (i % 10), 400 * (i // 10), 400 * (i % 10 + 1), 400 * (i // 10 + 1))
               for i in range(len(codes))]  # fmt: skip
    return gpd.GeoDataFrame({"area_code": codes}, geometry=squares, crs=27700)


def test_distance_runs_from_the_boundary_to_a_point_inside():
    case = case_of(borough(3))
    away = metres_away(case, grid_map(case.ledger.codes))
    home = int(np.flatnonzero(case.treated)[0])
    beside = home + 1 if home % 10 < 9 else home - 1
    assert away[home] == 0
    assert away[beside] == pytest.approx(200)


def test_rings_by_distance_hold_the_areas_in_their_band_once_each():
    case = case_of(borough(3))
    geometry = grid_map(case.ledger.codes)
    found = list(rings(case, geometry, (500, 1000)))
    together = np.sum([ring for _, ring, _ in found], axis=0)
    away = metres_away(case, geometry)
    assert (together == ((away > 0) & (away <= 1000) & case.eligible)).all()
    assert [label for label, *_ in found] == ["0 to 500 m away", "500 to 1,000 m away"]


def test_an_area_without_a_polygon_is_in_no_ring():
    case = case_of(borough(3))
    geometry = grid_map(case.ledger.codes)
    other = case.ledger.codes[~case.treated][0]
    away = metres_away(case, geometry[geometry["area_code"] != other])
    assert np.isinf(away[case.ledger.codes == other]).all()


def test_without_neighbours_or_boundaries_it_cannot_be_told():
    found = spillover(case_of(borough(3), neighbours=None))
    assert found.status == "too little to tell"
    assert "no neighbours were given" in found.finding


def test_a_score_has_rings_in_its_own_units():
    panel, question = scores(effect=-5.0)
    found = spillover(open_case(panel, **question, unit="score"))
    assert "points" in found.finding
    assert causal_words(found.finding) == []
    assert_fit_for_a_page(found.plot())


def test_boundaries_in_degrees_are_measured_in_metres():
    case = case_of(borough(3))
    plane = grid_map(case.ledger.codes)
    plane = plane.set_geometry(plane.translate(370_000, 410_000))
    flat, round_ = (metres_away(case, one) for one in (plane, plane.to_crs(4326)))
    assert round_ == pytest.approx(flat, rel=0.01)


def test_an_area_with_two_rows_of_boundaries_is_refused_in_a_sentence():
    case = case_of(borough(3))
    geometry = grid_map(case.ledger.codes)
    twice = gpd.GeoDataFrame(pd.concat([geometry, geometry.iloc[:2]], ignore_index=True))
    with pytest.raises(PanelError, match="2 rows of areas that it has already"):
        spillover(case, geometry=twice)
