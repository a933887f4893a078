"""Small pieces that several pictures share: keys, labels, rows, number and time axes, events."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, MaxNLocator

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.figures import style


def need(frame: pd.DataFrame, columns: Sequence[str], chart: str) -> None:
    """Raise ParameterError unless `frame` has `columns`."""
    lacking = [column for column in columns if column not in frame]
    if lacking:
        raise ParameterError(
            f"{chart} needs {wording.and_list(map(repr, lacking))}, but the frame has "
            f"{wording.and_list(map(repr, frame.columns)) or 'no columns'}. Rename or add them."
        )


def with_period(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with its periods as a column, if they were its index."""
    if "period" not in frame and frame.index.name == "period":
        return frame.reset_index()
    return frame


def floats(values: Any) -> np.ndarray:
    """Values as floats, missing and infinite ones as NaN, so that they are gaps and not points."""
    array = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(array), array, np.nan)


def columns(frame: pd.DataFrame, *names: str) -> list[np.ndarray]:
    """Some columns of `frame` as floats; see `floats`."""
    return [floats(frame[name]) for name in names]


def has_intervals(frame: pd.DataFrame) -> bool:
    """Whether `frame` has any pair of ``low`` and ``high`` to draw, and so to speak of."""
    if not {"low", "high"} <= set(frame.columns):
        return False
    return bool(np.isfinite(columns(frame, "low", "high")).all(axis=0).any())


def one_line(text: Any) -> str:
    """`text` without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def wrapped(text: Any, width: int = 26, lines: int = 3) -> str:
    """A long name on up to `lines` lines of `width` characters, cut with an ellipsis."""
    parts = textwrap.wrap(one_line(text), width, max_lines=lines, placeholder=" …")
    return "\n".join(parts)


def in_key(value: float, unit: str) -> str:
    """A value as a key has it: the unit is on the axis, but per cent."""
    return wording.quantity(value, unit if unit == "percent" else "")


def level_words(level: float) -> str:
    """Coverage of an interval in words: "95%", "99.8%"."""
    return f"{100 * level:.3g}%"


def chosen_labels(highlight: str | Collection[str] | None) -> set[str]:
    """Labels to highlight: one, several or none."""
    return {highlight} if isinstance(highlight, str) else set(highlight or ())


def style_of(i: int) -> dict[str, Any]:
    """Colour, dash and marker of series `i`; past the fourth, marks are hollow."""
    colour, turn = style.PALETTE[i % 4], (i + i // 4) % 4
    return {
        "color": colour,
        "linestyle": style.DASHES[turn],
        "marker": style.MARKERS[turn],
        "markerfacecolor": colour if i < 4 else "white",
    }


def key_above(
    ax: Axes, handles: Sequence[Any], labels: Sequence[Any], *, lift: float = 20, taken: float = 0.7
) -> None:
    """A key in rows above the plot.

    `lift` is its distance in points from the plot's upper edge, `taken` the inches of the figure's
    width that lie beside the plot.
    """
    spec = ax.get_subplotspec()
    share = len(spec.colspan) / spec.get_gridspec().ncols if spec else ax.get_position().width
    room = ax.figure.get_size_inches()[0] * share - taken
    longest = int(np.clip((room - 0.65) / 0.076, 24, 60))
    texts = [wording.capital(wrapped(label, longest, 2)) for label in labels]
    widths = [0.65 + 0.076 * max(map(len, text.split("\n"))) for text in texts]
    fitting = (  # matplotlib fills a key column by column
        columns
        for columns in range(len(texts), 1, -1)
        if sum(part.max() for part in np.array_split(widths, columns)) <= room
    )
    # matplotlib drops labels that start with an underscore
    texts = [f" {text}" if text.startswith("_") else text for text in texts]
    key = ax.legend(
        handles,
        texts,
        loc="lower left",
        ncols=next(fitting, 1),
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=2.8,
        columnspacing=1.6,
        labelcolor=style.INK,
        fontsize=style.SMALL,
    )
    style.lift_key(key, lift)


def unit_above(ax: Axes, label: str, width: int = 80) -> None:
    """Name the vertical axis in horizontal text over its upper end."""
    look = {"loc": "left", "fontsize": style.SMALL, "color": style.INK, "y": 1, "pad": 5}
    ax.set_title(wrapped(label, width, 2), **look)


def number_axis(ax: Axes, which: str = "y") -> None:
    """Tick labels with thousands commas and true minus signs, and light lines behind the data."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(TickNumbers())
    axis.grid(True, color=style.GRID, linewidth=0.8)


def value_axis(ax: Axes, label: str, *values: Any, zero: bool = False) -> None:
    """Scale and name the vertical axis; one that does not start at zero says so.

    The axis starts at zero if `zero`, as counts do (whole ones have whole ticks), or if the values
    come near enough to it for that to cost little room.
    """
    known = np.concatenate([floats(v) for v in values]) if values else np.array([])
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    number_axis(ax)
    if zero and not (known % 1).any():
        ax.yaxis.get_major_locator().set_params(integer=True)
    start_at_zero = low >= 0 and (zero or low <= 0.5 * high)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    bottom = 0.0 if start_at_zero else low - pad
    ax.set_ylim(bottom, high + pad)
    cut = " (axis does not start at zero)" if low > 0 and not start_at_zero else ""
    unit_above(ax, f"{label}{cut}".strip())


class TickNumbers(Formatter):
    """Numbers with just the decimals that tell the ticks apart; millions as "300m"."""

    def format_ticks(self, values: Any) -> list[str]:
        """Texts of all ticks of an axis, which matplotlib asks for together."""
        ticks = np.asarray(values, dtype=float)
        divisor, suffix = large_unit(float(np.max(np.abs(ticks), initial=0.0)))
        step = float(np.min(np.diff(ticks))) / divisor if len(ticks) > 1 else 1.0
        scaled = (step * 10**d for d in range(10))
        tells = (round(s) and np.isclose(s, round(s), atol=1e-6) for s in scaled)
        decimals = next((d for d, enough in enumerate(tells) if enough), 9)
        return [wording.number(t / divisor, decimals) + (suffix if t else "") for t in ticks]

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Text of a tick by itself."""
        return self.format_ticks([value])[0]


def large_unit(largest: float) -> tuple[float, str]:
    """What numbers up to `largest` are best divided by, and the letters that say so."""
    return next(((d, s) for d, s in ((1e9, "bn"), (1e6, "m")) if largest >= d), (1.0, ""))


def rows(ax: Axes, labels: Iterable[Any], *, each: float = 0.3) -> np.ndarray:
    """Name the rows of a chart from the top down.

    Returns the rows' heights on the axis, in inches from the top; a name that wraps gets a taller
    row, any other is `each` inches tall.
    """
    texts = [wrapped(label) for label in labels]
    tall = row_heights(texts, each=each)
    heights = np.cumsum(tall) - tall / 2
    ax.set_yticks(heights, labels=texts)
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(tall.sum(), 0)
    return heights


def row_heights(labels: Iterable[Any], *, each: float = 0.3) -> np.ndarray:
    """Inches that each row needs, longer names being wrapped."""
    lines = np.array([wrapped(label).count("\n") + 1 for label in labels], dtype=float)
    return np.maximum(each, 0.16 * lines + 0.08)


def nothing_drawn(ax: Axes, frame: pd.DataFrame, what: str, said: str = "") -> Axes:
    """A chart without a number in it says so, or why, in the picture and in its alternative
    text."""
    ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    ax.spines[:].set_visible(False)
    text = wrapped(said, 70, 4) if said else "No data to show"
    ax.text(0.5, 0.5, text, ha="center", va="center", color=style.INK)
    return style.record(ax, alt=f"{what}: {said or 'no data to show.'}", data=frame)


def zero_line(ax: Axes, which: str = "y") -> None:
    """A firm line where there is no effect, gap or change."""
    line = ax.axhline if which == "y" else ax.axvline
    line(0.0, color=style.INK, linewidth=1.0, zorder=1.5)


# Time along an axis ------------------------------------------------------------------------------

# periods a year, and how many lie between two labels
_STRIDES = {"M": (12, (1, 2, 3, 6, 12, 24, 36, 60, 120)), "Q": (4, (1, 2, 4, 8, 12, 20, 40))}
_MOST_LABELS = 8


@dataclass(frozen=True)
class TimeAxis:
    """Where periods lie along an axis.

    Attributes
    ----------
    steps : Series indexed by period, of float
        Position of every period met.
    freq : str
        Pandas frequency of the periods; empty for years, numbers and other labels.
    is_numeric : bool
        Whether the distance between positions means time.
    """

    steps: pd.Series
    freq: str
    is_numeric: bool

    @classmethod
    def of(cls, periods: Any) -> TimeAxis:
        """Read the axis off all periods to be drawn, in any order and with repeats."""
        unique = pd.Series(periods).dropna().drop_duplicates()
        index = pd.Index(unique, dtype=unique.dtype)
        if isinstance(index, pd.PeriodIndex):
            steps = pd.Series(np.array(index.asi8, dtype=float), index=index).sort_values()
            return cls(steps, index.freqstr if len(index) else "", True)
        steps = pd.Series([_place(value) for value in unique], index=index, dtype=float)
        if len(steps) and steps.notna().all():
            return cls(steps.sort_values(kind="stable"), "", True)
        return cls(pd.Series(np.arange(len(index), dtype=float), index=index), "", False)

    def places(self, periods: Any) -> np.ndarray:
        """Positions of `periods`; those not met before are NaN."""
        return pd.Series(periods).map(self.steps).to_numpy(dtype=float)

    def line(self, periods: Any, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
        """Positions and columns in order of time, with NaN rows where a period is missing."""
        x = self.places(periods)
        order = np.argsort(x, kind="stable")
        x, rest = x[order], [np.asarray(column, dtype=float)[order] for column in columns]
        if not self.freq or len(x) < 2:
            return x, *rest
        breaks = np.flatnonzero(np.diff(x) > 1) + 1
        return np.insert(x, breaks, x[breaks - 1] + 1), *(
            np.insert(column, breaks, np.nan) for column in rest
        )

    def start_of(self, moment: Any) -> float:
        """Where a period or date begins, also outside the periods met; NaN if nowhere.

        A period's values lie at its middle, so the first day of one lies half a step before them.
        """
        if not self.freq and moment in self.steps.index:
            return float(self.steps[moment])
        if wording.is_missing(moment) or not (self.freq or self.is_numeric):
            return np.nan
        try:
            start = _first_day(moment)
        except (ValueError, TypeError):
            return np.nan
        if not self.freq:
            return _place(start)
        period = pd.Period(start, freq=self.freq)
        whole = period.end_time - period.start_time
        return period.ordinal + (start - period.start_time) / whole - 0.5

    def label(self, ax: Axes) -> None:
        """Put few, horizontal labels on the x axis of `ax`, from the first period to the last."""
        places, labels = self._labels()
        ax.set_xticks(places, labels=labels)
        for text in ax.get_xticklabels():
            text.set_parse_math(False)
        if len(self.steps):
            low, high = self.steps.min(), self.steps.max()
            margin = max(0.03 * (high - low), 0.5 if self.freq or not self.is_numeric else 0.3)
            ax.set_xlim(low - margin, high + margin)

    def _labels(self) -> tuple[np.ndarray, list[str]]:
        """Positions and texts of the labels: all if few, else at even strides."""
        if not self.freq:
            chosen = self.steps.iloc[:: max(1, -(-len(self.steps) // _MOST_LABELS))]
            return chosen.to_numpy(), [_short(p) for p in chosen.index]
        low, high = int(self.steps.min()), int(self.steps.max())
        per_year, strides = _STRIDES.get(self.freq[0], (1, (1, 2, 5, 10, 20, 50)))
        for stride in strides:
            places = np.arange(-(-low // stride) * stride, high + 1, stride)
            if len(places) <= _MOST_LABELS:
                break
        places = places if len(places) else np.array([low])
        periods = [pd.Period(ordinal=int(place), freq=self.freq) for place in places]
        if per_year > 1 and stride % per_year == 0:
            return places, [str(p.year) for p in periods]
        return places, [_short(p) for p in periods]


def _short(period: Any) -> str:
    """A period on two short lines at most."""
    text = wording.period(period, short=True)
    return text.replace(" ", "\n", 1) if len(text) < 14 else text[:14]


def _first_day(moment: Any) -> pd.Timestamp:
    """First day of a period, a date, a year or text such as ``2008Q2``."""
    if isinstance(moment, pd.Period):
        return moment.start_time
    if isinstance(moment, str | int | np.integer):
        return pd.Period(str(moment)).start_time
    return pd.Timestamp(moment)


def _place(value: Any) -> float:
    """A date, or the middle of a period, as years and parts of years; a number as it is."""
    if isinstance(value, pd.Period):
        return (_place(value.start_time) + _place(value.end_time)) / 2
    if isinstance(value, pd.Timestamp):
        return value.year + (value.day_of_year - 1) / 365.25
    return float(pd.to_numeric(value, errors="coerce"))


# Moments marked on a chart over time -------------------------------------------------------------

_LONGEST = 76  # characters of an event's line


def shade_after(ax: Axes, place: float, start: Any) -> None:
    """Shade the time from the start on, and say what it is."""
    _, right = ax.get_xlim()
    right = max(right, place + 0.5)
    ax.axvspan(place, right, color=style.BAND, alpha=0.28, linewidth=0, zorder=0)
    ax.axvline(place, color=style.INK, linewidth=1.0, zorder=1)
    ax.set_xlim(right=right)
    ax.set_xlabel(
        f"Shaded: from the start, {wording.period(start)}", fontsize=style.SMALL, loc="right"
    )


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
    placed = events.assign(place=events[when].map(time.start_of))
    inside = placed[placed["place"].between(low, high)].sort_values("place", kind="stable")
    listed, run, last = [], 0, -np.inf
    for i, (place, date, label) in enumerate(inside[["place", when, "label"]].to_numpy(object), 1):
        ax.axvline(place, color=style.MARK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
        run = run + 1 if place - last < 0.035 * (high - low) else 0  # close rings step down
        ax.annotate(
            str(i),
            (place, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, -14 * (run % 6)),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=style.SMALL,
            color=style.INK,
            zorder=6,
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": style.MARK},
        )
        listed.append(f"{i} {one_line(label)} ({wording.period(date)})")
        last = place
    if listed:
        below = "\n".join(wrapped(line, _LONGEST, 2) for line in listed)
        ax.set_xlabel(below, loc="left", fontsize=style.SMALL)
    return listed
