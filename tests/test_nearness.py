"""What areas near one another do to errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import N_AREAS, borough, case_of, small_map

from lsp_analysis.effects.one_area.nearness import allowance, inflation, spread_by_steps, together

POOL = case_of(borough(3, group_size=4)).pool
MAP = small_map()


def test_powers_follow_steps_and_end_after_four():
    near = np.eye(7, k=1, dtype=bool) | np.eye(7, k=-1, dtype=bool)
    assert spread_by_steps(near, 0.5)[0] == pytest.approx([1, 0.5, 0.25, 0.125, 0.0625, 0, 0])


def test_neighbours_that_go_together_are_known_for_it_and_others_are_not():
    rng = np.random.default_rng(2)
    found = {}
    for spatial in (0.0, 0.9):
        spread = MAP.spread(spatial)
        found[spatial] = [together(POOL, spread @ rng.standard_normal(N_AREAS)) for _ in range(40)]
    assert np.mean(found[0.0]) < 0.1 < 0.3 < np.mean(found[0.9])
    assert together(replace(POOL, adjacency=None), np.ones(N_AREAS)) == 0
    assert together(POOL, np.zeros(N_AREAS)) == 0


def test_a_fit_to_what_goes_together_is_as_unsure_as_simulated():
    rng = np.random.default_rng(6)
    spread = MAP.spread(0.8)
    level = spread @ rng.standard_normal(N_AREAS)
    rows = np.column_stack([np.ones(N_AREAS), level - level[POOL.comparison].mean()])
    inside = rows[POOL.comparison]
    inverse = np.linalg.inv(inside.T @ inside)
    groups = POOL.members / POOL.members.sum(axis=1, keepdims=True)
    terms = groups @ rows
    errors = {}
    correlations = []
    for name, root in (("apart", np.eye(N_AREAS)), ("near", spread)):
        drawn = root @ rng.standard_normal((N_AREAS, 4_000))
        drawn /= drawn.std(axis=1, keepdims=True)
        errors[name] = (terms @ inverse @ inside.T @ drawn[POOL.comparison]).var(axis=1)
        correlations.append(np.mean([together(POOL, one) for one in drawn.T[:200]]))
    covariance = np.broadcast_to(inverse, (len(terms), 2, 2))
    claimed = inflation(terms, covariance, rows, POOL, correlations[1])
    true = errors["near"] / errors["apart"]
    assert np.median(claimed / true) == pytest.approx(1, abs=0.35)
    assert (inflation(terms, covariance, rows, POOL, 0.0) == 1).all()


def test_room_for_few_independent_placebos_grows_as_they_go_together():
    rooms = [allowance(POOL, correlation) for correlation in (0.0, 0.2, 0.4, 0.9)]
    assert rooms[0] == pytest.approx(POOL.n_disjoint / (POOL.n_disjoint - 2))
    assert rooms == sorted(rooms)
    assert rooms[-1] <= 2
