"""Where the money goes: spending in an area and in the whole borough, per head."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import check_one_of
from lsp_analysis.showing import Axes, ShownTable
from lsp_analysis.standing.checks import check_columns

BY = ("stream", "theme", "agency")
EVERYWHERE = "not tied to an area"


@dataclass(frozen=True)
class Resources(ShownTable):
    """Spending by stream, theme or agency, in an area, elsewhere, and tied to no area."""

    area: str
    by: str
    population: float
    population_elsewhere: float
    table: pd.DataFrame = field(repr=False, compare=False)
    by_period: pd.DataFrame = field(repr=False, compare=False)  # period, series, value per head

    def sentence(self) -> wording.Sentence:
        """Money tied to the area per head, that elsewhere, and how much is tied to neither."""
        total = self.table[["area", "elsewhere", "untied"]].sum()
        if total.sum() == 0:
            return wording.Sentence("No spending is recorded.")
        here = total["area"] / self.population
        there = total["elsewhere"] / self.population_elsewhere
        return wording.Sentence(
            f"£{wording.number(round(total['area']))} is tied to {self.area} "
            f"(£{wording.number(here, 2)} a head, against £{wording.number(there, 2)} elsewhere); "
            f"£{wording.number(round(total['untied']))} is {EVERYWHERE}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw spending per head tied to the area and tied to elsewhere, period by period."""
        return figures.draw_trend(self.by_period, unit="pounds a head", ax=ax)


def resources(
    spending: pd.DataFrame,
    *,
    area: Collection[str],
    population: float,
    population_elsewhere: float,
    by: str = "stream",
    area_name: str = "the area",
) -> Resources:
    """Add spending up by stream, theme or agency, inside and outside an area.

    Parameters
    ----------
    spending : DataFrame, rows of the table `resources`
        ``stream``, ``theme``, ``agency``, ``period``, ``amount_gbp``, and ``area_code`` where the
        money is tied to one.
    area : codes
        Of the small areas, and of the neighbourhood itself where money carries its code.
    population, population_elsewhere : float
        Residents of the area and of the rest of the borough.
    by : "stream", "theme" or "agency"
    area_name : str

    Returns
    -------
    Resources
        ``table`` has ``area``, ``elsewhere``, ``untied`` (pounds), ``area_per_head``,
        ``elsewhere_per_head``, ``share_of_money`` (of all that is tied to an area) and
        ``share_of_people``, both in per cent.
    """
    check_one_of(by, BY, "grouping")
    check_columns(spending, [by, "area_code", "period", "amount_gbp"], "table of resources")
    codes = spending["area_code"]
    where = np.select([codes.isin(area), codes.notna()], ["area", "elsewhere"], "untied")
    rows = spending.assign(where=where)
    table = _spread_out(rows, by)
    tied = table["area"] + table["elsewhere"]
    people = {"area": population, "elsewhere": population_elsewhere}
    over_time = _spread_out(rows, "period")[list(people)] / pd.Series(people)
    over_time = over_time.rename(columns={"area": area_name, "elsewhere": "Elsewhere"})
    return Resources(
        area_name,
        by,
        population,
        population_elsewhere,
        table.assign(
            area_per_head=table["area"] / population,
            elsewhere_per_head=table["elsewhere"] / population_elsewhere,
            share_of_money=100 * table["area"] / tied.where(tied > 0),
            share_of_people=100 * population / (population + population_elsewhere),
        ),
        over_time.reset_index().melt("period", var_name="series"),
    )


def _spread_out(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Pounds by `by`, with a column for each of area, elsewhere and untied."""
    sums = rows.pivot_table(index=by, columns="where", values="amount_gbp", aggfunc="sum")
    sums = sums.reindex(columns=["area", "elsewhere", "untied"]).fillna(0.0)
    return sums.rename_axis(columns=None)
