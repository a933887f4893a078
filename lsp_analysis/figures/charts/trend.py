"""Lines over time: a neighbourhood and its comparison, several series, a gap."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures import marks, style
from lsp_analysis.figures.time_axis import TimeAxis, mark_events, shade_after

_FORECAST = {"linestyle": (0, (2, 2)), "markerfacecolor": "white", "linewidth": 1.4}


@style.in_house_style
def draw_paths(
    paths: pd.DataFrame,
    *,
    start: Any = None,
    unit: str = "",
    labels: tuple[str, str] = ("Programme area", "Comparison"),
    average: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """A treated area and what it is compared with, before and after the start.

    Parameters
    ----------
    paths : DataFrame
        Columns ``period`` (or as index), ``treated``, ``comparison``.
    start : Period or date, optional
        First period after; the time from then on is shaded.
    unit : str
        Unit code or axis label.
    labels : pair of str
        What the two lines are called in the key.
    average : int
        Periods to average, counted from the start; a thin line then shows the treated area's own.
    """
    paths = marks.with_period(paths)
    marks.need(paths, ["period", "treated", "comparison"], "draw_paths")
    ax = style.axes_for(ax)
    time = TimeAxis.of(paths["period"])
    after = time.start_of(start)
    if average > 1 and np.isfinite(after):
        drawn = _draw_averages(ax, paths, time, after, unit, labels, average)
    else:
        long = paths.melt("period", ["treated", "comparison"], "series", "value")
        names = dict(zip(("treated", "comparison"), labels, strict=True))
        long["series"] = long["series"].map(names)
        drawn = _draw_lines(ax, long, unit, list(labels))
    if not drawn:
        return marks.nothing_drawn(ax, paths, "Line chart")
    if np.isfinite(after):
        shade_after(ax, after, start)
    return style.record(ax, alt=_paths_alt(paths, time, after, start, unit, labels), data=paths)


@style.in_house_style
def draw_trend(
    frame: pd.DataFrame,
    *,
    unit: str = "",
    events: pd.DataFrame | None = None,
    highlight: str | None = None,
    level: float = 0.95,
    first_on_top: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Several series over time, with intervals and dated events where they are given.

    Parameters
    ----------
    frame : DataFrame
        Columns ``period``, ``series``, ``value`` and, as an option, ``low`` and ``high``.
    unit : str
        Unit code or axis label.
    events : DataFrame, optional
        Columns ``date`` (or ``period``) and ``label``: numbered lines, listed under the chart.
    highlight : str, optional
        Series drawn first and on top; otherwise the order of appearance counts.
    level : float between 0 and 1
        Coverage of the intervals.
    first_on_top : bool
        Turn the axis over, for positions of which 1 is the first.
    """
    frame = marks.with_period(frame)
    marks.need(frame, ["period", "series", "value"], "draw_trend")
    listed = 0 if events is None else len(events)
    ax = style.axes_for(ax, height=3.6 + 0.16 * listed)
    order = list(pd.unique(frame["series"]))
    if highlight in order:
        order.insert(0, order.pop(order.index(highlight)))
    if not _draw_lines(ax, frame, unit, order, level):
        return marks.nothing_drawn(ax, frame, "Line chart")
    if first_on_top:
        marks.unit_above(ax, wording.unit_label(unit))
        ax.set_ylim(1.06 * ax.get_ylim()[1], min(1.0, ax.get_ylim()[0]))
    time = TimeAxis.of(frame["period"])
    marked = [] if events is None else mark_events(ax, events, time)
    return style.record(ax, alt=_trend_alt(frame, time, unit, order, marked), data=frame)


@style.in_house_style
def draw_gap(
    frame: pd.DataFrame,
    *,
    unit: str = "",
    label: str = "Gap",
    events: pd.DataFrame | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """A gap over time with its interval; the line at zero is no gap.

    Parameters
    ----------
    frame : DataFrame
        Columns ``period``, ``gap``, ``low``, ``high``, in order of time or not, and as an option
        ``kind``: rows of the kind "forecast" are dashed and hollow, and their band is paler.
    unit : str
        Unit code of the levels compared, or an axis label.
    label : str
        What the gap is, for the axis: "Gap to the rest of the borough".
    events : DataFrame, optional
        Columns ``date`` (or ``period``) and ``label``: numbered lines, listed under the chart.
    level : float between 0 and 1
        Coverage of the interval.
    """
    frame = marks.with_period(frame)
    marks.need(frame, ["period", "gap", "low", "high"], "draw_gap")
    ax = style.axes_for(ax, height=3.2 + 0.16 * (0 if events is None else len(events)))
    gap, low, high = (marks.floats(frame[c]) for c in ("gap", "low", "high"))
    if not np.isfinite(gap).any():
        return marks.nothing_drawn(ax, frame, "Chart of a gap over time")
    time = TimeAxis.of(frame["period"])
    ahead = (frame["kind"] == "forecast").to_numpy() if "kind" in frame else np.zeros(len(frame))
    x, gap, low, high, ahead = time.line(frame["period"], gap, low, high, ahead.astype(float))
    first = int(np.argmax(ahead == 1)) if (ahead == 1).any() else len(x)
    few = np.isfinite(gap).sum() <= 24
    look = marks.style_of(0) | {"marker": "o" if few else ""}
    seen, to_come = slice(0, first), slice(max(0, first - 1), len(x))
    for part, changed, alpha in ((to_come, _FORECAST, 0.1), (seen, {}, 0.2)):
        ax.fill_between(
            x[part], low[part], high[part], color=style.PALETTE[0], alpha=alpha, linewidth=0
        )
        ax.plot(x[part], gap[part], **look | changed)
    if first < len(x):
        marks.key_above(ax, ax.lines[1::-1], ["As counted", "Forecast"])
    marks.zero_line(ax)
    marks.number_axis(ax)
    name = ", ".join(
        filter(None, [marks.one_line(label), wording.inside(wording.change_label(unit))])
    )
    band = f" (band: {marks.level_words(level)} interval)" if marks.has_intervals(frame) else ""
    marks.unit_above(ax, f"{name}{band}")
    time.label(ax)
    known = np.flatnonzero(np.isfinite(gap))
    (first, was), (last, now) = (
        (wording.period(_period_at(time, x[i])), wording.difference(gap[i], unit))
        for i in known[[0, -1]]
    )
    alt = f"{marks.one_line(label)} over time. It was {was} in {first} and {now} in {last}"
    ends = low[known[-1]], high[known[-1]]
    if np.isfinite(ends).any():
        alt += f" ({wording.interval(*ends, unit, level, of_change=True)})"
    marked = mark_events(ax, events, time)
    return style.record(ax, alt=" ".join([f"{alt}.", *_marked(marked)]), data=frame)


def _draw_lines(
    ax: Axes, frame: pd.DataFrame, unit: str, order: list[Any], level: float = 0.95
) -> bool:
    """Draw each series of a long frame; False if there is no value in it."""
    values = marks.floats(frame["value"])
    if not np.isfinite(values).any():
        return False
    has_band = marks.has_intervals(frame)
    time = TimeAxis.of(frame["period"])
    handles = []
    for i, name in enumerate(order):
        part = frame[frame["series"] == name]
        columns = ["value", "low", "high"] if has_band else ["value"]
        x, value, *band = time.line(part["period"], *(marks.floats(part[c]) for c in columns))
        look = marks.style_of(i)
        if band:
            ax.fill_between(x, *band, color=look["color"], alpha=0.15, linewidth=0)
        every = max(1, len(x) // 10)
        ax.plot(x, value, **look | {"markevery": (i % every, every)}, zorder=4 - 0.1 * i)
        handles.append(ax.lines[-1])
        _mark_lone_points(ax, x, value, look)
    band_values = [frame["low"], frame["high"]] if has_band else []
    bands = f" (bands: {marks.level_words(level)} intervals)" if has_band else ""
    label = wording.unit_label(unit) + bands
    marks.value_axis(ax, label.strip(), frame["value"], *band_values, zero=unit == "count")
    time.label(ax)
    if len(order) > 1:
        marks.key_above(ax, handles, order)
    return True


def _draw_averages(
    ax: Axes,
    paths: pd.DataFrame,
    time: TimeAxis,
    after: float,
    unit: str,
    labels: tuple[str, str],
    average: int,
) -> bool:
    """A thin line of the first series, thick ones of averages that do not straddle the start."""
    x, *lines = time.line(
        paths["period"], *(marks.floats(paths[c]) for c in ("treated", "comparison"))
    )
    known = np.isfinite(lines).all(axis=0)
    if not known.any():
        return False
    group = np.floor((x[known] - np.ceil(after)) / average)
    ax.plot(x, lines[0], color=style.MARK, linewidth=0.6, zorder=2)
    handles = []
    for i, line in enumerate(lines):
        look = marks.style_of(i)
        rows = pd.DataFrame({"x": x[known], "value": line[known]}).groupby(group)
        means = rows.mean()[rows.size() >= average / 2]
        ax.plot(means["x"], means["value"], **look | {"linewidth": 2.4}, zorder=4 - 0.1 * i)
        handles.append(ax.lines[-1])
    label = f"{wording.unit_label(unit)} (thick: averages of {wording.number(average)})"
    marks.value_axis(ax, label.strip(), *lines)
    time.label(ax)
    marks.key_above(ax, handles, labels)
    return True


def _mark_lone_points(ax: Axes, x: np.ndarray, value: np.ndarray, look: dict[str, Any]) -> None:
    """Values with a gap on either side have no line to show them: give them their marker."""
    known = np.concatenate([[False], np.isfinite(value), [False]])
    lone = known[1:-1] & ~known[:-2] & ~known[2:]
    ax.plot(x[lone], value[lone], **look | {"linestyle": ""})


def _period_at(time: TimeAxis, place: float) -> Any:
    """The period that lies at `place`."""
    return time.steps.index[int(np.argmin(np.abs(time.steps.to_numpy() - place)))]


def _span(time: TimeAxis) -> str:
    """First and last period in words."""
    first, last = (wording.period(time.steps.index[i]) for i in (0, -1))
    return first if first == last else f"{first} to {last}"


def _paths_alt(
    paths: pd.DataFrame,
    time: TimeAxis,
    after: float,
    start: Any,
    unit: str,
    labels: tuple[str, str],
) -> str:
    """Means before and after the start in words, or first and last values without one."""
    place = time.places(paths["period"])
    sides = {"before": place < after, "from": place >= after}
    words = [f"Line chart, {_span(time)}."]
    if not np.isfinite(after):
        long = paths.rename(columns=dict(zip(("treated", "comparison"), labels, strict=True)))
        long = long.melt("period", list(labels), "series", "value")
        return _trend_alt(long, time, unit, list(labels), [])
    gaps = []
    for side, rows in sides.items():
        means = [
            pd.Series(marks.floats(paths.loc[rows, c])).mean() for c in ("treated", "comparison")
        ]
        gaps.append(means[0] - means[1])
        both = wording.and_list(
            f"{marks.one_line(name)} {wording.quantity(mean, unit)}"
            for name, mean in zip(labels, means, strict=True)
        )
        words.append(f"On average {side} {wording.period(start)}: {both}.")
    moved = gaps[1] - gaps[0]
    if np.isfinite(moved):
        words.append(f"The difference between them {wording.change(moved, unit)}.")
    return " ".join(words)


def _trend_alt(
    frame: pd.DataFrame, time: TimeAxis, unit: str, order: list[Any], events: list[str]
) -> str:
    """First and last value of each of the leading series in words."""
    words = [f"Line chart of {wording.counted(len(order), 'series', 'series')}, {_span(time)}."]
    for name in order[:4]:
        part = frame[frame["series"] == name]
        x, value = time.line(part["period"], marks.floats(part["value"]))
        known = np.flatnonzero(np.isfinite(value))
        if not len(known):
            words.append(f"{wording.capital(marks.one_line(name))}: no data.")
            continue
        first, last = value[known[0]], value[known[-1]]
        when = wording.period(_period_at(time, x[known[-1]]))
        moved = f"{wording.change(last - first, unit)}, to " if len(known) > 1 else ""
        moved = moved if first != last else "is as at the start, "
        words.append(
            f"{wording.capital(marks.one_line(name))} {moved}{wording.quantity(last, unit)} in "
            f"{when}."
        )
    if len(order) > 4:
        words.append(f"The other {len(order) - 4} are in the table of numbers.")
    words += _marked(events)
    return " ".join(words)


def _marked(events: list[str]) -> list[str]:
    """What an alternative text says of the events marked."""
    return [f"Marked: {'; '.join(events)}."] if events else []
