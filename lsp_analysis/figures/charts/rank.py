"""Who is highest: areas in order of their value, each with its interval."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lsp_analysis import wording
from lsp_analysis.figures import marks, style

_MOST_ROWS = 40


@style.in_house_style
def draw_caterpillar(
    frame: pd.DataFrame,
    *,
    highlight: str | Collection[str] | None = None,
    reference: float | None = None,
    reference_label: str = "Reference",
    unit: str = "",
    level: float = 0.95,
    noun: str = "area",
    ax: Axes | None = None,
) -> Axes:
    """Areas in order of their value, each with its interval.

    Up to 40 areas are named rows; more stand side by side and only highlighted ones are named.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label``, ``value``, ``low``, ``high``.
    highlight : str or collection of str
        Labels drawn in colour and named.
    reference : float, optional
        A value to compare with, such as the borough's.
    reference_label : str
        Whose value that is.
    unit : str
        Unit code or axis label.
    level : float between 0 and 1
        Coverage of the intervals.
    noun : str
        What one row is, for the text: an area, a measure.
    """
    marks.need(frame, ["label", "value", "low", "high"], "draw_caterpillar")
    chosen = marks.chosen_labels(highlight)
    known = frame[np.isfinite(marks.floats(frame["value"]))].sort_values(
        "value", ascending=False, kind="stable"
    )
    in_rows = len(known) <= _MOST_ROWS
    height = 1.0 + marks.row_heights(known["label"], each=0.24).sum() if in_rows else 3.6
    ax = style.axes_for(ax, height=max(1.8, height))
    if known.empty:
        return marks.nothing_drawn(ax, frame, f"{wording.capital(noun)}s in order of their value")
    marked = known["label"].isin(chosen).to_numpy()
    (_caterpillar_rows if in_rows else _caterpillar_columns)(ax, known, marked, unit, level)
    named = [marks.one_line(name) for name in known["label"][marked]]
    reference = None if wording.is_missing(reference) else reference
    if reference is not None:
        line = ax.axvline if in_rows else ax.axhline
        line(reference, color=style.INK, linewidth=1.2, zorder=1.6)
        reference_label = f"{reference_label}: {marks.in_key(reference, unit)}"
    _caterpillar_key(ax, named, "" if reference is None else reference_label, in_rows)
    return style.record(ax, alt=_caterpillar_alt(known, marked, reference, unit, noun), data=frame)


def _caterpillar_rows(
    ax: Axes, known: pd.DataFrame, marked: np.ndarray, unit: str, level: float
) -> None:
    """Areas as named rows."""
    y = marks.rows(ax, known["label"], each=0.24)
    value, low, high = (marks.floats(known[c]) for c in ("value", "low", "high"))
    for side, colour, marker in ((~marked, style.MARK, "o"), (marked, style.PALETTE[2], "D")):
        ax.hlines(y[side], low[side], high[side], color=colour, linewidth=1.6)
        ax.plot(value[side], y[side], linestyle="", marker=marker, color=colour, markersize=6)
    marks.number_axis(ax, "x")
    ax.set_xlabel(_value_label(known, unit, level), fontsize=style.SMALL)


def _caterpillar_columns(
    ax: Axes, known: pd.DataFrame, marked: np.ndarray, unit: str, level: float
) -> None:
    """Many areas side by side, the highest on the left."""
    x = np.arange(1, len(known) + 1)
    value, low, high = (marks.floats(known[c]) for c in ("value", "low", "high"))
    for side, colour, wide, size in (
        (~marked, style.MARK, 0.9, 2.5),
        (marked, style.PALETTE[2], 2.2, 6),
    ):
        ax.vlines(x[side], low[side], high[side], color=colour, linewidth=wide)
        marker = "D" if size == 6 else "o"
        ax.plot(x[side], value[side], linestyle="", marker=marker, color=colour, markersize=size)
    marks.value_axis(ax, _value_label(known, unit, level), value, low, high, zero=unit == "count")
    ax.set_xlim(0, len(known) + 1)
    ax.set_xlabel(f"{wording.number(len(known))} areas, highest first", fontsize=style.SMALL)
    ax.set_xticks([1, len(known)], labels=["1", wording.number(len(known))])


def _value_label(known: pd.DataFrame, unit: str, level: float) -> str:
    """Axis label that names the unit and, where there are any, the intervals."""
    drawn = np.isfinite(marks.floats(known["low"])) & np.isfinite(marks.floats(known["high"]))
    tail = f", with {marks.level_words(level)} intervals" if drawn.any() else ""
    return (wording.unit_label(unit) or "Value") + tail


def _caterpillar_key(ax: Axes, marked: list[str], reference: str, in_rows: bool) -> None:
    """Key of highlighted areas and reference line."""
    key = []
    if marked:
        line = Line2D([], [], marker="D", color=style.PALETTE[2], linestyle="-", markersize=6)
        key.append((line, marked[0] if len(marked) == 1 else f"Highlighted ({len(marked)})"))
    if reference:
        key.append((Line2D([], [], color=style.INK, linewidth=1.2), reference))
    if key:
        lift, taken = (5, 2.4) if in_rows else (20, 0.7)
        marks.key_above(ax, *zip(*key, strict=True), lift=lift, taken=taken)


def _caterpillar_alt(
    known: pd.DataFrame, marked: np.ndarray, reference: float | None, unit: str, noun: str
) -> str:
    """Ends of the order, the highlighted areas' places, and how many clear the reference."""
    n = len(known)
    first, last = known.iloc[0], known.iloc[-1]
    words = [
        f"{wording.capital(wording.counted(n, noun))} in order of value, from "
        f"{wording.quantity(first['value'], unit)} ({marks.one_line(first['label'])}) down to "
        f"{wording.quantity(last['value'], unit)} ({marks.one_line(last['label'])})."
    ]
    for place in np.flatnonzero(marked)[:4]:
        row = known.iloc[place]
        words.append(
            f"{marks.one_line(row['label'])} is {wording.ordinal(int(place) + 1)} of {n} with "
            f"{wording.quantity(row['value'], unit)}."
        )
    drawn = np.isfinite(marks.floats(known["low"])) & np.isfinite(marks.floats(known["high"]))
    if drawn.any() and reference is not None:
        above = int((marks.floats(known["low"]) > reference).sum())
        below = int((marks.floats(known["high"]) < reference).sum())
        words.append(
            f"Against the reference of {wording.quantity(reference, unit)}, {above} intervals lie "
            f"wholly above and {below} wholly below."
        )
    return " ".join(words)
