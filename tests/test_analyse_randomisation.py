"""Randomisation tests: exact, valid for any outcome, with intervals that invert them."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.analysis.randomisation_test import redraws
from lsp_analysis.experiments.draw.methods import (
    blocked_scheme,
    constrain,
    simple_scheme,
    wedge_scheme,
)
from lsp_analysis.experiments.draw.scheme import Permuted


def names(n):
    return [f"u{i}" for i in range(n)]


def complete(n, **options):
    return blocked_scheme(names(n), "ct", **options)


def dummies(groups):
    return np.eye(groups.max() + 1)[groups]


def grid_p_values(prepared, outcome, exposure, effects):
    return prepared.p_values(outcome[:, None] - np.outer(exposure, effects))


# Against enumeration and other people's code


def test_fishers_lady_tasting_tea():
    # All eight cups named rightly: one of 70 ways one-sided (Fisher 1935).
    scheme = complete(8)
    truth = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    test = redraws(scheme, truth, exposure=[0, 1]).test(truth.astype(float))
    assert test.p_upper == pytest.approx(1 / 70)
    assert test.p_value == pytest.approx(2 / 70)


def test_it_agrees_with_scipy_on_the_difference_in_means():
    rng = np.random.default_rng(1)
    outcome, drawn = rng.lognormal(size=9), np.array([1, 0, 0, 1, 0, 1, 0, 1, 0])
    scheme = blocked_scheme(names(9), "ct", [5, 4])
    ours = redraws(scheme, drawn, exposure=[0, 1], statistic="difference").test(outcome)
    theirs = stats.permutation_test(
        (outcome[drawn == 1], outcome[drawn == 0]),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        n_resamples=np.inf,
        alternative="greater",
        vectorized=True,
    )
    assert ours.p_upper == pytest.approx(theirs.pvalue)
    assert ours.estimate == pytest.approx(theirs.statistic)


def test_pairs_are_the_sign_flip_test():
    rng = np.random.default_rng(2)
    differences = rng.normal(0.5, 1, 7)
    outcome = np.column_stack([np.zeros(7), differences]).ravel()
    scheme = complete(14, blocks=np.repeat(range(7), 2))
    prepared = redraws(scheme, scheme.labels, exposure=[0, 1], adjust=dummies(scheme.blocks))
    flips = np.array(list(itertools.product([1, -1], repeat=7))) @ differences
    expected = (np.abs(flips) >= abs(differences.sum()) - 1e-12).mean()
    test = prepared.test(outcome)
    assert test.p_value == pytest.approx(expected)
    assert test.estimate == pytest.approx(differences.mean())
    assert test.n_allocations == 128


def test_blocks_are_permuted_within_themselves():
    rng = np.random.default_rng(3)
    outcome, blocks = rng.normal(size=8) + np.repeat([0, 50], 4), np.repeat([0, 1], 4)
    drawn = np.array([1, 0, 1, 0, 0, 0, 1, 1])
    scheme = complete(8, blocks=blocks)
    found = redraws(scheme, drawn, exposure=[0, 1], adjust=dummies(blocks)).test(outcome)
    halves = list(itertools.combinations(range(4), 2))
    every = [
        np.mean([outcome[[*a, *(4 + np.array(b))]].mean() * 2 - outcome.mean() * 2])
        for a in halves
        for b in halves
    ]
    own = outcome[drawn == 1].mean() - outcome[drawn == 0].mean()
    assert found.estimate == pytest.approx(own)
    assert found.p_value == pytest.approx((np.abs(every) >= abs(own) - 1e-9).mean())


def test_clusters_of_unequal_size_weigh_by_their_people():
    # Randomised by cluster: the difference between people's means, over all draws of clusters.
    rng = np.random.default_rng(4)
    sizes = rng.integers(5, 40, 8)
    people = [rng.normal(rng.normal(), 1, n) for n in sizes]
    drawn = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    means = np.array([p.mean() for p in people])
    test = redraws(
        complete(8), drawn, exposure=[0, 1], weights=sizes.astype(float), statistic="difference"
    ).test(means)

    def difference(arm):
        inside = [
            np.concatenate([p for p, a in zip(people, arm, strict=True) if a == k]) for k in (1, 0)
        ]
        return inside[0].mean() - inside[1].mean()

    every = [
        difference(np.isin(range(8), chosen)) for chosen in itertools.combinations(range(8), 4)
    ]
    assert test.estimate == pytest.approx(difference(drawn))
    assert test.p_value == pytest.approx((np.abs(every) >= abs(difference(drawn)) - 1e-12).mean())


def test_covariates_make_it_the_regressions_robust_t():
    rng = np.random.default_rng(5)
    past, drawn = rng.normal(size=10), np.tile([0, 1], 5)
    outcome = past + drawn + rng.normal(size=10)
    prepared = redraws(complete(10), drawn, exposure=[0, 1], adjust=past[:, None])

    def t_value(arm):
        terms = np.column_stack([np.ones(10), arm, past])
        return sm.OLS(outcome, terms).fit(cov_type="HC2").tvalues[1]

    every = [
        t_value(np.isin(range(10), c).astype(float)) for c in itertools.combinations(range(10), 5)
    ]
    expected = (np.abs(every) >= abs(t_value(drawn.astype(float))) - 1e-9).mean()
    assert prepared.test(outcome).p_value == pytest.approx(expected)


def test_a_wedge_is_tested_over_the_orders_of_its_clusters():
    rng = np.random.default_rng(6)
    scheme = wedge_scheme(names(4), [1, 1, 2])
    drawn = scheme.draw("k")
    grid = (np.arange(4) >= np.arange(1, 4)[:, None]).astype(float)
    outcome = rng.normal(size=(4, 4)) + np.arange(4) + rng.normal(size=(4, 1)) * 5
    levels = np.hstack([dummies(np.repeat(range(4), 4)), dummies(np.tile(range(4), 4))])
    prepared = redraws(scheme, drawn, exposure=grid, adjust=levels)

    def t_like(order):
        terms = np.column_stack([grid[order].ravel(), levels[:, :-1]])
        return sm.OLS(outcome.ravel(), terms).fit(cov_type="HC2").tvalues[0]

    every = [t_like(np.array(order)) for order in set(itertools.permutations([0, 1, 2, 2]))]
    expected = (np.abs(every) >= abs(t_like(drawn)) - 1e-9).mean()
    assert prepared.test(outcome.ravel()).p_value == pytest.approx(expected)
    assert prepared.test(outcome.ravel() + 3 * grid[drawn].ravel()).estimate == pytest.approx(
        prepared.test(outcome.ravel()).estimate + 3
    )


# Validity and intervals


@pytest.mark.parametrize(
    "scheme",
    [
        complete(8),
        complete(12, blocks=np.repeat(range(3), 4)),
        simple_scheme(names(8), "ct"),
        constrain(complete(10), np.random.default_rng(0).normal(size=(10, 2)), key="k"),
    ],
    ids=["complete", "blocked", "simple", "constrained"],
)
def test_over_all_its_allocations_a_test_rejects_just_as_often_as_it_may(scheme):
    # The outcome is fixed and heavy-tailed; only the draw is random, and every draw is tried.
    rng = np.random.default_rng(7)
    outcome = rng.standard_cauchy(len(scheme.units))
    p_values = [
        redraws(scheme, row, exposure=[0, 1], adjust=dummies(scheme.blocks)).test(outcome).p_value
        for row in scheme.every()
    ]
    share = np.mean(np.array(p_values) <= 0.05 + 1e-12)
    assert share == pytest.approx(scheme.attainable_level(0.05))


@pytest.mark.parametrize("statistic", ["studentised", "difference"])
@pytest.mark.parametrize("seed", range(3))
def test_the_interval_holds_just_the_effects_that_are_not_rejected(statistic, seed):
    rng = np.random.default_rng(seed)
    drawn, past = np.tile([0, 1], 6), rng.normal(size=(12, 1))
    outcome, weights = rng.lognormal(size=12) + drawn, rng.uniform(0.3, 3, 12)
    prepared = redraws(
        complete(12), drawn, exposure=[0, 1], adjust=past, weights=weights, statistic=statistic
    )
    test = prepared.test(outcome)
    step = (test.high - test.low) / 400
    effects = np.arange(test.low - 40 * step, test.high + 40 * step, step)
    inside = effects[grid_p_values(prepared, outcome, drawn, effects) > 0.05]
    assert inside.min() == pytest.approx(test.low, abs=1.5 * step)
    assert inside.max() == pytest.approx(test.high, abs=1.5 * step)


def test_the_interval_of_what_was_received_inverts_its_own_test():
    rng = np.random.default_rng(9)
    drawn = np.tile([0, 1], 6)
    received = drawn * rng.uniform(0.5, 1, 12)
    outcome = 3 * received + rng.normal(size=12)
    prepared = redraws(complete(12), drawn, exposure=[0, 1])
    test = prepared.test(outcome, exposure=received)
    effects = np.linspace(test.low - 1, test.high + 1, 2001)
    inside = effects[grid_p_values(prepared, outcome, received, effects) > 0.05]
    assert inside.min() == pytest.approx(test.low, abs=0.01)
    assert inside.max() == pytest.approx(test.high, abs=0.01)
    itt = prepared.test(outcome)
    assert test.p_value == itt.p_value
    assert test.estimate == pytest.approx(itt.estimate / prepared.test(received).estimate)


def test_where_nothing_was_received_the_interval_has_no_end():
    prepared = redraws(complete(8), complete(8).labels, exposure=[0, 1])
    test = prepared.test(np.arange(8.0), exposure=np.zeros(8))
    assert (test.low, test.high) == (-np.inf, np.inf)
    assert np.isnan(test.estimate)


def test_five_pairs_leave_the_interval_open():
    scheme = complete(10, blocks=np.repeat(range(5), 2))
    test = redraws(scheme, scheme.labels, exposure=[0, 1], adjust=dummies(scheme.blocks)).test(
        scheme.labels * 100.0
    )
    assert test.p_value == pytest.approx(2 / 32)
    assert (test.low, test.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("shift", [-3.5, 2.0])
def test_shifting_the_treated_moves_the_estimate_and_not_the_width(shift):
    rng = np.random.default_rng(10)
    drawn, outcome = np.tile([0, 1], 5), rng.normal(size=10)
    prepared = redraws(complete(10), drawn, exposure=[0, 1])
    old, new = prepared.test(outcome), prepared.test(outcome + shift * drawn)
    assert new.estimate - old.estimate == pytest.approx(shift)
    assert new.high - new.low == pytest.approx(old.high - old.low)


@pytest.mark.parametrize("scale", [0.001, -40.0])
def test_rescaling_the_outcome_rescales_the_answer(scale):
    rng = np.random.default_rng(11)
    drawn, outcome = np.tile([0, 1], 5), rng.normal(size=10)
    prepared = redraws(complete(10), drawn, exposure=[0, 1])
    old, new = prepared.test(outcome), prepared.test(scale * outcome + 7)
    assert new.p_value == old.p_value
    assert sorted([scale * old.low, scale * old.high]) == pytest.approx([new.low, new.high])


def test_the_order_of_units_does_not_matter():
    rng = np.random.default_rng(12)
    order = rng.permutation(10)
    drawn, outcome, past = np.tile([0, 1], 5), rng.normal(size=10), rng.normal(size=(10, 1))
    one = redraws(complete(10), drawn, exposure=[0, 1], adjust=past).test(outcome)
    other = redraws(complete(10), drawn[order], exposure=[0, 1], adjust=past[order]).test(
        outcome[order]
    )
    assert (one.p_value, one.low, one.high) == pytest.approx((other.p_value, other.low, other.high))


def test_a_sample_of_allocations_counts_the_observed_one_in():
    scheme = complete(40)
    drawn = scheme.draw("k")
    test = redraws(scheme, drawn, exposure=[0, 1], draws=999).test(
        drawn * 50.0 + np.arange(40) / 40
    )
    assert not test.exact
    assert test.n_allocations == 1000
    assert test.p_value == pytest.approx(1 / 1000)


def test_a_sample_comes_near_the_exact_answer():
    rng = np.random.default_rng(13)
    scheme, outcome = complete(16), rng.normal(size=16)
    drawn = scheme.draw("k")
    exact = redraws(scheme, drawn, exposure=[0, 1]).test(outcome)
    wide = blocked_scheme(names(16), "ct")
    rows = np.vstack([drawn, wide.many(9_999, "sample")])
    sampled = (
        np.abs([outcome[r == 1].mean() - outcome[r == 0].mean() for r in rows])
        >= abs(exact.estimate) - 1e-12
    ).mean()
    assert exact.p_value == pytest.approx(sampled, abs=0.02)


def test_missing_cells_have_no_weight():
    rng = np.random.default_rng(14)
    outcome, drawn = rng.normal(size=10), np.tile([0, 1], 5)
    weights = np.array([1.0] * 9 + [0.0])
    prepared = redraws(complete(10), drawn, exposure=[0, 1], weights=weights)
    answers = []
    for value in (np.nan, 0.0, 1e6):
        test = prepared.test(np.append(outcome[:9], value))
        answers.append((test.estimate, test.p_value, test.low))
    assert answers[0] == answers[1] == pytest.approx(answers[2])
    assert answers[0][0] == pytest.approx(outcome[1:9:2].mean() - outcome[0:9:2].mean())


def test_an_allocation_that_could_not_have_been_is_refused():
    with pytest.raises(DesignError, match="not one that its scheme"):
        redraws(complete(4), np.array([1, 1, 1, 0]), exposure=[0, 1])


def test_an_unknown_statistic_is_refused():
    with pytest.raises(ParameterError, match="studentised, difference"):
        redraws(complete(4), complete(4).labels, exposure=[0, 1], statistic="rank")


def test_a_result_reads_and_draws_itself():
    test = redraws(complete(8), complete(8).labels, exposure=[0, 1]).test(np.arange(8.0))
    assert "all 70 allocations" in test.sentence()
    assert list(test.summary_frame())[:4] == ["estimate", "low", "high", "p_value"]
    assert test.plot() is not None


# Published examples


def p_of(y, treated, *, blocks=None, clusters=None):
    rows = pd.DataFrame({"y": y, "treated": treated})
    rows["unit"] = clusters if clusters is not None else np.arange(len(y))
    rows["block"] = blocks if blocks is not None else 0
    units = rows.groupby("unit")[["block", "treated"]].first()
    scheme = Permuted(
        tuple(map(str, units.index)),
        ("control", "treated"),
        units["block"].to_numpy(),
        units["treated"].to_numpy(),
    )
    cell = pd.factorize(rows["unit"])[0]
    share = rows.groupby("block")["treated"].transform("mean")
    return redraws(
        scheme,
        scheme.labels,
        exposure=[0, 1],
        cell_unit=cell,
        adjust=pd.get_dummies(rows["block"]).to_numpy(float),
        weights=1 / (share * (1 - share)),
        statistic="difference",
    ).test(np.array(y, float))


def test_villages_of_gerber_and_green():
    # Field Experiments (2012), table 2.2 and section 3.4: 6.5, 8 of 21 draws as extreme.
    found = p_of([15, 15, 20, 20, 10, 15, 30], [1, 0, 0, 0, 0, 0, 1])
    assert found.estimate == pytest.approx(6.5)
    assert (found.n_allocations, found.p_value) == (21, pytest.approx(0.3809524))


def test_blocks_of_clusters_of_the_package_ri2():
    # Vignette of ri2 (Coppock), the example of ri's help: estimate 2, p = 0.1944444, 36 draws.
    found = p_of(
        [8, 6, 2, 0, 3, 1, 1, 1, 2, 2, 0, 1, 0, 2, 2, 4, 1, 1],
        np.repeat([1, 0, 1, 0, 1, 1, 0, 1, 0], 2),
        blocks=np.repeat([1, 2, 3], [4, 6, 8]),
        clusters=np.repeat(range(9), 2),
    )
    assert found.estimate == pytest.approx(2)
    assert (found.n_allocations, found.p_value) == (36, pytest.approx(0.1944444, abs=5e-8))


def test_honey_against_cough():
    # Imbens and Rubin (2015), chapter 5, six children: a difference of 1, p = 16/20.
    found = p_of([3, 5, 0, 4, 0, 1], [1, 1, 1, 0, 0, 0])
    assert (found.estimate, found.p_value) == (pytest.approx(1), pytest.approx(0.8))


def test_darwins_maize():
    # Fisher (1935), section 21: of 32,768 arrangements 863 have as large a sum, 863 as small a one.
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    values = np.column_stack([np.zeros(15), eighths]).ravel() / 8
    found = p_of(values, np.tile([0, 1], 15), blocks=np.repeat(range(15), 2))
    assert found.n_allocations == 32_768
    assert found.p_value == pytest.approx(2 * 863 / 32_768)
    assert found.estimate == pytest.approx(2.6167, abs=5e-5)
