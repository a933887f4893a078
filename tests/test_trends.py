"""Recent trends and trends in proportions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, SHARE
from statsmodels.regression.linear_model import WLS

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.change.trends import (
    chi_squared_trend,
    proportion_trend,
    recent_trend,
    same_season,
    weighted_slope,
)


def series_of(values: list[float], half: float = 1.0, freq: str = "Y") -> pd.DataFrame:
    periods = pd.period_range("2001-01", periods=len(values), freq=freq)
    values = np.asarray(values, float)
    return pd.DataFrame(
        {"period": periods, "value": values, "low": values - half, "high": values + half}
    )


def test_the_slope_is_a_weighted_regression_with_known_variances():
    value = np.array([4.0, 5, 7, 6, 9])
    half = np.array([0.4, 0.8, 0.5, 1.0, 0.6])
    slope, se, chi_squared, _ = weighted_slope(value, value - half, value + half)
    design = np.column_stack([np.ones(5), np.arange(5)])
    fit = WLS(value, design, weights=1 / (2 * half / 3.92) ** 2).fit()
    assert slope == pytest.approx(fit.params[1])
    assert se == pytest.approx(np.sqrt(fit.normalized_cov_params[1, 1]))
    assert chi_squared == pytest.approx((slope / se) ** 2)


@pytest.mark.parametrize(
    ("values", "marker"),
    [
        ([1, 2, 3, 4, 5], "increasing"),
        ([5, 4, 3, 2, 1], "decreasing"),
        ([3, 3, 3, 3, 3], "no change"),
        ([9, 3, 3, 3, 3.2], "no change"),  # the first point alone makes the slope
    ],
)
def test_five_points_have_a_direction_if_no_one_of_them_makes_it(values, marker):
    assert recent_trend(series_of(values, half=0.5)).marker == marker


def test_wide_intervals_leave_no_trend():
    assert recent_trend(series_of([1, 2, 3, 4, 5], half=5)).marker == "no change"


def test_only_the_last_five_points_count():
    trend = recent_trend(series_of([50, 40, 30, 1, 2, 3, 4, 5], half=0.5))
    assert trend.marker == "increasing"


@pytest.mark.parametrize("spoil", ["short", "missing", "broken", "no width"])
def test_what_cannot_be_calculated_says_so(spoil):
    series = series_of([1, 2, 3, 4, 5, 6], half=0.5)
    if spoil == "short":
        series = series.tail(4)
    elif spoil == "missing":
        series.loc[4, "value"] = np.nan
    elif spoil == "broken":
        series = series.drop(index=3)
    else:
        series.loc[4, ["low", "high"]] = 5.0
    trend = recent_trend(series)
    assert trend.marker == "cannot be calculated"
    assert trend.label == "Cannot be calculated"
    assert "unbroken" in trend.sentence()


def test_polarity_words_the_direction():
    series = series_of([5, 4, 3, 2, 1], half=0.3)
    assert recent_trend(series, polarity="low_is_good").label == "Decreasing and getting better"
    assert recent_trend(series, polarity="high_is_good").label == "Decreasing and getting worse"
    assert recent_trend(series).label == "Decreasing"


def test_one_season_is_picked_out_of_many():
    quarters = same_season(series_of(list(range(12)), freq="Q"))
    assert quarters["value"].tolist() == [3, 7, 11]
    months = same_season(series_of(list(range(30)), freq="M"))
    assert months["value"].tolist() == [5, 17, 29]
    years = same_season(series_of(list(range(4))))
    assert len(years) == 4


def test_five_same_seasons_are_unbroken_a_year_apart():
    seasonal = [10 * (i % 4) + i / 4 for i in range(20)]
    assert recent_trend(same_season(series_of(seasonal, half=0.2, freq="Q"))).marker == "increasing"


def test_chi_squared_for_trend_of_two_kinds_that_never_change_is_nought():
    assert chi_squared_trend([0, 0, 0], [10, 10, 10]) == (0.0, 1.0)
    assert chi_squared_trend([10, 10, 10], [10, 10, 10]) == (0.0, 1.0)


def test_chi_squared_for_trend_is_the_squared_correlation_in_disguise():
    # Armitage: N r squared, r the correlation of time with having the condition, person by person.
    counts, people = np.array([12, 18, 30, 31]), np.array([100, 110, 120, 90])
    time = np.repeat([0, 1, 2, 3, 0, 1, 2, 3], np.concatenate([counts, people - counts]))
    has = np.repeat([1, 0], [counts.sum(), (people - counts).sum()])
    expected = people.sum() * np.corrcoef(time, has)[0, 1] ** 2
    assert chi_squared_trend(counts, people)[0] == pytest.approx(expected)


def test_two_periods_make_no_trend():
    with pytest.raises(PanelError, match="there are 2"):
        chi_squared_trend([1, 2, 3], [10, 10, 0])


def test_a_proportion_is_tested_over_all_its_periods():
    counts, people = [410, 395, 380, 352, 340], [2010, 2005, 2020, 1990, 2015]
    shares = 100 * np.divide(counts, people)
    columns = {"numerator": counts, "denominator": people, "value": shares}
    series = pd.DataFrame({"period": pd.period_range("2001", periods=5, freq="Y"), **columns})
    found = proportion_trend(series, indicator=SHARE)
    # R: prop.trend.test
    assert found.table["chi_squared"].iloc[0] == pytest.approx(10.8522420343112)
    assert "a trend by the chi-squared test" in found.sentence()
    assert "fell by 3.5 percentage points" in found.sentence()
    with pytest.raises(PanelError, match="is for shares"):
        proportion_trend(series, indicator=RATE)
