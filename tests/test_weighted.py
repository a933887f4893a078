"""Synthetic difference-in-differences and weights that match exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import codes, panel, question, two_factors
from scipy.optimize import minimize

from lsp_analysis import Question
from lsp_analysis.effects import calibrated_effect, did, synthetic_did
from lsp_analysis.effects.synthetic.calibrated import balancing_weights
from lsp_analysis.effects.synthetic.control import _parallel
from lsp_analysis.errors import PanelError, ParameterError


def factors(**options) -> Question:
    return question(two_factors(**options), 1, start=2006)


def test_an_effect_that_was_put_in_is_found():
    found = synthetic_did(factors(effect=4.0))
    assert found.estimate == pytest.approx(4.0, abs=0.3)
    assert found.donor_weights.sum() == pytest.approx(1)
    assert found.period_weights.sum() == pytest.approx(1)
    assert found.p_value == pytest.approx(1 / 20)


def test_the_weighted_regression_that_opens_has_the_estimate_for_its_coefficient():
    for asked in (factors(effect=4.0), question(panel(n_areas=20, n_treated=2), 2)):
        found = synthetic_did(asked)
        assert found.model.params[0] == pytest.approx(found.estimate, abs=1e-6)


def test_a_lasting_difference_in_level_does_not_matter():
    world = two_factors(effect=4.0)
    raised = world.assign(rate=world["rate"] + 100 * (world["area_code"] == "E000"))
    one, other = (synthetic_did(question(frame, 1, start=2006)) for frame in (world, raised))
    assert other.estimate == pytest.approx(one.estimate)


def test_a_very_large_penalty_makes_area_weights_even():
    rng = np.random.default_rng(0)
    weights = _parallel(rng.normal(size=(8, 10)), 1e6)
    assert weights == pytest.approx(np.full(10, 0.1), abs=1e-6)


def test_without_noise_it_agrees_with_difference_in_differences():
    asked = question(panel(effect=-2.0, noise=1e-6, n_treated=1), 1)
    assert synthetic_did(asked).estimate == pytest.approx(did(asked).estimate, abs=1e-4)


def test_areas_that_move_in_step_are_no_obstacle():
    asked = question(panel(n_areas=12, n_treated=1, noise=0.0, effect=-2.0), 1)
    assert synthetic_did(asked).estimate == pytest.approx(-2.0, abs=1e-4)


def test_several_treated_areas_are_ranked_among_groups():
    found = synthetic_did(question(panel(n_treated=3, effect=4.0), 3))
    assert found.n_placebos > 39
    assert found.low < 4.0 < found.high


# Weights that match exactly -----------------------------------------------------------------------


def world(*, effect: float = 1.0, seed: int = 0, n_areas: int = 200) -> pd.DataFrame:
    """Twenty treated areas, poorer than the rest, twelve years; poverty drives the trend."""
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
            "period": np.tile(2000 + period, n_areas),
            "events": rng.poisson(rate).ravel(),
            "poor": np.repeat(poor, 12),
            "mine": np.repeat(mine, 12),
        }
    )


def asked(frame: pd.DataFrame, **changes) -> Question:
    given = {"outcome": "events", "treated": "mine", "start": 2007, "covariates": ["poor"]}
    return Question.from_frame(frame, **given | changes)


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
    found = calibrated_effect(asked(world(effect=0.7)), covariates=["poor"], block=3)
    balance = found.balance
    assert balance["comparison"].to_numpy() == pytest.approx(balance["treated"].to_numpy())
    assert (balance["treated"] > 1.1 * balance["unweighted"]).all()
    assert found.relative_low < -0.3 < found.relative_high < 0
    assert found.donor_weights.sum() == pytest.approx(20)
    assert found.total_observed - found.total_counterfactual == pytest.approx(6 * found.estimate)


def test_intervals_cover_no_effect_about_as_often_as_they_claim():
    found = [
        calibrated_effect(asked(world(seed=s)), covariates=["poor"], block=3) for s in range(60)
    ]
    inside = sum(one.low <= 0 <= one.high for one in found)
    assert inside >= 51  # of 60 at 95%
    assert sum(one.p_value <= 0.05 for one in found) == 60 - inside


def test_few_treated_areas_are_ranked_among_placebos_weighted_afresh():
    frame = world()
    first = frame.loc[frame["mine"], "area_code"].unique()[:1]
    on = frame["area_code"].isin(first) & (frame["period"] >= 2007)
    lower = frame.assign(mine=frame["area_code"].isin(first), events=frame["events"] - 24.0 * on)
    found = calibrated_effect(asked(lower), block=3)
    assert found.n_placebos > 100
    assert found.p_value < 0.1
    assert found.low < -24 < found.high


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"block": 1, "match": ["other"]}, PanelError, "match all 12 values with 10"),
        ({"block": 0}, ParameterError, "from 1 to 6, the dates"),
        ({"alternative": "lower"}, ParameterError, "two-sided, less, greater"),
        ({"match": ["none"]}, PanelError, "no covariate 'none'"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    frame = world(n_areas=30).assign(other=lambda f: f["events"] ** 2 + f["period"])
    with pytest.raises(error, match=words):
        calibrated_effect(asked(frame, covariates=["other"]), **change)


def test_a_result_can_be_tabled_said_and_drawn():
    found = calibrated_effect(asked(world()).named(unit="thefts"), block=3)
    assert found.summary_frame().columns[0] == "estimate"
    assert "weighted comparison areas" in found.sentence()
    assert found.plot() is not None
