"""Two aims at once: does the borough get better, and does the gap close?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown
from lsp_analysis.standing.change.gaps import gap_between
from lsp_analysis.standing.comparison.exact import compare_groups
from lsp_analysis.study.indicator import Indicator

LEVELLING_UP = "levelling up"
WIDENING = "improving but widening"
DECLINE = "narrowing by decline"
BOTH_WORSE = "both worse"
NO_CHANGE = "no change"


@dataclass(frozen=True)
class Quadrant(Shown):
    """Each indicator's change in the comparator against the change in the gap."""

    area: str
    comparator: str
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)
    left_out: tuple[str, ...]

    def summary_frame(self) -> pd.DataFrame:
        """One row per indicator: both changes with limits, the quadrant and whether it is clear."""
        return self.frame

    def sentence(self) -> wording.Sentence:
        """How many indicators lie in each quadrant, and how many clearly so."""
        text = self._placed()
        if self.left_out:
            text += f" Not placed: {wording.and_list(map(wording.inside, self.left_out))}."
        return wording.Sentence(text)

    def _placed(self) -> str:
        counted = self.frame["quadrant"].value_counts()
        places = [f"{name} {counted[name]}" for name in _NAMES if counted.get(name, 0)]
        if self.frame.empty:
            return "No indicator has both a direction that is good and two periods with a gap."
        clear = int(self.frame["clear"].sum())
        if len(self.frame) == 1:
            surely = "clearly so" if clear else "though chance could have put it there"
            return f"{self.frame['label'].iloc[0]}: {self.frame['quadrant'].iloc[0]}, {surely}."
        return (
            f"Of {wording.counted(len(self.frame), 'indicator')}: {wording.and_list(places)}; "
            f"{wording.of_total(clear, len(self.frame))} with both intervals on one side of zero."
        )

    def shown_table(self) -> Table:
        """Each indicator's change in the comparator and in the gap, with intervals."""
        moved = [_with_interval(self.frame, name) for name in ("borough", "gap")]
        columns = {
            "Indicator": self.frame["label"],
            "From": self.frame["start"].map(wording.period),
            "To": self.frame["end"].map(wording.period),
            f"Change in {self.comparator} (+ is better)": moved[0],
            "Change in the gap (+ is wider)": moved[1],
            "So it is": self.frame["quadrant"],
            "Clearly so": self.frame["clear"].map({True: "yes", False: "no"}),
        }
        return figures.table(
            pd.DataFrame(columns),
            caption="Does it get better, and does the gap close? In per cent of the value of "
            f"{self.comparator} at the start, with {100 * self.level:.3g}% intervals",
        )


def _with_interval(frame: pd.DataFrame, name: str) -> list[str]:
    """Changes with their intervals: "+12% (+3% to +20%)"."""
    ends = frame[[f"{name}_change", f"{name}_low", f"{name}_high"]].to_numpy(float)
    told = [[f"{wording.difference(x, digits=0)}%" for x in row] for row in ends]
    return [f"{size} ({low} to {high})" for size, low, high in told]


_NAMES = (LEVELLING_UP, WIDENING, DECLINE, BOTH_WORSE, NO_CHANGE)


def quadrant_between(
    series: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    *,
    indicators: Collection[Indicator],
    level: float = 0.95,
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> Quadrant:
    """Place indicators by how the comparator changed and how the gap did.

    So that indicators in different units share one chart, changes are in per cent of the
    comparator's value at the start, and the change of the comparator is turned so that up is
    better. Down on the other axis is a narrower gap (`GapChange`).

    Parameters
    ----------
    series : mapping of indicator_id to the area's and the comparator's `group_series`
    indicators : Indicators
        Those without polarity, or without both periods, are named in `Quadrant.left_out`.
    level : float between 0 and 1
    area_name, comparator_name : str
        As they are to read in a sentence.
    """
    rows, left_out = [], []
    for indicator in indicators:
        row = _place(*series[indicator.indicator_id], indicator, level)
        if row is None:
            left_out.append(indicator.name)
        else:
            rows.append({"indicator_id": indicator.indicator_id, "label": indicator.name, **row})
    sizes = [f"{of}_{end}" for of in ("borough", "gap") for end in ("change", "low", "high")]
    columns = ["indicator_id", "label", "start", "end", *sizes, "quadrant", "clear"]
    frame = pd.DataFrame(rows, columns=columns)
    return Quadrant(area_name, comparator_name, level, frame, tuple(left_out))


def quadrant_name(borough_change: float, gap_change: float) -> str:
    """The name of a quadrant.

    Parameters
    ----------
    borough_change : float
        Positive when the comparator got better.
    gap_change : float
        In the size of the gap: negative when it narrowed.

    >>> quadrant_name(2.0, -1.0), quadrant_name(-2.0, -1.0)
    ('levelling up', 'narrowing by decline')
    """
    if borough_change == 0 or gap_change == 0:
        return NO_CHANGE
    if borough_change > 0:
        return LEVELLING_UP if gap_change < 0 else WIDENING
    return DECLINE if gap_change < 0 else BOTH_WORSE


def _place(
    own: pd.DataFrame, other: pd.DataFrame, indicator: Indicator, level: float
) -> dict[str, object] | None:
    """Both changes of one indicator and its quadrant; None where it cannot be placed."""
    gaps = gap_between(own, other, indicator=indicator, level=level)
    if indicator.polarity == "none" or gaps.frame["gap"].notna().sum() < 2:
        return None
    change = gaps.change()
    before, after = (
        other[other["period"] == period].reset_index(drop=True)
        for period in (change.start, change.end)
    )
    base = before["value"].iloc[0]
    if not base > 0:
        return None
    moved = compare_groups(after, before, indicator=indicator, level=level).iloc[0]
    better = 100 / base if indicator.polarity == "high_is_good" else -100 / base
    borough, *ends = (better * moved[f"difference{end}"] for end in ("", "_low", "_high"))
    gap, low, high = (
        100 / base * x for x in (change.change, change.change_low, change.change_high)
    )
    return {
        "start": change.start,
        "end": change.end,
        "borough_change": borough,
        "borough_low": min(ends),
        "borough_high": max(ends),
        "gap_change": gap,
        "gap_low": low,
        "gap_high": high,
        "quadrant": quadrant_name(borough, gap),
        "clear": bool(min(ends) * max(ends) > 0 and low * high > 0),
    }
