"""Matched pairs: the best set of pairs, not the best pair first."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.methods import mahalanobis, match_pairs


def units(values):
    table = pd.DataFrame(values, columns=["before", "size"][: np.shape(values)[1]])
    return table.assign(unit=[f"u{i}" for i in range(len(table))])


def total(pairs):
    return pairs["pair_distance"].sum() / 2


def best_by_brute_force(distance):
    n = len(distance)
    return min(
        sum(distance[order[i], order[i + 1]] for i in range(0, n, 2))
        for order in permutations(range(n))
    )


@pytest.mark.parametrize("seed", range(4))
def test_no_other_set_of_pairs_is_closer(seed):
    table = units(np.random.default_rng(seed).normal(size=(8, 2)))
    pairs = match_pairs(table, on=["before", "size"])
    distance = mahalanobis(table[["before", "size"]].to_numpy(), names=["before", "size"])
    assert total(pairs) == pytest.approx(best_by_brute_force(distance))
    assert (pairs["pair"].value_counts() == 2).all()


def test_the_closest_pair_is_given_up_where_that_serves_all():
    # 0 and 1 are closest, but to pair them leaves -1.1 with 2.1.
    pairs = match_pairs(units([[-1.1], [0.0], [1.0], [2.1]]), on=["before"]).set_index("unit")
    assert pairs.loc["u0", "pair"] == pairs.loc["u1", "pair"]
    assert pairs.loc["u2", "pair"] == pairs.loc["u3", "pair"]


def test_scales_and_order_do_not_matter():
    table = units(np.random.default_rng(3).normal(size=(20, 2)))
    scaled = table.assign(before=1000 * table["before"] - 3).sample(frac=1, random_state=1)
    sets = [
        set(match_pairs(t, on=["before", "size"]).groupby("pair")["unit"].agg(frozenset))
        for t in (table, scaled)
    ]
    assert sets[0] == sets[1]


def test_forty_units_and_more_are_matched_in_a_moment():
    table = units(np.random.default_rng(5).normal(size=(60, 2)))
    pairs = match_pairs(table, on=["before", "size"])
    assert pairs["pair"].max() == 30
    assert pairs["pair_distance"].is_monotonic_increasing


def test_an_odd_unit_out_is_the_analysts_choice():
    with pytest.raises(DesignError, match="3 units cannot be paired off"):
        match_pairs(units([[1.0], [2.0], [3.0]]), on=["before"])


def test_a_missing_value_is_named():
    with pytest.raises(DesignError, match="size is missing"):
        match_pairs(units([[1.0, 2.0], [2.0, np.nan]]), on=["before", "size"])
