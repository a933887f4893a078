"""Areas near one another say less than as many far apart: what that does to errors."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import dijkstra

from lsp_analysis.effects.one_area.placebo import PlaceboPool

_STEPS = 4  # between areas whose residuals are taken to go together
_MOST = 0.9
_MOST_INFLATED = 1e6  # more than any map of areas can make of a variance
_FEWEST_INDEPENDENT = 4.0


def together(pool: PlaceboPool, residual: np.ndarray) -> float:
    """Correlation of standardised residuals of neighbouring comparison areas, from 0 to 0.9.

    Parameters
    ----------
    residual : float array (areas,)
    """
    if pool.adjacency is None:
        return 0.0
    near = _among(pool)
    known = residual[pool.comparison]
    if not near.any() or not known.any():
        return 0.0
    return float(np.clip((known @ near @ known) / (near.sum() * (known**2).mean()), 0, _MOST))


def spread_by_steps(near: np.ndarray, correlation: float) -> np.ndarray:
    """Powers of `correlation`, above 0, by steps between areas, 0 beyond four; float array (areas,
    areas).

    Parameters
    ----------
    near : bool array (areas, areas)
    """
    return correlation ** dijkstra(near, unweighted=True, limit=_STEPS)


def inflation(
    terms: np.ndarray,
    covariance: np.ndarray,
    rows: np.ndarray,
    pool: PlaceboPool,
    correlation: float,
) -> np.ndarray:
    """Variance of each neighbourhood's expectation as a multiple of what it would be were areas
    independent; float array (1 + B,), 1 or more.

    A level that is alike among neighbours, met by shocks that are, makes a regression less sure
    than its number of areas says (Conley 1999, J. Econometrics 92:1), and most where it reaches
    far. Residuals are taken to correlate by `correlation` to the power of the steps between areas.

    Parameters
    ----------
    terms : float array (1 + B, columns)
        Regression columns of each neighbourhood.
    covariance : float array (1 + B, columns, columns)
        Of the coefficients, in units of error variance, were areas independent.
    rows : float array (areas, columns)
        Regression columns of areas, weighted to even error variance.
    """
    if not correlation:
        return np.ones(len(terms))
    rows = rows[pool.comparison]
    pulls = np.einsum("gij,gj->gi", covariance, terms)
    linked = ((pulls @ (rows.T @ spread_by_steps(_among(pool), correlation) @ rows)) * pulls).sum(
        axis=1
    )
    alone = ((pulls @ (rows.T @ rows)) * pulls).sum(axis=1)
    sure = alone * _MOST_INFLATED > linked  # the rest is rounding
    return np.maximum(np.divide(linked, alone, out=np.ones(len(terms)), where=sure), 1)


def allowance(pool: PlaceboPool, correlation: float) -> float:
    """Factor on the treated neighbourhood's variance: the placebos' spread is itself an estimate.

    Student's t on as many degrees of freedom as there are independent placebos has variance
    ``df / (df - 2)``. Placebos that overlap count once, and less still where residuals of
    neighbours go together (for a first-order correlation r, the fraction (1 - r) / (1 + r)).
    """
    independent = pool.n_disjoint * (1 - correlation) / (1 + correlation)
    independent = max(independent, _FEWEST_INDEPENDENT)
    return independent / (independent - 2)


def _among(pool: PlaceboPool) -> np.ndarray:
    """Which comparison areas are neighbours; bool array (compared, compared)."""
    return pool.adjacency[np.ix_(pool.comparison, pool.comparison)]
