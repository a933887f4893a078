"""Every chart on every kind of ugly input: fit for a page, with words, and without a warning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pictures import assert_fit_for_a_page

from lsp_analysis import figures

LONG = "Hall i' th' Wood, Brightmet and Tonge with the Haulgh, $x^2$ <b>&"
AWKWARD = {1: LONG, 2: "حي الغابة \u202eWood", 3: "Pneumono" * 10, 5: "50% of £5_000\n^{2}$"}
VERDICTS = ["better", "similar", "worse", "higher", "lower", "not compared"]


def names(n):
    return [AWKWARD.get(i, f"_Area {i}") for i in range(n)]


def intervals(n, scale, seed=1, value="estimate"):
    rng = np.random.default_rng(seed)
    middle = scale * rng.normal(-1, 2, n)
    width = abs(scale) * rng.gamma(2, 0.5, n)
    return pd.DataFrame({value: middle, "low": middle - width, "high": middle + width})


def over_time(n, scale):
    frame = intervals(n, scale, value="value")
    return frame.assign(period=pd.period_range("2003-01", periods=max(n, 1), freq="M")[:n])


def paths(n, scale):
    frame = over_time(n, scale)
    frame = frame.rename(columns={"value": "treated", "low": "comparison"})
    return {"paths": frame, "start": pd.Period("2004-04"), "unit": "per_1000"}


def trend(n, scale):
    parts = [over_time(n, scale * k).assign(series=name) for k, name in enumerate(names(4), 1)]
    days = ["2003-02-01", "2003-02-02", "2099-01-01"]
    events = pd.DataFrame({"date": pd.to_datetime(days), "label": [LONG, "opened", "far off"]})
    return {"frame": pd.concat(parts), "unit": "percent", "events": events}


def funnel(n, scale):
    size = np.geomspace(100, 90_000, n)
    values = intervals(n, scale)["estimate"]
    spread = abs(scale) * 30 / np.sqrt(np.geomspace(90, 99_000, 50))
    limits = pd.DataFrame({"size": np.geomspace(90, 99_000, 50)})
    for level, z in (("95", 2), ("998", 3)):
        limits[f"lower{level}"], limits[f"upper{level}"] = -z * spread, z * spread
    places = ["above the 99.8% limits", "within the limits"]
    points = pd.DataFrame({"label": names(n), "size": size, "value": values})
    points["place"] = [places[i % 2] for i in range(n)]
    return {"points": points, "limits": limits, "average": 0.0, "highlight": names(2)}


def process(n, scale):
    frame = over_time(n, scale).rename(columns={"low": "lpl", "high": "upl"})
    kind = ["common_cause", "special_cause_concern"]
    frame = frame.assign(mean=scale, point_type=[kind[i % 2] for i in range(n)])
    return {"frame": frame, "target": 1.5 * scale}


def labelled(n, scale, column="label", value="estimate"):
    return {"frame": intervals(n, scale, value=value).assign(**{column: names(n)})}


def wedge(n, scale):
    rows = [(c, p, i < p) for i, c in enumerate(names(n)) for p in range(6)]
    return {"frame": pd.DataFrame(rows, columns=["cluster", "period", "treated"])}


def flow(n, scale):
    rows = [("Assessed", "", 9, 900.0, ""), *[(f"Step {i}", LONG, i, None, LONG) for i in range(n)]]
    frame = pd.DataFrame(rows, columns=["stage", "arm", "clusters", "people", "note"])
    return {"frame": frame.head(n)}


CHARTS = {
    "draw_paths": paths,
    "draw_trend": trend,
    "draw_gap": lambda n, s: {"frame": over_time(n, s).rename(columns={"value": "gap"})},
    "draw_funnel": funnel,
    "draw_process": process,
    "draw_caterpillar": lambda n, s: labelled(n, s, value="value") | {"highlight": LONG},
    "draw_concentration": lambda n, s: {
        "frame": pd.DataFrame(
            {
                "cumulative_population": np.linspace(0, 1, n),
                "cumulative_outcome": np.linspace(0, 1, n) ** 0.5,
            }
        )
    },
    "draw_forest": labelled,
    "draw_distribution": lambda n, s: {"values": intervals(n, s)["estimate"], "observed": 3.0 * s},
    "draw_event_study": lambda n, s: {
        "frame": intervals(n, s).assign(relative_period=np.arange(n) - n // 2)
    },
    "draw_power": lambda n, s: {
        "frame": pd.DataFrame({"x": np.arange(n) * abs(s), "power": np.linspace(0, 1, n)})
    },
    "draw_wedge": wedge,
    "draw_flow": flow,
}


def draw(name, arguments):
    first, *rest = arguments.items()
    positional = [first[1], *(value for key, value in rest if key == "limits")]
    keywords = {key: value for key, value in rest if key != "limits"}
    return getattr(figures, name)(*positional, **keywords)


def blank(frame):
    numbers = frame.select_dtypes("float").columns
    return frame.assign(**dict.fromkeys(numbers, np.nan))


def test_every_chart_of_the_package_is_tried_here():
    drawn = {name for name in figures.__all__ if name.startswith("draw_")}
    assert drawn - {"draw_choropleth", "draw_where", "draw_nothing"} == set(CHARTS)


@pytest.mark.parametrize(("n", "scale"), [(1, 1.0), (9, -2e-4), (9, 3e8)])
@pytest.mark.parametrize("name", CHARTS)
def test_small_large_and_negative_numbers_are_drawn_inside_the_page(name, n, scale):
    assert_fit_for_a_page(draw(name, CHARTS[name](n, scale)))


@pytest.mark.parametrize("name", sorted(set(CHARTS) - {"draw_flow"}))
def test_eighty_rows_are_drawn_inside_the_page(name):
    assert_fit_for_a_page(draw(name, CHARTS[name](80, 1.0)))


@pytest.mark.parametrize("name", CHARTS)
def test_an_empty_frame_says_there_is_nothing_to_show(name):
    arguments = CHARTS[name](2, 1.0)
    key = next(iter(arguments))
    ax = draw(name, arguments | {key: arguments[key].iloc[:0]})
    assert "no data" in figures.alt_of(ax)
    assert_fit_for_a_page(ax)


@pytest.mark.parametrize("name", sorted(set(CHARTS) - {"draw_wedge", "draw_flow"}))
def test_a_frame_of_missing_values_says_there_is_nothing_to_show(name):
    arguments = CHARTS[name](5, 1.0)
    key = next(iter(arguments))
    frame = arguments[key]
    empty = blank(frame) if isinstance(frame, pd.DataFrame) else frame * np.nan
    ax = draw(name, arguments | {key: empty})
    assert "no data" in figures.alt_of(ax)
    assert_fit_for_a_page(ax)


@pytest.mark.parametrize("name", sorted(set(CHARTS) - {"draw_distribution"}))
def test_a_missing_column_is_named_in_the_error(name):
    from lsp_analysis.errors import ParameterError

    arguments = CHARTS[name](3, 1.0)
    key = next(iter(arguments))
    with pytest.raises(ParameterError, match=name):
        draw(name, arguments | {key: pd.DataFrame({"other": [1.0]})})
