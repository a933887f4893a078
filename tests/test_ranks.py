"""Ranks and quantile groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.standing.comparison.verdict import place_among, quantiles, ranks


@given(n=st.integers(10, 400), groups=st.sampled_from([4, 5, 10]))
def test_groups_are_of_nearly_equal_size_and_in_order(n, groups):
    found = quantiles(np.arange(n), groups)
    sizes = np.bincount(found.astype(int), minlength=groups + 1)[1:]
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(found) <= 0).all()  # the highest value is in group 1
    assert found.max() == groups


def test_both_directions_put_their_end_in_group_one():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert quantiles(values, 5).tolist() == [1, 5, 2, 4, 3]
    assert quantiles(values, 5, highest_first=False).tolist() == [5, 1, 4, 2, 3]


def test_ties_share_a_group_and_missing_values_have_none():
    found = quantiles([9, 9, 9, 1, np.nan, 2], 5)
    assert found[0] == found[1] == found[2]
    assert np.isnan(found[4])


def test_fewer_values_than_groups_have_no_groups():
    assert np.isnan(quantiles([1.0, 2.0, 3.0], 5)).all()


def test_published_deciles_follow_from_published_ranks(shared):
    # The decile of an LSOA is that of its rank among all 32,844 in England.
    table = pd.read_csv(shared("real") / "deprivation/imd2015_england_lsoa11_gm.csv")
    england = quantiles(np.arange(1, 32_845), 10, highest_first=False)
    assert england[table["IMD_rank"] - 1].tolist() == table["IMD_decile"].tolist()


def test_a_place_counts_the_area_itself():
    place = place_among(7.0, [9.0, 8.0, np.nan, 1.0])
    assert place["rank"] == 3
    assert place["of"] == 4
    assert np.isnan(place["decile"])


def test_rank_one_is_the_worst_by_default_and_the_lowest_when_asked():
    assert ranks([3.0, 8.0, 8.0]).tolist() == [3, 1, 1]
    assert ranks([3.0, 8.0, 8.0], highest_first=False).tolist() == [1, 2, 2]
