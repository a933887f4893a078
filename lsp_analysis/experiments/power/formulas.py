"""Power by formula: clusters of unequal size in two arms, and stepped wedges. Two-sided throughout.

With few clusters a normal approximation promises too much power, so clusters are judged by
Student's t with as many degrees of freedom as clusters leave; the normal version is an option,
for comparison with published numbers.

In a stepped wedge every cluster gets the programme, in a random order of starts. Its power is after
Hussey and Hughes (2007): outcomes have a mean per period, a random level per cluster that stays,
and sampling error; the effect is estimated by generalised least squares on cluster-period means. A
correlation between periods that decays to a constant (the cluster autocorrelation of Hooper and
others 2016) is an option.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import nct, norm, t

from lsp_analysis.errors import DesignError, ParameterError


def sample_size(p1: float, p2: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """People per group to tell two proportions apart where people themselves are drawn.

    Parameters
    ----------
    p1, p2 : float between 0 and 1
        The two proportions.
    power, alpha : float between 0 and 1
        Probability of finding the difference, and two-sided level of the test.

    Returns
    -------
    float
        Not rounded up. By the normal approximation with the pooled variance under no difference
        (Fleiss, Levin and Paik 2003, section 4.2), as R's ``power.prop.test`` has it.

    Raises
    ------
    ParameterError
        A share is not between 0 and 1, or the two are equal.
    """
    for name, share in {"p1": p1, "p2": p2, "power": power, "alpha": alpha}.items():
        if not 0 < share < 1:
            raise ParameterError(f"{name} is {share!r}, and lies between 0 and 1.")
    if p1 == p2:
        raise ParameterError("The two proportions are equal: there is no difference to find.")
    middle = (p1 + p2) / 2
    apart = norm.isf(alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    seen = norm.ppf(power) * math.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
    return float(((apart + seen) / (p1 - p2)) ** 2)


def design_effect(m: float, icc: float, cv: float = 0.0) -> float:
    """How many times more people clusters need than people drawn one by one.

    Parameters
    ----------
    m : float
        Mean number of people per cluster.
    icc : float
        Intracluster correlation.
    cv : float
        Standard deviation of cluster sizes over their mean (Eldridge, Ashby and Kerry 2006).
    """
    return 1 + ((1 + cv**2) * m - 1) * icc


def power_t(signal: float, df: float, *, alpha: float = 0.05) -> float:
    """Power of a t-test whose statistic has noncentrality `signal`, on the side of the effect."""
    return float(nct.sf(t.isf(alpha / 2, df), df, signal))


def power_z(signal: float, *, alpha: float = 0.05) -> float:
    """Power of a Wald test whose statistic has mean `signal` and standard deviation 1."""
    bound = norm.isf(alpha / 2)
    return float(norm.sf(bound - abs(signal)) + norm.cdf(-bound - abs(signal)))


def cluster_power(
    effect: float,
    *,
    sd: float,
    clusters: float,
    m: float,
    icc: float,
    cv: float = 0.0,
    alpha: float = 0.05,
    normal: bool = False,
) -> float:
    """Power of a parallel experiment with clusters, for a difference in means.

    Parameters
    ----------
    effect : float
        Difference between arms, in the units of `sd`.
    sd : float
        Standard deviation between people; ``sqrt(p (1 - p))`` for a proportion.
    clusters : float
        Clusters per arm.
    m, icc, cv : float
        As for `design_effect`.
    normal : bool
        Whether to use the normal in place of t with two degrees of freedom fewer than clusters.
    """
    for name, value in {"icc": icc, "alpha": alpha}.items():
        if not 0 <= value <= 1:
            raise ParameterError(f"{name} is {value}. Give a share from 0 to 1.")
    error = sd * math.sqrt(design_effect(m, icc, cv) / m * 2 / clusters)
    if error == 0:
        return 1.0 if effect else alpha
    if normal:
        return power_z(effect / error, alpha=alpha)
    df = 2 * clusters - 2
    return power_t(abs(effect) / error, df, alpha=alpha) if df >= 1 else 0.0


def smallest_effect(
    power_of: Callable[[float], float], *, power: float = 0.8, largest: float = 1e6
) -> float:
    """The effect at which `power_of` reaches `power`; infinite if none up to `largest` does."""
    if power_of(largest) < power:
        return math.inf
    if power_of(0.0) >= power:  # the level alone is as high
        return 0.0
    high = 1e-9
    while power_of(high) < power:  # power rises with the effect
        high *= 2
    found = brentq(lambda x: power_of(x) - power, 0.0, min(high, largest), xtol=1e-10, rtol=1e-12)
    return float(found)


@dataclass(frozen=True)
class Wedge:
    """A stepped wedge before it is randomised.

    Attributes
    ----------
    clusters_per_step : tuple of int
        Clusters that start at each step, the first step being in the second period.
    n_periods : int
        Periods; one more than steps unless periods are added at the end.
    """

    clusters_per_step: tuple[int, ...]
    n_periods: int

    @property
    def treated(self) -> np.ndarray:
        """Clusters x periods: whether the programme is there."""
        starts = np.repeat(np.arange(1, len(self.clusters_per_step) + 1), self.clusters_per_step)
        return np.arange(self.n_periods) >= starts[:, None]

    @property
    def n_clusters(self) -> int:
        """Clusters in all."""
        return int(sum(self.clusters_per_step))

    def frame(self, periods: Sequence[str], units: Sequence[str] = ()) -> pd.DataFrame:
        """Columns ``cluster``, ``period``, ``treated``, for `figures.draw_wedge`."""
        names = list(units) or [f"Cluster {n}" for n in range(1, self.n_clusters + 1)]
        index = pd.MultiIndex.from_product([names, periods], names=["cluster", "period"])
        return pd.Series(self.treated.ravel(), index, name="treated").reset_index()


def wedge(clusters_per_step: Sequence[int], n_periods: int | None = None) -> Wedge:
    """A wedge with these clusters starting at each step.

    Raises
    ------
    DesignError
        Clusters start at fewer than two steps, or there are too few periods for the steps.
    """
    steps = tuple(int(n) for n in clusters_per_step)
    periods = len(steps) + 1 if n_periods is None else n_periods
    if min(steps, default=0) < 0 or sum(n > 0 for n in steps) < 2 or periods <= len(steps):
        raise DesignError(
            f"A wedge with steps {list(steps)} in {periods} periods cannot be analysed. Clusters "
            "must start at two steps or more, and there must be more periods than steps."
        )
    return Wedge(steps, periods)


def wedge_variance(
    design: Wedge, *, sigma2: float, tau2: float, autocorrelation: float = 1.0
) -> float:
    """Variance of the effect when variances are known.

    Parameters
    ----------
    sigma2 : float
        Sampling variance of one cluster-period mean (between people, over people per mean).
    tau2 : float
        Variance between clusters within a period.
    autocorrelation : float from 0 to 1
        Share of `tau2` that stays with a cluster from period to period (1: Hussey and Hughes).
    """
    treated = design.treated.astype(float)
    stays, passes = tau2 * autocorrelation, tau2 * (1 - autocorrelation)
    within = sigma2 + passes
    # what least squares takes of a cluster's mean from its periods, and what is then left of the
    # exposure cleared of periods
    taken = design.n_periods * (1 - within / (within + design.n_periods * stays))
    centred = treated - treated.mean(axis=0)
    left = (centred**2).sum() - taken * (centred.mean(axis=1) ** 2).sum()
    return float(within / left)


def wedge_power(
    effect: float,
    design: Wedge,
    *,
    sigma: float,
    tau: float,
    n: float,
    autocorrelation: float = 1.0,
    alpha: float = 0.05,
    normal: bool = False,
) -> float:
    """Power of a stepped wedge, people being new in each period.

    Parameters
    ----------
    effect : float
        Difference that the programme makes to a mean.
    sigma : float
        Standard deviation between people; for a proportion ``sqrt(p (1 - p))`` at its middle.
    tau : float
        Standard deviation between clusters.
    n : float
        People per cluster and period.
    normal : bool
        Wald test with the normal, as Hussey and Hughes have it; otherwise Student's t with two
        degrees of freedom fewer than clusters, which is safe with few of them.
    """
    variance = wedge_variance(
        design, sigma2=sigma**2 / n, tau2=tau**2, autocorrelation=autocorrelation
    )
    signal = abs(effect) / math.sqrt(variance)
    if normal:
        return power_z(signal, alpha=alpha)
    return power_t(signal, design.n_clusters - 2, alpha=alpha)
