"""Who lives here: residents by age and sex."""

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import ShownTable
from lsp_analysis.standing.comparison.standardise import TOGETHER, by_single_band, first_age
from lsp_analysis.standing.place.brief import REST, AreaBrief

CHILDREN_UNDER, OLDER_FROM = 15, 65


@dataclass(frozen=True)
class People(ShownTable):
    """Shares of residents by age and sex, in an area and in its comparator."""

    area: str
    period: object
    residents: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """How many are children and how many are older people, here and there."""
        text = (
            f"{self.area} had {wording.number(self.residents)} residents in "
            f"{wording.period(self.period)}."
        )
        starts = self.table["age_band"].map(first_age)
        told = [
            (name, *self.table.loc[rows, ["share", "comparator_share"]].sum())
            for name, rows, edge in (
                (f"under {CHILDREN_UNDER}", starts < CHILDREN_UNDER, CHILDREN_UNDER),
                (f"{OLDER_FROM} or over", starts >= OLDER_FROM, OLDER_FROM),
            )
            if edge in set(starts)
        ]
        if told:
            here = wording.and_list(f"{_percent(own)} were {name}" for name, own, _ in told)
            there = wording.and_list(_percent(other) for _, _, other in told)
            text += f" {here}, against {there} in {REST}."
        return wording.Sentence(text)


def people(brief: AreaBrief) -> People:
    """Residents of an area and of the rest of its borough by age and sex, in the last period known.

    Rows for both sexes or all ages together are used only where there are no others. StudyError
    without populations, PanelError where the area has no residents on record.
    """
    populations = brief.study.read("populations")
    own = populations[populations["area_code"].isin(brief.area.members)]
    if own.empty:
        raise PanelError(f"The table populations has no residents of {brief.area.name}.")
    period = own["period"].max()
    then = populations[populations["period"] == period]
    sides = (brief.area.members, brief.comparators[REST])
    own, other = (by_single_band(then[then["area_code"].isin(codes)]) for codes in sides)
    frame = pd.DataFrame({"share": _shares(own), "comparator_share": _shares(other)}).reset_index()
    frame = frame.sort_values("age_band", key=lambda bands: bands.map(first_age), kind="stable")
    frame["sex"] = frame["sex"].str.capitalize().replace(TOGETHER.capitalize(), "All people")
    residents = float(own["population"].sum())
    return People(brief.area.name, period, residents, frame.reset_index(drop=True))


def _percent(share: float) -> str:
    return wording.quantity(share, "percent")


def _shares(rows: pd.DataFrame) -> pd.Series:
    sums = rows.groupby(["age_band", "sex"])["population"].sum()
    return 100 * sums / sums.sum()
