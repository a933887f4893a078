"""The four corners of borough change against gap change."""

from __future__ import annotations

import pandas as pd
import pytest
from standing_panels import COUNT, RATE, SHARE, codes, measured_of, panel_of

from lsp_analysis.showing import View
from lsp_analysis.standing.inequality.gradient import _placed, aims_of, quadrant_name
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.study.areas import Area
from lsp_analysis.study.indicator import Indicator

HERE, ELSEWHERE = codes(0), codes(1)
PEOPLE = [[10_000], [100_000]]


def place(here: list[float], elsewhere: list[float], indicator: Indicator = RATE):
    panel = panel_of([here, elsewhere], PEOPLE, multiplier=indicator.multiplier)
    return quadrant_of({indicator.indicator_id: panel}, indicator)


def quadrant_of(panels: dict, *indicators: Indicator) -> View:
    """Indicators of the area HERE, whose borough has one other, as two aims."""
    area = Area("A00", "here", "lsoa", "2001", "B", tuple(HERE))
    known = {one.indicator_id: measured_of(panels[one.indicator_id], one) for one in indicators}
    brief = AreaBrief(None, area, {REST: ELSEWHERE}, panels, panels_given=True)
    brief._measured.update(known)
    return aims_of(brief)


@pytest.mark.parametrize(
    ("here", "elsewhere", "name"),
    [
        ([900, 500], [5000, 4000], "levelling up"),
        ([900, 880], [5000, 2000], "improving but widening"),
        ([900, 880], [5000, 7000], "narrowing by decline"),
        ([900, 1900], [5000, 7000], "both worse"),
    ],
)
def test_each_corner_has_its_name_where_less_is_better(here, elsewhere, name):
    row = place(here, elsewhere).table.iloc[0]
    assert row["quadrant"] == name
    assert row["clear"]
    assert row["borough_low"] < row["borough_change"] < row["borough_high"]
    assert row["gap_low"] < row["gap_change"] < row["gap_high"]


def test_where_more_is_better_a_rise_is_an_improvement():
    good = Indicator("work", "In work", "percent", "proportion", 100.0, "high_is_good")
    row = place([5000, 6200], [60_000, 65_000], good).table.iloc[0]
    assert row["quadrant"] == "levelling up"
    assert row["borough_change"] == pytest.approx(100 * 5 / 60)


def test_changes_within_chance_are_not_clear():
    assert not place([900, 890], [5000, 4990]).table["clear"].iloc[0]


def test_what_has_no_polarity_or_no_two_periods_is_named_and_not_placed():
    neutral = Indicator("calls", "Calls", "per_1000", "rate", 1000.0, "none")
    found = place([900, 500], [5000, 4000], neutral)
    assert found.table.empty
    assert found.sentence().endswith("Not placed: calls.")
    assert place([900], [5000]).sentence().endswith("Not placed: burglary.")
    assert place([900, 500], [5000, 4000], COUNT).sentence().endswith("Not placed: fires.")


def test_the_sentence_counts_the_corners():
    panel = panel_of([[900, 500], [5000, 4000]], PEOPLE, multiplier=1000)
    found = quadrant_of({"burglary": panel, "smoking": panel}, RATE, SHARE)
    assert "levelling up 2" in found.sentence()


def test_standing_still_is_no_corner():
    assert quadrant_name(0.0, -1.0) == "no change"


def test_one_indicator_is_told_by_its_name_and_none_is_no_list():
    frame = pd.DataFrame({"label": ["Burglary"], "quadrant": ["levelling up"], "clear": [False]})
    assert _placed(frame) == "Burglary: levelling up, though chance could have put it there."
    assert _placed(frame[:0]).startswith("No indicator has both a direction")


def test_the_table_gives_both_changes_with_intervals_in_words():
    found = place([900, 500], [5000, 4000])
    shown, row = found.shown_table().frame.iloc[0], found.table.iloc[0]
    assert (shown["So it is"], shown["Clearly so"]) == ("levelling up", "yes")
    assert shown["Change in the rest of the borough (+ is better)"].startswith(
        f"+{row['borough_change']:.0f}% (+"
    )
    assert shown["Change in the gap (+ is wider)"].startswith(f"−{-row['gap_change']:.0f}% (−")
