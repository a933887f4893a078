"""Comparison areas weighted to match exactly: weights, errors, placebos, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import codes
from scipy.optimize import minimize

from lsp_analysis.effects.synthetic.balance_weights import balancing_weights
from lsp_analysis.effects.synthetic.calibrated import calibrated_effect
from lsp_analysis.errors import PanelError, ParameterError

OPTIONS = {"outcome": "events", "treated": "mine", "start": 7, "block": 3}


def world(*, effect: float = 1.0, seed: int = 0, n_areas: int = 200) -> pd.DataFrame:
    """Twenty treated areas, poorer than the rest, twelve periods; poverty drives the trend."""
    rng = np.random.default_rng(seed)
    poor = rng.gamma(2, 1, n_areas)
    mine = np.zeros(n_areas, dtype=bool)
    mine[rng.choice(n_areas, 20, replace=False, p=poor / poor.sum())] = True
    period = np.arange(1, 13)
    rate = 3 + np.outer(poor, 1 + 0.15 * period)
    rate[np.ix_(mine, period >= 7)] *= effect
    return pd.DataFrame(
        {
            "area_code": np.repeat(codes(n_areas), 12),
            "period": np.tile(period, n_areas),
            "events": rng.poisson(rate).ravel(),
            "poor": np.repeat(poor, 12),
            "mine": np.repeat(mine, 12),
        }
    )


def test_weights_are_the_nearest_to_equal_that_meet_the_totals():
    rng = np.random.default_rng(1)
    donors, total = rng.normal(size=(30, 2)), 4.0
    targets = total * np.array([0.6, -0.4])
    found = balancing_weights(donors, targets, total)
    assert found.min() >= 0
    assert [found.sum(), *(found @ donors)] == pytest.approx([total, *targets])
    by_search = minimize(
        lambda w: (w**2).sum(),
        np.full(30, total / 30),
        bounds=[(0, None)] * 30,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - total},
            {"type": "eq", "fun": lambda w: w @ donors - targets},
        ],
    )
    assert found == pytest.approx(by_search.x, abs=1e-4)


def test_totals_beyond_every_area_cannot_be_met():
    donors = np.random.default_rng(1).uniform(size=(30, 2))
    assert balancing_weights(donors, np.array([8.0, 1.0]), 4.0) is None


def test_what_drives_the_trend_is_matched_and_an_effect_is_found():
    found = calibrated_effect(world(effect=0.7), covariates=["poor"], **OPTIONS)
    assert found.balance["comparison"].to_numpy() == pytest.approx(
        found.balance["treated"].to_numpy()
    )
    assert (found.balance["treated"] > 1.1 * found.balance["unweighted"]).all()
    assert found.relative_low < -0.3 < found.relative_high < 0
    assert found.weights.sum() == pytest.approx(20)
    assert found.total_observed - found.total_counterfactual == pytest.approx(6 * found.estimate)


def test_intervals_cover_no_effect_about_as_often_as_they_claim():
    found = [calibrated_effect(world(seed=s), covariates=["poor"], **OPTIONS) for s in range(60)]
    inside = sum(one.low <= 0 <= one.high for one in found)
    assert inside >= 51  # of 60 at 95%
    alarms = sum(one.p_value <= 0.05 for one in found)
    assert alarms == 60 - inside


def test_placebo_groups_are_weighted_afresh_and_ranked():
    options = OPTIONS | {"covariates": ["poor"], "placebos": 39}
    found = calibrated_effect(world(effect=0.6), alternative="less", **options)
    assert found.p_value == pytest.approx(1 / 40)
    assert (found.n_placebos, found.finest_p) == (39, 1 / 40)
    assert found.low < found.estimate < found.high < 0
    again = calibrated_effect(world(effect=0.6), alternative="greater", **options)
    assert again.p_value == 1.0


def test_few_treated_areas_get_an_interval_from_placebos_only():
    frame = world()
    frame["mine"] &= frame["area_code"].isin(frame.loc[frame["mine"], "area_code"].unique()[:4])
    found = calibrated_effect(frame, **OPTIONS)
    assert np.isnan(found.p_value)
    assert "withheld" in found.warnings[0]
    assert np.isfinite(calibrated_effect(frame, placebos=19, **OPTIONS).low)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"block": 1, "match": ["other"]}, PanelError, "meet all 12 constraints with 10"),
        ({"block": 0}, ParameterError, "from 1 to the 6 periods"),
        ({"alternative": "lower"}, ParameterError, "two-sided, less, greater"),
        ({"placebos": 9}, PanelError, "too few to draw placebo groups of 20"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    frame = world(n_areas=30).assign(other=lambda f: f["events"] ** 2 + f["period"])
    with pytest.raises(error, match=words):
        calibrated_effect(frame, **(OPTIONS | change))


def test_a_result_can_be_tabled_said_and_drawn():
    found = calibrated_effect(world(), unit="thefts", **OPTIONS)
    assert found.summary_frame().columns[0] == "estimate"
    assert "weighted comparison areas" in found.sentence()
    assert found.plot().lines
