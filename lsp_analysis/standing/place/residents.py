"""Who lives here: residents by age and sex beside those of the rest of the borough."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown
from lsp_analysis.standing.checks import check_columns

CHILDREN_UNDER, OLDER_FROM = 15, 65
_TOGETHER = "all"


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
    frame["sex"] = frame["sex"].str.capitalize().replace(_TOGETHER.capitalize(), "All people")
    residents = float(own["population"].sum())
    return People(area_name, comparator_name, period, residents, frame.reset_index(drop=True))


def first_age(band: str) -> int:
    """The age at which a band begins.

    >>> first_age("10-14"), first_age("90+"), first_age("all")
    (10, 90, 0)
    """
    found = re.match(r"\D*(\d+)", str(band))
    return int(found[1]) if found else 0


def _percent(share: float) -> str:
    return wording.quantity(share, "percent")


def by_single_band(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by single sex and age band where there are any, so that nobody counts twice."""
    for column in ("sex", "age_band"):
        parts = rows[rows[column] != _TOGETHER]
        rows = parts if len(parts) else rows
    return rows


def _shares(rows: pd.DataFrame) -> pd.Series:
    sums = rows.groupby(["age_band", "sex"])["population"].sum()
    return 100 * sums / sums.sum()
