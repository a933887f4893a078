"""Funnel plots: how far from the average chance alone would take an area of each size.

Spiegelhalter (2005). Overdispersion widens the limits when areas differ by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.comparison import funnel_limits
from lsp_analysis.study.indicator import Indicator

DISPERSED = 1.5  # z-scores this scattered are worth a word
_PLACES = dict(
    zip(
        funnel_limits.LABELS,
        (
            "below the 99.8% limits",
            "below the 95% limits",
            "within the limits",
            "above the 95% limits",
            "above the 99.8% limits",
        ),
        strict=True,
    )
)
WINSOR = 0.1  # the share at each end that is drawn in before overdispersion is judged


@dataclass(frozen=True)
class Funnel(Shown):
    """Areas of one period against the limits that chance would set around their average."""

    name: str
    unit: str
    period: pd.Period
    average: float
    dispersion: float  # mean square of winsorised z-scores; 1 by chance alone
    widened: bool  # whether the limits were widened by it
    points: pd.DataFrame = field(repr=False, compare=False)
    limits: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per area: its size, value and where it lies."""
        return self.points

    def sentence(self) -> wording.Sentence:
        """How many areas lie outside each pair of limits, and how wide these were made."""
        counted = self.points["verdict"].value_counts()
        outside = {word: int(counted.get(word, 0)) for word in funnel_limits.LABELS}
        text = (
            f"{self.name} in {wording.period(self.period)}: of {len(self.points)} areas, "
            f"{outside['High (0.001)']} lie above and {outside['Low (0.001)']} below the 99.8% "
            f"limits around {wording.quantity(self.average, self.unit)}; another "
            f"{outside['High (0.025)']} lie above and {outside['Low (0.025)']} below those of 95%."
        )
        return wording.Sentence(f"{text} {self._about_dispersion()}".strip())

    def _about_dispersion(self) -> str:
        if self.dispersion <= DISPERSED:
            return ""
        wider = f"{wording.number(np.sqrt(self.dispersion), 1)} times as wide"
        if self.widened:
            return f"Areas differ more than by chance, so the limits were made {wider}."
        return f"Areas differ more than by chance: limits that allow for it would be {wider}."

    def plot(self, ax: Axes | None = None, highlight: Mapping[str, str] | None = None) -> Axes:
        """Draw the funnel plot, the areas of `highlight` (names by code) ringed and named."""
        names = dict(highlight or {})
        return figures.draw_funnel(
            self.points[["label", "size", "value"]].assign(
                label=self.points["label"].replace(names),
                place=self.points["verdict"].map(_PLACES).fillna("no data"),
            ),
            self.limits,
            average=self.average,
            unit=self.unit,
            size_label="Size: denominator of the rate",
            highlight=list(names.values()),
            ax=ax,
        )


def funnel(
    panel: pd.DataFrame,
    *,
    indicator: Indicator,
    period: pd.Period | None = None,
    overdispersion: bool = False,
) -> Funnel:
    """Set the small areas of one period against funnel limits around their average.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
    indicator : Indicator of events, a share or a stock
    period : Period, optional
        The last one, unless given.
    overdispersion : bool
        Widen the limits by the square root of the dispersion of winsorised z-scores
        (Spiegelhalter 2005, section 4.1) when that is above 1. Small areas usually need it: a
        social gradient is not chance.

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
    chosen = panel["period"].max() if period is None else period
    rows = panel[panel["period"] == chosen].dropna(subset=["numerator", "denominator"])
    rows = rows[rows["denominator"] > 0]
    if rows.empty:
        raise PanelError(
            "A funnel needs counts of separate events, and "
            f"{wording.inside(indicator.name)} has none in {wording.period(chosen)}. "
            "Add numerators and denominators."
        )
    counts, people = (rows[name].to_numpy(float) for name in ("numerator", "denominator"))
    average = counts.sum() / people.sum()
    family = "rate" if indicator.kind == "events" else "proportion"
    error = _standard_error(average, people, family)
    dispersion = winsorised_dispersion((counts / people - average) / error)
    factor = max(dispersion, 1.0) if overdispersion else 1.0
    sizes = np.geomspace(people.min(), people.max(), 200)
    scale = indicator.multiplier
    points = pd.DataFrame(
        {
            "label": rows["area_code"].to_numpy(),
            "size": people,
            "value": scale * counts / people,
            "verdict": _verdicts(counts, people, average, family, factor),
        }
    )
    limits = _limits(sizes, average, family, factor)
    limits[list(funnel_limits.LIMIT_COLUMNS)] *= scale
    return Funnel(
        indicator.name,
        indicator.per,
        chosen,
        scale * average,
        dispersion,
        factor > 1,
        points,
        limits,
    )


def winsorised_dispersion(z: ArrayLike, *, winsor: float = WINSOR) -> float:
    """Mean square of z-scores once the outermost tenth at each end is drawn in: 1 by chance."""
    z = np.asarray(z, float)
    low, high = np.nanquantile(z, [winsor, 1 - winsor])
    return float(np.nanmean(np.clip(z, low, high) ** 2))


def _verdicts(
    counts: np.ndarray, people: np.ndarray, average: float, value_type: str, dispersion: float
) -> np.ndarray:
    if dispersion == 1 and value_type == "proportion":
        return funnel_limits.classify_proportions(counts, people)
    if dispersion == 1:
        return funnel_limits.classify_rates(counts, people)
    limits = _limits(people, average, value_type, dispersion)
    return funnel_limits.label(counts / people, limits)


def _limits(sizes: np.ndarray, average: float, value_type: str, dispersion: float) -> pd.DataFrame:
    """Limits as shares or events per head at each size."""
    check_one_of(value_type, ("rate", "proportion"), "value type")
    if dispersion == 1 and value_type == "proportion":
        return funnel_limits.proportion_limits(sizes, average).drop(columns="small")
    if dispersion == 1:
        limits = funnel_limits.rate_limits(sizes * average)
        limits[list(funnel_limits.LIMIT_COLUMNS)] *= average
        return limits.assign(size=sizes)
    wide = funnel_limits.around(
        average, _standard_error(average, sizes, value_type), np.sqrt(dispersion)
    )
    top = 1.0 if value_type == "proportion" else np.inf
    return pd.DataFrame(
        {"size": sizes, **{name: np.clip(limit, 0, top) for name, limit in wide.items()}}
    )


def _standard_error(average: float, sizes: np.ndarray, value_type: str) -> np.ndarray:
    variance = average * (1 - average) if value_type == "proportion" else average
    return np.sqrt(variance / sizes)
