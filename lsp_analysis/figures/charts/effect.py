"""Effects with their intervals: one a row, one a period, one a ring of distance."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures import marks, style

_POINT = {"marker": "o", "markersize": 6, "linestyle": "", "color": style.PALETTE[0], "zorder": 3}
_CRUSHED = 10  # times the middle reach of intervals that one may have
_WHISKER = {"color": style.PALETTE[0], "linewidth": 1.6, "zorder": 2}


@style.in_house_style
def draw_forest(
    frame: pd.DataFrame,
    *,
    unit: str = "",
    worth_having: float | None = None,
    level: float = 0.95,
    whiskers: str = "",
    limits: tuple[float, float] = (-np.inf, np.inf),
    ax: Axes | None = None,
) -> Axes:
    """Estimates with intervals, one a row, their numbers written beside them.

    An end that is open, or lies beyond `limits`, is an arrow at the edge.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label``, ``estimate``, ``low``, ``high``; drawn from the top down. Missing
        intervals leave the point alone, infinite ends are open; a missing estimate says "not
        available". Rows of one value of the optional column ``group`` stand under its name.
    unit : str
        Unit code of the outcome, or an axis label.
    worth_having : float, optional
        Smallest effect worth having: effects nearer the line than this lie in a grey band.
    level : float between 0 and 1
        Coverage of the intervals.
    whiskers : str
        What the lines are, if no intervals at `level`: "middle half".
    limits : pair of float
        The widest range that is drawn.
    """
    marks.need(frame, ["label", "estimate", "low", "high"], "draw_forest")
    given, frame = frame, _with_headings(frame)
    ax = style.axes_for(ax, height=0.9 + max(0.5, marks.row_heights(frame["label"]).sum()))
    estimate, low, high = marks.columns(frame, "estimate", "low", "high")
    if not np.isfinite(estimate).any():
        return marks.nothing_drawn(ax, frame, "Chart of estimates with intervals")
    y = marks.rows(ax, frame["label"])
    if worth_having:
        shade = {"color": style.BAND, "alpha": 0.35, "linewidth": 0, "zorder": 0}
        ax.axvspan(-worth_having, worth_having, **shade)
    limits = _room(frame, limits)
    open_ends = _open_ends(frame, limits)
    low, high = (
        np.clip(np.where(runs_on & np.isnan(end), estimate, end), *limits)
        for end, runs_on in zip((low, high), open_ends, strict=True)
    )
    ax.hlines(y, low, high, **_WHISKER)
    ax.plot(np.clip(estimate, *limits), y, **_POINT)
    marks.zero_line(ax, "x")
    marks.number_axis(ax, "x")
    ax.xaxis.get_major_locator().set_params(nbins=4)
    _draw_open_ends(ax, y, estimate, open_ends)
    lines = f"lines: {whiskers}" if whiskers else f"with {marks.level_words(level)} intervals"
    lines = lines if np.isfinite(low).any() or open_ends.any() else ""
    grey = f"grey: smaller than {wording.number(worth_having)}" if worth_having else ""
    name = wording.change_label(unit) or "Estimate"
    notes = "; ".join(filter(None, [lines, grey]))
    ax.set_xlabel(", ".join(filter(None, [name, notes])), fontsize=style.SMALL)
    ends = zip(y, estimate, frame["low"], frame["high"], frame["is_heading"], strict=True)
    for i, (height, *row, is_heading) in enumerate(ends):
        if is_heading:
            ax.get_yticklabels()[i].set_fontweight("bold")
            continue
        ax.annotate(
            _written(*row, limits),
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL,
            color=style.INK,
        )
    return style.record(ax, alt=_forest_alt(given, unit, lines), data=given)


@style.in_house_style
def draw_event_study(
    frame: pd.DataFrame, *, unit: str = "", level: float = 0.95, ax: Axes | None = None
) -> Axes:
    """The effect in each period counted from the start; before it there should be none.

    Parameters
    ----------
    frame : DataFrame
        Columns ``relative_period`` (0 is the first period after the start), ``estimate``,
        ``low``, ``high``. The reference period is a row with estimate 0 and no interval.
    unit : str
        Unit code of the outcome, or an axis label.
    level : float between 0 and 1
        Coverage of the intervals.
    """
    marks.need(frame, ["relative_period", "estimate", "low", "high"], "draw_event_study")
    ax = style.axes_for(ax)
    x, estimate, low, high = marks.columns(frame, "relative_period", "estimate", "low", "high")
    if not np.isfinite(estimate).any():
        return marks.nothing_drawn(ax, frame, "Chart of effects by period")
    before, right = x < 0, max(np.nanmax(x), 0) + 0.5
    ax.axvspan(-0.5, right, color=style.BAND, alpha=0.28, linewidth=0, zorder=0)
    ax.vlines(x, low, high, **_WHISKER)
    ax.plot(x[~before], estimate[~before], **_POINT)
    ax.plot(x[before], estimate[before], **_POINT | {"markerfacecolor": "white"})
    marks.zero_line(ax)
    marks.number_axis(ax)
    marks.number_axis(ax, "x")
    ax.xaxis.grid(False)
    ax.xaxis.get_major_locator().set_params(integer=True, nbins=9)
    ax.set_xlim(np.nanmin(x) - 0.7, right)
    ax.set_xlabel("Periods since the start (shaded: from the start on)", fontsize=style.SMALL)
    name = wording.change_label(unit) or "Estimate"
    marks.unit_above(ax, f"{name}, with {marks.level_words(level)} intervals")
    words = ["Effect in each period counted from the start."]
    for side, rows in (("before the start", before), ("from the start on", x >= 0)):
        known = rows & np.isfinite(low) & np.isfinite(high)
        clear = int((known & ((low > 0) | (high < 0))).sum())
        if known.any():
            share = wording.of_total(clear, int(known.sum()))
            words.append(f"Intervals clear of zero {side}: {share}.")
    last = int(np.nanargmax(np.where(np.isfinite(estimate), x, np.nan)))
    within = wording.interval(low[last], high[last], unit, level, of_change=True)
    size = wording.difference(estimate[last], unit)
    words.append(f"In period {wording.number(x[last])} the estimate is {size} ({within}).")
    return style.record(ax, alt=" ".join(words), data=frame)


@style.in_house_style
def draw_nothing(frame: pd.DataFrame, *, what: str, reason: str, ax: Axes | None = None) -> Axes:
    """In place of a picture that cannot be drawn, the reason why.

    Parameters
    ----------
    frame : DataFrame
        The numbers there are, if any.
    what : str
        What would have been shown, for the alternative text.
    reason : str
        A sentence.
    """
    return marks.nothing_drawn(style.axes_for(ax, height=1.2), frame, what, reason)


def _with_headings(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with a column ``is_heading``, and a row before each group that holds its name."""
    if "group" not in frame:
        return frame.assign(is_heading=False)
    parts = []
    for name, rows_of_group in frame.groupby("group", sort=False):
        parts.append(pd.DataFrame({"label": [name], "is_heading": [True]}))
        parts.append(rows_of_group.assign(is_heading=False))
    return pd.concat(parts, ignore_index=True)


def _room(frame: pd.DataFrame, limits: tuple[float, float]) -> tuple[float, float]:
    """`limits`, or nearer ones where a few rows would crush all others: ten times their middle."""
    reach = np.fmax.reduce(np.abs(marks.columns(frame, "estimate", "low", "high")))
    reach = reach[np.isfinite(reach) & (reach > 0)]
    room = _CRUSHED * float(np.median(reach)) if len(reach) > 2 else np.inf
    return limits if reach.max(initial=0) <= room else tuple(np.clip(limits, -room, room))


def _open_ends(frame: pd.DataFrame, limits: tuple[float, float]) -> np.ndarray:
    """Which intervals run on beyond what is drawn: bool array (2, rows), lower ends first."""
    low, high = (
        pd.to_numeric(frame[end], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        for end in ("low", "high")
    )
    beyond = (low < limits[0]) | np.isneginf(low), (high > limits[1]) | np.isposinf(high)
    return np.array(beyond)


def _draw_open_ends(ax: Axes, y: np.ndarray, estimate: np.ndarray, open_ends: np.ndarray) -> None:
    """A line from the estimate to the edge, with an arrow's head, for every end that is open."""
    edges = ax.get_xlim()
    for edge, marker, runs_on in zip(edges, "<>", open_ends, strict=True):
        if runs_on.any():
            ax.hlines(y[runs_on], estimate[runs_on], edge, **_WHISKER)
            look = _POINT | {"marker": marker, "markersize": 5, "clip_on": False}
            ax.plot(np.full(runs_on.sum(), edge), y[runs_on], **look)
    room = 0.02 * (edges[1] - edges[0]) * open_ends.any(axis=1)  # heads keep off the labels
    ax.set_xlim(edges[0] - room[0], edges[1] + room[1])


def _written(
    estimate: float, low: float, high: float, limits: tuple[float, float] = (-np.inf, np.inf)
) -> str:
    """An estimate and its interval as they stand beside their row; millions as "1.2m"; ends beyond
    what is drawn as "−24  (−95 to over 200)"."""
    if not np.isfinite(estimate):
        return wording.MISSING
    three = (estimate, low, high)
    largest = max(abs(x) for x in three if np.isfinite(x))
    divisor, suffix = marks.large_unit(largest)
    if low < limits[0] or high > limits[1] or np.isinf([low, high]).any():
        texts = [wording.number(x, 0) for x in three]
        sides = [
            f"{side} {wording.number(limit, 0)}" if np.isfinite(limit) else "no limit"
            for side, limit in zip(("under", "over"), limits, strict=True)
        ]
        if low < limits[0] or not np.isfinite(low):
            texts[1] = sides[0]
        if high > limits[1] or not np.isfinite(high):
            texts[2] = sides[1]
    elif suffix and abs(estimate) < divisor / 100:  # it would be 0.00 of the interval's millions
        sized = [(x, *marks.large_unit(abs(x))) for x in three]
        texts = [wording.number(x / by, 2 if more else 0) + more for x, by, more in sized]
    elif largest < 0.1:
        texts = [wording.number(x) for x in three]
    else:
        places = 0 if 1000 <= largest < 1e6 else 1 if largest / divisor >= 10 else 2
        texts = [wording.number(x / divisor, places) + suffix for x in three]
    if any(end.startswith(wording.MISSING) for end in texts[1:]):
        return texts[0]
    return f"{texts[0]}  ({texts[1]} to {texts[2]})"


def _forest_alt(frame: pd.DataFrame, unit: str, lines: str) -> str:
    """How many rows clear the line of no effect, and the first of them in words."""
    estimate, low, high = marks.columns(frame, "estimate", "low", "high")
    named = f", {wording.inside(wording.change_label(unit))}" if unit else ""
    texts = [
        f"{marks.one_line(label)} {_written(*row)}"
        for label, *row in zip(frame["label"], estimate, low, high, strict=True)
    ]
    more = f"; {len(texts) - 6} more are in the table of numbers" if len(texts) > 6 else ""
    drawn = np.isfinite([low, high]).any()
    what = "Estimates and intervals" if drawn else "Estimates"
    clear = int(((low > 0) | (high < 0)).sum())
    of = f" Intervals clear of 0: {wording.of_total(clear, len(frame))}." if lines else ""
    return (
        f"{f'Estimates {lines}'.strip()}, {wording.counted(len(frame), 'row')}.{of} "
        f"{what}{named}: {'; '.join(texts[:6])}{more}."
    )
