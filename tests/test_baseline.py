"""An area against its comparators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import CLAIMS, COUNT, RATE, SCORE, SHARE, codes, compare, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.exact import compare_rates, compare_shares

HERE, ELSEWHERE = codes(0, 1), codes(2, 3, 4)


@pytest.fixture
def panel() -> pd.DataFrame:
    events = [[60, 55], [70, 65], [30, 31], [28, 27], [33, 30]]
    return panel_of(events, [[1000], [1200], [900], [1100], [1000]], multiplier=1000)


def test_a_share_is_compared_as_the_two_groups_counts(panel):
    found = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE)
    gap = compare_shares([120], [2200], [88], [3000])
    assert found.difference == pytest.approx(100 * (120 / 2200 - 88 / 3000))
    assert found.difference_low == pytest.approx(100 * gap["difference_low"][0])
    assert found.difference_high == pytest.approx(100 * gap["difference_high"][0])
    assert found.verdict == "worse"


def test_a_rate_has_an_exact_ratio(panel):
    early = panel[panel["period"] == pd.Period("2004")]
    first = compare(early, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    exact = compare_rates([130], [2200], [91], [3000])
    assert first.ratio == pytest.approx(130 / 2200 / (91 / 3000))
    assert first.ratio_high == pytest.approx(exact["ratio_high"][0])
    assert first.period == pd.Period("2004")


def test_swapping_sides_turns_the_gap_over(panel):
    one = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    other = compare(panel, area=ELSEWHERE, comparator=HERE, indicator=RATE)
    assert one.difference == pytest.approx(-other.difference)
    assert one.difference_low == pytest.approx(-other.difference_high)
    assert one.p_value == pytest.approx(other.p_value)
    assert {one.verdict, other.verdict} == {"worse", "better"}


def test_an_area_is_never_compared_with_itself(panel):
    with pytest.raises(PanelError, match="both sides"):
        compare(panel, area=HERE, comparator=codes(1, 2), indicator=RATE)


def test_a_stock_is_judged_as_one_reading_of_a_share(panel):
    stock = compare(panel, area=codes(0), comparator=ELSEWHERE, indicator=CLAIMS)
    share = compare(panel, area=codes(0), comparator=ELSEWHERE, indicator=SHARE)
    assert stock.p_value == share.p_value
    assert stock.low == pytest.approx(10 * share.low)


def test_counts_of_places_of_different_size_are_not_compared(panel):
    found = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=COUNT)
    assert np.isnan(found.difference)
    assert "use a rate" in found.sentence()


def test_the_last_period_with_a_value_is_the_one_compared(panel):
    gone = panel.copy()
    gone.loc[gone["area_code"].isin(HERE) & (gone["period"] == pd.Period("2005")), "numerator"] = (
        np.nan
    )
    found = compare(gone, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    assert found.period == pd.Period("2004")


def test_a_suppressed_comparator_area_is_left_out_and_mentioned(panel):
    gone = panel.copy()
    gone.loc[gone["area_code"] == "A04", "numerator"] = np.nan
    found = compare(gone, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    assert found.comparator_value == pytest.approx(1000 * 58 / 2000)
    assert "one small area without a value is left out" in found.sentence()


def test_an_area_without_values_says_so_instead_of_failing(panel):
    gone = panel.copy()
    gone.loc[gone["area_code"].isin(HERE), ["numerator", "value"]] = np.nan
    found = compare(gone, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    assert found.verdict == "not comparable"
    assert "has no value" in found.sentence()


def test_no_events_anywhere_are_too_few_and_never_an_error():
    panel = panel_of(np.zeros((4, 1)), 800, multiplier=1000)
    found = compare(panel, area=codes(0), comparator=codes(1, 2, 3), indicator=RATE)
    assert (found.value, found.verdict) == (0, "too few to say")
    assert np.isnan(found.ratio)
    assert found.difference_low < 0 < found.difference_high


def test_a_single_areas_score_is_not_comparable_without_an_interval(panel):
    scores = panel.assign(numerator=np.nan, denominator=np.nan)
    found = compare(scores, area=codes(0), comparator=ELSEWHERE, indicator=SCORE)
    assert found.verdict == "not comparable"
    assert "single area" in found.reason


def test_a_published_interval_is_the_one_judged_by(panel):
    value = panel["value"]
    told = panel.assign(numerator=np.nan, denominator=np.nan, lower95=value - 5, upper95=value + 5)
    found = compare(told, area=codes(0), comparator=ELSEWHERE, indicator=SHARE)
    assert [found.low, found.high] == pytest.approx([found.value - 5, found.value + 5])
    assert found.verdict == "worse"
    without = compare(told[panel.columns], area=codes(0), comparator=ELSEWHERE, indicator=SHARE)
    assert without.verdict == "not comparable"
    assert "without an interval" in without.reason


def test_under_no_difference_at_most_one_in_twenty_is_called_different():
    rng = np.random.default_rng(4)
    people = rng.integers(900, 2500, 2000)
    events = rng.poisson(people * 0.03)
    found = compare_rates(events, people, events.sum() - events, people.sum() - people)
    assert 0.02 < (found["p_value"] < 0.05).mean() < 0.055


def test_the_summary_is_one_row_that_can_be_stacked(panel):
    rows = [
        compare(panel, area=HERE, comparator=ELSEWHERE, indicator=i).summary_frame()
        for i in (RATE, SHARE)
    ]
    stacked = pd.concat(rows)
    assert stacked.index.tolist() == ["burglary", "smoking"]
    assert {"value", "comparator_value", "difference_low", "verdict"} <= set(stacked)


def test_one_impossible_row_leaves_the_other_areas_with_theirs():
    # 1,200 of 1,000 people cannot be: the check says so, and the rest of the page still stands.
    panel = panel_of([[1200], [60], [61]], [[1000], [1200], [1100]], multiplier=100)
    impossible = compare(panel, area=codes(0), comparator=codes(1, 2), indicator=SHARE)
    assert impossible.verdict == "not comparable"
    against = compare(panel, area=codes(1), comparator=codes(2), indicator=SHARE)
    assert against.verdict == "no clear difference"
