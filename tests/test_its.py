"""Interrupted time series: segmented regressions, effects as they were put in, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from effect_worlds import START, codes, counts, panel
from statsmodels.stats.stattools import durbin_watson

from lsp_analysis.effects.regressions.its import interrupted_series
from lsp_analysis.effects.regressions.its_controlled import controlled_interrupted_series
from lsp_analysis.errors import PanelError, ParameterError


def series(
    *, level: float = 0.0, slope: float = 0.0, noise: float = 1.0, n: int = 48, seed: int = 0
) -> pd.DataFrame:
    """Changes after period 30 of `n`."""
    rng = np.random.default_rng(seed)
    t = np.arange(1, n + 1)
    y = 40 + 0.2 * t + level * (t > 30) + slope * np.maximum(t - 30, 0) + rng.normal(0, noise, n)
    return pd.DataFrame({"period": t, "y": y})


def monthly(*, rate_ratio: float = 1.0, seed: int = 0, people: float = 1.0) -> pd.DataFrame:
    """Ten years of counts with a season, changed in proportion from January 2009."""
    rng = np.random.default_rng(seed)
    periods = pd.period_range("2003-01", periods=120, freq="M")
    season = 0.3 * np.sin(2 * np.pi * np.arange(120) / 12)
    expected = 80 * np.exp(season + 0.002 * np.arange(120)) * people
    expected = expected * np.where(periods >= START, rate_ratio, 1.0)
    return pd.DataFrame({"period": periods, "n": rng.poisson(expected), "people": 1_000.0 * people})


def test_coefficients_and_errors_are_those_of_the_segmented_regression():
    data = series(level=-3, slope=0.2)
    t = data["period"].to_numpy()
    columns = np.column_stack([np.ones(48), t, t > 30, np.maximum(t - 30, 0)]).astype(float)
    model = sm.OLS(data["y"], columns)
    for lags, options in (
        (None, {}),
        (3, {"cov_type": "HAC", "cov_kwds": {"maxlags": 3, "use_correction": False}}),
    ):
        expected = model.fit(**options)
        found = interrupted_series(data, outcome="y", start=31, newey_west=lags).fit
        assert found.coefficients["estimate"].to_numpy() == pytest.approx(expected.params)
        assert found.coefficients["se"].to_numpy() == pytest.approx(expected.bse)
        assert found.durbin_watson == pytest.approx(durbin_watson(expected.resid))
    assert list(found.coefficients.index) == ["intercept", "time", "level_change", "slope_change"]


def test_without_noise_level_and_slope_are_found():
    found = interrupted_series(
        series(level=-3, slope=0.5, noise=1e-9), outcome="y", start=31, newey_west=1
    )
    assert found.changes["estimate"].to_numpy() == pytest.approx([-3.0, 0.5], abs=1e-6)
    assert found.estimate == pytest.approx(-3 + 0.5 * 9.5)
    gap = (found.paths["treated"] - found.paths["comparison"]).to_numpy()
    assert gap[30:] == pytest.approx(-3 + 0.5 * np.arange(1, 19), abs=1e-6)


@pytest.mark.parametrize("lags", [None, 2])
def test_a_series_met_exactly_leaves_no_error_to_judge_by(lags):
    data = series(level=-3, noise=0.0)
    found = interrupted_series(data, outcome="y", start=31, newey_west=lags)
    assert found.estimate == pytest.approx(-3)
    assert np.isnan([found.p_value, found.low, found.smallest_effect]).all()
    assert "met exactly" in found.warnings[0]


def test_a_period_that_is_missing_leaves_a_gap_in_time():
    whole = series(level=-3, slope=0.5, noise=1e-9)
    found = interrupted_series(whole.drop(index=[4, 5, 40]), outcome="y", start=31, newey_west=1)
    assert found.changes["estimate"].to_numpy() == pytest.approx([-3.0, 0.5], abs=1e-6)


@pytest.mark.parametrize("family", ["poisson", "quasi_poisson", "negative_binomial"])
def test_a_rate_ratio_is_covered_as_often_as_claimed(family):
    hits = 0
    for seed in range(40):
        found = interrupted_series(
            monthly(rate_ratio=0.85, seed=seed),
            outcome="n",
            start=START,
            family=family,
            harmonics=1,
            change="level",
        )
        hits += found.relative_low <= -0.15 <= found.relative_high
    assert hits / 40 >= 0.85


def test_the_season_is_read_off_the_periods_and_its_phase_does_not_matter():
    data = monthly(rate_ratio=0.85)
    options = {"outcome": "n", "start": START, "family": "quasi_poisson", "change": "level"}
    by_month = interrupted_series(data, harmonics=2, **options)
    by_cycle = interrupted_series(data, harmonics=2, cycle=12, **options)
    numbered = data.assign(period=range(5, 125))
    shifted = interrupted_series(numbered, harmonics=2, cycle=12, **(options | {"start": 77}))
    assert by_month.estimate == by_cycle.estimate == pytest.approx(shifted.estimate)


def test_all_harmonics_of_a_season_are_as_many_terms_as_it_has_periods():
    found = interrupted_series(monthly(), outcome="n", start=START, family="poisson", harmonics=6)
    assert "cos6" in found.fit.coefficients.index
    assert "sin6" not in found.fit.coefficients.index
    assert len(found.fit.coefficients) == 4 + 11


def test_an_offset_makes_rates_of_counts():
    """Twice the people with twice the events is the same rate, and the same effect on it."""
    one = interrupted_series(
        monthly(rate_ratio=0.7), outcome="n", start=START, family="poisson", population="people"
    )
    doubled = monthly(rate_ratio=0.7)
    doubled[["n", "people"]] = doubled[["n", "people"]] * 2
    two = interrupted_series(
        doubled, outcome="n", start=START, family="poisson", population="people"
    )
    assert two.relative == pytest.approx(one.relative)
    assert two.estimate == pytest.approx(2 * one.estimate)
    assert two.paths["treated"].to_numpy() == pytest.approx(one.paths["treated"].to_numpy())


def test_an_overdispersed_series_gets_wider_intervals():
    rng = np.random.default_rng(0)
    data = monthly()
    data["n"] = rng.negative_binomial(4, 4 / (4 + data["n"]))
    widths = {}
    for family in ("poisson", "quasi_poisson", "negative_binomial"):
        found = interrupted_series(
            data, outcome="n", start=START, family=family, harmonics=1, change="level"
        )
        widths[family] = found.changes.loc["level_change", "se"]
    assert widths["quasi_poisson"] > 2 * widths["poisson"]
    assert widths["negative_binomial"] == pytest.approx(widths["quasi_poisson"], rel=0.3)


def test_statsmodels_estimates_the_same_negative_binomial():
    rng = np.random.default_rng(0)
    data = monthly()
    data["n"] = rng.negative_binomial(4, 4 / (4 + data["n"]))
    found = interrupted_series(data, outcome="n", start=START, family="negative_binomial")
    t = np.arange(1, 121)
    columns = np.column_stack([np.ones(120), t, t > 72, np.maximum(t - 72, 0)]).astype(float)
    joint = sm.NegativeBinomial(data["n"], columns).fit(disp=0, method="nm", maxiter=5_000)
    assert found.fit.coefficients["estimate"].to_numpy() == pytest.approx(
        joint.params.to_numpy()[:-1], abs=1e-3
    )


def test_treated_areas_are_taken_together():
    frame = counts(n_areas=5, n_treated=2)
    together = frame[frame["area_code"].isin(codes(2))].groupby("period")[["events", "people"]]
    options = {"outcome": "events", "start": START, "family": "poisson", "population": "people"}
    one = interrupted_series(together.sum().reset_index(), **options)
    other = interrupted_series(frame, treated=codes(2), **options)
    assert other.estimate == pytest.approx(one.estimate)
    assert other.n_treated == 2


def test_what_happened_everywhere_is_not_put_down_to_the_programme():
    frame = panel(n_areas=12, n_treated=3, effect=-4.0, noise=0.3)
    everywhere = frame.assign(rate=frame["rate"] + 6.0 * (frame["period"] >= START))
    options = {"outcome": "rate", "treated": codes(3), "start": START, "change": "level"}
    alone = interrupted_series(everywhere, **options)
    found = controlled_interrupted_series(everywhere, **options)
    assert found.estimate == pytest.approx(-4.0, abs=0.8)
    assert found.estimate == pytest.approx(controlled_interrupted_series(frame, **options).estimate)
    assert alone.estimate > found.estimate + 3
    assert found.maryland > alone.maryland


def test_a_controlled_series_of_means_is_the_series_of_their_difference():
    frame = panel(n_areas=12, n_treated=3, effect=-4.0)
    treated = frame["area_code"].isin(codes(3))
    means = [frame[rows].groupby("period")["rate"].mean() for rows in (treated, ~treated)]
    difference = (means[0] - means[1]).rename("gap").reset_index()
    alone = interrupted_series(difference, outcome="gap", start=START, newey_west=2)
    found = controlled_interrupted_series(
        frame, outcome="rate", treated=codes(3), start=START, newey_west=2
    )
    assert found.estimate == pytest.approx(alone.estimate)
    assert found.changes["estimate"].to_numpy() == pytest.approx(
        alone.changes["estimate"].to_numpy()
    )
    assert found.changes["se"].to_numpy() == pytest.approx(alone.changes["se"].to_numpy())


def test_residuals_that_hang_together_are_warned_of():
    rng = np.random.default_rng(1)
    drift = np.zeros(48)
    for t in range(1, 48):
        drift[t] = 0.8 * drift[t - 1] + rng.normal()
    data = series(noise=0.1).assign(y=lambda f: f["y"] + drift)
    found = interrupted_series(data, outcome="y", start=31)
    assert "newey_west" in found.warnings[0]
    assert not interrupted_series(data, outcome="y", start=31, newey_west=4).warnings
    assert not interrupted_series(series(), outcome="y", start=31).warnings


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"family": "binomial"}, ParameterError, "gaussian, poisson"),
        ({"change": "jump"}, ParameterError, "level, slope, both"),
        ({"harmonics": 1}, ParameterError, "give `cycle`"),
        ({"population": "people"}, ParameterError, "goes with counts"),
        ({"start": 2}, PanelError, "1 period before"),
        ({"start": 48}, PanelError, "longer series"),
        ({"start": 49}, PanelError, "No period"),
        ({"outcome": "why"}, PanelError, "no column 'why'"),
        ({"newey_west": -1}, ParameterError, "from 0 to 24"),
        ({"newey_west": 2.5}, ParameterError, "whole number"),
        ({"harmonics": 3, "cycle": 4}, ParameterError, "half the 4 periods"),
        ({"covariates": ["period"]}, PanelError, "a combination of the others"),
    ],
)
def test_what_cannot_be_done_is_refused(change, error, words):
    data = series().assign(people=1_000.0)
    with pytest.raises(error, match=words):
        interrupted_series(data, **({"outcome": "y", "start": 31} | change))


def test_two_rows_for_a_period_are_refused():
    with pytest.raises(PanelError, match="more than once"):
        interrupted_series(pd.concat([series(), series().iloc[:1]]), outcome="y", start=31)


def test_a_result_can_be_said_and_drawn():
    import matplotlib

    matplotlib.use("Agg")
    found = interrupted_series(
        monthly(rate_ratio=0.7), outcome="n", start=START, family="poisson", harmonics=1
    )
    assert "the earlier trend" in found.sentence()
    assert found.plot().get_lines()


def test_where_the_slope_begins_to_count_moves_the_level_change_and_not_the_effect():
    frame = series(level=-3.0, slope=0.5)
    one, nought = (
        interrupted_series(frame, outcome="y", start=31, slope_from=place) for place in (1, 0)
    )
    jump = one.changes["estimate"].sum()
    assert nought.changes.loc["level_change", "estimate"] == pytest.approx(jump)
    assert [nought.estimate, nought.low] == pytest.approx([one.estimate, one.low])
    with pytest.raises(ParameterError, match="must be 1 or 0"):
        interrupted_series(frame, outcome="y", start=31, slope_from=2)


@pytest.mark.parametrize("form", ["dates", "text", "weeks"])
def test_a_date_that_is_missing_leaves_a_gap_in_time_and_the_season_is_read_off(form):
    months = pd.period_range("2005-01", periods=48, freq="M")
    dates = {
        "dates": months.to_timestamp(),
        "text": months.astype(str),
        "weeks": pd.date_range("2005-01-03", periods=48, freq="7D"),
    }[form]
    data = series(level=-3, slope=0.2)
    expected = interrupted_series(data.drop(index=[5, 40]), outcome="y", start=31)
    dated = data.assign(period=dates).drop(index=[5, 40])
    found = interrupted_series(dated, outcome="y", start=dates[30])
    assert found.estimate == pytest.approx(expected.estimate)
    if form != "weeks":
        season = interrupted_series(dated, outcome="y", start=dates[30], harmonics=2)
        given = interrupted_series(
            data.drop(index=[5, 40]), outcome="y", start=31, harmonics=2, cycle=12
        )
        assert season.estimate == pytest.approx(given.estimate)


@pytest.mark.parametrize("family", ["poisson", "quasi_poisson", "negative_binomial"])
@pytest.mark.parametrize(("nil", "words"), [("before", "has no bound"), ("after", "is nil")])
def test_counts_that_are_nil_before_or_after_have_no_rate_ratio(family, nil, words):
    data = monthly()
    after = data["period"] >= START
    data["n"] = data["n"].mask(after if nil == "after" else ~after, 0)
    options = {"outcome": "n", "start": START, "family": family}
    with pytest.raises(PanelError, match=words):
        interrupted_series(data, **options)
    both = pd.concat([data.assign(area_code="A"), monthly(seed=1).assign(area_code="B")])
    with pytest.raises(PanelError, match="in the treated areas"):
        controlled_interrupted_series(both, treated=["A"], **options)
