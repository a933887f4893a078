"""Verdicts: each word on data whose answer is known, and the same from every way of counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_panels import RATE, SHARE, codes, compare, gap, panel_of

from lsp_analysis.standing.agencies.agenda import NOTHING, priorities
from lsp_analysis.standing.comparison import verdict as verdicts
from lsp_analysis.standing.comparison.baseline import Sides, compare_measured
from lsp_analysis.standing.comparison.measured import Measured, by_year
from lsp_analysis.standing.comparison.profiles import profile
from lsp_analysis.study.indicator import Indicator, on_unit_period

HERE, REST = codes(0), codes(1, 2)
STOCK = Indicator("jsa", "Claimants", "percent", "proportion", 100.0, "low_is_good", kind="stock")


def months(counts: np.ndarray, people: float, freq: str = "M") -> pd.DataFrame:
    """Counts of areas by months of 2010 and 2011, or joined into longer periods."""
    panel = panel_of(counts, people, multiplier=1000)
    panel["period"] = np.tile(pd.period_range("2010-01", periods=counts.shape[1], freq="M"), 3)
    panel["value"] = np.nan
    if freq == "M":
        return panel
    joined = panel.assign(period=panel["period"].dt.asfreq(freq))
    return joined.groupby(["area_code", "period"], as_index=False).agg(
        {"numerator": "sum", "denominator": "mean", "value": "first", "note": "first"}
    )


def measured_from(panel: pd.DataFrame, indicator: Indicator) -> Measured:
    years = by_year(panel, indicator)
    return Measured(indicator, on_unit_period(panel, indicator), years)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_months_and_their_yearly_sums_have_one_verdict(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.uniform(0.3, 9.0, (3, 1)), (3, 24)).astype(float)
    found = []
    for freq in ("M", "Q", "Y"):
        one = measured_from(months(counts, 1500.0, freq), RATE)
        found.append(compare_measured(one, Sides(HERE, REST)))
    assert len({one.verdict for one in found}) == 1
    for one in found[1:]:
        assert one.value == pytest.approx(found[0].value)
        assert [one.low, one.high] == pytest.approx([found[0].low, found[0].high])
        assert one.p_value == pytest.approx(found[0].p_value)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_a_stock_has_one_interval_from_months_quarters_and_years(seed):
    rng = np.random.default_rng(seed)
    counts = np.repeat(rng.integers(5, 200, (3, 8)), 3, axis=1).astype(float)
    limits = []
    for length in (1, 3, 12):
        readings = counts.reshape(3, -1, length).mean(axis=2)
        panel = panel_of(readings, 1600.0, multiplier=100)
        freq = {1: "M", 3: "Q", 12: "Y"}[length]
        periods = pd.period_range("2010-01", periods=readings.shape[1], freq=freq)
        panel["period"] = np.tile(periods, 3)
        found = compare_measured(measured_from(panel, STOCK), Sides(HERE, REST))
        limits.append([found.value, found.low, found.high])
    assert limits[1] == pytest.approx(limits[0])
    assert limits[2] == pytest.approx(limits[0])


def test_twelve_months_of_claimants_are_not_twelve_times_the_people():
    panel = months(np.repeat([[132.0], [800.0], [700.0]], 24, axis=1), 1693.0)
    found = compare_measured(measured_from(panel, STOCK), Sides(HERE, REST))
    assert found.value == pytest.approx(100 * 132 / 1693)
    assert [found.low, found.high] == pytest.approx([6.6, 9.2], abs=0.1)
    assert found.verdict == "better"


def test_a_gaps_sentence_agrees_with_its_table_on_both_sides_of_zero():
    rng = np.random.default_rng(8)
    crossed = 0
    for _ in range(150):
        events = rng.poisson(rng.uniform(10, 120, (3, 2)))
        panel = panel_of(events, 1000.0, multiplier=1000)
        found = gap(panel, area=HERE, comparator=REST, indicator=RATE)
        change, rows = found.change(), found.frame
        sizes = rows["gap"].abs()
        assert change.change == pytest.approx(sizes.iloc[-1] - sizes.iloc[0])
        said = change.sentence()
        assert ("narrowed" in said) == (change.direction == "narrowed")
        assert ("widened" in said) == (change.direction == "widened")
        if change.direction == "narrowed":
            assert sizes.iloc[-1] < sizes.iloc[0]
        if change.direction == "widened":
            assert sizes.iloc[-1] > sizes.iloc[0]
        assert change.change_low <= change.change <= change.change_high
        crosses = rows["gap"].iloc[0] * rows["gap"].iloc[-1] < 0
        assert (", from above to below" in said or ", from below to above" in said) == crosses
        crossed += crosses
    assert crossed > 30


def test_the_interval_of_a_gap_that_crosses_zero_holds_the_true_change():
    rng = np.random.default_rng(5)
    people = np.array([[3000], [20_000], [20_000]])
    risk = np.array([[0.060, 0.040], [0.05, 0.05], [0.05, 0.05]])
    truth, hits = 0.0, 0  # ten above, then ten below: its size has not changed
    for _ in range(300):
        panel = panel_of(rng.poisson(people * risk), people, multiplier=1000)
        change = gap(panel, area=HERE, comparator=REST, indicator=RATE).change()
        hits += change.change_low <= truth <= change.change_high
    assert hits / 300 >= 0.93


def test_close_to_it_needs_a_margin_and_an_interval_inside_it():
    panel = panel_of([[5000], [10_100], [10_050]], [[50_000], [100_000], [100_000]], multiplier=100)
    near = compare(panel, area=HERE, comparator=REST, indicator=SHARE)
    declared = compare(panel, area=HERE, comparator=REST, indicator=replace(SHARE, margin=1.0))
    narrow = compare(panel, area=HERE, comparator=REST, indicator=replace(SHARE, margin=0.01))
    assert [near.verdict, narrow.verdict] == ["no clear difference"] * 2
    assert declared.verdict == "close to it"


def test_a_clear_difference_takes_precedence_over_the_margin_and_over_few_cases():
    panel = panel_of([[24], [100], [100]], [[50], [2000], [2000]], multiplier=100)
    found = compare(panel, area=HERE, comparator=REST, indicator=replace(SHARE, margin=90.0))
    assert found.expected < 10
    assert found.verdict == "worse"


def test_few_expected_cases_are_too_few_to_say_and_never_alike():
    panel = panel_of([[6], [200], [220]], [[1000], [40_000], [42_000]], multiplier=1000)
    found = compare(panel, area=HERE, comparator=REST, indicator=RATE)
    assert found.expected == pytest.approx(1000 * 420 / 82_000)
    assert found.verdict == "too few to say"


def test_a_risk_that_follows_age_is_not_compared_without_ages():
    deaths = Indicator("deaths", "Deaths", "per_100000", "rate", 100_000.0, "low_is_good")
    panel = panel_of([[60], [200], [220]], [[1000], [20_000], [21_000]], multiplier=100_000)
    one = Measured(deaths, panel, panel, why_not="the risk follows age")
    found = compare_measured(one, Sides(HERE, REST))
    assert (found.verdict, found.reason) == ("not comparable", "the risk follows age")
    assert "not comparable (the risk follows age)" in found.sentence()


def test_nothing_is_compared_across_a_break():
    panel = panel_of(np.tile([[50, 50, 50, 90, 91]], (3, 1)), 1000.0, multiplier=1000)
    at = panel["period"] == pd.Period("2007")
    panel["note"] = np.where(at, "break", "")
    one = Measured(RATE, panel, panel)
    assert one.since(HERE) == pd.Period("2007")
    assert list(one.series(HERE)["period"].astype(str)) == ["2007", "2008"]
    table = profile({"burglary": one}, HERE, {"the rest": REST}).table
    assert table.loc["burglary", "previous_period"] == pd.Period("2007")
    last = Measured(RATE, panel[panel["period"] <= "2007"], panel[panel["period"] <= "2007"])
    row = profile({"burglary": last}, HERE, {"the rest": REST}).table.loc["burglary"]
    assert pd.isna(row["change"])
    assert row["change_verdict"] == "not comparable"
    assert row["change_reason"] == "counted anew since"


def test_a_fall_of_the_share_placed_is_no_fall_of_crime():
    events = np.tile([[100, 100, 100, 80]], (3, 1))
    panel = panel_of(events, 1000.0, multiplier=1000)
    panel["coverage"] = np.tile([1.0, 0.99, 1.0, 0.8], 3)
    row = profile({"burglary": Measured(RATE, panel, panel)}, HERE, {"the rest": REST}).table
    assert row["change_verdict"].tolist() == ["not comparable"]
    whole = panel.assign(coverage=0.97)
    row = profile({"burglary": Measured(RATE, whole, whole)}, HERE, {"the rest": REST}).table
    assert row["change_verdict"].tolist() != ["not comparable"]


def test_what_is_not_comparable_is_not_allowed_for_in_the_others():
    rows = pd.DataFrame(
        {"p_value": [0.03, 0.6, 0.7], "difference": 1.0, "polarity": "low_is_good",
         "margin": np.nan, "close_low": -1.0, "close_high": 1.0, "expected": 50.0,
         "why_not": ["", "ages", "ages"]}
    )  # fmt: skip
    assert verdicts.settle(rows)["verdict"].tolist() == [
        "worse",
        "not comparable",
        "not comparable",
    ]


def test_every_word_is_explained_and_every_verdict_is_one_of_them():
    assert set(verdicts.MEANINGS) == set(verdicts.VERDICTS)


def test_what_to_do_next_follows_its_rule_and_never_says_that_nothing_is_needed(brief):
    rows = priorities(brief)
    assert (rows["verdict"] == "worse").all()
    points = rows[["worse_than_alike", "off_track", "getting_worse"]].sum(axis=1)
    assert points.is_monotonic_decreasing
    quiet = brief.profile.table.assign(verdict="no clear difference")
    still = replace(brief)
    vars(still)["profile"] = replace(brief.profile, table=quiet)
    assert priorities(still).empty
    assert "ask residents and the ward's services" in NOTHING


def test_an_untested_value_among_the_worst_tenth_is_named_after_the_others(brief):
    table = brief.profile.table.copy()
    table.loc["recycling", ["verdict", "rank"]] = ["not comparable", 4]
    still = replace(brief)
    vars(still)["profile"] = replace(brief.profile, table=table)
    rows = priorities(still)
    assert rows.index[-1] == "recycling"
    assert "among the worst tenth" in rows["why"].iloc[-1]


def test_each_section_has_the_verdict_of_the_row(brief):
    own = brief.profile.table["verdict"]
    assert brief.shown_table().frame["Verdict"].tolist() == own.tolist()
    assert brief.profile_of(brief.area) is brief.profile


def test_deaths_are_pooled_until_twenty_and_standardised_for_age(brief):
    row = brief.profile.table.loc["deaths"]
    assert row["first"] < row["period"]
    assert "Standardised for age" in row["caution"]
    assert row["verdict"] == "worse"
    one = brief.measured("deaths")
    assert one.series(brief.area.members, years=1)["events"].iloc[-1] < 20
    years = one.years_for(brief.area.members)
    assert one.series(brief.area.members, years=years)["events"].iloc[-1] >= 20


def test_fly_tipping_counts_from_its_break_and_the_chart_shows_it(brief):
    assert str(brief.series("fly_tipping")["period"].iloc[0]) == "2010"
    assert "when the way of recording changed" in brief.trend_sentence("fly_tipping")
    events = brief.events("fly_tipping")
    assert "Counted differently from here on" in set(events["label"])
    assert "Recession" in set(events["label"])
    assert not brief.events("burglary")["label"].str.contains("recording|differently").any()
