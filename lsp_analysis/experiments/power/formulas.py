"""Power by formula: two groups, clusters of unequal size, change scores. Two-sided throughout.

With few clusters a normal approximation promises too much power, so clusters are judged by
Student's t with as many degrees of freedom as clusters leave; the normal version is an option,
for comparison with published numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq
from scipy.stats import nct, norm, t

from lsp_analysis.errors import ParameterError


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


def sample_size_proportions(
    p1: float, p2: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """People per group to tell two proportions apart (as R's power.prop.test)."""
    _check_shares(p1=p1, p2=p2, power=power, alpha=alpha)
    if p1 == p2:
        raise ParameterError("The two proportions are equal: there is no difference to find.")
    middle = (p1 + p2) / 2
    apart = norm.isf(alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    seen = norm.ppf(power) * math.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
    return ((apart + seen) / (p1 - p2)) ** 2


def sample_size_means(delta: float, sd: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """People per group to find a difference `delta` in means (as R's power.t.test)."""
    _check_shares(power=power, alpha=alpha)
    if delta == 0 or sd <= 0:
        raise ParameterError(f"delta is {delta} and sd {sd}: give a difference and a spread.")

    def lacking(n: float) -> float:
        return power_t(abs(delta) / (sd * math.sqrt(2 / n)), 2 * n - 2, alpha=alpha) - power

    return _root(lacking, 2.0, 1e7)


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
    clusters: float | tuple[float, float],
    m: float,
    icc: float,
    cv: float = 0.0,
    explained: float = 0.0,
    lost_df: int = 0,
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
    clusters : number, or pair of numbers
        Clusters per arm.
    m, icc, cv : float
        As for `design_effect`.
    explained : float from 0 up to, not including, 1
        Share of the variance between cluster means that covariates explain: the squared
        correlation with the outcome before, for an analysis of covariance.
    lost_df : int
        Covariates and blocks adjusted for, each of which costs a degree of freedom.
    normal : bool
        Whether to use the normal in place of t.
    """
    _check_shares(icc=icc, explained=explained, alpha=alpha)
    arms = clusters if isinstance(clusters, tuple) else (clusters, clusters)
    variance = sd**2 * design_effect(m, icc, cv) / m * (1 - explained)
    return _two_arm_power(effect, variance, arms, lost_df, alpha, normal)


def difference_in_differences_power(
    effect: float,
    *,
    sd: float,
    clusters: float | tuple[float, float],
    correlation: float,
    before: int = 1,
    after: int = 1,
    adjusted: bool = True,
    lost_df: int = 0,
    alpha: float = 0.05,
    normal: bool = False,
) -> float:
    """Power when clusters are measured before and after (Frison and Pocock 1992).

    Parameters
    ----------
    effect, clusters, lost_df, alpha, normal
        As for `cluster_power`.
    sd : float
        Standard deviation between clusters of one period's cluster mean.
    correlation : float
        Between two periods' means of the same cluster, whichever two.
    before, after : int
        Periods measured on either side of the start.
    adjusted : bool
        Whether the mean before is a covariate (analysis of covariance); otherwise it is subtracted
        (difference-in-differences), which is worse unless the correlation is high.
    """
    _check_shares(correlation=correlation, alpha=alpha)
    arms = clusters if isinstance(clusters, tuple) else (clusters, clusters)
    own = [(1 + (n - 1) * correlation) / n for n in (before, after)]
    variance = own[1] - correlation**2 / own[0] if adjusted else own[0] + own[1] - 2 * correlation
    return _two_arm_power(effect, sd**2 * variance, arms, lost_df + adjusted, alpha, normal)


def smallest_effect(
    power_of: Callable[[float], float], *, power: float = 0.8, largest: float = 1e6
) -> float:
    """The effect at which `power_of` reaches `power`; infinite if none up to `largest` does."""
    if power_of(largest) < power:
        return math.inf
    return _root(lambda effect: power_of(effect) - power, 0.0, largest)


def mde_cluster_proportion(
    p0: float,
    *,
    clusters_per_arm: float,
    m: float,
    icc: float,
    cv: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    normal: bool = False,
) -> float:
    """Smallest difference from a proportion `p0` that can be found, as a share (0.05 is 5 points).

    The variance is that of `p0` in both arms. By default by Student's t with two degrees of freedom
    fewer than there are clusters; with `normal`, by the normal approximation.
    """
    _check_shares(p0=p0, power=power)
    if normal:
        needed = norm.isf(alpha / 2) + norm.ppf(power)
        return needed * math.sqrt(2 * p0 * (1 - p0) / effective_size(clusters_per_arm, m, icc, cv))
    arms = {"clusters": clusters_per_arm, "m": m, "icc": icc, "cv": cv, "alpha": alpha}
    sd = math.sqrt(p0 * (1 - p0))
    return smallest_effect(lambda d: cluster_power(d, sd=sd, **arms), power=power, largest=100.0)


def effective_size(clusters: float, m: float, icc: float, cv: float = 0.0) -> float:
    """People drawn one by one who would tell as much as the people of these clusters."""
    return clusters * m / design_effect(m, icc, cv)


def _two_arm_power(
    effect: float,
    variance: float,
    arms: tuple[float, float],
    lost_df: int,
    alpha: float,
    normal: bool,
) -> float:
    """Power from the variance of one cluster's mean (or change) and the clusters per arm."""
    error = math.sqrt(variance * (1 / arms[0] + 1 / arms[1]))
    if error == 0:
        return 1.0 if effect else alpha
    if normal:
        return power_z(effect / error, alpha=alpha)
    df = arms[0] + arms[1] - 2 - lost_df
    return power_t(abs(effect) / error, df, alpha=alpha) if df >= 1 else 0.0


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses zero, looked for upwards from `low`; `low` if it is above."""
    if function(low) >= 0:
        return low
    while function(min(2 * low + 1e-9, high)) < 0 and 2 * low + 1e-9 < high:
        low = 2 * low + 1e-9
    return float(brentq(function, low, min(2 * low + 1e-9, high), xtol=1e-10, rtol=1e-12))


def _check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ParameterError(f"{name} is {value}. Give a share from 0 to 1.")
