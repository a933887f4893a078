"""What the areas about a neighbourhood say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import borough, case_of

from lsp_analysis.effects.one_area import expectation
from lsp_analysis.effects.one_area.expectation import judge
from lsp_analysis.effects.one_area.placebo import draw_pool
from lsp_analysis.effects.one_area.surroundings import (
    Carried,
    beyond_ring,
    carried_over,
    left_of,
    next_door,
)


def path_pool(n: int = 12):
    """Areas in a row, the first of them treated."""
    adjacency = np.eye(n, k=1, dtype=bool) | np.eye(n, k=-1, dtype=bool)
    return draw_pool(
        np.arange(n) == 0, eligible=np.ones(n, dtype=bool), adjacency=adjacency, seed=0
    )


def test_the_level_next_door_is_a_mean_of_neighbours_that_are_known():
    adjacency = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)
    level = np.array([1.0, 3.0, 5.0, 7.0])
    assert next_door(level, np.ones(4, dtype=bool), adjacency).tolist() == [4, 1, 1, 0]
    known = np.array([True, True, False, True])
    assert next_door(level, known, adjacency).tolist() == [3, 1, 1, 0]


def test_beyond_the_ring_lie_compared_areas_two_steps_away():
    pool = path_pool()
    apart = np.tile(np.arange(12.0), (len(pool.members), 1))
    found = beyond_ring(apart, np.ones(12), pool)
    assert found[0] == 2
    middle = int(np.flatnonzero(pool.members[:, 6])[0])
    assert found[middle] == (4 + 8) / 2
    assert beyond_ring(apart, np.where(np.arange(12) == 4, 3.0, 1.0), pool)[middle] == 5
    second = int(np.flatnonzero(pool.members[:, 2])[0])
    assert found[second] == 4, "the treated area is compared with nobody"
    assert (beyond_ring(apart, np.ones(12), replace(pool, adjacency=None)) == 0).all()


def test_what_is_carried_over_is_found_and_saves_its_variance():
    rng = np.random.default_rng(4)
    beyond = rng.standard_normal(4_000)
    own = 0.5 * beyond + rng.standard_normal(4_000)
    slope, saved = carried_over(own, beyond, 4_000)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert saved == pytest.approx(0.25, abs=0.05)


def test_few_independent_placebos_carry_less_and_what_is_opposed_nothing():
    rng = np.random.default_rng(4)
    beyond = rng.standard_normal(200)
    own = 0.3 * beyond + rng.standard_normal(200)
    slopes = [carried_over(own, beyond, n)[0] for n in (200, 40, 5)]
    assert slopes[0] > slopes[1] > slopes[2] > 0
    assert carried_over(-own, beyond, 200) == (0.0, 0.0)
    assert carried_over(own, np.zeros(200), 200) == (0.0, 0.0)


def test_some_of_the_shock_is_always_left():
    assert left_of(np.array([1.0, 1.0]), np.array([0.4, 2.0])) == pytest.approx([0.6, 0.1])


def _with_more(case, areas: np.ndarray, times: float):
    total = case.ledger.total.copy()
    total[areas, case.start :] = np.round(total[areas, case.start :] * times)
    return judge(replace(case.ledger, total=total), case.pool, start=case.start)


@pytest.mark.parametrize("size", [1, 4])
def test_what_the_ring_did_after_the_start_moves_nothing(size):
    case = case_of(borough(3, group_size=size, spatial=0.9, mean_count=20))
    ring = case.pool.with_ring[0] & ~case.treated
    assert ring.any()
    moved = _with_more(case, ring, 2.0)
    assert moved.expected == pytest.approx(case.found.expected)
    assert moved.statistic == pytest.approx(case.found.statistic)


def test_a_shock_to_the_whole_quarter_is_not_taken_for_an_effect():
    lessened = []
    for seed in range(6):
        case = case_of(borough(seed, spatial=0.9, mean_count=20, overdispersion=0.3))
        wide = case.pool.with_ring[0]
        near = (wide | (wide.astype(float) @ case.adjacency > 0)) & ~case.treated
        higher = _with_more(case, near, 1.5)
        lessened.append(higher.expected[0] / case.found.expected[0])
    assert np.median(lessened) > 1.05


def test_knowing_what_lies_beyond_the_ring_makes_neighbourhoods_surer(monkeypatch):
    made = [
        borough(seed, group_size=4, spatial=0.9, mean_count=30, overdispersion=0.3)
        for seed in range(8)
    ]
    knowing = [case_of(one).found for one in made]
    monkeypatch.setattr(expectation, "carried_over", lambda own, beyond, n: Carried(0.0, 0.0))
    blind = [case_of(one).found for one in made]
    spread, claimed = [], []
    for with_it, without in zip(knowing, blind, strict=True):
        apart = [np.std(np.log(found.total / found.expected)[1:]) for found in (with_it, without)]
        spread.append(apart[0] / apart[1])
        claimed.append(np.median(with_it.errors / without.errors))
    assert np.mean(spread) < 0.96
    assert np.mean(claimed) == pytest.approx(np.mean(spread), abs=0.05)


def test_three_placebos_are_too_few_to_say_what_carries_over():
    own, beyond = np.array([0.3, 0.31, 0.29]), np.array([0.01, 0.011, 0.0098])
    assert carried_over(own, beyond, 3) == (0.0, 0.0)
    assert carried_over(own, beyond, 4).slope > 1
