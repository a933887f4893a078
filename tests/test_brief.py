"""One area of a study against its borough, on the demo study and on studies that lack tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_study import small_tables, write_small_study

from lsp_analysis import area_brief, open_study
from lsp_analysis.standing.comparison.measured import by_year
from lsp_analysis.standing.place.brief import ALIKE, REST
from lsp_analysis.study.indicator import Indicator


def test_the_area_itself_is_in_neither_comparator(brief):
    own = set(brief.area.members)
    assert own == {"E01004802"}
    for codes in brief.comparators.values():
        assert not own & set(codes)
    assert len(brief.comparators[REST]) == 176
    assert len(brief.comparators[ALIKE]) == 10


def test_the_place_sentence_gives_codes_residents_and_comparators(brief):
    said = brief.place()
    assert "E01004802" in said
    assert "1,506 residents" in said
    assert "176 small areas" in said


def test_residents_are_counted_once_although_the_table_is_by_sex_and_age(brief):
    people, period = brief.population()
    rows = brief.study.read("populations", where={"area_code": ["E01004802"]})
    last = rows[rows["period"] == period]
    one_way = last[(last["sex"] != "all") & (last["age_band"] != "all")]
    assert people == one_way["population"].sum()


def test_the_main_indicator_is_the_one_asked_for_or_the_worst(brief):
    assert brief.main_indicator("burglary") == "burglary"
    worst = brief.main_indicator()
    assert brief.profile.table.loc[worst, "verdict"] == "worse"


def test_the_headline_counts_what_the_table_shows(brief):
    worse = int((brief.profile.table["verdict"] == "worse").sum())
    assert f"worse than the rest of the borough on {worse} of 10 indicators" in brief.headline()
    assert "most deprived of the borough's 177 small areas" in brief.headline()


def test_the_profile_table_has_a_row_for_each_indicator_and_names_the_comparators(brief):
    shown = brief.shown_table().frame
    assert len(shown) == len(brief.profile.table)
    assert {"Hall i' th' Wood", "Rest of borough", "Similarly deprived"} <= set(shown.columns)


def test_only_the_area_has_an_interval_in_its_trend(brief):
    trend = brief.trend("emergency_admissions")
    own = trend["series"] == "Hall i' th' Wood"
    assert trend.loc[own, "low"].notna().all()
    assert trend.loc[~own, "low"].isna().all()


def test_the_gap_is_the_areas_value_less_the_rest_of_the_boroughs(brief):
    frame = brief.gap("emergency_admissions").frame
    assert np.allclose(frame["gap"], frame["value"] - frame["comparator_value"])


def test_months_become_years_by_sums_over_sums_and_part_years_are_left_out():
    months = pd.period_range("2008-01", periods=15, freq="M")
    panel = pd.DataFrame(
        {"area_code": "A", "period": months, "numerator": 2.0, "denominator": 100.0,
         "value": 20.0, "note": ""}
    )  # fmt: skip
    years = by_year(panel, Indicator("a", "A", "per_1000", "rate", 1000.0))
    assert list(years["period"].astype(str)) == ["2008"]
    assert years["numerator"].iloc[0] == 24
    assert years["denominator"].iloc[0] == pytest.approx(100)  # person-years
    assert years["value"].iloc[0] == pytest.approx(240)


def test_a_panel_of_years_is_left_as_it_is():
    years = pd.period_range("2008", periods=3, freq="Y-MAR")
    panel = pd.DataFrame({"area_code": "A", "period": years, "value": [1.0, 2.0, 3.0]})
    assert by_year(panel, Indicator("a", "A", "score", "score")) is panel


def test_a_study_without_indices_says_so_and_still_compares(tmp_path):
    tables = small_tables()
    tables.pop("deprivation", None)
    study = open_study(write_small_study(tmp_path / "plain", tables))
    small = study.small_areas()["area_code"].iloc[0]
    brief = area_brief(study, small)
    assert list(brief.comparators) == [REST]
    assert any("deprivation" in note for note in brief.notes)
    assert brief.headline()


@pytest.fixture(scope="module")
def other():
    return "jobseekers"


@pytest.fixture(scope="module")
def worst():
    return "child_poverty"


@pytest.fixture(scope="module")
def once(brief, worst, other):
    """The same area with claimants known for ten years and poor children for one only."""
    panels = {name: brief.panels[name] for name in (worst, other)}
    last = panels[worst]["period"].max()
    panels[worst] = panels[worst][panels[worst]["period"] == last]
    return area_brief(brief.study, brief.area, panels=panels)


def test_a_story_over_time_is_told_of_an_indicator_with_a_course(once, worst, other):
    assert once.main_indicator() == other
    assert once.main_indicator(over_time=False) == worst


def test_one_period_is_told_as_a_state_and_not_as_a_move(once, worst):
    assert "it was" in once.trend_sentence(worst)
    assert "went from" not in once.trend_sentence(worst)
    assert "One period has no direction" in once.gap(worst).sentence()


def test_any_other_area_can_be_a_comparator_less_what_the_two_share(brief):
    beside = area_brief(brief.study, brief.area, against="E02000993", panels=brief.panels)
    name = beside.study.area("E02000993").name
    assert set(beside.comparators[name]) == {"E01004926", "E01004927", "E01004929"}
    assert name in beside.shown_table().frame.columns[-2]
    assert f"and with {name}" in beside.place()
    assert beside.about("E01004766").against == "E02000993"


def test_an_area_inside_the_other_is_not_compared_with_it(brief):
    wide = area_brief(brief.study, "E02000993", against="E01004802", panels=brief.panels)
    assert list(wide.comparators) == [REST, ALIKE]
    assert "lies inside" in wide.notes[-1]
