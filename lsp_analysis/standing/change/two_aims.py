"""Two aims at once: does the borough get better, and does the gap close?"""

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import ShownTable
from lsp_analysis.standing.comparison.exact import compare_rows
from lsp_analysis.standing.place.brief import REST, AreaBrief

QUADRANTS = {  # by whether the comparator got better and the gap narrowed
    (True, True): "levelling up",
    (True, False): "improving but widening",
    (False, True): "narrowing by decline",
    (False, False): "both worse",
}
NO_CHANGE = "no change"
SIZES = [f"{of}_{end}" for of in ("borough", "gap") for end in ("change", "low", "high")]
COLUMNS = ["indicator_id", "label", "start", "end", *SIZES, "quadrant", "clear"]


@dataclass(frozen=True)
class Quadrant(ShownTable):
    """Each indicator's change in the comparator against the change in the gap."""

    comparator: str
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)
    left_out: tuple[str, ...]

    def sentence(self) -> wording.Sentence:
        """How many indicators lie in each quadrant, and how many clearly so."""
        text = self._placed()
        if self.left_out:
            text += f" Not placed: {wording.and_list(map(wording.inside, self.left_out))}."
        return wording.Sentence(text)

    def _placed(self) -> str:
        n, clear = len(self.table), int(self.table["clear"].sum())
        if not n:
            return "No indicator has both a direction that is good and two periods with a gap."
        if n == 1:
            surely = "clearly so" if clear else "though chance could have put it there"
            return f"{self.table['label'].iloc[0]}: {self.table['quadrant'].iloc[0]}, {surely}."
        counts = self.table["quadrant"].value_counts()
        names = [*QUADRANTS.values(), NO_CHANGE]
        places = [f"{name} {counts[name]}" for name in names if name in counts]
        return (
            f"Of {wording.counted(n, 'indicator')}: {wording.and_list(places)}; "
            f"{wording.of_total(clear, n)} with both intervals on one side of zero."
        )

    def shown_table(self) -> Table:
        """Each indicator's change in the comparator and in the gap, with intervals."""
        moved = [_with_interval(self.table, name) for name in ("borough", "gap")]
        columns = {
            "Indicator": self.table["label"],
            "From": self.table["start"].map(wording.period),
            "To": self.table["end"].map(wording.period),
            f"Change in {self.comparator} (+ is better)": moved[0],
            "Change in the gap (+ is wider)": moved[1],
            "So it is": self.table["quadrant"],
            "Clearly so": self.table["clear"].map({True: "yes", False: "no"}),
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


def aims_of(brief: AreaBrief) -> Quadrant:
    """Every indicator by how the rest of the borough changed and how the gap did.

    So that indicators in different units share one table, changes are in per cent of the value of
    the rest of the borough at the start, and its change is turned so that up is better. Down on
    the other axis is a narrower gap (`GapChange`). Indicators without polarity, or without both
    periods, are named in `Quadrant.left_out`.
    """
    rows, left_out = [], []
    for indicator_id in brief.panels:
        row, name = _place(brief, indicator_id), brief.indicator(indicator_id).name
        if row is None:
            left_out.append(name)
        else:
            rows.append({"indicator_id": indicator_id, "label": name, **row})
    return Quadrant(REST, brief.level, pd.DataFrame(rows, columns=COLUMNS), tuple(left_out))


def quadrant_name(borough_change: float, gap_change: float) -> str:
    """The name of a quadrant: the change is above zero when the comparator got better, and below
    zero when the gap narrowed.

    >>> quadrant_name(2.0, -1.0), quadrant_name(-2.0, -1.0)
    ('levelling up', 'narrowing by decline')
    """
    if borough_change == 0 or gap_change == 0:
        return NO_CHANGE
    return QUADRANTS[borough_change > 0, gap_change < 0]


def _place(brief: AreaBrief, indicator_id: str) -> dict[str, object] | None:
    """Both changes of one indicator and its quadrant; None where it cannot be placed."""
    indicator, gaps = brief.indicator(indicator_id), brief.gap(indicator_id)
    if indicator.polarity == "none" or gaps.frame["gap"].notna().sum() < 2:
        return None
    change, other = gaps.change(), brief.series(indicator_id, REST)
    before, after = (
        other[other["period"] == period].reset_index(drop=True)
        for period in (change.start, change.end)
    )
    base = before["value"].iloc[0]
    if not base > 0:
        return None
    moved = compare_rows(after, before, indicator=indicator, level=brief.level)
    better = 100 / base if indicator.polarity == "high_is_good" else -100 / base
    borough, *ends = (better * moved[f"difference{end}"] for end in ("", "_low", "_high"))
    gap, low, high = (
        100 / base * x for x in (change.change, change.change_low, change.change_high)
    )
    clear = bool(min(ends) * max(ends) > 0 and low * high > 0)
    sizes = (borough, min(ends), max(ends), gap, low, high)
    return {
        "start": change.start,
        "end": change.end,
        **dict(zip(SIZES, sizes, strict=True)),
        "quadrant": quadrant_name(borough, gap),
        "clear": clear,
    }
