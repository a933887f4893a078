"""Lines over time: a neighbourhood and its comparison, several series, a gap, a process."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import marks, style
from lsp_analysis.figures.marks import TimeAxis, mark_events, shade_after

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
        drawn = _draw_averages(ax, paths, time, after, unit, average)
        if drawn:
            marks.key_above(ax, drawn, labels)
    else:
        long = paths.melt("period", ["treated", "comparison"], "series", "value")
        names = dict(zip(("treated", "comparison"), labels, strict=True))
        long["series"] = long["series"].map(names)
        drawn = _draw_lines(ax, long, unit, list(labels))
    if not drawn:
        return marks.nothing_drawn(ax, paths, "Line chart")
    if not np.isfinite(after):
        return style.record(ax, alt=_trend_alt(long, time, unit, list(labels)), data=paths)
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
    time = _draw_lines(ax, frame, unit, order, level)
    if time is None:
        return marks.nothing_drawn(ax, frame, "Line chart")
    if first_on_top:
        marks.unit_above(ax, wording.unit_label(unit))
        ax.set_ylim(1.06 * ax.get_ylim()[1], min(1.0, ax.get_ylim()[0]))
    marked = mark_events(ax, events, time)
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
    gap, low, high = marks.columns(frame, "gap", "low", "high")
    if not np.isfinite(gap).any():
        return marks.nothing_drawn(ax, frame, "Chart of a gap over time")
    time = TimeAxis.of(frame["period"])
    ahead = (frame["kind"] == "forecast").to_numpy() if "kind" in frame else np.zeros(len(frame))
    x, gap, low, high, ahead = time.line(frame["period"], gap, low, high, ahead.astype(float))
    known = np.flatnonzero(np.isfinite(gap))
    first = int(np.argmax(ahead == 1)) if (ahead == 1).any() else len(x)
    look = marks.style_of(0) | {"marker": "o" if len(known) <= 24 else ""}
    seen, to_come = slice(0, first), slice(max(0, first - 1), len(x))
    for part, changed, alpha in ((to_come, _FORECAST, 0.1), (seen, {}, 0.2)):
        band = {"color": style.PALETTE[0], "alpha": alpha, "linewidth": 0}
        ax.fill_between(x[part], low[part], high[part], **band)
        ax.plot(x[part], gap[part], **look | changed)
    if first < len(x):
        marks.key_above(ax, ax.lines[1::-1], ["As counted", "Forecast"])
    marks.zero_line(ax)
    marks.number_axis(ax)
    called, of = marks.one_line(label), wording.inside(wording.change_label(unit))
    band = f" (band: {marks.level_words(level)} interval)" if marks.has_intervals(frame) else ""
    marks.unit_above(ax, f"{', '.join(filter(None, [called, of]))}{band}")
    time.label(ax)
    (was, then), (now, last) = (
        (wording.difference(gap[i], unit), _period_at(time, x[i])) for i in known[[0, -1]]
    )
    alt = f"{called} over time. It was {was} in {then} and {now} in {last}"
    ends = low[known[-1]], high[known[-1]]
    if np.isfinite(ends).any():
        alt += f" ({wording.interval(*ends, unit, level, of_change=True)})"
    marked = mark_events(ax, events, time)
    return style.record(ax, alt=" ".join([f"{alt}.", *_marked(marked)]), data=frame)


def _draw_lines(
    ax: Axes, frame: pd.DataFrame, unit: str, order: list[Any], level: float = 0.95
) -> TimeAxis | None:
    """Draw each series of a long frame; its axis, or None if there is no value in it."""
    if not np.isfinite(marks.floats(frame["value"])).any():
        return None
    has_band = marks.has_intervals(frame)
    columns = ["value", "low", "high"] if has_band else ["value"]
    time = TimeAxis.of(frame["period"])
    handles = []
    for i, name in enumerate(order):
        part = frame[frame["series"] == name]
        x, value, *band = time.line(part["period"], *marks.columns(part, *columns))
        look = marks.style_of(i)
        if band:
            ax.fill_between(x, *band, color=look["color"], alpha=0.15, linewidth=0)
        every = max(1, len(x) // 10)
        handles += ax.plot(x, value, **look | {"markevery": (i % every, every)}, zorder=4 - 0.1 * i)
        known = np.concatenate([[False], np.isfinite(value), [False]])
        lone = known[1:-1] & ~known[:-2] & ~known[2:]  # no line shows these: their marker does
        ax.plot(x[lone], value[lone], **look | {"linestyle": ""})
    bands = f" (bands: {marks.level_words(level)} intervals)" if has_band else ""
    label = f"{wording.unit_label(unit)}{bands}".strip()
    marks.value_axis(ax, label, *(frame[c] for c in columns), zero=unit == "count")
    time.label(ax)
    if len(order) > 1:
        marks.key_above(ax, handles, order)
    return time


def _draw_averages(
    ax: Axes, paths: pd.DataFrame, time: TimeAxis, after: float, unit: str, average: int
) -> list[Line2D]:
    """A thin line of the first series, thick ones of averages that do not straddle the start."""
    x, *lines = time.line(paths["period"], *marks.columns(paths, "treated", "comparison"))
    known = np.isfinite(lines).all(axis=0)
    if not known.any():
        return []
    group = np.floor((x[known] - np.ceil(after)) / average)
    ax.plot(x, lines[0], color=style.MARK, linewidth=0.6, zorder=2)
    handles = []
    for i, line in enumerate(lines):
        rows = pd.DataFrame({"x": x[known], "value": line[known]}).groupby(group)
        means = rows.mean()[rows.size() >= average / 2]
        look = marks.style_of(i) | {"linewidth": 2.4}
        handles += ax.plot(means["x"], means["value"], **look, zorder=4 - 0.1 * i)
    label = f"{wording.unit_label(unit)} (thick: averages of {wording.number(average)})"
    marks.value_axis(ax, label.strip(), *lines)
    time.label(ax)
    return handles


def _period_at(time: TimeAxis, place: float) -> str:
    """The period that lies at `place`, in words."""
    return wording.period(time.steps.index[int(np.argmin(np.abs(time.steps.to_numpy() - place)))])


def _span(time: TimeAxis) -> str:
    """First and last period in words."""
    first, last = (wording.period(time.steps.index[i]) for i in (0, -1))
    return first if first == last else f"{first} to {last}"


def _paths_alt(
    paths: pd.DataFrame, time: TimeAxis, after: float, start: Any, unit: str, labels: Sequence[str]
) -> str:
    """Means before and after the start in words."""
    place = time.places(paths["period"])
    words, gaps = [f"Line chart, {_span(time)}."], []
    for side, rows in (("before", place < after), ("from", place >= after)):
        means = [pd.Series(c).mean() for c in marks.columns(paths[rows], "treated", "comparison")]
        gaps.append(means[0] - means[1])
        both = wording.and_list(
            f"{marks.one_line(name)} {wording.quantity(mean, unit)}"
            for name, mean in zip(labels, means, strict=True)
        )
        words.append(f"On average {side} {wording.period(start)}: {both}.")
    if np.isfinite(moved := gaps[1] - gaps[0]):
        words.append(f"The difference between them {wording.change(moved, unit)}.")
    return " ".join(words)


def _trend_alt(
    frame: pd.DataFrame, time: TimeAxis, unit: str, order: list[Any], events: Sequence[str] = ()
) -> str:
    """First and last value of each of the leading series in words."""
    words = [f"Line chart of {wording.counted(len(order), 'series', 'series')}, {_span(time)}."]
    for name in order[:4]:
        part = frame[frame["series"] == name]
        called = wording.capital(marks.one_line(name))
        x, value = time.line(part["period"], *marks.columns(part, "value"))
        known = np.flatnonzero(np.isfinite(value))
        if not len(known):
            words.append(f"{called}: no data.")
            continue
        first, last = value[known[[0, -1]]]
        moved = f"{wording.change(last - first, unit)}, to " if len(known) > 1 else ""
        moved = moved if first != last else "is as at the start, "
        when = _period_at(time, x[known[-1]])
        words.append(f"{called} {moved}{wording.quantity(last, unit)} in {when}.")
    if len(order) > 4:
        words.append(f"The other {len(order) - 4} are in the table of numbers.")
    return " ".join([*words, *_marked(events)])


def _marked(events: Sequence[str]) -> list[str]:
    """What an alternative text says of the events marked."""
    return [f"Marked: {'; '.join(events)}."] if events else []


# Process charts (XmR): what is routine variation and what is not ---------------------------------

POINT_TYPES = {  # words, colour and marker
    "common_cause": ("usual variation", style.MARK, "o"),
    "special_cause_improvement": ("improvement", style.PALETTE[0], "^"),
    "special_cause_concern": ("concern", style.PALETTE[3], "v"),
    "special_cause_neutral_high": ("higher than usual", style.PALETTE[1], "D"),
    "special_cause_neutral_low": ("lower than usual", style.PALETTE[2], "s"),
}
_MANY = 60  # points from which they are drawn small
_MEAN = {"color": style.INK, "linewidth": 1.2}
_LIMITS = {"color": style.INK, "linewidth": 1.1, "linestyle": (0, (5, 2)), "drawstyle": "steps-mid"}
_TARGET = {"color": style.PALETTE[2], "linewidth": 1.4, "linestyle": (0, (1.2, 1.2))}


@style.in_house_style
def draw_process(
    frame: pd.DataFrame,
    *,
    unit: str = "",
    target: float | None = None,
    events: pd.DataFrame | None = None,
    ax: Axes | None = None,
) -> Axes:
    """An XmR chart in the manner of NHS England's Making Data Count.

    Parameters
    ----------
    frame : DataFrame
        Columns ``period``, ``value``, ``mean``, ``lpl`` and ``upl`` (process limits; they step
        where the chart was rebased) and ``point_type``: ``common_cause``,
        ``special_cause_improvement``, ``special_cause_concern``, ``special_cause_neutral_high`` or
        ``special_cause_neutral_low``.
    unit : str
        Unit code or axis label.
    target : float, optional
        Drawn as a dotted line.
    events : DataFrame, optional
        Columns ``date`` and ``label``, numbered on the chart and listed under it.
    """
    frame = marks.with_period(frame)
    marks.need(frame, ["period", "value", "mean", "lpl", "upl", "point_type"], "draw_process")
    ax = style.axes_for(ax, height=3.7 + 0.16 * (0 if events is None else len(events)))
    columns = marks.columns(frame, "value", "lpl", "upl", "mean")
    if not np.isfinite(columns[0]).any():
        return marks.nothing_drawn(ax, frame, "Process chart")
    kinds = frame["point_type"].where(frame["point_type"].notna(), "common_cause")
    for kind in set(kinds) - set(POINT_TYPES):
        known = wording.and_list(POINT_TYPES, last="or")
        raise ParameterError(f"A point_type is {known}, not {kind!r}.")
    time = TimeAxis.of(frame["period"])
    x, value, lpl, upl, mean = time.line(frame["period"], *columns)
    ax.plot(x, value, color=style.MARK, linewidth=1.2, zorder=2)
    ax.plot(x, mean, **_MEAN, drawstyle="steps-mid")
    ax.plot(x, lpl, **_LIMITS)
    ax.plot(x, upl, **_LIMITS)
    key = [(Line2D([], [], **_MEAN), "mean"), (Line2D([], [], **_LIMITS), "process limits")]
    scaled = columns[:3]
    if target is not None:
        scaled.append([target])
        ax.axhline(target, **_TARGET)
        key.append((Line2D([], [], **_TARGET), f"target: {marks.in_key(target, unit)}"))
    key += _draw_points(ax, time.places(frame["period"]), columns[0], kinds)
    marks.value_axis(ax, wording.unit_label(unit) or "Value", *scaled, zero=unit == "count")
    time.label(ax)
    listed = mark_events(ax, events, time)
    marks.key_above(ax, *zip(*key, strict=True))
    alt = " ".join([_process_alt(frame, time, kinds, unit, target), *_marked(listed)])
    return style.record(ax, alt=alt, data=frame)


def _draw_points(
    ax: Axes, x: np.ndarray, value: np.ndarray, kinds: pd.Series
) -> list[tuple[Line2D, str]]:
    """Points by type, special ones larger, and their key."""
    key = []
    usual, edge = (4.5, 0.6) if len(x) <= _MANY else (3.4, 0.0)
    for kind, (words, colour, marker) in POINT_TYPES.items():
        inside = (kinds == kind).to_numpy()
        if inside.any():
            size = usual if kind == "common_cause" else 1.6 * usual
            look = {"marker": marker, "color": colour, "markersize": size, "linestyle": ""}
            look |= {"markeredgecolor": style.INK, "markeredgewidth": edge, "zorder": 4}
            points = ax.plot(x[inside], value[inside], **look)
            key.append((points[0], f"{words} ({int(inside.sum())})"))
    return key


def _process_alt(
    frame: pd.DataFrame, time: TimeAxis, kinds: pd.Series, unit: str, target: float | None
) -> str:
    """Last value, its limits and its kind, and how many points are special."""
    known = frame[np.isfinite(marks.floats(frame["value"]))]
    last = known.iloc[int(np.argmax(time.places(known["period"])))]
    special = int((kinds != "common_cause").sum())
    value, mean, low, high = (
        wording.quantity(last[name], unit) for name in ("value", "mean", "lpl", "upl")
    )
    words = (
        f"Process chart of {wording.counted(len(known), 'point')}, "
        f"{wording.of_total(special, len(known))} outside usual variation. The last, "
        f"{wording.period(last['period'])}, is {value}: {POINT_TYPES[kinds[last.name]][0]}."
    )
    if np.isfinite(marks.floats([last["lpl"], last["upl"]])).all():
        words += f" Mean {mean}, process limits {low} to {high}."
    return words if target is None else f"{words} Target {wording.quantity(target, unit)}."
