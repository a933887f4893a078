"""The whole borough at a glance: which areas stand out, what changed, whether the gap closes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lsp_analysis import area_brief, open_study, wording
from lsp_analysis.effects.outcomes.programme_page import NOT_NAMED, programmes
from lsp_analysis.errors import AreaError
from lsp_analysis.reports import view
from lsp_analysis.reports.view.changes import clear_gap_changes, gap_words, since
from lsp_analysis.resources import study_path
from lsp_analysis.standing.agencies.highlight import (
    highlights,
    leads_sentence,
    most_deprived,
)

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


def test_verdicts_are_those_of_each_areas_own_page(study, found):
    for name in AREAS[:1]:
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


def test_what_is_off_track_is_told_with_who_leads_on_it(brief):
    assert "15 of 20 targets of the plan are off track" in leads_sentence(brief.plan)


def test_a_programme_is_judged_on_the_outcome_named_for_it_or_not_at_all(study):
    judged = programmes(study)
    assert "lower than expected" in judged.table().frame["What may be said"].iloc[0]
    assert len(judged.judged()) == 1
    unnamed = replace(judged, found=((judged.found[0][0], None),))
    assert unnamed.table().frame["What may be said"].iloc[0] == NOT_NAMED
    assert unnamed.judged() == []


def test_the_grid_shows_every_verdict_of_the_measures_with_a_better_side(study, found):
    grid = view.verdict_grid(study, found).data
    table = found.table.set_index(["indicator", "area"])["verdict"]
    sided = {i.name for i in map(study.indicator, study.indicators()["indicator_id"])
             if i.polarity != "none"}  # fmt: skip
    assert {row["name"] for row in grid["rows"]} <= sided
    assert set(grid["areas"]) == set(found.table["area"])
    for row in grid["rows"]:
        shown = dict(zip(grid["areas"], (word for _, word in row["cells"]), strict=True))
        assert shown == {area: table[row["name"], area] for area in grid["areas"]}
    worse = found.times_worse()
    assert grid["areas"][: len(worse)] == list(worse.index)


def test_the_boroughs_first_screen_names_areas_measures_and_gaps(study, found, brief):
    screen = view.borough_screen(study, found, brief).data
    worse = found.times_worse()
    assert [item[0] for item in screen["next"]["items"]] == [f"{a}:" for a in worse.index[:3]]
    gaps = dict(map(tuple, screen["changed"]))
    since = next(text for about, text in gaps.items() if about.startswith("Gaps of the most"))
    moved = clear_gap_changes(brief)
    assert all(wording.inside(move.name) in since for move in moved[:3])
    assert max(len(" ".join(pair).split()) for pair in screen["changed"]) <= 80


def test_a_borough_without_indices_has_its_screen_without_a_gap(study, found):
    screen = view.borough_screen(study, found).data
    assert [about for about, _ in screen["changed"]] == ["Since the year before:"]


@pytest.mark.slow
def test_areas_that_share_a_name_are_told_apart_by_their_codes(study):
    """Four areas called alike: each keeps its own column, verdicts and place on the map."""
    alike = [replace(study.area(code), name="Central") for code in AREAS]
    found = highlights(study, alike)
    assert sorted(found.table["area"].unique()) == sorted(f"Central ({a.code})" for a in alike)
    grid, screen = view.verdict_grid(study, found).data, view.borough_screen(study, found).data
    assert len(grid["areas"]) == len(AREAS)
    assert all(len(row["cells"]) == len(AREAS) for row in grid["rows"])
    assert len({place["name"] for place in screen["map"]["places"]}) == 3


def test_gaps_known_from_different_periods_each_say_since_when(brief):
    moves = clear_gap_changes(brief)
    assert since(moves) == f"since {moves[0].first_period}"
    assert "since" not in gap_words(moves)
    later = [replace(moves[0], first_period="2010"), *moves[1:]]
    assert since(later) == ""
    assert "(since 2010)" in gap_words(later)
    assert f"(since {moves[1].first_period})" in gap_words(later)
