"""Wrong answers and open doors of experiments, each on its own case."""

import html
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from small_experiment import (
    FEW,
    NO_MODELS,
    a_trial,
    registered,
    with_rows,
)
from test_analyse import SECOND, THREE_ARMS, WEDGE, wedge_trial

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.comparison import contrast, simulated_power, smallest_found
from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.analysis.opening import look_at
from lsp_analysis.experiments.analysis.randomisation_test import redraws
from lsp_analysis.experiments.analysis.side_results import bounds, robust_slope
from lsp_analysis.experiments.draw.methods import blocked_scheme, scheme_of
from lsp_analysis.experiments.papers.result import flow_frame, result_page
from lsp_analysis.experiments.power.registered import planned_power

# Wedges with cells missing


def by_statsmodels(trial, share):
    """Generalised least squares on the cells observed."""
    cells = contrast(trial, trial.design.outcome).cells.reset_index(drop=True)
    used = cells["used"].to_numpy()
    unit, period = pd.factorize(cells["unit"])[0], pd.factorize(cells["period"])[0]
    before = trial.units["rate_before"].to_numpy()[unit]
    terms = [cells["treated"].to_numpy(float), *np.eye(4)[period].T, before]
    if share == 1:
        terms += [*np.eye(12)[unit].T]
        return sm.OLS(cells["value"][used], np.column_stack(terms)[used]).fit().params.iloc[0]
    same = unit[used][:, None] == unit[used][None, :]
    sigma = share * same + (1 - share) * np.eye(used.sum())
    terms = np.column_stack(terms)[used]
    return sm.GLS(cells["value"][used], terms, sigma=sigma).fit().params.iloc[0]


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("gaps", [[5], [5, 14, 30, 43], range(3, 48, 4), range(0, 4)])
def test_a_wedge_is_estimated_from_the_cells_observed(gaps, share):
    between = ("level = 0.95", f"level = 0.95\nbetween = {share}")
    trial = wedge_trial(effect=40.0, seed=3, gaps=gaps, swaps=[between, FEW])
    found = contrast(trial, trial.design.outcome)
    assert found.test.estimate == pytest.approx(by_statsmodels(trial, share), rel=1e-8)
    assert found.test.estimate == pytest.approx(40, abs=2)
    assert found.test.low > 35
    assert found.test.p_value < 0.05


def test_an_interim_wedge_can_be_looked_at():
    looks = '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n'
    trial = wedge_trial(effect=40, seed=1, swaps=[("[stopping]", f"{looks}[stopping]"), FEW])
    early = trial.rows[trial.rows["period"].isin(["q1", "q2"])]
    look = look_at(with_rows(trial, early), 1)
    assert np.isfinite(look.table["z"]).all()


def test_a_wedge_uses_what_is_registered():
    swaps = [("subgroups = []", 'subgroups = ["district"]'), SECOND, NO_MODELS, FEW]
    trial = wedge_trial(effect=-6.0, seed=1)
    plan = a_trial(*WEDGE, *swaps, n=12).design
    harms = replace(plan.harms, watched=["burglaries"])
    started = np.tile([0.0, 0.5, 1.0, 1.0], 12) * (trial.rows["incidents"] * 0 + 1)
    rows = trial.rows.assign(burglaries=np.random.default_rng(0).normal(9, 1, 48), received=started)
    rows["received"] *= contrast(trial, trial.design.outcome).cells["treated"].to_numpy()
    result = analyse_trial(replace(trial, design=replace(plan, harms=harms), rows=rows))
    assert result.compliers["estimate"].notna().all(), "real starting dates count"
    assert len(result.subgroups) == 2
    assert result.secondary["is_harm"].all()
    assert result.secondary["estimate"].notna().all()


def test_people_of_a_wedge_are_counted_once():
    people = flow_frame(analyse_trial(wedge_trial(swaps=[NO_MODELS, FEW])))
    assert people.loc[people["stage"] == "Analysed", "people"].sum() == 12 * 1000


# The power of the registered test


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        (blocked_scheme([f"u{i}" for i in range(8)], "ct"), None),
        (blocked_scheme([f"u{i}" for i in range(12)], "ct", blocks=np.arange(12) // 2), None),
        (blocked_scheme([f"u{i}" for i in range(8)], "ct", blocks=np.arange(8) // 4), 0.0),
    ],
    ids=["eight units", "six pairs", "two strata of four"],
)
def test_power_is_that_of_the_randomisation_test(scheme, expected):
    dummies = np.eye(scheme.blocks.max() + 1)[scheme.blocks]
    made = redraws(scheme, scheme.draw("k"), exposure=[0, 1], adjust=dummies)
    if expected is not None:
        assert simulated_power(made, 1e3, 1.0, level=0.95) == expected
        assert smallest_found(made, 1.0, level=0.95) == np.inf
        return
    size = smallest_found(made, 1.0, level=0.95)
    rng, found = np.random.default_rng(5), []
    for n in range(60):  # drawn, simulated and tested one by one
        row = scheme.draw(f"{n}")
        test = redraws(scheme, row, exposure=[0, 1], adjust=dummies)
        shown = rng.normal(size=(len(row), 20)) + size * row[:, None]
        found.append(test.p_values(shown) <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.045)


def test_a_design_that_can_never_find_an_effect_needs_acceptance(tmp_path):
    few = ('strata = ["district"]', 'strata = ["district"]\nblock_size = 2')
    folder = tmp_path / "x"
    with pytest.raises(DesignError, match="--accept REASON"):
        registered(
            folder,
            few,
            ('rate_before"]    # columns', 'rate_before"]    # columns'),
            ("level = 0.95", "level = 0.99"),
        )
    assert not (folder / "register.jsonl").exists()


def test_power_and_size_stand_with_an_uneven_design():
    swaps = (('role = "control"', 'role = "control"\nshare = 3'),)
    trial = a_trial(*swaps, n=8)
    told = planned_power(trial.design, trial.units, trial.scheme)
    row = told.table.iloc[0]
    assert row["uneven"]
    assert 0 <= row["size_varying"] < 0.25
    assert "Arms are uneven and small" in told.sentence()


def test_open_ends_are_said_and_never_infinity():
    page = result_page(analyse_trial(a_trial(n=8, spread=1.0)))
    assert "infinity" not in page
    assert "open" in page
    assert "no effect, however large, could have been found" in page


def test_the_finest_p_is_that_of_mirrored_allocations():
    trial = a_trial(n=8)
    tested = contrast(trial, trial.design.outcome).scheme
    assert tested.finest_p == pytest.approx(2 / trial.scheme.size)


# Many arms, and one answer


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))]
)
def test_a_finding_is_the_adjusted_p_values(seed):
    trial = a_trial(THREE_ARMS, NO_MODELS, FEW, n=24, effect=[-6.0, 0.0][seed % 2], seed=seed)
    result = analyse_trial(trial)
    for one in result.effects:
        assert (one.p_adjusted <= 0.05) == (not one.low <= 0 <= one.high)
        if one.kind in ("benefit", "harm"):
            assert one.p_adjusted <= 0.05
        assert one.p_adjusted >= one.p_value
    page = result_page(result)
    for one in result.effects:  # page and command say the same
        assert html.escape(one.sentence()) in page
        assert one.sentence() in result.sentence()


def test_what_was_registered_and_has_no_estimate_comes_first():
    trial = a_trial(('models = ["ols"]', 'models = ["mixed"]'), n=24)
    result = analyse_trial(trial)
    assert result.sentence().startswith("Model Mixed model, a level per unit (REML) was registered")


def test_the_statistic_of_two_plain_arms_is_welchs():
    rng = np.random.default_rng(2)
    drawn_arms, outcome = np.repeat([0, 1], [9, 3]), rng.normal(size=12)
    scheme = blocked_scheme([f"u{i}" for i in range(12)], "ct", [9, 3])
    statistic = redraws(scheme, drawn_arms, exposure=[0, 1]).statistics(outcome)[0]
    welch = stats.ttest_ind(outcome[9:], outcome[:9], equal_var=False).statistic
    assert statistic == pytest.approx(welch)


# Small-sample corrections


def test_degrees_of_freedom_are_those_of_imbens_and_kolesar():
    # Imbens and Kolesar (2016), the design with 27 controls and 3 treated: K = 2.5.
    treated = np.repeat([0.0, 1.0], [27, 3])
    terms = np.column_stack([np.ones(30), treated])
    *_, df = robust_slope(terms, np.random.default_rng(0).normal(size=30))
    assert df == pytest.approx(2.5, abs=0.05)


def test_the_robust_error_is_hc2():
    rng = np.random.default_rng(1)
    terms = np.column_stack([np.ones(20), rng.normal(size=(20, 2))])
    outcome = rng.normal(size=20)
    slope, error, _ = robust_slope(terms, outcome)
    theirs = sm.OLS(outcome, terms).fit(cov_type="HC2")
    assert (slope, error) == pytest.approx((theirs.params[2], theirs.bse[2]))


def test_the_robust_test_of_two_groups_is_welchs():
    rng = np.random.default_rng(3)
    treated = np.repeat([0.0, 1.0], [5, 4])
    outcome = rng.normal(size=9)
    slope, error, df = robust_slope(np.column_stack([np.ones(9), treated]), outcome)
    welch = stats.ttest_ind(outcome[5:], outcome[:5], equal_var=False)
    assert slope / error == pytest.approx(welch.statistic)
    assert 2 * stats.t.sf(abs(slope / error), df) == pytest.approx(welch.pvalue, abs=0.02)


# Missing outcomes


def test_lees_bounds_by_hand():
    # Of ten drawn a side, eight treated and six controls are known: a quarter of the treated, the
    # two highest or the two lowest, are trimmed (Lee 2009).
    plain = (
        ('method = "blocked"', 'method = "complete"'),
        ('strata = ["district"]\n', ""),
        ('covariates = ["rate_before"]', "covariates = []"),
        ('baseline = "rate_before"', 'baseline = ""'),
    )
    trial = a_trial(*plain, NO_MODELS, FEW, n=20)
    value = np.where(trial.drawn == 1, 0.0, 3.0)
    value[trial.drawn == 1] = np.arange(1.0, 11)
    value[np.flatnonzero(trial.drawn == 1)[8:]] = np.nan
    value[np.flatnonzero(trial.drawn == 0)[6:]] = np.nan
    rows = trial.rows.assign(incidents=value, residents=1000)
    found = bounds(with_rows(trial, rows), trial.design.outcome).set_index("case")["estimate"]
    assert found["as observed"] == pytest.approx(4.5 - 3)
    assert found["Lee, lower"] == pytest.approx(3.5 - 3)
    assert found["Lee, upper"] == pytest.approx(5.5 - 3)


def test_bounds_that_include_zero_leave_the_finding_open():
    trial = a_trial(NO_MODELS, n=24, effect=-6.0, seed=4)
    assert analyse_trial(trial).effects[0].kind != "unclear"
    rows = trial.rows.copy()
    value = rows["incidents"].where(trial.drawn == 0)
    rows.loc[value.nsmallest(6).index, "incidents"] = np.nan  # the best controls are lost
    result = analyse_trial(with_rows(trial, rows))
    lee = result.bounds.set_index("case")["estimate"]
    assert lee["Lee, lower"] <= result.effects[0].estimate <= lee["Lee, upper"]
    if lee["Lee, lower"] <= 0 <= lee["Lee, upper"]:
        assert result.effects[0].kind == "unclear"
        assert "Lee's bounds for missing outcomes include zero" in result.effects[0].sentence()


# Two factors


def factorial(n=32, effects=(-8.0, -4.0, 0.0), seed=0):
    active = 'role = "active"'
    letters = THREE_ARMS[1].replace("\n[outcome]", "\n")
    both = letters.replace('"letters"', '"both"')
    arms = letters.replace(active, f'{active}\nfactors = ["letters"]')
    arms += both.replace(active, f'{active}\nfactors = ["wardens", "letters"]')
    alone = (f"{active}\n", f'{active}\nfactors = ["wardens"]\n')
    swaps = (alone, ("[outcome]   ", f"{arms}\n[outcome]   "), NO_MODELS, FEW)
    trial = a_trial(*swaps, n=n, seed=seed)
    one, two = (np.isin(trial.drawn, having) for having in ((1, 3), (2, 3)))
    shift = effects[0] * one + effects[1] * two + effects[2] * (one & two)
    level = trial.rows["incidents"] / 1.5 - 0.0 * trial.drawn + shift
    return with_rows(trial, trial.rows.assign(incidents=1.5 * level))


def test_a_two_by_two_experiment_has_main_effects_and_an_interaction():
    result = analyse_trial(factorial())
    wardens, letters = result.effects
    assert wardens.estimate == pytest.approx(-8, abs=3.5)
    assert letters.estimate == pytest.approx(-4, abs=3.5)
    assert wardens.kind == "benefit"
    row = result.interaction.iloc[0]
    assert row["low"] < 0 < row["high"]
    strong = analyse_trial(factorial(effects=(0.0, 0.0, -20.0), seed=1)).interaction.iloc[0]
    assert strong["high"] < 0
    assert strong["estimate"] == pytest.approx(-20, abs=8)


# What was noticed as a user


def test_cells_of_a_wedge_without_a_row_are_missing_outcomes():
    trial = wedge_trial(swaps=[NO_MODELS, FEW])
    result = analyse_trial(with_rows(trial, trial.rows.drop(index=[5, 14, 30])))
    assert result.missing["rows"].sum() == 48
    assert result.missing["rows_without"].sum() == 3
    assert any(said.startswith("Three rows of outcomes are missing") for said in result.cautions())


def test_least_squares_of_a_wedge_agree_with_the_registered_estimate():
    trial = wedge_trial(
        effect=-6.0, seed=2, swaps=[FEW, ('covariates = ["rate_before"]', "covariates = []")]
    )
    result = analyse_trial(trial)
    assert result.models["estimate"].item() == pytest.approx(result.effects[0].estimate)


def test_a_factor_is_against_none_of_it():
    result = analyse_trial(factorial())
    assert result.effects[0].sentence().startswith("Evening wardens, against no evening wardens:")


def test_assumptions_stand_on_the_page_with_correlation_and_baseline():
    trial = a_trial(NO_MODELS, FEW, people=6, n=12)
    page = result_page(analyse_trial(trial))
    for said in (
        "The interval assumes the same effect in every unit",
        "Intracluster correlation of",
        "95% interval",
        "Before the start",
        "from 12 units of 6 people",
    ):
        assert said in page, said


def test_blocks_of_units_alike_before_promise_no_power():
    # Alike before is not alike after: the spread within such blocks says nothing of power.
    trial = a_trial(("sd = 6.0 ", "sd = 0.0 "), n=24)
    units = trial.units.sort_values("rate_before", ignore_index=True)
    found = [
        planned_power(trial.design, table, scheme_of(trial.design, table)).sd
        for table in (trial.units, units.assign(district=np.arange(24) // 4))
    ]
    assert found[0] == found[1] == pytest.approx(units["rate_before"].std())
