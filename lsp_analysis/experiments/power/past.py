"""What the past says of an experiment to come: level, spread, likeness, windows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.experiments.power.intracluster import Clustering, icc_of_counts
from lsp_analysis.showing import Shown
from lsp_analysis.study.schema import VALUE_TYPES

COUNTED = ("rate", "proportion", "count")  # value types whose numerators count each event once
REPEATED = "the same people are counted again in each period"
NOT_COUNTED = "these are values and no counts of people"


@dataclass(frozen=True)
class Grid:
    """A panel as matrices, areas x periods, without gaps.

    Attributes
    ----------
    counts, base : array
        Numerators and denominators; values and ones where a panel has values only.
    multiplier : float
        The outcome is ``multiplier * counts / base``, over several periods that of their sums.
    is_count : bool
        Whether numerators are whole numbers of events, so that an effect thins them.
    value_type : str
        How values come about, as in the study's table of indicators; empty where it is not known.
    not_people : str
        Why numerators do not count people or events once each; empty where they do.
    """

    areas: tuple[str, ...]
    periods: pd.PeriodIndex = field(repr=False)
    counts: np.ndarray = field(repr=False)
    base: np.ndarray = field(repr=False)
    multiplier: float
    is_count: bool
    value_type: str = ""
    not_people: str = ""

    def window(self, start: int, stop: int) -> np.ndarray:
        """Outcome of each area over the periods from `start` up to `stop`."""
        return self.multiplier * self.counts[:, start:stop].sum(axis=1) / self.exposure(start, stop)

    def exposure(self, start: int, stop: int) -> np.ndarray:
        """Denominator of each area over a window: the mean over its periods."""
        return self.base[:, start:stop].mean(axis=1)


def grid_of(
    panel: pd.DataFrame,
    *,
    multiplier: float = 1.0,
    areas: Iterable[str] | None = None,
    value_type: str = "",
) -> Grid:
    """A panel (``area_code``, ``period``, ``numerator``, ``denominator`` or ``value``) as a grid.

    Over a window, numerators add up and denominators are averaged: twelve months of incidents per
    1,000 residents are incidents a year per 1,000.

    Parameters
    ----------
    multiplier : float
        The outcome is this many times numerator over denominator.
    areas : area codes, optional
        The areas to keep; all when not given.
    value_type : str
        The indicator's ``value_type``. Numerators of "person_periods", "mean", "dsr" and "score"
        are no counts of events, whole numbers or not; when it is not given, whole numbers are
        taken for events.

    Raises
    ------
    PanelError
        Fewer than two areas have a value in every period.
    ParameterError
        There is no such value type.
    """
    if value_type:
        check_one_of(value_type, VALUE_TYPES, "value type")
    rows = panel if areas is None else panel[panel["area_code"].isin(set(areas))]
    has_parts = {"numerator", "denominator"} <= set(rows) and rows["numerator"].notna().any()
    counts = _wide(rows, "numerator" if has_parts else "value")
    base = counts * 0 + 1.0
    if has_parts:
        base = _wide(rows, "denominator")
    whole = (counts.notna() & (base > 0)).all(axis=1)
    if whole.sum() < 2:
        raise PanelError(
            f"Only {int(whole.sum())} of {len(whole)} areas have a value in every period. Leave "
            "out "
            "the periods with gaps."
        )
    counts, base = counts[whole], base[whole]
    numbers = counts.to_numpy(float)
    if not has_parts:
        numbers = numbers / len(counts.columns)
    not_people = _why_not_people(value_type, has_parts=has_parts)
    is_count = not not_people and bool((numbers == np.round(numbers)).all())
    return Grid(
        tuple(counts.index),
        pd.PeriodIndex(counts.columns),
        numbers,
        base.to_numpy(float),
        multiplier,
        is_count,
        value_type,
        not_people,
    )


def _why_not_people(value_type: str, *, has_parts: bool) -> str:
    if value_type == "person_periods":
        return REPEATED
    return "" if has_parts and value_type in ("", *COUNTED) else NOT_COUNTED


def _wide(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Areas down, periods across."""
    return rows.set_index(["area_code", "period"])[column].unstack("period")  # noqa: PD010


@dataclass(frozen=True)
class Windows:
    """How one stretch of periods foretells the next, pooled over all such pairs in the past.

    Attributes
    ----------
    level : float
        Mean outcome over a window as long as the follow-up.
    sd_between : float
        Standard deviation between clusters of the outcome after.
    sd_left : float
        The same once the outcome before is adjusted for.
    correlation : float
        Between a cluster's outcome before and after.
    n_windows : int
        Pairs of windows; they overlap.
    per_event : float
        Variance that chance adds to an outcome by deciding of each event whether it happens, per
        share of events decided so; zero where the outcome does not count events.
    """

    level: float
    sd_between: float
    sd_left: float
    correlation: float
    n_windows: int
    per_event: float = 0.0

    @property
    def explained(self) -> float:
        """Share of the variance after that the outcome before explains."""
        return 1 - self.sd_left**2 / self.sd_between**2 if self.sd_between else 0.0


def windows(grid: Grid | Absent, *, before: int, after: int) -> Windows | Absent:
    """Slide a window of `before` and one of `after` periods over the past.

    Raises
    ------
    PanelError
        The past is shorter than both together.
    """
    if not grid:
        return grid
    starts = split_points(grid, before=before, after=after)
    level, total, left, products, noise = [], [], [], [], []
    for split in starts:
        first, second = grid.window(split - before, split), grid.window(split, split + after)
        spread = np.cov(first, second)
        level.append(second.mean())
        total.append(spread[1, 1])
        slope = spread[0, 1] / spread[0, 0] if spread[0, 0] else 0.0
        n = len(first)
        noise.append((second * grid.multiplier / grid.exposure(split, split + after)).mean())
        left.append((spread[1, 1] - slope * spread[0, 1]) * (n - 1) / max(1, n - 2))
        products.append(
            spread[0, 1] / math.sqrt(spread[0, 0] * spread[1, 1]) if spread.all() else 0
        )
    return Windows(
        float(np.mean(level)),
        math.sqrt(np.mean(total)),
        math.sqrt(np.mean(left)),
        float(np.mean(products)),
        len(starts),
        float(np.mean(noise)) if grid.is_count else 0.0,
    )


def split_points(grid: Grid, *, before: int, after: int) -> np.ndarray:
    """Positions at which a start could have been: `before` periods fit ahead, `after` behind."""
    n_periods = grid.counts.shape[1]
    if before < 0 or after < 1 or before + after > n_periods:
        raise PanelError(
            f"A baseline of {before} and a follow-up of {after} periods do not fit into the "
            f"{n_periods} "
            "periods of the past. Shorten them, or find a longer series."
        )
    return np.arange(before, n_periods - after + 1)


@dataclass(frozen=True)
class Baseline(Shown):
    """The facts of the past that a design rests on.

    Attributes
    ----------
    level : float
        Outcome per period, over all areas together.
    clustering : Clustering
        Intracluster correlation between people within a period; sizes of clusters.
    correlation : float
        Between an area's outcomes in one half of the past and in the other.
    not_people : str
        Why the intracluster correlation is missing; empty where it is not.
    """

    level: float
    n_periods: int
    clustering: Clustering
    correlation: float
    not_people: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """One row per fact: what it is and its value."""
        facts = {
            "Level per period": self.level,
            "Clusters": self.clustering.n_clusters,
            "People per cluster": self.clustering.mean_size,
            "Variation of cluster size (cv)": self.clustering.size_cv,
            "Intracluster correlation, people": self.clustering.icc,
            "Correlation of the past's two halves": self.correlation,
        }
        return pd.DataFrame({"fact": list(facts), "value": list(facts.values())})

    def sentence(self) -> wording.Sentence:
        """The facts in one line."""
        icc = f"people of one area are alike (intracluster correlation {self.clustering.icc:.4f})"
        if self.not_people:
            icc = f"how alike people of one area are is not known, because {self.not_people}"
        return wording.Sentence(
            f"Over {wording.counted(self.n_periods, 'period')} in "
            f"{wording.counted(self.clustering.n_clusters, 'area')} the level was "
            f"{wording.number(self.level)} a period; {icc}; areas stay as they are (correlation "
            f"{self.correlation:.2f} between the two halves of the past)."
        )


def describe_baseline(grid: Grid | Absent) -> Baseline | Absent:
    """Level and likeness of a panel, for planning.

    The correlation between people is worked out period by period and averaged; events that a
    person can have more than once are taken as Poisson.
    """
    if not grid:
        return grid
    n = len(grid.periods)
    halves = grid.window(0, n // 2), grid.window(n // 2, n)
    return Baseline(
        level=float(grid.multiplier * grid.counts.sum() / grid.base.sum()),
        n_periods=n,
        clustering=_clustering(grid),
        correlation=float(np.corrcoef(*halves)[0, 1]),
        not_people=grid.not_people,
    )


def _clustering(grid: Grid) -> Clustering:
    """Between people, pooled over periods: mean squares are averaged before they are compared.

    Missing but for the sizes where people are not counted once each.
    """
    sizes = grid.base.mean(axis=1)
    cv = float(sizes.std(ddof=1) / sizes.mean())
    if grid.not_people:
        size = float(sizes.mean()) if (grid.base != 1).any() else math.nan
        return Clustering(*[math.nan] * 4, len(sizes), size, cv)
    rare = grid.is_count and bool((grid.counts > grid.base).any() or _is_rate(grid))
    found = [
        icc_of_counts(c, b, rare=rare) for c, b in zip(grid.counts.T, grid.base.T, strict=True)
    ]
    between, within = (
        float(np.mean([getattr(f, n) for f in found])) for n in ("between", "within")
    )
    n0 = float(np.mean([f.n0 for f in found]))
    total = between + (n0 - 1) * within
    icc = (between - within) / total if total > 0 else 0.0
    return Clustering(icc, between, within, n0, len(sizes), float(sizes.mean()), cv)


def _is_rate(grid: Grid) -> bool:
    """Whether it counts events; where that is not said, whether it is quoted per 1,000 or so."""
    if grid.value_type:
        return grid.value_type != "proportion"
    return grid.multiplier not in (1.0, 100.0)
