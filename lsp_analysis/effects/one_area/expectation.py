"""The expectation an effect is judged by: what areas that looked alike before went on to do.

Every neighbourhood, treated or placebo, is predicted from its own past by a regression fitted on
areas that it shares nothing with, so all are judged alike. A regression, and not a hard cut,
adjusts for the level before, because few areas are as bad as one picked for looking worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.nearness import allowance, inflation, together
from lsp_analysis.effects.one_area.past import (
    Past,
    drawing_ridge,
    fit_common,
    fit_without,
    past_terms,
    transformed,
)
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.one_area.scale import CountScale, IdentityScale
from lsp_analysis.effects.one_area.surroundings import Carried, beyond_ring, carried_over, left_of
from lsp_analysis.effects.one_area.windows import Ledger

_ROUNDS = 3  # of weighting; the variance settles after two
_LEAST_VARIANCE = 1e-120  # of outcomes that a fit meets exactly
_FARTHEST = 3.0  # log rate by which shocks and surroundings move an expectation at the most


def judge(
    ledger: Ledger,
    pool: PlaceboPool,
    *,
    start: int,
    stop: int | None = None,
    carried: Carried | None = None,
) -> Judgement:
    """Judge the treated neighbourhood and its placebos against their expectations.

    Analysis of covariance, by area, of the outcome after the start on the outcome in windows before
    it and on the level next door, bent as noise bends it, fitted without the neighbourhood judged;
    then what areas just beyond its ring did, as far as placebos share it. Errors are scaled for
    exposure (Ferman and Pinto 2019), for how noise that is not even grows with the level, for
    shocks that areas of a neighbourhood share, for how far the expectation reaches, and, for the
    treated one, for how few independent placebos the scale itself was learnt from.

    Parameters
    ----------
    start, stop : int
        Positions of the first period after the start, and one past the last.
    carried : Carried, optional
        What placebos share with areas beyond their rings, where a pool without placebos cannot say.
    """
    stop = stop or len(ledger.periods)
    scale, past, after = transformed(ledger, pool.comparison, start, stop)
    total, exposure = ledger.sums(start, stop)
    fit = _fitted(ledger, pool, scale, past, after, exposure)
    scale, members = fit.scale, pool.members
    lift = _smearing(scale, fit.common, total, exposure, pool)
    parts = scale.expected(fit.coefficients @ fit.terms.T, exposure) * lift * members
    size = parts if scale.relative else exposure * members
    share = size / size.sum(axis=1, keepdims=True)
    felt = share * fit.spread
    apart = (after - fit.coefficients @ fit.terms.T) / fit.slope
    shock = _group_shock(fit.shock, felt, apart * members)
    whole = felt.sum(axis=1)
    beyond = beyond_ring(apart, 1 / (fit.shock + fit.noise * fit.poisson), pool)
    if carried is None:
        own = (felt * apart).sum(axis=1) / whole
        carried = carried_over(own[1:], beyond[1:], pool.n_disjoint)
    around = carried.slope * beyond * whole
    shock = left_of(shock, carried.saved * whole**2)
    if scale.relative:
        moved = np.clip(around - shock / 2, -_FARTHEST, _FARTHEST)
        expected = parts.sum(axis=1) * np.exp(moved)
    else:
        expected = parts.sum(axis=1) + around * (members @ exposure)
    correlation = together(pool, (after - fit.common) / np.sqrt(fit.variance))
    reach = _reach(fit, felt, pool, correlation)
    room = np.ones(len(members))
    room[0] = allowance(pool, correlation)
    return Judgement(
        total=members @ total,
        exposure=members @ exposure,
        expected=expected,
        fixed=room * (shock + reach),
        noise=room * fit.noise * (share * fit.spread**2).sum(axis=1),
        before=(members * exposure) @ past.values.mean(axis=1) / (members @ exposure),
        scale=scale,
        carried=carried,
    )


@dataclass(frozen=True)
class _Fit:
    """The regression on the past, and how areas vary about it.

    `coefficients` (1 + B, terms) and their `covariance` are each neighbourhood's own; `common`
    (areas,) is what all comparison areas together say. `variance` (areas,) is that of an area about
    its expectation, `slope` and `spread` turn it into squared units of effect, in which it is
    `shock` + `noise` x `poisson`.
    """

    scale: CountScale | IdentityScale
    terms: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    common: np.ndarray
    spread: np.ndarray
    slope: np.ndarray
    variance: np.ndarray
    poisson: np.ndarray
    shock: float
    noise: float


def _fitted(
    ledger: Ledger,
    pool: PlaceboPool,
    scale: CountScale | IdentityScale,
    past: Past,
    after: np.ndarray,
    exposure: np.ndarray,
) -> _Fit:
    """Regression and variances in turn, each area weighed by how surely its outcome is known."""
    terms, drawn = past_terms(past, pool, scale)
    n_windows = len(past.lengths)
    weights = np.ones(len(terms))
    seen = np.where(exposure > 0, exposure, np.median(exposure[pool.comparison]))
    middle = after[pool.comparison].mean()  # taken off, so that the origin of a scale is no matter
    centred = after - middle
    for _ in range(_ROUNDS):
        ridge = drawing_ridge(terms, centred, weights * pool.comparison, drawn)
        common, leverage, slopes = fit_common(terms, centred, weights * pool.comparison, ridge)
        common = common + middle
        poisson = scale.noise(scale.expected(common, seen), seen)
        scale = scale.fitted(
            common[pool.comparison], ((after - common) ** 2 / (1 - leverage))[pool.comparison]
        )
        spread = scale.spread(common)
        slope = scale.slope(common) * spread
        independent = ledger.counts and not ledger.person_periods
        shock, noise = _variance_parts(
            (after - common) / slope,
            poisson,
            leverage,
            pool.comparison,
            relative=scale.relative,
            known=1 + float(slopes[1 : 1 + n_windows] ** 2 @ past.lengths) if independent else None,
        )
        variance = slope**2 * (shock + noise * poisson)
        last, weights = weights, np.median(variance[pool.comparison]) / variance
    coefficients, covariance = fit_without(terms, centred, last, pool, ridge)
    coefficients[:, 0] += middle
    return _Fit(
        scale, terms, coefficients, covariance, common, spread, slope, variance, poisson, shock,
        noise,
    )  # fmt: skip


def _group_shock(shock: float, felt: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Variance of each neighbourhood's shock, from what its areas feel and what they share."""
    alone = (felt**2).sum(axis=1)
    shared = _shared_shock(apart[1:], shock)
    return shock * alone + shared * (felt.sum(axis=1) ** 2 - alone)


def _smearing(
    scale: CountScale | IdentityScale,
    common: np.ndarray,
    total: np.ndarray,
    exposure: np.ndarray,
    pool: PlaceboPool,
) -> np.ndarray:
    """Factors (1 + B, 1) from a fitted value turned back to the mean it stands for: what all other
    comparison areas had over what was expected of them (Duan 1983, JASA 78:605); 1 where nothing
    was transformed."""
    if not scale.relative:
        return np.ones((len(pool.members), 1))
    others = (pool.comparison & ~pool.members).astype(float)
    expected = others @ scale.expected(common, exposure)
    return (np.maximum(others @ total, 0.5) / np.maximum(expected, 1e-12))[:, None]


def _variance_parts(
    residual: np.ndarray,
    poisson: np.ndarray,
    leverage: np.ndarray,
    comparison: np.ndarray,
    *,
    relative: bool,
    known: float | None,
) -> tuple[float, float]:
    """Shock variance and multiple of Poisson variance, per area, in squared units of effect.

    Non-negative least squares of squared residuals (HC2). Where effects add, the second is a
    multiple of 1 / exposure, and neither units nor size of the population matter. For counts the
    multiple is drawn towards what it is when events are independent, `known`, unless far above it,
    for the areas alone say too little of it: 1 for the events after the start, and for those of
    each window before it the square of its coefficient, in proportion to how much longer the time
    after is.
    """
    keep = comparison
    squared = (residual**2 / (1 - leverage))[keep]
    size, typical = max(float(squared.mean()), _LEAST_VARIANCE), float(poisson[keep].mean())
    if np.ptp(poisson[keep]) < 1e-9 * typical:
        return size, 0.0
    if not relative:
        parts = np.column_stack([np.ones(keep.sum()), poisson[keep] / typical])
        shock, noise = nnls(parts, squared / size)[0]
        return max(float(shock), 1e-12) * size, float(noise) * size / typical
    parts = np.column_stack([np.ones(keep.sum()), poisson[keep]])
    weight = 1 / (np.median(squared) + parts[:, 1])
    shock, noise = nnls(parts * weight[:, None], squared * weight)[0]
    if known is None:
        return max(float(shock), 1e-12), float(noise)
    given = _beyond_chance(squared, known * poisson[keep], weight**2)
    return max((shock + given) / 2, 1e-6), max((noise + known) / 2, noise - 1)


def _beyond_chance(squared: np.ndarray, chance: np.ndarray, weight: np.ndarray) -> float:
    """Shock variance that squared residuals show above the variance of chance, drawn towards none
    by its own t, as a variance that cannot be below 0 is otherwise found where there is none."""
    found = ((squared - chance) * weight).sum() / weight.sum()
    if found <= 0:
        return 0.0
    error = 2 * ((found + chance) ** 2 * weight**2).sum() / weight.sum() ** 2
    return float(found**3 / (found**2 + error))


def _shared_shock(residual: np.ndarray, shock: float) -> float:
    """Covariance of shocks between areas of one placebo neighbourhood; 0 at the least, `shock` at
    the most.

    `residual` (B, areas) holds the areas of each against the fit without it and its neighbours, and
    0 elsewhere: a fit that knows the areas next door would hide part of what they share.
    """
    count = (residual != 0).sum(axis=1)
    pairs = (count * (count - 1)).sum()
    if not pairs:
        return 0.0
    products = residual.sum(axis=1) ** 2 - (residual**2).sum(axis=1)
    return float(np.clip(products.sum() / pairs, 0, shock))


def _reach(fit: _Fit, felt: np.ndarray, pool: PlaceboPool, correlation: float) -> np.ndarray:
    """Variance of each neighbourhood's expectation, in squared units of effect; (1 + B,)."""
    terms = (felt / fit.slope) @ fit.terms
    error = np.median(fit.variance[pool.comparison])
    alone = np.abs(np.einsum("gi,gij,gj->g", terms, fit.covariance, terms))  # signs go in rounding
    rows = np.sqrt(error / fit.variance)[:, None] * fit.terms
    return alone * error * inflation(terms, fit.covariance, rows, pool, correlation)
