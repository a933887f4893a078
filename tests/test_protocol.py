"""The design file: what it must say, and how all that is wrong is said at once."""

from dataclasses import fields

import pytest
from small_experiment import DESIGN, design

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol.design import (
    Analysis,
    Arm,
    Design,
    Looks,
    Outcome,
    Randomisation,
    Tidier,
    flat,
)
from lsp_analysis.experiments.protocol.reading import (
    differences,
    new_experiment,
    parse_design,
    read_design,
)

WEDGE = 'method = "wedge"\nsteps = [4, 4, 4]\nperiods = ["q1", "q2", "q3", "q4"]'


def problems(*swaps):
    with pytest.raises(DesignError) as caught:
        design(*swaps)
    return str(caught.value)


def test_the_example_is_a_design():
    plan = design()
    assert [arm.name for arm in plan.arms] == ["usual", "wardens"]
    assert plan.control.name == "usual"
    assert plan.active[0].tidier.who.startswith("Wardens")
    assert plan.outcome.multiplier == 1000
    assert plan.looks.boundary == "none"
    assert plan.harms.watched == []


def test_a_new_experiment_is_written_once(tmp_path):
    folder = new_experiment(tmp_path / "one")
    assert read_design(folder) == read_design(folder / "design.toml") == parse_design(DESIGN)
    with pytest.raises(DesignError, match="is there already"):
        new_experiment(folder)


def test_all_problems_are_said_at_once():
    text = problems(
        ('role = "active"', 'role = "aktive"'),
        ("level = 0.95", 'level = "high"'),
        ('title = "Do evening', 'titel = "Do evening'),
        ("worth_having = 5.0", "worth_having = -5.0"),
        ('who = "Wardens', 'whom = "Wardens'),
        ("draws = 9999", "draws = 10"),
    )
    assert "has eight problems" in text
    for said in [
        'role is "aktive"',
        "analysis.level is 'high'; it must be a number",
        'titel is no field of a design. Did you mean "title"?',
        "title is missing",
        "decision.worth_having is -5.0; it must be at least 0",
        "arms[2].tidier.whom is no field",
        "arms[2].tidier.who is missing (5 who provides it",
        "analysis.draws is 10; it must be at least 999",
    ]:
        assert said in text


@pytest.mark.parametrize(
    ("swap", "said"),
    [
        (('role = "active"', 'role = "control"'), "no other, must have the role control"),
        (('name = "wardens"', 'name = "usual"'), "name of its own"),
        (('strata = ["district"]', ""), "strata or block_size"),
        (('method = "blocked"', 'method = "constrained"'), "name what to balance"),
        (('method = "blocked"', 'method = "wedge"'), "clusters that start at each step"),
        (('method = "blocked"', 'method = "blocked"\nsteps = [4, 4]'), "it belongs to wedge"),
        (('method = "blocked"', 'method = "simple"'), "strata is of no use to the method"),
        (('units = "units.csv"', 'units = "../units.csv"'), "a file in this folder"),
        (('name = "wardens"', 'name = "war\\ndens"'), "it must be one line"),
        (("watched = []", 'watched = ["incident"]'), 'Did you mean "incidents"?'),
        (("[stopping]", '[looks]\ndates = ["2010-03-31"]\n[stopping]'), None),
        (
            ("[stopping]", '[looks]\ndates = ["31.3.2010", "2010-09-30"]\n[stopping]'),
            "year-month-day",
        ),
        (
            ("[stopping]", '[looks]\ndates = ["2010-09-30", "2010-03-31"]\n[stopping]'),
            "order of time",
        ),
        (
            ("[stopping]", '[looks]\ndates = ["2010-03-31", "2010-09-30"]\n[stopping]'),
            "looks.boundary must be",
        ),
        (('why = "Trouble', 'why = "" #'), "arms[2].tidier.why is empty"),
        (("multiplier = 1000.0", "multiplier = inf"), "finite number"),
        (("models = [", "models = 3 # ["), "it must be a list"),
        (("draws = 9999", "draws = 9999999"), "it must be at most 200000"),
        (("[[arms]]", "[[arms]]\nshare = 1001"), "it must be at most 1000"),
        (("[harms]", "harms = 3\n[harm]"), "harm is no field"),
    ],
)
def test_contradictions_are_named(swap, said):
    if said is None:
        assert design(swap).looks.dates == ["2010-03-31"]
    else:
        assert said in problems(swap)


def test_a_wedge_has_steps_and_periods():
    plan = design(('method = "blocked"', WEDGE), ('strata = ["district"]', ""))
    assert plan.is_wedge
    short = WEDGE.replace(', "q4"', "")
    assert "more than the steps" in problems(
        ('method = "blocked"', short), ('strata = ["district"]', "")
    )


def test_what_is_not_toml_is_said_with_its_line(tmp_path):
    with pytest.raises(DesignError, match=r"is not TOML: .*line 2"):
        parse_design('title = "x"\nquestion = \n')
    with pytest.raises(DesignError, match="cannot be read"):
        read_design(tmp_path / "nowhere")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    file = tmp_path / "design.toml"
    file.write_bytes(b"\xef\xbb\xbf" + DESIGN.replace("\n", "\r\n").encode())
    assert read_design(file) == design()


def test_differences_name_field_and_values():
    new = design(
        ("worth_having = 5.0", "worth_having = 4.0"),
        ("where = ", 'modifications = "Fewer evenings."\nwhere = '),
    )
    assert differences(design(), new) == [
        "arms.wardens.tidier.modifications: 'none' -> 'Fewer evenings.'",
        "decision.worth_having: 5.0 -> 4.0",
    ]
    assert differences(design(), design()) == []


@pytest.mark.parametrize("part", [Design, Arm, Outcome, Randomisation, Analysis, Looks, Tidier])
def test_every_field_says_what_it_is_for(part):
    assert min(len(one.metadata["about"]) for one in fields(part)) > 4


def test_a_design_is_told_flat():
    assert set(flat(design())) >= {"outcome.label", "arms.wardens.tidier.why"}
