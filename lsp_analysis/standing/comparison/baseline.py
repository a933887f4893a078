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
        here, there = (wording.quantity(x, unit) for x in (self.value, self.comparator_value))
        apart, low, high = self.difference, self.difference_low, self.difference_high
        limits = f" ({wording.interval(low, high, unit, self.level, of_change=True)})"
        text = (
            f"{self.name}, {self.when()}: {here} in {self.area} against {there} in "
            f"{self.comparator}{words}, {wording.compared(apart, unit)}"
            f"{'' if np.isnan(low) else limits}: {self.verdict}"
        )
        text += f" ({self.reason})." if self.reason else "."
        return wording.Sentence(f"{text} {self.caution}".strip())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw area and comparator, each with its interval."""
        own = (self.area, self.value, self.low, self.high)
        other = (self.comparator, self.comparator_value, self.comparator_low, self.comparator_high)
        rows = pd.DataFrame([own, other], columns=["label", "value", "low", "high"])
        label = wording.capital(self.comparator.removeprefix("the "))
        line = {"reference": self.comparator_value, "reference_label": label}
        return figures.draw_caterpillar(
            rows, highlight=[self.area], unit=self.unit, level=self.level, ax=ax, **line
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
    own, other = (
        rows[rows["period"] == period].reset_index(drop=True) for rows in (series, others)
    )
    if own.empty or other.empty:
        raise PanelError(
            f"{indicator.name} has no period {period}; it runs from {others['period'].min()} "
            f"to {others['period'].max()}."
        )
    gap = close = compare_rows(own, other, indicator=indicator, level=level)
    if not np.isnan(indicator.margin):
        close = compare_rows(own, other, indicator=indicator, level=CLOSE_LEVEL)
    values = []
    for side in (own, other):
        low, high = group_limits(side, indicator=indicator, level=level)
        values += [side["value"].iloc[0], low[0], high[0]]
    found = Comparison(
        *(indicator.indicator_id, indicator.name, indicator.per, indicator.polarity),
        *(sides.area_name, sides.comparator_name, own["first"].iloc[0], period),
        measured.averaged,
        *values,
        *(gap[name] for name in COLUMNS),
        expected=_expected(own, other, indicator),
        margin=indicator.margin,
        close_low=close["difference_low"],
        close_high=close["difference_high"],
        why_not=_why_not(measured, own, other, gap),
        caution=_caution(measured, own, other, gap, sides),
        level=level,
    )
    verdict, reason = verdict_of(found.row(), found.p_value, level)
    return replace(found, verdict=verdict, reason=reason)


def last_known(series: pd.DataFrame) -> pd.Period:
    """Last period with a value, or with one that is too small to be published; the last of all
    when there is none.

    An earlier value in place of a withheld one would be one picked for being large.
    """
    known = series.loc[series["value"].notna() | (series["note"] == WITHHELD), "period"]
    return known.max() if len(known) else series["period"].max()


def _expected(own: pd.DataFrame, other: pd.DataFrame, indicator: Indicator) -> float:
    """Cases in the area at the comparator's rate; of shares, the rarer of cases and others."""
    if not indicator.counted or indicator.unit == "count":
        return np.inf
    theirs, people = other["value"].iloc[0], own["denominator"].iloc[0]
    if "events" in own:
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(own["events"].iloc[0] * theirs / own["value"].iloc[0])
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
    first, period, value, note = own.loc[0, ["first", "period", "value", "note"]]
    said, known, placed = [], not np.isnan(value), measured.placed(sides.area, first, period)
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
    if missing := int(other["n_missing"].iloc[0]):
        areas = f"{wording.counted(missing, 'small area')} without a value"
        are = "is" if missing == 1 else "are"
        said.append(f"In {sides.comparator_name}, {areas} {are} left out.")
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
    gaps = np.array([found.difference, found.difference_low, found.difference_high])
    events, low, high = per_unit * gaps
    row = {"events": events, "low": low, "high": high, "denominator": own["denominator"]}
    table = pd.DataFrame(row, pd.Index([found.indicator_id], name="indicator_id"))
    if np.isnan(events):
        return View(f"{found.name}: events avoided cannot be worked out.", table, found.plot)
    about, fewer = wording.inside(found.name), "fewer" if events > 0 else "more"
    if not np.isnan(low + high):
        ends = sorted(round(end if events > 0 else -end) for end in (low, high))
        about += f"; {wording.interval(*ends, 'count', found.level)}"
    when = f"an {found.when()}" if found.averaged else found.when()
    said = (
        f"At the rate of {found.comparator}, {found.area} would have had "
        f"{wording.number(round(abs(events)))} {fewer} in {when} ({about})."
    )
    return View(said, table, found.plot)
