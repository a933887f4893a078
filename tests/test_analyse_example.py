"""The worked example on the demo study: what helps, what does nothing and what harms."""

import pytest
from small_experiment import at

from lsp_analysis import open_study
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analyse import analyse
from lsp_analysis.experiments.assign import draw_allocation
from lsp_analysis.experiments.example import example_units, set_up_example, simulate_outcomes
from lsp_analysis.experiments.experiment import register_design
from lsp_analysis.experiments.looks import take_look
from lsp_analysis.experiments.rounds import suggest
from lsp_analysis.experiments.verify import verify

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
    assert suggest(result)["moving_on"] == "stop"
    assert "crossed its bound at a look: harm" in " ".join(result.cautions())
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
