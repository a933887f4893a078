"""Several methods beside one another, and only those that suit the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import borough, scores
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.outcomes.candidates import CANDIDATES, Setting
from lsp_analysis.effects.outcomes.other_methods import SideBySide, side_by_side
from lsp_analysis.effects.question import Question
from lsp_analysis.verdicts import causal_words

CALM = {"mean_count": 60, "overdispersion": 0.02, "autocorrelation": 0.0}


def question(made) -> Question:
    return Question(
        name="burglary",
        panel=made.panel,
        outcome="count",
        population="population",
        treated=made.treated,
        start=made.start,
        neighbours=made.neighbours,
    )


def score_question(**options) -> Question:
    panel, asked = scores(**options)
    treated, start = tuple(asked["treated"]), pd.Period(asked["start"], "Y")
    return Question("score", panel, "score", treated, start, neighbours=asked["neighbours"])


@pytest.fixture(scope="module")
def plain():
    return side_by_side(question(borough(3, effect=-0.7, **CALM)))


def test_a_plain_effect_is_found_alike_by_all_that_suit(plain):
    assert plain.table["label"][0] == "Adjusted for the past"
    assert len(plain.table) >= 6
    assert plain.table["estimate"].between(-62, -35).all()


def test_a_reason_that_several_methods_share_is_given_once(plain):
    short = side_by_side(score_question(n_periods=8))
    note = short.as_table().note
    assert "Interrupted series, alone; Interrupted series, controlled" in note
    assert note.count("it needs 8.") == 1
    assert plain.sentence().endswith(f"Intervals clear of no effect: {_clear(plain)}.")


def test_one_interval_without_end_hides_no_other(plain):
    table = plain.table.copy()
    table.loc[1, ["low", "high"]] = [-1e5, 1e5]
    wide = replace(plain, table=table, specifications=plain.specifications.copy())
    wide.specifications.loc[1, ["low", "high"]] = [-np.inf, 1e5]
    half = max(table["high"][0] - table["low"][0], abs(table["estimate"][0])) / 2
    for ax in (wide.plot(), wide.plot_specifications()):
        drawn = ax.child_axes[0] if ax.child_axes else ax
        ends = drawn.get_xlim() if drawn is ax else drawn.get_ylim()
        assert max(map(abs, ends)) < 12 * half + 100


def _clear(found: SideBySide) -> str:
    clear = int(((found.table["low"] > 0) | (found.table["high"] < 0)).sum())
    return (
        f"all {len(found.table)}" if clear == len(found.table) else f"{clear} of {len(found.table)}"
    )


def test_methods_that_do_not_suit_are_listed_with_the_reason(plain):
    reasons = plain.unsuitable.set_index("label")["reason"]
    assert "p-value is far too small" in reasons["Two-way fixed effects, errors clustered by area"]
    assert "began at once" in reasons["Staggered starts"]
    assert len(plain.table) + len(plain.unsuitable) == len(CANDIDATES)


def test_few_years_rule_out_the_methods_that_need_many():
    found = side_by_side(score_question(n_periods=8, effect=-15.0))
    reasons = found.unsuitable.set_index("label")["reason"]
    assert reasons["Structural forecast"] == "6 periods before the start, and it needs 10"
    assert "it needs 8" in reasons["Interrupted series, controlled"]
    assert "Difference-in-differences" in found.table["label"].tolist()


def test_a_neighbourhood_that_no_average_reaches_gets_no_synthetic_control():
    asked = score_question(effect=-15.0)
    far = asked.panel["score"] + 100.0 * (asked.panel["area_code"] == "A000")
    found = side_by_side(replace(asked, panel=asked.panel.assign(score=far)))
    reasons = found.unsuitable.set_index("label")["reason"]
    assert "no average of other areas reaches its level" in reasons["Synthetic control"]


def test_groups_of_areas_are_ranked_among_groups():
    found = side_by_side(question(borough(3, effect=-0.7, group_size=3, **CALM)))
    assert found.table.set_index("label").loc["Event study", "p_value"] < 0.2
    assert found.agreement in ("agree", "agree on direction only")


def test_all_compare_with_the_areas_beyond_the_ring():
    made = borough(3)
    setting = Setting(question(made), question(made).case())
    kept = set(setting.panel["area_code"])
    ring = {b for a, b in made.neighbours if a in made.treated} - set(made.treated)
    assert not kept & ring


def table(*rows: tuple[float, float, float]) -> SideBySide:
    frame = pd.DataFrame(rows, columns=["estimate", "low", "high"])
    frame.insert(0, "label", [f"Method {i}" for i in range(len(rows))])
    return SideBySide(frame, pd.DataFrame(), pd.DataFrame(), ())


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


def test_it_says_whether_they_agree_without_claiming_a_cause(plain):
    said = plain.sentence()
    assert said.startswith("Adjusted for the past, the method chosen beforehand")
    assert "agree" in said
    assert causal_words(said) == []
    assert "No other method" in table((-20, -30, -10)).sentence()


def test_the_specifications_hold_every_method_and_choice_of_areas(plain):
    frame = plain.specifications
    assert frame["preferred"].sum() == 1
    assert set(frame["method"]) == set(plain.table["label"])
    assert {"nearest half", "farthest half", "neighbours too"} <= set(frame["areas"])


def test_forest_and_curve_are_fit_for_a_page(plain):
    assert_fit_for_a_page(plain.plot())
    assert_fit_for_a_page(plain.plot_specifications())


def test_a_score_around_nought_is_held_side_by_side_in_its_own_units():
    asked = score_question(effect=-9.0)
    shifted = asked.panel.assign(score=asked.panel["score"] - 50)
    old = side_by_side(asked)
    new = side_by_side(replace(asked, panel=shifted, unit="points"))
    assert list(new.table["label"]) == list(old.table["label"])
    expected = [one.estimate for one in old.estimates]
    assert new.table["estimate"].to_numpy() == pytest.approx(expected, abs=1e-6)
    assert new.agreement == old.agreement
    assert "points lower than expected" in new.sentence()
    assert "units of the outcome" in new.as_table().caption
    assert "(%)" not in " ".join(new.as_table().frame.columns)
    assert len(new.specifications) == len(old.specifications)
    assert_fit_for_a_page(new.plot())
    assert_fit_for_a_page(new.plot_specifications())


def test_values_that_the_neighbourhood_lacks_leave_the_method_that_can_do_without(plain):
    made = borough(3, effect=-0.7, **CALM)
    here = made.panel["area_code"].isin(made.treated)
    gone = here & (made.panel["period"] == made.start + 1)
    asked = replace(question(made), panel=made.panel[~gone])
    found = side_by_side(asked)
    assert found.agreement == "alone"
    assert found.table["estimate"][0] == pytest.approx(plain.table["estimate"][0], abs=5)
    assert "values of the neighbourhood are missing" in found.as_table().note
