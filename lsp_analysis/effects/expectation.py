"""The expectation an effect is judged by: what areas that looked alike before went on to do.

Every neighbourhood, treated or placebo, is predicted from its own past by a regression fitted on
areas that it shares nothing with, so all are judged alike. A regression, and not a hard cut,
adjusts for the level before, because few areas are as bad as one picked for looking worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from lsp_analysis.effects.judgement import Judgement
from lsp_analysis.effects.past import Past, drawing_ridge, fit_common, fit_without, past_terms
from lsp_analysis.effects.placebo import PlaceboPool
from lsp_analysis.effects.scale import CountScale, IdentityScale, count_scale
from lsp_analysis.effects.surroundings import Carried, beyond_ring, carried_over, left_of
from lsp_analysis.effects.windows import Ledger, windows_before

_ROUNDS = 3  # of weighting; the variance settles after two
_AREAS_PER_TERM = 10
_FEWEST_INDEPENDENT = 4.0


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
    scale, past, after = _transformed(ledger, pool.comparison, start, stop)
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
        expected = parts.sum(axis=1) * np.exp(around - shock / 2)
    else:
        expected = parts.sum(axis=1) + around * (members @ exposure)
    reach = _reach((felt / fit.slope) @ fit.terms, fit.covariance) * np.median(
        fit.variance[pool.comparison]
    )
    allowance = np.ones(len(members))
    allowance[0] = _allowance(pool, (after - fit.common) / np.sqrt(fit.variance))
    return Judgement(
        total=members @ total,
        exposure=members @ exposure,
        expected=expected,
        fixed=allowance * (shock + reach),
        noise=allowance * fit.noise * (share * fit.spread**2).sum(axis=1),
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
    for _ in range(_ROUNDS):
        ridge = drawing_ridge(terms, after, weights * pool.comparison, drawn)
        common, leverage, slopes = fit_common(terms, after, weights * pool.comparison, ridge)
        poisson = scale.noise(scale.expected(common, exposure), exposure)
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
            known=1 + float(slopes[1 : 1 + n_windows] ** 2 @ past.lengths) if independent else None,
        )
        variance = slope**2 * (shock + noise * poisson)
        last, weights = weights, np.median(variance[pool.comparison]) / variance
    coefficients, covariance = fit_without(terms, after, last, pool, ridge)
    return _Fit(
        scale, terms, coefficients, covariance, common, spread, slope, variance, poisson, shock,
        noise,
    )  # fmt: skip


def _group_shock(shock: float, felt: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Variance of each neighbourhood's shock, from what its areas feel and what they share."""
    alone = (felt**2).sum(axis=1)
    shared = _shared_shock(apart[1:], shock)
    return shock * alone + shared * (felt.sum(axis=1) ** 2 - alone)


def _transformed(
    ledger: Ledger, comparison: np.ndarray, start: int, stop: int
) -> tuple[CountScale | IdentityScale, Past, np.ndarray]:
    """Scale, the past on it, and transformed outcomes after the start (areas,)."""
    most = int(np.clip(comparison.sum() // _AREAS_PER_TERM - 1, 1, 3))
    windows = windows_before(start, ledger.cycle, most)
    scale = _count_scale(ledger, comparison, start) if ledger.counts else IdentityScale()
    sums = [ledger.sums(*window) for window in [*windows, (start, stop)]]
    values = np.column_stack(
        [scale.transform(total, np.where(known > 0, known, np.nan)) for total, known in sums]
    )
    values = _filled(values, comparison)
    exposure = np.column_stack([known for _, known in sums])
    seen = exposure[comparison].sum(axis=0)
    past = Past(values[:, :-1], exposure[:, :-1], seen[-1] / seen[:-1])
    return scale, past, values[:, -1]


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
