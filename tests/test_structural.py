"""Structural time series: the forecast is unbiased and its interval is honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from effect_worlds import codes

from lsp_analysis.effects.regressions.structural import structural_effect
from lsp_analysis.errors import PanelError, ParameterError

PERIODS = pd.period_range("2008-01", periods=60, freq="M")
OPTIONS = {"outcome": "rate", "treated": ["E000"], "start": "2011-05"}


def world(*, effect: float = 0.0, drift: float = 0.1, noise: float = 1.0, seed: int = 0):
    """Twenty areas that share a wandering path, each with a little drift of its own."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=60).cumsum()
    own = np.cumsum(rng.normal(0, drift, (20, 60)), axis=1) + rng.normal(0, noise, (20, 60))
    rate = 20 + shared + rng.normal(size=(20, 1)) + own
    rate[0, 40:] += effect
    return pd.DataFrame(
        {
            "area_code": np.repeat(codes(20), 60),
            "period": np.tile(PERIODS, 20),
            "rate": rate.ravel(),
        }
    )


def test_an_effect_that_was_put_in_is_found():
    found = structural_effect(world(effect=-5.0, drift=0.0, noise=0.2), **OPTIONS)
    assert found.estimate == pytest.approx(-5.0, abs=0.4)
    assert found.low < -5.0 < found.high < 0
    assert found.p_value < 0.05
    assert found.coefficients.index.tolist() == ["mean of other areas"]


def test_intervals_cover_the_truth_at_least_as_often_as_they_claim():
    hits = 0
    for seed in range(16):
        found = structural_effect(world(seed=seed, effect=2.0), n_draws=500, **OPTIONS)
        hits += found.low <= 2.0 <= found.high
    assert hits >= 14


def test_the_comparison_series_narrow_the_interval():
    frame = world()
    alone = structural_effect(frame, comparisons=[], **OPTIONS)
    helped = structural_effect(frame, **OPTIONS)
    named = structural_effect(frame, comparisons=["E003", "E004"], **OPTIONS)
    assert helped.high - helped.low < 0.7 * (alone.high - alone.low)
    assert list(named.coefficients.index) == ["E003", "E004"]
    assert alone.maryland < helped.maryland
    assert "comparison areas" not in alone.comparator


def test_effects_by_period_add_up():
    found = structural_effect(world(effect=-5.0), **OPTIONS)
    table = found.effects
    assert len(table) == 20
    assert table["cumulative"].iloc[-1] == pytest.approx(table["effect"].sum())
    assert found.estimate == pytest.approx(table["effect"].mean())
    assert (table["low"] < table["effect"]).all()
    later = found.paths["period"] >= pd.Period("2011-05", "M")
    gap = (found.paths["treated"] - found.paths["comparison"])[later]
    assert gap.to_numpy() == pytest.approx(table["effect"].to_numpy())


@pytest.mark.parametrize("options", [{"trend": "trend"}, {"trend": "fixed"}, {"season": 12}])
def test_other_models_of_the_past_find_it_too(options):
    found = structural_effect(world(effect=-9.0, drift=0.0, noise=0.3), **options, **OPTIONS)
    assert found.low < -9.0 < found.high


def test_the_same_seed_gives_the_same_interval():
    one, other = (structural_effect(world(), seed=4, n_draws=200, **OPTIONS) for _ in range(2))
    assert one.summary_frame().equals(other.summary_frame())


def test_units_do_not_matter():
    frame = world(effect=-5.0)
    one = structural_effect(frame, **OPTIONS)
    other = structural_effect(frame.assign(rate=frame["rate"] * 100), **OPTIONS)
    assert other.estimate == pytest.approx(100 * one.estimate, rel=1e-9)
    assert other.high - other.low == pytest.approx(100 * (one.high - one.low), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"trend": "wavy"}, ParameterError, "level, trend, fixed"),
        ({"start": "2008-06"}, PanelError, "5 periods before"),
        ({"comparisons": ["E000"]}, PanelError, "treated or not"),
        ({"comparisons": codes(20)[1:]}, PanelError, "too many"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        structural_effect(world(), **(OPTIONS | change))


def test_a_comparison_series_that_never_varied_is_refused():
    frame = world()
    frame.loc[frame["area_code"] == "E003", "rate"] = 7.0
    with pytest.raises(PanelError, match="does not vary"):
        structural_effect(frame, comparisons=["E003"], **OPTIONS)


def test_a_single_series_is_forecast_from_its_own_past():
    alone = world(effect=-5.0).query("area_code == 'E000'")
    found = structural_effect(alone, comparisons=[], n_draws=500, **OPTIONS)
    expected = structural_effect(world(effect=-5.0), comparisons=[], n_draws=500, **OPTIONS)
    assert [found.estimate, found.low] == [expected.estimate, expected.low]
    assert found.maryland == 1
