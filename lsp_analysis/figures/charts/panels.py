"""Charts of several panels: small multiples over time, and the specification curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
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
    unit_above,
    with_period,
    wrapped,
    zero_line,
)
from lsp_analysis.figures.style import (
    GRID,
    INK,
    MARK,
    PALETTE,
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


@in_house_style
def draw_specification_curve(
    frame: pd.DataFrame, *, unit: str = "", level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """Estimates under every choice of analysis in order of size, the choices dotted beneath.

    Parameters
    ----------
    frame : DataFrame
        Columns ``estimate``, ``low``, ``high``; as an option ``preferred`` (bool); every other
        column is a choice, and those that do not vary are left out.
    unit : str
        Unit code of the outcome, or an axis label.
    level : float between 0 and 1
        Coverage of the intervals.
    """
    need(frame, ["estimate", "low", "high"], "draw_specification_curve")
    known = frame[np.isfinite(floats(frame["estimate"]))]
    known = known.sort_values("estimate", kind="stable").reset_index(drop=True)
    choices = _choices(known)
    if len(choices) > 40:
        raise ParameterError(
            f"{len(choices)} choices cannot be read on a page. Drop columns that are not choices."
        )
    under = 0.2 * len(choices) + 0.1
    ax = axes_for(ax, height=3.1 + under)
    if known.empty:
        return nothing_drawn(ax, frame, "Specification curve")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    names = _choice_names(choices)
    left = (0.07 * max(map(len, names), default=0) + 0.3) / WIDTH
    low = (under + 0.1) / (3.0 + under)
    upper = tidy(ax.inset_axes((left, low, 1 - left, 0.9 - low)))
    x = np.arange(1, len(known) + 1)
    preferred = known.get("preferred", pd.Series(False, index=known.index)).to_numpy(dtype=bool)
    _draw_estimates(upper, known, x, preferred)
    label = wording.change_label(unit) or "Estimate"
    diamond = "; diamond: preferred analysis" if preferred.any() else ""
    unit_above(upper, f"{label}, with {level_words(level)} intervals{diamond}", width=46)
    if choices:
        grid = tidy(ax.inset_axes((left, 0, 1 - left, low - 0.2 / (3.0 + under)), sharex=upper))
        _choice_grid(grid, known, choices, names)
    return record(ax, alt=_specification_alt(known, preferred, unit), data=frame)


def _draw_estimates(ax: Axes, known: pd.DataFrame, x: np.ndarray, preferred: np.ndarray) -> None:
    """Estimates with intervals from left to right, the preferred one as a diamond."""
    estimate, low, high = (floats(known[c]) for c in ("estimate", "low", "high"))
    for side, colour, marker, size, wide in (
        (~preferred, PALETTE[0], "o", 4, 1.3),
        (preferred, PALETTE[2], "D", 8, 2.4),
    ):
        ax.vlines(x[side], low[side], high[side], color=colour, linewidth=wide)
        ax.plot(x[side], estimate[side], marker, color=colour, markersize=size)
    zero_line(ax)
    number_axis(ax)
    ax.set_xlim(0, len(known) + 1)
    ax.set_xticks([])


def _choices(known: pd.DataFrame) -> list[tuple[str, Any]]:
    """Column and level of every choice that varies."""
    plain = {"estimate", "low", "high", "preferred"}
    levels = {c: pd.unique(known[c]) for c in known.columns if c not in plain}
    return [(c, level) for c, met in levels.items() if len(met) > 1 for level in met]


def _choice_names(choices: list[tuple[str, Any]]) -> list[str]:
    """Names of the rows: the choice, before the first of its levels what was chosen."""
    names, last = [], None
    for column, level in choices:
        lead = f"{wording.capital(one_line(column))}: " if column != last else ""
        names.append(wrapped(f"{lead}{level}", 44, 1))
        last = column
    return names


def _choice_grid(
    ax: Axes, known: pd.DataFrame, choices: list[tuple[str, Any]], names: list[str]
) -> None:
    """A row per choice, a square under each estimate that was made with it."""
    x = np.arange(1, len(known) + 1)
    for i, (column, level) in enumerate(choices):
        taken = known[column].isna() if wording.is_missing(level) else known[column] == level
        taken = taken.to_numpy(dtype=bool)
        ax.plot(x, np.full(len(x), i), ".", color=GRID, markersize=3)
        ax.plot(x[taken], np.full(taken.sum(), i), "s", color=MARK, markersize=3.6)
    ax.set_yticks(range(len(choices)), labels=names)
    for text in ax.get_yticklabels():
        text.set_parse_math(False)
    ax.set_ylim(len(choices) - 0.4, -0.6)
    ax.tick_params(axis="both", length=0, labelbottom=False)
    ax.spines[:].set_visible(False)


def _specification_alt(known: pd.DataFrame, preferred: np.ndarray, unit: str) -> str:
    """Range and middle of the estimates, how many clear zero, and the preferred one."""
    estimate, low, high = (floats(known[c]) for c in ("estimate", "low", "high"))
    clear = int(((low > 0) | (high < 0)).sum())
    words = [
        f"Specification curve of {wording.counted(len(known), 'analysis', 'analyses')}: estimates "
        f"from {wording.difference(estimate.min(), unit)} to "
        f"{wording.difference(estimate.max(), unit)}, middle "
        f"{wording.difference(float(np.median(estimate)), unit)}; intervals clear of zero: "
        f"{wording.of_total(clear, len(known))}."
    ]
    if preferred.any():
        words.append(f"Preferred: {wording.difference(estimate[preferred][0], unit)}.")
    return " ".join(words)
