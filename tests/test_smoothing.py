"""Empirical Bayes rates."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.standing.comparison.intervals import empirical_bayes


def test_smoothed_rates_lie_between_own_and_overall_and_small_areas_move_most():
    events, people = np.array([0, 30, 8, 400]), np.array([50, 200, 60, 4000])
    own, overall = events / people, events.sum() / people.sum()
    smoothed = empirical_bayes(events, people)
    assert ((smoothed - own) * (smoothed - overall) <= 1e-12).all()
    moved = np.abs(smoothed - own) / np.abs(own - overall)
    assert (np.diff(moved[np.argsort(people)]) <= 0).all()


def test_areas_that_differ_by_chance_alone_all_get_the_overall_rate():
    assert empirical_bayes([10, 10, 10], [100, 100, 100]) == pytest.approx([0.1] * 3)
    assert empirical_bayes([0, 0], [10, 30]) == pytest.approx([0, 0])


def test_smoothing_brings_rates_nearer_the_truth():
    rng = np.random.default_rng(3)
    truth = rng.gamma(8, 0.005, 300)
    people = rng.integers(100, 1500, 300)
    events = rng.poisson(truth * people)
    error = {
        "own": np.square(events / people - truth).mean(),
        "smoothed": np.square(empirical_bayes(events, people) - truth).mean(),
    }
    assert error["smoothed"] < 0.7 * error["own"]


def test_an_empty_area_is_missing_and_does_not_count():
    smoothed = empirical_bayes([5, 0, 20], [100, 0, 150])
    assert np.isnan(smoothed[1])
    assert smoothed[[0, 2]] == pytest.approx(empirical_bayes([5, 20], [100, 150]))
