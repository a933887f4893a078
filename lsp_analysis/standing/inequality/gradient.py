"""Inequality over the whole borough: does an outcome climb with deprivation, and less than before?

One neighbourhood may close its gap while the next falls behind. The slope over all areas, ordered
by deprivation, sees both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.checks import as_counts, as_exposure
from lsp_analysis.standing.inequality.sii import SlopeIndex, slope_index
from lsp_analysis.standing.place.groups import group_series
from lsp_analysis.study.indicator import Indicator

GROUPS = 10
REPETITIONS = 10_000
MOST, LEAST = "the most deprived end of the borough", "the least deprived end"


def slope(
    panel: pd.DataFrame,
    deprivation: pd.DataFrame,
    *,
    indicator: Indicator,
    level: float = 0.95,
) -> SlopeIndex:
    """The slope index of inequality over tenths of small areas by deprivation, in the last period.

    Positive when the indicator is higher among the most deprived. The line is fitted to logits of
    proportions and to logarithms of other values, so that it never runs below zero or above the
    whole, and to the values themselves where a group has none above zero; standard errors are
    those of small areas differing within their group.

    Parameters
    ----------
    panel : DataFrame, one row per small area and period
    deprivation : DataFrame of one edition
        ``area_code``, ``edition``, ``rank`` (1 the most deprived). Areas without one are left out.
    indicator : Indicator
    level : float between 0 and 1

    Raises
    ------
    PanelError
        Several editions are given, too few areas have a rank, or a group has no value.
    """
    members = tenths(panel, deprivation)
    last = panel["period"].max()
    rows = _group_rows(panel[panel["period"] == last], members, indicator)
    if not _is_whole(rows):
        raise PanelError(
            f"{indicator.name} is not known in {last} for every group of areas by deprivation."
        )
    return _index(rows, indicator, level)


def slopes(
    panel: pd.DataFrame,
    deprivation: pd.DataFrame,
    *,
    indicator: Indicator,
    level: float = 0.95,
) -> Gap:
    """The slope index through time, as the gap between the two ends of the borough.

    Parameters and errors as for `slope`; a period in which a group has no value is left out.
    """
    members = tenths(panel, deprivation)
    rows = {
        period: _group_rows(then, members, indicator) for period, then in panel.groupby("period")
    }
    found = []
    for period, then in rows.items():
        if _is_whole(then):
            index = _index(then, indicator, level)
            ends = index.line["fitted"].iloc[[0, -1]]
            sii, rii = index.summary_frame().to_numpy()
            found.append([period, period, *ends, *sii, *rii, ""])
    if not found:
        raise PanelError(
            f"{indicator.name} has no period with a value in every group of areas by deprivation."
        )
    columns = ["first", "period", "value", "comparator_value", "gap", "low", "high", "ratio"]
    frame = pd.DataFrame(found, columns=[*columns, "ratio_low", "ratio_high", "note"])
    about = (indicator.indicator_id, indicator.name, indicator.per, indicator.polarity)
    return Gap(*about, MOST, LEAST, level, frame)


def shared_out(
    panel: pd.DataFrame, deprivation: pd.DataFrame, *, indicator: Indicator
) -> Concentration:
    """How the events of the last period are shared out over people in order of deprivation.

    Parameters as for `slope`. PanelError for an indicator without events to share out.
    """
    then = panel[panel["period"] == panel["period"].max()]
    ranks = deprivation.set_index("area_code")["rank"]
    rows = then.assign(rank=then["area_code"].map(ranks)).dropna(subset="rank")
    if rows["numerator"].isna().all() or rows["denominator"].isna().all():
        raise PanelError(f"{indicator.name} has no counts that could be shared out over people.")
    return concentration(rows["rank"], rows["numerator"], rows["denominator"])


def tenths(panel: pd.DataFrame, deprivation: pd.DataFrame) -> dict[int, list[str]]:
    """Codes of the panel's areas in ten groups of equal number, 1 the most deprived.

    PanelError when there are several editions, or fewer than two areas a group have a rank.
    """
    editions = set(deprivation["edition"])
    if len(editions) != 1:
        raise PanelError(f"{len(editions)} editions of the Indices are given. Choose one.")
    ranks = deprivation.dropna(subset="rank").set_index("area_code")["rank"]
    known = ranks[ranks.index.isin(panel["area_code"])].sort_values(kind="stable")
    if len(known) < 2 * GROUPS:
        raise PanelError(
            f"{len(known)} areas of the panel have a rank of deprivation, and {GROUPS} groups need "
            f"{2 * GROUPS}. Check that both use codes of one vintage."
        )
    place = np.arange(len(known)) * GROUPS // len(known) + 1
    return {number: list(known.index[place == number]) for number in range(1, GROUPS + 1)}


def _group_rows(
    then: pd.DataFrame, members: dict[int, list[str]], indicator: Indicator
) -> pd.DataFrame:
    """One row per group, most deprived first, or none for one without areas in the panel."""
    rows = [
        group_series(then, codes, indicator=indicator, leave_out_missing=True)
        for codes in members.values()
        if then["area_code"].isin(codes).any()
    ]
    return pd.concat(rows, ignore_index=True)


def _is_whole(rows: pd.DataFrame) -> bool:
    known = rows[["value", "se"]].notna().all(axis=1)
    return bool(known.sum() == GROUPS)


def _index(rows: pd.DataFrame, indicator: Indicator, level: float) -> SlopeIndex:
    whole = indicator.multiplier
    is_share = (
        indicator.kind in ("share", "stock")
        and rows["value"].between(0, whole, inclusive="neither").all()
    )
    transform = "logit" if is_share else "log" if (rows["value"] > 0).all() else "none"
    scale = whole if is_share else 1.0
    found = slope_index(
        rows["denominator"].fillna(rows["n_areas"]),
        rows["value"] / scale,
        se=rows["se"] / scale,
        transform=transform,
        multiplier=-scale,
        level=level,
        repetitions=REPETITIONS,
    )
    line = found.line.assign(**{name: scale * found.line[name] for name in ("value", "fitted")})
    return replace(found, line=line, unit=indicator.per)


@dataclass(frozen=True)
class Concentration(Shown):
    """How an outcome is shared out over people ordered from most to least deprived."""

    index: float
    curve: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """The curve: cumulative shares of population and of the outcome."""
        return self.curve

    def sentence(self) -> wording.Sentence:
        """What share of the outcome the most deprived fifth of people has."""
        curve = self.curve
        fifth = np.interp(0.2, curve["cumulative_population"], curve["cumulative_outcome"])
        return wording.Sentence(
            f"The most deprived fifth of people has {wording.quantity(100 * fifth, 'percent')} of "
            f"the total (concentration index {wording.number(self.index, 2)}; below zero means "
            "more among the most deprived)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the concentration curve against the line of equal shares."""
        return figures.draw_concentration(self.curve, ax=ax)


def concentration(order: ArrayLike, outcome: ArrayLike, population: ArrayLike) -> Concentration:
    """Concentration curve and index of an outcome over areas in order of deprivation.

    Parameters
    ----------
    order : array
        Deprivation rank of each area, most deprived first (rank 1); ties share their people out
        evenly, since the areas are joined by a straight line.
    outcome, population : arrays of the same length
        Events and people of each area; areas with either missing are left out.

    Returns
    -------
    Concentration
        Its ``index`` is twice the area between the line of equality and the curve: negative when
        the most deprived have more than their share (Kakwani, Wagstaff and van Doorslaer 1997).
    """
    table = pd.DataFrame(
        {
            "order": np.asarray(order, float),
            "outcome": as_counts(outcome),
            "people": as_exposure(population),
        }
    ).dropna()
    shares = table.groupby("order")[["people", "outcome"]].sum().cumsum()
    shares = shares / shares.iloc[-1]
    people, outcomes = (np.append(0.0, shares[name]) for name in ("people", "outcome"))
    curve = pd.DataFrame({"cumulative_population": people, "cumulative_outcome": outcomes})
    return Concentration(float(1 - 2 * np.trapezoid(outcomes, people)), curve)
