"""Weighted displacement difference and quotient, by their papers, and with expectations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boroughs import borough, case_of, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.checks.displaced import (
    displacement,
    displacement_quotient,
    weighted_displacement_difference,
)
from lsp_analysis.errors import ParameterError
from lsp_analysis.verdicts import causal_words

CALM = {"mean_count": 40, "overdispersion": 0.02, "autocorrelation": 0.0, "level_sd": 0.3}


def test_the_example_of_wheeler_and_ratcliffe():
    found = weighted_displacement_difference((207, 110), (308, 318), (178, 157), (150, 140))
    assert found.total == -118
    assert found.total_error == pytest.approx(np.sqrt(1568))
    assert found.z == pytest.approx(-2.98, abs=0.005)
    assert [round(found.low), round(found.high)] == [-196, -40]
    assert found.local + found.displaced == found.total


def test_longer_times_are_divided_out_with_their_variance():
    # Two years before and one after: 80 and 20 here, 100 and 50 in the control.
    found = weighted_displacement_difference((80, 20), (100, 50), times=(2, 1))
    assert found.total == -20
    assert found.total_error == pytest.approx(np.sqrt(20 + 80 / 4 + 50 + 100 / 4))


def test_a_control_twice_as_large_counts_half():
    found = weighted_displacement_difference((50, 40), (200, 180), sizes=(1, 2, 1, 1))
    assert found.total == -10 - (-10)


def test_the_interval_covers_no_change_as_often_as_it_claims():
    rng = np.random.default_rng(1)
    counts = rng.poisson(60, (2_000, 4, 2))
    covered = [
        found.low <= 0 <= found.high
        for found in (weighted_displacement_difference(*row) for row in counts)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("near", "quotient"), [((100, 100), 0.0), ((100, 150), -1.0), ((100, 75), 0.5)]
)
def test_the_quotient_sets_change_next_door_against_the_gain(near, quotient):
    assert displacement_quotient((100, 50), near, (500, 500)) == pytest.approx(quotient)


def test_without_a_gain_there_is_no_quotient():
    assert np.isnan(displacement_quotient((100, 110), (100, 90), (500, 500)))
    assert np.isnan(displacement_quotient((100, 50), (100, 90), (500, 0)))


def test_counts_below_zero_are_refused():
    with pytest.raises(ParameterError, match="0 or more"):
        weighted_displacement_difference((10, -1), (5, 5))


def moved(case, factor):
    near = case.adjacency[case.treated].any(axis=0) & ~case.treated
    total = case.ledger.total.copy()
    total[np.ix_(near, np.arange(case.start, case.stop))] *= factor
    return replace(case, ledger=replace(case.ledger, total=total))


def test_a_gain_that_stays_passes_and_one_that_moved_fails():
    case = case_of(borough(3, effect=-1.6, **CALM))
    assert displacement(case).status == "passed"
    assert displacement(moved(case, 1.5)).status == "failed"


def test_without_an_effect_there_is_nothing_to_ask():
    found = displacement(case_of(borough(5)))
    assert found.status == "too little to tell"
    assert "nothing to ask" in found.finding


def test_events_here_and_next_door_add_up():
    table = displacement(case_of(borough(3, effect=-1.6, **CALM))).table
    assert table["estimate"][2] == pytest.approx(table["estimate"][:2].sum(), rel=0.1)


def test_scores_and_missing_maps_are_not_looked_at():
    panel, question = scores()
    assert "not a count" in displacement(open_case(panel, **question)).finding
    assert "no neighbours" in displacement(case_of(borough(3), neighbours=None)).finding


def test_it_says_itself_without_claiming_a_cause():
    found = displacement(case_of(borough(3, effect=-1.6, **CALM)))
    assert causal_words(found.sentence()) == []
    assert_fit_for_a_page(found.plot())
    plain = weighted_displacement_difference((207, 110), (308, 318), (178, 157), (150, 140))
    assert "fell by 118" in plain.sentence()
    assert "107 fewer here and 11 fewer next door" in plain.sentence()
    assert plain.summary_frame()["estimate"].tolist() == [-107, -11, -118]
    assert_fit_for_a_page(plain.plot())


@pytest.mark.parametrize("size", [0, -1])
def test_counts_are_divided_by_something(size):
    with pytest.raises(ParameterError, match="above 0"):
        weighted_displacement_difference((2, 1), (3, 3), sizes=(1, 1, size, 1))


def test_counts_alone_give_no_interval_for_person_periods():
    made = borough(3, effect=-0.5, mean_count=20)
    events, months = (displacement(case_of(made, person_periods=of)) for of in (False, True))
    plain = "Both, by counts alone (WDD)"
    rows = [found.table.set_index("label").loc[plain] for found in (events, months)]
    assert rows[0]["estimate"] == rows[1]["estimate"]
    assert rows[0]["low"] < rows[0]["high"]
    assert rows[1][["low", "high"]].isna().all()
    assert months.picture_options["unit"] == "Person-periods since the start"
    assert_fit_for_a_page(months.plot())


def test_controls_without_an_event_are_no_division_by_nothing():
    case = case_of(borough(3))
    total = case.ledger.total.copy()
    total[case.pool.comparison, case.start - (case.stop - case.start) : case.start] = 0
    found = displacement(replace(case, ledger=replace(case.ledger, total=total)))
    assert np.isfinite(found.table["estimate"]).all()
