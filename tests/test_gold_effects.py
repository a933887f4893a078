"""Published evaluations, within the tolerance that stands beside each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lsp_analysis import Question
from lsp_analysis.effects import (
    calibrated_effect,
    did,
    interrupted_series,
    synthetic_control,
    synthetic_did,
    two_way_regression,
)

EIGHTIES = range(1980, 1989)
PREDICTORS = [
    ("lnincome", EIGHTIES, "mean"),
    ("retprice", EIGHTIES, "mean"),
    ("age15to24", EIGHTIES, "mean"),
    ("beer", range(1984, 1989), "mean"),
    ("cigsale", 1975),
    ("cigsale", 1980),
    ("cigsale", 1988),
]


def california(smoking: pd.DataFrame) -> Question:
    return Question.from_frame(
        smoking.rename(columns={"state": "area_code", "year": "period"}),
        outcome="cigsale", treated=["California"], start=1989,
        covariates=["lnincome", "retprice", "age15to24", "beer"],
    )  # fmt: skip


def case(folder: Path, name: str, file: str) -> tuple[pd.DataFrame, dict]:
    expected = json.loads((folder / name / "expected.json").read_text(encoding="utf-8"))
    return pd.read_csv(folder / name / file), expected


# Card and Krueger 1994 ---------------------------------------------------------------------------


@pytest.fixture
def stores(shared):
    return case(shared("gold"), "card_krueger", "card_krueger.csv")


def by_wave(stores: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """One row per store and wave."""
    waves = [
        stores[["sheet", *columns]].assign(
            store=stores.index, wave=wave, fte=stores[f"fte{wave + 1}"]
        )
        for wave in (0, 1)
    ]
    return pd.concat(waves, ignore_index=True)


def test_card_krueger_with_all_stores_that_answered(stores):
    """Two groups at two times: rows may be stores that answered once."""
    data, expected = stores
    waves = by_wave(data, ["state"]).assign(treatment=lambda f: f["state"] * f["wave"])
    found = two_way_regression(
        waves, "fte", ["treatment"], labels=("state", "wave"), errors="classical"
    )
    row = found.coefficients.loc["treatment"]
    assert row["estimate"] == pytest.approx(expected["did_all_available"], abs=1e-4)
    assert row["se"] == pytest.approx(expected["pooled_ols_se_all_available"], abs=1e-4)
    assert found.n_rows == expected["n_store_waves"]


def test_card_krueger_with_stores_that_answered_twice(stores):
    data, expected = stores
    expected = expected["balanced"]
    waves = by_wave(data.dropna(subset=["fte1", "fte2"]), ["state"])
    waves = waves.assign(treatment=waves["state"] * waves["wave"])
    by_store = two_way_regression(
        waves, "fte", ["treatment"], labels=("state", "wave"), errors="sheet"
    ).coefficients.loc["treatment"]
    asked = Question.from_frame(
        waves.assign(area_code=waves["store"], period=1992 + waves["wave"]),
        outcome="fte", treated="state", start=1993,
    )  # fmt: skip
    changes = did(asked, inference="welch")
    assert by_store["estimate"] == pytest.approx(expected["did"], abs=1e-4)
    assert by_store["se"] == pytest.approx(expected["crv1_by_store_se_statsmodels"], abs=1e-4)
    assert changes.estimate == pytest.approx(did(asked).estimate, rel=1e-12)
    assert changes.estimate == pytest.approx(expected["did"], abs=1e-4)
    assert changes.error == pytest.approx(expected["unpooled_se_of_changes"], abs=1e-4)


@pytest.mark.parametrize(
    ("model", "regressors"),
    [
        ("nj_only", ["state"]),
        ("nj_chain_owned", ["state", "chain2", "chain3", "chain4", "co_owned"]),
        ("gap_only", ["gap"]),
        ("gap_chain_owned", ["gap", "chain2", "chain3", "chain4", "co_owned"]),
    ],
)
def test_card_krueger_table_4_as_a_panel_of_two_waves(stores, model, regressors):
    data, expected = stores
    kept = data.dropna(subset=["fte1", "fte2", "wage_st"])
    kept = kept[kept["wage_st2"].notna() | (kept["status2"] == 3)]
    chains = {f"chain{k}": (kept["chain"] == k).astype(float) for k in (2, 3, 4)}
    waves = by_wave(kept.assign(**chains), regressors)
    waves[regressors] = waves[regressors].mul(waves["wave"], axis=0)
    found = two_way_regression(
        waves, "fte", regressors, labels=("store", "wave"), errors="classical"
    )
    row = found.coefficients.iloc[0]
    assert len(kept) == 357
    assert [row["estimate"], row["se"]] == pytest.approx(
        expected["table4_style_models_n357"][model], abs=1e-4
    )


# Kiel and McClain 1995 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "outcome", "covariates"),
    [
        ("did_rprice", "rprice", []),
        ("did_rprice_age_agesq", "rprice", ["age", "agesq"]),
        (
            "did_rprice_full(age agesq intst land area rooms baths)",
            "rprice",
            ["age", "agesq", "intst", "land", "area", "rooms", "baths"],
        ),
        ("did_lrprice", "lrprice", []),
        (
            "did_lrprice_full(age agesq lintst lland larea rooms baths)",
            "lrprice",
            ["age", "agesq", "lintst", "lland", "larea", "rooms", "baths"],
        ),
    ],
)
def test_kiel_and_mcclain(shared, key, outcome, covariates):
    houses, expected = case(shared("gold"), "kielmc", "kielmc.csv")
    houses = houses.assign(treatment=houses["nearinc"] * houses["y81"])
    found = two_way_regression(
        houses, outcome, ["treatment", *covariates], labels=("nearinc", "y81"), errors="classical"
    )
    row = found.coefficients.loc["treatment", ["estimate", "se", "p_value"]]
    assert list(row) == pytest.approx(expected[key], rel=1e-5)
    assert found.n_rows == expected["n"]


# Proposition 99 ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def smoking():
    from conftest import shared_path

    return case(shared_path("gold"), "prop99", "smoking.csv")


@pytest.fixture(scope="module")
def proposition_99(smoking):
    data, expected = smoking
    return synthetic_control(california(data), predictors=PREDICTORS), expected


@pytest.mark.slow
def test_proposition_99_with_its_predictors_is_no_local_optimum(proposition_99):
    found, expected = proposition_99
    published = expected["computed_here_Synth"]
    assert found.pre_mspe <= published["pre_mspe"]
    assert found.unique
    for state, weight in published["weights"].items():
        assert found.donor_weights[state] == pytest.approx(weight, abs=0.03)
    assert set(found.donor_weights.index[found.donor_weights > 0.03]) == set(published["weights"])
    paths = found.paths.set_index("period")
    gaps = paths["treated"] - paths["comparison"]
    for year, gap in published["gap_by_year"].items():
        assert gaps[str(year)] == pytest.approx(gap, abs=0.6)


@pytest.mark.slow
def test_proposition_99_ranks_first_of_39_with_predictors_and_third_without(proposition_99):
    found, expected = proposition_99
    assert (found.rank, found.n_ranked) == (1, 39)
    assert found.p_value == pytest.approx(expected["computed_here_Synth"]["placebo"]["p"])
    assert found.outcomes_only_rank == 3
    assert any("3 of 39 when only the outcomes" in warning for warning in found.warnings)


@pytest.mark.slow
def test_proposition_99_reports_its_starts_and_the_traps_among_them(proposition_99):
    found, expected = proposition_99
    trap = expected["computed_here_pysyncon"]["nelder_mead_from_equal_DEFAULT"]["pre_mspe"]
    assert found.starts["start"].iloc[0] == "equal weights"
    assert found.starts["fit_mspe"].min() >= found.pre_mspe * (1 - 1e-9)
    assert (found.starts["fit_mspe"] > 0.9 * trap).any()


def test_proposition_99_with_outcomes_only(smoking):
    data, expected = smoking
    expected = expected["outcome_only_convex_weights_computed_here"]
    found = synthetic_control(california(data))
    assert found.pre_mspe == pytest.approx(expected["pre_mspe"], abs=1e-3)
    assert found.estimate == pytest.approx(expected["att_1989_2000"], abs=0.05)
    assert found.fit_ratio == pytest.approx(expected["mspe_ratio"], rel=1e-3)
    assert (found.rank, found.p_value) == (3, pytest.approx(expected["p"]))
    for state, weight in expected["weights"].items():
        assert found.donor_weights[state] == pytest.approx(weight, abs=0.01)


def test_proposition_99_by_synthetic_did_is_the_published_number(smoking):
    """Arkhangelsky and others 2021, table 1: -15.6 packs; their software's weights."""
    found = synthetic_did(california(smoking[0]))
    assert found.estimate == pytest.approx(-15.604, abs=0.01)
    assert found.period_weights["1986":"1988"].to_numpy() == pytest.approx(
        [0.366, 0.206, 0.427], abs=0.002
    )
    assert found.donor_weights[["Nevada", "New Hampshire", "Connecticut"]].to_numpy() == (
        pytest.approx([0.124, 0.105, 0.078], abs=0.002)
    )


# Sicily smoking ban ------------------------------------------------------------------------------


@pytest.fixture
def sicily(shared):
    data, expected = case(shared("gold"), "sicily", "sicily.csv")
    months = pd.PeriodIndex.from_fields(year=data["year"], month=data["month"], freq="M")
    asked = Question.from_frame(
        data.assign(area_code="Sicily", period=months),
        outcome="aces", treated=["Sicily"], start="2005-01", population="stdpop", kind="events",
    )  # fmt: skip
    return asked, expected


@pytest.mark.parametrize(
    ("key", "family", "harmonics"),
    [
        ("m1_poisson", "poisson", 0),
        ("m2_quasipoisson", "quasi_poisson", 0),
        ("m3_quasi_harmonic", "quasi_poisson", 2),
    ],
)
def test_sicily_change_of_level(sicily, key, family, harmonics):
    asked, expected = sicily
    expected = expected[key]
    found = interrupted_series(asked, family=family, harmonics=harmonics, change="level")
    change = found.changes.loc["level_change"]
    assert change["estimate"] == pytest.approx(np.log(expected["rr"]), abs=1e-6)
    assert 1 + found.relative == pytest.approx(expected["rr"], abs=1e-6)
    assert change["se"] == pytest.approx(expected["se"], rel=1e-4)
    normal = np.exp(change["estimate"] + np.array([-1, 1]) * 1.959964 * change["se"])
    assert list(normal) == pytest.approx(expected.get("ci", list(normal)), rel=1e-5)
    if "dispersion" in expected:
        assert found.dispersion == pytest.approx(expected["dispersion"], rel=1e-4)
    if "p" in expected:
        assert found.p_value == pytest.approx(expected["p"], rel=1e-4)
        trend = found.coefficients.loc["time", "estimate"]
        assert trend == pytest.approx(expected["time_coef"], abs=1e-6)
        assert np.exp(12 * trend) == pytest.approx(expected["trend_per_year_rr"], abs=1e-6)


def test_sicily_change_of_level_and_slope(sicily):
    asked, expected = sicily
    expected = expected["m4_slope_change(time-36)"]
    found = interrupted_series(asked, harmonics=2).changes
    assert found.loc["level_change", "estimate"] == pytest.approx(
        expected["smokban_coef"], abs=1e-6
    )
    assert found.loc["level_change", "se"] == pytest.approx(expected["smokban_se"], rel=1e-4)
    slope = found.loc["slope_change", ["estimate", "se", "p_value"]]
    assert list(slope[:1]) == pytest.approx(expected["slope_change"][:1], abs=1e-6)
    assert list(slope[1:]) == pytest.approx(expected["slope_change"][1:], rel=1e-4)


# Seattle drug market initiative ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "last"),
    [("i_felony", 16), ("i_misdemea", 16), ("i_drugs", 16), ("any_crime", 16), ("any_crime", 14)],
)
def test_seattle_blocks_weighted_to_match_exactly(shared, outcome, last):
    data, expected = case(shared("gold"), "seattledmi", "seattledmi.csv.gz")
    spec = expected["spec"]
    assert expected["columns"][3:] == ["linear_p", "linear_lower_pct", "linear_upper_pct"]
    others = [name for name in spec["match_and_result"] if name != outcome]
    quarters = pd.period_range("2010Q1", periods=int(data["time"].max()), freq="Q")
    rows = data[data["time"] <= last]
    asked = Question.from_frame(
        rows.assign(area_code=rows[spec["id"]], period=quarters[rows[spec["time"]] - 1]),
        outcome=outcome, treated=spec["treat"], start=quarters[12],
        covariates=[*spec["match_covariates"], *others],
    )  # fmt: skip
    found = calibrated_effect(
        replace(asked, level=spec["confidence"]), covariates=spec["match_covariates"],
        match=others, alternative="less", independent_periods=True,
    )  # fmt: skip
    treated, control, change, p_value, *rest = expected[f"end_post_{last}"][outcome]
    assert found.total_observed == treated
    assert found.total_counterfactual == pytest.approx(control, abs=0.011)
    assert 100 * found.relative == pytest.approx(change, abs=0.051)
    assert found.p_value == pytest.approx(p_value, abs=6e-5)
    if last == 16:
        limits = [100 * found.relative_low, 100 * found.relative_high]
        assert limits == pytest.approx(rest, abs=0.051)
    assert found.n_treated == spec["n_treated"]
    assert len(found.balance) + 1 == spec["exact_constraints"]
