"""An area beside the rest of its borough, beside similarly deprived areas, or beside any others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.comparison.exact import COLUMNS, compared_values
from lsp_analysis.standing.comparison.intervals import EXACT_BELOW
from lsp_analysis.standing.comparison.measured import COVERAGE_MOVED, Measured
from lsp_analysis.standing.comparison.verdict import verdict_of
from lsp_analysis.standing.place.groups import WITHHELD, group_limits
from lsp_analysis.study.indicator import Indicator

CLOSE_LEVEL = 0.90  # of the interval that must lie inside the margin: two tests at 5%
COUNT = "counts of places of different size: use a rate"
NO_INTERVAL = {
    "published": "a published estimate without counts and without an interval",
    "standardised": "a published standardised rate without an interval",
    "mean": "an average without counts, of a single area",
}
SPREAD = (
    "Areas count alike unless the source gives a base; the interval shows how much they differ."
)


@dataclass(frozen=True)
class Comparison(Shown):
    """One area against one comparator that does not contain it, on one indicator in one period.

    Attributes
    ----------
    unit : words that follow a number, such as "per 1,000 residents a year", or a unit code.
    first, period : first and last period that the values are of, alike unless years are pooled.
    expected : cases to be expected in the area at the comparator's rate.
    verdict, reason : see `lsp_analysis.standing.comparison.verdict`.
    """

    indicator_id: str
    name: str
    unit: str
    polarity: str
    area: str
    comparator: str
    first: pd.Period
    period: pd.Period
    averaged: str
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
    expected: float
    margin: float
    close_low: float
    close_high: float
    why_not: str
    caution: str
    level: float
    verdict: str = ""
    reason: str = ""

    def row(self) -> dict[str, object]:
        """Every field by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def summary_frame(self) -> pd.DataFrame:
        """One row: both values, their difference and ratio with limits, and the verdict."""
        return pd.DataFrame([self.row()]).set_index("indicator_id")

    def when(self) -> str:
        """The period in words: "2012", "2010 to 2012", "average month of 2012"."""
        return period_words(self.first, self.period, averaged=self.averaged)

    def sentence(self) -> wording.Sentence:
        """Both values, the gap with its interval, the verdict and any caution."""
        if np.isnan(self.value) or np.isnan(self.comparator_value):
            where = self.area if np.isnan(self.value) else self.comparator
            text = f"{self.name}: {where} has no value for {self.when()}."
            return wording.Sentence(f"{text} {self.caution}".strip())
        unit, words = wording.once(self.unit)
        text = (
            f"{self.name}, {self.when()}: "
            f"{wording.quantity(self.value, unit)} in {self.area} against "
            f"{wording.quantity(self.comparator_value, unit)} in {self.comparator}{words}, "
            f"{wording.compared(self.difference, unit)}"
        )
        if not np.isnan(self.difference_low):
            low, high = self.difference_low, self.difference_high
            text += f" ({wording.interval(low, high, unit, self.level, of_change=True)})"
        text += f": {self.verdict}"
        if self.reason:
            text += f" ({self.reason})"
        return wording.Sentence(f"{text}. {self.caution}".strip())

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


def period_words(first: pd.Period, last: pd.Period, *, averaged: str = "") -> str:
    """Periods in words: "2012", "2010 to 2012", "average month of 2012" (`averaged` "month")."""
    ends = [wording.period(period) for period in (first, last)]
    text = ends[1] if ends[0] == ends[1] else " to ".join(ends)
    return f"average {averaged} of {text}" if averaged else text


def compare_measured(
    measured: Measured,
    *,
    area: Collection[str],
    comparator: Collection[str],
    period: pd.Period | None = None,
    level: float = 0.95,
    area_name: str = "the area",
    comparator_name: str = "the rest of the borough",
) -> Comparison:
    """Set an area against other areas on one indicator in one period.

    One exact test and the interval inverted from it (`compare_groups`). Where no count is behind
    the value, published intervals are used, else small areas are the units (Welch's t), so a
    single small area without a published interval is not compared.

    Parameters
    ----------
    measured : Measured
        The kind of its indicator picks the method and its polarity the words.
    area, comparator : small-area codes
        Without overlap: an area is compared with the rest of its borough, not with all of it.
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
    indicator, years = measured.indicator, measured.years_for(area)
    series = measured.series(area, years=years)
    period = last_known(series) if period is None else period
    own = _row_of(series, period, indicator)
    others = measured.series(comparator, others=True, years=years, whole=True)
    other = _row_of(others, period, indicator)
    gap = _once(own, other, indicator, level)
    close = gap if np.isnan(indicator.margin) else _once(own, other, indicator, CLOSE_LEVEL)
    limits = [group_limits(side, indicator=indicator, level=level) for side in (own, other)]
    found = Comparison(
        indicator.indicator_id,
        indicator.name,
        indicator.per,
        indicator.polarity,
        area_name,
        comparator_name,
        own["first"].iloc[0],
        period,
        measured.averaged,
        *(end for side, limit in zip((own, other), limits, strict=True)
          for end in (side["value"].iloc[0], *(ends[0] for ends in limit))),
        *(gap[name] for name in COLUMNS),
        expected=_expected(own, other, indicator),
        margin=indicator.margin,
        close_low=close["difference_low"],
        close_high=close["difference_high"],
        why_not=_why_not(measured, own, other, gap),
        caution=_caution(measured, own, other, gap, comparator_name, area),
        level=level,
    )  # fmt: skip
    return judged(found)


def judged(found: Comparison) -> Comparison:
    """The comparison with the verdict that it has by itself."""
    verdict, reason = verdict_of(found.row(), found.p_value, found.level)
    return replace(found, verdict=verdict, reason=reason)


def _once(
    own: pd.DataFrame, other: pd.DataFrame, indicator: Indicator, level: float
) -> dict[str, float]:
    """`compared_values` of two groups of one row each."""
    values = compared_values(own, other, indicator=indicator, level=level)
    return {name: float(array[0]) for name, array in values.items()}


def refuse_overlap(area: Collection[str], comparator: Collection[str]) -> None:
    """Refuse to compare an area with itself."""
    both = sorted(set(area) & set(comparator))
    if both:
        raise PanelError(
            f"On both sides: {wording.counted(len(both), 'small area')}, first {both[0]}. "
            "An area is not compared with itself: leave its small areas out of the comparator."
        )


def last_known(series: pd.DataFrame) -> pd.Period:
    """Last period with a value, or with one that is too small to be published; the last of all
    when there is none.

    An earlier value in place of a withheld one would be one picked for being large.
    """
    known = series.loc[series["value"].notna() | (series["note"] == WITHHELD), "period"]
    return known.max() if len(known) else series["period"].max()


def _row_of(series: pd.DataFrame, period: pd.Period, indicator: Indicator) -> pd.DataFrame:
    row = series[series["period"] == period].reset_index(drop=True)
    if row.empty:
        raise PanelError(
            f"{indicator.name} has no period {period}; it runs from {series['period'].min()} "
            f"to {series['period'].max()}."
        )
    return row


def _expected(own: pd.DataFrame, other: pd.DataFrame, indicator: Indicator) -> float:
    """Cases in the area at the comparator's rate; of shares, the rarer of cases and others."""
    if not indicator.counted or indicator.unit == "count":
        return np.inf
    theirs = other["value"].iloc[0]
    if "events" in own:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(own["events"].iloc[0] * theirs / own["value"].iloc[0])
    people = own["denominator"].iloc[0]
    cases = people * (theirs / indicator.multiplier)
    return float(cases if indicator.kind == "events" else min(cases, people - cases))


def _why_not(
    measured: Measured, own: pd.DataFrame, other: pd.DataFrame, gap: dict[str, float]
) -> str:
    """Why the two are not compared; empty when they are."""
    indicator = measured.indicator
    if np.isnan(own["value"].iloc[0]):
        return own["note"].iloc[0] or "no value for this area"
    if measured.why_not:
        return measured.why_not
    if np.isnan(other["value"].iloc[0]):
        return "no value for the comparator"
    if indicator.unit == "count":
        return COUNT
    counted = indicator.kind in ("share", "stock") and "events" not in own
    if counted and own["numerator"].iloc[0] > own["denominator"].iloc[0]:
        return "more are counted than there are people"
    if np.isnan(gap["p_value"]):
        return NO_INTERVAL.get(indicator.kind, "counts are missing")
    return ""


def _caution(
    measured: Measured,
    own: pd.DataFrame,
    other: pd.DataFrame,
    gap: dict[str, float],
    rest_name: str,
    area: Collection[str],
) -> str:
    """What a reader should know before believing the comparison, in sentences."""
    said, note = [], own["note"].iloc[0]
    known = not np.isnan(own["value"].iloc[0])
    placed = measured.placed(area, own["first"].iloc[0], own["period"].iloc[0])
    if placed < 1 - COVERAGE_MOVED:
        said.append(f"{100 * placed:.0f}% of cases could be placed in an area; the others count "
                    "nowhere.")  # fmt: skip
    if "events" in own and known:
        said.append("Standardised for age (European Standard Population 2013).")
        events = own["events"].iloc[0]
        if EXACT_BELOW <= events < 2 * EXACT_BELOW:
            said.append(f"Unreliable: only {wording.number(events)} events.")
    spread = not (measured.indicator.counted or np.isnan(gap["difference_low"]))
    if spread and not own["published"].iloc[0]:
        said.append(SPREAD)
    if measured.averaged:
        said.append("The average of the year's counts, each of one date: nobody counts twice.")
    if note and known:
        said.append(f"{wording.capital(note)}.")
    if other["n_missing"].iloc[0]:
        missing = int(other["n_missing"].iloc[0])
        areas = wording.counted(missing, "small area")
        said.append(f"In {rest_name}, {areas} without a value {'is' if missing == 1 else 'are'} "
                    "left out.")  # fmt: skip
    return " ".join(said)
