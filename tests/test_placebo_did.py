"""Difference-in-differences for one neighbourhood, ranked among placebo neighbourhoods."""

from __future__ import annotations

import numpy as np
import pytest
from boroughs import borough, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.regressions.placebo_did import placebo_difference_in_differences
from lsp_analysis.errors import PanelError


def ask(seed=1, effect=0.0, panel=None, **changes):
    made, question = scores(seed, effect=effect)
    made = made if panel is None else panel
    return placebo_difference_in_differences(made, **question | changes)


def test_the_coefficient_is_that_of_two_way_fixed_effects_beyond_the_ring():
    panel, question = scores(effect=-6.0)
    beyond = panel[~panel["area_code"].isin(["A001", "A079"])]
    fit = difference_in_differences(
        beyond, outcome="score", treated=["A000"], start=question["start"]
    )
    assert ask(effect=-6.0).estimate == pytest.approx(fit.estimate)


def test_placebo_coefficients_are_those_of_placebo_areas_as_if_treated():
    panel, question = scores()
    found = ask()
    row = found.placebos.iloc[7]
    others = panel[~panel["area_code"].isin(["A000", "A001", "A079"])]
    fit = difference_in_differences(
        others, outcome="score", treated=[row["areas"]], start=question["start"]
    )
    assert row["estimate"] == pytest.approx(fit.estimate)


def test_p_is_the_rank_and_never_zero():
    found = ask(effect=-80.0)
    beaten = (found.placebos["estimate"].abs() >= abs(found.estimate)).sum()
    assert found.p_value == (beaten + 1) / (found.n_placebos + 1) == found.finest_p


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 20),
    effect=st.floats(-20, 20),
    level=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_the_interval_leaves_out_zero_exactly_when_p_is_small_enough(seed, effect, level):
    panel, question = scores(seed)
    after = (panel["area_code"] == "A000") & (panel["period"] >= question["start"])
    found = ask(seed, panel=panel.assign(score=panel["score"] + effect * after), level=level)
    assert (found.low > 0 or found.high < 0) == (found.p_value <= 1 - level + 1e-12)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.1, 50), trend=st.floats(-5, 5), seed=st.integers(0, 99))
def test_units_order_and_what_all_areas_share_do_not_matter(scale, trend, seed):
    panel, _ = scores()
    moved = panel.assign(score=scale * (panel["score"] + trend * panel["period"].dt.year))
    found, old = ask(panel=moved.sample(frac=1, random_state=seed)), ask()
    assert found.estimate == pytest.approx(scale * old.estimate, rel=1e-6)
    assert found.p_value == old.p_value


def test_a_neighbourhood_drawn_at_random_is_called_treated_as_rarely_as_claimed():
    found = [ask(seed, level=0.8).p_value <= 0.2 for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.2, abs=0.12)


def test_one_picked_for_looking_worst_is_called_treated_far_too_often_and_it_warns():
    found = []
    for seed in range(30):
        made = borough(seed, mean_count=2.0, selection_window=6)
        panel = made.panel.assign(rate=made.panel["count"] / made.panel["population"])
        found.append(
            placebo_difference_in_differences(
                panel, outcome="rate", treated=made.treated, start=made.start,
                neighbours=made.neighbours, level=0.8,
            )
        )  # fmt: skip
    assert np.mean([one.p_value <= 0.2 for one in found]) > 0.3
    assert np.mean([one.estimate < 0 for one in found]) > 0.75
    assert "regression to the mean" in found[0].warnings[0]


def test_areas_with_gaps_are_left_out_and_a_treated_one_is_refused():
    panel, question = scores()
    gone = (panel["area_code"] == "A040") & (panel["period"] == "1995")
    found = ask(panel=panel[~gone])
    assert "One comparison area with missing values was left out." in found.warnings
    own = (panel["area_code"] == "A000") & (panel["period"] == "1995")
    with pytest.raises(PanelError, match="A000 lacks 'score'"):
        placebo_difference_in_differences(panel[~own], **question)


def test_few_placebos_are_said_to_be_few():
    panel, question = scores(n_areas=12)
    found = placebo_difference_in_differences(panel, **question)
    assert np.isinf(found.high)
    assert any("finest p-value" in warning for warning in found.warnings)
