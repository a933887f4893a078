"""Difference-in-differences finds what was put in, and withholds what it cannot know."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from effect_worlds import START, changed_areas, codes, counts, panel
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lsp_analysis.effects.regressions.did import difference_in_changes, difference_in_differences
from lsp_analysis.effects.regressions.did_counts import poisson_difference_in_differences
from lsp_analysis.errors import PanelError

OPTIONS = {"outcome": "rate", "treated": codes(8), "start": START}


def test_without_noise_the_effect_is_found_exactly():
    found = difference_in_differences(panel(effect=-3.5, noise=0.0), **OPTIONS)
    assert found.estimate == pytest.approx(-3.5)
    assert found.counterfactual - found.observed == pytest.approx(3.5)
    gap = found.paths["treated"] - found.paths["comparison"]
    assert gap.to_numpy() == pytest.approx(np.repeat([0.0, -3.5], 12), abs=1e-9)


@pytest.mark.parametrize("method", [difference_in_differences, difference_in_changes])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_values_met_exactly_leave_no_error_to_judge_by(method, size):
    made = panel(effect=-3.5, noise=0.0)
    found = method(made.assign(rate=size * made["rate"]), **OPTIONS)
    assert found.estimate == pytest.approx(-3.5 * size)
    assert math.isnan(found.p_value)
    assert math.isnan(found.low)
    assert "met exactly" in found.warnings[0]


def test_rates_in_exact_proportion_leave_no_error_to_judge_by():
    made = panel(noise=0.0)
    up = made["area_code"].isin(codes(8)) & (made["period"] >= START)
    even = made.assign(events=np.where(up, 30.0, 10.0))
    found = poisson_difference_in_differences(even, **OPTIONS | {"outcome": "events"})
    assert found.relative == pytest.approx(2.0)
    assert math.isnan(found.p_value)
    assert "met exactly" in found.warnings[0]


def test_intervals_cover_the_truth_as_often_as_they_claim():
    hits = 0
    for seed in range(120):
        made = panel(effect=1.0, n_areas=24, n_periods=8, seed=seed)
        found = difference_in_differences(made, **OPTIONS)
        hits += found.low <= 1.0 <= found.high
    assert 0.90 <= hits / 120 <= 0.985


@settings(max_examples=15, deadline=None)
@given(
    shift=st.floats(-50, 50),
    scale=st.floats(0.1, 10),
    trend=st.floats(-2, 2),
    seed=st.integers(0, 100),
)
def test_names_order_units_and_common_trends_do_not_matter(shift, scale, trend, seed):
    frame = panel(effect=2.0, seed=seed)
    names = dict(zip(codes(30), np.random.default_rng(seed).permutation(codes(30)), strict=True))
    step = frame["period"].map(lambda p: p.ordinal - START.ordinal)
    changed = changed_areas(
        frame.assign(rate=scale * frame["rate"] + shift + trend * step), names
    ).sample(frac=1, random_state=seed)
    one = difference_in_differences(frame, **OPTIONS)
    other = difference_in_differences(
        changed, outcome="rate", treated=[names[c] for c in codes(8)], start=str(START)
    )
    assert other.estimate == pytest.approx(scale * one.estimate, abs=1e-8)
    assert other.high - other.low == pytest.approx(scale * (one.high - one.low), rel=1e-6)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("n_treated", [1, 4])
def test_a_test_on_fewer_than_five_treated_areas_is_withheld_and_says_why(n_treated):
    frame = panel(n_treated=n_treated)
    found = difference_in_differences(frame, outcome="rate", treated=codes(n_treated), start=START)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(found.p_value)
    assert f"with {n_treated} treated cluster" in found.warnings[0]
    assert found.se > 0
    assert "p =" not in found.sentence()


def test_a_test_against_too_few_comparison_areas_is_withheld_too():
    frame = panel(n_areas=9, n_treated=8)
    found = difference_in_differences(frame, **OPTIONS)
    assert "1 comparison cluster" in found.warnings[0]


def test_the_withheld_error_would_have_been_far_too_small():
    """Why it is withheld: with one treated area the clustered t would reject most of the time."""
    statistics = [
        difference_in_differences(
            panel(n_treated=1, seed=seed), outcome="rate", treated=["E000"], start=START
        )
        for seed in range(40)
    ]
    rejections = np.mean([abs(found.estimate / found.se) > 2.05 for found in statistics])
    assert rejections > 0.5


def test_a_missing_value_drops_a_row_and_not_an_area():
    frame = panel(effect=2.0, noise=0.0)
    frame.loc[[3, 40, 500], "rate"] = np.nan
    found = difference_in_differences(frame, **OPTIONS)
    assert found.estimate == pytest.approx(2.0)
    assert found.regression.n_rows == len(frame) - 3


def test_a_covariate_that_moved_at_the_start_no_longer_biases():
    frame = panel(effect=2.0, noise=0.0)
    on = frame["area_code"].isin(codes(8)) & (frame["period"] >= START)
    frame["x"] = frame["x"] + 3 * on
    frame["rate"] = frame["rate"] + 1.5 * frame["x"]
    assert difference_in_differences(frame, **OPTIONS).estimate > 5
    adjusted = difference_in_differences(frame, covariates=["x"], **OPTIONS)
    assert adjusted.estimate == pytest.approx(2.0)


def test_the_treated_can_be_named_by_a_column_and_the_start_by_text():
    frame = panel(effect=1.0).assign(chosen=lambda f: f["area_code"].isin(codes(8)))
    named = difference_in_differences(frame, outcome="rate", treated="chosen", start="2009-01")
    assert named.estimate == difference_in_differences(frame, **OPTIONS).estimate


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"treated": ["E00"]}, "Did you mean"),
        ({"treated": codes(30)}, "Every area"),
        ({"treated": []}, "No area"),
        ({"start": "2020-01"}, "No period"),
        ({"start": "2005-01"}, "0 periods before"),
        ({"outcome": "rates"}, 'Did you mean "rate"'),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(change, words):
    with pytest.raises(PanelError, match=words):
        difference_in_differences(panel(), **(OPTIONS | change))


def test_a_repeated_row_is_refused():
    frame = panel()
    with pytest.raises(PanelError, match="1 rows repeat"):
        difference_in_differences(pd.concat([frame, frame.iloc[[5]]]), **OPTIONS)


def test_changes_of_areas_are_compared_by_welchs_t():
    frame = panel(effect=1.0)
    after = frame["period"] >= START
    by_area = [rows.groupby("area_code")["rate"].mean() for rows in (frame[after], frame[~after])]
    changes = by_area[0] - by_area[1]
    expected = stats.ttest_ind(changes[:8], changes[8:], equal_var=False)
    found = difference_in_changes(frame, **OPTIONS)
    assert found.estimate == pytest.approx(changes[:8].mean() - changes[8:].mean())
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.se == pytest.approx(found.estimate / expected.statistic)


def test_changes_need_two_treated_areas():
    with pytest.raises(PanelError, match="two treated"):
        difference_in_changes(panel(), outcome="rate", treated=["E000"], start=START)


def test_a_rate_ratio_is_found_and_put_into_events():
    frame = counts(rate_ratio=0.75, n_areas=60, n_treated=20, seed=4)
    found = poisson_difference_in_differences(
        frame, outcome="events", treated=codes(20), start=START, population="people"
    )
    assert found.relative_low < -0.25 < found.relative_high
    assert found.relative == pytest.approx(-0.25, abs=0.06)
    after = frame["area_code"].isin(codes(20)) & (frame["period"] >= START)
    assert found.observed == pytest.approx(frame.loc[after, "events"].sum() / 12)
    assert found.estimate == pytest.approx(found.observed - found.counterfactual)
    ratio = (found.paths["treated"] / found.paths["comparison"]).to_numpy()
    assert ratio == pytest.approx(np.repeat([1.0, 1 + found.relative], 12))


def test_a_result_can_be_tabled_said_and_drawn():
    import matplotlib

    matplotlib.use("Agg")
    found = difference_in_differences(panel(effect=1.0), **OPTIONS)
    table = found.summary_frame()
    assert list(table.columns[:4]) == ["estimate", "low", "high", "p_value"]
    assert "than expected from comparison areas" in found.sentence()
    assert found.plot().get_lines()


def test_an_estimate_without_placebos_says_so_in_words_and_picture():
    found = difference_in_differences(panel(), outcome="rate", treated=codes(8), start=START)
    assert "not ranked" in found.placebo_sentence()
    assert "not ranked" in " ".join(text.get_text() for text in found.plot_placebos().texts)
