"""Funnel plots: how far from the average chance alone would take an area of each size.

Spiegelhalter (2005), with the conventions of the Fingertips technical guidance: 95% and 99.8%
limits, normal (score) limits for proportions, and for rates and ratios the exact or Byar's limits
of the observed count. Where areas differ by more than chance the sentence says how much wider
limits that allow for it would be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammainccinv, gammaincinv, ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.comparison import intervals
from lsp_analysis.study.indicator import Indicator

INNER, OUTER = 0.95, 0.998
PLACES = {
    "Low (0.001)": "below the 99.8% limits",
    "Low (0.025)": "below the 95% limits",
    "Not significant": "within the limits",
    "High (0.025)": "above the 95% limits",
    "High (0.001)": "above the 99.8% limits",
}
LABELS = tuple(PLACES)
NOT_KNOWN = "Not known"
SMALL_EXPECTED = 5  # under five expected events the normal limits are too narrow above
LIMIT_COLUMNS = ("lower95", "upper95", "lower998", "upper998")
DISPERSED = 1.5  # z-scores this scattered are worth a word
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
        outside = self.points["verdict"].value_counts().reindex(LABELS, fill_value=0)
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
        points = self.points.assign(place=self.points["verdict"].map(PLACES).fillna("no data"))
        about = {"average": self.average, "unit": self.unit}
        about["size_label"] = "Size: denominator of the rate"
        return figures.draw_funnel(points, self.limits, ax=ax, **about)


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
    last = panel["period"].max()
    rows = panel[panel["period"] == last].dropna(subset=["numerator", "denominator"])
    rows = rows[rows["denominator"] > 0]
    if not indicator.counted or indicator.unit == "count" or rows.empty:
        raise PanelError(
            "A funnel needs counts of events or of people and what they are counted over, and "
            f"{wording.inside(indicator.name)} has none in {wording.period(last)}. "
            "Add numerators and denominators."
        )
    counts, people = rows[["numerator", "denominator"]].to_numpy(float).T
    average = counts.sum() / people.sum()
    sizes = np.geomspace(people.min(), people.max(), 200)
    if indicator.kind == "events":
        words, variance = classify_rates(counts, people), average
        limits = rate_limits(sizes * average).assign(size=sizes)
        scale = indicator.multiplier * average
    else:
        words = classify_proportions(counts, people)
        variance = average * (1 - average)
        limits, scale = proportion_limits(sizes, average), indicator.multiplier
    limits[list(LIMIT_COLUMNS)] *= scale
    rates = indicator.multiplier * counts / people
    points = {"label": rows["area_code"].to_numpy(), "size": people, "value": rates}
    z = (counts / people - average) / np.sqrt(variance / people)
    about = (indicator.name, indicator.per, last, indicator.multiplier * average)
    points = pd.DataFrame({**points, "verdict": words})
    return Funnel(*about, winsorised_dispersion(z), points, limits)


def winsorised_dispersion(z: ArrayLike) -> float:
    """Mean square of z-scores once the outermost tenth at each end is drawn in: 1 by chance."""
    z = np.asarray(z, float)
    low, high = np.nanquantile(z, [WINSOR, 1 - WINSOR])
    return float(np.nanmean(np.clip(z, low, high) ** 2))


def proportion_limits(population: ArrayLike, average: float) -> pd.DataFrame:
    """Control limits of shares at each population, kept between 0 and 1.

    Parameters
    ----------
    population : array
        Denominators at which to give limits.
    average : float between 0 and 1
        Share over all areas together.

    Returns
    -------
    DataFrame
        ``size``, ``lower95``, ``upper95``, ``lower998``, ``upper998``, and ``small`` (True where
        fewer than five events are expected and the normal limits are not to be relied on).
    """
    size = intervals.as_exposure(np.atleast_1d(population))
    error = np.sqrt(average * (1 - average) / size)
    z95, z998 = ndtri(0.5 + INNER / 2), ndtri(0.5 + OUTER / 2)
    ends = zip(LIMIT_COLUMNS, (-z95, z95, -z998, z998), strict=True)
    shares = {name: np.clip(average + z * error, 0, 1) for name, z in ends}
    return pd.DataFrame({"size": size, **shares, "small": size * average < SMALL_EXPECTED})


def rate_limits(expected: ArrayLike) -> pd.DataFrame:
    """Control limits, as ratios to the average, for areas with these expected numbers of events.

    The ratio at which a count would lie exactly on its exact Poisson limit (`expected_at_limits`,
    read the other way round); columns as for `proportion_limits`, the expected number as ``size``.
    """
    expected = intervals.as_exposure(np.atleast_1d(expected))
    most = np.nanmax(expected, initial=1.0)
    counts = np.append(np.arange(100), np.geomspace(100, 100 + 2 * most, 500))
    at = expected_at_limits(counts)
    limits = {name: np.interp(expected, at[name], counts) / expected for name in LIMIT_COLUMNS}
    return pd.DataFrame({"size": expected, **limits})


def expected_at_limits(observed: ArrayLike) -> pd.DataFrame:
    """Expected numbers at which a count lies exactly on each Poisson control limit.

    Parameters
    ----------
    observed : array of counts

    Returns
    -------
    DataFrame
        ``lower95`` and ``lower998``: expected numbers at which so few events have a chance of 2.5%
        and 0.1%. ``upper95`` and ``upper998``: at which so many have.
    """
    observed = np.atleast_1d(intervals.as_counts(observed))
    some = np.where(observed > 0, observed, np.nan)
    columns = {}
    for end, tail in (("95", (1 - INNER) / 2), ("998", (1 - OUTER) / 2)):
        columns[f"lower{end}"] = gammainccinv(observed + 1, tail)
        columns[f"upper{end}"] = np.where(observed == 0, 0.0, gammaincinv(some, tail))
    return pd.DataFrame(columns)


def classify_proportions(counts: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Words for each share against the funnel around the share of all rows together."""
    counts, population = map(np.atleast_1d, intervals.as_parts(counts, population))
    at = proportion_limits(population, _average(counts, population))[list(LIMIT_COLUMNS)]
    low, high, lowest, highest = at.to_numpy().T
    return _words(counts / population, (low, lowest), (high, highest))


def classify_ratios(observed: ArrayLike, expected: ArrayLike) -> np.ndarray:
    """Words for observed over expected against 1: does the count's own interval reach it?"""
    observed, expected = (
        np.atleast_1d(intervals.as_counts(observed)),
        intervals.as_counts(expected, "expected number"),
    )
    inner, outer = (intervals.poisson_limits(observed, level=level) for level in (INNER, OUTER))
    low, high = zip(inner, outer, strict=True)
    # An interval above the expected number is a count above its limit, and the other way round.
    return _words(-expected, [-end for end in high], [-end for end in low])


def classify_rates(counts: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Words for each crude rate against the rate of all rows together."""
    counts, population = intervals.as_events(counts, population)
    return classify_ratios(counts, population * _average(counts, population))


def _average(counts: np.ndarray, population: np.ndarray) -> float:
    """Events of all rows with both numbers over their population; missing if there are none."""
    known = ~np.isnan(counts / population)
    return counts[known].sum() / population[known].sum() if known.any() else np.nan


def _words(value: np.ndarray, low: Sequence[np.ndarray], high: Sequence[np.ndarray]) -> np.ndarray:
    """Where each value lies among `LABELS`, by its inner and outer limits."""
    steps = sum((value > end).astype(int) for end in high)
    steps = steps - sum((value < end).astype(int) for end in low)
    known = ~np.isnan(value + sum(low) + sum(high))
    return np.where(known, np.array(LABELS)[steps + 2], NOT_KNOWN)
