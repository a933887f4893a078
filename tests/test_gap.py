"""Gaps over time and their change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, SCORE, SHARE, codes, compare, gap, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.figures import alt_of

HERE, ELSEWHERE = codes(0), codes(1, 2)


def closing(start: float = 90, end: float = 60) -> pd.DataFrame:
    return panel_of(
        [[start, 75, end], [60, 58, 55], [61, 60, 54]], [[1000], [1200], [1100]], multiplier=1000
    )


def test_each_periods_gap_is_that_periods_comparison():
    panel = closing()
    found = gap(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE).frame
    for row in found.itertuples():
        then = panel[panel["period"] == row.period]
        one = compare(then, area=HERE, comparator=ELSEWHERE, indicator=SHARE)
        assert row.gap == pytest.approx(one.difference)
        assert row.high == pytest.approx(one.difference_high)
        assert row.ratio_low == pytest.approx(one.ratio_low)


def test_a_closing_gap_has_narrowed_from_either_side():
    panel = closing(start=150)
    above = gap(panel, area=HERE, comparator=ELSEWHERE, indicator=RATE).change()
    below = gap(panel, area=ELSEWHERE, comparator=HERE, indicator=RATE).change()
    assert above.direction == below.direction == "narrowed"
    assert above.change == pytest.approx(below.change)
    assert [above.change_low, above.change_high] == pytest.approx(
        [below.change_low, below.change_high]
    )
    assert above.gap_start == pytest.approx(-below.gap_start)


def test_the_change_is_the_difference_of_the_gaps_and_its_interval_holds_it():
    change = gap(closing(), area=HERE, comparator=ELSEWHERE, indicator=RATE).change()
    assert change.change == pytest.approx(change.gap_end - change.gap_start)
    assert change.change_low < change.change < change.change_high


def test_a_small_move_is_no_clear_change():
    change = gap(closing(90, 87), area=HERE, comparator=ELSEWHERE, indicator=RATE).change()
    assert change.direction == "no clear change"
    assert "no clear change" in change.sentence()


@pytest.mark.slow
def test_the_interval_of_a_change_in_gap_covers_the_truth():
    rng = np.random.default_rng(2)
    people = np.array([[1500], [20_000]])
    risk = np.array([[0.08, 0.06], [0.05, 0.045]])
    truth = 1000 * ((0.06 - 0.045) - (0.08 - 0.05))
    hits = 0
    for _ in range(200):
        panel = panel_of(rng.poisson(people * risk), people, multiplier=1000)
        change = gap(panel, area=codes(0), comparator=codes(1), indicator=RATE).change()
        hits += change.change_low <= truth <= change.change_high
    assert hits / 200 >= 0.92  # two standard errors below 95%


def test_scores_have_gaps_without_limits_for_one_area():
    panel = closing().assign(numerator=np.nan, denominator=np.nan)
    found = gap(panel, area=HERE, comparator=ELSEWHERE, indicator=SCORE)
    assert found.frame["low"].isna().all()
    assert found.change().direction == "not judged"
    assert "without an interval the change cannot be judged" in found.sentence()


def test_one_period_has_no_change():
    panel = closing()
    once = gap(
        panel[panel["period"] == pd.Period("2004")],
        area=HERE,
        comparator=ELSEWHERE,
        indicator=RATE,
    )
    with pytest.raises(PanelError, match="two of them"):
        once.change()
    assert "in 2004. One period has no direction" in once.sentence()


def test_dated_events_are_marked_on_a_gap():
    found = gap(closing(), area=HERE, comparator=ELSEWHERE, indicator=RATE)
    year = found.frame["period"].iloc[1]
    events = pd.DataFrame({"date": [year.start_time], "label": ["Wardens start"]})
    assert f"Marked: 1 Wardens start (1 January {year})." in alt_of(found.plot(events=events))
    assert "Marked" not in alt_of(found.plot())


def test_a_withheld_latest_number_is_not_replaced_by_an_earlier_one():
    panel = closing()
    last = (panel["area_code"] == HERE[0]) & (panel["period"] == panel["period"].max())
    panel.loc[last, ["numerator", "value"]] = np.nan
    missing = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE)
    assert missing.period.year == 2005  # simply not there yet
    panel.loc[last, "note"] = "suppressed"
    withheld = compare(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE)
    assert withheld.period.year == 2006
    assert (withheld.verdict, withheld.reason) == (
        "not comparable",
        "the number is too small to be published",
    )
    with pytest.raises(PanelError, match="too small to be published in 2006"):
        gap(panel, area=HERE, comparator=ELSEWHERE, indicator=SHARE).change()
