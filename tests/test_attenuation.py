"""How levels seen with the noise of small counts regress to the mean."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.effects.one_area.attenuation import bent_by_noise
from lsp_analysis.effects.one_area.scale import CountScale

EXPOSURE = 36_000.0
SCALE = CountScale(dispersion=0.02, unit=12_000)


def counted(mean_count: float, *, seed: int = 1, areas: int = 40_000):
    """Levels as seen over three years, log rates as they are, and what to add; (areas,) each."""
    rng = np.random.default_rng(seed)
    log_rate = np.log(mean_count / EXPOSURE) + 0.5 * rng.standard_normal(areas)
    exposure = np.full(areas, EXPOSURE)
    level = SCALE.transform(rng.poisson(np.exp(log_rate) * EXPOSURE), exposure)
    truth = SCALE.centre(np.exp(log_rate) * EXPOSURE, exposure)
    return level, truth, *bent_by_noise(level, exposure, np.ones(areas, dtype=bool), SCALE)


def curvature(level: np.ndarray, truth: np.ndarray) -> float:
    """What the true level gains, over a straight line, two standard deviations above the middle."""
    z = (level - level.mean()) / level.std()
    return 4 * np.polyfit(z, truth / truth.std(), 2)[0]


@pytest.mark.parametrize("mean_count", [3, 10, 40])
def test_a_straight_line_in_the_bent_level_is_what_poisson_noise_leaves(mean_count):
    level, truth, shift, _ = counted(mean_count)
    assert abs(curvature(level + shift, truth)) < 0.6 * abs(curvature(level, truth))
    assert abs(curvature(level + shift, truth)) < 0.08


def test_the_bend_is_apart_from_the_level_itself_and_of_its_own_unit():
    level, _, shift, bend = counted(10, areas=500)
    assert np.cov(level, shift)[0, 1] == pytest.approx(0, abs=1e-9)
    assert bend.std() == pytest.approx(1)
    assert np.corrcoef(shift, bend)[0, 1] == pytest.approx(1)


def test_only_compared_areas_say_how_levels_bend():
    level, _, shift, _ = counted(10, areas=500)
    exposure, comparison = np.full(500, EXPOSURE), np.arange(500) >= 5
    twice = level.copy()
    twice[:5] = level[5]
    kept = [bent_by_noise(x, exposure, comparison, SCALE)[0][5:] for x in (level, twice)]
    assert kept[0] == pytest.approx(kept[1], abs=1e-2 * shift.std())


def test_more_events_bend_less():
    sizes = [counted(mean_count, areas=2_000)[2].std() for mean_count in (3, 30, 300)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_areas_all_alike_have_no_bend():
    level = np.full(80, 3.0)
    for part in bent_by_noise(level, np.full(80, EXPOSURE), np.ones(80, dtype=bool), SCALE):
        assert (part == 0).all()
