"""Many outcomes of one programme, other methods beside the first, and what was true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import asked, borough, question_of, score_question, scores
from claims import causal_words
from pictures import assert_fit_for_a_page

from lsp_analysis import Question, estimate, open_study
from lsp_analysis.effects import many_outcomes, outcomes_of, side_by_side, truth_beside
from lsp_analysis.effects.outcomes.other_methods import CANDIDATES, SideBySide
from lsp_analysis.effects.words import Scale
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.resources import study_path

MADE = borough(4, effect=-1.2, mean_count=20)
CALM = {"mean_count": 60, "overdispersion": 0.02, "autocorrelation": 0.0}
INDICATOR, PLACE = "antisocial_behaviour", "Hall i' th' Wood"


def question(name: str, panel: pd.DataFrame | None = None, **changes) -> Question:
    made = Question.from_frame(MADE.panel if panel is None else panel, **asked(MADE) | changes)
    named = replace(made.indicator, indicator_id=name, name=name.replace("_", " "))
    return replace(made, indicator=named)


def noise(seed: int) -> pd.DataFrame:
    """Counts of a borough without a programme, in the same areas and months."""
    return borough(seed, mean_count=20).panel


@pytest.fixture(scope="module")
def found():
    questions = [question("burglary"), question("quits", noise(30))]
    questions += [question(f"other_{s}", noise(s)) for s in range(20, 27)]
    return many_outcomes(questions, "burglary", behaviours=["quits"])


def test_all_outcomes_are_ranked_in_the_same_placebos(found):
    assert found.statistics.shape == (found.n_placebos + 1, 9)
    row = found.table.loc["burglary"]
    beaten = (found.statistics["burglary"][1:].abs() >= abs(found.statistics["burglary"][0])).sum()
    assert row["p_value"] == pytest.approx((beaten + 1) / (found.n_placebos + 1))


def test_a_large_effect_stands_out_with_all_allowed_for_and_noise_does_not(found):
    assert found.table.loc["burglary", "p_adjusted"] <= 0.05
    assert (found.table.drop(index="burglary")["p_adjusted"] > 0.05).all()
    assert found.table.loc["burglary", "relative"] == pytest.approx(100 * np.expm1(-1.2), abs=12)


def test_one_question_gives_what_estimate_gives():
    alone = many_outcomes([question("burglary")], "burglary").table.iloc[0]
    effect = estimate(question("burglary"), checks=False)
    assert alone["p_value"] == effect.p_value == pytest.approx(alone["p_adjusted"])
    assert alone["low"] == pytest.approx(100 * effect.relative_low)
    assert alone["smallest"] == pytest.approx(100 * effect.smallest_relative)


def test_the_primary_outcome_comes_first_and_behaviours_are_apart(found):
    assert found.summary_frame().index[:2].tolist() == ["burglary", "quits"]
    assert found.table.index[found.table["kind"] == "behaviour"].tolist() == ["quits"]


def test_sentences_name_the_primary_count_the_rest_and_claim_no_cause(found):
    said = found.sentence()
    assert said.startswith("The outcome named in advance, burglary, was")
    assert "of one other behaviour measure, none stands out; of seven other outcome" in said
    assert causal_words(said) == []
    assert_fit_for_a_page(found.plot())


def test_an_outcome_that_cannot_be_judged_is_left_out_with_the_reason():
    quiet = MADE.panel.assign(
        count=MADE.panel["count"].where(MADE.panel["area_code"].isin(MADE.treated), 0)
    )
    gone = MADE.panel["area_code"].isin(MADE.treated) & (MADE.panel["period"] == MADE.start)
    holed = MADE.panel.assign(count=MADE.panel["count"].mask(gone))
    few = sorted(set(MADE.panel["area_code"]))[:15]
    sparse = MADE.panel[MADE.panel["area_code"].isin([*few, *MADE.treated])]
    asked_of = [question("burglary"), question("a", noise(21)), question("quiet", quiet),
                question("holed", holed), question("sparse", sparse)]  # fmt: skip
    found = many_outcomes(asked_of, "burglary")
    assert list(found.table.index) == ["burglary", "a"]
    reasons = dict(found.left_out)
    assert "0 in every comparison area" in reasons["quiet"]
    assert "values are missing" in reasons["holed"]
    assert "areas have all its values" in reasons["sparse"]
    with pytest.raises(PanelError, match="primary outcome cannot be judged"):
        many_outcomes(asked_of, "holed")


def test_yearly_and_monthly_outcomes_go_together():
    yearly = MADE.panel.assign(period=MADE.panel["period"].dt.asfreq("Y"))
    yearly = yearly.groupby(["area_code", "period"], as_index=False)[["count", "population"]].sum()
    slow = question("slow", yearly, start="2006")
    assert len(many_outcomes([question("burglary"), slow], "burglary").table) == 2


@pytest.mark.parametrize(
    ("names", "primary", "words"),
    [
        (["burglary"], "burglery", 'Did you mean "burglary"'),
        (["a", "a"], "a", "names of their own"),
    ],
)
def test_questions_that_do_not_belong_together_are_refused(names, primary, words):
    with pytest.raises(ParameterError, match=words):
        many_outcomes([question(name) for name in names], primary)
    elsewhere = question("b", treated=["S001"])
    with pytest.raises(ParameterError, match="same treated areas"):
        many_outcomes([question("a"), elsewhere], "a")


def test_a_score_around_zero_is_told_in_its_own_units():
    panel, given = scores(effect=-9.0)
    shifted = panel.assign(score=panel["score"] - 50)
    one = Question.from_frame(shifted, **given).named(unit="points")
    found = many_outcomes([one], "score")
    assert np.isnan(found.table.loc["score", "relative"])
    assert "points lower than expected" in found.sentence()
    assert found.table.loc["score", "sign"] == -1


# Other methods ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain():
    return side_by_side(question_of(borough(3, effect=-0.7, **CALM)))


def test_a_plain_effect_is_found_alike_by_all_that_suit(plain):
    assert plain.table["label"][0] == "Adjusted for the past"
    assert len(plain.table) >= 6
    assert plain.table["estimate"].between(-62, -35).all()
    assert len(plain.table) + len(plain.unsuitable) == len(CANDIDATES) + 1
    for ax in (plain.plot(), plain.plot_specifications()):
        assert_fit_for_a_page(ax)


def test_it_says_whether_they_agree_without_claiming_a_cause(plain):
    said = plain.sentence()
    assert said.startswith("Adjusted for the past, the method chosen in advance")
    assert causal_words(said) == []
    clear = int(((plain.table["low"] > 0) | (plain.table["high"] < 0)).sum())
    many = f"all {clear}" if clear == len(plain.table) else f"{clear} of {len(plain.table)}"
    assert said.endswith(f"Intervals clear of no effect: {many}.")


def test_methods_that_do_not_suit_are_listed_with_the_reason(plain):
    reasons = plain.unsuitable.set_index("label")["reason"]
    assert "p-value is far too small" in reasons["Two-way fixed effects, errors clustered by area"]
    assert "began at once" in reasons["Staggered starts"]
    short = side_by_side(score_question(n_periods=8, effect=-15.0))
    reasons = short.unsuitable.set_index("label")["reason"]
    assert reasons["Structural forecast"] == "6 periods before the start, and it needs 10"
    assert "Difference-in-differences" in short.table["label"].tolist()
    note = short.shown_table().note
    assert "Interrupted series, alone; Interrupted series, controlled" in note


def test_exact_weights_stand_beside_the_others_where_they_are_feasible():
    found = side_by_side(score_question(effect=-15.0))
    table = found.table.set_index("label")
    assert "Calibrated weights" in table.index
    assert table.loc["Calibrated weights", "estimate"] < 0


def test_a_neighbourhood_that_no_average_reaches_gets_no_synthetic_control():
    panel, given = scores(effect=-15.0)
    far = panel.assign(score=panel["score"] + 100.0 * (panel["area_code"] == "A000"))
    found = side_by_side(Question.from_frame(far, **given))
    reasons = found.unsuitable.set_index("label")["reason"]
    assert "no average of other areas reaches its level" in reasons["Synthetic control"]
    assert "No weights of 0 or more" in reasons["Calibrated weights"]


def test_groups_of_areas_are_ranked_among_groups():
    found = side_by_side(question_of(borough(3, effect=-0.7, group_size=3, **CALM)))
    assert found.table.set_index("label").loc["Event study", "p_value"] < 0.2
    assert found.agreement in ("agree", "agree on direction only")


def table(*rows: tuple[float, float, float]) -> SideBySide:
    frame = pd.DataFrame(rows, columns=["estimate", "low", "high"])
    frame.insert(0, "label", [f"Method {i}" for i in range(len(rows))])
    return SideBySide(frame, pd.DataFrame(), pd.DataFrame(), (), Scale(True, "", 0.95))


@pytest.mark.parametrize(
    ("rows", "agreement"),
    [
        ([(-20, -30, -10)], "alone"),
        ([(-20, -30, -10), (-25, -60, 10)], "agree"),
        ([(-20, -30, -10), (-45, -60, -30)], "agree on direction only"),
        ([(-20, -30, -10), (20, 5, 40)], "disagree"),
        ([(-5, -30, 20), (6, -20, 32)], "agree"),
        ([(-5, -30, 20), (12, 4, 20)], "disagree"),
    ],
)
def test_agreement_follows_from_intervals_and_directions(rows, agreement):
    assert table(*rows).agreement == agreement


def test_the_specifications_hold_every_method_and_choice_of_areas(plain):
    frame = plain.specifications
    assert frame["preferred"].sum() == 1
    assert set(frame["method"]) == set(plain.table["label"])
    assert {"nearest half", "farthest half", "neighbours too"} <= set(frame["areas"])


def test_one_interval_without_end_hides_no_other(plain):
    wide = plain.table.copy()
    wide.loc[1, ["low", "high"]] = [-1e5, 1e5]
    specifications = plain.specifications.copy()
    specifications.loc[1, ["low", "high"]] = [-np.inf, 1e5]
    odd = replace(plain, table=wide, specifications=specifications)
    half = max(wide["high"][0] - wide["low"][0], abs(wide["estimate"][0])) / 2
    for ax in (odd.plot(), odd.plot_specifications()):
        drawn = ax.child_axes[0] if ax.child_axes else ax
        ends = drawn.get_xlim() if drawn is ax else drawn.get_ylim()
        assert max(map(abs, ends)) < 12 * half + 100


def test_a_score_around_zero_is_held_side_by_side_in_its_own_units():
    panel, given = scores(effect=-9.0)
    shifted = panel.assign(score=panel["score"] - 50)
    old = side_by_side(Question.from_frame(panel, **given))
    new = side_by_side(Question.from_frame(shifted, **given).named(unit="points"))
    expected = {one.method: one.estimate for one in old.estimates}
    for one in new.estimates:
        if one.method in expected:
            assert one.estimate == pytest.approx(expected[one.method], abs=1e-6)
    assert "points lower than expected" in new.sentence()
    assert "units of the outcome" in new.shown_table().caption


# What was true ------------------------------------------------------------------------------------


@pytest.fixture
def study():
    return open_study(study_path("bolton_demo"))


@pytest.fixture
def told(study):
    return many_outcomes([study.question(INDICATOR, PLACE, "2008-04")], INDICATOR)


def test_all_outcomes_of_a_study_are_asked_about_in_one_call(study):
    found = outcomes_of(study, PLACE, "2008-04", INDICATOR, behaviours=["smoking_quits"])
    assert len(found.table) == 12
    assert found.table.index[found.table["kind"] == "behaviour"].tolist() == ["smoking_quits"]


def test_the_true_effect_stands_beside_the_interval_that_holds_it(study, told):
    shown = truth_beside(study, told, PLACE)
    row = shown.frame.iloc[0]
    assert row["True effect (%)"] == pytest.approx(-20)
    assert row["Low (%)"] < -20 < row["High (%)"]
    assert row["In the interval"] == "yes"
    assert "in truth 20% lower" in shown.note


def test_the_truth_is_told_of_its_own_place_and_start_only(study, told):
    assert "another neighbourhood" in truth_beside(study, told, "E01004766")
    for start in ("2008-04", "2008", "2008Q2"):
        assert not isinstance(truth_beside(study, told, PLACE, start), str)
    said = truth_beside(study, told, PLACE, "2006-04")
    assert "began in April 2008, and what was asked about is April 2006" in said


def test_a_study_without_a_truth_says_so_whether_simulated_or_real(study, told, tmp_path):
    study.path = tmp_path
    said = truth_beside(study, told, PLACE)
    assert said.startswith("There is no known truth here: these data are simulated, but")
    study.descriptor = study.descriptor | {"lsp:simulated": False}
    assert truth_beside(study, told, PLACE).startswith(
        "There is no known truth here: this study says nothing"
    )
