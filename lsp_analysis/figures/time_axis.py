"""Periods as places along an axis (even steps, gaps kept, few and horizontal labels), and moments
marked on it: the start of a programme, dated events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lsp_analysis import wording
from lsp_analysis.figures.marks import need, one_line, text_below, wrapped
from lsp_analysis.figures.style import BAND, INK, MARK, SMALL

_STRIDES = {"M": (1, 2, 3, 6, 12, 24, 36, 60, 120), "Q": (1, 2, 4, 8, 12, 20, 40)}
_YEARS = (1, 2, 5, 10, 20, 50)
_MOST_LABELS = 8
_ENDS = ("start_time", "end_time")


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
        values = pd.Series(periods).dropna()
        if isinstance(values.dtype, pd.PeriodDtype):
            unique = pd.PeriodIndex(values.unique()).sort_values()
            steps = pd.Series(np.array([p.ordinal for p in unique], dtype=float), index=unique)
            return cls(steps, unique.freqstr if len(unique) else "", True)
        if pd.api.types.is_datetime64_any_dtype(values):
            unique = pd.DatetimeIndex(values.unique()).sort_values()
            return cls(pd.Series(_decimal_years(unique), index=unique), "", True)
        if len(values) and values.map(lambda value: isinstance(value, pd.Period)).all():
            return cls(_middles(values.unique()), "", True)
        unique = pd.Index(values.unique())
        numbers = pd.to_numeric(pd.Series(unique), errors="coerce")
        if len(unique) and numbers.notna().all():
            order = np.argsort(numbers.to_numpy(dtype=float), kind="stable")
            places = numbers.to_numpy(dtype=float)[order]
            return cls(pd.Series(places, index=unique[order]), "", True)
        return cls(pd.Series(np.arange(len(unique), dtype=float), index=unique), "", False)

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
        if wording.is_missing(moment):
            return float("nan")
        if not self.freq:
            known = self.steps.get(moment)
            if known is not None or not self.is_numeric:
                return float("nan") if known is None else float(known)
        try:
            start = _first_day(moment)
        except (ValueError, TypeError):
            return float("nan")
        if not self.freq:
            return float(_decimal_years(pd.DatetimeIndex([start]))[0])
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
        if not self.freq or not len(self.steps):
            chosen = self.steps.iloc[:: max(1, -(-len(self.steps) // _MOST_LABELS))]
            return chosen.to_numpy(), [_short(p) for p in chosen.index]
        low, high = int(self.steps.min()), int(self.steps.max())
        for stride in _STRIDES.get(self.freq[0], _YEARS):
            places = np.arange(-(-low // stride) * stride, high + 1, stride)
            if len(places) <= _MOST_LABELS:
                break
        if not len(places):
            places = np.array([low])
        per_year = {"M": 12, "Q": 4}.get(self.freq[0], 1)
        whole_years = stride % per_year == 0 and per_year > 1
        periods = [pd.Period(ordinal=int(place), freq=self.freq) for place in places]
        return places, [str(p.year) if whole_years else _short(p) for p in periods]


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


def _middles(periods: Any) -> pd.Series:
    """Middles of periods of several lengths, as decimal years, in order of time."""
    ends = [pd.DatetimeIndex([getattr(p, end) for p in periods]) for end in _ENDS]
    middle = sum(map(_decimal_years, ends)) / len(_ENDS)
    return pd.Series(middle, index=pd.Index(periods, dtype=object)).sort_values()


def _decimal_years(dates: pd.DatetimeIndex) -> np.ndarray:
    """Dates as years and parts of years."""
    return (dates.year + (dates.day_of_year - 1) / 365.25).to_numpy(dtype=float)


# Moments marked on a chart over time -------------------------------------------------------------

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
    placed = events.assign(place=events[when].map(time.start_of)).sort_values(
        "place", kind="stable"
    )
    inside = placed[placed["place"].between(low, high)]
    listed, run, last = [], 0, -np.inf
    for i, (place, date, label) in enumerate(inside[["place", when, "label"]].to_numpy(object), 1):
        ax.axvline(place, color=MARK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
        run = run + 1 if place - last < 0.035 * (high - low) else 0  # close rings step down
        _number(ax, place, i, level=run % 6)
        listed.append(f"{i} {one_line(label)} ({wording.period(date)})")
        last = place
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
