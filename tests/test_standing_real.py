"""Real and simulated studies, whole: every small area and every larger one has its profile."""

from __future__ import annotations

import warnings

import pytest
from conftest import REAL_INDICATORS

from lsp_analysis import area_brief, open_study, programme_effects, programme_in, wording
from lsp_analysis.standing.comparison.measured import measure, read_panels
from lsp_analysis.standing.comparison.profiles import profile

REST, ALIKE = "the rest of the borough", "similarly deprived areas"


@pytest.fixture(scope="module")
def real(real_bolton):
    return open_study(real_bolton)


def places(study, *area_types: str) -> list:
    listed = study.areas()
    chosen = listed[listed["area_type"].isin(area_types)]
    chosen = chosen[chosen["code_vintage"].astype(str) == "2011"]
    return [study.area(code) for code in chosen["area_code"]]


def profile_of(study, measured, place):
    comparators = {REST: study.rest_of_borough(place)}
    return profile(measured, place.members, comparators, area_name=place.name)


@pytest.fixture(scope="module")
def measured(real):
    """Indicators known for small areas, as a page takes them; others have MSOAs alone."""
    panels = read_panels(real)[0]
    return {name: measure(real, name, panels[name]) for name in REAL_INDICATORS}


def test_small_areas_and_msoas_of_the_real_study_have_a_profile(real, measured):
    every = places(real, "lsoa", "msoa")
    assert len(every) == 177 + 35
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [profile_of(real, measured, place) for place in every[::5]]
        sentences = [one.sentence() for one in found]
    assert all(one.table["value"].notna().all() for one in found)
    assert all("nan" not in said.lower().split() for said in sentences)


def test_claimants_are_judged_as_a_stock_in_small_areas_and_in_msoas(real, measured):
    for kind, step in (("lsoa", 20), ("msoa", 5)):
        for place in places(real, kind)[::step]:
            row = profile_of(real, measured, place).table.loc["claimants"]
            assert row["kind"] == "stock"
            assert row["low"] < row["value"] < row["high"] < 100
            assert row["verdict"]


@pytest.fixture(scope="module")
def brief(real):
    return area_brief(real, "E01004802")


def test_a_page_says_briefly_which_of_many_indicators_cannot_be_compared(real, brief):
    """237 indicators, most of them ranks, scores or of the borough alone: no list runs on."""
    from lsp_analysis.reports import view
    from lsp_analysis.standing.agencies import agenda

    programme = programme_in(real, brief.area, start="2008-04")
    effects = programme_effects(real, programme, primary="claimants")
    screen, measures = view.first_screen(brief, effects).data, view.all_measures(brief).data
    judged = [row for row in brief.profile.table["verdict"] if row != "not comparable"]
    assert f"{wording.counted(len(judged), 'comparable measure')}" in screen["verdict"]
    told = [str(agenda.evidence_gaps(brief)), measures["text"]]
    told += [" ".join(pair) for pair in screen["unknown"]]
    assert max(len(text.split()) for text in told) <= 60
    assert "for all people together" not in " ".join(told)
    assert view.pilot_path(effects) is None  # the data begin after the pilot


def test_indicators_taken_from_headings_have_names_and_derived_numbers_are_not_counts(real):
    table = real.indicators()
    assert not table["name"].str.contains("_").any()
    derived = table["name"].str.contains(r"\b(?:rank|score|decile)\b", case=False)
    assert not table.loc[derived, "kind"].isin(["stock", "events"]).any()


def test_nothing_is_said_to_get_worse_that_has_just_clearly_become_better(real, brief):
    """Claimants rose over the years and fell in the last: a page says one thing of them."""
    from lsp_analysis.standing.agencies.agenda import priorities

    turned = 0
    for place in [brief.area, *places(real, "lsoa")[::25]]:
        rows = priorities(brief.about(place))
        better = rows["change_verdict"] == "better"
        turned += int((better & rows["trend"].fillna("").str.contains("getting worse")).sum())
        assert not (rows["getting_worse"] & better).any()
    assert turned > 0
