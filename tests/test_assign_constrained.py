"""Constrained randomisation: balance in whole numbers, and a list that serves as reference set."""

import numpy as np
import pytest

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.methods import blocked_scheme, constrain, wedge_scheme


def past(n, k=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, k))


def base(n, arms="ct", **options):
    return blocked_scheme([f"u{i}" for i in range(n)], arms, **options)


def imbalance(rows, covariates):
    z = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0, ddof=1)
    one, other = (rows == 1) @ z, (rows == 0) @ z
    n_one, n_other = (rows[0] == 1).sum(), (rows[0] == 0).sum()
    return (one**2 / n_one + other**2 / n_other).sum(axis=1)


def test_the_best_tenth_of_all_allocations_is_kept():
    covariates = past(12)
    scheme = constrain(base(12), covariates, key="k")
    everything = np.sort(imbalance(base(12).every(), covariates))
    kept = imbalance(scheme.rows, covariates)
    assert 93 <= scheme.size <= 96  # a tenth of 924, and ties
    assert kept.max() <= everything[scheme.size] + 1e-3
    assert np.all(np.diff(kept) > -1e-3), "best balanced first"


def test_the_list_is_the_same_for_the_same_key_and_another_for_another():
    lists = [constrain(base(40), past(40), key=key, candidates=2_000) for key in "aab"]
    assert lists[0].digest == lists[1].digest != lists[2].digest
    assert lists[0].size == pytest.approx(200, abs=3)
    assert len(np.unique(lists[0].rows, axis=0)) == lists[0].size


def test_the_digest_is_known_once_and_for_all():
    covariates = np.array([[1.0, 5], [2, 3], [4, 4], [3, 1], [7, 2], [5, 5], [6, 1], [8, 3]])
    scheme = constrain(base(8), covariates, key="k", acceptable=0.5)
    assert (scheme.size, scheme.digest[:16]) == KNOWN


KNOWN = (36, "bb571af3615f4fb3")


def test_units_of_measurement_do_not_matter():
    covariates = past(12)
    scaled = covariates * [1000, 0.01] + [5, -7]
    one, other = (constrain(base(12), c, key="k") for c in (covariates, scaled))
    assert one.digest == other.digest


def test_draws_come_from_the_list_each_alike_likely():
    scheme = constrain(base(10), past(10), key="k", acceptable=0.1)
    drawn = scheme.many(4000, "draw")
    assert all(scheme.holds(row) for row in drawn[:50])
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == scheme.size
    expected = 4000 / scheme.size
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < scheme.size + 4.5 * np.sqrt(2 * scheme.size)


def test_with_three_arms_two_are_compared_over_acceptable_allocations_only():
    covariates = past(9)
    scheme = constrain(base(9, "abc"), covariates, key="k", acceptable=0.2)
    drawn = scheme.draw("d")
    part = scheme.given(drawn, ((0, 1),))
    whole = scheme.base.every()
    fixed = ((whole == drawn) | np.isin(drawn, (0, 1))).all(axis=1)
    expected = whole[fixed & (scheme.rule.scores(whole) < scheme.rule.cutoff)]
    assert {tuple(r) for r in part.every().tolist()} == {tuple(r) for r in expected.tolist()}
    assert part.holds(drawn)


def test_a_wedge_can_be_constrained():
    covariates = past(9)
    scheme = constrain(wedge_scheme([f"u{i}" for i in range(9)], [3, 3, 3]), covariates, key="k")
    assert all(scheme.base.holds(row) for row in scheme.rows[:20])
    assert scheme.size == pytest.approx(168, abs=4)


def test_too_few_acceptable_allocations_are_refused():
    with pytest.raises(DesignError, match="Only 8 allocations of 70"):
        constrain(base(8), past(8), key="k", acceptable=0.1)


@pytest.mark.parametrize(
    ("covariates", "message"),
    [(np.ones((12, 1)), "same value for all"), (np.full((12, 1), np.nan), "missing for 12 of 12")],
)
def test_a_covariate_that_cannot_be_balanced_is_named(covariates, message):
    with pytest.raises(DesignError, match=message):
        constrain(base(12), covariates, key="k")


def test_units_that_are_tied_together_are_said():
    covariates = np.zeros((12, 1))
    covariates[:2] = [[1.0], [1.0]]  # the two that stand out must part for the arms to be alike
    covariates[2:] = np.linspace(-1e-3, 1e-3, 10)[:, None]
    scheme = constrain(base(12), covariates, key="k", acceptable=0.2)
    assert scheme.tied() == (0, 1)
    assert "Of 924 allocations, 224 balance the arms well enough; a test" in scheme.sentence()
    assert "no pairs of units always share an arm and 1 never" in scheme.sentence()


def test_a_loose_constraint_ties_nobody():
    scheme = constrain(base(16), past(16), key="k", acceptable=0.5)
    assert scheme.tied() == (0, 0)
    assert "always share" not in scheme.sentence()
