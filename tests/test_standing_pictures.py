"""Every result of `standing` draws itself, fit for a page, on an axes of its own or a given one."""

from __future__ import annotations

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from pictures import assert_fit_for_a_page
from standing_panels import RATE, compare, gap

from lsp_analysis import area_brief, open_study
from lsp_analysis.figures.style import alt_of
from lsp_analysis.standing.agencies.agenda import activity, spending
from lsp_analysis.standing.change.gaps import gap_trend
from lsp_analysis.standing.change.process import process_chart
from lsp_analysis.standing.change.trends import recent_trend
from lsp_analysis.standing.comparison.baseline import Sides, events_avoided
from lsp_analysis.standing.comparison.funnels import funnel
from lsp_analysis.standing.comparison.intervals import group_limits, group_series
from lsp_analysis.standing.comparison.measured import measure
from lsp_analysis.standing.comparison.profiles import profile
from lsp_analysis.standing.inequality.gradient import shared_out, slope_index
from lsp_analysis.standing.inequality.space import moran

ADMISSIONS = "emergency_admissions"


@cache
def sample():
    return open_study("data/bolton_demo")


@cache
def panel(indicator_id: str) -> pd.DataFrame:
    return sample().panel(indicator_id)


def admissions():
    return sample().indicator(ADMISSIONS)


def sides() -> dict[str, object]:
    place = sample().area("Hall i' th' Wood")
    return {
        "area": list(place.members),
        "comparator": sample().rest_of_borough(place),
        "area_name": place.name,
    }


def series(indicator_id: str) -> pd.DataFrame:
    indicator = sample().indicator(indicator_id)
    found = group_series(panel(indicator_id), sides()["area"], indicator=indicator)
    low, high = group_limits(found, indicator=indicator, level=0.95)
    return found.assign(low=low, high=high)


def two_sides(make, indicator_id: str = ADMISSIONS, **keywords: object):
    indicator = sample().indicator(indicator_id)
    return make(panel(indicator_id), indicator=indicator, **sides(), **keywords)


def measured(indicator_id: str):
    return measure(sample(), indicator_id)


def made_profile():
    place = sides()
    # Its name alone, "Deaths from all causes", would pass for a claim of cause.
    names = [name for name in sample().indicators()["indicator_id"] if name != "deaths"]
    others = {"the rest of the borough": place["comparator"]}
    made = {name: measured(name) for name in names}
    return profile(made, place["area"], others, area_name=place["area_name"])


def made_moran():
    deaths = panel(ADMISSIONS)
    latest = deaths[deaths["period"] == deaths["period"].max()].set_index("area_code")["value"]
    return moran(latest, sample().neighbours(), permutations=199)


@cache
def made_brief():
    return area_brief(sample(), "Hall i' th' Wood")


RESULTS = {
    "comparison": lambda: two_sides(compare),
    "gap": lambda: two_sides(gap),
    "gap trend": lambda: gap_trend(two_sides(gap), ahead=3),
    "events avoided": lambda: events_avoided(measured(ADMISSIONS), Sides(**sides())),
    "funnel": lambda: funnel(panel(ADMISSIONS), indicator=admissions()),
    "process": lambda: process_chart(
        series("burglary"), name="Burglary", unit="per_1000", polarity="low_is_good", target=1.2
    ),
    "recent trend": lambda: recent_trend(series(ADMISSIONS), unit="per_1000"),
    "slope index": lambda: slope_index([20.0] * 5, [80.0, 75, 71, 69, 62], se=[1.0] * 5),
    "concentration": lambda: shared_out(made_brief(), ADMISSIONS),
    "profile": made_profile,
    "activity": lambda: activity(made_brief()),
    "resources": lambda: spending(made_brief()),
    "moran": made_moran,
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_draws_itself_and_speaks(name):
    result = RESULTS[name]()
    ax = result.plot()
    try:
        assert_fit_for_a_page(ax)
        assert result.sentence().endswith((".", "reading."))
        assert "nan" not in result.sentence().lower().split()
        assert len(result.summary_frame())
    finally:
        plt.close(ax.figure)


def test_a_result_draws_on_the_axes_it_is_given():
    for name in ("gap", "concentration", "resources", "events avoided"):
        figure, ax = plt.subplots()
        assert RESULTS[name]().plot(ax=ax) is ax
        assert alt_of(ax)
        plt.close(figure)


def test_a_series_of_noughts_still_has_a_process_chart():
    flat = pd.DataFrame({"period": pd.period_range("2004", periods=12, freq="Y")})
    ax = process_chart(flat.assign(value=np.zeros(12)), name=RATE.name, unit="per_1000").plot()
    assert_fit_for_a_page(ax)
    plt.close(ax.figure)
