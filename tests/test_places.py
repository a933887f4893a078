"""One indicator in every small area; peers; neighbours on every indicator."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import assert_fit_for_a_page

from lsp_analysis.standing.place.brief import ALIKE
from lsp_analysis.standing.place.mapped import places
from lsp_analysis.standing.place.other_areas import peers, rug


@pytest.fixture(scope="module")
def found(brief):
    return places(brief, "burglary")


def test_every_small_area_has_one_role(found):
    counts = found.frame["role"].value_counts()
    assert counts.to_dict() == {"elsewhere": 170, "neighbour": 6, "area": 1}


def test_rank_one_is_the_worst_whichever_way_is_good(brief, found):
    assert found.frame.loc[found.frame["rank"] == 1, "value"].iloc[0] == found.frame["value"].max()
    recycling = places(brief, "recycling").frame
    assert recycling.loc[recycling["rank"] == 1, "value"].iloc[0] == recycling["value"].min()


def test_smoothing_draws_values_together_and_keeps_them_in_range(found):
    assert found.frame["smoothed"].std() < found.frame["value"].std()
    assert (
        found.frame["smoothed"]
        .between(found.frame["value"].min(), found.frame["value"].max())
        .all()
    )
    assert "another colour" in found.smoothing_sentence()


def test_all_maps_share_their_classes_and_are_fit_for_a_page(found):
    for draw in (found.plot, found.draw_smoothed, found.draw_close, found.draw_order):
        assert_fit_for_a_page(draw())


def test_the_peers_are_the_similarly_deprived_and_the_area_comes_first(brief):
    ladder = peers(brief, "burglary")
    assert ladder.table["label"].iloc[0] == brief.area.name
    assert len(ladder.table) == 1 + len(brief.comparators[ALIKE])
    assert (ladder.table["low"] <= ladder.table["value"]).all()


def test_the_rug_allows_for_all_its_comparisons(brief):
    carpet = rug(brief)
    assert len(carpet.table) == 12 * 7
    judged = carpet.table["verdict"].isin(["better", "worse"])
    assert (carpet.table.loc[judged, "p_adjusted"] <= 0.05).all()
    assert f"{brief.area.name} on " in carpet.sentence()
    assert not np.isnan(carpet.table["value"]).all()
