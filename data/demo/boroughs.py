"""Boroughs whose truth is known: small areas, monthly counts, one neighbourhood picked as worst.

The expected count of area i in month t is::

    population_i x level_i x season_t x trend_t x shock_it (x exp(effect) once treated)

Levels are log-normal and alike among neighbours; shocks are log-normal, alike among neighbours and
carried over from month to month; counts are Poisson about that expectation. The treated
neighbourhood is picked on what was *observed* before the start, so part of what made it look bad
goes away by itself, as it does when a board picks one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from demo.graph import AreaGraph, as_graph, planar_graph, worst_group

from lsp_analysis.errors import ParameterError

FIRST_PERIOD = "2003-01"
MEAN_POPULATION = 1_500


@dataclass(frozen=True)
class Truth:
    """What the simulation knows and an analyst does not.

    Attributes
    ----------
    effect : float
        Log ratio of the treated expectation with the programme to that without.
    relative : float
        The same as a proportion: -0.2 is a fall by a fifth.
    absolute : float
        Mean change per treated month in the neighbourhood's expected count.
    level : Series indexed by area code
        Expected count per month over the whole panel, before shocks and effect.
    """

    effect: float
    relative: float
    absolute: float
    level: pd.Series = field(repr=False, compare=False)


@dataclass(frozen=True)
class SimulatedBorough:
    """A panel (``area_code``, ``period``, ``count``, ``population``) and the truth behind it."""

    panel: pd.DataFrame = field(repr=False, compare=False)
    treated: tuple[str, ...]
    start: pd.Period
    truth: Truth
    neighbours: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True)
class Counts:
    """How monthly counts arise.

    Attributes
    ----------
    mean_count : float above 0
        Borough mean of the expected count per area and month, without effect.
    overdispersion : float, 0 or more
        Squared coefficient of variation of the shocks: a count's variance is its mean plus
        ``overdispersion`` x mean squared.
    autocorrelation : float in [0, 1)
        Correlation of an area's log shock with that of the month before.
    spatial : float in [0, 1)
        Coefficient of the simultaneous autoregression behind levels and shocks.
    level_sd : float, 0 or more
        Standard deviation over areas of the log level.
    seasonality : float
        Amplitude of the yearly wave in the log expectation, highest in July.
    trend : float
        Change per year in the log expectation, common to all areas.
    population_sd : float
        Standard deviation over areas of log population about a mean of 1,500 residents.

    Raises
    ------
    ParameterError
        A setting out of range.
    """

    mean_count: float = 4.0
    overdispersion: float = 0.1
    autocorrelation: float = 0.5
    spatial: float = 0.5
    level_sd: float = 0.5
    seasonality: float = 0.15
    trend: float = 0.0
    population_sd: float = 0.15

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("mean_count", "overdispersion", "level_sd"):
            if (value := getattr(self, name)) < 0 or (name == "mean_count" and value == 0):
                raise ParameterError(
                    f"{name} is {value}. Give a number of 0 or more (above 0 for mean_count)."
                )
        for name in ("autocorrelation", "spatial"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ParameterError(
                    f"{name} is {value}. Give a number from 0 up to, not including, 1."
                )


def simulate_borough(
    areas: int | AreaGraph | pd.DataFrame | Iterable[tuple[str, str]] = 177,
    counts: Counts = Counts(),
    *,
    n_periods: int = 60,
    start: int | None = None,
    selection_window: int = 12,
    group_size: int = 1,
    effect: float = 0.0,
    seed: int,
) -> SimulatedBorough:
    """One borough of monthly counts with one treated neighbourhood picked for looking worst.

    Boroughs of one seed that differ only in `effect` share every draw but the treated months'.

    Parameters
    ----------
    areas : int, AreaGraph, or pairs of neighbouring codes
        The number of areas, for which a planar map is drawn, or the map.
    counts : Counts
        How the counts arise.
    n_periods : int
        Months of the panel.
    start : int or None
        Position of the first treated month; None is three fifths of the way.
    selection_window : int
        Months before `start` on whose observed rate the neighbourhood is picked.
    group_size : int
        Small areas in the neighbourhood, which is in one piece.
    effect : float
        Log ratio applied to the neighbourhood's expectation from `start` on.
    seed : int
        Same seed, same borough.

    Raises
    ------
    ParameterError
        A window outside the panel, or a map without a connected group of `group_size` areas.
    """
    start = 3 * n_periods // 5 if start is None else start
    _check_window(start, selection_window, n_periods)
    graph = planar_graph(areas, seed=seed) if isinstance(areas, int) else as_graph(areas)
    rng = np.random.default_rng(seed)
    spread = graph.spread(counts.spatial)
    population = _populations(rng, len(graph.codes), counts.population_sd)
    level = np.exp(counts.level_sd * spread @ rng.standard_normal(len(graph.codes))) * population
    pace = _seasons(n_periods, counts.seasonality) * np.exp(
        counts.trend * np.arange(n_periods) / 12
    )
    level, pace = counts.mean_count * level / level.mean(), pace / pace.mean()
    shock = log_normal_shocks(
        rng,
        spread,
        n_periods,
        overdispersion=counts.overdispersion,
        autocorrelation=counts.autocorrelation,
    )
    expected = level[:, None] * pace * shock
    count = rng.poisson(expected)
    window = count[:, start - selection_window : start].sum(axis=1)
    treated = worst_group(window, population, graph, group_size)
    after = np.ix_(treated, np.arange(start, n_periods))
    count[after] = _with_effect(rng, count[after], expected[after], effect)
    relative = float(np.expm1(effect))
    codes = np.array(graph.codes, dtype=object)
    return SimulatedBorough(
        panel=_panel(graph.codes, count, population),
        treated=tuple(codes[np.sort(treated)]),
        start=pd.Period(FIRST_PERIOD, freq="M") + start,
        truth=Truth(
            effect=effect,
            relative=relative,
            absolute=relative * float(expected[after].sum(axis=0).mean()),
            level=pd.Series(level, index=graph.codes, name="level"),
        ),
        neighbours=graph.pairs,
    )


def log_normal_shocks(
    rng: np.random.Generator,
    spread: np.ndarray,
    n_periods: int,
    *,
    overdispersion: float,
    autocorrelation: float,
) -> np.ndarray:
    """Areas x periods of shocks with mean 1, alike among neighbours and from period to period.

    Parameters
    ----------
    rng : numpy Generator
    spread : array, areas x areas
        From `AreaGraph.spread`.
    overdispersion : float
        Variance of the shocks.
    autocorrelation : float in [0, 1)
        Correlation of an area's log shock with that of the period before.
    """
    white = rng.standard_normal((len(spread), n_periods))
    sd = np.sqrt(np.log1p(overdispersion))
    return np.exp(sd * spread @ white @ _carry_over(n_periods, autocorrelation).T - sd**2 / 2)


def _populations(rng: np.random.Generator, n_areas: int, sd: float) -> np.ndarray:
    draws = np.exp(sd * rng.standard_normal(n_areas) - sd**2 / 2)
    return np.maximum(np.rint(MEAN_POPULATION * draws), 100).astype(np.int64)


def _seasons(n_periods: int, amplitude: float) -> np.ndarray:
    july = 6
    return np.exp(amplitude * np.cos(2 * np.pi * (np.arange(n_periods) - july) / 12))


def _carry_over(n_periods: int, autocorrelation: float) -> np.ndarray:
    """Matrix that turns white noise into a stationary first-order autoregression of variance 1."""
    lag = np.subtract.outer(np.arange(n_periods), np.arange(n_periods))
    weights = np.where(lag >= 0, float(autocorrelation) ** np.maximum(lag, 0), 0.0)
    weights[:, 1:] *= np.sqrt(1 - autocorrelation**2)
    return weights


def _with_effect(
    rng: np.random.Generator, count: np.ndarray, expected: np.ndarray, effect: float
) -> np.ndarray:
    """Counts with expectation times exp(effect): thinned if it falls, topped up if it rises.

    Both keep the counts Poisson, and close to those without effect.
    """
    if effect <= 0:
        return rng.binomial(count, np.exp(effect))
    return count + rng.poisson(expected * np.expm1(effect))


def _panel(codes: tuple[str, ...], count: np.ndarray, population: np.ndarray) -> pd.DataFrame:
    n_areas, n_periods = count.shape
    periods = pd.period_range(FIRST_PERIOD, periods=n_periods, freq="M")
    area = pd.array(codes, dtype="str")
    return pd.DataFrame(
        {
            "area_code": area.repeat(n_periods),
            "period": periods.take(np.tile(np.arange(n_periods), n_areas)),
            "count": count.ravel(),
            "population": population.repeat(n_periods),
        }
    )


def _check_window(start: int, selection_window: int, n_periods: int) -> None:
    if not 1 <= selection_window <= start < n_periods:
        raise ParameterError(
            f"start is {start} with a selection window of {selection_window} in {n_periods} "
            "periods. The window must lie before the start, and the start inside the panel."
        )
