"""An area in the order of its peers, which are as deprived as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.comparison.ranking import place_among
from lsp_analysis.standing.place.brief import ALIKE, REST, AreaBrief
from lsp_analysis.standing.place.groups import group_limits, group_series
from lsp_analysis.standing.place.mapped import small_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.indicator import Indicator


@dataclass(frozen=True)
class Peers(Shown):
    """One indicator in an area and in each of the areas nearest to it in deprivation."""

    indicator: Indicator
    area: str
    period: pd.Period
    level: float
    rest: float  # value of the rest of the borough
    frame: pd.DataFrame = field(repr=False, compare=False)  # label, value, low, high; area first

    def summary_frame(self) -> pd.DataFrame:
        """One row per area, the area itself first: label, value and its limits."""
        return self.frame

    def sentence(self) -> wording.Sentence:
        """The area's place among its peers."""
        unit, own = self.indicator.unit, self.frame["value"].iloc[0]
        others = self.frame["value"].iloc[1:].dropna()
        name = f"{self.indicator.name} in {wording.period(self.period)}"
        if pd.isna(own) or others.empty:
            return wording.Sentence(f"{name}: there is nothing to put in order.")
        up = self.indicator.polarity != "high_is_good"
        place = place_among(own, others, highest_first=up)
        end = "highest" if self.indicator.polarity == "none" else "worst"
        return wording.Sentence(
            f"{name}: among {wording.counted(len(others), 'area')} as deprived as it is, "
            f"{self.area} is the {wording.placed(place['rank'], end)} of {int(place['of'])} with "
            f"{wording.quantity(own, unit)}; the others run from "
            f"{wording.quantity(others.min(), unit)} to {wording.quantity(others.max(), unit)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the area and its peers in order, with the rest of the borough as a line."""
        return figures.draw_caterpillar(
            self.frame,
            highlight=[self.area],
            reference=self.rest,
            reference_label="Rest of the borough",
            unit=self.indicator.unit,
            level=self.level,
            ax=ax,
        )


def peers(brief: AreaBrief, indicator_id: str) -> Peers:
    """Set an area among the areas nearest to it in deprivation, in the last year it has a value.

    Raises
    ------
    PanelError
        The study has no Indices of Deprivation to choose them by, or the area has no value.
    """
    indicator = brief.study.indicator(indicator_id)
    if ALIKE not in brief.comparators:
        raise PanelError(
            'The study has no table "deprivation", so areas as deprived as this one are not known.'
        )
    panel = brief.through_time(indicator_id)
    own = group_series(panel, brief.area.members, indicator=indicator)
    known = own.loc[own["value"].notna(), "period"]
    if known.empty:
        raise PanelError(f"{indicator.name} has no value for {brief.area.name}.")
    then = panel[panel["period"] == known.max()]
    names = small_names(brief)
    groups = {brief.area.name: list(brief.area.members)}
    groups |= {names[code]: [code] for code in brief.comparators[ALIKE]}
    lines = [
        group_series(then, codes, indicator=indicator).assign(label=label)
        for label, codes in groups.items()
        if then["area_code"].isin(codes).any()
    ]
    frame = pd.concat(lines, ignore_index=True)
    low, high = group_limits(frame, indicator=indicator, level=brief.level)
    rest = group_series(then, brief.comparators[REST], indicator=indicator, leave_out_missing=True)
    return Peers(
        indicator, brief.area.name, known.max(), brief.level, float(rest["value"].iloc[0]),
        frame.assign(low=low, high=high)[["label", "value", "low", "high"]],
    )  # fmt: skip
