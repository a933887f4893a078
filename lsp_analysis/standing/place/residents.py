"""Who lives here: residents by age and sex, and outcomes with the ages of areas made alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown, ShownTable
from lsp_analysis.standing.checks import check_columns, check_level
from lsp_analysis.standing.comparison.intervals import poisson_limits
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.standing.comparison.standardise import TOGETHER, by_single_band, first_age
from lsp_analysis.standing.place.groups import group_limits
from lsp_analysis.study.store import Study

CHILDREN_UNDER, OLDER_FROM = 15, 65


@dataclass(frozen=True)
class People(Shown):
    """Shares of residents by age and sex, in an area and in its comparator."""

    area: str
    comparator: str
    period: object
    residents: float
    frame: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per age band and sex: ``share`` and ``comparator_share``, in per cent."""
        return self.frame

    def sentence(self) -> wording.Sentence:
        """How many are children and how many are older people, here and there."""
        text = (
            f"{self.area} had {wording.number(self.residents)} residents in "
            f"{wording.period(self.period)}."
        )
        starts = self.frame["age_band"].map(first_age)
        told = [
            (name, *self.frame.loc[rows, ["share", "comparator_share"]].sum())
            for name, rows, edge in (
                (f"under {CHILDREN_UNDER}", starts < CHILDREN_UNDER, CHILDREN_UNDER),
                (f"{OLDER_FROM} or over", starts >= OLDER_FROM, OLDER_FROM),
            )
            if edge in set(starts)
        ]
        if told:
            here = wording.and_list(f"{_percent(own)} were {name}" for name, own, _ in told)
            there = wording.and_list(_percent(other) for _, _, other in told)
            text += f" {here}, against {there} in {self.comparator}."
        return wording.Sentence(text)


def people(
    populations: pd.DataFrame,
    *,
    area: Collection[str],
    comparator: Collection[str],
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> People:
    """Residents by age and sex in the last period known.

    Parameters
    ----------
    populations : DataFrame, rows of the table `populations`
        ``area_code``, ``period``, ``sex``, ``age_band``, ``population``. Rows for both sexes or all
        ages together are used only where there are no others.
    area, comparator : small-area codes
    area_name, comparator_name : str
        As they are to read in a sentence.

    Raises
    ------
    PanelError
        The area has no residents on record.
    """
    check_columns(populations, ["area_code", "period", "sex", "age_band", "population"], "table")
    own = populations[populations["area_code"].isin(area)]
    if own.empty:
        raise PanelError(f"The table populations has no residents of {area_name}.")
    period = own["period"].max()
    then = populations[populations["period"] == period]
    own, other = (
        by_single_band(then[then["area_code"].isin(codes)]) for codes in (area, comparator)
    )
    frame = pd.DataFrame({"share": _shares(own), "comparator_share": _shares(other)}).reset_index()
    frame = frame.sort_values("age_band", key=lambda bands: bands.map(first_age), kind="stable")
    frame["sex"] = frame["sex"].str.capitalize().replace(TOGETHER.capitalize(), "All people")
    residents = float(own["population"].sum())
    return People(area_name, comparator_name, period, residents, frame.reset_index(drop=True))


def _percent(share: float) -> str:
    return wording.quantity(share, "percent")


def _shares(rows: pd.DataFrame) -> pd.Series:
    sums = rows.groupby(["age_band", "sex"])["population"].sum()
    return 100 * sums / sums.sum()


@dataclass(frozen=True)
class AgeAdjusted(ShownTable):
    """An outcome as counted and directly standardised for age, group by group."""

    name: str
    unit: str
    first: int  # year
    last: int
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """Both groups with ages made alike, then as counted."""
        own, other = self.table.iloc[0], self.table.iloc[1]
        years = f"{self.first} to {self.last}" if self.first < self.last else str(self.first)
        if np.isnan(own["value"]):
            return wording.Sentence(f"{self.name}, {years}: {own.name} has {own['note']}.")
        unit, words = wording.once(self.unit)
        limits = wording.interval(own["low"], own["high"], unit, self.level)
        return wording.Sentence(
            f"{self.name}, {years}, as if all areas had people of the same ages: "
            f"{wording.quantity(own['value'], unit)} in {own.name} ({limits}) against "
            f"{wording.quantity(other['value'], unit)} in {other.name}{words}. As counted it is "
            f"{wording.quantity(own['crude'], unit)} against "
            f"{wording.quantity(other['crude'], unit)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the standardised rates of all groups with their intervals."""
        rows = self.table.reset_index(names="label")
        rows["label"] = rows["label"].map(wording.capital)
        return figures.draw_caterpillar(
            rows[["label", "value", "low", "high"]],
            highlight=[rows["label"].iloc[0]],
            reference=rows["value"].iloc[1],
            reference_label=rows["label"].iloc[1],
            unit=self.unit,
            level=self.level,
            ax=ax,
        )


def age_adjusted(
    measured: Measured, groups: Mapping[str, Collection[str]], *, level: float = 0.95
) -> AgeAdjusted:
    """Standardise an outcome for age in several groups of small areas (Dobson; ESP2013).

    Parameters
    ----------
    measured : Measured
        Of an indicator with counts and residents by five-year age band (0-4 to 90+).
    groups : mapping of name to small-area codes
        The area first, then what it is compared with. Its last years are pooled until they have
        twenty events, five at the most. A count withheld leaves the area without a rate, and its
        small area out of a comparator.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        The indicator is not counted by age.
    """
    check_level(level)
    indicator = measured.indicator
    if measured.by_age is None:
        raise PanelError(f"{indicator.name} is not counted by age in this study.")
    years = measured.years_for(next(iter(groups.values())))
    rows = []
    for place, codes in enumerate(groups.values()):
        last = measured.series(codes, others=place > 0, years=years).iloc[[-1]]
        low, high = group_limits(last, indicator=indicator, level=level)
        people = measured.people_in(codes, last["period"].iloc[0], years, others=place > 0)
        events = last["events"].iloc[0]
        scale = indicator.multiplier / people
        crude = [end[0] * scale for end in poisson_limits(events, level=level)]
        told = {"crude": events * scale, "crude_low": crude[0], "crude_high": crude[1]}
        kept = last[["events", "value", "note", "period", "first"]].iloc[0].to_dict()
        rows.append({**kept, "low": low[0], "high": high[0], "population": people, **told})
    table = pd.DataFrame(rows, index=pd.Index(list(groups), name="group"))
    span = (int(table[name].iloc[0].year) for name in ("first", "period"))
    return AgeAdjusted(indicator.name, indicator.per, *span, level, table)


def has_ages(study: Study) -> list[str]:
    """Indicators of the study that are counted by age band and may be standardised, in order."""
    rows = study.read("observations", columns=["indicator_id", "age"]).drop_duplicates()
    known = set(rows.loc[rows["age"].fillna("all") != "all", "indicator_id"])
    order = study.indicators()
    return list(order.loc[order["indicator_id"].isin(known), "indicator_id"])
