"""Who is highest: areas in order of their value, each with its interval."""

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
    _draw_areas(ax, known, marked, _value_label(known, unit, level), unit, in_rows)
    named = [marks.one_line(name) for name in known["label"][marked]]
    reference = None if wording.is_missing(reference) else reference
    if reference is not None:
        line = ax.axvline if in_rows else ax.axhline
        line(reference, color=style.INK, linewidth=1.2, zorder=1.6)
        reference_label = f"{reference_label}: {marks.in_key(reference, unit)}"
    _caterpillar_key(ax, named, "" if reference is None else reference_label, in_rows)
    return style.record(ax, alt=_caterpillar_alt(known, marked, reference, unit, noun), data=frame)


def _draw_areas(
    ax: Axes, known: pd.DataFrame, marked: np.ndarray, label: str, unit: str, in_rows: bool
) -> None:
    """Areas as named rows, or many side by side, the highest on the left."""
    n = len(known)
    places = marks.rows(ax, known["label"], each=0.24) if in_rows else np.arange(1, n + 1)
    value, low, high = (marks.floats(known[c]) for c in ("value", "low", "high"))
    widths, sizes = ((1.6, 1.6), (6, 6)) if in_rows else ((0.9, 2.2), (2.5, 6))
    looks = zip((~marked, marked), (style.MARK, style.PALETTE[2]), "oD", widths, sizes, strict=True)
    for side, colour, marker, wide, size in looks:
        lines, at = (ax.hlines, (value, places)) if in_rows else (ax.vlines, (places, value))
        lines(places[side], low[side], high[side], color=colour, linewidth=wide)
        look = {"marker": marker, "color": colour, "markersize": size, "linestyle": ""}
        ax.plot(*(one[side] for one in at), **look)
    if in_rows:
        marks.number_axis(ax, "x")
        ax.set_xlabel(label, fontsize=style.SMALL)
        return
    marks.value_axis(ax, label, value, low, high, zero=unit == "count")
    ax.set_xlim(0, n + 1)
    ax.set_xlabel(f"{wording.number(n)} areas, highest first", fontsize=style.SMALL)
    ax.set_xticks([1, n], labels=["1", wording.number(n)])


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
