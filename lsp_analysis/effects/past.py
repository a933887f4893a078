"""The regression on the past that expectations come from, fitted for each neighbourhood without
it."""

from __future__ import annotations

import numpy as np

from lsp_analysis.effects.placebo import PlaceboPool

_AREAS_FOR_CURVE = 60
_LEAST_T2 = 0.1  # squared t that a curvature is given at the least


def past_terms(values: np.ndarray, comparison: np.ndarray) -> tuple[np.ndarray, bool]:
    """Columns of the regression: intercept, centred windows, and where there are areas enough the
    curvature of their mean (then True), for what regresses to the mean does not do so in a straight
    line."""
    centred = values - values[comparison].mean(axis=0)
    columns = [np.ones(len(values)), *centred.T]
    bent = comparison.sum() >= _AREAS_FOR_CURVE
    if bent:
        bend = centred.mean(axis=1) ** 2
        columns.append(bend - bend[comparison].mean())
    return np.column_stack(columns), bool(bent)


def curvature_ridge(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray, bent: bool
) -> np.ndarray:
    """Penalty on each column's coefficient: none, but for the curvature its squared standard error
    over its square.

    That draws a curvature of t standard errors to t^2 / (1 + t^2) of itself, the best that can be
    done for a coefficient of that size. In full it would cost more power at the end of the range,
    where the treated neighbourhood is, than it saves in bias where there is none.
    """
    ridge = np.zeros(terms.shape[1])
    if bent:
        squares, products = _normal_equations(terms, after, weights)
        inverse = np.linalg.inv(_steadied(squares.sum(axis=0)))
        coefficients = inverse @ products.sum(axis=0)
        rest = weights * (after - terms @ coefficients) ** 2
        variance = rest.sum() / max((weights > 0).sum() - len(ridge), 1)
        square = max(coefficients[-1] ** 2, _LEAST_T2 * variance * inverse[-1, -1])
        ridge[-1] = variance / square if square else 0.0
    return ridge


def _normal_equations(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each area's part of the cross-products."""
    squares = terms[:, :, None] * terms[:, None, :] * weights[:, None, None]
    return squares, terms * (weights * after)[:, None]


def fit_without(
    terms: np.ndarray,
    after: np.ndarray,
    weights: np.ndarray,
    pool: PlaceboPool,
    ridge: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (1 + B, terms) and their covariance in units of error variance, for each
    neighbourhood, fitted without its areas and without those next to it, as the treated one's are.

    The covariance is half-way between that of the penalised and of the full fit: a penalty learnt
    from the same areas makes a coefficient less certain than one known beforehand would.
    """
    squares, products = _normal_equations(terms, after, weights * pool.comparison)
    flat = squares.reshape(len(terms), -1)
    size = terms.shape[1]
    left_out = _left_out(pool, fewest=2 * size).astype(float)
    cross = (flat.sum(axis=0) - left_out @ flat).reshape(-1, size, size)
    inverse = np.linalg.inv(_steadied(cross + np.diag(ridge)))
    coefficients = np.einsum("gij,gj->gi", inverse, products.sum(axis=0) - left_out @ products)
    return coefficients, (inverse + np.linalg.inv(_steadied(cross))) / 2


def _left_out(pool: PlaceboPool, *, fewest: int) -> np.ndarray:
    """Areas of each neighbourhood and next to it, bool array (1 + B, areas); only its own where
    fewer than `fewest` others would be left."""
    if pool.adjacency is None:
        return pool.members
    wide = pool.members | (pool.members.astype(float) @ pool.adjacency > 0)
    enough = (pool.comparison & ~wide).sum(axis=1) >= fewest
    return np.where(enough[:, None], wide, pool.members)


def _steadied(cross: np.ndarray) -> np.ndarray:
    """Cross-products that can be inverted even where a window is the same in every area.

    A ridge in proportion to each column's own size, so that units do not matter.
    """
    own = np.einsum("...jj->...j", cross)
    return cross + np.where(own > 0, 1e-9 * own, 1.0)[..., None] * np.eye(cross.shape[-1])


def fit_common(
    terms: np.ndarray,
    after: np.ndarray,
    weights: np.ndarray,
    ridge: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fitted values for all areas from those with weight, each one's leverage, coefficients."""
    squares, products = _normal_equations(terms, after, weights)
    inverse = np.linalg.inv(_steadied(squares.sum(axis=0) + np.diag(ridge)))
    leverage = np.einsum("ai,ij,aj->a", terms, inverse, terms) * weights
    coefficients = inverse @ products.sum(axis=0)
    return terms @ coefficients, np.minimum(leverage, 0.9), coefficients
