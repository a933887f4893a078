"""Moments marked on a chart over time: the start of a programme, dated events."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures.marks import need, one_line, text_below, wrapped
from lsp_analysis.figures.style import BAND, INK, MARK, SMALL
from lsp_analysis.figures.time_axis import TimeAxis

_LONGEST = 76  # characters of an event's line


def shade_after(ax: Axes, place: float, start: Any) -> None:
    """Shade the time from the start on, and say what it is."""
    _, right = ax.get_xlim()
    right = max(right, place + 0.5)
    ax.axvspan(place, right, color=BAND, alpha=0.28, linewidth=0, zorder=0)
    ax.axvline(place, color=INK, linewidth=1.0, zorder=1)
    ax.set_xlim(right=right)
    ax.set_xlabel(f"Shaded: from the start, {wording.period(start)}", fontsize=SMALL, loc="right")


def mark_events(ax: Axes, events: pd.DataFrame | None, time: TimeAxis) -> list[str]:
    """Number the events on the chart and list them under its axis.

    Parameters
    ----------
    events : DataFrame, optional
        Columns ``date`` (or ``period``) and ``label``; those outside the chart are left out.
    time : TimeAxis
        The chart's own.

    Returns
    -------
    list of str
        The lines of the list.
    """
    if events is None or not len(events):
        return []
    when = "date" if "date" in events else "period"
    need(events, [when, "label"], "The frame of events")
    low, high = ax.get_xlim()
    rows = zip(events[when], events["label"], strict=True)
    placed = [(time.start_of(date), date, label) for date, label in rows]
    inside = sorted((row for row in placed if low <= row[0] <= high), key=lambda row: row[0])
    listed = []
    for i, (place, date, label) in enumerate(inside, start=1):
        ax.axvline(place, color=MARK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
        _number(ax, place, i, level=_level(i - 1, [row[0] for row in inside], high - low))
        listed.append(f"{i} {one_line(label)} ({wording.period(date)})")
    if listed:
        text_below(ax, "\n".join(wrapped(line, _LONGEST, 2) for line in listed))
    return listed


def _number(ax: Axes, place: float, i: int, level: int) -> None:
    """The event's number in a ring at the upper end of its line."""
    ax.annotate(
        str(i),
        (place, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, -14 * level),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=SMALL,
        color=INK,
        zorder=6,
        bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": MARK},
    )


def _level(i: int, places: list[float], width: float) -> int:
    """How many steps down the ring of event `i` stands, so that close events do not collide."""
    run = 0
    while i > 0 and places[i] - places[i - 1] < 0.035 * width:
        run, i = run + 1, i - 1
    return run % 6
