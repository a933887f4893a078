"""Drift and early effects before the start are found where they are, and rarely where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import borough, case_of, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.checks.pretrends import (
    _bending,
    anticipation,
    earlier_dates,
    honest_bounds,
    pre_trends,
    undoing_violation,
)
from lsp_analysis.verdicts import causal_words


def with_drift(made, per_month: float):
    """The borough with a steady change of the treated area's counts, before the start too."""
    case = case_of(made)
    total = case.ledger.total.copy()
    pace = np.exp(per_month * np.arange(case.stop))
    total[case.treated] = np.round(total[case.treated] * pace)
    return replace(case, ledger=replace(case.ledger, total=total))


def test_earlier_dates_lie_half_a_year_apart_and_use_nothing_after_the_start():
    quiet, loud = (earlier_dates(case_of(borough(2, effect=e))) for e in (0.0, -2.0))
    assert quiet.dates == (6, 12, 18, 24)
    assert quiet.statistics == pytest.approx(loud.statistics)


def test_a_strong_drift_fails_and_noise_seldom_does():
    loud = [
        pre_trends(with_drift(borough(s, mean_count=60, overdispersion=0.02), 0.06)).status
        for s in range(8)
    ]
    quiet = [pre_trends(case_of(borough(s))).status for s in range(30)]
    assert loud.count("failed") >= 6
    assert quiet.count("failed") <= 5


def test_a_test_without_power_is_too_little_to_tell():
    found = pre_trends(case_of(borough(1, mean_count=1)))
    assert found.status == "too little to tell"
    assert "would have been noticed four times in five" in found.finding


def test_the_last_step_is_the_estimate_itself():
    case = case_of(borough(3, effect=-0.5))
    bounds, smooth = honest_bounds(case, earlier_dates(case))
    assert bounds.estimate == smooth.estimate
    assert bounds.estimate == pytest.approx(case.found.statistic[0] * case.found.errors[0])


def test_a_plain_effect_without_earlier_strays_withstands_some_violation():
    made = borough(4, effect=-1.5, mean_count=60, overdispersion=0.01, autocorrelation=0.0)
    found = undoing_violation(case_of(made))
    assert "would undo the finding" in found.finding
    assert found.table["high"][0] < 0


def test_where_nothing_was_found_there_is_nothing_to_undo():
    found = undoing_violation(case_of(borough(1, mean_count=1)))
    assert found.status == "too little to tell"
    assert "no finding to undo" in found.finding


def test_an_effect_that_began_early_fails_and_one_that_did_not_seldom_does():
    early, prompt = [], []
    for seed in range(8):
        case = case_of(borough(seed, effect=-1.0, mean_count=40, overdispersion=0.02))
        total = case.ledger.total.copy()
        total[case.treated, case.start - 6 : case.start] *= 0.4
        early.append(anticipation(replace(case, ledger=replace(case.ledger, total=total))).status)
        prompt.append(anticipation(case).status)
    assert early.count("failed") >= 6
    assert prompt.count("failed") <= 1


def test_looking_worse_just_before_the_start_is_not_anticipation():
    case = case_of(borough(2, effect=-1.0, mean_count=40, overdispersion=0.02))
    total = case.ledger.total.copy()
    total[case.treated, case.start - 6 : case.start] *= 3
    found = anticipation(replace(case, ledger=replace(case.ledger, total=total)))
    assert found.status == "passed"
    assert "places picked for looking worst" in found.finding


def test_two_periods_before_the_start_are_too_few():
    panel, question = scores()
    short = panel[panel["period"] >= "1998"]
    for check in (pre_trends, undoing_violation, anticipation):
        assert check(open_case(short, **question)).status == "too little to tell"


@pytest.mark.parametrize("check", [pre_trends, undoing_violation, anticipation])
def test_findings_are_plain_sentences_with_a_picture(check):
    for case in (
        case_of(borough(3, effect=-0.5, group_size=3)),
        open_case(scores()[0], **scores()[1]),
    ):
        found = check(case)
        assert found.finding.endswith(".")
        assert "nan" not in found.finding
        assert causal_words(found.sentence()) == []
        assert_fit_for_a_page(found.plot())


def test_half_years_without_a_value_of_the_neighbourhood_are_not_tried():
    case = case_of(borough(2))
    exposure, total = case.ledger.exposure.copy(), case.ledger.total.copy()
    exposure[case.treated, 12:18] = total[case.treated, 12:18] = 0
    gap = replace(case, ledger=replace(case.ledger, exposure=exposure, total=total))
    assert earlier_dates(gap).dates == (18, 24)
    assert np.isfinite(pre_trends(gap).table["estimate"]).all()
    exposure[case.treated, 24:30] = total[case.treated, 24:30] = 0
    found = anticipation(gap)
    assert len(found.table) == 1
    assert np.isfinite(found.table["estimate"]).all()


def test_a_drift_that_no_bend_makes_undo_the_finding_is_not_spoken_of():
    for case in (case_of(borough(2)), open_case(scores()[0], **scores()[1])):
        assert _bending(case, np.inf) == ""
        assert "bends by" in _bending(case, 0.1)
