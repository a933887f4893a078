"""Placebo neighbourhoods: in one piece, of the same size, outside the ring; and their ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from boroughs import small_map
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lsp_analysis.effects.one_area import placebo
from lsp_analysis.errors import PanelError

GRAPH = small_map()
EVERYONE = np.ones(len(GRAPH.codes), dtype=bool)
statistics = arrays(float, st.integers(19, 60), elements=st.floats(-5, 5))


def in_one_piece(members: np.ndarray) -> bool:
    areas = set(np.flatnonzero(members))
    reached = {min(areas)}
    while grown := {j for i in reached for j in np.flatnonzero(GRAPH.matrix[i])} & areas - reached:
        reached |= grown
    return reached == areas


def neighbourhood(size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    group = placebo.grow_group(GRAPH.matrix, int(rng.integers(len(GRAPH.codes))), size, rng)
    return np.isin(np.arange(len(GRAPH.codes)), group)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_placebos_are_in_one_piece_of_the_same_size_and_outside_the_ring(size):
    for seed in range(5):
        treated = neighbourhood(size, seed)
        pool = placebo.draw_pool(
            treated, eligible=EVERYONE & ~treated, adjacency=GRAPH.matrix, seed=seed
        )
        ring = treated | GRAPH.matrix[treated].any(axis=0)
        assert (pool.members[0] == treated).all()
        assert (pool.members.sum(axis=1) == size).all()
        assert not (pool.members[1:] & ring).any()
        assert (pool.comparison == ~ring).all()
        assert all(in_one_piece(group) for group in pool.members[1:])
        assert len(np.unique(pool.members, axis=0)) == len(pool.members)


def test_every_comparison_area_is_a_placebo_of_a_single_one():
    treated = neighbourhood(1)
    pool = placebo.draw_pool(treated, eligible=~treated, adjacency=GRAPH.matrix, seed=0)
    assert pool.n_placebos == pool.comparison.sum() == pool.n_disjoint
    assert (pool.members[1:].any(axis=0) == pool.comparison).all()


def test_areas_that_are_not_eligible_are_in_no_placebo():
    treated = neighbourhood(3)
    eligible = ~treated & (np.arange(len(treated)) % 5 > 0)
    pool = placebo.draw_pool(treated, eligible=eligible, adjacency=GRAPH.matrix, seed=0)
    assert not (pool.members[1:] & ~eligible).any()
    assert not (pool.comparison & ~eligible).any()


def test_treated_areas_apart_from_each_other_get_scattered_placebos():
    treated = np.isin(np.arange(len(GRAPH.codes)), [0, 40, 79])
    assert not in_one_piece(treated)
    pool = placebo.draw_pool(treated, eligible=~treated, adjacency=GRAPH.matrix, seed=0)
    assert not pool.contiguous
    assert (pool.members.sum(axis=1) == 3).all()


def test_counting_disjoint_placebos_counts_ones_that_share_no_area():
    groups = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0]], dtype=bool)
    assert placebo.count_disjoint(groups) == 2


def test_neighbours_may_be_pairs_or_a_frame_in_one_direction_or_both():
    frame = pd.DataFrame({"area_code": ["b", "c"], "neighbour_code": ["a", "x"]})
    matrix = placebo.adjacency_matrix(["a", "b", "c"], frame)
    assert matrix.tolist() == [[False, True, False], [True, False, False], [False] * 3]
    assert (placebo.adjacency_matrix(["a", "b", "c"], [("a", "b")]) == matrix).all()
    assert placebo.adjacency_matrix(["a"], None) is None


def test_nothing_left_to_compare_with_is_refused():
    treated = neighbourhood(3)
    with pytest.raises(PanelError, match="none of them form a group of 3"):
        placebo.draw_pool(treated, eligible=~EVERYONE, adjacency=GRAPH.matrix, seed=0)


@given(statistics, st.floats(-6, 6))
def test_p_is_one_more_than_the_count_beaten_over_one_more_than_all(placebos, observed):
    p_value = placebo.rank_p_value(observed, placebos)
    assert 1 / (len(placebos) + 1) <= p_value <= 1
    assert p_value * (len(placebos) + 1) == pytest.approx(
        1 + (np.abs(placebos) >= abs(observed) * (1 - 1e-12)).sum()
    )


@given(statistics, st.floats(-6, 6), st.sampled_from([0.8, 0.9, 0.95]))
def test_beyond_the_critical_value_p_is_small_and_up_to_it_is_not(placebos, observed, level):
    critical = placebo.critical_value(placebos, level)
    p_value = placebo.rank_p_value(observed, placebos)
    if abs(observed) > critical * (1 + 1e-9) + 1e-9:
        assert p_value <= 1 - level + 1e-12
    elif abs(observed) <= critical:
        assert p_value > 1 - level


def test_too_few_placebos_have_no_critical_value():
    assert placebo.critical_value(np.arange(18.0), 0.95) == np.inf
    assert placebo.critical_value(np.arange(19.0), 0.95) == 18.0


def test_the_rank_of_one_among_its_peers_is_uniform():
    rng = np.random.default_rng(1)
    found = [
        placebo.rank_p_value(row[0], row[1:]) <= 0.05 for row in rng.standard_normal((4000, 100))
    ]
    assert np.mean(found) == pytest.approx(5 / 100, abs=0.012)


def test_a_statistic_that_is_no_number_is_no_evidence():
    assert placebo.rank_p_value(np.nan, np.arange(19.0)) == 1
    assert placebo.rank_p_value(5.0, np.array([np.nan, 1.0, 2.0])) == 2 / 4


@pytest.mark.parametrize(("n_areas", "size"), [(33_000, 1), (9_000, 4)])
def test_a_whole_country_is_refused_before_it_fills_the_memory(n_areas, size):
    treated = np.arange(n_areas) < size
    with pytest.raises(PanelError, match="Compare within a region"):
        placebo.draw_pool(treated, eligible=~treated, adjacency=None, seed=0)


def test_a_region_is_not_too_large():
    treated = np.arange(2_000) == 0
    pool = placebo.draw_pool(treated, eligible=~treated, adjacency=None, seed=0)
    assert pool.n_placebos == 1_999
