"""Two aims at once: the borough's change against the change in the gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures.marks import (
    floats,
    need,
    nothing_drawn,
    number_axis,
    numbered_list,
    one_line,
    text_below,
    unit_above,
    zero_line,
)
from lsp_analysis.figures.style import INK, PALETTE, SMALL, axes_for, in_house_style, record

QUADRANTS = ("both worse", "improving but widening", "narrowing by decline", "levelling up")
_CORNERS = ((0.01, 0.99), (0.99, 0.99), (0.01, 0.01), (0.99, 0.01))


@in_house_style
def draw_quadrant(
    frame: pd.DataFrame,
    *,
    unit: str = "per cent of the borough's value at the start",
    ax: Axes | None = None,
) -> Axes:
    """The borough's change against the change in the gap, with a cross of intervals for each.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label``, ``borough_change`` (above zero is better), ``gap_change`` (below zero is
        narrower), and as an option ``borough_low``, ``borough_high``, ``gap_low``, ``gap_high``.
    unit : str
        What both changes are measured in.
    """
    need(frame, ["label", "borough_change", "gap_change"], "draw_quadrant")
    names = numbered_list(frame["label"])
    ax = axes_for(ax, height=4.0 + 0.16 * names.count("\n"))
    x, y = floats(frame["borough_change"]), floats(frame["gap_change"])
    if not (np.isfinite(x) & np.isfinite(y)).any():
        return nothing_drawn(ax, frame, "Quadrant chart")
    ends = {c: floats(frame[c]) for c in _quadrant_ends(frame)}
    cross = {"color": PALETTE[0], "linewidth": 1.0, "alpha": 0.75}
    if "borough_low" in ends:
        ax.hlines(y, ends["borough_low"], ends["borough_high"], **cross)
    if "gap_low" in ends:
        ax.vlines(x, ends["gap_low"], ends["gap_high"], **cross)
    _even_limits(ax, [x, *(v for c, v in ends.items() if c.startswith("borough"))], "x")
    _even_limits(ax, [y, *(v for c, v in ends.items() if c.startswith("gap"))], "y")
    number_axis(ax)
    number_axis(ax, "x")
    zero_line(ax)
    zero_line(ax, "x")
    _rings(ax, x, y)
    for name, (across, up) in zip(QUADRANTS, _CORNERS, strict=True):
        align = {"ha": "left" if across < 0.5 else "right", "va": "top" if up > 0.5 else "bottom"}
        ax.text(across, up, name, transform=ax.transAxes, fontsize=SMALL, style="italic", **align)
    text_below(ax, f"Change in the borough (right is better), {one_line(unit)}\n\n{names}")
    unit_above(ax, "Change in the gap (up is wider), same unit")
    return record(ax, alt=_quadrant_alt(frame, x, y), data=frame)


def _quadrant_ends(frame: pd.DataFrame) -> list[str]:
    """Columns of interval ends, where both ends are there."""
    pairs = (("borough_low", "borough_high"), ("gap_low", "gap_high"))
    return [c for pair in pairs if set(pair) <= set(frame.columns) for c in pair]


def _rings(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Each point's number in a ring: on the point, or near it with a line where others are."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    inches = ax.figure.get_size_inches() * (0.85, 0.6)  # about what the plot takes of the figure
    spans = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    places = np.column_stack([x, y])[known] / spans * inches * 72  # points
    taken: list[np.ndarray] = []
    for i, at in zip(known, places, strict=True):
        spot = next((s for s in at + _AROUND if all(np.hypot(*(s - t)) > _RING for t in taken)), at)
        taken.append(spot)
        _ring(ax, (x[i], y[i]), tuple(spot - at), int(i) + 1)


_RING = 15.0  # points from one ring's middle to the next
_AROUND = np.array(
    [(0.0, 0.0)]
    + [(r * np.cos(a), r * np.sin(a)) for r in (16.0, 26.0, 36.0) for a in np.pi / 4 * np.arange(8)]
)


def _ring(ax: Axes, place: tuple[float, float], moved: tuple[float, float], i: int) -> None:
    """A number in a ring, `moved` by so many points from its place, where a dot then stands."""
    line = {"arrowstyle": "-", "color": PALETTE[0], "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    if any(moved):
        ax.plot(*place, "o", color=PALETTE[0], markersize=3.5, zorder=4)
    ax.annotate(
        str(i),
        place,
        xytext=moved,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=SMALL,
        color=INK,
        zorder=5,
        arrowprops=line if any(moved) else None,
        bbox={"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": PALETTE[0]},
    )


def _even_limits(ax: Axes, parts: list[np.ndarray], which: str) -> None:
    """Limits that hold all numbers, zero, and room for the corner names."""
    known = np.concatenate(parts)
    known = known[np.isfinite(known)]
    low, high = min(known.min(), 0.0), max(known.max(), 0.0)
    pad = 0.16 * (high - low) or 1.0
    (ax.set_xlim if which == "x" else ax.set_ylim)(low - pad, high + pad)


def _quadrant_alt(frame: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> str:
    """Which indicators lie in which quadrant."""
    words = [f"Quadrant chart of {wording.counted(len(frame), 'indicator')}."]
    sides = (((x < 0) & (y > 0)), ((x > 0) & (y > 0)), ((x < 0) & (y < 0)), ((x > 0) & (y < 0)))
    for name, inside in zip(QUADRANTS, sides, strict=True):
        labels = [wording.inside(one_line(label)) for label in frame["label"][inside]]
        if labels:
            words.append(f"{name.capitalize()}: {wording.and_list(labels)}.")
    return " ".join(words)
