"""Small multiples: a small chart over time for each of several indicators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lsp_analysis import wording
from lsp_analysis.figures.marks import (
    floats,
    has_intervals,
    key_above,
    level_words,
    need,
    nothing_drawn,
    number_axis,
    one_line,
    style_of,
    with_period,
    wrapped,
)
from lsp_analysis.figures.style import (
    INK,
    SMALL,
    WIDTH,
    axes_for,
    in_house_style,
    record,
    tidy,
)
from lsp_analysis.figures.time_axis import TimeAxis

_PANEL = 2.0  # inches of height
_LEFT, _BELOW, _ABOVE, _BETWEEN = 0.42, 0.4, 0.66, 0.16  # inches around a panel's plot


@in_house_style
def draw_small_multiples(
    frame: pd.DataFrame, *, columns: int = 3, level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """One small chart per title, over the same periods, each on its own scale.

    Parameters
    ----------
    frame : DataFrame
        Columns ``title``, ``period``, ``series``, ``value`` and, as an option, ``low``, ``high``,
        ``unit`` (unit code of the title's values).
    columns : int
        Charts side by side.
    level : float between 0 and 1
        Coverage of the intervals.
    """
    frame = with_period(frame)
    need(frame, ["title", "period", "series", "value"], "draw_small_multiples")
    titles = list(pd.unique(frame["title"]))
    columns = max(1, min(columns, len(titles)))
    deep = max(1, -(-len(titles) // columns))
    ax = axes_for(ax, height=_PANEL * deep + 0.5)
    if not np.isfinite(floats(frame["value"])).any():
        return nothing_drawn(ax, frame, "Small charts over time")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    time = TimeAxis.of(frame["period"])
    order = list(pd.unique(frame["series"]))
    for i, title in enumerate(titles):
        panel = tidy(ax.inset_axes(_panel_box(i, columns, deep)))
        part = frame[frame["title"] == title]
        _draw_panel(panel, part, time, order)
        _name_panel(panel, part, WIDTH / columns)
    handles = [Line2D([], [], **style_of(i)) for i in range(len(order))]
    key_above(ax, handles, order, lift=4, taken=0.3)
    has_bands = has_intervals(frame)
    bands = f"; bands are {level_words(level)} intervals" if has_bands else ""
    ax.set_xlabel(
        f"Scales differ between charts and need not start at zero{bands}",
        fontsize=SMALL,
        loc="right",
    )
    return record(ax, alt=_multiples_alt(frame, time, titles, order), data=frame)


def _panel_box(i: int, columns: int, deep: int) -> tuple[float, float, float, float]:
    """Place of plot `i` in shares of the parent axes."""
    row, column = divmod(i, columns)
    wide, tall = WIDTH / columns, _PANEL
    left = (column * wide + _LEFT) / WIDTH
    low = 1 - ((row + 1) * tall - _BELOW) / (deep * tall)
    width = (wide - _LEFT - _BETWEEN) / WIDTH
    return left, low, width, (tall - _BELOW - _ABOVE) / (deep * tall)


def _draw_panel(panel: Axes, part: pd.DataFrame, time: TimeAxis, order: list[Any]) -> None:
    """One small chart with its title and unit."""
    has_band = has_intervals(part)
    for i, name in enumerate(order):
        rows = part[part["series"] == name]
        fields = ["value", "low", "high"] if has_band else ["value"]
        x, value, *band = time.line(rows["period"], *(floats(rows[c]) for c in fields))
        look = style_of(i) | {"markevery": max(1, len(x) // 5), "markersize": 3.5, "linewidth": 1.5}
        if band:
            panel.fill_between(x, *band, color=look["color"], alpha=0.15, linewidth=0)
        panel.plot(x, value, zorder=4 - 0.1 * i, **look)
    _few_labels(panel, time)
    time.reach(panel)
    number_axis(panel)
    panel.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    low, high = panel.get_ylim()
    if 0 < low < 0.5 * high:
        panel.set_ylim(bottom=0)
    if not np.isfinite(floats(part["value"])).any():
        panel.text(0.5, 0.5, "no data", transform=panel.transAxes, ha="center", color=INK)
        panel.set_yticks([])


def _name_panel(panel: Axes, part: pd.DataFrame, wide: float) -> None:
    """Title and unit over a panel `wide` inches across, from the edge of its cell."""
    named = wording.unit_label(str(part["unit"].iloc[0])) if "unit" in part else ""
    name = wrapped(part["title"].iloc[0], int(wide / 0.087), 2)
    text = "\n".join(filter(None, [name, wrapped(named, int(wide / 0.087), 1)]))
    edge = -(_LEFT - 0.04) / (wide - _LEFT - _BETWEEN)
    panel.set_title(text, loc="left", fontsize=SMALL, color=INK, x=edge, y=1, pad=8)


def _few_labels(panel: Axes, time: TimeAxis) -> None:
    """First and last period only."""
    if not len(time.steps):
        panel.set_xticks([])
        return
    ends = time.steps.iloc[[0, -1]] if len(time.steps) > 1 else time.steps
    labels = [wording.period(p, short=True)[:8] for p in ends.index]
    panel.set_xticks(ends.to_numpy(), labels=labels)
    panel.tick_params(axis="x", length=2, pad=6)
    if len(labels) > 1:
        for text, side in zip(panel.get_xticklabels(), ("left", "right"), strict=True):
            text.set_horizontalalignment(side)


def _multiples_alt(frame: pd.DataFrame, time: TimeAxis, titles: list[Any], order: list[Any]) -> str:
    """Each title's change in the first series in words."""
    words = [f"{wording.counted(len(titles), 'small chart').capitalize()} over time."]
    leading = frame[frame["series"] == order[0]]
    for title in titles[:12]:
        part = leading[leading["title"] == title]
        unit = str(part["unit"].iloc[0]) if "unit" in part and len(part) else ""
        _, value = time.line(part["period"], floats(part["value"]))
        known = value[np.isfinite(value)]
        if len(known):
            moved = wording.change(known[-1] - known[0], unit)
            words.append(f"{one_line(title)}: {moved}, to {wording.quantity(known[-1], unit)}.")
        else:
            words.append(f"{one_line(title)}: no data.")
    words.insert(1, f"Changes of {one_line(order[0])} from first to last period follow.")
    if len(titles) > 12:
        words.append(f"The other {len(titles) - 12} are in the table of numbers.")
    return " ".join(words)
