"""Funnel plots: how far from the average chance alone would take an area of each size.

Spiegelhalter (2005), with the conventions of the Fingertips technical guidance: 95% and 99.8%
limits, normal (score) limits for proportions, and for rates and ratios the exact or Byar's limits
of the observed count. Overdispersion widens the limits when areas differ by more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import gammainccinv, gammaincinv, ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import as_counts, as_exposure, check_columns, check_one_of
from lsp_analysis.standing.rates import poisson_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.panel import Indicator

INNER, OUTER = 0.95, 0.998
LABELS = ("Low (0.001)", "Low (0.025)", "Not significant", "High (0.025)", "High (0.001)")
NOT_KNOWN = "Not known"
SMALL_EXPECTED = 5  # under five expected events the normal limits are too narrow above
DISPERSED = 1.5  # z-scores this scattered are worth a word
WINSOR = 0.1  # the share at each end that is drawn in before overdispersion is judged
LIMIT_COLUMNS = ("lower95", "upper95", "lower998", "upper998")


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
    size = as_exposure(np.atleast_1d(population))
    error = np.sqrt(average * (1 - average) / size)
    limits = _around(average, error, 1.0)
    shares = {name: np.clip(limit, 0, 1) for name, limit in limits.items()}
    return pd.DataFrame({"size": size, **shares, "small": size * average < SMALL_EXPECTED})


def rate_limits(expected: ArrayLike) -> pd.DataFrame:
    """Control limits, as ratios to the average, for areas with these expected numbers of events.

    The ratio at which a count would lie exactly on its exact Poisson limit (`expected_at_limits`,
    read the other way round); columns as for `proportion_limits`, the expected number as ``size``.
    """
    expected = as_exposure(np.atleast_1d(expected))
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
    observed = np.atleast_1d(as_counts(observed))
    some = np.where(observed > 0, observed, np.nan)
    columns = {}
    for end, tail in (("95", (1 - INNER) / 2), ("998", (1 - OUTER) / 2)):
        columns[f"lower{end}"] = gammainccinv(observed + 1, tail)
        columns[f"upper{end}"] = np.where(observed == 0, 0.0, gammaincinv(some, tail))
    return pd.DataFrame(columns)


def classify_proportions(counts: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Words for each share against the funnel around the share of all rows together."""
    counts, population = as_counts(counts), as_exposure(population)
    known = ~np.isnan(counts / population)
    average = counts[known].sum() / population[known].sum()
    limits = proportion_limits(population, average)
    return _labels(counts / population, *(limits[name].to_numpy() for name in LIMIT_COLUMNS))


def classify_ratios(observed: ArrayLike, expected: ArrayLike) -> np.ndarray:
    """Words for observed over expected against 1: does the count's own interval reach it?"""
    observed, expected = np.atleast_1d(as_counts(observed)), as_exposure(expected)
    lower95, upper95 = poisson_limits(observed, level=INNER)
    lower998, upper998 = poisson_limits(observed, level=OUTER)
    # An interval above the expected number is a count above its limit, and the other way round.
    known = ~np.isnan(observed / expected)
    steps = np.where(lower95 > expected, 1, 0) + np.where(lower998 > expected, 1, 0)
    steps = steps - np.where(upper95 < expected, 1, 0) - np.where(upper998 < expected, 1, 0)
    return np.where(known, np.array(LABELS)[steps + 2], NOT_KNOWN)


def classify_rates(counts: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Words for each crude rate against the rate of all rows together."""
    counts, population = as_counts(counts), as_exposure(population)
    known = ~np.isnan(counts / population)
    average = counts[known].sum() / population[known].sum()
    return classify_ratios(counts, population * average)


@dataclass(frozen=True)
class Funnel:
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
        outside = {word: int(counted.get(word, 0)) for word in LABELS}
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

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the funnel plot."""
        return figures.draw_funnel(self.points, self.limits, average=self.average, ax=ax)


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
    indicator : Indicator of type rate or proportion
    period : Period, optional
        The last one, unless given.
    overdispersion : bool
        Widen the limits by the square root of the dispersion of winsorised z-scores
        (Spiegelhalter 2005, section 4.1) when that is above 1. Small areas usually need it: a
        social gradient is not chance.

    Raises
    ------
    PanelError
        The indicator is not a rate or a proportion of counted events.
    """
    check_columns(panel, ["area_code", "period", "numerator", "denominator"], "panel")
    if indicator.value_type not in ("rate", "proportion"):
        raise PanelError(
            f"A funnel needs counts of separate events, and {indicator.name} is of type "
            f"{indicator.value_type}."
        )
    chosen = panel["period"].max() if period is None else period
    rows = panel[panel["period"] == chosen].dropna(subset=["numerator", "denominator"])
    rows = rows[rows["denominator"] > 0]
    counts, people = (rows[name].to_numpy(float) for name in ("numerator", "denominator"))
    average = counts.sum() / people.sum()
    error = _standard_error(average, people, indicator.value_type)
    dispersion = winsorised_dispersion((counts / people - average) / error)
    factor = max(dispersion, 1.0) if overdispersion else 1.0
    sizes = np.geomspace(people.min(), people.max(), 200)
    scale = indicator.multiplier
    points = pd.DataFrame(
        {
            "label": rows["area_code"].to_numpy(),
            "size": people,
            "value": scale * counts / people,
            "verdict": _verdicts(counts, people, average, indicator.value_type, factor),
        }
    )
    limits = _limits(sizes, average, indicator.value_type, factor)
    limits[list(LIMIT_COLUMNS)] *= scale
    return Funnel(
        indicator.name,
        indicator.unit,
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
        return classify_proportions(counts, people)
    if dispersion == 1:
        return classify_rates(counts, people)
    limits = _limits(people, average, value_type, dispersion)
    return _labels(counts / people, *(limits[name].to_numpy() for name in LIMIT_COLUMNS))


def _limits(sizes: np.ndarray, average: float, value_type: str, dispersion: float) -> pd.DataFrame:
    """Limits as shares or events per head at each size."""
    check_one_of(value_type, ("rate", "proportion"), "value type")
    if dispersion == 1 and value_type == "proportion":
        return proportion_limits(sizes, average).drop(columns="small")
    if dispersion == 1:
        limits = rate_limits(sizes * average)
        limits[list(LIMIT_COLUMNS)] *= average
        return limits.assign(size=sizes)
    wide = _around(average, _standard_error(average, sizes, value_type), np.sqrt(dispersion))
    top = 1.0 if value_type == "proportion" else np.inf
    return pd.DataFrame(
        {"size": sizes, **{name: np.clip(limit, 0, top) for name, limit in wide.items()}}
    )


def _standard_error(average: float, sizes: np.ndarray, value_type: str) -> np.ndarray:
    variance = average * (1 - average) if value_type == "proportion" else average
    return np.sqrt(variance / sizes)


def _around(average: float, error: np.ndarray, factor: float) -> dict[str, np.ndarray]:
    z95, z998 = ndtri(0.5 + INNER / 2) * factor, ndtri(0.5 + OUTER / 2) * factor
    limits = (-z95, z95, -z998, z998)
    return {name: average + z * error for name, z in zip(LIMIT_COLUMNS, limits, strict=True)}


def _labels(
    value: np.ndarray,
    lower95: np.ndarray,
    upper95: np.ndarray,
    lower998: np.ndarray,
    upper998: np.ndarray,
) -> np.ndarray:
    tests = [np.isnan(value), value < lower998, value < lower95, value > upper998, value > upper95]
    words = [NOT_KNOWN, LABELS[0], LABELS[1], LABELS[4], LABELS[3]]
    return np.select(tests, words, default=LABELS[2])
