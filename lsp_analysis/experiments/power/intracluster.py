"""How alike people of one cluster are: the intracluster correlation by analysis of variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import PanelError
from lsp_analysis.experiments.protocol.design import Outcome


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
    n_clusters, people = len(sizes), sizes.sum()
    codes = np.zeros(n_clusters, int) if arm is None else pd.factorize(np.asarray(arm))[0]
    n_arms = int(codes.max()) + 1
    of_arm = np.bincount(codes, sizes)
    middle = (np.bincount(codes, sizes * means) / of_arm)[codes]
    between = (sizes * (means - middle) ** 2).sum() / (n_clusters - n_arms)
    within = squares_within / (people - n_clusters)
    n0 = (people - (np.bincount(codes, sizes**2) / of_arm).sum()) / (n_clusters - n_arms)
    return Clustering(
        between=float(between),
        within=float(within),
        n0=float(n0),
        n_clusters=n_clusters,
        mean_size=float(sizes.mean()),
        size_cv=float(sizes.std(ddof=1) / sizes.mean()),
        n_arms=n_arms,
    )


def _check(sizes: np.ndarray) -> None:
    if len(sizes) < 2 or not (sizes > 0).all() or sizes.max() <= 1:
        raise PanelError(
            "An intracluster correlation needs two clusters or more with people in each, and more "
            f"than one person somewhere; there are {len(sizes)} clusters, the smallest with "
            f"{sizes.min() if len(sizes) else 0:g}."
        )
