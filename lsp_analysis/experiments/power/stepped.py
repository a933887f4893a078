"""The stepped wedge: every cluster gets the programme, in a random order of starts.

Power after Hussey and Hughes (2007): outcomes have a mean per period, a random level per cluster
that stays, and sampling error; the effect is estimated by generalised least squares on cluster-
period means. A correlation between periods that decays to a constant (the cluster autocorrelation
of Hooper and others 2016) is an option.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from lsp_analysis import figures
from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.power.formulas import power_t, power_z


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

    def frame(self, units: Sequence[str] = (), periods: Sequence[str] = ()) -> pd.DataFrame:
        """Columns ``cluster``, ``period``, ``treated``, for `figures.draw_wedge`."""
        names = list(units) or [f"Cluster {n}" for n in range(1, self.n_clusters + 1)]
        labels = list(periods) or [str(n) for n in range(1, self.n_periods + 1)]
        return pd.DataFrame(
            {
                "cluster": np.repeat(names, self.n_periods),
                "period": np.tile(labels, self.n_clusters),
                "treated": self.treated.ravel(),
            }
        )

    def plot(self, ax=None):
        """Who starts when."""
        return figures.draw_wedge(self.frame(), ax=ax)


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
    shrink = _shrinkage(sigma2 + passes, stays, design.n_periods)
    information = _information(treated, shrink) / (sigma2 + passes)
    return 1 / information


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
        Standard deviation between people; for proportions see `proportion_sigma`.
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
    return (
        power_z(signal, alpha=alpha)
        if normal
        else power_t(signal, design.n_clusters - 2, alpha=alpha)
    )


def proportion_sigma(mu0: float, mu1: float) -> float:
    """Standard deviation between people of a proportion half way between two."""
    middle = (mu0 + mu1) / 2
    if not 0 < middle < 1:
        raise ParameterError(f"Proportions {mu0} and {mu1} have no middle between 0 and 1.")
    return math.sqrt(middle * (1 - middle))


def simulate_wedge(
    design: Wedge,
    *,
    effect: float,
    sigma: float,
    tau: float,
    n: float,
    autocorrelation: float = 1.0,
    n_sims: int,
    seed: int | np.random.SeedSequence,
) -> np.ndarray:
    """Cluster-period means, simulations x clusters x periods, with a random level per period."""
    rng = np.random.default_rng(seed)
    shape = (n_sims, design.n_clusters, design.n_periods)
    level = rng.normal(0, tau * math.sqrt(autocorrelation), (*shape[:2], 1))
    passing = rng.normal(0, math.sqrt(tau**2 * (1 - autocorrelation) + sigma**2 / n), shape)
    return effect * design.treated + rng.normal(0, tau, (n_sims, 1, shape[2])) + level + passing


def wedge_estimates(means: np.ndarray, treated: np.ndarray) -> pd.DataFrame:
    """Generalised least squares on cluster-period means, all simulations at once.

    The share of variance that lies between clusters is estimated in each simulation from its own
    residuals (analysis of variance), as in a mixed model with a random level per cluster and a
    fixed mean per period.

    Parameters
    ----------
    means : array, simulations x clusters x periods
    treated : array, clusters x periods

    Returns
    -------
    DataFrame, one row per simulation: ``estimate``, ``error`` (standard error), ``df`` (degrees of
    freedom: clusters less two), ``p_value``.
    """
    n_clusters, n_periods = treated.shape
    centred = means - means.mean(axis=1, keepdims=True)
    exposure = treated - treated.mean(axis=0)
    within, between = _components(centred, exposure)
    shrink = 1 - np.sqrt(within / (within + n_periods * between))
    # Quasi-demeaned sums of squares and products: subtracting the share `shrink` of a row's mean.
    taken = n_periods * (2 * shrink - shrink**2)
    squares = (exposure**2).sum() - taken * (exposure.mean(axis=1) ** 2).sum()
    products = (centred * exposure).sum(axis=(1, 2))
    products -= taken * (centred.mean(axis=2) * exposure.mean(axis=1)).sum(axis=1)
    estimate, error = products / squares, np.sqrt(within / squares)
    df = n_clusters - 2
    return pd.DataFrame(
        {
            "estimate": estimate,
            "error": error,
            "df": df,
            "p_value": 2 * t.sf(abs(estimate / error), df),
        }
    )


def _components(centred: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance of a cluster-period mean within clusters, and between them (never negative)."""
    n_clusters, n_periods = exposure.shape
    own = exposure - exposure.mean(axis=1, keepdims=True)
    deviations = centred - centred.mean(axis=2, keepdims=True)
    effect = (deviations * own).sum(axis=(1, 2)) / (own**2).sum()
    left = deviations - effect[:, None, None] * own
    within = (left**2).sum(axis=(1, 2)) / ((n_clusters - 1) * (n_periods - 1) - 1)
    levels = centred.mean(axis=2) - effect[:, None] * exposure.mean(axis=1)
    between = (levels**2).sum(axis=1) / (n_clusters - 1) - within / n_periods
    return within, np.maximum(between, 0)


def _shrinkage(within: float, between: float, n_periods: int) -> float:
    """Share of a cluster's mean that generalised least squares subtracts from its periods."""
    return 1 - math.sqrt(within / (within + n_periods * between))


def _information(treated: np.ndarray, shrink: float) -> float:
    """Sum of squares of the exposure, cleared of periods and in part of clusters."""
    centred = treated - treated.mean(axis=0)
    taken = treated.shape[1] * (2 * shrink - shrink**2)
    return float((centred**2).sum() - taken * (centred.mean(axis=1) ** 2).sum())
