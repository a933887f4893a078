"""What the past says of an experiment to come: level, spread, windows, and how alike people of one
cluster are (the intracluster correlation by analysis of variance)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.experiments.protocol.design import Outcome
from lsp_analysis.experiments.protocol.reading import read_design
from lsp_analysis.experiments.protocol.unit_list import read_units
from lsp_analysis.showing import Absent, Shown
from lsp_analysis.study.store import Study

# kind of indicator -> why its numerators do not count people or events once each; empty if they do
NOT_PEOPLE = {
    "events": "",
    "share": "",
    "stock": "the same people are counted again in each period",
}
NOT_COUNTED = "these are values and no counts of people"


@dataclass(frozen=True)
class Clustering:
    """An intracluster correlation and what it was made from.

    Attributes
    ----------
    between, within : float
        Mean squares between and within clusters.
    n0 : float
        Mean cluster size that makes up for unequal sizes.
    n_arms : int
        Arms that clusters were compared within.
    """

    between: float
    within: float
    n0: float
    n_clusters: int
    mean_size: float
    size_cv: float
    n_arms: int = 1

    @property
    def icc(self) -> float:
        """As estimated; below zero where clusters differ less than chance alone would have them."""
        total = self.between + (self.n0 - 1) * self.within
        return 0.0 if total <= 0 else (self.between - self.within) / total

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of `icc` from the F ratio of the mean squares (Searle 1971)."""
        from scipy.stats import f

        if not self.within > 0:
            return math.nan, math.nan
        ratio, tail = self.between / self.within, (1 - level) / 2
        df = self.n_clusters - self.n_arms, self.n_clusters * (self.mean_size - 1)
        ends = (ratio / f.isf(tail, *df), ratio / f.isf(1 - tail, *df))
        low, high = ((end - 1) / (end + self.n0 - 1) for end in ends)
        return float(low), float(high)


def icc_anova(groups: Sequence[ArrayLike], arm: ArrayLike | None = None) -> Clustering:
    """Intracluster correlation from values, one array per cluster (Donner 1986).

    Parameters
    ----------
    groups : list of arrays
    arm : array, one per cluster, optional
        Arms of a trial: clusters are compared within their arm (Donner and Klar 2000, chapter 6).

    Raises
    ------
    PanelError
        Fewer than two clusters, an empty one, or one person in each.
    """
    clusters = [np.asarray(group, float) for group in groups]
    sizes = np.array([len(cluster) for cluster in clusters])
    _check(sizes)
    means = np.array([cluster.mean() for cluster in clusters])
    squares = sum(((x - m) ** 2).sum() for x, m in zip(clusters, means, strict=True))
    return _clustering(means, sizes, squares, arm)


def icc_of_counts(
    numerators: ArrayLike, sizes: ArrayLike, arm: ArrayLike | None = None, *, rare: bool = False
) -> Clustering:
    """The same from counts per cluster: yes or no for a proportion, events for a rate.

    Parameters
    ----------
    numerators, sizes : array, one number per cluster
        People (or events) counted, and people.
    arm : array, one per cluster, optional
        As for `icc_anova`.
    rare : bool
        Whether people can have more than one event, so that a person's variance is the rate itself
        (Poisson) rather than ``p (1 - p)``.
    """
    counts, sizes = np.asarray(numerators, float), np.asarray(sizes, float)
    _check(sizes)
    means = counts / sizes
    spread = means if rare else means * (1 - means)
    return _clustering(means, sizes, (sizes * spread).sum(), arm)


def icc_within(rows: pd.DataFrame, outcome: Outcome, arm_of: pd.Series) -> Clustering | None:
    """Intracluster correlation of an outcome within arms, for the next study; None where unknown.

    Rows are people of units, or units with the number of people who have the outcome (a
    percentage). Rates of events and single values have none.
    """
    known = rows[rows[outcome.name].notna()]
    if outcome.denominator:
        known = known[known[outcome.denominator] > 0]
    grouped = known.groupby("unit")
    arm = arm_of.reindex(list(grouped.groups))
    try:
        if outcome.denominator and outcome.unit == "percent":
            sums = grouped[[outcome.name, outcome.denominator]].sum()
            return icc_of_counts(sums[outcome.name], sums[outcome.denominator], arm)
        if outcome.denominator or grouped.size().max() < 2:
            return None
        return icc_anova([group.to_numpy() for _, group in grouped[outcome.name]], arm)
    except PanelError:
        return None


def _clustering(
    means: np.ndarray, sizes: np.ndarray, squares_within: float, arm: ArrayLike | None
) -> Clustering:
    n_clusters, people = len(sizes), float(sizes.sum())
    codes = np.zeros(n_clusters, int) if arm is None else pd.factorize(np.asarray(arm))[0]
    n_arms = int(codes.max()) + 1
    of_arm = np.bincount(codes, sizes)
    middle = (np.bincount(codes, sizes * means) / of_arm)[codes]
    between = (sizes * (means - middle) ** 2).sum() / (n_clusters - n_arms)
    within = squares_within / (people - n_clusters)
    n0 = (people - (np.bincount(codes, sizes**2) / of_arm).sum()) / (n_clusters - n_arms)
    cv = float(sizes.std(ddof=1) / sizes.mean())
    squares = (float(between), float(within), float(n0))
    return Clustering(*squares, n_clusters, float(sizes.mean()), cv, n_arms)


def _check(sizes: np.ndarray) -> None:
    if len(sizes) < 2 or not (sizes > 0).all() or sizes.max() <= 1:
        raise PanelError(
            "An intracluster correlation needs two clusters or more with people in each, and more "
            f"than one person somewhere; there are {len(sizes)} clusters, the smallest with "
            f"{sizes.min() if len(sizes) else 0:g}."
        )


@dataclass(frozen=True)
class Grid:
    """A panel as matrices, areas x periods, without gaps.

    Attributes
    ----------
    counts, base : array
        Numerators and denominators; values and ones where a panel has values only.
    multiplier : float
        The outcome is ``multiplier * counts / base``, over several periods that of their sums.
    kind : str
        The indicator's kind; "published" where there are values only.
    """

    areas: tuple[str, ...]
    periods: pd.PeriodIndex = field(repr=False)
    counts: np.ndarray = field(repr=False)
    base: np.ndarray = field(repr=False)
    multiplier: float
    kind: str

    @property
    def not_people(self) -> str:
        """Why numerators do not count people or events once each; empty where they do."""
        return NOT_PEOPLE.get(self.kind, NOT_COUNTED)

    def window(self, start: int, stop: int) -> np.ndarray:
        """Outcome of each area over the periods from `start` up to `stop`."""
        return self.multiplier * self.counts[:, start:stop].sum(axis=1) / self.exposure(start, stop)

    def exposure(self, start: int, stop: int) -> np.ndarray:
        """Denominator of each area over a window: the mean over its periods."""
        return self.base[:, start:stop].mean(axis=1)


def past_of(folder: str | Path, study: Study, indicator_id: str, *, start: str) -> Grid | Absent:
    """An indicator's periods before `start` in the areas that `folder`'s design would draw from.

    Without an `indicator_id` it is the study's main outcome. Absent where the units are no areas of
    the study (schools, streets, another borough).

    Raises
    ------
    DesignError
        The design or its file of units cannot be read.
    StudyError, PanelError
        The study has no such indicator, or too few of the units have a value in every period.
    """
    design, indicator_id = read_design(folder), study.main_outcome(indicator_id)
    units = read_units(Path(folder) / design.randomisation.units, design)["unit"]
    panel = study.panel(indicator_id)
    past = panel[
        panel["area_code"].isin(units)
        & (panel["period"] < pd.Period(str(start), freq=panel["period"].dt.freq))
    ]
    if past["area_code"].nunique() < 2:
        return Absent(
            f"The units of {folder} are not areas of this study, so its past says nothing of them. "
            "Name the study of your areas; without one, power rests on planning.sd of the design."
        )
    kind = study.indicator(indicator_id).kind
    return grid_of(past, multiplier=design.outcome.multiplier, kind=kind)


def grid_of(panel: pd.DataFrame, *, multiplier: float = 1.0, kind: str = "events") -> Grid:
    """A panel (``area_code``, ``period``, ``numerator``, ``denominator`` or ``value``) as a grid.

    Over a window, numerators add up and denominators are averaged: twelve months of incidents per
    1,000 residents are incidents a year per 1,000.

    Parameters
    ----------
    multiplier : float
        The outcome is this many times numerator over denominator.
    kind : str
        The indicator's kind.

    Raises
    ------
    PanelError
        Fewer than two areas have a value in every period.
    """
    wide = panel.pivot(index="area_code", columns="period")  # noqa: PD010
    if "numerator" in wide and panel["numerator"].notna().any():
        counts, base = wide["numerator"], wide["denominator"]
    else:  # the mean over a window is that of values
        counts, kind = wide["value"] / wide["value"].shape[1], "published"
        base = counts * 0 + 1.0
    whole = (counts.notna() & (base > 0)).all(axis=1)
    if whole.sum() < 2:
        raise PanelError(
            f"Only {int(whole.sum())} of {len(whole)} areas have a value in every period. Leave "
            "out the periods with gaps."
        )
    counts, base = counts[whole], base[whole]
    periods, numbers = pd.PeriodIndex(counts.columns), counts.to_numpy(float)
    return Grid(tuple(counts.index), periods, numbers, base.to_numpy(float), multiplier, kind)


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
    per_event : float
        Variance that chance adds to an outcome by deciding of each event whether it happens, per
        share of events decided so; zero where the outcome does not count events.
    """

    level: float
    sd_between: float
    sd_left: float
    per_event: float = 0.0


def windows(grid: Grid | Absent, *, before: int, after: int) -> Windows | Absent:
    """Slide a window of `before` and one of `after` periods over the past.

    Raises
    ------
    PanelError
        The past is shorter than both together.
    """
    if not grid:
        return grid
    n_areas, n_periods = grid.counts.shape
    if before < 1 or after < 1 or before + after > n_periods:
        raise PanelError(
            f"A baseline of {before} and a follow-up of {after} periods do not fit into the "
            f"{n_periods} periods of the past. Give each at least one, shorten them, or find a "
            "longer series."
        )
    found = []
    for split in range(before, n_periods - after + 1):
        first, second = grid.window(split - before, split), grid.window(split, split + after)
        spread = np.cov(first, second)
        slope = spread[0, 1] / spread[0, 0] if spread[0, 0] else 0.0
        left = (spread[1, 1] - slope * spread[0, 1]) * (n_areas - 1) / max(1, n_areas - 2)
        noise = (second * grid.multiplier / grid.exposure(split, split + after)).mean()
        found.append((second.mean(), spread[1, 1], left, noise))
    level, total, left, noise = map(float, np.mean(found, axis=0))
    return Windows(level, math.sqrt(total), math.sqrt(left), 0.0 if grid.not_people else noise)


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
    n, sizes, squares = len(grid.periods), grid.base.mean(axis=1), (math.nan,) * 3
    if not grid.not_people:  # mean squares are averaged over periods before they are compared
        rare, periods = grid.kind == "events", zip(grid.counts.T, grid.base.T, strict=True)
        found = [icc_of_counts(counts, base, rare=rare) for counts, base in periods]
        squares = np.mean([(one.between, one.within, one.n0) for one in found], axis=0).tolist()
    size = float(sizes.mean()) if (grid.base != 1).any() else math.nan
    cv = float(sizes.std(ddof=1) / sizes.mean())
    clustering = Clustering(*squares, len(sizes), size, cv)
    halves = grid.window(0, n // 2), grid.window(n // 2, n)
    level = float(grid.multiplier * grid.counts.sum() / grid.base.sum())
    correlation = float(np.corrcoef(*halves)[0, 1])
    return Baseline(level, n, clustering, correlation, grid.not_people)
