"""Difference-in-differences, event studies and the regression behind them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from effect_worlds import START, changed_areas, codes, counted, counts, panel, question
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lsp_analysis.effects import did, event_study, two_way_regression
from lsp_analysis.errors import PanelError, ParameterError


@pytest.fixture(params=[1.0, 0.85], ids=["complete", "with gaps"])
def frame(request) -> pd.DataFrame:
    made = counts(rate_ratio=0.8, n_areas=14, n_periods=10, n_treated=6, seed=5)
    made = made.sample(frac=request.param, random_state=2).reset_index(drop=True)
    on = made["area_code"].isin(codes(6)) & (made["period"] >= START)
    return made.assign(on=on.astype(float), name=made["period"].astype(str))


@pytest.mark.parametrize("errors", ["classical", "HC1", "area_code"])
@pytest.mark.parametrize("weights", [None, "people"])
def test_coefficients_and_errors_are_those_with_dummies(frame, errors, weights):
    found = two_way_regression(frame, "rate", ["on", "x"], errors=errors, weights=weights)
    groups = pd.factorize(frame["area_code"])[0]
    options = {
        "classical": {},
        "HC1": {"cov_type": "HC1"},
        "area_code": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[errors]
    formula = "rate ~ on + x + C(area_code) + C(name)"
    share = None if weights is None else frame[weights]
    model = smf.ols(formula, frame) if share is None else smf.wls(formula, frame, weights=share)
    expected = model.fit(**options)
    for term in ("on", "x"):
        assert found.coefficients.loc[term, "estimate"] == pytest.approx(expected.params[term])
        assert found.coefficients.loc[term, "se"] == pytest.approx(expected.bse[term])
    assert found.model.bse == pytest.approx(expected.bse[["on", "x"]].to_numpy())


def test_pyfixest_agrees(frame):
    pf = pytest.importorskip("pyfixest")
    found = two_way_regression(frame, "rate", ["on", "x"])
    expected = pf.feols(
        "rate ~ on + x | area_code + name", data=frame, vcov={"CRV1": "area_code"},
        ssc=pf.ssc(k_fixef="full"),
    ).tidy()  # fmt: skip
    shown = found.coefficients
    assert shown["estimate"].to_numpy() == pytest.approx(expected["Estimate"].to_numpy())
    assert shown["se"].to_numpy() == pytest.approx(expected["Std. Error"].to_numpy())


def test_a_mark_of_few_clusters_has_no_interval():
    frame = panel()
    few = frame["area_code"].isin(codes(3)) & (frame["period"] >= START)
    found = two_way_regression(frame.assign(on=1.0 * few), "rate", ["on"])
    assert found.coefficients[["low", "high", "p_value"]].isna().all(axis=None)
    assert "with 3 treated clusters" in found.withheld
    assert found.coefficients["se"].iloc[0] > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regressors": ["area"]}, "no column 'area'"),
        ({"regressors": ["fixed"]}, "does not vary once area and period effects"),
        ({"regressors": ["x", "twice"]}, "collinear"),
        ({"weights": "none"}, "must be above 0"),
        ({"outcome": "name"}, "is not a number"),
    ],
)
def test_what_cannot_be_regressed_is_refused(change, words):
    frame = panel().assign(
        fixed=lambda f: f["area_code"].str[1:].astype(int), twice=lambda f: 2 * f["x"], none=0,
        name="a",
    )  # fmt: skip
    options = {"outcome": "rate", "regressors": ["x"]} | change
    with pytest.raises((PanelError, ParameterError), match=words):
        two_way_regression(frame, **options)


# Difference-in-differences ------------------------------------------------------------------------


def test_without_noise_the_effect_is_found_exactly_and_no_error_is_made_up():
    found = did(question(panel(effect=-3.5, noise=0.0)))
    assert found.estimate == pytest.approx(-3.5)
    assert found.counterfactual - found.observed == pytest.approx(3.5)
    gap = found.paths["treated"] - found.paths["comparison"]
    assert gap.to_numpy() == pytest.approx(np.repeat([0.0, -3.5], 12), abs=1e-9)
    assert math.isnan(found.p_value)
    assert "fits every value exactly" in found.warnings[0]


def test_intervals_cover_the_truth_as_often_as_they_claim():
    hits = 0
    for seed in range(100):
        found = did(question(panel(effect=1.0, n_areas=24, n_periods=8, seed=seed)))
        hits += found.low <= 1.0 <= found.high
    assert 0.89 <= hits / 100 <= 0.99


@settings(max_examples=10, deadline=None)
@given(
    shift=st.floats(-50, 50), scale=st.floats(0.1, 10), trend=st.floats(-2, 2),
    seed=st.integers(0, 100),
)  # fmt: skip
@pytest.mark.parametrize("n_treated", [1, 8])
def test_names_order_units_and_common_trends_do_not_matter(n_treated, shift, scale, trend, seed):
    frame = panel(effect=2.0, seed=seed)
    names = dict(zip(codes(30), np.random.default_rng(seed).permutation(codes(30)), strict=True))
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    moved = frame.assign(rate=scale * frame["rate"] + shift + trend * step)
    changed = changed_areas(moved, names).sample(frac=1, random_state=seed)
    one = did(question(frame, n_treated))
    other = did(question(changed, treated=[names[c] for c in codes(n_treated)]))
    assert other.estimate == pytest.approx(scale * one.estimate, abs=1e-8)
    assert other.high - other.low == pytest.approx(scale * (one.high - one.low), rel=1e-6)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-5, abs=1e-12)


def test_errors_clustered_by_few_treated_areas_are_withheld_and_placebos_are_the_default():
    asked = question(panel(n_treated=1, effect=9.0), 1)
    clustered, ranked = did(asked, inference="clustered"), did(asked)
    assert math.isnan(clustered.p_value)
    assert "with 1 treated cluster" in clustered.warnings[0]
    assert ranked.p_value == pytest.approx(1 / 30)
    assert ranked.low < 9.0 < ranked.high
    assert ranked.estimate == clustered.estimate


def test_the_withheld_error_would_have_been_far_too_small():
    """Why it is withheld: with one treated area the clustered t would reject most of the time."""
    tried = [did(question(panel(seed=s), 1), inference="clustered") for s in range(40)]
    assert np.mean([abs(found.estimate / found.error) > 2.05 for found in tried]) > 0.5


@pytest.mark.parametrize("n_treated", [1, 3])
def test_each_placebo_is_what_the_regression_finds_with_it_in_the_treated_areas_place(n_treated):
    """The arithmetic behind placebos and the regression by statsmodels are one."""
    asked = question(panel(n_areas=16), n_treated)
    found = did(asked, inference="placebo")
    assert found.model.params[0] == pytest.approx(found.estimate, abs=1e-8)
    codes_of = found.placebos["areas"].str.split()
    for at in (0, 5):
        own = asked.areas.isin(codes_of[at])
        kept = asked.comparison
        other = did(replace(asked, treated=own).among(kept), inference="clustered")
        assert other.model.params[0] == pytest.approx(found.placebos["estimate"][at], abs=1e-8)


def test_the_model_opens_in_statsmodels_with_the_same_error():
    found = did(question(panel(effect=1.0)))
    assert found.model.bse[0] == pytest.approx(found.error)
    assert found.model.pvalues[0] == pytest.approx(found.p_value)
    assert "treatment" in str(found.model.summary())


def test_a_missing_value_drops_a_row_and_not_an_area():
    frame = panel(effect=2.0, noise=0.0)
    frame.loc[[3, 40, 500], "rate"] = np.nan
    assert did(question(frame)).estimate == pytest.approx(2.0)


def test_a_covariate_that_moved_at_the_start_no_longer_biases():
    frame = panel(effect=2.0, noise=0.0)
    on = frame["area_code"].isin(codes(8)) & (frame["period"] >= START)
    frame["x"] = frame["x"] + 3 * on
    frame["rate"] = frame["rate"] + 1.5 * frame["x"]
    assert did(question(frame)).estimate > 5
    with_it = two_way_regression(frame.assign(on=1.0 * on), "rate", ["on", "x"])
    assert with_it.coefficients.loc["on", "estimate"] == pytest.approx(2.0)


def test_changes_of_areas_are_compared_by_welchs_t():
    frame = panel(effect=1.0)
    after = frame["period"] >= START
    by_area = [rows.groupby("area_code")["rate"].mean() for rows in (frame[after], frame[~after])]
    changes = by_area[0] - by_area[1]
    expected = stats.ttest_ind(changes[:8], changes[8:], equal_var=False)
    found = did(question(frame), inference="welch")
    assert found.estimate == pytest.approx(changes[:8].mean() - changes[8:].mean())
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    with pytest.raises(PanelError, match="two treated"):
        did(question(frame, 1), inference="welch")


def test_an_area_at_the_bad_end_is_cautioned_beside_the_finding_and_others_are_not():
    frame = panel(n_areas=60)
    levels = frame[frame["period"] < START].groupby("area_code")["rate"].mean()
    worst, middle = levels.idxmax(), levels.sort_values().index[30]
    asked = [
        question(frame, treated=[one]).named(polarity="low_is_good") for one in (worst, middle)
    ]
    cautions = [did(one).caution for one in asked]
    assert "regression to the mean" in cautions[0]
    assert cautions[1] == ""
    high = did(asked[0].named(polarity="high_is_good"))
    assert high.caution == ""
    drop = frame.assign(rate=frame["rate"] - 20.0 * (frame["area_code"].eq(worst)
                                                    & (frame["period"] >= START)))  # fmt: skip
    found = did(question(drop, treated=[worst]).named(polarity="low_is_good"))
    assert "worst tenth of areas" in found.sentence()


# Event studies ------------------------------------------------------------------------------------


def test_every_period_is_found_without_noise():
    frame = panel(noise=0.0)
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    growing = np.where(frame["area_code"].isin(codes(8)) & (step >= 0), step + 1.0, 0.0)
    found = event_study(question(frame.assign(rate=frame["rate"] + growing)))
    table = found.coefficients.set_index("relative_period")["estimate"]
    expected = [max(0.0, k + 1.0) for k in table.index]
    assert table.to_numpy() == pytest.approx(expected, abs=1e-8)
    assert list(table.index) == list(range(-12, 12))
    assert found.estimate == pytest.approx(6.5)
    gap = (found.paths["treated"] - found.paths["comparison"]).to_numpy()
    assert gap == pytest.approx(expected, abs=1e-8)


def test_pyfixest_finds_the_same_effects_and_errors():
    pf = pytest.importorskip("pyfixest")
    frame = panel(n_periods=8, effect=1.0).sample(frac=0.9, random_state=0)
    found = event_study(question(frame)).coefficients.set_index("relative_period")
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    treated = frame["area_code"].isin(codes(8)).astype(int)
    expected = pf.feols(
        "rate ~ i(step, treated, ref=-1) | area_code + step",
        data=frame.assign(step=step, treated=treated).drop(columns="period"),
        vcov={"CRV1": "area_code"},
        ssc=pf.ssc(k_fixef="full"),
    ).tidy()
    shown = found.drop(index=-1)
    assert shown["estimate"].to_numpy() == pytest.approx(expected["Estimate"].to_numpy())
    assert shown["se"].to_numpy() == pytest.approx(expected["Std. Error"].to_numpy())


def test_one_treated_area_is_ranked_and_the_estimates_do_not_depend_on_it():
    asked = question(panel(n_treated=1, effect=9.0), 1)
    ranked, clustered = (event_study(asked, inference=how) for how in ("auto", "clustered"))
    assert ranked.p_value == pytest.approx(1 / 30)
    assert ranked.low < 9.0 < ranked.high
    assert ranked.coefficients["estimate"].to_numpy() == pytest.approx(
        clustered.coefficients["estimate"].to_numpy(), abs=1e-8
    )
    assert math.isnan(clustered.p_value)


def uneven(effect: float = 0.0, drift: float = 0.0, noise: float = 0.3) -> pd.DataFrame:
    """Thirty areas in years that lie unevenly, the first of them drifting from the others."""
    years = np.array([2004, 2007, 2010, 2015, 2019])
    rng = np.random.default_rng(2)
    rate = 50 + rng.normal(0, 3, (30, 1)) + rng.normal(0, 1, 5) + rng.normal(0, noise, (30, 5))
    rate[0] += drift * (years - 2004) + effect * (years >= 2015)
    return pd.DataFrame(
        {"area_code": np.repeat(codes(30), 5), "period": np.tile(years, 30), "rate": rate.ravel()}
    )


def test_event_times_are_dates():
    found = event_study(question(uneven(), 1, start=2015))
    assert list(found.coefficients["relative_period"]) == [-11, -8, -5, 0, 4]


def test_a_restriction_that_there_is_not_is_refused():
    found = event_study(question(uneven(), 1, start=2015))
    with pytest.raises(ParameterError, match="smoothness"):
        found.honest_bounds("smothness")


@pytest.mark.parametrize(("n_areas", "n_periods"), [(31, 48), (31, 36), (13, 12)])
def test_smoothness_is_absent_where_placebos_do_not_tell_how_dates_vary_together(
    n_areas, n_periods
):
    """On such panels the bounds left out a true zero up to 63 times in 100, or there was no root
    of a variance below zero."""
    months = pd.period_range("2005-01", periods=n_periods, freq="M")
    rate = np.random.default_rng(1).normal(50, 1, n_areas * n_periods)
    frame = pd.DataFrame(
        {
            "area_code": np.repeat(codes(n_areas), n_periods),
            "period": np.tile(months, n_areas),
            "rate": rate,
        }
    )
    found = event_study(question(frame, 1, start=months[n_periods // 2]))
    absent = found.honest_bounds("smoothness")
    assert not absent
    assert f"from {n_areas - 1} placebos" in absent.sentence()
    assert "larger `width`" in absent.sentence()
    assert np.isfinite(found.honest_bounds().table[["low", "high"]]).all(axis=None)


def test_smoothness_of_effects_that_do_not_vary_is_absent():
    flat = uneven()
    flat["rate"] = pd.factorize(flat["area_code"])[0].astype(float)
    assert not event_study(question(flat, 1, start=2015)).honest_bounds("smoothness")


def test_a_straight_drift_over_uneven_dates_leaves_zero_within_smoothness_bounds():
    asked = question(uneven(drift=0.4, noise=1e-4), 1, start=2015)
    found = event_study(asked).honest_bounds("smoothness").table.set_index("violation").loc[0]
    assert found["low"] <= 0 <= found["high"]
    assert found["high"] - found["low"] < 0.05
    both = question(uneven(drift=0.4, effect=3.0, noise=1e-4), 1, start=2015)
    ends = event_study(both).honest_bounds("smoothness").table.set_index("violation").loc[0]
    assert ends["low"] <= 3.0 <= ends["high"]


def test_a_cross_table_larger_than_any_memory_is_refused():
    names = np.arange(20_000).astype(str)  # a period for each row, as when a column is mistaken
    rows = pd.DataFrame({"area_code": names, "period": names, "rate": 1.0, "on": 0.0})
    with pytest.raises(PanelError, match="20,000 areas by 20,000 periods is too large"):
        two_way_regression(rows, "rate", ["on"])


def test_months_can_share_an_effect_by_the_year():
    frame = panel(n_periods=60, effect=2.0, noise=0.0)
    found = event_study(question(frame), width=12)
    assert list(found.coefficients["relative_period"]) == [-2, -1, 0, 1]
    assert found.estimate == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"width": 0}, "1 or more"), ({"inference": "guess"}, "Choose from auto, placebo")],
)
def test_what_an_event_study_cannot_do_is_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        event_study(question(panel()), **change)


@pytest.mark.parametrize("method", [did, event_study])
def test_results_tabulate_say_and_draw_themselves(method):
    found = method(counted(counts(n_treated=1), 1))
    assert list(found.summary_frame().columns[:4]) == ["estimate", "low", "high", "p_value"]
    assert "than expected from the change of 29 comparison areas" in found.sentence()
    assert found.plot() is not None
    assert "Of 29 placebo neighbourhoods" in found.placebo_sentence()
