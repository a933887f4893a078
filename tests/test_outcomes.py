"""Many outcomes of one programme: one named beforehand, the others allowed for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import borough, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.outcomes.many import many_outcomes
from lsp_analysis.effects.question import Question
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.verdicts import causal_words

MADE = borough(4, effect=-1.2, mean_count=20)


def question(name: str, *, made=MADE, kind: str = "outcome", panel=None) -> Question:
    return Question(
        name=name,
        panel=made.panel if panel is None else panel,
        outcome="count",
        population="population",
        treated=MADE.treated,
        start=MADE.start,
        neighbours=MADE.neighbours,
        label=name.replace("_", " "),
        kind=kind,
    )


def noise(seed: int):
    """Counts of a borough without a programme, in the same areas and months."""
    return borough(seed, mean_count=20).panel


@pytest.fixture(scope="module")
def found():
    asked = [question("burglary")]
    asked += [question(f"other_{s}", panel=noise(s)) for s in range(20, 27)]
    asked += [question("quits", panel=noise(30), kind="behaviour")]
    return many_outcomes(asked, primary="burglary")


def test_all_outcomes_are_ranked_in_the_same_placebos(found):
    assert found.statistics.shape == (found.n_placebos + 1, 9)
    row = found.table.loc["burglary"]
    beaten = (found.statistics["burglary"][1:].abs() >= abs(found.statistics["burglary"][0])).sum()
    assert row["p_value"] == (beaten + 1) / (found.n_placebos + 1)


def test_a_large_effect_stands_out_with_all_allowed_for_and_noise_does_not(found):
    assert found.table.loc["burglary", "p_adjusted"] <= 0.05
    assert (found.table.drop(index="burglary")["p_adjusted"] > 0.05).all()
    assert found.table.loc["burglary", "relative"] == pytest.approx(100 * np.expm1(-1.2), abs=12)


def test_one_question_gives_what_estimate_gives():
    alone = many_outcomes([question("burglary")], primary="burglary").table.iloc[0]
    effect = question("burglary").estimate(checks=False)
    assert alone["p_value"] == effect.p_value == alone["p_adjusted"]
    assert alone["low"] == pytest.approx(100 * effect.relative_low)
    assert alone["smallest"] == pytest.approx(100 * effect.smallest_relative)


def test_the_primary_outcome_comes_first_and_behaviours_are_apart(found):
    assert found.summary_frame().index[:2].tolist() == ["burglary", "quits"]
    assert found.of_kind("behaviour").index.tolist() == ["quits"]
    assert len(found.of_kind("outcome")) == 8
    with pytest.raises(ParameterError, match="'result'"):
        found.of_kind("result")


def test_sentences_name_the_primary_count_the_rest_and_claim_no_cause(found):
    said = found.sentence()
    assert said.startswith("The outcome named beforehand, burglary, was")
    assert "of one other behaviour measure, none stands out; of seven other outcome" in said
    assert causal_words(said) == causal_words(found.reach_sentence()) == []
    assert "nan" not in said


def test_conclusions_out_of_reach_are_said_to_be(found):
    assert "Holm's correction over nine measures could therefore never reject" in (
        found.reach_sentence()
    )


def test_an_outcome_that_cannot_be_judged_is_left_out_with_the_reason():
    early = MADE.panel[MADE.panel["period"] < MADE.start]
    asked = [question("burglary"), question("old", panel=early)]
    found = many_outcomes(asked, primary="burglary")
    assert found.table.index.tolist() == ["burglary"]
    assert found.left_out[0][0] == "old"
    assert "nothing to evaluate yet" in found.left_out[0][1]


def test_areas_without_a_value_in_one_outcome_take_no_part_in_any():
    other = sorted(set(MADE.panel["area_code"]) - set(MADE.treated))[3]
    gone = noise(20)[lambda d: d["area_code"] != other]
    found = many_outcomes([question("burglary"), question("x", panel=gone)], primary="burglary")
    every = many_outcomes([question("burglary")], primary="burglary")
    assert found.n_placebos <= every.n_placebos
    assert found.left_out == ()


def test_an_outcome_known_in_few_areas_does_not_take_the_others_with_it():
    few = sorted(set(MADE.panel["area_code"]))[:15]
    sparse = MADE.panel[MADE.panel["area_code"].isin([*few, *MADE.treated])]
    asked = [question("burglary"), question("a", panel=noise(21)), question("b", panel=sparse)]
    found = many_outcomes(asked, primary="burglary")
    assert found.left_out[0][0] == "b"
    assert found.n_placebos > 50


def test_yearly_and_monthly_outcomes_go_together():
    yearly = MADE.panel.assign(
        period=MADE.panel["period"].dt.asfreq("Y"), start=MADE.panel["period"]
    )
    yearly = yearly.groupby(["area_code", "period"], as_index=False)[["count", "population"]].sum()
    slow = replace(question("slow", panel=yearly), start="2006")
    assert len(many_outcomes([question("burglary"), slow], primary="burglary").table) == 2


@pytest.mark.parametrize("kind", [None, "outcome"])
def test_the_forest_is_fit_for_a_page(found, kind):
    assert_fit_for_a_page(found.plot(kind=kind))


@pytest.mark.parametrize(
    ("asked", "primary", "words"),
    [
        ([question("burglary")], "burglery", 'Did you mean "burglary"'),
        ([question("a"), question("a")], "a", "names of their own"),
        ([question("a"), replace(question("b"), treated=("S001",))], "a", "same treated areas"),
    ],
)
def test_questions_that_do_not_belong_together_are_refused(asked, primary, words):
    with pytest.raises(ParameterError, match=words):
        many_outcomes(asked, primary=primary)


def test_a_primary_outcome_that_cannot_be_judged_is_refused():
    early = MADE.panel[MADE.panel["period"] < MADE.start]
    with pytest.raises(PanelError, match="primary outcome cannot be judged"):
        many_outcomes([question("a", panel=early), question("b")], primary="a")


def test_each_outcome_is_judged_in_its_own_unit_and_as_what_it_counts():
    from lsp_analysis.effects.outcomes.many import _readable, _shared_cases

    asked = {
        "burglary": replace(question("burglary"), unit="per_1000"),
        "claims": replace(question("claims", panel=noise(21)), person_periods=True),
    }
    read, _ = _readable(list(asked.values()))
    cases = _shared_cases(read, asked, asked["burglary"])
    assert [case.counted for case in cases.values()] == ["events", "person-periods"]
    assert [case.unit for case in cases.values()] == ["per_1000", ""]


def test_an_outcome_that_one_estimate_would_refuse_is_left_out_and_said_so():
    quiet = MADE.panel.assign(count=0)
    asked = [question("burglary"), question("quiet", panel=quiet)]
    found = many_outcomes(asked, primary="burglary")
    assert list(found.table.index) == ["burglary"]
    assert "0 in every comparison area" in dict(found.left_out)["quiet"]


@pytest.mark.parametrize("person_periods", [False, True])
def test_one_question_alone_is_answered_as_its_estimate_is(person_periods):
    case = question("claims").case()
    ring = case.ledger.codes[~case.pool.comparison & ~case.treated][0]
    gone = (MADE.panel["area_code"] == ring) & (MADE.panel["period"] > MADE.start)
    panel = MADE.panel.assign(count=MADE.panel["count"].mask(gone))
    one = replace(question("claims", panel=panel), person_periods=person_periods)
    row = many_outcomes([one], primary="claims").table.loc["claims"]
    effect = one.estimate(checks=False)
    assert row["p_value"] == effect.p_value
    assert row["low"] == pytest.approx(100 * effect.relative_low)


def test_a_score_around_nought_is_told_in_its_own_units():
    panel, asked = scores(effect=-9.0)
    treated, start = tuple(asked["treated"]), pd.Period(asked["start"], "Y")
    shifted = panel.assign(score=panel["score"] - 50)
    one = Question(
        "score", shifted, "score", treated, start, neighbours=asked["neighbours"], unit="points"
    )
    found = many_outcomes([one], primary="score")
    assert np.isnan(found.table.loc["score", "relative"])
    assert "points lower than expected" in found.sentence()
    assert "not measurable" not in found.sentence()
    assert found.table.loc["score", "sign"] == -1
