"""The worked example on the demo study: what helps, what does nothing and what harms."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from small_experiment import at
from small_study import write_small_study

from lsp_analysis import open_study
from lsp_analysis.experiments.analysis.opening import analyse, take_look
from lsp_analysis.experiments.example import (
    day,
    draw_example,
    set_up_example,
    study_of,
    write_outcomes,
)
from lsp_analysis.experiments.power.past import past_of
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import draw_allocation, register_design
from lsp_analysis.experiments.record.verification import verify

FILES = ROOT / "notebooks" / "experiments"
# The draw that notebook 08 tells of: with another, the harm may show only at the end.
NOTEBOOK_TEXT = "Lotto 13 February 2010: 4 16 20 25 38 45"
STARTS = {"round_1": "2010-04", "round_2": "2011-04"}


@pytest.fixture(scope="module")
def study():
    return open_study("bolton_demo")


@pytest.fixture
def folder(tmp_path):
    folder = set_up_example(tmp_path / "round-1")
    register_design(folder, now=at(2010, 2, 1))
    draw_allocation(folder, text=NOTEBOOK_TEXT, now=at(2010, 2, 15))
    return folder


@pytest.mark.slow
def test_a_true_effect_a_null_and_a_harm_are_each_judged_as_they_should_be(folder):
    half = write_outcomes(folder, "outcomes-6-months.csv")
    look = take_look(folder, half, now=at(2010, 11, 1)).table.set_index("arm")
    assert look.loc["moving_on", "crossed"] == "harm"
    assert look.loc["letters", "crossed"] == ""
    result = analyse(folder, write_outcomes(folder), now=at(2011, 5, 2))
    assert result.findings["wardens"] == "benefit"
    assert result.findings["letters"] in ("no benefit", "unclear")
    assert result.findings["moving_on"] == "harm"
    assert result.suggestions()["the rule points to"].tolist()[2] == "stop"
    assert "It crossed its bound at a look" in result.effects[2].sentence()
    assert verify(folder).holds


def test_rounds_take_different_areas_and_leave_the_pilot_out(study):
    first, second = (set(pd.read_csv(FILES / name / "units.csv")["unit"]) for name in STARTS)
    assert (len(first), len(second)) == (96, 40)
    assert not first & second
    assert not (first | second) & set(study.area("Hall i' th' Wood").members)


@pytest.mark.parametrize("round", STARTS)
def test_what_an_arm_brings_is_the_studys_own_changed_by_what_it_does(study, round):
    table = pd.read_csv(FILES / round / "outcomes.csv").dropna()
    start = pd.Period(STARTS[round], freq="M")
    panel = study.panel("antisocial_behaviour")
    panel = panel[(panel["period"] >= start) & (panel["period"] < start + 12)]
    own = table["unit"].map(panel.groupby("area_code")["numerator"].sum())
    usual = table["arm"].isin(["usual", "letters"])
    assert table["incidents"][usual].tolist() == own[usual].tolist()
    strength = {"wardens": -0.35 if round == "round_1" else -0.3, "moving_on": 0.35}
    expected = own * (1 + table["arm"].map(strength).fillna(0) * table["received"])
    errors = (table["incidents"] - expected)[~usual] / np.sqrt(own[~usual])
    assert abs(errors.mean()) < 0.1
    assert errors.std() < 1


def test_all_arms_have_a_row_for_each_area_and_delivery_is_what_was_received():
    units = pd.read_csv(FILES / "round_1" / "units.csv")["unit"]
    outcomes = pd.read_csv(FILES / "round_1" / "outcomes.csv").set_index(["unit", "arm"])
    assert set(outcomes.index) == set(product(units, ["usual", "wardens", "letters", "moving_on"]))
    reports = pd.read_csv(FILES / "round_1" / "progress.csv")
    sums = reports.groupby(["unit", "arm"])[["delivered", "planned"]].sum()
    share = (sums["delivered"] / (16 * 12)).reindex(outcomes.index)
    assert (share - outcomes["received"]).abs().mean() < 0.03


def test_a_study_without_the_areas_of_the_demo_gives_way_to_its_own(tmp_path):
    write_small_study(tmp_path / "small")
    assert study_of("", str(tmp_path / "small")).path.name == "bolton_demo"
    assert study_of("mine", str(tmp_path / "small")).path.name == "small"


def test_the_example_drawn_in_one_call_is_the_one_drawn_step_by_step(tmp_path):
    folder = set_up_example(tmp_path / "steps")
    register_design(folder, now=day("2010-02-01"))
    draw_allocation(folder, text=NOTEBOOK_TEXT, now=day("2010-02-15"))
    drawn = draw_example(tmp_path / "again", text=NOTEBOOK_TEXT)
    assert (drawn.path / "allocation.csv").read_bytes() == (folder / "allocation.csv").read_bytes()
    assert [entry.hash for entry in drawn.entries] == [
        entry.hash for entry in open_experiment(folder).entries
    ]


def test_the_past_of_the_units_ends_before_the_start_and_leaves_other_areas_out(study, folder):
    grid = past_of(folder, study, "antisocial_behaviour", start="2010-04")
    assert str(grid.periods[-1]) == "2010-03"
    assert set(grid.areas) == set(pd.read_csv(FILES / "round_1" / "units.csv")["unit"])
    yearly = past_of(folder, study, "influence", start="2010-04")
    assert str(yearly.periods[-1]) == "2009"
