"""Breaks, small counts and gaps are seen where they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boroughs import borough, case_of, scores
from matplotlib.text import Text
from pictures import assert_fit_for_a_page

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.checks.data_quality import (
    largest_step,
    missing_data,
    series_breaks,
    small_counts,
)
from lsp_analysis.effects.checks.sensitivity import check_all, check_case

CASE = case_of(borough(4, mean_count=20, autocorrelation=0.2))


def autoregression(count: int, carried: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(count + 50)
    for at in range(1, len(noise)):
        noise[at] = carried * noise[at - 1] + np.sqrt(1 - carried**2) * noise[at]
    return noise[50:]


@pytest.mark.parametrize(("count", "cycle"), [(60, 12), (40, 4), (15, 1)])
@pytest.mark.parametrize("carried", [0.0, 0.6])
def test_a_series_without_a_step_seldom_shows_one(count, cycle, carried):
    series = [autoregression(count, carried, seed) for seed in range(60)]
    found = [largest_step(one, cycle, seed=3)[1] <= 0.05 for one in series]
    assert sum(found) <= 8


def test_a_step_is_found_where_it_is():
    series = autoregression(60, 0.0, 1) + 4.0 * (np.arange(60) >= 25)
    at, p_value = largest_step(series, 12, seed=3)
    assert at == 25
    assert p_value <= 0.05


def test_trend_season_and_units_are_no_step():
    plain = autoregression(60, 0.3, 5)
    season = np.tile(np.arange(12.0), 5)
    moved = 7.0 * (plain + 3 + 0.5 * np.arange(60) + season)
    assert largest_step(moved, 12, seed=1) == largest_step(plain, 12, seed=1)


def notes(case, at: int, text: str) -> pd.DataFrame:
    return pd.DataFrame({"period": [case.ledger.periods[at]], "note": [text]})


@pytest.mark.parametrize(("offset", "status"), [(2, "failed"), (-20, "passed")])
def test_a_noted_break_matters_only_near_the_start(offset, status):
    found = series_breaks(CASE, notes(CASE, CASE.start + offset, "break"))
    assert found.status == status
    assert "noted by the publisher" in found.finding


def test_a_break_in_all_areas_near_the_start_is_seen_without_a_note():
    total = CASE.ledger.total.copy()
    total[:, CASE.start :] *= 2
    found = series_breaks(replace(CASE, ledger=replace(CASE.ledger, total=total)))
    assert found.status == "failed"
    assert "comparison areas' series" in found.finding


def test_a_short_series_is_too_little_to_look_for_a_break_in():
    panel, question = scores(n_periods=8)
    assert series_breaks(open_case(panel, **question)).status == "too little to tell"


@pytest.mark.parametrize(("mean", "status"), [(40, "passed"), (0.05, "too little to tell")])
def test_few_events_are_too_little_to_tell(mean, status):
    found = small_counts(case_of(borough(4, mean_count=mean, overdispersion=0.02)))
    assert found.status == status


def test_overdispersion_is_told_as_a_multiple_of_chance():
    calm = {"autocorrelation": 0.0, "overdispersion": 0.0, "mean_count": 20.0}
    wild = calm | {"overdispersion": 1.0, "autocorrelation": 0.5}
    told = [small_counts(case_of(borough(4, **one))).finding for one in (calm, wild)]
    times = [float(text.split("the variance is ")[1].split(" ")[0]) for text in told[1:]]
    assert times[0] > 3


def test_person_periods_are_not_held_against_what_chance_alone_would_make():
    made = borough(4, mean_count=20, autocorrelation=0.2)
    months = case_of(made, person_periods=True)
    found = small_counts(months)
    assert "chance alone" not in found.finding
    assert "person-periods were expected" in found.finding
    assert "the same people counted again" in found.finding
    assert found.status == small_counts(CASE).status
    for finding in (one.finding for one in check_case(months)):
        assert "events" not in finding.replace("other programmes or events", "")


def test_a_full_panel_has_nothing_missing():
    found = missing_data(CASE)
    assert (found.status, found.finding) == ("passed", "No value is missing.")


def test_gaps_of_the_neighbourhood_after_the_start_fail():
    gone = np.ix_(CASE.treated, np.arange(CASE.start, CASE.start + 6))
    total, exposure = CASE.ledger.total.copy(), CASE.ledger.exposure.copy()
    total[gone] = exposure[gone] = 0
    ledger = replace(CASE.ledger, total=total, exposure=exposure)
    assert missing_data(replace(CASE, ledger=ledger)).status == "failed"


def test_a_gap_elsewhere_passes_and_is_told():
    made = borough(4, mean_count=20, autocorrelation=0.2)
    other = str(CASE.ledger.codes[CASE.pool.comparison][0])
    gone = (made.panel["area_code"] == other) & (made.panel["period"] == made.start - 3)
    case = case_of(replace(made, panel=made.panel[~gone]))
    found = missing_data(case, notes(CASE, 3, "suppressed"))
    assert found.status == "passed"
    assert "one comparison area with gaps" in found.finding
    assert "one value as suppressed" in found.finding


@pytest.mark.parametrize("check", [series_breaks, small_counts, missing_data])
def test_pictures_are_fit_for_a_page(check):
    assert_fit_for_a_page(check(CASE).plot())


@pytest.mark.parametrize(
    "named",
    [
        lambda year: year,
        lambda year: f"{year}/{(year + 1) % 100:02d}",
        lambda year: pd.Timestamp(year, 1, 1),
    ],
    ids=["number", "financial year", "date"],
)
def test_a_break_is_found_by_whatever_name_the_panel_gives_its_years(named):
    panel, question = scores()
    years = panel["period"].dt.year
    noted = panel.assign(period=years.map(named), note=np.where(years == 2000, "break", ""))
    asked = question | {"start": named(2000)}
    found = {check.name: check for check in check_all(noted, **asked)}["Series breaks"]
    assert found.status == "failed"


def test_series_are_drawn_in_units_that_are_named_with_the_start_marked():
    breaks, counts, gaps = series_breaks(CASE), small_counts(CASE), missing_data(CASE)
    total, exposure = (
        part[CASE.pool.comparison].sum(axis=0) for part in (CASE.ledger.total, CASE.ledger.exposure)
    )
    assert breaks.table["value"].to_numpy() == pytest.approx(1000 * total / exposure, rel=0.01)
    for check, unit in ((breaks, "Events per 1,000"), (counts, "Events in each period")):
        axes = check.plot()
        shown = [axes.get_title(loc="left"), *(t.get_text() for t in axes.figure.findobj(Text))]
        assert any(unit in text for text in shown)
        assert any("start (" in text for text in shown)
    assert "No value is missing." in [text.get_text() for text in gaps.plot().texts]


def test_the_level_of_a_score_is_drawn_and_not_the_sum_of_its_areas():
    panel, question = scores()
    case = open_case(panel, **question | {"treated": ["A000", "A001"], "unit": "points"})
    mean = panel[panel["area_code"].isin(["A000", "A001"])].groupby("period")["score"].mean()
    assert small_counts(case).table["value"].to_numpy() == pytest.approx(mean.to_numpy())
