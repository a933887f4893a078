"""What could fool us is found where it is, and rarely where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import ask, asked_of, borough, question_of, score_question, scores, times
from claims import causal_words
from pictures import assert_fit_for_a_page

from lsp_analysis import Question, figures
from lsp_analysis.effects import (
    check_all,
    persistence,
)
from lsp_analysis.effects.checks.all_checks import (
    largest_step,
    missing_data,
    series_breaks,
    small_counts,
)
from lsp_analysis.effects.checks.comparators import (
    regression_to_the_mean,
)
from lsp_analysis.effects.checks.pretrends import (
    anticipation,
    earlier_dates,
    honest_bounds,
    pre_trends,
    undoing_violation,
)
from lsp_analysis.errors import PanelError, ParameterError

LOUD = {"mean_count": 60, "overdispersion": 0.02}
NAMES = [
    "Regression to the mean",
    "Pre-trends",
    "Size of violation that would undo it",
    "Anticipation",
    "Spillover",
    "Displacement",
    "Contaminated comparators",
    "Leave one comparator out",
    "Comparison pool",
    "Series breaks",
    "Small counts and dispersion",
    "Missing data",
]
STATUSES = {"passed", "failed", "too little to tell"}


def after(question: Question) -> np.ndarray:
    return question.event_time >= 0


# All of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "group_size"),
    [
        (-1.0, 1),
        (0.0, 4),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in ((0.0, 1), (-1.0, 4))),
    ],
)
def test_every_check_answers_in_a_plain_sentence(effect, group_size):
    question = question_of(borough(2, effect=effect, group_size=group_size))
    checks = check_all(question)
    assert [one.name for one in checks] == NAMES
    for one in checks:
        assert one.status in STATUSES
        assert one.finding.endswith((".", ".)"))
        assert not {"nan", "inf", "None"} & set(one.finding.replace(",", "").split())
        assert causal_words(one.sentence()) == []
        ax = one.plot()
        assert figures.alt_of(ax)
        head = f"{ax.get_title(loc='left')} {ax.get_xlabel()}".replace("\n", " ")
        assert not one.picture or one.name.lower() in head.lower()
        assert not one.picture or question.indicator.name in head
    assert "checks passed" in checks.sentence()
    assert list(checks.summary_frame()["status"]) == [one.status for one in checks]
    assert "Pre-trends" in checks._repr_html_()
    assert checks["Spillover"].name == "Spillover"
    with pytest.raises(ParameterError, match='Did you mean "Spillover"'):
        checks["Spill over"]


def test_scores_and_short_yearly_panels_are_checked_too():
    for asked in (score_question(effect=-10.0), score_question(n_periods=6)):
        checks = check_all(asked)
        assert [one.name for one in checks] == NAMES
        assert all(one.status in STATUSES for one in checks)
    assert checks["Series breaks"].status == "too little to tell"


def test_what_estimate_refuses_is_refused_here():
    with pytest.raises(PanelError):
        check_all(question_of(borough(2), start="2003-01"))


# Before the start ---------------------------------------------------------------------------------


def with_drift(made, per_month: float) -> Question:
    """A steady change of the treated area's counts, before the start too."""
    question = question_of(made)
    outcome = question.outcome.copy()
    pace = np.exp(per_month * np.arange(outcome.shape[1]))
    outcome[question.treated] = np.round(outcome[question.treated] * pace)
    return replace(question, outcome=outcome)


def test_earlier_dates_lie_half_a_year_apart_and_use_nothing_after_the_start():
    quiet, loud = (earlier_dates(asked_of(borough(2, effect=e))) for e in (0.0, -2.0))
    assert [first for first, _ in quiet.answers] == [-24, -18, -12, -6]
    assert quiet.statistics == pytest.approx(loud.statistics)


def test_a_strong_drift_fails_and_noise_seldom_does():
    loud = [pre_trends(earlier_dates(ask(with_drift(borough(s, **LOUD), 0.06)))).status
            for s in range(6)]  # fmt: skip
    quiet = [pre_trends(earlier_dates(asked_of(borough(s)))).status for s in range(15)]
    assert loud.count("failed") >= 4
    assert quiet.count("failed") <= 3


def test_the_last_step_is_the_estimate_itself():
    asked = asked_of(borough(3, effect=-0.5))
    bounds, smooth = honest_bounds(earlier_dates(asked))
    assert bounds.estimate == smooth.estimate
    assert bounds.estimate == pytest.approx(asked.effect.statistic * asked.effect.error)


def test_a_plain_effect_without_earlier_strays_withstands_some_violation():
    made = borough(4, effect=-1.5, mean_count=60, overdispersion=0.01, autocorrelation=0.0)
    found = undoing_violation(earlier_dates(asked_of(made)))
    assert "would undo the finding" in found.finding
    assert found.table["high"][0] < 0


def test_where_nothing_was_found_there_is_nothing_to_undo():
    found = undoing_violation(earlier_dates(asked_of(borough(1, mean_count=1))))
    assert found.status == "too little to tell"
    assert "no finding to undo" in found.finding


def test_an_effect_that_began_early_fails_and_one_that_did_not_seldom_does():
    early, prompt = [], []
    for seed in range(5):
        asked = asked_of(borough(seed, effect=-1.0, mean_count=40, overdispersion=0.02))
        question = asked.question
        recent = question.just_before(6)
        early.append(
            anticipation(earlier_dates(ask(times(question, question.treated, recent, 0.4)))).status
        )
        prompt.append(anticipation(earlier_dates(asked)).status)
    assert early.count("failed") >= 4
    assert prompt.count("failed") <= 1


def test_looking_worse_just_before_the_start_is_not_anticipation():
    question = question_of(borough(2, effect=-1.0, mean_count=40, overdispersion=0.02))
    found = anticipation(
        earlier_dates(ask(times(question, question.treated, question.just_before(6), 3)))
    )
    assert found.status == "passed"
    assert "places picked for looking worst" in found.finding


def test_two_periods_before_the_start_are_too_few():
    panel, given = scores()
    asked = ask(Question.from_frame(panel[panel["period"] >= "1998"], **given))
    earlier = earlier_dates(asked)
    for found in (pre_trends(earlier), undoing_violation(earlier), anticipation(earlier)):
        assert found.status == "too little to tell"


def test_half_years_without_a_value_of_the_neighbourhood_are_not_tried():
    question = question_of(borough(2))
    outcome = question.outcome.copy()
    outcome[np.ix_(question.treated, np.arange(12, 18))] = np.nan
    found = earlier_dates(ask(replace(question, outcome=outcome)))
    assert [first for first, _ in found.answers] == [-12, -6]
    assert np.isfinite(pre_trends(found).table["estimate"]).all()


NOISY = {"mean_count": 1.5, "level_sd": 0.2, "selection_window": 6}


def test_a_place_picked_for_a_bad_spell_fails_where_nothing_was_done():
    statuses = [regression_to_the_mean(asked_of(borough(s, **NOISY))).status for s in range(14)]
    assert statuses.count("passed") <= 5
    assert statuses.count("failed") >= 4


def test_a_lasting_level_and_a_real_fall_pass():
    steady = {"mean_count": 60, "overdispersion": 0.01, "autocorrelation": 0.0, "level_sd": 0.3}
    statuses = [
        regression_to_the_mean(asked_of(borough(s, effect=-0.7, **steady))).status
        for s in range(12)
    ]
    assert statuses.count("passed") >= 7
    assert statuses.count("failed") == 0


def test_the_table_sets_its_change_beside_the_expected_one_and_that_of_others():
    asked = asked_of(borough(3, effect=-0.5))
    question, table = asked.question, regression_to_the_mean(asked).table
    own = question.treated
    sums = [
        question.total[own][:, when].sum() / question.exposure[own][:, when].sum()
        for when in (question.just_before(12), after(question))
    ]
    assert table["estimate"][0] == pytest.approx(100 * (sums[1] / sums[0] - 1))
    assert table["low"][2] <= table["high"][2]
    assert table["areas"][3] == asked.effect.n_placebos


def test_scores_change_in_their_own_units():
    found = regression_to_the_mean(ask(score_question(effect=-20.0)))
    assert "it fell by" in found.finding
    assert "%" not in found.finding
    assert_fit_for_a_page(found.plot())


# The numbers themselves ---------------------------------------------------------------------------


def autoregression(count: int, carried: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(count + 50)
    for at in range(1, len(noise)):
        noise[at] = carried * noise[at - 1] + np.sqrt(1 - carried**2) * noise[at]
    return noise[50:]


@pytest.mark.parametrize(("count", "cycle"), [(60, 12), (40, 4), (15, 1)])
@pytest.mark.parametrize("carried", [0.0, 0.6])
def test_a_series_without_a_step_seldom_shows_one(count, cycle, carried):
    series = [autoregression(count, carried, seed) for seed in range(60)]
    found = [largest_step(one, cycle)[1] <= 0.05 for one in series]
    assert sum(found) <= 8


def test_a_step_is_found_where_it_is_and_trend_season_and_units_are_none():
    series = autoregression(60, 0.0, 1) + 4.0 * (np.arange(60) >= 25)
    at, p_value = largest_step(series, 12)
    assert at == 25
    assert p_value <= 0.05
    steady = autoregression(60, 0.3, 5)
    season = np.tile(np.arange(12.0), 5)
    moved = 7.0 * (steady + 3 + 0.5 * np.arange(60) + season)
    assert largest_step(moved, 12) == largest_step(steady, 12)


def noted(question: Question, at: int, text: str) -> Question:
    notes = pd.DataFrame({"area_code": ["x"], "period": [question.dates[at]], "note": [text]})
    return replace(question, context=dict(question.context) | {"notes": notes})


@pytest.mark.parametrize(("offset", "status"), [(2, "failed"), (-20, "passed")])
def test_a_noted_break_matters_only_near_the_start(offset, status):
    question = question_of(borough(4, mean_count=20, autocorrelation=0.2))
    found = series_breaks(ask(noted(question, question.at + offset, "break")))
    assert found.status == status
    assert "noted by the publisher" in found.finding


def test_a_break_in_all_areas_near_the_start_is_seen_without_a_note():
    question = question_of(borough(4, mean_count=20, autocorrelation=0.2))
    everywhere = np.ones(len(question.areas), dtype=bool)
    found = series_breaks(ask(times(question, everywhere, after(question), 2)))
    assert found.status == "failed"
    assert "comparison areas' series" in found.finding


@pytest.mark.parametrize(("mean", "status"), [(40, "passed"), (0.05, "too little to tell")])
def test_few_events_are_too_little_to_tell(mean, status):
    found = small_counts(asked_of(borough(4, mean_count=mean, overdispersion=0.02)))
    assert found.status == status
    assert_fit_for_a_page(found.plot())


def test_missing_values_are_told_and_matter_in_the_neighbourhood():
    question = question_of(borough(4))
    assert missing_data(question).finding == "No value is missing."
    outcome = question.outcome.copy()
    outcome[np.ix_(question.treated, np.arange(question.at, question.at + 6))] = np.nan
    assert missing_data(replace(question, outcome=outcome)).status == "failed"
    outcome = question.outcome.copy()
    outcome[np.flatnonzero(question.comparison)[0], question.at - 3] = np.nan
    found = missing_data(noted(replace(question, outcome=outcome), 3, "suppressed"))
    assert found.status == "passed"
    assert "one comparison area with gaps" in found.finding
    assert "one value as suppressed" in found.finding


# Whether it lasted --------------------------------------------------------------------------------


def faded(seed: int) -> Question:
    """A borough whose effect is gone after nine months."""
    gone, lasting = (borough(seed, effect=effect, **LOUD) for effect in (0.0, -1.2))
    late = lasting.panel["period"] >= lasting.start + 9
    count = lasting.panel["count"].mask(late, gone.panel["count"])
    return question_of(replace(lasting, panel=lasting.panel.assign(count=count)))


def test_windows_end_at_the_horizons_and_tile_the_time_after():
    found = persistence(question_of(borough(3, effect=-0.8, **LOUD))).table
    assert found["horizon"].tolist() == [3, 6, 12, 18]
    assert found["label"][0] == "July 2005 to September 2005"
    assert found["estimate"].to_numpy() == pytest.approx(100 * np.expm1(-0.8), abs=25)


def test_an_effect_that_fades_is_seen_to_and_one_that_lasts_is_not():
    told = [persistence(faded(seed)) for seed in range(4)]
    kept = [persistence(question_of(borough(seed, effect=-1.2, **LOUD))) for seed in range(4)]
    assert sum(one.change_p <= 0.05 and one.change == "faded" for one in told) >= 3
    assert sum(one.change_p <= 0.05 for one in kept) <= 1


def test_after_the_funding_is_compared_with_while_it_ran():
    found = persistence(faded(1), "2006-03")
    assert found.funded["label"][0] == "while funded: July 2005 to March 2006"
    assert found.funded["label"][1] == "after: April 2006 to December 2006"
    assert found.funded["estimate"][0] < -50 < found.funded["estimate"][1]
    assert causal_words(found.sentence()) == []
    assert_fit_for_a_page(found.plot())
    assert persistence(faded(1), "2020-01").funded.empty


def test_years_are_windows_by_the_calendar_and_a_single_one_cannot_tell():
    found = persistence(score_question(effect=-20.0))
    assert found.table["horizon"].tolist() == [3, 4]
    assert (found.table["high"] < 0).all()
    assert "lower" in found.sentence()
    panel, given = scores()
    one = persistence(Question.from_frame(panel[panel["period"] <= "2000"], **given))
    assert np.isnan(one.change_p)
    assert "cannot be told" in one.sentence()
    gone = panel[~panel["period"].isin([pd.Period("2001", "Y"), pd.Period("2002", "Y")])]
    found = persistence(Question.from_frame(gone, **given))
    assert found.table["label"].tolist() == ["2000", "2003"]


@pytest.mark.parametrize("end", ["soon", "NaT", 3.5])
def test_an_end_of_funding_that_is_no_date_is_refused(end):
    with pytest.raises(ParameterError, match="is not a month, quarter or year"):
        persistence(question_of(borough(2)), end)
