"""What areas as bad did anyway."""

from __future__ import annotations

from boroughs import borough, case_of, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.checks.regression_to_mean import regression_to_the_mean

NOISY = {"mean_count": 1.5, "level_sd": 0.2, "selection_window": 6}


def test_a_place_picked_for_a_bad_spell_fails_where_nothing_was_done():
    statuses = [regression_to_the_mean(case_of(borough(s, **NOISY))).status for s in range(20)]
    assert statuses.count("passed") <= 6
    assert statuses.count("failed") >= 6


def test_a_place_taken_at_random_seldom_fails():
    statuses = []
    for seed in range(40):
        made = borough(seed, mean_count=20.0)
        codes = made.panel["area_code"].unique()
        case = case_of(made, treated=[codes[seed % len(codes)]])
        statuses.append(regression_to_the_mean(case).status)
    assert statuses.count("failed") <= 6


def test_a_lasting_level_and_a_real_fall_pass():
    steady = {"mean_count": 60, "overdispersion": 0.01, "autocorrelation": 0.0, "level_sd": 0.3}
    statuses = [
        regression_to_the_mean(case_of(borough(s, effect=-0.7, **steady))).status for s in range(12)
    ]
    assert statuses.count("passed") >= 7
    assert statuses.count("failed") == 0


def test_the_table_sets_its_change_beside_the_expected_one_and_that_of_others():
    case = case_of(borough(3, effect=-0.5))
    table = regression_to_the_mean(case).table
    own = case.rate(case.treated, case.start, case.stop)
    before = case.rate(case.treated, case.start - 12, case.start)
    assert table["estimate"][0] == 100 * (own / before - 1)
    assert table["low"][2] <= table["high"][2]
    assert table["areas"][3] == case.pool.n_placebos


def test_the_nearest_share_no_area():
    found = regression_to_the_mean(case_of(borough(3, group_size=4)))
    assert found.table["areas"][2] <= 10


def test_scores_are_compared_in_their_own_units():
    panel, question = scores(effect=-20.0)
    found = regression_to_the_mean(open_case(panel, **question, unit="score"))
    assert "it fell by" in found.finding
    assert "points" in found.finding
    assert_fit_for_a_page(found.plot())
