"""The Indices over their editions: places, what like areas did, nothing attributed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims import causal_words
from pictures import assert_fit_for_a_page

from lsp_analysis import open_study
from lsp_analysis.effects.outcomes.editions import edition_story, follow_editions, positions
from lsp_analysis.errors import PanelError
from lsp_analysis.resources import study_path
from lsp_analysis.showing import Absent

YEARS = {2000: 1999, 2004: 2001, 2007: 2005, 2010: 2008, 2015: 2012}
CODES = [f"A{i:02d}" for i in range(60)]


def indices(seed: int = 0) -> pd.DataFrame:
    """Ranks of sixty areas in five editions; A00 is the worst in 2007, by bad luck alone."""
    rng = np.random.default_rng(seed)
    level = np.linspace(0, 3, 60)[:, None] + rng.normal(0, 0.3, (60, len(YEARS)))
    level[0] = [0.4, 0.4, -2.0, 0.4, 0.4]
    ranks = 100 + 500 * level.argsort(axis=0).argsort(axis=0)
    frame = pd.DataFrame(ranks, index=CODES, columns=list(YEARS)).rename_axis("area_code")
    long = frame.melt(ignore_index=False, var_name="edition", value_name="rank").reset_index()
    return long.assign(edition=long["edition"].astype(int), data_year=long["edition"].map(YEARS))


def follow(frame=None, **changes):
    frame = indices() if frame is None else frame
    options = {"treated": ["A00"], "start": "2008-04", "place": "the estate"}
    return follow_editions(frame, **options | changes)


def test_positions_count_from_the_most_deprived_and_hang_on_order_alone():
    table = positions(indices())
    by_edition = table.groupby("edition")
    assert (by_edition["position"].min() == 1).all()
    assert (by_edition["position"].max() == 60).all()
    stretched = indices().assign(rank=lambda d: d["rank"] ** 2)
    pd.testing.assert_series_equal(positions(stretched)["position"], table["position"])


def test_ties_share_the_middle_place():
    tied = pd.DataFrame(
        {"area_code": ["a", "b", "c"], "edition": 2010, "rank": [5, 5, 9], "data_year": 2008}
    )
    assert positions(tied)["position"].tolist() == [1.5, 1.5, 3.0]


def test_comparators_are_chosen_on_the_last_edition_before_the_start():
    found = follow()
    assert (found.before, found.after) == (2007, 2010)
    later = indices()
    later.loc[later["edition"] > 2007, "rank"] = later.loc[later["edition"] > 2007, "rank"][
        ::-1
    ].to_numpy()
    series = [set(one.lines["series"]) for one in (found, follow(later))]
    assert series[0] == series[1]
    changed = follow(later).lines.query("edition == '2007'").set_index("series")["position"]
    kept = found.lines.query("edition == '2007'").set_index("series")["position"]
    pd.testing.assert_series_equal(changed, kept)


def test_areas_as_bad_by_bad_luck_move_away_from_the_end_anyway():
    found = follow()
    assert found.places.set_index("edition")["position"][2007] == 1
    quick = found.anyway.set_index("group")["change"]
    assert len(quick) == 2


def test_the_story_attributes_its_movement_to_nothing():
    said = follow().sentence()
    assert "attribute its movement to nothing" in said
    assert "1st of 60 in 2007" in said
    assert causal_words(said) == []


@pytest.mark.parametrize(
    ("editions", "words"),
    [([2007, 2010], "one edition before 2008"), ([2000, 2004, 2007], "0 after")],
)
def test_too_few_editions_are_refused(editions, words):
    frame = indices()
    with pytest.raises(PanelError, match=words):
        follow(frame[frame["edition"].isin(editions)])


def test_the_slopes_and_the_table_are_fit_for_a_page():
    found = follow()
    assert_fit_for_a_page(found.plot())
    assert "National rank" in found.table()._repr_html_()


def test_a_study_tells_its_story_or_why_it_has_none():
    study = open_study(study_path("bolton_demo"))
    area = study.area("Hall i' th' Wood")
    assert edition_story(study, area, start="2008-04").after == 2010
    none = edition_story(study, area, start="1990-01")
    assert isinstance(none, Absent)
    assert none.sentence()
