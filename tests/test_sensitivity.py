"""All checks in one call, quickly, on counts and on scores."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from boroughs import asked, borough, case_of, scores
from pictures import assert_fit_for_a_page

from lsp_analysis import figures
from lsp_analysis.effects.checks.sensitivity import (
    check_all,
    check_case,
    checks_frame,
    checks_sentence,
)
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.errors import AreaError, PanelError
from lsp_analysis.verdicts import causal_words

NAMES = [
    "Regression to the mean",
    "Pre-trends",
    "Size of violation that would undo it",
    "Anticipation",
    "Spillover",
    "Displacement",
    "Contaminated comparators",
    "Leave one comparator out",
    "Comparison pool",
    "Series breaks",
    "Small counts and dispersion",
    "Missing data",
]
STATUSES = {"passed", "failed", "too little to tell"}


def check(made):
    return check_all(made.panel, **asked(made))


@pytest.mark.parametrize("effect", [0.0, -1.0])
@pytest.mark.parametrize("group_size", [1, 4])
def test_every_check_answers_in_a_plain_sentence(effect, group_size):
    checks = check(borough(2, effect=effect, group_size=group_size))
    assert [one.name for one in checks] == NAMES
    for one in checks:
        assert one.status in STATUSES
        assert one.finding.endswith((".", ".)"))
        assert not {"nan", "inf", "None"} & set(one.finding.replace(",", "").split())
        assert causal_words(one.sentence()) == []


def test_every_check_has_a_table_and_those_with_a_picture_draw_it():
    for one in check(borough(2, effect=-1.0)):
        assert isinstance(one.table, pd.DataFrame)
        if one.picture and len(one.table):
            assert_fit_for_a_page(one.plot())


def test_scores_are_checked_too():
    panel, question = scores(effect=-10.0)
    checks = check_all(panel, **question, unit="score")
    assert [one.name for one in checks] == NAMES
    assert all(one.status in STATUSES for one in checks)


@pytest.mark.parametrize("n_periods", [4, 6])
def test_a_short_yearly_panel_says_it_is_too_little_where_it_is(n_periods):
    panel, question = scores(n_periods=n_periods)
    found = {one.name: one.status for one in check_all(panel, **question)}
    assert found["Series breaks"] == "too little to tell"
    assert found["Anticipation"] in STATUSES


def test_few_areas_do_not_stop_it():
    panel, question = scores(n_areas=12)
    statuses = [one.status for one in check_all(panel, **question)]
    assert "too little to tell" in statuses


def test_checks_of_one_seed_are_the_same_again():
    made = borough(2, group_size=3)
    assert check(made) == check(made)


def test_notes_of_the_panel_are_read():
    made = borough(2)
    at_start = made.panel["period"] == made.start
    noted = made.panel.assign(note=np.where(at_start, "break", ""))
    found = {one.name: one for one in check_all(noted, **asked(made))}
    assert found["Series breaks"].status == "failed"


def test_they_take_well_under_two_seconds_of_processor_time():
    case = case_of(borough(2, effect=-1.0))
    begun = time.process_time()
    check_case(case)
    assert time.process_time() - begun < 2


def test_the_summary_counts_and_names():
    checks = (
        CheckResult("Pre-trends", "passed", "Fine.", pd.DataFrame()),
        CheckResult("Spillover", "failed", "Moved.", pd.DataFrame()),
        CheckResult("Missing data", "too little to tell", "Unknown.", pd.DataFrame()),
    )
    assert checks_sentence(checks) == (
        "1 of 3 checks passed; failed: spillover; too little to tell: missing data."
    )
    assert checks_frame(checks)["status"].tolist() == ["passed", "failed", "too little to tell"]


def test_what_estimate_refuses_is_refused_here():
    made = borough(2)
    with pytest.raises(AreaError, match="S999"):
        check_all(made.panel, **asked(made) | {"treated": ["S999"]})
    with pytest.raises(PanelError, match="fewer than two"):
        check_all(made.panel, **asked(made) | {"start": "2003-02"})


def test_every_check_has_a_picture_even_where_it_can_only_say_why_there_is_none():
    made = borough(2)
    alone = asked(made) | {"neighbours": None}
    for one in (*check_all(made.panel, **alone), *check_all(made.panel, **asked(made))):
        ax = one.plot()
        assert figures.alt_of(ax)
        assert_fit_for_a_page(ax)
    spillover = next(x for x in check_all(made.panel, **alone) if x.name == "Spillover")
    assert "no neighbours were given" in figures.alt_of(spillover.plot())
