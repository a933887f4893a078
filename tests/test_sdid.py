"""Synthetic difference-in-differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from effect_worlds import START, codes, panel, two_factors

from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.synthetic.augmented import augmented_synthetic_control
from lsp_analysis.effects.synthetic.control import synthetic_control
from lsp_analysis.effects.synthetic.sdid import area_weights, synthetic_did
from lsp_analysis.errors import PanelError

OPTIONS = {"outcome": "rate", "treated": ["E000"], "start": 17}


def test_an_effect_that_was_put_in_is_found():
    found = synthetic_did(two_factors(effect=4.0), **OPTIONS)
    assert found.estimate == pytest.approx(4.0, abs=0.3)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.period_weights.sum() == pytest.approx(1)
    assert found.p_value == pytest.approx(1 / 20)
    assert found.se == pytest.approx(found.placebos["estimate"].std(ddof=0))


def test_a_lasting_difference_in_level_does_not_matter():
    world = two_factors(effect=4.0)
    raised = world.assign(rate=world["rate"] + 100 * (world["area_code"] == "E000"))
    one, other = (synthetic_did(frame, **OPTIONS) for frame in (world, raised))
    assert other.estimate == pytest.approx(one.estimate)


def test_a_very_large_penalty_makes_area_weights_even():
    rng = np.random.default_rng(0)
    weights = area_weights(rng.normal(size=(1, 8, 10)), rng.normal(size=(1, 8)), np.array([1e6]))
    assert weights[0] == pytest.approx(np.full(10, 0.1), abs=1e-6)


def test_without_noise_it_agrees_with_difference_in_differences():
    frame = panel(effect=-2.0, noise=1e-6, n_treated=1)
    options = {"outcome": "rate", "treated": ["E000"], "start": START}
    assert synthetic_did(frame, **options).estimate == pytest.approx(
        difference_in_differences(frame, **options).estimate, abs=1e-4
    )


def test_groups_are_ranked_among_groups():
    world = two_factors(effect=0.0)
    pairs = [[codes(20)[i], codes(20)[i + 1]] for i in range(2, 19)]
    found = synthetic_did(world, outcome="rate", treated=["E000", "E001"], start=17, placebos=pairs)
    larger = (found.placebos["statistic"] >= abs(found.estimate)).sum()
    assert found.p_value == pytest.approx((larger + 1) / 18)
    alone = synthetic_did(world, outcome="rate", treated=["E000", "E001"], start=17)
    assert math.isnan(alone.p_value)
    assert math.isnan(alone.se)


def test_areas_that_move_in_step_are_no_obstacle():
    frame = panel(n_areas=12, n_treated=1, noise=0.0, effect=-2.0)
    found = synthetic_did(frame, **(OPTIONS | {"start": START}))
    assert found.estimate == pytest.approx(-2.0, abs=1e-4)
    line = frame.assign(rate=frame["rate"].where(frame["area_code"] == "E000", 5.0))
    assert np.isfinite(synthetic_did(line, **(OPTIONS | {"start": START})).estimate)


@pytest.mark.parametrize("method", [synthetic_did, synthetic_control, augmented_synthetic_control])
def test_placebo_groups_for_several_treated_areas_can_be_drawn(method):
    frame = panel(n_areas=30, n_treated=3, effect=4.0)
    options = {"outcome": "rate", "treated": codes(3), "start": START}
    found = method(frame, placebos=39, seed=1, **options)
    assert (found.n_placebos, found.finest_p) == (39, 1 / 40)
    assert found.low < 4.0 < found.high
    assert found.p_value == method(frame, placebos=39, seed=1, **options).p_value
    with pytest.raises(PanelError, match="too few to draw placebo groups of 3"):
        method(frame.query("area_code < 'E008'"), placebos=39, **options)
