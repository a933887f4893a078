"""Power by formula: clusters of unequal size in two arms. Two-sided throughout.

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
    for name, share in (("p1", p1), ("p2", p2), ("power", power), ("alpha", alpha)):
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
    clusters: float | tuple[float, float],
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
    clusters : number, or pair of numbers
        Clusters per arm.
    m, icc, cv : float
        As for `design_effect`.
    normal : bool
        Whether to use the normal in place of t with two degrees of freedom fewer than clusters.
    """
    for name, value in {"icc": icc, "alpha": alpha}.items():
        if not 0 <= value <= 1:
            raise ParameterError(f"{name} is {value}. Give a share from 0 to 1.")
    arms = clusters if isinstance(clusters, tuple) else (clusters, clusters)
    error = sd * math.sqrt(design_effect(m, icc, cv) / m * (1 / arms[0] + 1 / arms[1]))
    if error == 0:
        return 1.0 if effect else alpha
    if normal:
        return power_z(effect / error, alpha=alpha)
    df = arms[0] + arms[1] - 2
    return power_t(abs(effect) / error, df, alpha=alpha) if df >= 1 else 0.0


def smallest_effect(
    power_of: Callable[[float], float], *, power: float = 0.8, largest: float = 1e6
) -> float:
    """The effect at which `power_of` reaches `power`; infinite if none up to `largest` does."""
    if power_of(largest) < power:
        return math.inf
    return _root(lambda effect: power_of(effect) - power, 0.0, largest)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses zero, looked for upwards from `low`; `low` if it is above."""
    if function(low) >= 0:
        return low
    while function(min(2 * low + 1e-9, high)) < 0 and 2 * low + 1e-9 < high:
        low = 2 * low + 1e-9
    return float(brentq(function, low, min(2 * low + 1e-9, high), xtol=1e-10, rtol=1e-12))
