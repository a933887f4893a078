"""Events avoided: what an area's gap comes to in burglaries, claims or smokers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.showing import Shown
from lsp_analysis.standing.comparison.baseline import Comparison, compare
from lsp_analysis.standing.place.groups import group_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.indicator import Indicator


@dataclass(frozen=True)
class EventsAvoided(Shown):
    """Events that an area would have had less (or more) of at its comparator's rate."""

    comparison: Comparison
    events: float
    low: float
    high: float
    denominator: float

    def summary_frame(self) -> pd.DataFrame:
        """One row: events with limits, and the population they are for."""
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
        return wording.Sentence(
            f"At the rate of {found.comparator}, {found.area} would have had "
            f"{wording.number(round(abs(self.events)))} {fewer} in {wording.period(found.period)} "
            f"({about})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the comparison behind it."""
        return self.comparison.plot(ax=ax)


def events_avoided(
    panel: pd.DataFrame,
    *,
    area: Collection[str],
    comparator: Collection[str],
    indicator: Indicator,
    period: pd.Period | None = None,
    level: float = 0.95,
    **names: str,
) -> EventsAvoided:
    """Events avoided if the area had its comparator's rate: its people times the gap.

    Parameters
    ----------
    As for `compare`. Rates, proportions and person-periods have events to count; a score has none.
    """
    found = compare(
        panel,
        area=area,
        comparator=comparator,
        indicator=indicator,
        period=period,
        level=level,
        **names,
    )
    own = group_series(panel, area, indicator=indicator)
    people = own.loc[own["period"] == found.period, "denominator"].iloc[0]
    if indicator.value_type not in ("rate", "proportion", "person_periods"):
        people = np.nan
    per_unit = people / indicator.multiplier
    gaps = (found.difference, found.difference_low, found.difference_high)
    return EventsAvoided(found, *(per_unit * value for value in gaps), denominator=people)
