"""An area against its comparators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import CLAIMS, COUNT, RATE, SCORE, SHARE, codes, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.baseline import compare, compare_each
from lsp_analysis.standing.comparison.contrast import difference_of_proportions, ratio_of_rates

HERE, ELSEWHERE = codes(0, 1), codes(2, 3, 4)


@pytest.fixture
def panel() -> pd.DataFrame:
    events = [[60, 55], [70, 65], [30, 31], [28, 27], [33, 30]]
    return panel_of(events, [[1000], [1200], [900], [1100], [1000]], multiplier=1000)


def test_a_share_is_compared_as_the_two_groups_counts(panel):
    found = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE)
    gap = difference_of_proportions(120, 2200, 88, 3000).scaled(100)
    assert found.difference == pytest.approx(float(gap.estimate))
    assert [found.difference_low, found.difference_high] == pytest.approx([gap.low, gap.high])
    assert found.verdict == "worse"


def test_a_rate_has_a_score_ratio_and_the_period_asked_for(panel):
    first = compare(
        panel, area=HERE, comparator=ELSEWHERE, indicator=RATE, period=pd.Period("2004")
    )
    ratio = ratio_of_rates(130, 2200, 91, 3000)
    assert first.ratio == pytest.approx(float(ratio.estimate))
    assert first.ratio_high == pytest.approx(float(ratio.high))
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


def test_a_period_that_is_not_there_is_answered_with_those_that_are(panel):
    with pytest.raises(PanelError, match="2004 to 2005"):
        compare(panel, area=HERE, comparator=ELSEWHERE, indicator=RATE, period=pd.Period("2011"))


def test_repeated_people_are_judged_by_the_spread_of_small_areas_or_not_at_all(panel):
    several = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=CLAIMS)
    single = compare(panel, area=codes(0), comparator=ELSEWHERE, indicator=CLAIMS)
    assert several.difference_low < several.difference < several.difference_high
    assert "differ from one another" in several.sentence()
    assert single.verdict == "not compared"
    assert "no Poisson count" in single.sentence()


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
    assert "1 of 3 small areas without a value were left out" in found.sentence()


def test_an_area_without_values_says_so_instead_of_failing(panel):
    gone = panel.copy()
    gone.loc[gone["area_code"].isin(HERE), ["numerator", "value"]] = np.nan
    found = compare(gone, area=HERE, comparator=ELSEWHERE, indicator=RATE)
    assert found.verdict == "not compared"
    assert "has no value" in found.sentence()


def test_each_area_against_all_others_is_the_comparison_done_one_by_one(panel):
    table = compare_each(panel, indicator=RATE).set_index("area_code")
    everyone = codes(0, 1, 2, 3, 4)
    for code in everyone:
        others = [c for c in everyone if c != code]
        one = compare(panel, area=[code], comparator=others, indicator=RATE)
        row = table.loc[code]
        assert row["rest"] == pytest.approx(one.comparator_value)
        assert row["difference_low"] == pytest.approx(one.difference_low)
        assert row["ratio_high"] == pytest.approx(one.ratio_high)
        assert row["verdict"] == one.verdict


def test_no_events_anywhere_is_similar_and_never_an_error():
    panel = panel_of(np.zeros((4, 1)), 800, multiplier=1000)
    table = compare_each(panel, indicator=RATE)
    assert (table["value"] == 0).all()
    assert (table["verdict"] == "similar").all()
    assert np.isnan(table["ratio"]).all()


def test_a_score_cannot_be_judged_area_by_area(panel):
    with pytest.raises(PanelError, match="no counts"):
        compare_each(panel, indicator=SCORE)


def test_under_no_difference_few_areas_are_called_different():
    rng = np.random.default_rng(4)
    people = rng.integers(900, 2500, 2000)
    panel = panel_of(rng.poisson(people * 0.03)[:, None], people[:, None], multiplier=1000)
    verdicts = compare_each(panel, indicator=RATE)["verdict"]
    assert 0.03 < (verdicts != "similar").mean() < 0.07


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
    each = compare_each(panel, indicator=SHARE)
    assert each["low"].isna().tolist() == [True, False, False]
    assert each["verdict"].iloc[0] == "not compared"
    against = compare(panel, area=codes(1), comparator=codes(2), indicator=SHARE)
    assert against.verdict == "similar"
