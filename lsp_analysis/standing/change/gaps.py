"""Is the gap narrowing? Area against comparator through time, and the two ways it can close.

A gap is the area's value less the comparator's. Its absolute size is what narrows or widens,
whichever side is the higher. Intervals of a change treat the two periods as separate samples; where
people are seen twice they are wider than need be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.comparison.baseline import period_words, refuse_overlap
from lsp_analysis.standing.comparison.exact import compare_groups
from lsp_analysis.standing.place.groups import WITHHELD, group_limits, group_series
from lsp_analysis.study.indicator import Indicator


@dataclass(frozen=True)
class Gap(Shown):
    """The gap between an area and its comparator, period by period."""

    indicator_id: str
    name: str
    unit: str
    polarity: str
    area: str
    comparator: str
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per period: both values, absolute and relative gap with limits."""
        return self.frame

    def change(self, start: pd.Period | None = None, end: pd.Period | None = None) -> GapChange:
        """How the gap moved between two periods; the first and last with a gap unless given."""
        known = np.flatnonzero(self.frame["gap"].notna())
        if len(known) < 2:
            raise PanelError(
                f"{self.name} has a gap in {wording.counted(len(known), 'period')}, and a change "
                "needs two of them."
            )
        withheld = np.flatnonzero(self.frame["note"] == WITHHELD)
        outside = withheld[(withheld < known[0]) | (withheld > known[-1])]
        if start is None and end is None and len(outside):
            when = wording.period(self.frame["period"].iloc[outside[-1]])
            raise PanelError(
                f"{self.name} was too small to be published in {when}, so a change between "
                "the periods that remain would mislead: they were published for being large."
            )
        first = known[0] if start is None else self._place(start)
        last = known[-1] if end is None else self._place(end)
        return _gap_change(self, self._row(first), self._row(last))

    def _place(self, period: pd.Period) -> int:
        """Number of the row of a period."""
        places = np.flatnonzero(self.frame["period"] == period)
        if not len(places) or np.isnan(self.frame["gap"].iloc[places[0]]):
            raise PanelError(
                f"{self.name} has no gap in {period}. Choose a period with both values."
            )
        return places[0]

    def _row(self, place: int) -> dict[str, Any]:
        return {name: self.frame[name].iloc[place] for name in ("first", "period", *_LIMITS)}

    def sentence(self) -> wording.Sentence:
        """How the gap moved from the first period to the last."""
        known = self.frame.dropna(subset="gap")
        if known.empty:
            return wording.Sentence(f"{self.name}: no period has a gap.")
        if len(known) == 1:
            only = known.iloc[0]
            return wording.Sentence(
                f"The gap in {wording.inside(self.name)} between {self.area} and "
                f"{self.comparator} was {wording.difference(only['gap'], self.unit)} in "
                f"{period_words(only['first'], only['period'])}. One period has no direction."
            )
        return self.change().sentence()

    def shown_table(self, n: int = 6) -> Table:
        """The last `n` periods: both values, and the gap as a difference and as a ratio."""
        rows = self.frame.tail(n)
        columns = {
            "Period": list(map(period_words, rows["first"], rows["period"])),
            self.area: [wording.quantity(x, self.unit) for x in rows["value"]],
            wording.capital(self.comparator): [
                wording.quantity(x, self.unit) for x in rows["comparator_value"]
            ],
            "Difference": [wording.difference(x, self.unit) for x in rows["gap"]],
            "Ratio": rows["ratio"].to_numpy(),
        }
        return figures.table(
            pd.DataFrame(columns), caption=f"{self.name}: the gap told in two ways"
        )

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the gap over time with its interval and, if given, dated events."""
        return figures.draw_gap(
            self.frame[["period", "gap", "low", "high"]],
            unit=self.unit,
            label=f"Gap to {self.comparator}",
            events=events,
            level=self.level,
            ax=ax,
        )


@dataclass(frozen=True)
class GapChange(Shown):
    """The change in a gap between two periods, in its absolute size."""

    name: str
    unit: str
    area: str
    comparator: str
    start_first: pd.Period  # with `start`, where several years are taken together
    start: pd.Period
    end_first: pd.Period
    end: pd.Period
    gap_start: float
    gap_end: float
    change: float  # in the absolute size of the gap: negative is narrowing
    change_low: float
    change_high: float
    level: float

    @property
    def when(self) -> tuple[str, str]:
        """Both periods in words."""
        return period_words(self.start_first, self.start), period_words(self.end_first, self.end)

    @property
    def direction(self) -> str:
        """Narrowed, widened, no clear change when the interval takes in zero, or not judged."""
        if np.isnan(self.change_low):
            return "not judged"
        if self.change_low <= 0 <= self.change_high:
            return "no clear change"
        return "narrowed" if self.change < 0 else "widened"

    def summary_frame(self) -> pd.DataFrame:
        """One row: gaps at both ends, the change with limits, and its direction."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return pd.DataFrame([{**row, "direction": self.direction}])

    def sentence(self) -> wording.Sentence:
        """The gap at both ends, and by how much its size changed."""
        sides = f"The gap in {wording.inside(self.name)} between {self.area} and {self.comparator}"
        unit, words = wording.once(self.unit)
        started, ended = self.when
        ends = [wording.difference(gap, unit) for gap in (self.gap_start, self.gap_end)]
        if self.direction == "not judged":
            return wording.Sentence(
                f"{sides} was {ends[0]} in {started} and {ends[1]} in {ended}{words}; without an "
                "interval the change cannot be judged."
            )
        moved = {
            "narrowed": "narrowed",
            "widened": "widened",
            "no clear change": "showed no clear change",
        }[self.direction]
        low, high = self.change_low, self.change_high
        limits = wording.interval(low, high, unit, self.level, of_change=True)
        crossed = ""
        if self.gap_start * self.gap_end < 0:
            crossed = f", from {'above' if self.gap_start > 0 else 'below'} to "
            crossed += "below" if self.gap_start > 0 else "above"
        return wording.Sentence(
            f"{sides} {moved} {_between(started, ended)}: "
            f"{ends[0]} then, {ends[1]} now{words}{crossed} (change in its size "
            f"{wording.difference(self.change, unit)}, {limits})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the change in the size of the gap with its interval."""
        row = {"label": self.name, "estimate": self.change}
        limits = {"low": self.change_low, "high": self.change_high}
        return figures.draw_forest(
            pd.DataFrame([{**row, **limits}]), unit=self.unit, level=self.level, ax=ax
        )


def gap(
    panel: pd.DataFrame,
    *,
    area: Collection[str],
    comparator: Collection[str],
    indicator: Indicator,
    level: float = 0.95,
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> Gap:
    """The gap in every period, absolute and relative, with intervals as in `compare`.

    Parameters
    ----------
    panel : DataFrame, one row per small area and period
    area, comparator : small-area codes, without overlap
    indicator : Indicator
    level : float between 0 and 1
    area_name, comparator_name : str

    Returns
    -------
    Gap
        ``frame`` has ``first`` and ``period`` (the last), ``value``, ``value_low``, ``value_high``,
        ``comparator_value``, ``gap``, ``low``, ``high``, ``ratio``, ``ratio_low``, ``ratio_high``,
        ``p_value``, ``note``.
    """
    refuse_overlap(area, comparator)
    return gap_between(
        group_series(panel, area, indicator=indicator),
        group_series(panel, comparator, indicator=indicator, leave_out_missing=True),
        indicator=indicator,
        level=level,
        area_name=area_name,
        comparator_name=comparator_name,
    )


def gap_between(
    own: pd.DataFrame,
    other: pd.DataFrame,
    *,
    indicator: Indicator,
    level: float = 0.95,
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> Gap:
    """`gap` of two series that `group_series` has already made, over the periods of both."""
    check_level(level)
    own, other = (
        one[one["period"].isin(two["period"])].reset_index(drop=True)
        for one, two in ((own, other), (other, own))
    )
    low, high = group_limits(own, indicator=indicator, level=level)
    apart = compare_groups(own, other, indicator=indicator, level=level)
    gaps = {"gap": "difference", "low": "difference_low", "high": "difference_high"}
    named = {name: gaps.get(name, name) for name in (*_LIMITS, *_RATIOS, "p_value")}
    values = {
        "first": own.get("first", own["period"]),
        "period": own["period"],
        "value": own["value"],
        "value_low": low,
        "value_high": high,
        "comparator_value": other["value"],
        **{name: apart[column] for name, column in named.items()},
        "note": own["note"],
    }
    return Gap(
        indicator.indicator_id,
        indicator.name,
        indicator.per,
        indicator.polarity,
        area_name,
        comparator_name,
        level,
        pd.DataFrame(values),
    )


_LIMITS = ("gap", "low", "high")
_RATIOS = ("ratio", "ratio_low", "ratio_high")


def _gap_change(of: Gap, first: Mapping[str, Any], last: Mapping[str, Any]) -> GapChange:
    sizes = [gap_size(*(float(row[name]) for name in _LIMITS)) for row in (first, last)]
    change, low, high = _mover(*sizes)
    return GapChange(
        of.name,
        of.unit,
        of.area,
        of.comparator,
        first["first"],
        first["period"],
        last["first"],
        last["period"],
        float(first["gap"]),
        float(last["gap"]),
        change,
        low,
        high,
        of.level,
    )


def _between(first: str, last: str) -> str:
    """Two periods in words: "from 2003 to 2012", "between 2003 to 2004 and 2011 to 2012"."""
    return f"between {first} and {last}" if " to " in first + last else f"from {first} to {last}"


def gap_size(gap: float, low: float, high: float) -> tuple[float, float, float]:
    """The absolute size of a gap with its limits: from zero where the interval takes in zero.

    >>> gap_size(-1.1, -3.0, 0.8)
    (1.1, 0.0, 3.0)
    """
    ends = sorted((abs(low), abs(high)))
    return abs(gap), 0.0 if low <= 0 <= high else ends[0], ends[1]


def _mover(
    first: tuple[float, float, float], last: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Last less first, with limits put together from each one's own (Newcombe 1998, MOVER)."""
    (was, was_low, was_high), (now, now_low, now_high) = first, last
    change = now - was
    low = change - np.hypot(now - now_low, was_high - was)
    return change, low, change + np.hypot(now_high - now, was - was_low)
