"""What agencies do in an area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import place_with

from lsp_analysis.errors import ParameterError
from lsp_analysis.standing.agencies.agenda import activity

RUNS = pd.DataFrame(
    {
        "intervention_id": ["i1", "i2", "i3", "i4"],
        "area_code": ["N1", "A01", "N1", "B07"],
        "agency": ["Police", "PCT", "Police", "Council"],
        "theme": ["Safe", "Healthy", "Safe", "Cleaner"],
        "kind": ["patrol", "trainer", "camera", "skip"],
        "start": ["2007-01-01", "2008-07-01", "2009-06-01", "2008-01-01"],
        "end": ["2008-12-31", None, "2009-12-31", "2008-12-31"],
        "cost_gbp": [20_000.0, np.nan, 9000.0, 5000.0],
        "people_reached": [np.nan, 80.0, np.nan, np.nan],
    }
)
RUNS[["start", "end"]] = RUNS[["start", "end"]].apply(pd.to_datetime)


def in_2008(**keywords: object):
    return activity(place_with(RUNS, people=1600), **keywords)


def test_only_what_ran_in_the_area_at_the_time_counts():
    table = in_2008().table
    assert table["interventions"].to_dict() == {"PCT": 1, "Police": 1}


def test_cost_counts_by_its_days_inside():
    table = in_2008().table
    days = 731  # two years, one of them a leap year
    assert table.loc["Police", "cost_gbp"] == pytest.approx(20_000 * 366 / days)
    assert table.loc["Police", "cost_per_head"] == pytest.approx(20_000 * 366 / days / 1600)


def test_an_unknown_cost_is_missing_and_mentioned_and_not_nought():
    found = in_2008()
    assert np.isnan(found.table.loc["PCT", "cost_gbp"])
    assert "not known for 1 of 2" in found.sentence()
    assert found.table.loc["PCT", "reached_per_1000"] == pytest.approx(50)


def test_agencies_at_once_are_counted_month_by_month():
    at_once = in_2008().at_once.set_index("day")["agencies"]
    assert at_once["2008-06-01"] == 1
    assert at_once["2008-07-01"] == 2
    assert "two agencies were at work at once" in in_2008().sentence()


def test_an_area_where_nothing_runs_says_so():
    found = activity(place_with(RUNS.assign(area_code="Z9"), people=1000))
    assert found.table.empty
    assert found.sentence().startswith("No intervention is recorded")


def test_other_groupings_are_by_theme_and_kind_only():
    assert set(in_2008(by="theme").table.index) == {"Safe", "Healthy"}
    with pytest.raises(ParameterError, match="agency, theme, kind"):
        in_2008(by="cost")
