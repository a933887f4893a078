"""The worked example on the demo study: what helps, what does nothing and what harms."""

import pytest
from small_experiment import at

from lsp_analysis import open_study
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.looks import take_look
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.example import (
    day,
    draw_example,
    example_units,
    set_up_example,
    simulate_outcomes,
)
from lsp_analysis.experiments.protocol.unit_list import past_of
from lsp_analysis.experiments.record.allocation import draw_allocation
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import register_design
from lsp_analysis.experiments.record.verification import verify

# The draw that notebook 08 tells of: with another, the harm may show only at the end.
NOTEBOOK_TEXT = "Lotto 13 February 2010: 4 16 20 25 38 45"
DELIVERED = {"wardens": 0.85, "letters": 0.95, "moving_on": 0.9}
TRUTH = {"wardens": -0.35, "letters": 0.0, "moving_on": 0.35}


@pytest.fixture(scope="module")
def study():
    return open_study("bolton_demo")


@pytest.fixture
def folder(study, tmp_path):
    folder = set_up_example(tmp_path / "round-1", study)
    register_design(folder, now=at(2010, 2, 1))
    draw_allocation(folder, text=NOTEBOOK_TEXT, now=at(2010, 2, 15))
    return folder


def test_a_true_effect_a_null_and_a_harm_are_each_judged_as_they_should_be(study, folder):
    half = simulate_outcomes(study, folder, TRUTH, seed=1, months=6, delivered=DELIVERED)
    look = take_look(folder, half, now=at(2010, 11, 1)).table.set_index("arm")
    assert look.loc["moving_on", "crossed"] == "harm"
    assert look.loc["letters", "crossed"] == ""
    outcomes = simulate_outcomes(study, folder, TRUTH, seed=1, delivered=DELIVERED)
    result = analyse(folder, outcomes, now=at(2011, 5, 2))
    assert result.findings["wardens"] == "benefit"
    assert result.findings["letters"] in ("no benefit", "unclear")
    assert result.findings["moving_on"] == "harm"
    assert result.suggestions()["the rule points to"].tolist()[2] == "stop"
    assert "It crossed its bound at a look" in result.effects[2].sentence()
    assert verify(folder).holds


def test_rounds_take_different_areas_and_leave_the_pilot_out(study):
    first, second = (set(example_units(study, round=number)["unit"]) for number in (1, 2))
    assert (len(first), len(second)) == (96, 40)
    assert not first & second
    assert not (first | second) & set(study.area("Hall i' th' Wood").members)


def test_without_effects_the_outcomes_are_the_studys_own(study, folder):
    text = simulate_outcomes(study, folder, {}, seed=1).read_text(encoding="utf-8")
    assert text == simulate_outcomes(study, folder, {}, seed=2).read_text(encoding="utf-8")


def test_there_are_two_rounds(study, tmp_path):
    with pytest.raises(DesignError, match="no round 3"):
        set_up_example(tmp_path / "round-3", study, round=3)


def test_the_example_drawn_in_one_call_is_the_one_drawn_step_by_step(study, tmp_path):
    folder = set_up_example(tmp_path / "steps", study)
    register_design(folder, now=day("2010-02-01"))
    draw_allocation(folder, text=NOTEBOOK_TEXT, now=day("2010-02-15"))
    drawn = draw_example(tmp_path / "again", study, text=NOTEBOOK_TEXT)
    assert (drawn.path / "allocation.csv").read_bytes() == (folder / "allocation.csv").read_bytes()
    assert [entry.hash for entry in drawn.entries] == [
        entry.hash for entry in open_experiment(folder).entries
    ]


def test_the_past_of_the_units_ends_before_the_start_and_leaves_other_areas_out(study, folder):
    grid = past_of(folder, study, "antisocial_behaviour", start="2010-04")
    assert str(grid.periods[-1]) == "2010-03"
    assert set(grid.areas) == set(example_units(study)["unit"])
    yearly = past_of(folder, study, "influence", start="2010-04")
    assert str(yearly.periods[-1]) == "2009"
