"""The expectation an effect is judged by: what areas that looked alike before went on to do.

Every neighbourhood, treated or placebo, is predicted from its own past by a regression fitted on
areas that it shares nothing with, so all are judged alike. A regression, and not a hard cut,
adjusts for the level before, because few areas are as bad as one picked for looking worst.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from lsp_analysis.effects.judgement import Judgement
from lsp_analysis.effects.placebo import PlaceboPool
from lsp_analysis.effects.scale import CountScale, IdentityScale, count_scale
from lsp_analysis.effects.windows import Ledger, windows_before

_ROUNDS = 3  # of weighting; the variance settles after two
_AREAS_PER_TERM = 10
_AREAS_FOR_CURVE = 60
_FEWEST_INDEPENDENT = 4.0
_LEAST_T2 = 0.1  # squared t that a curvature is given at the least


def judge(ledger: Ledger, pool: PlaceboPool, *, start: int, stop: int | None = None) -> Judgement:
    """Judge the treated neighbourhood and its placebos against their expectations.

    Analysis of covariance, by area, of the outcome after the start on the outcome in windows before
    it, with curvature where there are areas enough, fitted without the neighbourhood judged. Errors
    are scaled for exposure (Ferman and Pinto 2019), for how noise that is not even grows with the
    level, for shocks that areas of a neighbourhood share, for how far the expectation reaches, and,
    for the treated one, for how few independent placebos the scale itself was learnt from.

    Parameters
    ----------
    start, stop : int
        Positions of the first period after the start, and one past the last.
    """
    scale, values, after, lengths = _transformed(ledger, pool.comparison, start, stop)
    terms, bent = _terms(values, pool.comparison)
    total, exposure = ledger.sums(start, stop or len(ledger.periods))
    weights = np.ones(len(terms))
    for _ in range(_ROUNDS):
        ridge = _ridge(terms, after, weights * pool.comparison, bent)
        coefficients, covariance = _fit_without(terms, after, weights, pool, ridge)
        common, leverage, slopes = _fit_common(terms, after, weights * pool.comparison, ridge)
        poisson = scale.noise(scale.expected(common, exposure), exposure)
        scale = scale.fitted(
            common[pool.comparison], ((after - common) ** 2 / (1 - leverage))[pool.comparison]
        )
        spread = scale.spread(common)
        slope = scale.slope(common) * spread
        shock, noise = _variance_parts(
            (after - common) / slope,
            poisson,
            leverage,
            pool.comparison,
            known=1 + float(slopes[1 : 1 + len(lengths)] ** 2 @ lengths) if ledger.counts else None,
        )
        variance = slope**2 * (shock + noise * poisson)
        weights = np.median(variance[pool.comparison]) / variance
    members = pool.members
    lift = np.exp(shock / 2) if scale.relative else 1.0
    parts = scale.expected(coefficients @ terms.T, exposure) * lift * members
    size = parts if scale.relative else exposure * members
    share = size / size.sum(axis=1, keepdims=True)
    felt = share * spread
    alone = (felt**2).sum(axis=1)
    shared = _shared_shock((after - common) / slope, share[1:], shock)
    group_shock = shock * alone + shared * (felt.sum(axis=1) ** 2 - alone)
    expected = parts.sum(axis=1) * (np.exp(-group_shock / 2) if scale.relative else 1.0)
    reach = _reach((share * spread / slope) @ terms, covariance) * np.median(
        variance[pool.comparison]
    )
    allowance = np.ones(len(members))
    allowance[0] = _allowance(pool, (after - common) / np.sqrt(variance))
    return Judgement(
        total=members @ total,
        exposure=members @ exposure,
        expected=expected,
        fixed=allowance * (group_shock + reach),
        noise=allowance * noise * (share * spread**2).sum(axis=1),
        before=(members * exposure) @ values.mean(axis=1) / (members @ exposure),
        scale=scale,
    )


def _transformed(
    ledger: Ledger, comparison: np.ndarray, start: int, stop: int | None
) -> tuple[CountScale | IdentityScale, np.ndarray, np.ndarray, np.ndarray]:
    """Scale; transformed outcomes before (areas, windows) and after the start (areas,); exposure
    after the start as a multiple of each window's (windows,)."""
    most = int(np.clip(comparison.sum() // _AREAS_PER_TERM - 1, 1, 3))
    windows = windows_before(start, ledger.cycle, most)
    scale = _count_scale(ledger, comparison, start) if ledger.counts else IdentityScale()
    windows.append((start, stop or len(ledger.periods)))
    sums = [ledger.sums(*window) for window in windows]
    values = np.column_stack(
        [scale.transform(total, np.where(known > 0, known, np.nan)) for total, known in sums]
    )
    values = _filled(values, comparison)
    exposures = np.array([known[comparison].sum() for _, known in sums])
    return scale, values[:, :-1], values[:, -1], exposures[-1] / exposures[:-1]


def _filled(values: np.ndarray, comparison: np.ndarray) -> np.ndarray:
    """Windows in which an area has no data: as far from the others as it is in its other windows.

    Only treated areas, of which some values may be missing, and areas that take no part have any.
    """
    gone = np.isnan(values)
    middle = values[comparison].mean(axis=0)
    apart = np.where(gone, 0, values - middle).sum(axis=1) / np.maximum((~gone).sum(axis=1), 1)
    return np.where(gone, middle + apart[:, None], values)


def _count_scale(ledger: Ledger, comparison: np.ndarray, start: int) -> CountScale:
    """Scale whose dispersion is that of comparison areas over the last two years before the
    start."""
    year = min(ledger.cycle, start // 2)
    recent, recent_exposure = ledger.sums(start - year, start)
    earlier, earlier_exposure = ledger.sums(start - 2 * year, start - year)
    parts = (earlier, recent, earlier_exposure, recent_exposure)
    return count_scale(*(part[comparison] for part in parts))


def _terms(values: np.ndarray, comparison: np.ndarray) -> tuple[np.ndarray, bool]:
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


def _ridge(terms: np.ndarray, after: np.ndarray, weights: np.ndarray, bent: bool) -> np.ndarray:
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


def _fit_without(
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


def _fit_common(
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


def _variance_parts(
    residual: np.ndarray,
    poisson: np.ndarray,
    leverage: np.ndarray,
    comparison: np.ndarray,
    *,
    known: float | None,
) -> tuple[float, float]:
    """Shock variance and multiple of Poisson variance, per area, in squared units of effect.

    Non-negative least squares of squared residuals (HC2). For counts the multiple is drawn towards
    what it is when events are independent, `known`, unless far above it, for the areas alone say
    too little of it: 1 for the events after the start, and for those of each window before it the
    square of its coefficient, in proportion to how much longer the time after is.
    """
    keep = comparison
    squared = (residual**2 / (1 - leverage))[keep]
    if np.ptp(poisson[keep]) < 1e-9 * poisson[keep].mean():
        return float(squared.mean()), 0.0
    parts = np.column_stack([np.ones(keep.sum()), poisson[keep]])
    weight = 1 / (np.median(squared) + parts[:, 1])
    shock, noise = nnls(parts * weight[:, None], squared * weight)[0]
    if known is None:
        return max(float(shock), 1e-12), float(noise)
    given = ((squared - known * poisson[keep]) * weight**2).sum() / (weight**2).sum()
    return max((shock + max(given, 0.0)) / 2, 1e-6), max((noise + known) / 2, noise - 1)


def _shared_shock(residual: np.ndarray, share: np.ndarray, shock: float) -> float:
    """Covariance of shocks between areas of one placebo neighbourhood; 0 at the least, `shock` at
    the most."""
    inside = (share > 0).astype(float)
    pairs = inside.sum(axis=1) * (inside.sum(axis=1) - 1)
    if not pairs.any():
        return 0.0
    products = (inside @ residual) ** 2 - inside @ residual**2
    return float(np.clip(products.sum() / pairs.sum(), 0, shock))


def _reach(terms: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Variance of each neighbourhood's expectation, for errors of variance one."""
    return np.einsum("gi,gij,gj->g", terms, covariance, terms)


def _allowance(pool: PlaceboPool, residual: np.ndarray) -> float:
    """Factor on the treated neighbourhood's variance: the placebos' spread is itself an estimate.

    Student's t on as many degrees of freedom as there are independent placebos has variance
    ``df / (df - 2)``. Placebos that overlap count once, and less still where residuals of
    neighbours go together (for a first-order correlation r, the fraction (1 - r) / (1 + r)).
    """
    together = 0.0
    if pool.adjacency is not None:
        among = pool.adjacency[np.ix_(pool.comparison, pool.comparison)]
        known = residual[pool.comparison]
        if among.any():
            together = (known @ among @ known) / (among.sum() * (known**2).mean())
    together = float(np.clip(together, 0, 0.9))
    independent = pool.n_disjoint * (1 - together) / (1 + together)
    independent = max(independent, _FEWEST_INDEPENDENT)
    return independent / (independent - 2)
