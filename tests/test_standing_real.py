"""Real and simulated studies, whole: every small area and every larger one has its profile."""

from __future__ import annotations

import warnings

import pytest

from lsp_analysis import open_study
from lsp_analysis.sources.importer import import_study
from lsp_analysis.standing.comparison.profiles import profile

REST, ALIKE = "the rest of the borough", "similarly deprived areas"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    from conftest import shared_path

    out = tmp_path_factory.mktemp("study") / "bolton"
    return open_study(import_study(shared_path("real"), borough="E08000001", out=out))


def places(study, *area_types: str) -> list:
    listed = study.areas()
    chosen = listed[listed["area_type"].isin(area_types)]
    chosen = chosen[chosen["code_vintage"].astype(str) == "2011"]
    return [study.area(code) for code in chosen["area_code"]]


def profile_of(study, panels, place, shown):
    comparators = {REST: study.rest_of_borough(place)}
    return profile(panels, place.members, comparators, shown, area_name=place.name)


def test_every_small_area_and_msoa_of_the_real_study_has_a_profile(real):
    shown = real.indicators()
    panels = {name: real.panel(name) for name in shown["indicator_id"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [profile_of(real, panels, place, shown) for place in places(real, "lsoa", "msoa")]
        sentences = [one.sentence() for one in found]
    assert len(found) == 177 + 35
    assert all(one.table["value"].notna().all() for one in found)
    assert all("nan" not in said.lower().split() for said in sentences)


def test_repeated_people_are_judged_in_msoas_and_not_in_single_small_areas(real):
    shown = real.indicators()
    panels = {name: real.panel(name) for name in shown["indicator_id"]}
    verdicts = {
        kind: {
            profile_of(real, panels, place, shown).table["verdict"].iloc[0]
            for place in places(real, kind)[::step]
        }
        for kind, step in (("lsoa", 20), ("msoa", 1))
    }
    assert verdicts["lsoa"] == {"not compared"}
    assert verdicts["msoa"] <= {"better", "similar", "worse"}
    assert len(verdicts["msoa"]) == 3


def test_areas_of_every_kind_of_the_simulated_study_have_a_profile_of_all_indicators():
    study = open_study("data/bolton_demo")
    shown = study.indicators()
    panels = {name: study.panel(name) for name in shown["indicator_id"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in places(study, "lsoa", "msoa", "ward", "neighbourhood")[::16]:
            found = profile_of(study, panels, place, shown)
            assert len(found.table) == len(shown)
            assert found.sentence()
