"""What the charts draw and say, checked against the numbers they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis import figures
from lsp_analysis.errors import ParameterError

YEARS = pd.period_range("2003", "2008", freq="Y")


def key(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_paths_say_the_means_before_and_after_and_the_change_between_them():
    paths = pd.DataFrame(
        {"period": YEARS, "treated": [30.0] * 3 + [20.0] * 3, "comparison": [25.0] * 3 + [22.0] * 3}
    )
    ax = figures.draw_paths(paths, start=pd.Period("2006", "Y"), unit="per_1000")
    alt = figures.alt_of(ax)
    assert "before 2006: Programme area 30.0 per 1,000 and Comparison 25.0 per 1,000" in alt
    assert "from 2006: Programme area 20.0 per 1,000 and Comparison 22.0 per 1,000" in alt
    assert "difference between them fell by 7.0 per 1,000" in alt
    assert figures.data_of(ax) is paths


def test_periods_may_be_the_index_of_the_paths():
    paths = pd.DataFrame({"treated": [1.0, 2.0], "comparison": [1.0, 1.0]})
    paths.index = pd.period_range("2008", periods=2, freq="Y", name="period")
    assert "2008 to 2009" in figures.alt_of(figures.draw_paths(paths, unit="count"))


def test_a_trend_names_its_series_above_and_breaks_lines_at_missing_values():
    frame = pd.DataFrame(
        {
            "period": [*YEARS, *YEARS],
            "series": ["Ours"] * 6 + ["Theirs"] * 6,
            "value": [40.0, 38, np.nan, 36, 35, 34, 30, 30, 30, 30, 30, 30],
        }
    )
    ax = figures.draw_trend(frame, unit="percent", highlight="Theirs")
    assert key(ax) == ["Theirs", "Ours"]
    assert "Ours fell by 6.0 percentage points, to 34.0% in 2008" in figures.alt_of(ax)
    ours = next(line for line in ax.lines if len(line.get_ydata()) == 6 and line.get_color() != "")
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    assert any(np.isnan(y).sum() == 1 and len(y) == 6 for y in drawn)
    assert ours.get_linewidth() > 1


def test_an_axis_that_does_not_start_at_zero_says_so():
    near = pd.DataFrame({"period": YEARS, "series": "A", "value": np.linspace(78, 80, 6)})
    far = near.assign(value=np.linspace(10, 80, 6))
    cut, whole = (figures.draw_trend(f, unit="years") for f in (near, far))
    assert "does not start at zero" in cut.get_title(loc="left")
    assert cut.get_ylim()[0] > 0
    assert whole.get_title(loc="left") == "Years"
    assert whole.get_ylim()[0] == 0
    assert figures.draw_trend(near, unit="count").get_ylim()[0] == 0


def test_events_outside_the_chart_are_left_out_and_the_rest_are_numbered_in_order():
    frame = pd.DataFrame({"period": YEARS, "series": "A", "value": range(6)})
    events = pd.DataFrame(
        {
            "date": pd.to_datetime(["2007-01-01", "2005-06-01", "1990-01-01"]),
            "label": ["Second", "First", "Too early"],
        }
    )
    ax = figures.draw_trend(frame, unit="count", events=events)
    assert ax.get_xlabel() == "1 First (1 June 2005)\n2 Second (1 January 2007)"
    assert "Too early" not in figures.alt_of(ax)


def test_a_gap_says_its_first_and_last_size_with_the_interval():
    gap = np.array([18.0, 16, 14, 12, 10, 8])
    frame = pd.DataFrame({"period": YEARS, "gap": gap, "low": gap - 2, "high": gap + 2})
    alt = figures.alt_of(figures.draw_gap(frame.iloc[::-1], unit="percent", label="Gap to England"))
    assert alt.startswith("Gap to England over time")
    assert "+18.0 percentage points in 2003 and +8.0 percentage points in 2008" in alt
    assert "95% interval 6.0 to 10.0 percentage points" in alt


def test_a_gap_without_intervals_is_told_without_them():
    frame = pd.DataFrame({"period": [2008, 2009], "gap": [3.0, 2.0], "low": np.nan, "high": np.nan})
    ax = figures.draw_gap(frame, unit="percent")
    assert figures.alt_of(ax) == (
        "Gap over time. It was +3.0 percentage points in 2008 and +2.0 percentage points in 2009."
    )
    assert "interval" not in ax.get_title(loc="left")


def test_the_funnel_counts_points_by_where_they_lie_among_the_limits():
    limits = pd.DataFrame(
        {"size": [1.0, 100], "lower95": 8, "upper95": 12, "lower998": 6, "upper998": 14}
    )
    places = [
        "below the 99.8% limits",
        "below the 95% limits",
        "within the limits",
        "above the 95% limits",
        "above the 99.8% limits",
    ]
    points = pd.DataFrame(
        {"label": list("abcde"), "size": 50.0, "value": [5.0, 7, 10, 13, 15], "place": places}
    )
    ax = figures.draw_funnel(points, limits, average=10, unit="per_1000", highlight="e")
    assert {f"{place.capitalize()} (1)" for place in places} <= set(key(ax))
    assert "e: 15.0 per 1,000, above the 99.8% limits." in figures.alt_of(ax)


def test_the_process_chart_tells_its_point_types_apart_by_shape():
    frame = pd.DataFrame(
        {
            "period": YEARS,
            "value": [10.0, 11, 9, 10, 18, 3],
            "mean": 10.0,
            "lpl": 5.0,
            "upl": 15.0,
            "point_type": ["common_cause"] * 4
            + ["special_cause_concern", "special_cause_improvement"],
        }
    )
    ax = figures.draw_process(frame, unit="per_1000", target=8.0)
    assert {"Concern (1)", "Improvement (1)", "Usual variation (4)"} <= set(key(ax))
    alt = figures.alt_of(ax)
    assert "2 of 6 outside usual variation" in alt
    assert "The last, 2008, is 3.0 per 1,000: improvement." in alt
    assert "process limits 5.0 per 1,000 to 15.0 per 1,000" in alt
    with pytest.raises(ParameterError, match="odd"):
        figures.draw_process(frame.assign(point_type="odd"))


def test_the_caterpillar_names_the_place_of_the_highlighted_area():
    value = np.arange(60.0)
    frame = pd.DataFrame(
        {"label": [f"a{i}" for i in range(60)], "value": value, "low": value - 5, "high": value + 5}
    )
    ax = figures.draw_caterpillar(frame, highlight="a57", reference=30.0, unit="percent")
    alt = figures.alt_of(ax)
    assert "from 59.0% (a59) down to 0.0% (a0)" in alt
    assert "a57 is 3rd of 60 with 57.0%" in alt
    assert "24 intervals lie wholly above and 25 wholly below" in alt
    alone = frame.head(3).assign(low=np.nan, high=np.nan)
    assert figures.draw_caterpillar(alone, unit="percent").get_xlabel() == "Per cent"


def test_the_concentration_curve_says_the_share_of_the_most_deprived_fifth():
    curve = pd.DataFrame({"cumulative_population": [0, 0.2, 1], "cumulative_outcome": [0, 0.35, 1]})
    assert "fifth of people have 35.0%" in figures.alt_of(figures.draw_concentration(curve))


def test_the_forest_counts_intervals_clear_of_the_line_and_writes_the_numbers():
    frame = pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "estimate": [-2.0, 0.5, np.nan],
            "low": [-3, -1, np.nan],
            "high": [-1, 2, np.nan],
        }
    )
    ax = figures.draw_forest(frame, unit="percent")
    assert texts(ax) == ["−2.00  (−3.00 to −1.00)", "0.50  (−1.00 to 2.00)", "not available"]
    assert "Intervals clear of 0: 1 of 3." in figures.alt_of(ax)


def test_the_event_study_counts_clear_intervals_on_both_sides_of_the_start():
    frame = pd.DataFrame(
        {
            "relative_period": [-2, -1, 0, 1],
            "estimate": [0.5, 0, -2, -3],
            "low": [-1, np.nan, -3, -4.0],
            "high": [2, np.nan, -1, -2.0],
        }
    )
    alt = figures.alt_of(figures.draw_event_study(frame, unit="per_1000"))
    assert "before the start: none of 1." in alt
    assert "from the start on: all 2." in alt
    assert "In period 1 the estimate is −3.0 per 1,000" in alt


def test_the_distribution_counts_placebos_as_far_out_as_the_observed():
    placebos = np.arange(-10, 11) / 2
    ax = figures.draw_distribution(placebos, observed=-4.5, unit="percent")
    assert "as far from zero or farther lie 4 of 21." in figures.alt_of(ax)
    assert sum(bar.get_height() for bar in ax.patches) == 21
    assert figures.data_of(ax)["observed"].unique().tolist() == [-4.5]


def test_power_says_where_each_curve_reaches_its_target_or_that_it_does_not():
    frame = pd.DataFrame(
        {
            "x": [10, 20, 30] * 2,
            "power": [0.5, 0.8, 0.9, 0.1, 0.2, 0.3],
            "series": ["Large effect"] * 3 + ["Small effect"] * 3,
        }
    )
    alt = figures.alt_of(figures.draw_power(frame, xlabel="Clusters in each arm"))
    assert "Large effect reaches 80% at 20." in alt
    assert "Small effect: at most 30%, at 30." in alt


def test_the_wedge_says_how_many_start_when():
    rows = [(c, p, p >= s) for c, s in (("a", 1), ("b", 1), ("c", 9)) for p in range(3)]
    ax = figures.draw_wedge(pd.DataFrame(rows, columns=["cluster", "period", "treated"]))
    assert "starts for two clusters in 1. Not within these periods: one cluster." in figures.alt_of(
        ax
    )
    assert key(ax) == ["Programme", "Comparison"]


def test_the_flow_tells_every_box():
    frame = pd.DataFrame(
        [("Randomised", "", 24, 3301, None), ("Lost", "Usual", 1, 20, "moved away")],
        columns=["stage", "arm", "clusters", "people", "note"],
    )
    alt = figures.alt_of(figures.draw_flow(frame))
    assert alt == (
        "Flow diagram. Randomised: 24 clusters, 3,301 people. "
        "Lost: Usual one cluster, 20 people (moved away)."
    )


def test_charts_can_be_drawn_on_axes_of_the_callers_own():
    from matplotlib.figure import Figure

    left, right = Figure(figsize=(10, 4), layout="constrained").subplots(1, 2)
    frame = pd.DataFrame({"period": YEARS, "series": "A", "value": range(6)})
    assert figures.draw_trend(frame, ax=left) is left
    assert figures.draw_distribution(range(20), observed=3, ax=right) is right
    assert figures.alt_of(left.figure).startswith("Line chart of one series")


def test_an_open_end_of_a_forest_is_an_arrow_and_said_to_have_no_limit():
    frame = pd.DataFrame(
        {"label": ["a", "b"], "estimate": [-20.0, 5.0], "low": [-np.inf, 1.0], "high": [4.0, 900.0]}
    )
    ax = figures.draw_forest(frame, unit="percent", limits=(-np.inf, 200))
    assert texts(ax) == ["−20  (no limit to 4)", "5  (1 to over 200)"]
    assert sorted(line.get_marker() for line in ax.lines if line.get_marker() in "<>") == ["<", ">"]
    assert ax.get_xlim()[1] < 300


def test_lines_that_are_no_intervals_are_not_called_so():
    frame = pd.DataFrame({"label": ["a"], "estimate": [1.0], "low": [0.5], "high": [2.0]})
    assert "intervals" not in figures.draw_forest(frame, whiskers="middle half").get_xlabel()
    alone = figures.draw_forest(frame.assign(low=np.nan, high=np.nan))
    assert alone.get_xlabel() == "Estimate"


def test_averages_of_paths_are_counted_from_the_start():
    months = pd.period_range("2005-02", periods=47, freq="M")
    after = months >= pd.Period("2007-02", "M")
    paths = pd.DataFrame({"period": months, "treated": 1.0 * after, "comparison": 0.0})
    ax = figures.draw_paths(paths, start=pd.Period("2007-02", "M"), average=12)
    thick = next(line for line in ax.lines if line.get_linewidth() > 2)
    assert thick.get_ydata().tolist() == [0.0, 0.0, 1.0, 1.0]


def test_an_estimate_beside_an_interval_of_millions_is_not_written_as_nought():
    frame = pd.DataFrame(
        {"label": ["drift"], "estimate": [-24.0], "low": [-100.0], "high": [4.94e6]}
    )
    assert "−24  (−100 to 4.94m)" in figures.alt_of(figures.draw_forest(frame))


def test_heads_of_open_intervals_keep_off_the_labels():
    row = {"label": "drift", "estimate": -2.0, "low": -50.0, "high": 50.0}
    ax = figures.draw_forest(pd.DataFrame([row]), limits=(-10, 5))
    heads = [
        line.get_xdata()[0]
        for line in ax.lines
        if line.get_marker() in "<>" and len(line.get_xdata())
    ]
    left, right = ax.get_xlim()
    assert len(heads) == 2
    assert left < min(heads)
    assert max(heads) < right


def test_positions_stand_with_the_first_on_top():
    frame = pd.DataFrame({"period": [2004, 2007, 2010], "series": "Here", "value": [7, 2, 3]})
    bottom, top = figures.draw_trend(frame, first_on_top=True).get_ylim()
    assert bottom > 7 > 1 >= top


def test_a_forecast_is_drawn_unlike_data():
    frame = pd.DataFrame({"period": YEARS, "gap": 1.0, "low": 0.0, "high": 2.0, "kind": "seen"})
    frame.loc[4:, "kind"] = "forecast"
    ax = figures.draw_gap(frame)
    ahead, seen = ax.lines[:2]
    assert (list(seen.get_xdata()), list(ahead.get_xdata())) == (
        [YEARS[i].ordinal for i in range(4)],
        [YEARS[i].ordinal for i in range(3, 6)],
    )
    assert ahead.get_linestyle() != seen.get_linestyle()
    assert ahead.get_markerfacecolor() == "white" != seen.get_markerfacecolor()
    assert key(ax) == ["As counted", "Forecast"]


def test_one_estimate_without_measure_does_not_crush_the_others():
    rows = [("a", -1, -2, 0), ("b", 1, 0, 2), ("c", 3, 2, 4), ("d", 4.85e6, -1e7, 1e7)]
    frame = pd.DataFrame(rows, columns=["label", "estimate", "low", "high"]).astype({"low": float})
    low, high = figures.draw_forest(frame, unit="percent").get_xlim()
    assert -50 < low < -2
    assert 4 < high < 50
    assert figures.draw_forest(frame.iloc[:3], unit="percent").get_xlim()[1] < 10
