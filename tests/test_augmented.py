"""Ridge-augmented synthetic control."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import two_factors

from lsp_analysis.effects.synthetic.augmented import augmented_synthetic_control, augmented_weights
from lsp_analysis.effects.synthetic.control import synthetic_control
from lsp_analysis.errors import ParameterError

OPTIONS = {"outcome": "rate", "treated": ["E000"], "start": 17}


def test_a_very_large_penalty_leaves_plain_synthetic_control():
    world = two_factors(effect=4.0)
    plain = synthetic_control(world, **OPTIONS)
    found = augmented_synthetic_control(world, ridge=1e12, **OPTIONS)
    assert found.estimate == pytest.approx(plain.estimate, abs=1e-6)


def test_it_reaches_a_treated_area_outside_the_hull_of_the_others():
    world = two_factors(effect=4.0)
    outside = world.assign(
        rate=world["rate"].where(world["area_code"] != "E000", 20 + 2.2 * (world["rate"] - 20))
    )
    outside.loc[(outside["area_code"] == "E000") & (outside["period"] >= 17), "rate"] -= 1.2 * 4.0
    plain = synthetic_control(outside, **OPTIONS)
    found = augmented_synthetic_control(outside, **OPTIONS)
    assert abs(found.estimate - 4.0) < abs(plain.estimate - 4.0)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.donor_weights.min() < 0


def test_pysyncon_finds_the_same_weights_for_the_same_penalty():
    pysyncon = pytest.importorskip("pysyncon")
    world = two_factors(effect=4.0)
    wide = world.pivot_table(index="period", columns="area_code", values="rate")
    dataprep = pysyncon.Dataprep(
        foo=world,
        predictors=["rate"],
        predictors_op="mean",
        dependent="rate",
        unit_variable="area_code",
        time_variable="period",
        treatment_identifier="E000",
        controls_identifier=list(wide.columns[1:]),
        time_predictors_prior=range(1, 17),
        time_optimize_ssr=range(1, 17),
    )
    other = pysyncon.AugSynth()
    other.fit(dataprep, lambda_=3.0)
    before = wide.loc[:16].to_numpy()
    weights = augmented_weights(before[:, 1:], before[:, 0], 3.0)
    assert weights == pytest.approx(np.asarray(other.W), abs=2e-3)


def test_the_error_left_out_is_that_of_refitting_without_the_period():
    world = two_factors()
    wide = world.pivot_table(index="area_code", columns="period", values="rate").to_numpy()[:, :16]
    errors = []
    for left_out in range(16):
        kept = np.delete(wide, left_out, axis=1).T
        weights = augmented_weights(kept[:, 1:], kept[:, 0], 5.0)
        errors.append(wide[0, left_out] - wide[1:, left_out] @ weights)
    found = augmented_synthetic_control(world, ridge=5.0, **OPTIONS)
    assert found.held_out_error == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def test_a_penalty_of_nothing_is_refused():
    with pytest.raises(ParameterError, match="above 0"):
        augmented_synthetic_control(two_factors(), ridge=0.0, **OPTIONS)


def test_an_area_with_a_twin_among_the_others_is_met_exactly():
    world = two_factors(effect=4.0)
    twin = world[world["area_code"] == "E000"].assign(area_code="E999")
    found = augmented_synthetic_control(pd.concat([world, twin]), **OPTIONS)
    assert found.estimate == pytest.approx(0.0, abs=1e-6)
    assert found.p_value > 0.05
