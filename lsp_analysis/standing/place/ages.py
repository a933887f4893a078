"""Is it only that people here are older? An outcome with the ages of areas made alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.comparison.intervals import poisson_limits
from lsp_analysis.standing.comparison.standardise import ESP2013, directly_standardised
from lsp_analysis.standing.place.residents import first_age

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.indicator import Indicator
    from lsp_analysis.study.store import Study

_BANDS = np.arange(0, 95, 5)


@dataclass(frozen=True)
class AgeAdjusted(Shown):
    """An outcome as counted and directly standardised for age, group by group."""

    name: str
    unit: str
    first: int  # year
    last: int
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per group: ``events``, and ``crude`` and ``value`` with their limits."""
        return self.table

    def sentence(self) -> wording.Sentence:
        """Both groups with ages made alike, then as counted."""
        own, other = self.table.iloc[0], self.table.iloc[1]
        years = f"{self.first} to {self.last}" if self.first < self.last else str(self.first)
        if np.isnan(own["value"]):
            return wording.Sentence(f"{self.name}, {years}: {own.name} has {own['note']}.")
        limits = wording.interval(own["low"], own["high"], self.unit, self.level)
        return wording.Sentence(
            f"{self.name}, {years}, as if all areas had people of the same ages: "
            f"{wording.quantity(own['value'], self.unit)} in {own.name} ({limits}) against "
            f"{wording.quantity(other['value'], self.unit)} in {other.name}. As counted it is "
            f"{wording.quantity(own['crude'], self.unit)} against "
            f"{wording.quantity(other['crude'], self.unit)}."
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
    study: Study,
    indicator: Indicator,
    groups: Mapping[str, Collection[str]],
    *,
    years: int = 3,
    level: float = 0.95,
) -> AgeAdjusted:
    """Standardise an outcome for age in several groups of small areas (Dobson; ESP2013).

    Parameters
    ----------
    study : Study
        With counts by five-year age band (0-4 to 90+) and residents likewise.
    indicator : Indicator
    groups : mapping of name to small-area codes
        The area first, then what it is compared with. A count withheld leaves the area without a
        rate, and its small area out of a comparator.
    years : int
        Calendar years taken together, up to the last: small areas have few events in one.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        The indicator has no counts by five-year band, or no year with residents by age as well.
    """
    check_level(level)
    counts = _by_age(study, indicator)
    residents = _residents(study)
    common = sorted(set(counts["year"]) & set(residents["year"]))[-years:]
    if not common:
        name = wording.inside(indicator.name)
        raise PanelError(f"There is no year with both {name} and residents by age band.")
    both = counts[counts["year"].isin(common)].merge(
        residents, on=["area_code", "year", "band"], how="right"
    )
    both = both[both["year"].isin(common)]
    withheld = set(counts.loc[counts["observed"].isna() & counts["year"].isin(common), "area_code"])
    # Without a row nobody was counted; a row without a number is a number withheld.
    nobody = both["observed"].isna() & ~both["area_code"].isin(withheld)
    both = both.assign(observed=both["observed"].mask(nobody, 0))
    frames = [
        _sums(both, set(codes) - (withheld if place else set())).assign(group=name)
        for place, (name, codes) in enumerate(groups.items())
    ]
    long = pd.concat(frames).assign(standard=lambda rows: ESP2013[rows["band"] // 5])
    table = directly_standardised(
        long, by="group", multiplier=indicator.multiplier, level=level
    ).loc[list(groups)]
    sums = long.groupby("group")[["observed", "population"]].sum(skipna=False).loc[list(groups)]
    scale = indicator.multiplier / sums["population"]
    low, high = poisson_limits(sums["observed"], level=level)
    table = table.assign(
        crude=scale * sums["observed"], crude_low=scale * low, crude_high=scale * high
    )
    return AgeAdjusted(
        indicator.name, indicator.unit, common[0], common[-1], level,
        table.rename(columns={"observed": "events"}),
    )  # fmt: skip


def has_ages(study: Study) -> list[str]:
    """Indicators of the study that are counted by age band and may be standardised, in order."""
    rows = study.read("observations", columns=["indicator_id", "age"]).drop_duplicates()
    known = set(rows.loc[rows["age"].fillna("all") != "all", "indicator_id"])
    order = study.indicators()
    return list(order.loc[order["indicator_id"].isin(known), "indicator_id"])


def _by_age(study: Study, indicator: Indicator) -> pd.DataFrame:
    rows = study.read("observations", where={"indicator_id": indicator.indicator_id})
    rows = rows[(rows["age"] != "all") & (rows["group"].fillna("all") == "all")]
    if rows.empty or indicator.value_type != "rate":
        raise PanelError(f"{indicator.name} is not counted by age in this study.")
    split = rows[rows["sex"] != "all"]
    rows = split if len(split) else rows
    banded = rows.assign(band=_bands(rows["age"]), year=rows["period_start"].dt.year)
    sums = banded.groupby(["area_code", "year", "band"])["numerator"].sum(skipna=False)
    return sums.rename("observed").reset_index()


def _sums(both: pd.DataFrame, codes: Collection[str]) -> pd.DataFrame:
    """Events and people of these areas by band; missing where a count is."""
    rows = both[both["area_code"].isin(codes)]
    return rows.groupby("band")[["observed", "population"]].sum(skipna=False).reset_index()


def _residents(study: Study) -> pd.DataFrame:
    rows = study.read("populations")
    for column in ("sex", "age_band"):
        split = rows[rows[column] != "all"]
        rows = split if len(split) else rows
    calendar = rows["period"].str.fullmatch(r"\d{4}")
    rows = rows[calendar].assign(
        band=_bands(rows.loc[calendar, "age_band"]), year=rows.loc[calendar, "period"].astype(int)
    )
    return rows.groupby(["area_code", "year", "band"], as_index=False)["population"].sum()


def _bands(ages: pd.Series) -> pd.Series:
    """First ages of five-year bands; refuses others, which the standard population has not."""
    starts = ages.map({age: first_age(age) for age in ages.unique()})
    if set(starts) != set(_BANDS):
        raise PanelError(
            "Ages are not in the nineteen five-year bands from 0-4 to 90+, which standardising "
            "needs."
        )
    return starts
