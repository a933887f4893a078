"""Schemes: every allocation counted, listed and drawn as often as every other."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from small_experiment import design

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.methods import (
    blocked_scheme,
    scheme_of,
    simple_scheme,
    wedge_scheme,
)


def names(n):
    return [f"u{i}" for i in range(n)]


SCHEMES = {
    "complete": (blocked_scheme(names(8), "ct"), 70),
    "complete, odd": (blocked_scheme(names(7), "ct"), 35),
    "complete, one to two": (blocked_scheme(names(6), "ct", [1, 2]), 15),
    "three arms": (blocked_scheme(names(6), "abc"), 90),
    "blocked": (blocked_scheme(names(8), "ct", blocks=np.repeat([0, 1], 4)), 36),
    "pairs": (blocked_scheme(names(8), "ct", blocks=np.repeat(range(4), 2)), 16),
    "wedge": (wedge_scheme(names(6), [2, 2, 2]), 90),
    "wedge, uneven": (wedge_scheme(names(5), [1, 2, 2]), 30),
    "simple": (simple_scheme(names(5), "ct"), 30),
    "simple, three arms": (simple_scheme(names(4), "abc"), 36),
}
each_scheme = pytest.mark.parametrize(("scheme", "size"), SCHEMES.values(), ids=SCHEMES)


@each_scheme
def test_allocations_are_counted_and_listed_once_each(scheme, size):
    rows = scheme.every()
    assert scheme.size == size == len(rows) == len(np.unique(rows, axis=0))
    assert all(scheme.holds(row) for row in rows)


@each_scheme
def test_every_allocation_is_drawn_equally_often(scheme, size):
    drawn = Counter(map(tuple, scheme.many(200 * size, "fair").tolist()))
    assert set(drawn) == set(map(tuple, scheme.every().tolist()))
    chi_squared = sum((n - 200) ** 2 / 200 for n in drawn.values())
    assert chi_squared < size + 4.5 * math.sqrt(2 * size)


@each_scheme
def test_a_draw_is_the_first_of_many(scheme, size):
    assert np.array_equal(scheme.draw("k"), scheme.many(3, "k")[0])


@pytest.mark.parametrize(
    ("scheme", "level"),
    [
        (blocked_scheme(names(8), "ct"), 2 / 70),
        (blocked_scheme(names(8), "ct", blocks=np.repeat(range(4), 2)), 0),
        (blocked_scheme(names(10), "ct", blocks=np.repeat(range(5), 2)), 0),
        (blocked_scheme(names(12), "ct", blocks=np.repeat(range(6), 2)), 2 / 64),
        (blocked_scheme(names(10), "ct", [7, 3]), 6 / 120),
        (wedge_scheme(names(4), [1, 1, 1, 1]), 1 / 24),
    ],
)
def test_the_largest_level_a_test_can_have(scheme, level):
    assert scheme.attainable_level(0.05) == pytest.approx(level)


def test_a_scheme_that_can_never_reject_says_so():
    five = blocked_scheme(names(10), "ct", blocks=np.repeat(range(5), 2))
    assert "can never find an effect" in five.sentence()
    assert "0.062" in five.sentence()
    assert "70 allocations" in blocked_scheme(names(8), "ct").sentence()


@pytest.mark.parametrize("kind", ["three arms", "simple, three arms"])
def test_two_arms_of_three_are_compared_with_the_third_in_place(kind):
    scheme, _ = SCHEMES[kind]
    drawn = scheme.draw("k")
    part = scheme.given(drawn, ((0, 1),))
    rows = part.every()
    whole = scheme.every()
    same = (whole == drawn) | (np.isin(drawn, (0, 1)) & np.isin(whole, (0, 1)))
    agreeing = whole[same.all(axis=1)]
    assert len(rows) == len(agreeing)
    assert {tuple(r) for r in rows.tolist()} == {tuple(r) for r in agreeing.tolist()}


def test_units_left_over_in_blocks_even_out_over_the_arms():
    scheme = blocked_scheme(names(15), "ct", blocks=np.repeat(range(5), 3))
    counts = np.bincount(scheme.labels)
    assert abs(counts[0] - counts[1]) == 1


def test_unequal_chances_are_sampled_and_not_listed():
    scheme = simple_scheme(names(20), "ct", [1, 3])
    assert not scheme.listable
    assert scheme.many(2000, "k").mean() == pytest.approx(0.75, abs=0.03)
    with pytest.raises(DesignError, match="not all alike likely"):
        scheme.every()


def test_too_many_allocations_are_not_listed():
    with pytest.raises(DesignError, match="Draw a sample"):
        blocked_scheme(names(40), "ct").every()


def test_an_allocation_of_another_scheme_is_recognised():
    scheme = blocked_scheme(names(4), "ct", blocks=np.array([0, 0, 1, 1]))
    assert scheme.holds(np.array([0, 1, 1, 0]))
    assert not scheme.holds(np.array([1, 1, 0, 0]))


# From designs


def units(n, **columns):
    return pd.DataFrame({"unit": names(n), **columns})


def test_strata_and_small_blocks_become_blocks():
    plan = design(('strata = ["district"]', 'strata = ["district"]\nblock_size = 4'))
    scheme = scheme_of(plan, units(12, district=["n"] * 8 + ["s"] * 4))
    assert scheme.blocks.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert scheme.size == 6**3


def test_pairs_must_be_pairs():
    plan = design(('method = "blocked"', 'method = "pairs"'), ('strata = ["district"]', ""))
    assert scheme_of(plan, units(4, pair=[7, 3, 3, 7])).blocks.tolist() == [0, 1, 1, 0]
    with pytest.raises(DesignError, match="come twice"):
        scheme_of(plan, units(4, pair=[1, 1, 1, 2]))


def test_steps_must_add_up_to_the_clusters():
    with pytest.raises(DesignError, match="start 5 clusters, but there are 6"):
        wedge_scheme(names(6), [2, 3])


def test_a_stratum_may_not_be_missing():
    with pytest.raises(DesignError, match="no stratum"):
        scheme_of(design(), units(4, district=["n", None, "s", "s"]))


def test_an_arm_must_not_be_left_empty():
    with pytest.raises(DesignError, match='arm "b"'):
        blocked_scheme(names(1), "ab")
    with pytest.raises(DesignError, match="cannot fill"):
        simple_scheme(names(1), "ab")
