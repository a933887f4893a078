"""What areas that looked alike went on to do: the expectation everyone is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import borough, case_of, scores

from lsp_analysis.effects.case import Case, open_case
from lsp_analysis.effects.one_area.expectation import _beyond_chance, judge
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.past import Past, drawing_ridge, fit_without, past_terms
from lsp_analysis.effects.one_area.scale import IdentityScale


def test_without_noise_the_expectation_is_exact():
    panel, question = scores()
    level = panel["area_code"].str[1:].astype(int)
    exact = panel.assign(score=20 + level / 2 + panel["period"].dt.year % 3)
    found = open_case(exact, **question).found
    assert found.expected / found.exposure == pytest.approx(found.total / found.exposure, abs=1e-4)


def test_statistics_of_placebos_are_about_standard_normal():
    spread = [
        case_of(borough(seed, group_size=size)).found.statistic[1:]
        for seed in range(8)
        for size in (1, 4)
    ]
    together = np.concatenate(spread)
    assert np.mean(together) == pytest.approx(0, abs=0.08)
    assert np.std(together) == pytest.approx(1, abs=0.12)


def test_noisy_small_areas_are_not_over_represented_among_the_extremes():
    early, late = [], []
    for seed in range(12):
        found = case_of(borough(seed, mean_count=1.5, level_sd=0.8, overdispersion=0.05)).found
        order = np.argsort(found.expected[1:])
        sizes = found.statistic[1:][order] ** 2
        early.append(sizes[: len(sizes) // 3].mean())
        late.append(sizes[-len(sizes) // 3 :].mean())
    assert np.mean(early) / np.mean(late) == pytest.approx(1, abs=0.5)


def test_what_the_treated_area_did_afterwards_moves_no_expectation():
    none, some = (case_of(borough(3, effect=effect)).found for effect in (0.0, -1.0))
    assert none.expected == pytest.approx(some.expected)
    assert none.statistic[1:] == pytest.approx(some.statistic[1:])


def test_each_placebo_is_expected_without_itself():
    case = case_of(borough(3))
    at = int(np.flatnonzero(case.pool.members[5])[0])
    total = case.ledger.total.copy()
    total[at, case.start :] *= 3
    changed = judge(replace(case.ledger, total=total), case.pool, start=case.start)
    assert changed.expected[5] == pytest.approx(case.found.expected[5], rel=0.05)
    assert changed.total[5] == pytest.approx(3 * case.found.total[5])


def test_a_placebo_is_expected_without_its_neighbours_as_the_treated_one_is():
    pool = case_of(borough(3, group_size=4)).pool
    rng = np.random.default_rng(1)
    n = pool.members.shape[1]
    terms = np.column_stack([np.ones(n), *rng.normal(size=(2, n))])
    after, weights, ridge = rng.normal(size=n), np.ones(n), np.zeros(3)
    next_door = (pool.adjacency[pool.members[5]].any(axis=0)) & ~pool.members[5]
    plain, moved = (
        fit_without(terms, outcome, weights, pool, ridge)[0]
        for outcome in (after, after + 10 * next_door)
    )
    assert moved[5] == pytest.approx(plain[5])
    assert np.abs(moved - plain).max() > 0.1


@pytest.mark.parametrize(("curvature", "least", "most"), [(0.0, 0, 0.5), (1.0, 0.99, 1)])
def test_a_curvature_is_drawn_to_nothing_only_where_the_areas_show_none(curvature, least, most):
    rng = np.random.default_rng(5)
    level = rng.normal(size=150)
    terms = np.column_stack([np.ones(150), level, level**2 - 1])
    kept = []
    for _ in range(40):
        after = terms @ [0, 1, curvature] + rng.normal(size=150)
        ridge = drawing_ridge(terms, after, np.ones(150), np.arange(3) == 2)
        assert (ridge[:2] == 0).all()
        kept.append(1 / (1 + ridge[2] / (terms[:, 2] ** 2).sum()))
    assert least <= np.mean(kept) <= most


def test_a_curvature_of_outcomes_all_alike_is_no_division_by_zero():
    terms = np.column_stack([np.ones(80), np.arange(80) - 39.5, (np.arange(80) - 39.5) ** 2])
    ridge = drawing_ridge(terms, np.zeros(80), np.ones(80), np.arange(3) == 2)
    assert (ridge[:2] == 0).all()
    assert np.isfinite(ridge).all()


def _without(case: Case, areas: np.ndarray, periods: slice) -> Judgement:
    total, exposure = case.ledger.total.copy(), case.ledger.exposure.copy()
    total[areas, periods], exposure[areas, periods] = 0, 0
    return judge(replace(case.ledger, total=total, exposure=exposure), case.pool, start=case.start)


def test_areas_next_door_matter_by_their_past_alone_and_are_not_missed_where_they_have_none():
    case = case_of(borough(3))
    ring = ~case.pool.comparison & ~case.treated
    later, never = (_without(case, ring, slice(first, None)) for first in (case.start, 0))
    assert later.statistic == pytest.approx(case.found.statistic)
    assert np.isfinite(never.statistic).all()
    assert np.corrcoef(never.statistic, case.found.statistic)[0, 1] > 0.98


def test_an_area_that_takes_no_part_does_not_matter_even_without_data():
    case = case_of(borough(3))
    alone = replace(case.pool, adjacency=None)
    ring = ~case.pool.comparison & ~case.treated
    blind = replace(case, pool=alone)
    changed = _without(blind, ring, slice(None))
    assert changed.statistic == pytest.approx(blind.found.statistic)


def test_a_treated_area_without_data_in_one_window_is_judged_by_the_others():
    case = case_of(borough(3, mean_count=20))
    total, exposure = case.ledger.total.copy(), case.ledger.exposure.copy()
    early = np.ix_(case.treated, np.arange(6))
    total[early], exposure[early] = 0, 0
    changed = judge(
        replace(case.ledger, total=total, exposure=exposure), case.pool, start=case.start
    )
    assert np.isfinite(changed.statistic).all()
    assert changed.expected[0] == pytest.approx(case.found.expected[0], rel=0.3)


def test_the_treated_one_is_given_room_for_how_few_independent_placebos_there_are():
    single, group = (case_of(borough(3, group_size=size)) for size in (1, 4))
    assert group.pool.n_disjoint < single.pool.n_disjoint
    typical = [case.found.fixed[0] / np.median(case.found.fixed[1:]) for case in (single, group)]
    assert typical[1] > typical[0]


def test_a_shorter_time_after_the_start_is_judged_less_surely():
    case = case_of(borough(3))
    short, long = (case.judged(stop=case.start + n).errors[0] for n in (3, 18))
    assert short > long


@pytest.mark.parametrize("value", [0.1, 0.7, 3.7, 1e-6, 1e9 / 7])
def test_a_window_that_is_one_number_everywhere_is_nothing_and_not_its_rounding(value):
    case = case_of(borough(3))
    varied = np.random.default_rng(1).normal(value, abs(value), len(case.treated))
    values = np.column_stack([np.full_like(varied, value), varied])
    past = Past(values, np.ones_like(values), np.ones(2))
    terms, _ = past_terms(past, case.pool, IdentityScale())
    assert (terms[:, 1] == 0).all()
    assert np.ptp(terms[:, 2]) == pytest.approx(np.ptp(varied))


def test_chance_alone_is_given_no_shock_and_a_shock_is_found():
    rng = np.random.default_rng(8)
    chance = rng.uniform(0.02, 0.3, 170)
    given = {}
    for shock in (0.0, 0.2):
        squares = (chance + shock) * rng.standard_normal((400, 170)) ** 2
        weight = 1 / (chance + shock) ** 2
        given[shock] = [_beyond_chance(squared, chance, weight) for squared in squares]
    assert min(given[0.0]) == 0
    assert np.mean(given[0.0]) < 0.1 * chance.mean()
    assert np.mean(given[0.2]) == pytest.approx(0.2, rel=0.1)
