"""Progress of the plan's measures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, SHARE, codes, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.plan import latest_values, plan_progress


def plan_of(**columns: object) -> pd.DataFrame:
    row = {
        "measure_id": "m1",
        "indicator_id": "burglary",
        "theme": "Safe",
        "baseline_period": "2006",
        "baseline": 20.0,
        "target": 12.0,
        "due": "2010",
    }
    return pd.DataFrame([{**row, **columns}])


def latest_of(value: float, period: str = "2008", indicator_id: str = "burglary") -> pd.DataFrame:
    return pd.DataFrame(
        {"indicator_id": [indicator_id], "period": [pd.Period(period)], "value": [value]}
    )


@pytest.mark.parametrize(
    ("value", "period", "status"),
    [
        (11.0, "2008", "met"),
        (12.0, "2008", "met"),
        (15.9, "2008", "on track"),
        (16.5, "2008", "behind"),
        (20.0, "2008", "behind"),
        (21.0, "2008", "moving away"),
        (15.0, "2010", "missed"),
        (11.0, "2011", "met"),
        (np.nan, "2008", "no data"),
    ],
)
def test_a_measure_has_the_status_its_value_earns(value, period, status):
    assert plan_progress(plan_of(), latest_of(value, period)).table["status"]["m1"] == status


def test_a_target_above_its_baseline_is_met_by_rising():
    rising = plan_of(baseline=50.0, target=60.0)
    assert plan_progress(rising, latest_of(61.0)).table["status"]["m1"] == "met"
    assert plan_progress(rising, latest_of(49.0)).table["status"]["m1"] == "moving away"


def test_half_the_time_and_half_the_way_are_on_track():
    row = plan_progress(plan_of(), latest_of(16.0)).table.loc["m1"]
    assert row["progress"] == pytest.approx(0.5)
    assert row["expected"] == pytest.approx(0.5, abs=0.001)
    assert plan_progress(plan_of(), latest_of(15.99)).table["status"]["m1"] == "on track"


def test_a_stretch_target_has_its_own_progress():
    table = plan_progress(plan_of(stretch_target=8.0), latest_of(11.0)).table
    assert table["status"]["m1"] == "met"
    assert table["stretch_status"]["m1"] == "on track"
    assert table["stretch_progress"]["m1"] == pytest.approx(9 / 12)


def test_a_measure_without_observations_has_no_data_and_stays_in_the_plan():
    both = pd.concat([plan_of(), plan_of(measure_id="m2", indicator_id="litter")])
    found = plan_progress(both, latest_of(11.0))
    assert found.table["status"].tolist() == ["met", "no data"]
    assert found.sentence() == "Of two measures in the plan: 1 met and 1 no data."
    assert found.by("theme").loc["Safe", ["met", "no data"]].tolist() == [1, 1]


def test_financial_years_and_dates_are_understood():
    plan = plan_of(baseline_period="2006/07", due="2011-03-31")
    row = plan_progress(plan, latest_of(14.0, "2009-03")).table.loc["m1"]
    assert row["expected"] == pytest.approx(0.5, abs=0.001)
    assert row["status"] == "on track"


def test_a_target_that_is_its_baseline_is_met_by_standing_still():
    still = plan_of(target=20.0)
    assert plan_progress(still, latest_of(20.0)).table["status"]["m1"] == "met"


def test_a_measure_that_is_there_twice_is_refused():
    with pytest.raises(PanelError, match="'m1' is in the plan more than once"):
        plan_progress(pd.concat([plan_of(), plan_of()]), latest_of(1.0))


def test_latest_values_add_areas_up_and_skip_what_is_not_known():
    panel = panel_of([[10, 12], [20, np.nan]], 1000, multiplier=1000)
    panels = {"burglary": panel, "smoking": panel.assign(numerator=np.nan, value=np.nan)}
    latest = latest_values(panels, [RATE, SHARE])
    assert latest["indicator_id"].tolist() == ["burglary"]
    assert latest["value"].tolist() == [12]
    only = latest_values(panels, [RATE], codes(1))
    assert only["period"].tolist() == [pd.Period("2004")]
    assert latest_values({}, [RATE]).empty
