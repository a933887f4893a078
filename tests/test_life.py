"""Life tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from lsp_analysis.standing.inequality.life import chance_of_dying, life_expectancy, life_table

AGES = (0, 1, *range(5, 95, 5))

# The worked example of Public Health England's life expectancy calculator, reprinted in the
# documentation of the smcepi package of San Mateo County.
DEATHS = [206, 37, 23, 23, 105, 162, 268, 314, 413, 584, 954, 1359, 1912, 2824, 4507, 5851]
DEATHS += [7117, 8192, 7745, 6442]
PEOPLE = [50698, 215400, 280458, 258105, 282062, 329060, 306097, 274544, 260415, 267450, 311314]
PEOPLE += [324311, 296825, 271339, 284608, 228062, 162785, 111263, 58987, 26016]


def test_chances_of_dying_are_those_of_the_published_calculator():
    chances = chance_of_dying(np.array(AGES), np.array([DEATHS]), np.array([PEOPLE]))
    printed = [0.004048, 0.000687, 0.00041, 0.000445, 0.00186]
    assert chances[0, :5] == pytest.approx(printed, abs=1e-6)


def test_years_lived_add_up_from_one_age_to_the_next():
    ages = np.array(AGES)
    value, _ = life_table(ages, np.array([DEATHS]), np.array([PEOPLE]))
    died = chance_of_dying(ages, np.array([DEATHS]), np.array([PEOPLE]))[0, 2]
    # Between five and ten: half of the band for those who die in it.
    assert value[0, 2] == pytest.approx(5 * (1 - died / 2) + (1 - died) * value[0, 3])
    assert value[0, -1] == pytest.approx(PEOPLE[-1] / DEATHS[-1])


def test_the_variance_is_that_of_redrawn_deaths():
    rng = np.random.default_rng(11)
    deaths, people = np.array([DEATHS]) / 10, np.array([PEOPLE]) / 10
    value, variance = life_table(np.array(AGES), deaths, people)
    drawn, _ = life_table(
        np.array(AGES), rng.poisson(deaths, (4000, 20)).astype(float), np.repeat(people, 4000, 0)
    )
    assert drawn[:, 0].mean() == pytest.approx(value[0, 0], abs=0.05)
    assert drawn[:, 0].std() == pytest.approx(np.sqrt(variance[0, 0]), rel=0.06)


def test_an_age_at_which_nobody_dies_is_no_trouble():
    deaths = [0 if age == 5 else d for age, d in zip(AGES, DEATHS, strict=True)]
    table = life_expectancy(AGES, deaths, PEOPLE)
    assert table["note"].eq("").all()
    assert table["low"].lt(table["value"]).all()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"deaths": [*DEATHS[:-1], 0]}, "no deaths in the last age band"),
        ({"people": [0, *PEOPLE[1:]]}, "an age band has no people"),
        ({"people": [100, *PEOPLE[1:]]}, "more deaths than people in an age band"),
        ({"deaths": np.divide(DEATHS, 1e4), "people": np.divide(PEOPLE, 1e3)}, "fewer than"),
        ({"deaths": [np.nan, *DEATHS[1:]]}, "deaths or population missing"),
    ],
)
def test_a_table_that_cannot_be_worked_out_says_why(change, note):
    counts = {"deaths": DEATHS, "people": PEOPLE} | change
    table = life_expectancy(AGES, **counts)
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert table["note"].str.contains(note).all()


def test_tables_may_stand_side_by_side():
    more = np.multiply(DEATHS, 1.3).round()
    value, _ = life_table(np.array(AGES), np.array([DEATHS, more]), np.array([PEOPLE] * 2))
    for row, deaths in zip(value, (DEATHS, more), strict=True):
        assert row.tolist() == pytest.approx(
            life_expectancy(AGES, deaths, PEOPLE)["value"].tolist()
        )
    assert value[1, 0] < value[0, 0]


def test_a_place_has_the_life_expectancy_of_its_own_table():
    from lsp_analysis import open_study, standing

    study = open_study(ROOT / "data" / "bolton_demo")
    found = standing.life_expectancy(study.area("Hall i' th' Wood"))
    rows = pd.read_parquet(ROOT / "data" / "bolton_demo" / "observations.parquet")
    rows = rows[(rows["indicator_id"] == "deaths") & (rows["area_code"] == "E01004802")]
    rows = rows[(rows["age"] != "all") & (rows["period_start"].dt.year >= 2008)]
    rows = rows.assign(start_age=rows["age"].str.extract(r"(\d+)")[0].astype(int))
    counts = rows.groupby("start_age", as_index=False)[["numerator", "denominator"]].sum()
    own = life_expectancy(*counts.to_numpy().T)
    assert found.table["value"].iloc[0] == pytest.approx(own["value"].iloc[0])
    assert found.table["value"].iloc[0] < found.table["value"].iloc[1]
    assert "Life expectancy at birth at the death rates of 2008 to 2012" in found.sentence()


def test_a_study_without_deaths_by_age_has_no_life_expectancy(tmp_path):
    from small_study import write_small_study

    from lsp_analysis import open_study, standing

    study = open_study(write_small_study(tmp_path / "s"))
    found = standing.life_expectancy(study.area("E01000001"))
    assert not found
    assert "deaths from all causes by age band" in str(found.sentence())
