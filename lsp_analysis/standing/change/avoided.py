"""Events avoided: what an area's gap comes to in burglaries, claims or smokers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.comparison.baseline import Comparison, compare_measured
from lsp_analysis.standing.comparison.measured import Measured


@dataclass(frozen=True)
class EventsAvoided(Shown):
    """Events that an area would have had less (or more) of at its comparator's rate.

    ``denominator`` is what the area's rate is worked out over: its people, households or
    person-years.
    """

    comparison: Comparison
    events: float
    low: float
    high: float
    denominator: float

    def summary_frame(self) -> pd.DataFrame:
        """One row: events with limits, and the denominator of the area's rate."""
        columns = {"events": self.events, "low": self.low, "high": self.high}
        index = pd.Index([self.comparison.indicator_id], name="indicator_id")
        return pd.DataFrame({**columns, "denominator": self.denominator}, index=index)

    def sentence(self) -> wording.Sentence:
        """How many fewer or more events equality would mean, in one period."""
        found = self.comparison
        if np.isnan(self.events):
            return wording.Sentence(f"{found.name}: events avoided cannot be worked out.")
        fewer = "fewer" if self.events > 0 else "more"
        about = wording.inside(found.name)
        if not np.isnan(self.low + self.high):
            side = 1 if self.events > 0 else -1
            ends = sorted(round(side * end) for end in (self.low, self.high))
            about += f"; {wording.interval(*ends, 'count', found.level)}"
        when = f"an {found.when()}" if found.averaged else found.when()
        return wording.Sentence(
            f"At the rate of {found.comparator}, {found.area} would have had "
            f"{wording.number(round(abs(self.events)))} {fewer} in {when} "
            f"({about})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the comparison behind it."""
        return self.comparison.plot(ax=ax)


def events_avoided(
    measured: Measured,
    *,
    area: Collection[str],
    comparator: Collection[str],
    level: float = 0.95,
    **names: str,
) -> EventsAvoided:
    """Events avoided if the area had its comparator's rate: its people times the gap.

    Arguments as for `compare_measured`. Events over the period, or people in an average month of a
    stock; a score has none. Of a standardised rate, the events counted times the share of the rate
    that the gap is.
    """
    found = compare_measured(measured, area=area, comparator=comparator, level=level, **names)
    own = measured.series(area, years=measured.years_for(area))
    own = own[own["period"] == found.period].iloc[0]
    per_unit = own["denominator"] / measured.indicator.multiplier
    if "events" in own:
        per_unit = own["events"] / own["value"]
    if not measured.indicator.counted or measured.indicator.unit == "count":
        per_unit = np.nan
    gaps = (found.difference, found.difference_low, found.difference_high)
    events, low, high = (per_unit * value for value in gaps)
    return EventsAvoided(found, events, low, high, denominator=own["denominator"])
