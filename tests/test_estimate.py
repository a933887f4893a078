"""The common case: one neighbourhood, picked for looking worst, against its placebos."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from boroughs import asked, borough, scores
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.errors import AreaError, PanelError, ParameterError
from lsp_analysis.verdicts import causal_words

SIZES = ["estimate", "low", "high", "p_value", "relative", "relative_low", "relative_high"]


def ask(made, **changes):
    panel = changes.pop("panel", made.panel)
    return estimate(panel, **asked(made) | {"checks": False} | changes)


def ask_scores(seed=1, effect=0.0, **changes):
    panel, question = scores(seed, effect=effect)
    return estimate(panel, **question | {"checks": False} | changes)


@pytest.mark.parametrize("group_size", [1, 4])
def test_a_true_fall_is_recovered_on_average(group_size):
    found = [
        np.log1p(ask(borough(seed, effect=np.log(0.6), group_size=group_size)).relative)
        for seed in range(40)
    ]
    assert np.mean(found) == pytest.approx(np.log(0.6), abs=3 * np.std(found) / np.sqrt(40))


def test_being_picked_for_looking_worst_is_not_taken_for_an_effect():
    made = [borough(seed, mean_count=2.0, selection_window=6) for seed in range(40)]
    fell = [before_and_after(one) for one in made]
    found = [np.log1p(ask(one).relative) for one in made]
    assert np.mean(fell) < -0.15
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(40)


def before_and_after(made) -> float:
    rows = made.panel[made.panel["area_code"].isin(made.treated)]
    window = rows[rows["period"].between(made.start - 6, made.start - 1)]
    return rows.loc[rows["period"] >= made.start, "count"].mean() / window["count"].mean() - 1


def test_intervals_cover_the_truth_about_as_often_as_they_claim():
    covered = []
    for seed in range(60):
        found = ask(borough(seed, effect=np.log(0.7)), level=0.8)
        covered.append(found.relative_low <= -0.3 <= found.relative_high)
    assert 0.68 <= np.mean(covered) <= 0.92


def test_p_is_the_rank_among_the_placebos_and_never_zero():
    for effect in (0.0, np.log(0.02)):
        found = ask(borough(3, effect=effect, mean_count=30))
        beaten = (found.placebos["statistic"].abs() >= abs(found.statistic)).sum()
        assert found.n_placebos == len(found.placebos)
        assert found.p_value == (beaten + 1) / (found.n_placebos + 1)
    assert found.p_value == found.finest_p == 1 / (found.n_placebos + 1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 30),
    effect=st.sampled_from([0.0, -0.2, -0.5, 0.4]),
    level=st.sampled_from([0.8, 0.9, 0.95]),
    group_size=st.sampled_from([1, 3]),
)
def test_the_interval_leaves_out_zero_exactly_when_p_is_small_enough(
    seed, effect, level, group_size
):
    found = ask(borough(seed, effect=effect, group_size=group_size), level=level)
    assert (found.low > 0 or found.high < 0) == (found.p_value <= 1 - level + 1e-12)
    assert found.relative_low <= found.relative <= found.relative_high


@pytest.mark.parametrize("effect", [0.0, 4.0, -9.0])
def test_the_same_holds_where_effects_add(effect):
    for level in (0.8, 0.95):
        found = ask_scores(effect=effect, level=level)
        assert (found.low > 0 or found.high < 0) == (found.p_value <= 1 - level + 1e-12)
        assert found.low <= found.estimate <= found.high


def test_adding_an_effect_to_a_score_moves_the_estimate_by_it_and_nothing_else():
    none, some = ask_scores(effect=0.0), ask_scores(effect=-6.5)
    assert some.estimate - none.estimate == pytest.approx(-6.5)
    assert some.high - some.low == pytest.approx(none.high - none.low)
    assert some.counterfactual == pytest.approx(none.counterfactual)


@settings(max_examples=15, deadline=None)
@given(
    scale=st.floats(0.01, 100), trend=st.floats(-5, 5), jump=st.floats(-20, 20), seed=st.integers()
)
def test_units_and_what_all_areas_share_do_not_matter(scale, trend, jump, seed):
    panel, question = scores()
    year = panel["period"].dt.year - 2000
    moved = panel.assign(score=scale * (panel["score"] + trend * year + jump * (year > -3)))
    moved = moved.sample(frac=1, random_state=abs(seed) % 1000)
    old, new = (estimate(p, **question, checks=False) for p in (panel, moved))
    assert new.estimate == pytest.approx(scale * old.estimate, rel=1e-6)
    assert new.low == pytest.approx(scale * old.low, rel=1e-6)
    assert new.p_value == old.p_value


def test_names_of_areas_do_not_matter():
    made = borough(5, effect=-0.4)
    codes = sorted(made.panel["area_code"].unique())
    names = dict(zip(codes, np.random.default_rng(1).permutation(codes), strict=True))
    renamed = estimate(
        made.panel.assign(area_code=made.panel["area_code"].map(names)),
        **asked(made)
        | {
            "treated": [names[code] for code in made.treated],
            "neighbours": [(names[a], names[b]) for a, b in made.neighbours],
            "checks": False,
        },
    )
    old = ask(made)
    for name in SIZES:
        assert getattr(renamed, name) == pytest.approx(getattr(old, name), rel=1e-9)


def test_the_order_of_rows_does_not_matter_for_groups_either():
    made = borough(5, group_size=4)
    shuffled = made.panel.sample(frac=1, random_state=3)
    assert estimate(shuffled, **asked(made), checks=False) == ask(made)


def test_a_seed_gives_the_same_placebos_again_and_another_seed_others():
    made = borough(5, group_size=4)
    assert ask(made, seed=1) == ask(made, seed=1)
    assert set(ask(made, seed=1).placebos["areas"]) != set(ask(made, seed=2).placebos["areas"])


def test_counting_people_in_thousands_changes_no_share():
    made = borough(4, effect=-0.3)
    fewer = made.panel.assign(population=made.panel["population"] / 1000)
    found = estimate(fewer, **asked(made), checks=False)
    assert found.relative == pytest.approx(ask(made).relative)
    assert found.p_value == ask(made).p_value


def test_the_counterfactual_path_averages_to_the_counterfactual():
    made = borough(4, effect=-0.3)
    found = ask(made, per=1000)
    paths = found.paths.set_index("period")
    after = paths.index >= made.start
    people = made.panel.loc[made.panel["area_code"].isin(made.treated), "population"].iloc[0]
    assert paths.loc[after, "treated"].mean() * people / 1000 == pytest.approx(found.observed)
    assert paths.loc[after, "comparison"].mean() * people / 1000 == pytest.approx(
        found.counterfactual
    )


def test_the_smallest_effect_is_found_about_four_times_in_five():
    made = [borough(seed, mean_count=20, autocorrelation=0.2) for seed in range(40)]
    sizes = [ask(one).smallest_relative for one in made]
    size = float(np.median(sizes))
    seen = [
        ask(borough(seed, mean_count=20, autocorrelation=0.2, effect=np.log1p(-size))).p_value
        <= 0.05
        for seed in range(40)
    ]
    assert 0.6 <= np.mean(seen) <= 0.95


def test_the_summary_begins_with_the_effect_in_one_row():
    frame = ask(borough(2)).summary_frame()
    assert list(frame.columns[:7]) == SIZES
    assert len(frame) == 1


def test_no_sentence_claims_a_cause():
    for effect in (0.0, -1.5, 0.8):
        found = ask(borough(2, effect=effect, mean_count=20))
        for worth in (None, 0.1, 3.0):
            assert causal_words(found.sentence(worth_having=worth)) == []


def test_comparison_areas_with_gaps_are_left_out_and_said_so():
    made = borough(6)
    other = next(code for code in made.panel["area_code"].unique() if code not in made.treated)
    gone = (made.panel["area_code"] == other) & (made.panel["period"] == made.start - 5)
    found = estimate(made.panel[~gone], **asked(made), checks=False)
    assert any(
        "One comparison area with missing values was left out" in warning
        for warning in found.warnings
    )
    assert not any(other in areas.split() for areas in found.placebos["areas"])


def test_without_neighbours_it_warns_that_next_door_is_compared_with():
    found = ask(borough(6), neighbours=None)
    assert any("No neighbours" in warning for warning in found.warnings)


def test_few_placebos_are_said_to_find_nothing():
    panel, question = scores(n_areas=12)
    found = estimate(panel, **question, checks=False)
    assert found.finest_p > 0.05
    assert np.isinf(found.high)
    assert any("no effect of any size" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"start": "2003-02"}, PanelError, "fewer than two"),
        ({"start": "2020-01"}, PanelError, "nothing to evaluate yet"),
        ({"treated": ["S999"]}, AreaError, "'S999' is not among"),
        ({"treated": []}, AreaError, "No treated area"),
        ({"level": 1.5}, ParameterError, "level=1.5"),
        ({"outcome": "counts"}, PanelError, 'Did you mean "count"'),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(changes, error, words):
    with pytest.raises(error, match=words):
        ask(borough(1), **changes)


def test_a_neighbourhood_with_nothing_left_to_compare_is_refused():
    panel, question = scores()
    few = panel[panel["area_code"].isin(["A000", "A001", "A079"])]
    with pytest.raises(PanelError, match="No comparison is left"):
        estimate(few, **question, checks=False)


def test_repeated_rows_are_refused():
    panel, question = scores()
    with pytest.raises(PanelError, match="repeat an"):
        estimate(pd.concat([panel, panel.head(3)]), **question, checks=False)


def test_a_treated_area_that_is_hardly_ever_observed_is_refused():
    panel, question = scores()
    gone = (panel["area_code"] == "A000") & (panel["period"] < pd.Period("1997", "Y"))
    with pytest.raises(PanelError, match="At least half"):
        estimate(panel[~gone], **question, checks=False)


@pytest.mark.parametrize(("group_size", "weighted"), [(1, False), (4, True)])
def test_rates_without_their_counts_raise_no_more_false_alarms_than_claimed(group_size, weighted):
    alarms = []
    for seed in range(60):
        made = borough(seed, group_size=group_size, level_sd=0.6)
        rate = 1000 * made.panel["count"] / made.panel["population"]
        found = estimate(
            made.panel.assign(rate=rate), checks=False,
            **asked(made) | {"outcome": "rate", "population": "population" if weighted else None},
        )  # fmt: skip
        alarms.append(found.p_value <= 0.05)
    assert np.mean(alarms) <= 0.1


@pytest.mark.parametrize("group_size", [1, 4])
def test_neither_units_nor_origin_nor_size_of_population_matter_to_weighted_rates(group_size):
    made = borough(2, group_size=group_size, mean_count=20)
    rates = made.panel.assign(rate=made.panel["count"] / made.panel["population"])
    old = estimate(rates, **asked(made) | {"outcome": "rate", "checks": False})
    for unit, origin, people in [
        (1000, 0, 1),
        (1e6, 0, 1),
        (1e9, 0, 1),
        (1, 1000, 1),
        (1, 0, 1000),
    ]:
        panel = rates.assign(
            rate=unit * rates["rate"] + origin, population=people * rates["population"]
        )
        new = estimate(panel, **asked(made) | {"outcome": "rate", "checks": False})
        assert new.estimate == pytest.approx(unit * old.estimate, rel=1e-5)
        assert new.low == pytest.approx(unit * old.low, rel=1e-5)
        assert new.p_value == old.p_value


def test_a_counterfactual_path_with_gaps_stands_where_the_observed_one_does():
    made = borough(3, mean_count=20)
    here = made.panel["area_code"].isin(made.treated)
    gone = here & made.panel["period"].between(pd.Period("2004-01"), pd.Period("2004-12"))
    panel = made.panel.assign(count=made.panel["count"].mask(gone))
    for outcome, population in (("count", "population"), ("rate", None)):
        panel["rate"] = panel["count"] / panel["population"]
        found = ask(made, panel=panel, outcome=outcome, population=population)
        before = found.paths[found.paths["period"] < made.start].dropna()
        assert before["comparison"].mean() == pytest.approx(before["treated"].mean(), rel=1e-6)
