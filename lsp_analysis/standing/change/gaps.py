"""Is the gap narrowing? Area against comparator through time, and the two ways it can close.

A gap is the area's value less the comparator's. Its absolute size is what narrows or widens,
whichever side is the higher. Intervals of a change treat the two periods as separate samples; where
people are seen twice they are wider than need be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.comparison.baseline import Sides, period_words
from lsp_analysis.standing.comparison.exact import compare_groups
from lsp_analysis.standing.comparison.intervals import WITHHELD, group_limits
from lsp_analysis.standing.comparison.measured import Measured


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

    def change(self) -> GapChange:
        """How the gap moved from the first period with one to the last."""
        known = np.flatnonzero(self.frame["gap"].notna())
        if len(known) < 2:
            raise PanelError(
                f"{self.name} has a gap in {wording.counted(len(known), 'period')}, and a change "
                "needs two of them."
            )
        withheld = np.flatnonzero(self.frame["note"] == WITHHELD)
        outside = withheld[(withheld < known[0]) | (withheld > known[-1])]
        if len(outside):
            when = wording.period(self.frame["period"].iloc[outside[-1]])
            raise PanelError(
                f"{self.name} was too small to be published in {when}, so a change between "
                "the periods that remain would mislead: they were published for being large."
            )
        ends = self.frame.iloc[known[[0, -1]]]
        sizes = [gap_size(*gap) for gap in ends[["gap", "low", "high"]].to_numpy()]
        when = tuple(map(period_words, ends["first"], ends["period"]))
        return GapChange(self, *ends["period"], when, *ends["gap"], *_mover(*sizes))

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
class GapChange:
    """The change in a gap between two periods, in its absolute size."""

    of: Gap
    start: pd.Period
    end: pd.Period
    when: tuple[str, str]  # both in words
    gap_start: float
    gap_end: float
    change: float  # in the absolute size of the gap: negative is narrowing
    change_low: float
    change_high: float

    @property
    def unit(self) -> str:
        """That of the gap."""
        return self.of.unit

    @property
    def direction(self) -> str:
        """Narrowed, widened, no clear change when the interval takes in zero, or not judged."""
        if np.isnan(self.change_low):
            return "not judged"
        if self.change_low <= 0 <= self.change_high:
            return "no clear change"
        return "narrowed" if self.change < 0 else "widened"

    def sentence(self) -> wording.Sentence:
        """The gap at both ends, and by how much its size changed."""
        gap, (started, ended) = self.of, self.when
        sides = f"The gap in {wording.inside(gap.name)} between {gap.area} and {gap.comparator}"
        unit, words = wording.once(gap.unit)
        then, now = (wording.difference(size, unit) for size in (self.gap_start, self.gap_end))
        if self.direction == "not judged":
            return wording.Sentence(
                f"{sides} was {then} in {started} and {now} in {ended}{words}; without an "
                "interval the change cannot be judged."
            )
        moved = "showed no clear change" if "no " in self.direction else self.direction
        limits = wording.interval(
            self.change_low, self.change_high, unit, gap.level, of_change=True
        )
        crossed = ""
        if self.gap_start * self.gap_end < 0:
            crossed = ", from below to above" if self.gap_start < 0 else ", from above to below"
        pooled = " to " in started + ended
        between = f"between {started} and {ended}" if pooled else f"from {started} to {ended}"
        return wording.Sentence(
            f"{sides} {moved} {between}: {then} then, {now} now{words}{crossed} (change in its "
            f"size {wording.difference(self.change, unit)}, {limits})."
        )


def gap_between(measured: Measured, sides: Sides, *, level: float = 0.95) -> Gap:
    """The gap in every period of both, absolute and relative, with intervals as in a comparison.

    Returns
    -------
    Gap
        ``frame`` has ``first`` and ``period`` (the last), ``value``, ``value_low``, ``value_high``,
        ``comparator_value``, ``gap``, ``low``, ``high``, ``ratio``, ``ratio_low``, ``ratio_high``,
        ``p_value``, ``note``.
    """
    indicator, years = measured.indicator, measured.years_for(sides.area)
    own = measured.series(sides.area, years=years)
    other = measured.series(sides.comparator, others=True, years=years)
    own, other = (
        one[one["period"].isin(two["period"])].reset_index(drop=True)
        for one, two in ((own, other), (other, own))
    )
    low, high = group_limits(own, indicator=indicator, level=level)
    apart = compare_groups(own, other, indicator=indicator, level=level)
    gaps = {"difference": "gap", "difference_low": "low", "difference_high": "high"}
    frame = pd.DataFrame(
        {
            "first": own.get("first", own["period"]),
            "period": own["period"],
            "value": own["value"],
            "value_low": low,
            "value_high": high,
            "comparator_value": other["value"],
            **{gaps.get(name, name): values for name, values in apart.items()},
            "note": own["note"],
        }
    )
    about = (indicator.indicator_id, indicator.name, indicator.per, indicator.polarity)
    return Gap(*about, sides.area_name, sides.comparator_name, level, frame)


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
