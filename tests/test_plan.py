"""Progress of the plan's measures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, panel_of

from lsp_analysis import open_study
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.agencies.plan import plan_progress, plan_values
from lsp_analysis.study.periods import parse_period


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


def values_of(value: float, period: str = "2008", measure_id: str = "m1") -> pd.DataFrame:
    return pd.DataFrame(
        {"measure_id": [measure_id], "period": [pd.Period(period)], "value": [value]}
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
        (11.0, "2011", "no data"),  # after it was due
        (np.nan, "2008", "no data"),
    ],
)
def test_a_measure_has_the_status_its_value_earns(value, period, status):
    assert plan_progress(plan_of(), values_of(value, period)).table["status"]["m1"] == status


def test_a_target_above_its_baseline_is_met_by_rising():
    rising = plan_of(baseline=50.0, target=60.0)
    assert plan_progress(rising, values_of(61.0)).table["status"]["m1"] == "met"
    assert plan_progress(rising, values_of(49.0)).table["status"]["m1"] == "moving away"


def test_half_the_time_and_half_the_way_are_on_track():
    row = plan_progress(plan_of(), values_of(16.0)).table.loc["m1"]
    assert row["progress"] == pytest.approx(0.5)
    assert row["expected"] == pytest.approx(0.5, abs=0.001)
    assert plan_progress(plan_of(), values_of(15.99)).table["status"]["m1"] == "on track"


def test_a_stretch_target_has_its_own_progress():
    table = plan_progress(plan_of(stretch_target=8.0), values_of(11.0)).table
    assert table["status"]["m1"] == "met"
    assert table["stretch_status"]["m1"] == "on track"
    assert table["stretch_progress"]["m1"] == pytest.approx(9 / 12)


def test_a_measure_without_observations_has_no_data_and_stays_in_the_plan():
    both = pd.concat([plan_of(), plan_of(measure_id="m2", indicator_id="litter")])
    found = plan_progress(both, values_of(11.0))
    assert found.table["status"].tolist() == ["met", "no data"]
    assert found.sentence() == "Of two targets in the plan: 1 met and 1 no data."
    assert found.by("theme").loc["Safe", ["met", "no data"]].tolist() == [1, 1]


def test_financial_years_and_dates_are_understood():
    plan = plan_of(baseline_period="2006/07", due="2011-03-31")
    row = plan_progress(plan, values_of(14.0, "2009-03")).table.loc["m1"]
    assert row["expected"] == pytest.approx(0.5, abs=0.001)
    assert row["status"] == "on track"


def test_a_target_that_is_its_baseline_is_met_by_standing_still():
    still = plan_of(target=20.0)
    assert plan_progress(still, values_of(20.0)).table["status"]["m1"] == "met"


def test_a_measure_that_is_there_twice_is_refused():
    with pytest.raises(PanelError, match="'m1' is in the plan more than once"):
        plan_progress(pd.concat([plan_of(), plan_of()]), values_of(1.0))


def test_only_values_up_to_the_due_date_and_the_day_of_reading_count():
    seen = {"2007": 18.0, "2009": 13.0, "2011": 9.0}
    values = pd.concat([values_of(value, year) for year, value in seen.items()])
    assert plan_progress(plan_of(), values).table["value"]["m1"] == 13
    assert plan_progress(plan_of(), values, as_at="2008-06-30").table["value"]["m1"] == 18


def test_values_add_areas_up_and_skip_what_is_not_known():
    panel = panel_of([[10, 12], [20, np.nan]], 1000, multiplier=1000)
    plan = pd.concat([plan_of(), plan_of(measure_id="m2", indicator_id="nowhere")])
    values = plan_values(plan, {"burglary": panel}, [RATE])
    assert values["measure_id"].tolist() == ["m1", "m1"]
    assert values["value"].tolist() == [15, 12]
    assert plan_values(plan, {}, [RATE]).empty


def test_months_are_added_up_to_years_like_the_baselines_and_only_whole_ones():
    panel = panel_of(np.full((2, 30), 6.0), 1000, multiplier=1000)
    panel["period"] = np.tile(pd.period_range("2007-01", periods=30, freq="M"), 2)
    yearly = plan_values(plan_of(baseline_period="2007/08"), {"burglary": panel}, [RATE])
    assert [str(p) for p in yearly["period"]] == ["2007", "2008", "2009", "2010"]
    assert yearly["value"].isna().tolist() == [True, False, False, True]
    assert yearly["value"][1] == pytest.approx(72.0)  # a rate per year
    monthly = plan_values(plan_of(baseline_period="2007-04"), {"burglary": panel}, [RATE])
    assert len(monthly) == 30


def test_the_sample_plans_baselines_are_what_its_observations_give():
    study = open_study("data/bolton_demo")
    plan = study.read("plan")
    indicators = [study.indicator(i) for i in plan["indicator_id"].unique()]
    panels = {i.indicator_id: study.panel(i.indicator_id) for i in indicators}
    values = plan_values(plan, panels, indicators)
    then = values["period"].map(str) == values["measure_id"].map(
        plan.set_index("measure_id")["baseline_period"].map(lambda p: str(parse_period(p)))
    )
    found = values[then].set_index("measure_id")["value"]
    expected = plan.set_index("measure_id")["baseline"].reindex(found.index)
    assert len(found) == len(plan)
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=0.01)
