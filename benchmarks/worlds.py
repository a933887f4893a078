"""Boroughs of every kind of outcome whose truth is known, one per row of ``worlds.csv``.

An area's log level is normal and alike among neighbours; shocks are alike among neighbours and
carry over from period to period; counts are Poisson about what they make, shares binomial, means
normal. The neighbourhood with the worst outcome in the last `picked_on` periods is treated, so part
of what made it look bad goes away by itself.
"""

from __future__ import annotations

import csv
import sys
import zlib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.signal import lfilter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from demo.graph import AreaGraph, planar_graph, worst_group

from lsp_analysis import Question

MAPS = 6  # made-up maps of each size, used in turn
RESIDENTS = 1500
MEAN, SCORE_SD, SAMPLING_SD = 50.0, 8.0, 1.5  # of means: middle, between areas, of one value
OUTLIER = np.log(8.0)
RECESSION = np.log(0.7)
CONVERGENCE = 0.12  # of its distance from the middle that an area loses in a year
EDITIONS = ("2004", "2007", "2010", "2015", "2017", "2019")
FREQUENCY = {12: "M", 4: "Q", 1: "Y"}


@dataclass(frozen=True)
class World:
    """A row of ``worlds.csv``. `volatility`: log variance of shocks per log level; -1 stands for
    areas whose volatility has nothing to do with their level."""

    name: str
    kind: str
    areas: int
    per_year: int
    periods: int
    start: int
    mean_count: float
    overdispersion: float
    autocorrelation: float
    spatial: float
    level_sd: float
    picked_on: int
    group_size: int
    volatility: float
    special: str = ""

    def effect(self, fall: float) -> float:
        """The true effect of a fall of that share: a log ratio, or a difference of means."""
        return 0.4 * fall * MEAN if self.kind == "mean" else float(np.log1p(fall))

    def simulate(self, seed: int, fall: float = 0.0) -> Question:
        """One borough, and the question what happened in its worst neighbourhood.

        `fall` is the effect as a share, below 0 for a fall and above it for a rise.
        """
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        graph = made_up_map(self.areas, seed % MAPS)
        spread = spread_of(self.areas, seed % MAPS, self.spatial)
        people = np.rint(RESIDENTS * np.exp(rng.normal(0, 0.15, (self.areas, 1))))
        level = self.level_sd * spread @ rng.standard_normal(self.areas)
        if self.special == "outlier":
            level[rng.integers(self.areas)] = OUTLIER
        log, shock = self._paths(rng, level, spread), self._shocks(rng, level, spread)
        if self.kind == "mean":
            values = MEAN + SCORE_SD * log / self.level_sd + 2 * shock
            outcome = values + rng.normal(0, SAMPLING_SD, values.shape)
        else:
            expected = people / RESIDENTS * np.exp(log + shock)
            expected *= self.mean_count / np.exp(level).mean()
            outcome = self._counts(rng, expected, people)
        treated = self._picked(outcome, people, graph)
        after = np.ix_(treated, np.arange(self.periods) >= self.start)
        if fall and self.kind == "mean":
            outcome[after] += self.effect(fall)
        elif fall < 0:
            outcome[after] = rng.binomial(outcome[after].astype(int), 1 + fall)
        elif fall:
            outcome[after] += rng.poisson(outcome[after] * fall)
        return self._question(outcome, people, treated, graph)

    def _paths(self, rng, level, spread) -> np.ndarray:
        """Log expectation of each area by period, before shocks."""
        years = np.arange(self.periods) / self.per_year
        if self.special == "editions":
            years = np.array([int(year) for year in EDITIONS]) - int(EDITIONS[0])
        log = level[:, None] + 0.15 * np.cos(2 * np.pi * years)[None, :]
        if self.special == "convergence":
            log = log * np.exp(-CONVERGENCE * years)
        if self.special == "recession":
            log = log + RECESSION * (np.arange(self.periods) >= self.start)
        return log + rng.normal(0, 0.02, self.periods)

    def _shocks(self, rng, level, spread) -> np.ndarray:
        """Shocks of mean 1 on the log scale, or about 0 for means."""
        white = spread @ rng.standard_normal((self.areas, self.periods))
        keep = self.autocorrelation
        white[:, 1:] *= np.sqrt(1 - keep**2)
        carried = lfilter([1], [1, -keep], white, axis=1)
        size = np.exp(self.volatility * level / 2) / np.median(np.exp(self.volatility * level / 2))
        if self.volatility < 0:
            size = np.exp(rng.normal(0, 0.6, self.areas))
            size /= np.sqrt((size**2).mean())
        if self.kind == "mean":
            return np.sqrt(self.overdispersion) * size[:, None] * carried
        sd = np.sqrt(np.log1p(self.overdispersion)) * size[:, None]
        return sd * carried - sd**2 / 2

    def _counts(self, rng, expected, people) -> np.ndarray:
        if self.kind == "share":
            share = np.minimum(expected / people, 0.95)
            return rng.binomial(people.astype(int), share).astype(float)
        return rng.poisson(expected).astype(float)

    def _picked(self, outcome, people, graph) -> np.ndarray:
        """The worst neighbourhood, or the one that rose fastest; bool array (areas,)."""
        recent = outcome[:, self.start - self.picked_on : self.start].sum(axis=1)
        if self.special == "rising":
            earlier = outcome[:, self.start - 2 * self.picked_on : self.start - self.picked_on]
            recent, base = (recent + 1) / (earlier.sum(axis=1) + 1), np.ones(self.areas)
        else:
            base = np.ones(self.areas) if self.kind == "mean" else people[:, 0]
        treated = np.zeros(self.areas, dtype=bool)
        treated[worst_group(recent, base, graph, self.group_size)] = True
        return treated

    def _question(self, outcome, people, treated, graph) -> Question:
        dates = pd.period_range("2003", periods=self.periods, freq=FREQUENCY[self.per_year])
        if self.special == "editions":
            dates = pd.PeriodIndex(EDITIONS, freq="Y")
        people = people * np.ones((1, self.periods))
        alone = self.kind == "mean" or self.special == "values"
        if self.special == "values":
            outcome = outcome / people
        return Question(
            areas=pd.Index(graph.codes), dates=dates, outcome=outcome, treated=treated,
            start=dates[self.start], population=None if alone else people, kind=self.kind,
            neighbours=sparse.csr_array(graph.matrix),
        )  # fmt: skip


@cache
def made_up_map(areas: int, seed: int) -> AreaGraph:
    """One of a few maps, kept."""
    return planar_graph(areas, seed=seed)


@cache
def spread_of(areas: int, seed: int, spatial: float) -> np.ndarray:
    """Its matrix that makes noise alike among neighbours, kept."""
    return made_up_map(areas, seed).spread(spatial)


def read_worlds(only: str = "") -> list[World]:
    """The worlds of ``worlds.csv`` whose names hold the text `only`."""
    kinds = {field.name: field.type for field in fields(World)}
    as_type = {"str": str, "int": int, "float": float}
    with (Path(__file__).parent / "worlds.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {key: as_type[kinds[key]](value or 0) if kinds[key] != "str" else value
             for key, value in row.items()}
            for row in csv.DictReader(file)
        ]  # fmt: skip
    return [World(**row) for row in rows if only in row["name"]]
