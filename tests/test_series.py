"""Interrupted series and structural forecasts, ranked among placebos, on true dates."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from effect_worlds import START, codes, counted, counts, panel, question

from lsp_analysis import Question
from lsp_analysis.effects import interrupted_series, structural_effect
from lsp_analysis.effects.regressions import series
from lsp_analysis.errors import PanelError, ParameterError

MONTHS = pd.period_range("2006-01", periods=48, freq="M")


def line(*, level: float = 0.0, slope: float = 0.0, noise: float = 1.0, seed: int = 0):
    """One area whose level and slope change at the thirty-seventh month."""
    time, after = np.arange(1.0, 49), np.arange(48) >= 36
    rate = 20 + 0.3 * time + level * after + slope * np.where(after, time - 36, 0)
    rate = rate + np.random.default_rng(seed).normal(0, noise, 48)
    return pd.DataFrame({"area_code": "E000", "period": MONTHS, "rate": rate})


def alone(frame: pd.DataFrame, **changes) -> Question:
    return question(frame, 1, **{"start": "2009-01"} | changes)


def test_coefficients_and_errors_are_those_of_the_segmented_regression():
    frame = line(level=3, slope=-0.4)
    found = interrupted_series(alone(frame), harmonics=0)
    time, after = np.arange(1.0, 49), (np.arange(48) >= 36).astype(float)
    x = np.column_stack([np.ones(48), time, after, np.maximum(time - 36, 0)])
    expected = sm.OLS(frame["rate"], x).fit()
    shown = found.coefficients
    assert shown["estimate"].to_numpy() == pytest.approx(expected.params.to_numpy())
    assert shown["se"].to_numpy() == pytest.approx(expected.bse.to_numpy())
    assert found.model.params == pytest.approx(expected.params.to_numpy())
    assert found.estimate == pytest.approx(expected.params.iloc[2:] @ [1, 6.5])


def test_a_gap_in_the_dates_is_a_gap_in_time():
    whole = line(level=3, slope=-0.4, noise=0.0)
    gappy = whole[~whole["period"].isin(MONTHS[10:22])]
    found = interrupted_series(alone(gappy, start="2009-01"), harmonics=0)
    assert found.coefficients["estimate"].to_numpy() == pytest.approx([20, 0.3, 3, -0.4])


@pytest.mark.parametrize("lags", [None, 2])
def test_a_series_met_exactly_leaves_no_error_to_judge_by(lags):
    found = interrupted_series(alone(line(level=3, noise=0.0)), harmonics=0, lags=lags)
    assert math.isnan(found.p_value)
    assert "fits every value exactly" in found.warnings[0]


def test_a_count_that_never_changes_shows_no_variance_to_scale_errors_by():
    frame = counts(rate_ratio=1.0, n_areas=24, n_periods=40)
    frame.loc[frame["area_code"] == "E000", "events"] = 7
    asked = counted(frame, 1)
    with pytest.raises(PanelError, match=r"is 7 on every date.*family=\"poisson\""):
        interrupted_series(asked)
    assert math.isfinite(interrupted_series(asked, family="poisson").estimate)


def test_newey_west_errors_are_those_of_statsmodels():
    frame = line(level=3)
    found = interrupted_series(alone(frame), harmonics=0, lags=3)
    x = np.column_stack([np.ones(48), np.arange(1.0, 49), found.model.model.exog[:, 2:]])
    kinds = {"maxlags": 3, "use_correction": True}
    expected = sm.OLS(frame["rate"], x).fit(cov_type="HAC", cov_kwds=kinds)
    assert found.coefficients["se"].to_numpy() == pytest.approx(expected.bse.to_numpy())


def test_the_season_is_the_calendars_and_its_phase_does_not_matter():
    frame = line(level=3, noise=0.1)
    month = frame["period"].dt.month
    waved = frame.assign(rate=frame["rate"] + 4 * np.cos(2 * np.pi * (month - 2) / 12))
    assert interrupted_series(alone(waved)).estimate == pytest.approx(
        interrupted_series(alone(frame)).estimate, abs=1e-8
    )
    assert interrupted_series(alone(waved)).dispersion < 0.02


@pytest.mark.parametrize("family", ["gaussian", "poisson", "quasi_poisson"])
@pytest.mark.parametrize("controlled", [False, True])
def test_the_arithmetic_behind_placebos_is_that_of_statsmodels(family, controlled):
    asked = counted(counts(n_areas=24, n_periods=30, n_treated=1, seed=3), 1)
    groups = np.eye(24, dtype=bool)[[4, 9]]
    kept = np.ones(30, dtype=bool)
    outcome, people, groups = series._series(asked, kept, groups, family, controlled)
    terms = series._terms(series._design(asked, "both", 1, ()), series.CHANGES["both"], controlled)
    many = series.Stacked(outcome, people, *terms, family)
    estimates, errors, _ = many.of_all()
    for at in range(1 + len(groups)):
        own = None if people is None else people[[at]]
        one = series.Stacked(outcome[[at]], own, *terms, family)
        fit, _, covariance, _ = one.by_statsmodels(None)
        found = one.effects(fit.params[None], covariance[None])
        assert estimates[at] == pytest.approx(found[0][0], abs=1e-8)
        assert errors[at] == pytest.approx(found[1][0], abs=1e-8)


def test_a_rate_ratio_is_found_ranked_and_put_into_events():
    asked = counted(counts(rate_ratio=0.5, n_areas=40, n_periods=60, n_treated=1, seed=4), 1)
    found = interrupted_series(asked, change="level")
    assert found.relative_low < -0.5 < found.relative_high
    assert found.n_placebos >= 30
    assert "rank among" in found.inference
    assert found.observed == pytest.approx(found.counterfactual + found.estimate)
    assert found.multiplicative


def test_what_happened_everywhere_is_not_put_down_to_the_programme():
    frame = panel(n_areas=30, n_periods=48, n_treated=8, noise=0.5)
    shock = frame.assign(rate=frame["rate"] + 8.0 * (frame["period"] >= START))
    plain, beside = (
        interrupted_series(question(shock), controlled=how, harmonics=0) for how in (False, True)
    )
    assert plain.estimate > 5
    assert abs(beside.estimate) < 3
    assert (plain.maryland, beside.maryland) == (1, 3)
    assert list(beside.changes.index) == ["treated x level_change", "treated x slope_change"]


def test_a_series_without_others_says_that_its_interval_is_the_regressions_own():
    found = interrupted_series(alone(line(level=3)))
    assert "too few other areas to rank" in found.warnings[0]
    assert math.isfinite(found.p_value)
    walk = np.cumsum(np.random.default_rng(1).normal(size=48))
    drifting = interrupted_series(alone(line().assign(rate=walk)), harmonics=0)
    assert any("correlated from one period to the next" in said for said in drifting.warnings)


def test_ranks_keep_their_size_where_errors_of_the_series_would_not():
    """Areas that wander: the regression's own error finds something in most of them."""
    alarms, own = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        walks = rng.normal(0, 1, (30, 40)).cumsum(axis=1) + rng.normal(0, 0.3, (30, 40))
        frame = panel(n_areas=30, n_periods=40, n_treated=1).assign(rate=50 + walks.ravel())
        asked = question(frame, 1)
        found = interrupted_series(asked, harmonics=0)
        alarms += found.p_value <= 0.05
        own += abs(found.estimate / found.error) > 2.03
    assert alarms <= 8
    assert own > 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"family": "negative"}, "Choose from gaussian"),
        ({"change": "step"}, "Choose from level"),
        ({"harmonics": 9}, "from 0 to 6"),
        ({"lags": 40}, "from 0 to 24"),
        ({"lags": 1.5}, "from 0 to 24"),
    ],
)
def test_what_a_series_cannot_do_is_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        interrupted_series(alone(line()), **change)


@pytest.mark.parametrize(("side", "ratio"), [("before", "no bound"), ("after", "is zero")])
def test_counts_that_are_zero_on_one_side_have_no_rate_ratio(side, ratio):
    frame = counts(n_areas=24, n_periods=30, n_treated=1)
    early = frame["period"] < START
    gone = frame["area_code"].eq("E000") & (early if side == "before" else ~early)
    with pytest.raises(PanelError, match=ratio):
        interrupted_series(counted(frame.assign(events=frame["events"].mask(gone, 0)), 1))


# Structural forecasts -----------------------------------------------------------------------------

PERIODS = pd.period_range("2008-01", periods=60, freq="M")


def world(*, effect: float = 0.0, drift: float = 0.1, noise: float = 1.0, seed: int = 0):
    """Twenty-four areas that share a wandering path, each with a little drift of its own."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=60).cumsum()
    own = np.cumsum(rng.normal(0, drift, (24, 60)), axis=1) + rng.normal(0, noise, (24, 60))
    rate = 20 + shared + rng.normal(size=(24, 1)) + own
    rate[0, 40:] += effect
    return pd.DataFrame(
        {
            "area_code": np.repeat(codes(24), 60),
            "period": np.tile(PERIODS, 24),
            "rate": rate.ravel(),
        }
    )


def forecast(frame: pd.DataFrame, **options):
    return structural_effect(question(frame, 1, start="2011-05"), **options)


def test_an_effect_that_was_put_in_is_forecast_and_ranked():
    found = forecast(world(effect=-5.0, drift=0.0, noise=0.2))
    assert found.estimate == pytest.approx(-5.0, abs=0.4)
    assert found.low < -5.0 < found.high < 0
    assert found.p_value == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    ("worlds", "least"), [(20, 16), pytest.param(60, 52, marks=pytest.mark.slow)]
)
def test_the_models_own_limits_cover_the_truth_about_as_often_as_they_claim(worlds, least):
    hits = 0
    for seed in range(worlds):
        found = forecast(world(seed=seed, effect=2.0))
        hits += abs(found.estimate - 2.0) <= 1.96 * found.error
    assert hits >= least


def test_the_comparison_areas_narrow_the_forecast():
    frame = world()
    own_past, helped = (forecast(frame, comparisons=how) for how in (False, True))
    assert helped.error < 0.7 * own_past.error
    assert own_past.maryland < helped.maryland
    assert "comparison areas" not in own_past.comparator


def test_the_effect_is_what_was_seen_less_the_forecast():
    found = forecast(world(effect=-5.0))
    after = found.paths[found.paths["period"] >= found.start]
    assert len(after) == 20
    assert found.estimate == pytest.approx((after["treated"] - after["comparison"]).mean())


@pytest.mark.parametrize("options", [{"trend": "trend"}, {"trend": "fixed"}, {"harmonics": 1}])
def test_other_models_of_the_past_find_it_too(options):
    found = forecast(world(effect=-9.0, drift=0.0, noise=0.3), **options)
    assert found.low < -9.0 < found.high


@pytest.mark.parametrize("comparisons", [True, False])
def test_a_straight_line_with_a_gap_of_four_years_has_no_effect(comparisons):
    years = np.r_[1985:2000, 2004:2008]
    rate = np.arange(24)[:, None] + 0.5 * (years - 1985)[None, :]
    rate = rate + np.random.default_rng(0).normal(0, 1e-3, rate.shape)
    frame = pd.DataFrame(
        {"area_code": np.repeat(codes(24), 19), "period": np.tile(years, 24), "rate": rate.ravel()}
    )
    asked = question(frame, 1, start=2004)
    found = structural_effect(asked, trend="trend", comparisons=comparisons)
    assert found.estimate == pytest.approx(0, abs=0.02)


def test_units_do_not_matter():
    frame = world(effect=-5.0)
    one, other = forecast(frame), forecast(frame.assign(rate=frame["rate"] * 100))
    assert other.estimate == pytest.approx(100 * one.estimate, rel=1e-9)
    assert other.high - other.low == pytest.approx(100 * (one.high - one.low), rel=1e-9)


def test_the_model_that_opens_is_the_same_local_level_by_statsmodels():
    """At one drift the closed form forecasts as statsmodels' Kalman filter does."""
    from lsp_analysis.effects.regressions import structural

    asked = question(world(), 1, start="2011-05")
    fit = structural_effect(asked, comparisons=False, harmonics=0).model
    noise, step = fit.params[:2]
    own = asked.level_of(asked.treated)[None]
    fixed = structural._fixed(asked, "level", 0)
    drift = np.array([step / noise])
    alone = np.empty((*own.shape, 0))
    means, *_ = structural._forecasts(own, alone, fixed, asked.event_time, drift)
    assert means[0] == pytest.approx(fit.forecast(20), rel=1e-4)
    assert "local level" in str(fit.summary())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"trend": "wavy"}, ParameterError, "level, trend, fixed"),
        ({"start": "2008-06"}, PanelError, "needs 10 or more"),
    ],
)
def test_what_a_forecast_cannot_do_is_refused(change, error, words):
    start = change.pop("start", "2011-05")
    with pytest.raises(error, match=words):
        structural_effect(question(world(), 1, start=start), **change)


def test_a_single_series_is_forecast_from_its_own_past():
    own = world(effect=-5.0).query("area_code == 'E000'")
    found = forecast(own, comparisons=False)
    expected = forecast(world(effect=-5.0), comparisons=False)
    assert found.estimate == pytest.approx(expected.estimate)
    assert "too few other areas" in found.warnings[0]
