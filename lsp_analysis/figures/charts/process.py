"""Process charts (XmR): what is routine variation and what is not."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import marks, style
from lsp_analysis.figures.time_axis import TimeAxis, mark_events

# point type -> words for the key, the verdict whose colour and shape it has
POINT_TYPES = {  # words, colour and marker
    "common_cause": ("usual variation", style.MARK, "o"),
    "special_cause_improvement": ("improvement", style.PALETTE[0], "^"),
    "special_cause_concern": ("concern", style.PALETTE[3], "v"),
    "special_cause_neutral_high": ("higher than usual", style.PALETTE[1], "D"),
    "special_cause_neutral_low": ("lower than usual", style.PALETTE[2], "s"),
}
_MANY = 60  # points from which they are drawn small
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
    if not np.isfinite(marks.floats(frame["value"])).any():
        return marks.nothing_drawn(ax, frame, "Process chart")
    kinds = frame["point_type"].map(_known_type)
    time = TimeAxis.of(frame["period"])
    x, value, mean, lpl, upl = time.line(
        frame["period"], *(marks.floats(frame[c]) for c in ("value", "mean", "lpl", "upl"))
    )
    ax.plot(x, value, color=style.MARK, linewidth=1.2, zorder=2)
    ax.plot(x, mean, color=style.INK, linewidth=1.2, drawstyle="steps-mid")
    ax.plot(x, lpl, **_LIMITS)
    ax.plot(x, upl, **_LIMITS)
    key = [(Line2D([], [], color=style.INK, linewidth=1.2), "mean")]
    key.append((Line2D([], [], **_LIMITS), "process limits"))
    if target is not None:
        ax.axhline(target, **_TARGET)
        key.append((Line2D([], [], **_TARGET), f"target: {marks.in_key(target, unit)}"))
    key += _draw_points(ax, time, frame, kinds)
    extra = [] if target is None else [[target]]
    columns = [frame[c] for c in ("value", "lpl", "upl")]
    marks.value_axis(
        ax, wording.unit_label(unit) or "Value", *columns, *extra, zero=unit == "count"
    )
    time.label(ax)
    listed = mark_events(ax, events, time)
    marks.key_above(ax, *zip(*key, strict=True))
    alt = _process_alt(frame, time, kinds, unit, target, listed)
    return style.record(ax, alt=alt, data=frame)


def _known_type(kind: Any) -> str:
    """A point type of `POINT_TYPES`; missing means common cause."""
    if wording.is_missing(kind):
        return "common_cause"
    if kind not in POINT_TYPES:
        known = wording.and_list(POINT_TYPES, last="or")
        raise ParameterError(f"A point_type is {known}, not {kind!r}.")
    return kind


def _draw_points(
    ax: Axes, time: TimeAxis, frame: pd.DataFrame, kinds: pd.Series
) -> list[tuple[Line2D, str]]:
    """Points by type, special ones larger, and their key."""
    x, value = time.places(frame["period"]), marks.floats(frame["value"])
    key = []
    for kind, (words, colour, marker) in POINT_TYPES.items():
        inside = (kinds == kind).to_numpy()
        if not inside.any():
            continue
        size, edge = (4.5, 0.6) if len(frame) <= _MANY else (3.4, 0.0)
        size = size if kind == "common_cause" else 1.6 * size
        look = {"marker": marker, "color": colour, "markersize": size, "linestyle": ""}
        points = ax.plot(
            x[inside], value[inside], markeredgecolor=style.INK, mew=edge, zorder=4, **look
        )
        key.append((points[0], f"{words} ({int(inside.sum())})"))
    return key


def _process_alt(
    frame: pd.DataFrame,
    time: TimeAxis,
    kinds: pd.Series,
    unit: str,
    target: float | None,
    listed: list[str],
) -> str:
    """Last value, its limits and its kind, and how many points are special."""
    known = frame[np.isfinite(marks.floats(frame["value"]))]
    last = known.iloc[int(np.argmax(time.places(known["period"])))]
    kind = POINT_TYPES[kinds[last.name]][0]
    special = int((kinds != "common_cause").sum())
    words = [
        f"Process chart of {wording.counted(len(known), 'point')}, "
        f"{wording.of_total(special, len(known))} outside usual variation. "
        f"The last, {wording.period(last['period'])}, is {wording.quantity(last['value'], unit)}: "
        f"{kind}."
    ]
    if np.isfinite(marks.floats([last["lpl"], last["upl"]])).all():
        words.append(
            f"Mean {wording.quantity(last['mean'], unit)}, process limits "
            f"{wording.quantity(last['lpl'], unit)} to {wording.quantity(last['upl'], unit)}."
        )
    if target is not None:
        words.append(f"Target {wording.quantity(target, unit)}.")
    if listed:
        words.append(f"Marked: {'; '.join(listed)}.")
    return " ".join(words)
