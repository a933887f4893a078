"""An area beside the rest of its borough, beside similarly deprived areas, or beside any others."""

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
from lsp_analysis.standing.comparison.contrast import contrast_groups, contrast_once
from lsp_analysis.standing.comparison.intervals import row_limits
from lsp_analysis.standing.comparison.judging import judge
from lsp_analysis.standing.place.groups import group_limits, group_series
from lsp_analysis.study.areas import is_among

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.indicator import Indicator

# What kind of number it is, where no count of separate events stands behind it.
NOT_COUNTED = {
    "person_periods": "The same people are counted again in each period: no Poisson count.",
    "score": "An average over small areas.",
    "dsr": "An average of small areas' standardised rates.",
    "mean": "",
}
SPREAD = "The interval shows how much small areas differ from one another."
NO_SPREAD = "No interval: one small area has no spread between areas to judge by."
NOT_COMPARED = "Counts of places of different size are not compared: use a rate."


@dataclass(frozen=True)
class Comparison(Shown):
    """One area against one comparator that does not contain it, on one indicator in one period."""

    indicator_id: str
    name: str
    unit: str
    polarity: str
    area: str
    comparator: str
    period: pd.Period
    value: float
    low: float
    high: float
    comparator_value: float
    comparator_low: float
    comparator_high: float
    difference: float
    difference_low: float
    difference_high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    p_value: float
    verdict: str
    level: float
    caution: str
    parts: pd.DataFrame = field(repr=False, compare=False)  # small areas: area_code, value, group

    def summary_frame(self) -> pd.DataFrame:
        """One row: both values, their difference and ratio with limits, and the verdict."""
        skip = ("indicator_id", "level", "parts")
        row = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in skip}
        return pd.DataFrame(row, index=pd.Index([self.indicator_id], name="indicator_id"))

    def sentence(self) -> wording.Sentence:
        """Both values, the gap with its interval, the verdict and any caution."""
        if np.isnan(self.value) or np.isnan(self.comparator_value):
            where = self.area if np.isnan(self.value) else self.comparator
            text = f"{self.name}: {where} has no value for {wording.period(self.period)}."
            return wording.Sentence(f"{text} {self.caution}".strip())
        text = (
            f"{self.name} in {wording.period(self.period)}: "
            f"{wording.quantity(self.value, self.unit)} in {self.area} against "
            f"{wording.quantity(self.comparator_value, self.unit)} in {self.comparator}, "
            f"{wording.compared(self.difference, self.unit)}"
        )
        if not np.isnan(self.difference_low):
            text += f" ({self._limits()}): {self.verdict}"
        return wording.Sentence(f"{text}. {self.caution}".strip())

    def _limits(self) -> str:
        low, high = self.difference_low, self.difference_high
        return wording.interval(low, high, self.unit, self.level, of_change=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw area and comparator, each with its interval."""
        rows = pd.DataFrame(
            {
                "label": [self.area, self.comparator],
                "value": [self.value, self.comparator_value],
                "low": [self.low, self.comparator_low],
                "high": [self.high, self.comparator_high],
            }
        )
        return figures.draw_caterpillar(
            rows,
            highlight=[self.area],
            reference=self.comparator_value,
            reference_label=wording.capital(self.comparator.removeprefix("the ")),
            unit=self.unit,
            level=self.level,
            ax=ax,
        )


def compare(
    panel: pd.DataFrame,
    *,
    area: Collection[str],
    comparator: Collection[str],
    indicator: Indicator,
    period: pd.Period | None = None,
    level: float = 0.95,
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> Comparison:
    """Set an area against other areas on one indicator in one period.

    Proportions are compared by Newcombe's limits of the difference and log limits of the ratio,
    rates by MOVER and score limits. Where no count is behind the value, small areas are the units:
    Welch's t on the spread between them, so a single small area gets no interval.

    Parameters
    ----------
    panel : DataFrame, one row per small area and period
        ``area_code``, ``period``, ``numerator``, ``denominator``, ``value``.
    area, comparator : small-area codes
        Without overlap: an area is compared with the rest of its borough, not with all of it.
    indicator : Indicator
        Its value type picks the method and its polarity the words.
    period : Period, optional
        The last period in which the area has a value, unless given.
    level : float between 0 and 1
    area_name, comparator_name : str
        As they are to read in a sentence.

    Raises
    ------
    PanelError
        The groups overlap, neither is in the panel, or the period is not.
    """
    check_level(level)
    refuse_overlap(area, comparator)
    own = group_series(panel, area, indicator=indicator)
    period = last_known(own) if period is None else period
    return compare_then(
        own,
        panel[panel["period"] == period],
        area=area,
        comparator=comparator,
        indicator=indicator,
        period=period,
        level=level,
        area_name=area_name,
        comparator_name=comparator_name,
    )


def compare_then(
    series: pd.DataFrame,
    then: pd.DataFrame,
    *,
    area: Collection[str],
    comparator: Collection[str],
    indicator: Indicator,
    period: pd.Period,
    level: float,
    area_name: str,
    comparator_name: str,
) -> Comparison:
    """`compare` of the area's `group_series` and the rows of the panel in `period`."""
    own = _row_of(series, period, indicator)
    other = group_series(then, comparator, indicator=indicator, leave_out_missing=True)
    low, high = group_limits(own, indicator=indicator, level=level)
    other_low, other_high = group_limits(other, indicator=indicator, level=level)
    gap = contrast_once(own, other, indicator=indicator, level=level)
    verdict = judge(gap["difference_low"], gap["difference_high"], polarity=indicator.polarity)
    return Comparison(
        indicator.indicator_id,
        indicator.name,
        indicator.unit,
        indicator.polarity,
        area_name,
        comparator_name,
        period,
        own["value"].iloc[0],
        low[0],
        high[0],
        other["value"].iloc[0],
        other_low[0],
        other_high[0],
        **gap,
        verdict=str(verdict),
        level=level,
        caution=_cautions(indicator, own, other, gap, comparator_name),
        parts=_parts(then, area, comparator),
    )


def compare_each(
    panel: pd.DataFrame,
    *,
    indicator: Indicator,
    period: pd.Period | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every small area against all the others together, at once.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
    indicator : Indicator of type rate or proportion
    period : Period, optional
        The last in the panel, unless given.
    level : float between 0 and 1

    Returns
    -------
    DataFrame, one row per area of `period`
        ``area_code``, ``value``, ``low``, ``high``, ``rest`` (value of all other areas),
        ``difference``, ``ratio`` with limits, ``p_value``, ``verdict``.

    Raises
    ------
    PanelError
        The indicator has no counts to compare: use `compare` with groups of areas.
    """
    if indicator.value_type not in ("rate", "proportion"):
        raise PanelError(
            f"{indicator.name} is of type {indicator.value_type}: it has no counts to judge a "
            "single small area by. Use compare() with groups of areas."
        )
    chosen = panel["period"].max() if period is None else period
    rows = panel[panel["period"] == chosen].reset_index(drop=True)
    counts = rows[["numerator", "denominator"]].astype(float)
    if not counts.notna().all(axis=1).any():
        raise PanelError(
            f"{indicator.name} has values but no counts in {wording.period(chosen)}, so single "
            "small areas cannot be told from chance. Add numerators and denominators."
        )
    low, high = row_limits(rows, indicator=indicator, level=level)
    known = counts.where(counts.notna().all(axis=1))
    rest = known.sum() - known
    gap = contrast_groups(counts, rest, indicator=indicator, level=level)
    verdict = judge(gap["difference_low"], gap["difference_high"], polarity=indicator.polarity)
    values = {
        "area_code": rows["area_code"],
        "value": rows["value"],
        "low": low,
        "high": high,
        "rest": indicator.multiplier * rest["numerator"] / rest["denominator"],
    }
    return pd.DataFrame(values).join(gap).assign(verdict=verdict)


def refuse_overlap(area: Collection[str], comparator: Collection[str]) -> None:
    """Refuse to compare an area with itself."""
    both = sorted(set(area) & set(comparator))
    if both:
        raise PanelError(
            f"On both sides: {wording.counted(len(both), 'small area')}, first {both[0]}. "
            "An area is not compared with itself: leave its small areas out of the comparator."
        )


def last_known(series: pd.DataFrame) -> pd.Period:
    """Last period with a value; the last of all when there is none."""
    known = series.loc[series["value"].notna(), "period"]
    return known.max() if len(known) else series["period"].max()


def _row_of(series: pd.DataFrame, period: pd.Period, indicator: Indicator) -> pd.DataFrame:
    row = series[series["period"] == period].reset_index(drop=True)
    if row.empty:
        raise PanelError(
            f"{indicator.name} has no period {period}; it runs from {series['period'].min()} "
            f"to {series['period'].max()}."
        )
    return row


def _cautions(
    indicator: Indicator,
    own: pd.DataFrame,
    other: pd.DataFrame,
    gap: Mapping[str, float],
    rest_name: str,
) -> str:
    """All that a reader should know before believing the comparison, in sentences."""
    said = []
    if indicator.value_type == "count":
        said.append(NOT_COMPARED)
    elif indicator.value_type in NOT_COUNTED:
        said.append(NOT_COUNTED[indicator.value_type])
        said.append(NO_SPREAD if np.isnan(gap["difference_low"]) else SPREAD)
    if own["note"].iloc[0]:
        said.append(f"{own['note'].iloc[0].capitalize()}.")
    if other["n_missing"].iloc[0]:
        said.append(f"In {rest_name}, {other['note'].iloc[0]} were left out.")
    return " ".join(filter(None, said))


def _parts(then: pd.DataFrame, area: Collection[str], comparator: Collection[str]) -> pd.DataFrame:
    """Small areas of both sides in the period compared."""
    sides = {"area": area, "comparator": comparator}
    rows = [np.flatnonzero(is_among(then["area_code"], codes)) for codes in sides.values()]
    chosen = np.concatenate(rows)
    columns = {name: then[name].array.take(chosen) for name in ("area_code", "value")}
    groups = np.repeat(list(sides), list(map(len, rows)))
    return pd.DataFrame({**columns, "group": groups}, index=then.index[chosen])
