"""Regressions with absorbed effects are the regressions with a dummy for each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from effect_worlds import START, codes, counts, panel

from lsp_analysis.effects.regressions.fixed_effects import two_way_regression
from lsp_analysis.effects.regressions.poisson import poisson_two_way
from lsp_analysis.errors import PanelError, ParameterError


@pytest.fixture(params=[1.0, 0.85], ids=["complete", "with gaps"])
def frame(request) -> pd.DataFrame:
    made = counts(rate_ratio=0.8, n_areas=14, n_periods=10, n_treated=6, seed=5)
    made = made.sample(frac=request.param, random_state=2).reset_index(drop=True)
    on = made["area_code"].isin(codes(6)) & (made["period"] >= START)
    return made.assign(on=on.astype(float), name=made["period"].astype(str))


@pytest.mark.parametrize("vcov", ["classical", "HC1", "cluster"])
@pytest.mark.parametrize("weights", [None, "people"])
def test_linear_coefficients_and_errors_are_those_with_dummies(frame, vcov, weights):
    found = two_way_regression(
        frame, outcome="rate", regressors=["on", "x"], vcov=vcov, weights=weights
    )
    groups = pd.factorize(frame["area_code"])[0]
    options = {
        "classical": {},
        "HC1": {"cov_type": "HC1"},
        "cluster": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[vcov]
    formula = "rate ~ on + x + C(area_code) + C(name)"
    model = (
        smf.ols(formula, frame)
        if weights is None
        else smf.wls(formula, frame, weights=frame[weights])
    )
    expected = model.fit(**options)
    for term in ("on", "x"):
        assert found.coefficients.loc[term, "estimate"] == pytest.approx(expected.params[term])
        assert found.coefficients.loc[term, "se"] == pytest.approx(expected.bse[term])
    assert found.absorbed == np.linalg.matrix_rank(model.exog) - 2


@pytest.mark.parametrize("vcov", ["classical", "overdispersed", "cluster"])
def test_poisson_coefficients_and_errors_are_those_with_dummies(frame, vcov):
    found = poisson_two_way(
        frame, outcome="events", regressors=["on", "x"], population="people", vcov=vcov
    )
    model = smf.glm(
        "events ~ on + x + C(area_code) + C(name)",
        frame,
        family=sm.families.Poisson(),
        offset=np.log(frame["people"]),
    )
    groups = pd.factorize(frame["area_code"])[0]
    options = {
        "classical": {},
        "overdispersed": {"scale": "X2"},
        "cluster": {"cov_type": "cluster", "cov_kwds": {"groups": groups}},
    }[vcov]
    expected = model.fit(tol=1e-12, **options)
    for term in ("on", "x"):
        assert found.coefficients.loc[term, "estimate"] == pytest.approx(expected.params[term])
        assert found.coefficients.loc[term, "se"] == pytest.approx(expected.bse[term], rel=1e-6)


def test_pyfixest_agrees_on_a_panel_with_gaps(frame):
    pf = pytest.importorskip("pyfixest")
    found = two_way_regression(frame, outcome="rate", regressors=["on", "x"])
    expected = pf.feols(
        "rate ~ on + x | area_code + name",
        data=frame,
        vcov={"CRV1": "area_code"},
        ssc=pf.ssc(k_fixef="full"),
    ).tidy()
    assert found.coefficients["estimate"].to_numpy() == pytest.approx(
        expected["Estimate"].to_numpy()
    )
    assert found.coefficients["se"].to_numpy() == pytest.approx(expected["Std. Error"].to_numpy())


def test_area_effects_within_clusters_need_not_be_counted(frame):
    """As in a regression of deviations from area means with a dummy per period."""
    found = two_way_regression(frame, outcome="rate", regressors=["on", "x"], count_nested=False)
    columns = frame[["rate", "on", "x"]].join(pd.get_dummies(frame["name"], dtype=float))
    within = columns - columns.groupby(frame["area_code"]).transform("mean")
    design = sm.add_constant(within.drop(columns=["rate", frame["name"].iloc[0]]))
    groups = pd.factorize(frame["area_code"])[0]
    expected = sm.OLS(within["rate"], design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert found.coefficients["se"].to_numpy() == pytest.approx(
        expected.bse[["on", "x"]].to_numpy()
    )


@pytest.mark.parametrize("regression", ["linear", "Poisson"])
def test_pyfixest_agrees_where_nested_effects_are_not_counted(frame, regression):
    pf = pytest.importorskip("pyfixest")
    pair = frame.assign(pair=pd.factorize(frame["area_code"], sort=True)[0] // 2)
    fit, ours, outcome = {
        "linear": (pf.feols, two_way_regression, "rate"),
        "Poisson": (pf.fepois, poisson_two_way, "events"),
    }[regression]
    formula = f"{outcome} ~ on + x | area_code + name"
    expected = fit(formula, data=pair, vcov={"CRV1": "pair"}).tidy()
    found = ours(pair, outcome=outcome, regressors=["on", "x"], cluster="pair", count_nested=False)
    assert found.coefficients["se"].to_numpy() == pytest.approx(
        expected["Std. Error"].to_numpy(), rel=1e-5
    )


def test_an_area_without_events_says_nothing_about_rates(frame):
    silent = frame[frame["area_code"] == "E013"].assign(area_code="E999", events=0)
    options = {"outcome": "events", "regressors": ["on"], "population": "people"}
    with_it = poisson_two_way(pd.concat([frame, silent]), **options)
    without = poisson_two_way(frame, **options)
    assert with_it.coefficients.equals(without.coefficients)


@pytest.mark.parametrize("name", ["people", "always"])
def test_a_column_that_the_effects_explain_is_refused_by_name(frame, name):
    frame = frame.assign(always=1.0)
    with pytest.raises(PanelError, match=f"'{name}' does not vary"):
        two_way_regression(frame, outcome="rate", regressors=["on", name])


def test_columns_that_say_the_same_thing_twice_are_refused(frame):
    frame = frame.assign(again=2 * frame["on"])
    with pytest.raises(PanelError, match="twice"):
        two_way_regression(frame, outcome="rate", regressors=["on", "again"])


def test_more_coefficients_than_rows_are_refused():
    few = panel(n_areas=2, n_periods=2)
    with pytest.raises(PanelError, match="4 rows cannot support 4 coefficients"):
        two_way_regression(few, outcome="rate", regressors=["x"])


@pytest.mark.parametrize(("nil", "words"), [(1, "is nil"), (0, "has no bound")])
def test_a_rate_of_nil_before_or_after_the_start_is_refused(frame, nil, words):
    mine = frame["area_code"].isin(frame.loc[frame["on"] > 0, "area_code"])
    frame = frame.assign(events=frame["events"].mask(mine & (frame["on"] == nil), 0))
    with pytest.raises(PanelError, match=words):
        poisson_two_way(frame, outcome="events", regressors=["on"], treatment="on")


def test_negative_counts_populations_of_nil_and_unknown_errors_are_refused(frame):
    with pytest.raises(PanelError, match="negative"):
        poisson_two_way(
            frame.assign(events=frame["events"] - 3), outcome="events", regressors=["on"]
        )
    with pytest.raises(PanelError, match="above 0"):
        poisson_two_way(
            frame.assign(people=0), outcome="events", regressors=["on"], population="people"
        )
    with pytest.raises(ParameterError, match="overdispersed"):
        poisson_two_way(frame, outcome="events", regressors=["on"], vcov="HC1")
    with pytest.raises(ParameterError, match="HC3"):
        two_way_regression(frame, outcome="rate", regressors=["on"], vcov="HC3")


@pytest.mark.parametrize("regression", [two_way_regression, poisson_two_way])
def test_text_where_a_number_is_needed_is_refused_by_name(frame, regression):
    options = {"outcome": "events", "regressors": ["on"]}
    with pytest.raises(PanelError, match="'on' is not a number"):
        regression(frame.assign(on="yes"), **options)
    with pytest.raises(PanelError, match="'events' is infinite"):
        regression(frame.assign(events=np.inf), **options)


@pytest.mark.parametrize(("n_treated", "withheld"), [(1, True), (4, True), (5, False)])
@pytest.mark.parametrize("dose", [1.0, -2.5])
def test_a_mark_of_few_treated_areas_is_known_for_one_without_being_named(
    n_treated, withheld, dose
):
    frame = panel(n_treated=n_treated, seed=2)
    on = frame["area_code"].isin(codes(n_treated)) & (frame["period"] >= START)
    frame = frame.assign(law=dose * on)
    found = two_way_regression(frame, outcome="rate", regressors=["law", "x"])
    assert found.coefficients["p_value"].isna().all() == withheld
    assert ("too small" in found.withheld) == withheld
    classical = two_way_regression(frame, outcome="rate", regressors=["law"], vcov="classical")
    assert classical.coefficients["p_value"].notna().all()
