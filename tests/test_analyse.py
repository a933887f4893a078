"""The analysis of a trial: as registered, as drawn, with everyone accounted for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_experiment import a_trial, at, drawn, outcomes_of, registered, with_rows

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.boundaries import final_alpha, holm
from lsp_analysis.experiments.analysis.comparison import contrast
from lsp_analysis.experiments.analysis.findings import analyse_trial, classify
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.analysis.side_results import bounds, fit_models, missing_table
from lsp_analysis.experiments.analysis.trial import unit_values
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.verification import verify

PEOPLE = ('summary = "clusters"', 'summary = "people"')
ALL_MODELS = ('models = ["ols"]', 'models = ["ols", "glm", "gee", "mixed"]')
WEDGE = (
    (
        'method = "blocked"',
        'method = "wedge"\nsteps = [4, 4, 4]\nperiods = ["q1", "q2", "q3", "q4"]',
    ),
    ('strata = ["district"]', ""),
)
SECOND = (
    "[estimand]",
    '[[secondary]]\nname = "burglaries"\nlabel = "burglary"\nunit = "per_1000"\n'
    'polarity = "low_is_good"\nmeasured = "By the police."\n[estimand]',
)
THREE_ARMS = (
    "[outcome]",
    '[[arms]]\nname = "letters"\nlabel = "Letters"\nrole = "active"\n[arms.tidier]\n'
    'why = "w"\nmaterials = "m"\nprocedures = "p"\nwho = "w"\nhow = "h"\nwhere = "w"\n'
    'dose = "d"\ntailoring = "t"\nfidelity = "f"\n[outcome]',
)


def wedge_trial(effect=0.0, seed=0, gaps=(), **options):
    """Twelve clusters, four quarters, levels and seasons that must not matter."""
    trial = a_trial(*WEDGE, *options.pop("swaps", ()), n=12, seed=seed, **options)
    rng = np.random.default_rng(seed)
    level, quarter = np.repeat(rng.normal(50, 10, 12), 4), np.tile(np.arange(4), 12)
    treated = quarter >= np.repeat(trial.drawn, 4) + 1
    value = level + 3 * quarter + effect * treated + rng.normal(0, 1, 48)
    rows = pd.DataFrame(
        {
            "unit": np.repeat(trial.units["unit"], 4),
            "period": np.tile(["q1", "q2", "q3", "q4"], 12),
            "incidents": value,
            "residents": 1000.0,
        }
    ).reset_index(drop=True)
    rows.loc[list(gaps), "incidents"] = np.nan
    return with_rows(trial, rows)


# The gate


def test_outcomes_are_refused_before_the_draw(tmp_path):
    folder = registered(tmp_path / "experiment")
    with pytest.raises(DesignError, match="No allocation is on record"):
        analyse(folder, outcomes_of(folder))
    assert [entry.kind for entry in open_experiment(folder).entries] == ["registered"]


def test_opening_outcomes_goes_on_record_once_per_file(tmp_path):
    folder = drawn(tmp_path / "experiment")
    for name, seed in (("outcomes.csv", 0), ("outcomes.csv", 0), ("other.csv", 1)):
        analyse(folder, outcomes_of(folder, name, seed), now=at(2011, 5, 1))
    experiment = open_experiment(folder)
    opened = [e.content for e in experiment.entries if e.kind == "analysed"]
    assert [one["file"] for one in opened] == ["outcomes.csv", "other.csv"]
    assert "again, with another file (other.csv)" in experiment.deviations["deviation"][0]
    found = verify(folder)
    assert found.holds
    assert "two analyses on record, of two outcomes files" in found.sentence()


def test_an_altered_allocation_stops_the_analysis(tmp_path):
    folder = drawn(tmp_path / "experiment")
    file = folder / "allocation.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("usual", "Usual"), encoding="utf-8")
    with pytest.raises(DesignError, match="was altered"):
        analyse(folder, outcomes_of(folder))


def test_outcomes_opened_before_the_planned_end_are_a_deviation(tmp_path):
    looks = '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]'
    folder = drawn(tmp_path / "experiment", ("[stopping]", looks))
    result = analyse(folder, outcomes_of(folder), now=at(2010, 12, 1))
    assert (
        "before the final analysis planned for 2011-04-30"
        in (open_experiment(folder).deviations["deviation"][0])
    )
    assert "One deviation on record." in result.cautions()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.rename(columns={"incidents": "incident"}), 'Did you mean "incident"'),
        (lambda t: t.assign(unit=["area-77", *t["unit"][1:]]), "first area-77"),
        (lambda t: t.drop(columns="unit"), "no column unit"),
    ],
)
def test_outcomes_that_do_not_fit_the_design_are_refused(tmp_path, change, said):
    folder = drawn(tmp_path / "experiment")
    file = outcomes_of(folder)
    change(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(DesignError, match=said):
        analyse(folder, file)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DesignError, match="no outcomes file"):
        analyse(drawn(tmp_path / "experiment"), tmp_path / "nowhere.csv")


# Intention to treat


@pytest.mark.parametrize("effect", [-12.0, 0.0, 12.0])
def test_the_effect_is_found_and_covered(effect):
    test = contrast(a_trial(effect=effect), a_trial().design.outcome).test
    assert test.low < effect < test.high
    assert test.estimate == pytest.approx(effect, abs=5)
    assert (test.p_value < 0.01) == (effect != 0)


def test_it_is_the_registered_regression():
    trial = a_trial(effect=-5)
    terms = np.column_stack(
        [np.ones(24), trial.drawn, trial.units["rate_before"], trial.scheme.blocks]
    )
    values = unit_values(trial, trial.design.outcome)["value"]
    fit = np.linalg.lstsq(terms, values, rcond=None)[0]
    assert contrast(trial, trial.design.outcome).test.estimate == pytest.approx(fit[1])


def test_the_order_of_rows_does_not_matter():
    trial = a_trial(effect=-5)
    shuffled = with_rows(trial, trial.rows.sample(frac=1, random_state=1))
    one, other = (contrast(t, t.design.outcome).test for t in (trial, shuffled))
    assert one == other


def test_people_weigh_where_the_estimand_is_of_people():
    trial = a_trial(PEOPLE)
    rows = trial.rows.assign(residents=np.where(np.arange(24) < 12, 100.0, 10_000.0))
    rows["incidents"] = rows["incidents"] / 1500 * rows["residents"]
    by_people = contrast(with_rows(trial, rows), trial.design.outcome)
    south = trial.drawn[12:] == 1
    value = unit_values(with_rows(trial, rows), trial.design.outcome)["value"].to_numpy()
    here = np.average(value[trial.drawn == 1], weights=rows["residents"][trial.drawn == 1])
    assert by_people.observed == pytest.approx(here)
    assert here == pytest.approx(value[12:][south].mean(), abs=1)


def test_a_unit_is_the_ratio_of_its_sums_and_not_the_mean_of_ratios():
    trial = a_trial(n=12)
    rows = pd.DataFrame(
        {"unit": ["area-00", "area-00"], "incidents": [1, 30], "residents": [100, 200]}
    )
    values = unit_values(with_rows(trial, rows), trial.design.outcome)
    assert values.loc["area-00", "value"] == pytest.approx(1000 * 31 / 300)
    assert values["value"].isna().sum() == 11


def test_two_arms_of_three_are_compared_whatever_the_third_did():
    trial = a_trial(THREE_ARMS, n=24)
    wild = trial.rows.copy()
    wild["incidents"] = wild["incidents"].where(trial.drawn != 2, 1e6)
    one, other = (contrast(t, t.design.outcome, 1).test for t in (trial, with_rows(trial, wild)))
    assert one == other


def test_few_allocations_are_warned_of():
    few = a_trial(n=8, effect=-50, spread=1.0)  # 36 allocations: at best p = 2 / 36
    result = analyse_trial(few)
    assert result.effects[0].p_value == pytest.approx(2 / 36)
    assert "no effect, however large" in result.sentence().replace("\n", " ")
    assert result.contrasts[0].smallest_effect == np.inf
    assert "can find no effect of any size" in result.power_lines()[0]
    assert not analyse_trial(a_trial(n=12)).contrasts[0].warnings


def test_more_adjustment_than_units_is_refused():
    with pytest.raises(DesignError, match="Adjust for less"):
        contrast(a_trial(n=4), a_trial().design.outcome)


# Wedges


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_wedge_finds_its_effect(share):
    between = ("level = 0.95", f"level = 0.95\nbetween = {share}")
    trial = wedge_trial(effect=-6.0, seed=1, swaps=[between])
    found = contrast(trial, trial.design.outcome)
    assert found.test.low < -6 < found.test.high
    assert found.test.p_value < 0.05
    assert found.test.n_allocations == 34_650  # 12! / (4! 4! 4!)


def test_a_wedge_compared_within_clusters_ignores_their_levels():
    trial = wedge_trial(effect=-2.0)
    moved = trial.rows.assign(
        incidents=trial.rows["incidents"] + 100.0 * trial.rows["unit"].str[-1].astype(int)
    )
    one, other = (contrast(t, t.design.outcome).test for t in (trial, with_rows(trial, moved)))
    assert one.estimate == pytest.approx(other.estimate)
    assert one.p_value == other.p_value


def test_a_wedge_with_gaps_is_analysed_with_a_level_per_cluster():
    trial = wedge_trial(
        effect=-6.0, seed=1, gaps=[5, 30], swaps=[("level = 0.95", "level = 0.95\nbetween = 0.3")]
    )
    found = contrast(trial, trial.design.outcome)
    assert found.cells["used"].sum() == 46
    assert found.test.low < -6 < found.test.high


def test_a_wedges_least_squares_are_those_of_its_matrices():
    trial = wedge_trial(effect=-2.0, swaps=[("level = 0.95", "level = 0.95\nbetween = 0.3")])
    own = 0.7 * np.eye(4) + 0.3
    inverse = np.kron(np.eye(12), np.linalg.inv(own))
    cells = contrast(trial, trial.design.outcome).cells
    before = np.repeat(trial.units["rate_before"].to_numpy(), 4)
    terms = np.column_stack([cells["treated"].astype(float), np.tile(np.eye(4), (12, 1)), before])
    by_hand = np.linalg.solve(terms.T @ inverse @ terms, terms.T @ inverse @ cells["value"])
    assert contrast(trial, trial.design.outcome).test.estimate == pytest.approx(by_hand[0])


def test_a_period_the_design_does_not_know_is_refused():
    trial = wedge_trial()
    with pytest.raises(DesignError, match='period "q9"'):
        with_rows(trial, trial.rows.assign(period=["q9", *trial.rows["period"][1:]]))


# Who is missing


def test_nobody_is_dropped_in_silence():
    trial = a_trial(effect=-5)
    rows = trial.rows.copy()
    rows.loc[[3, 7], "incidents"] = np.nan
    result = analyse_trial(with_rows(trial, rows.drop(index=11)))
    table = missing_table(result.trial).set_index("arm")
    assert table["units"].sum() == 24
    assert table["units_without"].sum() == 3
    names = ", ".join(table["names"])
    assert all(name in names for name in ("area-03", "area-07", "area-11"))
    assert any("missing: see the bounds" in text for text in result.cautions())
    assert result.contrasts[0].cells["used"].sum() == 21


def test_bounds_hold_whatever_the_missing_were():
    whole = a_trial(effect=-5)
    truth = contrast(whole, whole.design.outcome).test.estimate
    rows = whole.rows.copy()
    rows.loc[[2, 9, 15, 20], "incidents"] = np.nan
    table = bounds(with_rows(whole, rows), whole.design.outcome).set_index("case")["estimate"]
    assert table["most in favour of the arm"] <= truth <= table["most against the arm"]
    assert (
        table["most in favour of the arm"] <= table["as observed"] <= table["most against the arm"]
    )


def test_without_gaps_there_is_nothing_to_bound():
    trial = a_trial()
    assert bounds(trial, trial.design.outcome)["case"].tolist() == ["as observed"]


def test_people_who_dropped_out_are_counted_and_bounded():
    trial = a_trial(people=20, effect=-5)
    rows = trial.rows.copy()
    rows.loc[rows.index[::10], "incidents"] = np.nan
    lost = with_rows(trial, rows)
    table = missing_table(lost)
    assert table["rows_without"].sum() == 48
    assert (table["rows_without"] / table["rows"]).mean() == pytest.approx(0.1)
    spread = bounds(lost, trial.design.outcome)["estimate"]
    assert spread.max() - spread.min() > 3


def test_an_arm_without_any_outcome_is_said():
    trial = a_trial()
    rows = trial.rows.copy()
    rows.loc[trial.drawn == 1, "incidents"] = np.nan
    with pytest.raises(DesignError, match="No unit of the arm that is tried"):
        contrast(with_rows(trial, rows), trial.design.outcome)


def test_gaps_in_a_covariate_are_filled_and_said():
    trial = a_trial()
    units = trial.units.copy()
    units.loc[3, "rate_before"] = np.nan
    found = contrast(replace(trial, units=units), trial.design.outcome)
    assert "rate_before was missing" in found.warnings[0]


# Models


def test_models_on_clusters_agree_with_the_registered_estimate():
    trial = a_trial(ALL_MODELS, effect=-8)
    table = fit_models(trial, trial.design.outcome)
    own = contrast(trial, trial.design.outcome).test.estimate
    assert table["estimate"][0] == pytest.approx(own)
    assert table["estimate"][1] == pytest.approx(own, abs=1.5)
    assert table["note"][2:].tolist() == ["needs several rows per cluster"] * 2
    assert (table["clusters"] == 24).all()


def test_models_on_people_agree_where_clusters_are_of_one_size():
    trial = a_trial(ALL_MODELS, effect=-8, people=15)
    table = fit_models(trial, trial.design.outcome)
    own = contrast(trial, trial.design.outcome).test.estimate
    assert table["estimate"].to_numpy() == pytest.approx(np.full(4, own), abs=1e-3)
    assert (table["rows"] == 360).all()
    assert {"low", "high", "p_value"}.isdisjoint(table)  # intervals are the registered test's alone


def test_shares_are_binomial_and_stay_in_points():
    trial = a_trial(
        ALL_MODELS,
        ('unit = "per 1,000 residents a year"', 'unit = "percent"'),
        ("multiplier = 1000.0", "multiplier = 100.0"),
        n=20,
    )
    rng = np.random.default_rng(3)
    rows = trial.rows.assign(residents=200)
    rows["incidents"] = rng.binomial(200, 0.4 - 0.1 * (trial.drawn == 1))
    shares = with_rows(trial, rows)
    table = fit_models(shares, trial.design.outcome)
    assert table["estimate"][:2].to_numpy() == pytest.approx([-10, -10], abs=3)
    assert bounds(shares, trial.design.outcome)["estimate"][0] == pytest.approx(-10, abs=3)


def test_a_wedge_has_its_mixed_model():
    trial = wedge_trial(effect=-6.0, swaps=[ALL_MODELS])
    table = fit_models(trial, trial.design.outcome).set_index("model")["estimate"]
    assert table.filter(like="Mixed").iloc[0] == pytest.approx(-6, abs=1)


def test_a_model_that_cannot_be_fitted_says_so():
    trial = a_trial(ALL_MODELS, n=4)
    assert fit_models(trial, trial.design.outcome)["note"].str.contains("more is adjusted").all()


# Other outcomes, subgroups, compliers


@pytest.mark.slow
def test_secondary_outcomes_are_adjusted_for_their_number():
    trial = a_trial(SECOND, THREE_ARMS, n=30)
    rng = np.random.default_rng(5)
    rows = trial.rows.assign(burglaries=rng.normal(10, 1, 30) - 4 * (trial.drawn == 1))
    table = analyse_trial(with_rows(trial, rows)).secondary
    assert len(table) == 2
    assert table["p_value"][0] < 0.01
    primary = analyse_trial(with_rows(trial, rows)).effects
    for row, one in zip(table.itertuples(), primary, strict=True):  # an equal share for each arm
        assert row.p_adjusted == pytest.approx(min(1, 2 * max(row.p_value, one.p_value)))
    assert not table["is_harm"].any()


def test_holm_is_that_of_r():
    found = holm(pd.Series([0.01, 0.04, np.nan, 0.03]))
    assert found.to_numpy() == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)


def test_only_declared_subgroups_are_looked_at():
    assert analyse_trial(a_trial()).subgroups.empty
    trial = a_trial(("subgroups = []", 'subgroups = ["district", "rate_before"]'), n=40)
    rows = trial.rows.copy()
    rows["incidents"] -= 1.5 * 20 * ((trial.drawn == 1) & (np.arange(40) < 20))
    table = analyse_trial(with_rows(trial, rows)).subgroups.set_index("category")
    assert table.loc["north", "estimate"] == pytest.approx(-20, abs=5)
    assert table.loc["south", "estimate"] == pytest.approx(0, abs=5)
    assert table["units"][:2].sum() == 40
    assert table.index[2].startswith("above")


def test_compliers_gain_what_all_gain_over_the_share_that_complied():
    trial = a_trial(effect=-6)
    half = np.where(np.arange(24) % 2, 1.0, 0.2)
    rows = trial.rows.assign(received=np.where(trial.drawn == 1, half, 0.0))
    result = analyse_trial(with_rows(trial, rows))
    row = result.compliers.iloc[0]
    assert row["received_in_control"] == 0
    assert 0.2 < row["received_in_arm"] < 1
    assert row["p_value"] == result.effects[0].p_value
    assert abs(row["estimate"]) > abs(result.effects[0].estimate)


def test_what_was_received_must_be_known_where_the_outcome_is():
    trial = a_trial()
    rows = trial.rows.assign(received=np.where(np.arange(24) == 3, np.nan, 1.0))
    with pytest.raises(DesignError, match="Enter 0 for those that got nothing"):
        analyse_trial(with_rows(trial, rows))


# What it means


@pytest.mark.parametrize(
    ("low", "high", "significant", "kind"),
    [
        (-9, -6, True, "benefit"),
        (-9, -1, True, "benefit"),
        (-9, -1, False, "unclear"),
        (-4, -1, True, "no benefit"),
        (-9, 2, False, "unclear"),
        (-4, 2, False, "no benefit"),
        (-4, 20, False, "no benefit"),
        (1, 3, True, "harm"),
        (-np.inf, np.inf, False, "unclear"),
    ],
)
def test_a_finding_is_in_the_direction_that_is_good(low, high, significant, kind):
    outcome = a_trial().design.outcome
    middle = (low + high) / 2
    assert classify(middle, (low, high), significant, outcome, 5.0) == kind
    other = replace(outcome, polarity="high_is_good")
    assert classify(-middle, (-high, -low), significant, other, 5.0) == kind


def test_looks_widen_the_final_interval():
    looks = '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "{}"\n[stopping]'
    alphas = [
        final_alpha(a_trial(("[stopping]", looks.format(kind))).design)
        for kind in ("obrien_fleming", "pocock")
    ]
    assert analyse_trial(a_trial()).effects[0].level == 0.95
    # Two equally spaced looks after Lan and DeMets: z of 1.969 and 2.201 at the end.
    assert alphas == pytest.approx([0.0490, 0.0277], abs=1e-4)


def test_a_result_answers_as_all_results_do():
    result = analyse_trial(a_trial(effect=-15))
    frame = result.summary_frame()
    assert frame.index.tolist() == ["incidents"]
    assert frame["finding"].tolist() == ["works"]
    assert result.sentence().startswith("Evening wardens, against usual services: works.")
    assert result.plot() is not None
    assert result.forest_frame()["label"].tolist()[0] == "Evening wardens: registered"
    effect = result.effects[0]
    assert effect.expected == pytest.approx(effect.observed - effect.estimate)


@pytest.mark.slow
def test_power_told_is_power_found():
    # The smallest effect that is told would be found in about four experiments of five.
    told = [contrast(a_trial(seed=s), a_trial().design.outcome).smallest_effect for s in range(5)]
    effect = -float(np.mean(told))
    found = [
        contrast(a_trial(seed=s, effect=effect), a_trial().design.outcome).test.p_value <= 0.05
        for s in range(25)
    ]
    assert 0.6 < np.mean(found) < 0.95


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(incidents=-t["incidents"]), "which cannot be"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "area-01 has 2 rows of outcomes where most have"),
        (lambda t: t.assign(incidents="many"), 'column incidents: "many" is no number'),
    ],
)
def test_outcomes_that_cannot_be_right_are_refused(tmp_path, change, said):
    folder = drawn(tmp_path / "x")
    file = outcomes_of(folder)
    change(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(DesignError, match=said):
        analyse(folder, file, now=at(2011, 5, 1))


def test_an_outcome_that_is_the_same_everywhere_tells_nothing():
    trial = a_trial()
    rows = trial.rows.assign(incidents=10, residents=1000)
    with pytest.raises(DesignError, match="same everywhere"):
        contrast(with_rows(trial, rows), trial.design.outcome)
