"""Two groups, two times: the double difference and its errors."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from lsp_analysis.effects.regressions.two_by_two import did_2x2
from lsp_analysis.errors import PanelError, ParameterError


@pytest.fixture
def houses() -> pd.DataFrame:
    """Repeated cross-sections: other houses after than before."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "near": rng.integers(0, 2, 200),
            "after": rng.integers(0, 2, 200),
            "age": rng.uniform(0, 80, 200),
            "kind": rng.choice(["flat", "terrace", "villa"], 200),
            "street": rng.integers(0, 15, 200),
        }
    )
    price = 90 + 5 * frame["after"] - 8 * frame["near"] - 6 * frame["near"] * frame["after"]
    return frame.assign(price=price - 0.1 * frame["age"] + rng.normal(0, 4, 200))


def test_without_covariates_it_is_the_double_difference_of_means(houses):
    found = did_2x2(houses, outcome="price", treated="near", post="after")
    mean = houses.groupby(["near", "after"])["price"].mean()
    assert found.estimate == pytest.approx(mean[1, 1] - mean[1, 0] - (mean[0, 1] - mean[0, 0]))
    assert found.means.loc[("treated", "after"), "mean"] == pytest.approx(mean[1, 1])
    assert found.means["n"].sum() == 200


@pytest.mark.parametrize("vcov", ["classical", "HC1", "HC3", "cluster"])
def test_errors_are_statsmodels_own(houses, vcov):
    found = did_2x2(
        houses,
        outcome="price",
        treated="near",
        post="after",
        covariates=["age", "kind"],
        vcov=vcov,
        cluster="street" if vcov == "cluster" else None,
    )
    options = {"cov_type": "nonrobust" if vcov == "classical" else vcov}
    if vcov == "cluster":
        options |= {"cov_kwds": {"groups": houses["street"]}, "use_t": True}
    expected = smf.ols("price ~ near * after + age + kind", houses).fit(**options)
    assert found.estimate == pytest.approx(expected.params["near:after"])
    assert found.se == pytest.approx(expected.bse["near:after"])
    if vcov == "classical":
        assert found.p_value == pytest.approx(expected.pvalues["near:after"])


def test_few_treated_clusters_withhold_the_test_and_not_the_error(houses):
    houses = houses.assign(
        street=np.where(houses["near"], houses["street"] % 3, houses["street"] + 20)
    )
    found = did_2x2(
        houses, outcome="price", treated="near", post="after", vcov="cluster", cluster="street"
    )
    assert math.isnan(found.p_value)
    assert found.se > 0
    assert "3 treated clusters" in found.warnings[0]


def test_an_empty_cell_is_refused(houses):
    houses = houses[(houses["near"] == 0) | (houses["after"] == 0)]
    with pytest.raises(PanelError, match="near = 1 and after = 1"):
        did_2x2(houses, outcome="price", treated="near", post="after")


def test_a_group_that_is_not_0_or_1_is_refused(houses):
    with pytest.raises(PanelError, match="only 0 and 1"):
        did_2x2(
            houses.assign(near=houses["near"] * 2), outcome="price", treated="near", post="after"
        )


def test_clustered_errors_need_the_name_of_the_clusters(houses):
    with pytest.raises(ParameterError, match="clusters"):
        did_2x2(houses, outcome="price", treated="near", post="after", vcov="cluster")


def test_a_covariate_already_there_and_weights_of_nil_are_refused(houses):
    options = {"outcome": "price", "treated": "near", "post": "after"}
    with pytest.raises(ParameterError, match="'near' is in the regression already"):
        did_2x2(houses, covariates=["near"], **options)
    with pytest.raises(ParameterError, match="above 0"):
        did_2x2(houses.assign(nil=0.0), weights="nil", **options)
    twice = did_2x2(houses, covariates=["street", "street"], **options)
    once = did_2x2(houses, covariates=["street"], **options)
    assert twice.estimate == once.estimate


@pytest.mark.parametrize("value", [5.0, 0.1, 1e6 / 3, -7.7])
def test_an_outcome_that_is_one_number_throughout_has_no_p_value(houses, value):
    found = did_2x2(houses.assign(price=value), outcome="price", treated="near", post="after")
    assert found.estimate == pytest.approx(0, abs=1e-9 * abs(value))
    assert math.isnan(found.p_value)
    assert any("every value is met exactly" in said for said in found.warnings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": ["price"]}, "not the name of a column"),
        ({"treated": ["near"]}, "not the name of a column"),
        ({"covariates": 5}, "not a list"),
        ({"post": "near"}, "no difference in differences"),
        ({"vcov": "nope"}, "not known"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(houses, changes, words):
    asked = {"outcome": "price", "treated": "near", "post": "after"} | changes
    with pytest.raises((PanelError, ParameterError), match=words):
        did_2x2(houses, **asked)


def test_one_covariate_may_be_named_by_itself(houses):
    asked = {"outcome": "price", "treated": "near", "post": "after"}
    alone, listed = (did_2x2(houses, **asked, covariates=c) for c in ("age", ["age"]))
    assert alone.estimate == listed.estimate
