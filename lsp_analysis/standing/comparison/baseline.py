"""An area beside the rest of its borough, beside similarly deprived areas, or beside any others."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown, View
from lsp_analysis.standing.comparison.exact import COLUMNS, compare_rows
from lsp_analysis.standing.comparison.intervals import EXACT_BELOW, WITHHELD, group_limits
from lsp_analysis.standing.comparison.measured import COVERAGE_MOVED, Measured
from lsp_analysis.standing.comparison.verdict import REST, verdict_of
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
class Sides:
    """An area and what it is compared with: small-area codes without overlap, and their names as
    they are to read in a sentence."""

    area: Collection[str]
    comparator: Collection[str]
    area_name: str = "the area"
    comparator_name: str = REST


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


def compare_measured(measured: Measured, sides: Sides, *, level: float = 0.95) -> Comparison:
    """Set an area against other areas on one indicator, in the last period it has a value.

    One exact test and the interval inverted from it (`compare_groups`). Where no count is behind
    the value, published intervals are used, else small areas are the units (Welch's t), so a
    single small area without a published interval is not compared. The kind of the indicator picks
    the method and its polarity the words.

    Raises
    ------
    PanelError
        The sides overlap (an area is compared with the rest of its borough, not with all of it),
        or one is not in the panel.
    """
    both = sorted(set(sides.area) & set(sides.comparator))
    if both:
        raise PanelError(
            f"On both sides: {wording.counted(len(both), 'small area')}, first {both[0]}. "
            "An area is not compared with itself: leave its small areas out of the comparator."
        )
    indicator, years = measured.indicator, measured.years_for(sides.area)
    series = measured.series(sides.area, years=years)
    period = last_known(series)
    others = measured.series(sides.comparator, others=True, years=years, whole=True)
    own, other = (_row_of(one, period, indicator) for one in (series, others))
    gap = compare_rows(own, other, indicator=indicator, level=level)
    close = gap
    if not np.isnan(indicator.margin):
        close = compare_rows(own, other, indicator=indicator, level=CLOSE_LEVEL)
    limits = [group_limits(side, indicator=indicator, level=level) for side in (own, other)]
    found = Comparison(
        indicator.indicator_id,
        indicator.name,
        indicator.per,
        indicator.polarity,
        sides.area_name,
        sides.comparator_name,
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
        caution=_caution(measured, own, other, gap, sides),
        level=level,
    )  # fmt: skip
    verdict, reason = verdict_of(found.row(), found.p_value, level)
    return replace(found, verdict=verdict, reason=reason)


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
    sides: Sides,
) -> str:
    """What a reader should know before believing the comparison, in sentences."""
    said, note = [], own["note"].iloc[0]
    known = not np.isnan(own["value"].iloc[0])
    placed = measured.placed(sides.area, own["first"].iloc[0], own["period"].iloc[0])
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
        are = "is" if missing == 1 else "are"
        said.append(f"In {sides.comparator_name}, {areas} without a value {are} left out.")
    return " ".join(said)


def events_avoided(measured: Measured, sides: Sides, *, level: float = 0.95) -> View:
    """Events avoided if the area had its comparator's rate: its people times the gap.

    Events over the period, or people in an average month of a stock; a score has none. Of a
    standardised rate, the events counted times the share of the rate that the gap is.

    Returns
    -------
    View
        ``table`` has ``events`` with ``low`` and ``high``, and the ``denominator`` of the area's
        rate: its people, households or person-years.
    """
    found, indicator = compare_measured(measured, sides, level=level), measured.indicator
    series = measured.series(sides.area, years=measured.years_for(sides.area))
    own = series[series["period"] == found.period].iloc[0]
    per_unit = own["denominator"] / indicator.multiplier
    if "events" in own:
        per_unit = own["events"] / own["value"]
    if not indicator.counted or indicator.unit == "count":
        per_unit = np.nan
    gaps = (found.difference, found.difference_low, found.difference_high)
    avoided = [per_unit * gap for gap in gaps]
    index = pd.Index([found.indicator_id], name="indicator_id")
    columns = ["events", "low", "high", "denominator"]
    table = pd.DataFrame([[*avoided, own["denominator"]]], index, columns)
    return View(_fewer(found, *avoided), table, found.plot)


def _fewer(found: Comparison, events: float, low: float, high: float) -> str:
    """How many fewer or more events equality would mean, in one period."""
    if np.isnan(events):
        return f"{found.name}: events avoided cannot be worked out."
    about, fewer = wording.inside(found.name), "fewer" if events > 0 else "more"
    if not np.isnan(low + high):
        ends = sorted(round(end if events > 0 else -end) for end in (low, high))
        about += f"; {wording.interval(*ends, 'count', found.level)}"
    when = f"an {found.when()}" if found.averaged else found.when()
    return (
        f"At the rate of {found.comparator}, {found.area} would have had "
        f"{wording.number(round(abs(events)))} {fewer} in {when} ({about})."
    )
