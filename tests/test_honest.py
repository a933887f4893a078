"""Honest bounds, against what the authors' own R package prints for their published example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from claims import causal_words
from pictures import assert_fit_for_a_page
from scipy.stats import norm

from lsp_analysis.effects.regressions.honest import (
    Steps,
    _critical,
    accepted,
    event_study_steps,
    normal_draws,
    relative_magnitudes,
    smoothness,
)
from lsp_analysis.errors import PanelError

# Event study of restaurant profits of Benzarti and Carloni (2019), as HonestDiD ships it: four
# coefficients before the reference year, four after. The intervals below are that package's.
PROFITS = [0.006696352, 0.029345034, -0.006472972, 0.073014989]
PROFITS += [0.195961118, 0.312063903, 0.239541546, 0.126042500]
UPPER = [
    [8.428358e-04, 4.768687e-04, 2.618051e-04, 2.354220e-04],
    [6.425420e-04, 3.987425e-04, 2.435515e-04],
    [5.229950e-04, 2.117686e-04],
    [3.089595e-04],
]
BEYOND = [
    [1.676371e-04, 1.128708e-04, 1.992816e-05, -1.368265e-04],
    [2.201960e-04, 1.804591e-04, 3.843765e-05, -2.960422e-05],
    [1.840722e-04, 1.458528e-04, 7.005197e-05, 5.952995e-05],
    [1.197866e-04, 1.334081e-04, 1.016335e-04, 1.079052e-04],
]
LATER = [
    [3.599704e-04, 2.478819e-04, 1.749579e-04, 1.654257e-04],
    [4.263950e-04, 2.171438e-04, 2.892748e-04],
    [4.886698e-04, 3.805322e-04],
    [7.617394e-04],
]


def symmetric(rows):
    made = np.zeros((4, 4))
    for at, row in enumerate(rows):
        made[at, at:] = made[at:, at] = row
    return made


SIGMA = np.block([[symmetric(UPPER), np.array(BEYOND)], [np.array(BEYOND).T, symmetric(LATER)]])
TIMES = [-5, -4, -3, -2, 0, 1, 2, 3]
FIRST = event_study_steps(TIMES, PROFITS, SIGMA, weights=[1, 0, 0, 0])
MEAN = event_study_steps(TIMES, PROFITS, SIGMA)
LAST = event_study_steps([-8, -7, -6, -5, -4, -3, -2, 0], PROFITS, SIGMA)


@pytest.mark.parametrize(
    ("steps", "violation", "low", "high", "within"),
    [
        (FIRST, 0.0, 0.159, 0.233, 0.003),
        (FIRST, 2 / 9, 0.143, 0.248, 0.003),
        (FIRST, 4 / 9, 0.123, 0.266, 0.003),
        (FIRST, 6 / 9, 0.102, 0.287, 0.003),
        (FIRST, 8 / 9, 0.0786, 0.308, 0.003),
        (FIRST, 10 / 9, 0.0551, 0.329, 0.003),
        (FIRST, 12 / 9, 0.0315, 0.352, 0.003),
        (FIRST, 14 / 9, 0.00722, 0.376, 0.003),
        (MEAN, 0.5, 0.0707, 0.354, 0.02),
        (MEAN, 1.0, -0.0505, 0.495, 0.02),
        (MEAN, 2.0, -0.333, 0.778, 0.02),
        (LAST, 0.5, -0.0315, 0.306, 0.006),
        (LAST, 1.0, -0.151, 0.441, 0.006),
    ],
)
def test_relative_magnitudes_are_those_of_the_authors(steps, violation, low, high, within):
    found = relative_magnitudes(steps, [violation]).table.iloc[0]
    assert [found["low"], found["high"]] == pytest.approx([low, high], abs=within)


@pytest.mark.parametrize(
    ("steps", "violation", "low", "high"),
    [
        (FIRST, 0.0, 0.131, 0.216),
        (FIRST, 0.1, 0.119, 0.419),
        (FIRST, 0.2, 0.0194, 0.519),
        (FIRST, 0.3, -0.0806, 0.619),
        (MEAN, 0.0, 0.133, 0.230),
        (MEAN, 0.1, -0.186, 0.988),
        (MEAN, 0.3, -1.19, 1.99),
        (LAST, 0.0, -0.182, -0.106),
        (LAST, 0.1, 0.192, 0.539),
        (LAST, 0.3, -0.00812, 0.739),
    ],
)
def test_smoothness_bounds_are_those_of_the_authors(steps, violation, low, high):
    found = smoothness(steps, [violation]).table.iloc[0]
    assert [found["low"], found["high"]] == pytest.approx([low, high], abs=0.006)


def test_at_the_breakdown_the_interval_reaches_zero():
    for found in (relative_magnitudes(FIRST), smoothness(FIRST)):
        method = relative_magnitudes if found.restriction.startswith("rel") else smoothness
        inside, outside = (
            method(FIRST, [found.breakdown * share]).table.iloc[0] for share in (0.97, 1.03)
        )
        assert inside["low"] > 0 > outside["low"]


def test_the_more_is_allowed_for_the_wider_the_interval():
    for found in (relative_magnitudes(MEAN), smoothness(MEAN, [0, 0.05, 0.1, 0.2])):
        assert (found.table["high"] - found.table["low"]).is_monotonic_increasing


def test_without_violation_the_interval_is_the_usual_one():
    found = relative_magnitudes(FIRST, [0]).table.iloc[0]
    half = 1.96 * FIRST.error
    assert [found["low"], found["high"]] == pytest.approx(
        [FIRST.estimate - half, FIRST.estimate + half], abs=0.02 * half
    )


def even(values: np.ndarray, covariance: np.ndarray, carried: np.ndarray) -> Steps:
    """Steps between dates that are all as far apart."""
    return Steps(values, covariance, carried, np.ones(len(values) + len(carried) - 2))


def simulated_steps(rng, violation, n_after=3):
    """Steps before that are all of one size, and after the start `violation` times that."""
    carried = np.arange(n_after, 0, -1) / n_after
    step = 0.5
    truth = np.array([step, -step, step, violation * step * carried.sum()])
    spread = np.diag([0.15, 0.15, 0.15, 0.3]) ** 2
    return even(truth + rng.multivariate_normal(np.zeros(4), spread), spread, carried)


@pytest.mark.parametrize("violation", [pytest.param(0.0, marks=pytest.mark.slow), 1.0])
def test_intervals_cover_zero_when_drift_is_all_there_is(violation):
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(300):
        steps = simulated_steps(rng, violation)
        draws = normal_draws(steps)
        covered.append(accepted(steps, np.zeros(1), violation, draws, 0.95)[0])
    assert np.mean(covered) >= 0.915


def test_a_straight_drift_is_taken_off_by_smoothness_of_zero():
    drift, after = 0.3, 4
    coefficients = [-3 * drift, -2 * drift, -drift, *(drift * np.arange(1, after + 1) - 2.0)]
    steps = event_study_steps([-4, -3, -2, *range(after)], coefficients, 0.01 * np.eye(3 + after))
    found = smoothness(steps, [0]).table.iloc[0]
    assert (found["low"] + found["high"]) / 2 == pytest.approx(-2.0)


def test_units_scale_the_bounds_and_leave_the_breakdown():
    doubled = even(2 * MEAN.values, 4 * MEAN.covariance, MEAN.carried)
    old, new = relative_magnitudes(MEAN), relative_magnitudes(doubled)
    assert new.breakdown == pytest.approx(old.breakdown)
    assert new.table["low"].to_numpy() == pytest.approx(2 * old.table["low"].to_numpy())
    assert smoothness(doubled).breakdown == pytest.approx(2 * smoothness(MEAN).breakdown, rel=0.02)


def test_a_finding_that_was_none_has_nothing_to_undo():
    nothing = even(np.array([0.1, -0.1, 0.05]), 0.04 * np.eye(3), np.array([1.0, 0.5]))
    found = relative_magnitudes(nothing)
    assert found.breakdown == 0
    assert "no finding to undo" in found.sentence()


def test_a_finding_that_no_violation_undoes_says_so():
    sure = relative_magnitudes(even(np.array([0.0, 0.0, 9.0]), 1e-6 * np.eye(3), np.array([0.1])))
    assert math.isinf(sure.breakdown)
    assert "infinity" not in sure.sentence()
    assert "undoes the finding" in sure.sentence()


def test_one_step_before_the_start_is_enough():
    steps = event_study_steps([-2, 0], [0.1, 1.0], 0.01 * np.eye(2))
    assert relative_magnitudes(steps, [1]).table.notna().all(axis=None)
    assert smoothness(steps, [0]).table["low"][0] < 1.1 < smoothness(steps, [0]).table["high"][0]


def test_bounds_tabulate_draw_and_say_themselves():
    found = relative_magnitudes(FIRST, unit="log profit")
    assert list(found.summary_frame().columns) == ["low", "high"]
    assert "1.6 times the largest step before" in found.sentence()
    assert causal_words(found.sentence()) == []
    assert_fit_for_a_page(found.plot())
    assert not math.isinf(found.breakdown)


def test_a_covariance_of_the_wrong_shape_is_refused():
    with pytest.raises(PanelError, match=r"shape \(3, 3\)"):
        event_study_steps([-2, 0], [0.1, 0.2], np.eye(3))


def test_steps_are_per_unit_of_time_and_a_straight_drift_over_uneven_dates_is_taken_off():
    times = np.array([-11.0, -8.0, 0.0, 4.0, 9.0])
    steps = event_study_steps(times, 0.3 * (times + 5), 0.01 * np.eye(5), reference=-5)
    assert steps.before == pytest.approx([0.3, 0.3])
    found = smoothness(steps, [0]).table.iloc[0]
    assert (found["low"] + found["high"]) / 2 == pytest.approx(0, abs=1e-9)
    bent = smoothness(steps, [0.1]).table.iloc[0]
    assert bent["low"] < found["low"] < found["high"] < bent["high"]


@pytest.mark.parametrize("ratio", [0.0, 0.3, 2.0, 39.0, 41.0, 1e3, 1e7, 1e12])
def test_the_quantile_of_a_biased_estimate_is_that_of_its_two_tails(ratio):
    found = _critical(ratio, 0.95)
    assert norm.cdf(found - ratio) - norm.cdf(-found - ratio) == pytest.approx(0.95, abs=1e-4)
