"""Process charts and their icons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.standing.change.process import process_chart, xmr


def series_of(values: list[float], start: str = "2004-01") -> pd.DataFrame:
    periods = pd.period_range(start, periods=len(values), freq="M")
    return pd.DataFrame({"period": periods, "value": values})


def test_limits_start_afresh_only_where_asked():
    values = [10, 11, 9] * 5 + [20, 21, 19] * 5
    whole = process_chart(series_of(values))
    split = process_chart(series_of(values), rebase=[pd.Period("2005-04")])
    assert len(whole.points["mean"].unique()) == 1
    assert split.points["mean"].unique().tolist() == [10, 20]
    assert (split.points["point_type"] == "common_cause").all()


def test_rebasing_outside_the_series_is_refused():
    with pytest.raises(ParameterError, match="cannot be rebased at 2003-12"):
        process_chart(series_of([1.0, 2, 3]), rebase=[pd.Period("2003-12")])


@pytest.mark.parametrize(
    ("target", "polarity", "icon"),
    [
        (30, "high_is_good", "consistent_fail"),
        (30, "low_is_good", "consistent_pass"),
        (-5, "high_is_good", "consistent_pass"),
        (-5, "low_is_good", "consistent_fail"),
        (10, "low_is_good", "inconsistent"),
        (10, "none", None),
        (None, "low_is_good", None),
    ],
)
def test_assurance_says_whether_the_target_is_within_reach(target, polarity, icon):
    chart = process_chart(series_of([10, 12, 9, 11] * 4), target=target, polarity=polarity)
    assert chart.assurance == icon


def test_the_variation_icon_is_that_of_the_last_point():
    rising = process_chart(series_of([*[10, 11, 9] * 6, 30]), polarity="high_is_good")
    neutral = process_chart(series_of([*[10, 11, 9] * 6, 30]))
    assert rising.variation == "special_cause_improvement"
    assert neutral.variation == "special_cause_neutral_high"
    assert "improving" in rising.sentence()


def test_limits_under_twelve_points_are_on_trial():
    assert process_chart(series_of([1.0, 2] * 5)).trial_limits
    assert not process_chart(series_of([1.0, 2] * 6)).trial_limits
    split = process_chart(series_of([1.0, 2] * 8), rebase=[pd.Period("2004-07")])
    assert split.trial_limits
    assert "Trial limits" in split.sentence()


def test_screening_an_outlying_range_is_an_option():
    values = [10, 11] * 8 + [60, 10]
    screened = process_chart(series_of(values)).points["upl"][0]
    kept = xmr(values, screen_outliers=False)["upl"][0]
    assert screened < kept


def test_a_gap_in_time_or_a_missing_value_is_refused():
    series = series_of([1.0, 2, 3, 4])
    with pytest.raises(PanelError, match="goes from 2004-01 to 2004-03"):
        process_chart(series.drop(index=1))
    with pytest.raises(PanelError, match="1 of them missing"):
        process_chart(series.assign(value=[1.0, np.nan, 3, 4]))


def test_a_flat_series_is_common_cause():
    chart = process_chart(series_of([5.0] * 15))
    assert (chart.points["type"] == "Common Cause").all()
    assert chart.points["upl"].eq(5).all()


@pytest.mark.parametrize(
    ("target", "polarity", "said"),
    [
        (30.0, "low_is_good", "will meet"),
        (30.0, "high_is_good", "will miss"),
        (10.0, "low_is_good", "sometimes meet and sometimes miss"),
    ],
)
def test_a_process_chart_says_whether_the_target_is_in_reach(target, polarity, said):
    periods = pd.period_range("2010", periods=14, freq="Y")
    series = pd.DataFrame({"period": periods, "value": [10.0, 11.0] * 7})
    assert said in process_chart(series, polarity=polarity, target=target).sentence()
