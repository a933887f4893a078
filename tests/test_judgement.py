"""Statistics and the effects they allow: the two are one another's inverse."""

from __future__ import annotations

import numpy as np
import pytest
from boroughs import borough, case_of, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.scale import CountScale


def of_counts(seed=1, **settings):
    return case_of(borough(seed, **settings)).found


def of_scores(effect=0.0):
    panel, question = scores(effect=effect)
    return open_case(panel, **question).found


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.integers(0, 20))
def test_the_effect_at_a_statistic_has_that_statistic(statistic, seed):
    for found in (of_counts(seed), of_scores()):
        effect = found.effect_at(statistic)
        assert found.statistic_at(effect) == pytest.approx(statistic, abs=1e-6)


def test_at_no_effect_the_statistic_is_the_one_ranked():
    for found in (of_counts(), of_scores()):
        assert found.statistic_at(0.0) == pytest.approx(found.statistic[0])


def test_a_statistic_falls_as_the_effect_supposed_rises():
    for found in (of_counts(), of_scores()):
        sizes = [found.statistic_at(effect) for effect in np.linspace(-1, 1, 9)]
        assert (np.diff(sizes) < 0).all()


def test_a_count_of_zero_sets_no_lower_limit():
    found = Judgement(
        total=np.array([0.0, 5.0]),
        exposure=np.array([1_000.0, 1_000.0]),
        expected=np.array([3.0, 5.0]),
        fixed=np.array([0.05, 0.05]),
        noise=np.array([1.0, 1.0]),
        before=np.zeros(2),
        scale=CountScale(0.1, 1_000.0),
    )
    assert found.effect_at(2.0) == -np.inf
    assert np.isfinite(found.effect_at(-2.0))


def test_an_infinite_statistic_allows_every_effect():
    assert of_counts().effect_at(np.inf) == -np.inf
    assert of_counts().effect_at(-np.inf) == np.inf


def test_the_errors_are_those_the_statistics_are_in():
    found = of_scores(effect=-5.0)
    gap = (found.total - found.expected) / found.exposure
    assert gap / found.errors == pytest.approx(found.statistic)


def test_a_detectable_effect_moves_the_statistic_by_the_distance_asked_for():
    found = of_scores()
    size = found.detectable(2.5)
    assert found.statistic_at(size) - found.statistic_at(0) == pytest.approx(-2.5)
    for distance in (1.0, 2.0):
        size = of_counts(mean_count=40).detectable(distance)
        assert 0 < size < np.inf
    assert of_counts().detectable(np.inf) == np.inf


def of_hardly_any(observed: float, expected: float) -> Judgement:
    """A neighbourhood of which next to no events were expected."""
    return Judgement(
        total=np.array([observed, 0.0]),
        exposure=np.array([1_000.0, 1_000.0]),
        expected=np.array([expected, expected]),
        fixed=np.array([0.05, 0.05]),
        noise=np.array([1.0, 1.0]),
        before=np.zeros(2),
        scale=CountScale(0.1, 1_000.0),
    )


@pytest.mark.parametrize("observed", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("expected", [0.02, 0.05, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("critical", [0.1, 0.2, 0.5, 1.0, 2.0])
def test_an_interval_holds_no_effect_just_when_it_is_not_ruled_out(observed, expected, critical):
    found = of_hardly_any(observed, expected)
    low, high = found.interval(critical)
    if abs(found.statistic[0]) < critical:
        assert low <= 0 <= high
    assert low <= (np.log(observed / expected) if observed else -np.inf) <= high


def test_an_interval_of_scores_is_what_the_statistics_say():
    found = of_scores()
    assert found.interval(2.0) == (found.effect_at(2.0), found.effect_at(-2.0))
