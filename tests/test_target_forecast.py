"""The odds of meeting a target: true to a simulated truth, to least squares, and to their units."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.agencies import plan as module
from lsp_analysis.standing.agencies.plan import (
    odds_words,
    plan_forecasts,
    target_forecast,
)


def yearly(values, first="2000"):
    return pd.Series(
        np.asarray(values, float), pd.period_range(first, periods=len(values), freq="Y")
    )


def test_without_a_wandering_level_it_is_the_prediction_of_a_straight_line(monkeypatch):
    monkeypatch.setattr(module, "RATIOS", np.array([0.0]))
    y = np.array([50.1, 49.2, 48.8, 49.0, 47.1, 46.9, 46.0, 45.8, 45.1, 44.2])
    n, x, ahead = len(y), np.arange(10.0), 12.0
    slope, cut = np.polyfit(x, y, 1)
    left = y - cut - slope * x
    s2 = left @ left / (n - 2)
    spread = np.sqrt(s2 * (1 + 1 / n + (ahead - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()))
    expected = stats.t.cdf((43.0 - cut - slope * ahead) / spread, n - 2)
    due = pd.Period("2012", "Y")
    found = target_forecast(yearly(y), target=43.0, due=due, higher_is_better=False)
    assert found.probability == pytest.approx(expected, abs=1e-6)
    assert found.paths["value"].iloc[-1] == pytest.approx(cut + slope * ahead, abs=1e-6)


def test_units_and_sides_change_nothing():
    y = yearly([5, 5.2, 4.9, 5.4, 5.5, 5.3, 5.8, 5.7, 6.0])
    due = y.index[-1] + 2
    base = target_forecast(y, target=6.1, due=due, higher_is_better=True)
    scaled = target_forecast(1000 * y + 7, target=6107.0, due=due, higher_is_better=True)
    other = target_forecast(-y, target=-6.1, due=due, higher_is_better=False)
    assert scaled.probability == pytest.approx(base.probability, abs=1e-6)
    assert other.probability == pytest.approx(base.probability, abs=1e-6)
    below = target_forecast(y, target=6.1, due=due, higher_is_better=False)
    assert below.probability == pytest.approx(1 - base.probability, abs=1e-9)


def test_what_is_given_eighty_in_a_hundred_comes_about_as_often():
    draw = np.random.default_rng(11)
    given, met = [], []
    for _ in range(100):
        n, steps = int(draw.integers(8, 16)), int(draw.integers(1, 4))
        level = np.cumsum(draw.normal(0, draw.choice([0, 0.5, 2]), n + steps))
        y = 50 + level + draw.normal(0, 0.4) * np.arange(n + steps) + draw.normal(0, 1, n + steps)
        series = yearly(y[:n])
        target = y[n - 1] + draw.normal(0, 2)
        due = series.index[-1] + steps
        found = target_forecast(series, target=target, due=due, higher_is_better=True)
        given.append(found.probability)
        met.append(y[-1] >= target)
    given, met = np.array(given), np.array(met)
    error = 3 * np.sqrt((given * (1 - given)).sum()) / len(given)
    assert abs(met.mean() - given.mean()) < error
    sure = (given > 0.75) | (given < 0.25)
    right = np.where(given > 0.5, met, ~met)[sure].mean()
    said = np.maximum(given, 1 - given)[sure].mean()
    assert abs(right - said) < 0.125  # 2.4 standard errors


def test_seven_values_are_too_short_and_a_date_that_has_passed_is_refused():
    y = yearly(range(7))
    short = target_forecast(y, target=9, due=y.index[-1] + 1, higher_is_better=True)
    assert np.isnan(short.probability)
    assert "Too short to say" in short.sentence()
    with pytest.raises(PanelError, match="nothing to forecast"):
        target_forecast(
            yearly(range(9)), target=9, due=pd.Period("2008", "Y"), higher_is_better=True
        )


def test_only_targets_still_ahead_get_odds():
    plan = pd.DataFrame(
        {"baseline": [10.0, 10.0], "target": [12.0, 14.0], "due": ["2005", "2011"]},
        index=["past", "ahead"],
    )
    rows = [
        {"measure_id": m, "period": p, "value": float(v)}
        for m in plan.index
        for p, v in yearly(np.linspace(10, 12, 10)).items()
    ]
    found = plan_forecasts(plan, pd.DataFrame(rows))
    assert set(found) == {"ahead"}
    assert 0 <= found["ahead"].probability <= 1


def test_odds_have_their_usual_words():
    assert odds_words(0.95) == "Very likely (95%)"
    assert odds_words(0.5) == "About as likely as not (50%)"
    assert odds_words(0.001) == "Very unlikely (under 1%)"
