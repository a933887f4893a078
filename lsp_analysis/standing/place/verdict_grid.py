"""An area beside its neighbours on every indicator."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import ShownTable
from lsp_analysis.standing.comparison.verdict import NOT, by_area
from lsp_analysis.standing.place.brief import ALIKE, AreaBrief
from lsp_analysis.standing.place.mapped import small_names

_MOST_TOLD = 4  # areas


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


def rug(brief: AreaBrief, codes: Collection[str] | None = None) -> Rug:
    """Compare small areas with the rest of the borough on every indicator.

    Parameters
    ----------
    brief : AreaBrief
    codes : small-area codes, optional
        Those of the area and of the areas that touch it, unless given; in a study without
        boundaries, those of similarly deprived areas.

    Raises
    ------
    PanelError
        No indicator can be compared.
    """
    own = list(brief.area.members)
    beside, around = _beside(brief) if codes is None else (list(codes), "beside it")
    wanted = [*own, *beside] if codes is None else list(codes)
    names = small_names(brief)
    frames = []
    for code in wanted:
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
    pairs = brief.study.neighbours()
    own = set(brief.area.members)
    touching = set(pairs.loc[pairs["area_code"].isin(own), "neighbour_code"]) - own
    return sorted(touching), "next door"
