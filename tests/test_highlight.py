"""The whole borough at a glance: which areas stand out, what changed, whether the gap closes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lsp_analysis import area_brief, open_study, wording
from lsp_analysis.effects.outcomes.all_programmes import NOT_NAMED, programmes
from lsp_analysis.errors import AreaError
from lsp_analysis.resources import study_path
from lsp_analysis.standing.agencies.highlight import (
    gap_sentence,
    highlights,
    leads_sentence,
    most_deprived,
    themes_table,
)
from lsp_analysis.standing.place.of_area import quadrant_of

AREAS = ["Hall i' th' Wood", "E02000984", "E02000985", "E02000993"]


@pytest.fixture(scope="module")
def study():
    return open_study(study_path("bolton_demo"))


@pytest.fixture(scope="module")
def found(study):
    return highlights(study, AREAS)


@pytest.fixture(scope="module")
def brief(study):
    return area_brief(study, most_deprived(study))


def test_every_area_has_a_verdict_on_every_indicator(study, found):
    assert len(found.table) == len(AREAS) * len(study.indicators())
    assert not found.table.duplicated(["area_code", "indicator"]).any()
    shown = found.areas_table().frame
    worse = found.table[found.table["verdict"] == "worse"]["area"].value_counts()
    told = shown.set_index("Area")["Worse on"].str.split(":").str[0].astype(int)
    assert told.to_dict() == worse.reindex(told.index).fillna(0).astype(int).to_dict()
    assert told.is_monotonic_decreasing


def test_verdicts_are_those_of_each_areas_own_page(study, found):
    for name in AREAS:
        alone = area_brief(study, name).profile.table
        code = study.area(name).code
        together = found.table[found.table["area_code"] == code].set_index("indicator")
        assert together["verdict"].to_dict() == alone.set_index("name")["verdict"].to_dict()


def test_the_most_deprived_fifth_are_those_of_lowest_rank_before_the_start(study):
    group = most_deprived(study, share=0.2, before="2008-04")
    ranks = study.deprivation(2007).set_index("area_code")["rank"]
    inside = ranks[ranks.index.isin(group.members)]
    assert len(group.members) == round(0.2 * 177)
    assert inside.max() < ranks[~ranks.index.isin(group.members)].min()
    with pytest.raises(AreaError, match="between 0 and 1"):
        most_deprived(study, share=20)


def test_only_intervals_clear_of_nought_make_a_gap_wider_or_narrower(brief):
    quadrant = quadrant_of(brief)
    said = gap_sentence(quadrant)
    frame = quadrant.frame
    clear = frame[(frame["gap_low"] > 0) | (frame["gap_high"] < 0)]
    assert all(wording.inside(name) in said for name in clear["label"])
    assert f"on the other {len(frame) - len(clear)}" in said
    unclear = replace(quadrant, frame=frame.assign(gap_low=-1.0, gap_high=1.0))
    assert "did not clearly change" in gap_sentence(unclear)


def test_measures_are_counted_once_by_theme_and_by_lead(brief):
    table = themes_table(brief.plan).frame
    assert table["Measures"].sum() == len(brief.plan.table)
    assert "15 of 20 measures of the plan are off track" in leads_sentence(brief.plan)


def test_a_programme_is_judged_on_the_outcome_named_for_it_or_not_at_all(study):
    judged = programmes(study)
    assert "lower than expected" in judged.table().frame["What may be said"].iloc[0]
    assert len(judged.summary_frame()) == 1
    unnamed = replace(judged, found=((judged.found[0][0], None),))
    assert unnamed.table().frame["What may be said"].iloc[0] == NOT_NAMED
    assert unnamed.summary_frame().empty
