"""Rounds: decisions on record, protocols that inherit, effects that pool."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from small_experiment import a_trial, at, drawn, outcomes_of

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.analysis.opening import analyse
from lsp_analysis.experiments.analysis.pooling import combine, pool_rounds
from lsp_analysis.experiments.protocol.reading import differences
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.experiments.record.registration import (
    draw_allocation,
    evidence_log,
    next_round,
    record_decision,
    register_design,
)
from lsp_analysis.experiments.record.verification import verify

DECIDE = {"arm": "wardens", "reason": "It works.", "by": "Lead agencies"}


@pytest.fixture
def done(tmp_path):
    """The folder of a finished round, and its result."""
    folder = drawn(tmp_path / "round-1")
    return folder, analyse(folder, outcomes_of(folder), now=at(2011, 5, 1))


def a_round(effect, number=1, seed=0, dose=""):
    trial = a_trial(effect=effect, n=24, seed=seed)
    arms = trial.design.arms
    if dose:
        arms = [arms[0], replace(arms[1], tidier=replace(arms[1].tidier, dose=dose))]
    return analyse_trial(replace(trial, design=replace(trial.design, round=number, arms=arms)))


# Decisions


def test_a_decision_is_a_row_of_the_evidence_log(done):
    folder, result = done
    row = record_decision(folder, decision="adapt", now=at(2011, 5, 9), **DECIDE)
    assert len(row) == 1
    assert row["decision"].tolist() == ["adapt"]
    assert row["estimate"][0] == pytest.approx(result.effects[0].estimate, abs=1e-6)
    assert row["finding"][0] == result.findings["wardens"]
    assert row["date"][0] == "2011-05-09"
    assert evidence_log([folder]).equals(row)
    assert verify(folder).holds


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"decision": "stopp"}, 'Did you mean "stop"'),
        ({"arm": "warden"}, 'Did you mean "wardens"'),
        ({"reason": " "}, "needs a reason"),
    ],
)
def test_a_decision_that_cannot_stand_is_refused(done, change, said):
    folder, _ = done
    with pytest.raises(DesignError, match=said):
        record_decision(folder, **({"decision": "stop"} | DECIDE | change))


def test_a_decision_rests_on_an_analysis(tmp_path):
    folder = drawn(tmp_path / "other")
    before = (folder / "register.jsonl").read_bytes()
    with pytest.raises(DesignError, match="No analysis is on record"):
        record_decision(folder, decision="stop", **DECIDE)
    assert (folder / "register.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("effect", "decision"), [(-60, "scale"), (-6, "continue"), (25, "stop"), (-4, "adapt")]
)
def test_the_registered_rule_points_to_a_decision(effect, decision):
    spread = {-4: 9.0}.get(effect, 3.0)
    result = analyse_trial(a_trial(effect=effect, n=24, spread=spread, seed=1))
    assert result.suggestions()["the rule points to"].tolist() == [decision]


def test_no_effect_worth_having_is_stopped():
    result = analyse_trial(a_trial(effect=0, n=40, spread=2.0))
    assert result.findings == {"wardens": "no benefit"}
    assert result.suggestions()["the rule points to"].tolist() == ["stop"]


# The next round


def test_the_next_round_inherits_the_protocol_and_names_where_it_comes_from(done, tmp_path):
    folder, _ = done
    second = next_round(folder, tmp_path / "round-2")
    shutil.copy(folder / "units.csv", second)
    register_design(second, now=at(2011, 6, 1))
    draw_allocation(second, text="Lottery of 11 June 2011: 1 2 3 4 5 6", now=at(2011, 6, 15))
    opened = open_experiment(second)
    assert opened.design.round == 2
    assert opened.design.inherits == open_experiment(folder).head
    designs = (open_experiment(one).design for one in (folder, second))
    changed = [line.split(":")[0] for line in differences(*designs)]
    assert changed == ["round", "inherits"]
    assert (opened.allocation["arm"] != open_experiment(folder).allocation["arm"]).any()


def test_a_round_is_not_written_over_another(done):
    folder, _ = done
    with pytest.raises(DesignError, match="is there already"):
        next_round(folder, folder)


def test_a_design_without_a_round_gets_one(tmp_path):
    folder = drawn(tmp_path / "round-1", ("round = 1\n", ""))
    second = next_round(folder, tmp_path / "round-2")
    shutil.copy(folder / "units.csv", second)
    register_design(second, now=at(2011, 6, 1))
    assert open_experiment(second).design.round == 2


# Pooling


def test_pooling_is_that_of_the_bcg_vaccine_trials():
    # Thirteen log risk ratios (Colditz and others 1994); R metafor rma(method="PM"):
    # estimate -0.7150, tau2 = 0.3181, with the plain standard error 0.1809.
    treated = np.array([[4, 119], [6, 300], [3, 228], [62, 13536], [33, 5036], [180, 1361],
                        [8, 2537], [505, 87886], [29, 7470], [17, 1699], [186, 50448],
                        [5, 2493], [27, 16886]])  # fmt: skip
    control = np.array([[11, 128], [29, 274], [11, 209], [248, 12619], [47, 5761], [372, 1079],
                        [10, 619], [499, 87892], [45, 7232], [65, 1600], [141, 27197],
                        [3, 2338], [29, 17825]])  # fmt: skip
    n_treated, n_control = treated.sum(axis=1), control.sum(axis=1)
    effects = np.log(treated[:, 0] / n_treated) - np.log(control[:, 0] / n_control)
    errors = np.sqrt(1 / treated[:, 0] - 1 / n_treated + 1 / control[:, 0] - 1 / n_control)
    estimate, low, high, tau, i2 = combine(effects, errors)
    assert estimate == pytest.approx(-0.7150, abs=5e-4)
    assert tau**2 == pytest.approx(0.3181, abs=1e-3)
    assert i2 == pytest.approx(0.92, abs=0.01)
    assert (high - low) / 2 > 2.1788 * 0.1809 - 1e-3


def test_rounds_that_agree_pool_to_less_doubt():
    rounds = [a_round(-10, number, seed=number) for number in (1, 2)]
    pooled = pool_rounds(rounds, arm="wardens")
    widths = [r.effects[0].high - r.effects[0].low for r in rounds]
    assert pooled.high - pooled.low < min(widths)
    assert pooled.low < -10 < pooled.high
    assert pooled.summary_frame()["label"].tolist() == ["Round 1", "Round 2", "These two rounds"]
    assert "a third may differ from both" in pooled.sentence()
    assert pooled.plot() is not None


@pytest.mark.parametrize("tau", [0.0, 2.0])
@pytest.mark.parametrize("n_rounds", [2, 3, 5])
def test_the_interval_covers_what_it_is_of(n_rounds, tau):
    """Of two rounds their own weighted mean, of more the mean of rounds like these."""
    rng = np.random.default_rng([n_rounds, int(tau)])
    covered = []
    for _ in range(600):
        error, true = rng.uniform(0.6, 1.4, n_rounds), rng.normal(0, tau, n_rounds)
        known = error * np.sqrt(rng.chisquare(20, n_rounds) / 20)
        _, low, high, *_ = combine(true + rng.normal(0, error), known, df=[20] * n_rounds)
        target = np.average(true, weights=known**-2) if n_rounds == 2 else 0.0
        covered.append(low <= target <= high)
    assert np.mean(covered) > 0.92  # 95% less three standard errors of 600


def test_a_changed_intervention_is_warned_of():
    same = [a_round(-10, number, seed=number) for number in (1, 2, 3)]
    assert not pool_rounds(same, arm="wardens").warnings
    changed = [*same[:2], a_round(-10, 3, seed=3, dose="Two evenings a week.")]
    warning = pool_rounds(changed, arm="wardens").warnings[0]
    assert "from round 2 to round 3 (dose)" in warning
    assert "family of interventions" in warning


def test_rounds_that_disagree_widen_the_interval():
    close = pool_rounds([a_round(-10, k, seed=k) for k in (1, 2, 3)], arm="wardens")
    apart = pool_rounds(
        [a_round(e, k, seed=k) for k, e in ((1, -30), (2, 0), (3, 15))], arm="wardens"
    )
    assert apart.tau > 10 > close.tau
    assert apart.i2 > 0.9
    assert apart.high - apart.low > 3 * (close.high - close.low)


def test_different_outcomes_do_not_pool():
    one, two = a_round(-10, 1), a_round(-10, 2)
    plan = two.design
    other = replace(two.trial, design=replace(plan, outcome=replace(plan.outcome, unit="percent")))
    with pytest.raises(DesignError, match="differ in unit"):
        pool_rounds([one, analyse_trial(other)], arm="wardens")


def test_one_round_is_nothing_to_pool():
    with pytest.raises(DesignError, match="Fewer than two rounds"):
        pool_rounds([a_round(-10)], arm="wardens")
