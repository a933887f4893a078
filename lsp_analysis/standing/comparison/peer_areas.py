"""An area in the order of its peers, which are as deprived as it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.comparison.judging import place_among
from lsp_analysis.standing.place.brief import ALIKE, REST, AreaBrief
from lsp_analysis.standing.place.groups import group_limits
from lsp_analysis.standing.place.mapped import small_names
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
        unit, own = self.indicator.per, self.frame["value"].iloc[0]
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
            unit=self.indicator.per,
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
    if ALIKE not in brief.comparators:
        raise PanelError(
            'The study has no table "deprivation", so areas as deprived as this one are not known.'
        )
    one = brief.measured(indicator_id)
    indicator, years = one.indicator, one.years_for(brief.area.members)
    own = brief.series(indicator_id)
    known = own[own["value"].notna()]
    if known.empty:
        raise PanelError(f"{indicator.name} has no value for {brief.area.name}.")
    then = known.iloc[[-1]]
    each = one.each(then["period"].iloc[0], years=years)
    names = small_names(brief)
    others = each[each["area_code"].isin(brief.comparators[ALIKE])]
    others = others.set_index("area_code").reindex(brief.comparators[ALIKE]).dropna(how="all")
    lines = [then.assign(label=brief.area.name), others.assign(label=others.index.map(names))]
    frame = pd.concat(lines, ignore_index=True)
    low, high = group_limits(frame, indicator=indicator, level=brief.level)
    rest = brief.series(indicator_id, REST, whole=True)
    rest = rest[rest["period"] == then["period"].iloc[0]]
    period, others_value = then["period"].iloc[0], float(rest["value"].iloc[0])
    return Peers(
        indicator, brief.area.name, period, brief.level, others_value,
        frame.assign(low=low, high=high)[["label", "value", "low", "high"]],
    )  # fmt: skip
