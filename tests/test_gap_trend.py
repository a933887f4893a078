"""The trend of a gap and its forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.change.gaps import Gap, gap_trend


def gap_of(values: np.ndarray, freq: str = "Y") -> Gap:
    periods = pd.period_range("2000-01", periods=len(values), freq=freq)
    frame = pd.DataFrame({"period": periods, "gap": values, "low": values - 1, "high": values + 1})
    return Gap("x", "Burglary", "per_1000", "low_is_good", "here", "there", 0.95, frame)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, n)


def test_the_slope_a_year_is_found():
    found = gap_trend(gap_of(20 - 0.8 * np.arange(20) + noise(20)))
    assert found.slope_low < -0.8 < found.slope_high
    assert found.slope == pytest.approx(-0.8, abs=0.25)


def test_a_gap_that_wanders_is_given_wider_limits():
    shocks = noise(40, seed=3)
    wander = np.zeros(40)
    for t in range(1, 40):
        wander[t] = 0.85 * wander[t - 1] + shocks[t]
    alike, apart = (
        gap_trend(gap_of(wander)),
        gap_trend(gap_of(shocks / shocks.std() * wander.std())),
    )
    assert alike.autocorrelation > 0.5
    assert alike.slope_high - alike.slope_low > 1.5 * (apart.slope_high - apart.slope_low)


def test_a_forecast_goes_on_from_the_line_and_widens():
    found = gap_trend(gap_of(20 - 0.8 * np.arange(20) + noise(20)), ahead=5)
    ahead = found.frame[found.frame["kind"] == "forecast"]
    assert ahead["period"].tolist() == list(pd.period_range("2020", periods=5, freq="Y"))
    assert ahead["gap"].iloc[-1] == pytest.approx(20 - 0.8 * 24, abs=1.0)
    assert (ahead["high"] - ahead["low"]).is_monotonic_increasing
    assert "If that went on" in found.sentence()


@pytest.mark.slow
def test_a_forecast_holds_what_came_next_about_as_often_as_it_says():
    hits = [_held(gap_of(15 - 0.3 * np.arange(24) + noise(24, seed=s))) for s in range(60)]
    assert 0.85 <= np.mean(hits) <= 1.0


def _held(whole: Gap) -> bool:
    known = Gap(
        *[getattr(whole, f) for f in list(whole.__dataclass_fields__)[:-1]], whole.frame[:20]
    )
    ahead = gap_trend(known, ahead=4).frame.iloc[-1]
    return bool(ahead["low"] <= whole.frame["gap"].iloc[23] <= ahead["high"])


def test_a_gap_that_wanders_without_a_trend_is_seldom_said_to_have_one():
    found = []
    for seed in range(40):
        shocks = np.random.default_rng(seed).normal(size=12)
        wander = shocks / np.sqrt(1 - 0.8**2)
        for t in range(1, 12):
            wander[t] = 0.8 * wander[t - 1] + shocks[t]
        found.append(gap_trend(gap_of(wander)).p_value < 0.05)
    # Twice the 5% claimed, with three standard errors for 40 draws; the likeliest autocorrelation
    # alone, taken as known, gives a quarter.
    assert np.mean(found) <= 0.2


def test_a_gap_that_does_not_vary_has_no_line():
    with pytest.raises(PanelError, match="hardly varies"):
        gap_trend(gap_of(np.full(12, 3.0)))


def test_a_period_left_out_does_not_shift_the_years():
    whole = gap_of(20 - 0.8 * np.arange(20) + noise(20))
    holed = Gap(
        *[getattr(whole, f) for f in list(whole.__dataclass_fields__)[:-1]],
        whole.frame.drop(index=[7, 8]),
    )
    assert gap_trend(holed).slope == pytest.approx(gap_trend(whole).slope, abs=0.1)


@pytest.mark.parametrize("freq", ["M", "Q"])
def test_months_and_quarters_are_refused_for_their_seasons(freq):
    season = 5 * np.sin(2 * np.pi * np.arange(44) / 4)
    with pytest.raises(PanelError, match="seasons within one would pass for a trend"):
        gap_trend(gap_of(10 + season + noise(44), freq))


def test_too_few_gaps_are_refused():
    with pytest.raises(PanelError, match="a trend needs 8"):
        gap_trend(gap_of(np.arange(6.0)))
