"""An area beside others one by one: its peers in deprivation, and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown, ShownTable
from lsp_analysis.standing.comparison.verdict import NOT, by_area, place_among
from lsp_analysis.standing.place.brief import ALIKE, REST, AreaBrief
from lsp_analysis.standing.place.groups import group_limits
from lsp_analysis.standing.place.mapped import small_names
from lsp_analysis.study.indicator import Indicator

_MOST_TOLD = 4  # areas


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


@dataclass(frozen=True)
class Rug(ShownTable):
    """Verdicts of several small areas, each against all the others of the borough."""

    own: tuple[str, ...]  # names of the area's own small areas
    level: float
    around: str  # what the other areas are to it: "next door", "as deprived"
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """Which of the areas is worse most often, and how the neighbours compare."""
        worse = self.table[self.table["verdict"] == "worse"]["area"].value_counts()
        n = self.table["indicator"].nunique()
        areas = list(pd.unique(self.table["area"]))
        own = [f"{name} on {int(worse.get(name, 0))}" for name in areas if name in self.own]
        text = f"Worse than the rest of the borough, of {wording.counted(n, 'indicator')}: "
        text += wording.and_list(own)
        if len(own) > _MOST_TOLD:
            counts = sorted(int(worse.get(name, 0)) for name in self.own)
            span = f"{counts[0]} to {counts[-1]}" if counts[0] != counts[-1] else f"{counts[0]}"
            text = f"{text.split(':')[0]}: its {len(own)} small areas on {span}"
        beside = {name: int(worse.get(name, 0)) for name in areas if name not in self.own}
        if beside:
            counts = sorted(beside.values())
            most = [name for name, count in beside.items() if count == counts[-1]]
            span = f"{counts[0]} to {counts[-1]}" if counts[0] != counts[-1] else f"{counts[0]}"
            text += f"; the {wording.counted(len(beside), 'area')} {self.around} on {span}"
            if counts[0] != counts[-1]:
                text += f", most in {wording.and_list(most[:3])}"
        return wording.Sentence(f"{text}. Each small area's verdicts are those of its own page.")

    def shown_table(self) -> Table:
        """Each small area's clear verdicts, those most often worse first."""
        return figures.table(
            by_area(self.table), caption="What is clearly different from the rest of the borough"
        )


def rug(brief: AreaBrief) -> Rug:
    """Compare small areas with the rest of the borough on every indicator.

    Those of the area and those that touch it; in a study without boundaries, similarly deprived
    ones.

    Raises
    ------
    PanelError
        No indicator can be compared.
    """
    own = list(brief.area.members)
    beside, around = _beside(brief)
    names = small_names(brief)
    frames = []
    for code in (*own, *beside):
        found = brief.profile_of(brief.study.area(code)).table
        frames.append(found.assign(indicator=found["name"], area=names[code], area_code=code))
    table = pd.concat(frames, ignore_index=True)
    if (table["verdict"] == NOT).all():
        raise PanelError("No indicator of this study can be compared between single small areas.")
    columns = ["indicator", "area", "area_code", "value", "comparator_value", "verdict"]
    columns += ["reason", "p_adjusted"]
    order = {name: place for place, name in enumerate(pd.unique(table["indicator"]))}
    table = table.sort_values("indicator", key=lambda names: names.map(order), kind="stable")
    return Rug(
        tuple(names.reindex(own)), brief.level, around, table[columns].reset_index(drop=True)
    )


def _beside(brief: AreaBrief) -> tuple[list[str], str]:
    """Small areas to set the area beside, and what they are to it."""
    if not brief.study.has("geometry"):
        return list(brief.comparators.get(ALIKE, [])), "as deprived"
    return brief.touching(), "next door"
