"""One neighbourhood, picked for looking worst, against its placebos: the core of `estimate`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from boroughs import borough
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from lsp_analysis import Question, estimate
from lsp_analysis.effects.one_area.neighbourhoods import (
    Panel,
    find_groups,
    placebo_groups,
    read_panel,
    shrunken_level,
    windows,
    year_blocks,
)
from lsp_analysis.effects.one_area.placebo_rank import judge, too_many
from lsp_analysis.effects.one_area.regression_on_past import variance_slope
from lsp_analysis.effects.result import FalseAlarms
from lsp_analysis.errors import PanelError

SIZES = ["estimate", "low", "high", "p_value", "relative", "relative_low", "relative_high"]
FALL = np.log(0.6)


@cache
def asked(seed: int = 1, **options) -> Question:
    made = borough(seed, **options)
    return Question.from_frame(
        made.panel, "count", list(made.treated), made.start, "population", made.neighbours
    )


@cache
def values(kind: str, seed: int = 1, *, effect: float = 0.0, n: int = 60, dates=None) -> Question:
    """A yearly share, stock or mean whose worst area of the last year is treated."""
    rng = np.random.default_rng(seed)
    dates = pd.period_range("2008", periods=12, freq="Y") if dates is None else dates
    at = 2 * len(dates) // 3
    level, common = rng.normal(0, 0.4, (n, 1)), rng.normal(0, 0.05, len(dates))
    noise = rng.normal(0, 0.08, (n, len(dates)))
    moved = level + common + noise
    people = np.exp(rng.normal(7.3, 0.15, (n, 1))) * np.ones((1, len(dates)))
    outcome = 50 + 10 * moved if kind == "mean" else np.rint(0.05 * people * np.exp(moved))
    worst = int((outcome / people if kind != "mean" else outcome)[:, at - 1].argmax())
    outcome[worst, at:] = (
        outcome[worst, at:] + effect
        if kind == "mean"
        else np.rint(outcome[worst, at:] * np.exp(effect))
    )
    ring = np.arange(n)
    near = sparse.coo_array((np.ones(n, bool), (ring, (ring + 1) % n)), shape=(n, n)).tocsr()
    return Question(
        areas=pd.Index([f"A{i:03d}" for i in range(n)]), dates=pd.PeriodIndex(dates),
        outcome=outcome, treated=ring == worst, start=dates[at], kind=kind,
        population=None if kind == "mean" else people, neighbours=(near + near.T).astype(bool),
    )  # fmt: skip


def judged(question: Question):
    return judge(read_panel(question), find_groups(question), question.level)


def effect_on(question: Question) -> float:
    return judged(question).effects[0]


# What it finds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("group_size", [1, 4])
@pytest.mark.slow
def test_a_true_fall_is_recovered_on_average(group_size):
    found = [effect_on(asked(seed, effect=FALL, group_size=group_size)) for seed in range(30)]
    assert np.mean(found) == pytest.approx(FALL, abs=3 * np.std(found) / np.sqrt(30))


@pytest.mark.parametrize(("kind", "size"), [("share", FALL), ("stock", FALL), ("mean", -4.0)])
def test_so_is_one_of_every_other_kind(kind, size):
    found = [effect_on(values(kind, seed, effect=size)) for seed in range(30)]
    assert np.mean(found) == pytest.approx(size, abs=3 * np.std(found) / np.sqrt(30))


def test_being_picked_for_looking_worst_is_not_taken_for_an_effect():
    found = [effect_on(asked(seed, mean_count=2.0, selection_window=6)) for seed in range(30)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(30)


@pytest.mark.parametrize(
    "question",
    [lambda s: asked(s), lambda s: asked(s, group_size=4), lambda s: values("share", s, n=30),
     lambda s: values("mean", s)],
    ids=["counts", "groups", "few areas", "means"],
)  # fmt: skip
@pytest.mark.parametrize("worlds", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_is_found_where_nothing_happened(question, worlds):
    judgements = [judged(question(seed)) for seed in range(worlds)]
    significant = np.mean([one.p_value <= 0.05 for one in judgements])
    covered = np.mean([one.effects[1] <= 0 <= one.effects[2] for one in judgements])
    most = 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / worlds)
    assert significant <= most
    assert covered >= 1 - most


def test_noise_that_grows_with_the_level_is_no_effect_at_the_top():
    rejected = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        level = rng.normal(0, 0.5, (80, 1))
        counts = rng.poisson(40 * np.exp(level + 0.25 * np.exp(level) * rng.normal(size=(80, 10))))
        question = Question(
            areas=pd.Index(range(80)), dates=pd.period_range("2010", periods=10, freq="Y"),
            outcome=counts.astype(float), population=np.full((80, 10), 1500.0), kind="events",
            treated=np.arange(80) == counts[:, 5].argmax(), start=pd.Period("2016", "Y"),
        )  # fmt: skip
        rejected.append(judged(question).p_value <= 0.05)
    assert np.mean(rejected) <= 0.14


# What the answer does not depend on -------------------------------------------------------------


def same(one, other, p: bool = True) -> None:
    for name in SIZES:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("group_size", [1, 4])
def test_names_and_the_order_of_areas_do_not_matter(group_size):
    question = asked(5, effect=-0.4, group_size=group_size)
    order = np.random.default_rng(1).permutation(len(question.areas))
    other = replace(
        question,
        areas=pd.Index([f"Z{i:03d}" for i in range(len(order))]),
        outcome=question.outcome[order],
        population=question.population[order],
        treated=question.treated[order],
        neighbours=question.neighbours[order][:, order],
    )
    same(estimate(question, checks=False), estimate(other, checks=False))


def test_counting_people_in_thousands_changes_no_share():
    question = asked(4, effect=-0.3)
    other = replace(question, population=question.population / 1000)
    one, two = (estimate(each, checks=False) for each in (question, other))
    assert two.relative_low == pytest.approx(one.relative_low)
    assert two.p_value == one.p_value


@pytest.mark.parametrize(("unit", "origin"), [(1e3, 0), (1e-3, 0), (1, 1e4), (1, -60)])
def test_neither_unit_nor_origin_matters_to_a_mean(unit, origin):
    question = values("mean", 3, effect=-4.0)
    other = replace(question, outcome=unit * question.outcome + origin)
    one, two = (estimate(each, checks=False) for each in (question, other))
    for name in ("estimate", "low", "high"):
        assert getattr(two, name) == pytest.approx(unit * getattr(one, name), rel=1e-5)
    assert two.p_value == one.p_value


def test_a_share_may_be_given_per_cent():
    question = values("share", 3, effect=-0.3)
    rate = replace(question, outcome=question.outcome / question.population, population=None)
    same_as = replace(rate, outcome=100 * rate.outcome)
    one, two = (estimate(each, checks=False) for each in (rate, same_as))
    assert two.relative_low == pytest.approx(one.relative_low, rel=1e-6)
    assert two.p_value == one.p_value


def test_adding_an_effect_to_a_mean_moves_the_estimate_by_it_and_nothing_else():
    none, some = (estimate(values("mean", effect=e), checks=False) for e in (0.0, -6.5))
    assert some.estimate - none.estimate == pytest.approx(-6.5)
    assert some.high - some.low == pytest.approx(none.high - none.low)


def test_what_the_treated_area_did_afterwards_moves_no_expectation():
    none, some = (judged(asked(3, effect=effect)) for effect in (0.0, -1.0))
    assert none.expected == pytest.approx(some.expected)
    assert none.statistic[1:] == pytest.approx(some.statistic[1:])


# The regression -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [asked(2), asked(2, group_size=3), values("share"), values("mean")],
    ids=["counts", "groups", "shares", "means"],
)
def test_the_model_handed_over_is_the_one_behind_the_expectation(question):
    groups = find_groups(question)
    known = judge(replace(read_panel(question), neighbours=None), groups, 0.95)
    terms, exposure = known.past.terms[:1], known.exposure[:1]
    if known.panel.multiplies:
        predicted = known.model().predict(terms, exposure=exposure)
    else:
        predicted = known.model().predict(terms) * exposure
    assert predicted[0] == pytest.approx(known.expected[0] + known.base[0], rel=1e-8)


def test_without_noise_the_expectation_is_exact():
    question = values("mean")
    level = np.random.default_rng(1).normal(50, 8, (60, 1))
    exact = replace(question, outcome=level + np.arange(12) % 3)
    known = judged(exact)
    assert known.expected / known.exposure == pytest.approx(
        known.observed / known.exposure, abs=1e-4
    )


def test_each_placebo_is_expected_without_itself():
    question = asked(3)
    groups = find_groups(question)
    area = int(groups.members[[5]].indices[0])
    outcome = question.outcome.copy()
    outcome[area, question.at :] *= 3
    old, new = judged(question), judged(replace(question, outcome=outcome))
    assert new.expected[5] == pytest.approx(old.expected[5], rel=0.05)
    assert new.observed[5] == 3 * old.observed[5]


def test_the_fewer_events_the_more_a_level_is_shrunk():
    ratio = np.exp(shrunken_level(np.array([4.0, 40, 4000]), np.array([2.0, 20, 2000]), 0.25))
    assert (np.diff(ratio) > 0).all()
    assert ratio[0] < 1.7
    assert ratio[2] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(("spread", "expected"), [(0.25, 10.0), (1.0, 3.0), (0.1, 60.0)])
def test_the_shrunken_level_is_the_mean_of_true_rates_that_gave_the_count(spread, expected):
    rng = np.random.default_rng(4)
    variance = np.log1p(spread)
    rates = np.exp(rng.normal(-variance / 2, np.sqrt(variance), 2_000_000))
    counts = rng.poisson(expected * rates)
    for quantile in (0.2, 0.5, 0.95, 0.99):
        count = int(np.quantile(counts, quantile))
        truth = rates[counts == count].mean()
        found = shrunken_level(np.array([float(count)]), np.array([expected]), spread)[0]
        assert np.exp(found) == pytest.approx(truth, rel=0.1)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 1.0])
def test_the_slope_of_the_variance_is_recovered_and_shrunk_where_areas_are_few(slope):
    rng = np.random.default_rng(2)
    found = {}
    for n in (20, 2000):
        slopes = []
        for _ in range(20):
            level = rng.standard_normal(n)
            moves = np.exp(slope * level / 2)[:, None] * rng.standard_normal((n, 2))
            slopes.append(variance_slope(level, moves, np.zeros((n, 2))))
        found[n] = np.mean(slopes)
    assert found[2000] == pytest.approx(slope, abs=0.05)
    assert abs(found[20]) <= abs(slope) + 0.15


# Time is a date -----------------------------------------------------------------------------------


def panel_at(years: list[float], cycle: int) -> Panel:
    years = np.array(years)
    table = np.ones((3, len(years)))
    return Panel(table, table, years, cycle, "linear")


def test_windows_and_years_are_counted_by_the_calendar_and_not_by_rows():
    monthly = panel_at([i / 12 for i in range(-40, 6)], 12)
    gaps = replace(monthly, years=np.delete(monthly.years, range(10, 20)), total=np.ones((3, 36)))
    recent, middle, rest = windows(monthly, 3)
    assert [len(recent), len(middle), len(rest)] == [6, 18, 16]
    recent, middle, rest = windows(gaps, 3)
    assert [len(recent), len(middle), len(rest)] == [6, 14, 10]
    editions = panel_at([-11, -8, -5, 0, 4], 1)
    assert [list(one) for one in windows(editions, 3)] == [[2], [1], [0]]
    assert [list(one) for one in year_blocks(editions)[0]] == [[2], [1], [0]]
    assert [len(one) for one in year_blocks(monthly)[0]] == [12, 12, 12]


def test_moves_span_as_many_years_as_there_are_after_the_start_where_the_past_is_long():
    long, short = (panel_at(list(range(-before, 4)), 1) for before in (12, 5))
    blocks, span = year_blocks(long)
    assert (span, len(blocks), len(blocks[0])) == (4, 9, 4)
    assert year_blocks(short)[1] == 1


def test_a_missing_period_is_not_closed_up():
    question = asked(3, effect=-0.3)
    kept = np.ones(len(question.dates), bool)
    kept[10:14] = False
    gone = question.during(kept)
    closed = replace(gone, dates=question.dates[4:])
    found = [effect_on(each) for each in (question, gone, closed)]
    assert abs(found[1] - found[0]) < 0.1
    assert not np.array_equal(judged(gone).past.terms, judged(closed).past.terms)


def test_editions_years_apart_are_answered():
    dates = pd.PeriodIndex(["2004", "2007", "2010", "2015", "2017", "2019"], freq="Y")
    found = [
        effect_on(values("share", seed, effect=FALL, dates=tuple(dates))) for seed in range(20)
    ]
    assert np.mean(found) == pytest.approx(FALL, abs=3 * np.std(found) / np.sqrt(20))


# Ranks, intervals, placebos -----------------------------------------------------------------------


def test_p_is_the_rank_among_the_placebos_and_never_zero():
    for effect in (0.0, np.log(0.02)):
        found = estimate(asked(3, effect=effect, mean_count=30), checks=False)
        beaten = (found.placebos["statistic"].abs() >= abs(found.statistic)).sum()
        assert found.n_placebos == len(found.placebos)
        assert found.p_value == pytest.approx((beaten + 1) / (found.n_placebos + 1))
    assert found.p_value == found.finest_p == 1 / (found.n_placebos + 1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 30),
    effect=st.sampled_from([0.0, -0.2, -0.5, 0.4]),
    level=st.sampled_from([0.8, 0.9, 0.95]),
    kind=st.sampled_from(["counts", "share", "mean"]),
)
def test_the_interval_leaves_out_zero_exactly_when_p_is_small_enough(seed, effect, level, kind):
    if kind == "counts":
        question = asked(seed, effect=effect)
    else:
        question = values(kind, seed, effect=10 * effect if kind == "mean" else effect)
    found = estimate(replace(question, level=level), checks=False)
    assert (found.low > 0 or found.high < 0) == (found.p_value <= 1 - level + 1e-9)
    assert found.low <= found.estimate <= found.high


def test_the_absolute_interval_rests_on_what_was_observed():
    found = estimate(values("share", effect=FALL), checks=False)
    for size, share in (
        (found.estimate, found.relative),
        (found.low, found.relative_low),
        (found.high, found.relative_high),
    ):
        assert size == pytest.approx(found.observed * share / (1 + share))


def test_overlapping_placebos_are_known_to_say_less_than_as_many_apart():
    found = judged(asked(5, effect=FALL, group_size=4))
    apart = replace(found, groups=replace(found.groups, disjoint=found.groups.n_placebos))
    assert found.groups.disjoint < found.groups.n_placebos
    assert found.critical > apart.critical
    assert found.p_value >= apart.p_value


def test_placebos_are_in_one_piece_beyond_the_ring_and_all_of_them_where_they_can_be_listed():
    question = asked(5, group_size=2)
    groups = placebo_groups(question)
    assert (groups.sum(axis=1) == 2).all()
    assert not groups[:, ~question.comparison].any()
    inside = question.neighbours[question.comparison][:, question.comparison]
    assert len(groups) == inside.nnz // 2
    assert len(np.unique(groups, axis=0)) == len(groups)


def test_with_twenty_areas_a_rank_can_reach_the_level_and_with_fewer_it_says_so():
    found = estimate(values("share", n=20), checks=False)
    assert found.finest_p == pytest.approx(0.05)
    assert any("next door" in caution for caution in found.warnings)
    few = estimate(values("mean", n=12), checks=False)
    assert few.finest_p > 0.05
    assert np.isinf(few.high)
    assert any("no effect of any size" in caution for caution in few.warnings)


def test_one_odd_area_on_which_the_estimate_rests_is_named():
    question = values("mean", n=30)
    odd = int(np.flatnonzero(question.comparison)[3])
    outcome = question.outcome.copy()
    outcome[odd] += 60
    outcome[odd, question.at :] += 40
    named = estimate(replace(question, outcome=outcome), checks=False)
    assert any(str(question.areas[odd]) in caution for caution in named.warnings)
    assert not any(
        "depends strongly on" in each for each in estimate(asked(2), checks=False).warnings
    )


def test_shares_that_are_mostly_zero_are_answered():
    question = values("share", 2, effect=FALL)
    rng = np.random.default_rng(3)
    outcome = np.where(rng.random(question.outcome.shape) < 0.7, 0.0, question.outcome)
    outcome[question.treated] = question.outcome[question.treated]
    found = estimate(replace(question, outcome=outcome), checks=False)
    assert np.isfinite([found.estimate, found.low, found.high, found.error]).all()


def test_a_treated_area_without_an_event_afterwards_has_an_upper_limit():
    question = asked(3, mean_count=0.5)
    outcome = question.outcome.copy()
    outcome[question.treated, question.at :] = 0
    found = estimate(replace(question, outcome=outcome), checks=False)
    assert found.relative == found.relative_low == -1
    assert -1 < found.relative_high < 1
    assert found.low == pytest.approx(-found.counterfactual)


def test_what_is_alike_everywhere_before_the_start_is_refused_in_a_sentence():
    question = values("share")
    outcome = question.outcome.copy()
    outcome[:, : question.at] = 0.05 * question.population[:, : question.at]
    with pytest.raises(PanelError, match="the same in all comparison areas before the start"):
        estimate(replace(question, outcome=outcome))


def test_the_error_of_drawn_placebos_is_printed():
    question = asked(5, group_size=6)
    groups = find_groups(question)
    found = estimate(question, checks=False)
    assert not groups.listed
    assert any("p is known to within 0.01" in caution for caution in found.warnings)
    assert judged(question).margin == pytest.approx(
        2.576 * np.sqrt(0.0475 / groups.n_placebos), rel=1e-3
    )


@pytest.mark.parametrize(
    ("alarms", "trials", "many"), [(0, 30, False), (3, 30, False), (6, 30, True), (0, 0, False)]
)
def test_more_false_positives_than_chance_makes_are_heard(alarms, trials, many):
    assert too_many(FalseAlarms(alarms, trials, 6), 0.95) == many


def test_the_method_is_tried_at_earlier_dates_of_the_same_data():
    found = estimate(asked(2))
    assert found.false_alarms.trials == 30
    assert 0 <= found.false_alarms.alarms <= 6
    assert found.model.summary() is not None


def test_a_start_with_one_date_before_it_is_refused():
    question = values("mean")
    with pytest.raises(PanelError, match="needs 2 or more"):
        estimate(question.during(np.arange(12) < 4, question.dates[1]))


@pytest.mark.parametrize("kind", ["share", "mean"])
def test_the_counterfactual_path_averages_to_the_counterfactual(kind):
    question = values(kind, effect=-0.3)
    found = estimate(question, checks=False)
    after = found.paths["period"] >= question.start
    assert found.paths.loc[after, "comparison"].mean() == pytest.approx(
        found.counterfactual, rel=1e-6
    )
