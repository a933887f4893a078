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

from lsp_analysis import figures
from lsp_analysis.errors import DesignError
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
    return (
        power_z(signal, alpha=alpha)
        if normal
        else power_t(signal, design.n_clusters - 2, alpha=alpha)
    )


def _shrinkage(within: float, between: float, n_periods: int) -> float:
    """Share of a cluster's mean that generalised least squares subtracts from its periods."""
    return 1 - math.sqrt(within / (within + n_periods * between))


def _information(treated: np.ndarray, shrink: float) -> float:
    """Sum of squares of the exposure, cleared of periods and in part of clusters."""
    centred = treated - treated.mean(axis=0)
    taken = treated.shape[1] * (2 * shrink - shrink**2)
    return float((centred**2).sum() - taken * (centred.mean(axis=1) ** 2).sum())
