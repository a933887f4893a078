"""Funnel plots: how far from the average chance alone would take an area of each size.

Spiegelhalter (2005). Where areas differ by more than chance the sentence says how much wider limits
that allow for it would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.comparison import funnel_limits
from lsp_analysis.study.indicator import Indicator

DISPERSED = 1.5  # z-scores this scattered are worth a word
_PLACES = {
    "Low (0.001)": "below the 99.8% limits",
    "Low (0.025)": "below the 95% limits",
    "Not significant": "within the limits",
    "High (0.025)": "above the 95% limits",
    "High (0.001)": "above the 99.8% limits",
}
WINSOR = 0.1  # the share at each end that is drawn in before overdispersion is judged


@dataclass(frozen=True)
class Funnel(Shown):
    """Areas of one period against the limits that chance would set around their average."""

    name: str
    unit: str
    period: pd.Period
    average: float
    dispersion: float  # mean square of winsorised z-scores; 1 by chance alone
    points: pd.DataFrame = field(repr=False, compare=False)
    limits: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per area: its size, value and where it lies."""
        return self.points

    def sentence(self) -> wording.Sentence:
        """How many areas lie outside each pair of limits, and how wide these should be."""
        counted = self.points["verdict"].value_counts()
        outside = {word: int(counted.get(word, 0)) for word in funnel_limits.LABELS}
        text = (
            f"{self.name} in {wording.period(self.period)}: of {len(self.points)} areas, "
            f"{outside['High (0.001)']} lie above and {outside['Low (0.001)']} below the 99.8% "
            f"limits around {wording.quantity(self.average, self.unit)}; another "
            f"{outside['High (0.025)']} lie above and {outside['Low (0.025)']} below those of 95%."
        )
        if self.dispersion > DISPERSED:
            text += (
                " Areas differ more than by chance: limits that allow for it would be "
                f"{wording.number(np.sqrt(self.dispersion), 1)} times as wide."
            )
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the funnel plot."""
        places = self.points["verdict"].map(_PLACES).fillna("no data")
        return figures.draw_funnel(
            self.points[["label", "size", "value"]].assign(place=places),
            self.limits,
            average=self.average,
            unit=self.unit,
            size_label="Size: denominator of the rate",
            ax=ax,
        )


def funnel(panel: pd.DataFrame, *, indicator: Indicator) -> Funnel:
    """Set the small areas of the last period against funnel limits around their average.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
    indicator : Indicator of events, a share or a stock

    Raises
    ------
    PanelError
        The indicator has no counts of events or of people.
    """
    check_columns(panel, ["area_code", "period", "numerator", "denominator"], "panel")
    if not indicator.counted or indicator.unit == "count":
        raise PanelError(
            "A funnel needs counts of events or of people, and "
            f"{wording.inside(indicator.name)} has none."
        )
    last = panel["period"].max()
    rows = panel[panel["period"] == last].dropna(subset=["numerator", "denominator"])
    rows = rows[rows["denominator"] > 0]
    if rows.empty:
        raise PanelError(
            "A funnel needs counts of separate events, and "
            f"{wording.inside(indicator.name)} has none in {wording.period(last)}. "
            "Add numerators and denominators."
        )
    counts, people = (rows[name].to_numpy(float) for name in ("numerator", "denominator"))
    average = counts.sum() / people.sum()
    sizes = np.geomspace(people.min(), people.max(), 200)
    if indicator.kind == "events":
        words, variance = funnel_limits.classify_rates(counts, people), average
        limits = funnel_limits.rate_limits(sizes * average).assign(size=sizes)
        scale = indicator.multiplier * average
    else:
        words = funnel_limits.classify_proportions(counts, people)
        variance = average * (1 - average)
        limits, scale = funnel_limits.proportion_limits(sizes, average), indicator.multiplier
    limits[list(funnel_limits.LIMIT_COLUMNS)] *= scale
    rates = indicator.multiplier * counts / people
    points = {"label": rows["area_code"].to_numpy(), "size": people, "value": rates}
    return Funnel(
        indicator.name,
        indicator.per,
        last,
        indicator.multiplier * average,
        winsorised_dispersion((counts / people - average) / np.sqrt(variance / people)),
        pd.DataFrame({**points, "verdict": words}),
        limits,
    )


def winsorised_dispersion(z: ArrayLike) -> float:
    """Mean square of z-scores once the outermost tenth at each end is drawn in: 1 by chance."""
    z = np.asarray(z, float)
    low, high = np.nanquantile(z, [WINSOR, 1 - WINSOR])
    return float(np.nanmean(np.clip(z, low, high) ** 2))
