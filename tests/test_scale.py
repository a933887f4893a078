"""Scales on which noise is even: counts steadied, other outcomes as they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_analysis.effects.one_area.scale import CountScale, IdentityScale, count_scale

positive = st.floats(0.5, 5_000)


@given(st.floats(0.01, 3), positive, positive, positive)
def test_a_mean_count_comes_back_from_the_centre_it_was_sent_to(dispersion, unit, mean, exposure):
    scale = CountScale(dispersion, unit)
    there = scale.centre(np.array([mean]), np.array([exposure]))
    assert scale.expected(there, np.array([exposure])) == pytest.approx(mean, rel=1e-6)


@given(positive, positive)
def test_other_outcomes_come_back_as_they_went(total, exposure):
    scale = IdentityScale()
    there = scale.transform(np.array([total]), np.array([exposure]))
    assert scale.expected(there, np.array([exposure])) == pytest.approx(total)


@pytest.mark.parametrize("dispersion", [0.02, 0.1, 0.3])
def test_the_variance_of_a_steadied_count_hardly_hangs_on_its_mean(dispersion):
    rng = np.random.default_rng(1)
    exposure = np.full(20_000, 1_000.0)
    scale = CountScale(dispersion, 1_000.0)
    spread = []
    for mean in (5, 20, 100, 400):
        rate = mean * rng.gamma(1 / dispersion, dispersion, len(exposure))
        spread.append(scale.transform(rng.poisson(rate), exposure).std())
    assert max(spread) / min(spread) < 1.35
    assert np.mean(spread) == pytest.approx(1, abs=0.25)


@given(st.floats(0.01, 3), st.floats(5, 5_000))
def test_the_slope_is_the_change_per_unit_of_log_rate(dispersion, mean):
    scale, exposure = CountScale(dispersion, 1_000.0), np.array([1_000.0])
    step = 1e-5
    here, there = (scale._of_rate(np.array([m / 1_000])) for m in (mean, mean * np.exp(step)))
    assert scale.slope(here)[0] == pytest.approx((there - here)[0] / step, rel=1e-3)
    assert scale.shift(np.array([mean]), exposure, np.log(2)) == pytest.approx(2 * mean)


def test_dispersion_is_found_again_from_two_years_of_counts_but_for_the_noise_in_their_mean():
    rng = np.random.default_rng(4)
    people = np.full(4_000, 1_500.0)
    for dispersion in (0.1, 0.5):
        shocks = rng.gamma(1 / dispersion, dispersion, (2, 4_000))
        years = rng.poisson(60 * shocks)
        found = count_scale(*years, people, people).dispersion
        assert found == pytest.approx(dispersion / (1 + dispersion / 2), rel=0.1)


def test_pure_poisson_counts_have_hardly_any_dispersion():
    years = np.random.default_rng(4).poisson(60, (2, 4_000))
    people = np.full(4_000, 1_500.0)
    assert count_scale(*years, people, people).dispersion < 0.01


def test_noise_that_grows_with_the_level_is_seen_to_and_even_noise_is_left_even():
    rng = np.random.default_rng(4)
    level = rng.lognormal(0, 0.5, 400)
    even, growing = (
        IdentityScale().fitted(level, (rng.normal(0, 1, 400) * spread) ** 2)
        for spread in (1.0, level)
    )
    worst, usual = level.max(), np.median(level)
    assert growing.spread(worst) / growing.spread(usual) > 2
    assert even.spread(worst) / even.spread(usual) < 1.6


def test_neither_origin_nor_unit_nor_direction_changes_how_noise_grows():
    rng = np.random.default_rng(5)
    level = rng.lognormal(0, 0.5, 100)
    squared = (rng.normal(0, 1, 100) * level) ** 2
    plain = IdentityScale().fitted(level, squared).spread(level)
    moved = IdentityScale().fitted(7 - 3 * level, 9 * squared).spread(7 - 3 * level)
    np.testing.assert_allclose(plain, moved, rtol=1e-6)


def test_below_what_no_event_in_a_long_time_shows_a_rate_is_no_more_uncertain():
    scale = CountScale(dispersion=0.01, unit=1_000.0)
    slopes = scale.slope(np.array([-3.0, 0.0, 1e-3, 0.7, 2.0]))
    assert slopes[0] == slopes[1] == slopes[2] > 0.05
    assert slopes[2] < slopes[3] < slopes[4]
