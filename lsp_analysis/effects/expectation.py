"""What areas that looked like this one before went on to do anyway: the expectation an effect is judged by.

Every neighbourhood, treated or placebo, is predicted from its own past by a regression fitted on
areas that it shares nothing with, so all are judged alike. A regression, and not a hard cut, adjusts for the
level before, because few areas are as bad as one picked for looking worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, nnls

from lsp_analysis.effects.placebo import PlaceboPool
from lsp_analysis.effects.scale import CountScale, IdentityScale, count_scale
from lsp_analysis.effects.windows import Ledger, windows_before

_ROUNDS = 3  # of weighting; the variance settles after two
_AREAS_PER_TERM = 10
_AREAS_FOR_CURVE = 60


@dataclass(frozen=True)
class Standing:
    """Every neighbourhood of a pool against its expectation after the start.

    Attributes
    ----------
    total, exposure, expected : float arrays (1 + B,)
        Observed and expected totals after the start, and exposure; row 0 is the treated neighbourhood.
    shock, noise, reach : float arrays (1 + B,)
        Variance (in units of effect) that exposure does not shrink; multiple of the Poisson (or 1 / exposure)
        variance; and variance of the expectation itself.
    statistic : float array (1 + B,)
        Observed less expected, in standard errors.
    before : float array (1 + B,)
        Transformed level before the start, averaged over windows.
    """

    total: np.ndarray
    exposure: np.ndarray
    expected: np.ndarray
    shock: np.ndarray
    noise: np.ndarray
    reach: np.ndarray
    statistic: np.ndarray
    before: np.ndarray
    scale: CountScale | IdentityScale

    def statistic_at(self, effect: float) -> float:
        """The treated neighbourhood's statistic were `effect` (log, for counts) the truth."""
        expected = self.scale.shift(self.expected[:1], self.exposure[:1], effect)
        return float(
            _statistic(
                self.scale, self.total[:1], expected, self.exposure[:1],
                self.shock[:1], self.noise[:1], self.reach[:1],
            )[0]
        )  # fmt: skip

    def effect_at(self, statistic: float) -> float:
        """The effect at which the treated neighbourhood's statistic would be `statistic`.

        Infinite where no effect reaches it (a count of zero has no lower limit on a log scale).
        """
        if not np.isfinite(statistic):
            return -np.sign(statistic) * np.inf
        if isinstance(self.scale, IdentityScale):
            mean = (self.total[0] - self.expected[0]) / self.exposure[0]
            return float(mean - statistic * np.sqrt(self._variance()))
        inner = float(np.log((self.total[0] + 0.25) / self.expected[0]))
        direction = -1 if self.statistic_at(inner) < statistic else 1
        for step in 0.05 * 2.0 ** np.arange(8):
            outer = inner + direction * step
            if (self.statistic_at(outer) - statistic) * direction < 0:
                return float(brentq(lambda e: self.statistic_at(e) - statistic, *sorted((inner, outer))))
        return direction * np.inf

    def _variance(self) -> float:
        """Variance of the treated neighbourhood about its expectation, in units of effect."""
        poisson = self.scale.noise(self.expected[:1], self.exposure[:1])[0]
        return float(self.shock[0] + self.noise[0] * poisson + self.reach[0])

    def detectable(self, distance: float) -> float:
        """The downward effect that moves the statistic by `distance` standard errors, as a positive size."""
        if not np.isfinite(distance):
            return np.inf
        step = distance * np.sqrt(self._variance())
        if isinstance(self.scale, IdentityScale):
            return float(step)
        centre = self.scale.centre(self.expected[:1], self.exposure[:1])
        lowered = centre - step * self.scale.slope(centre)
        if lowered[0] <= 0:
            return np.inf
        left = self.scale.expected(lowered, self.exposure[:1])
        return float(-np.log(min(left[0] / self.expected[0], 1)))


def stand(ledger: Ledger, pool: PlaceboPool, *, start: int, stop: int | None = None) -> Standing:
    """Judge the treated neighbourhood and its placebos against their expectations.

    Analysis of covariance of the outcome after the start on the outcome in windows before it, with curvature where
    there are areas enough, fitted without the neighbourhood judged; errors scaled for exposure, for shocks
    shared within a neighbourhood, and for how far the expectation reaches.

    Parameters
    ----------
    start, stop : int
        Positions of the first period after the start, and one past the last.
    """
    scale, values, after = _transformed(ledger, pool.comparison, start, stop)
    terms = _terms(values, pool.comparison)
    total, exposure = ledger.sums(start, stop or len(ledger.periods))
    weights = np.ones(len(terms))
    for _ in range(_ROUNDS):
        coefficients, inverse = _fit_without(terms, after, weights, pool)
        common, spread = _fit_common(terms, after, weights, pool.comparison)
        poisson = scale.noise(scale.expected(common, exposure), exposure)
        slope = scale.slope(common)
        shock, noise = _variance_parts(
            after, common, slope, poisson, spread, pool.comparison, counts=ledger.counts
        )
        variance = slope**2 * (shock + noise * poisson)
        weights = np.median(variance[pool.comparison]) / variance
    members = pool.members
    lift = np.exp(shock / 2) if scale.relative else 1.0
    parts = scale.expected(coefficients @ terms.T, exposure) * lift * members
    within = np.abs(parts) if scale.relative else exposure * members
    share = within / within.sum(axis=1, keepdims=True)
    shared = _shared_shock((after - common) / slope, share[1:], shock)
    group_shock = shock * (share**2).sum(axis=1) + shared * (1 - (share**2).sum(axis=1))
    expected = parts.sum(axis=1) * (np.exp(-group_shock / 2) if scale.relative else 1.0)
    reach_terms = (share / slope) @ terms
    reach = np.einsum("gi,gij,gj->g", reach_terms, inverse, reach_terms)
    reach *= np.median(variance[pool.comparison])
    group_total, group_exposure = members @ total, members @ exposure
    group_noise = np.full(len(members), noise)
    return Standing(
        total=group_total,
        exposure=group_exposure,
        expected=expected,
        shock=group_shock,
        noise=group_noise,
        reach=reach,
        statistic=_statistic(
            scale, group_total, expected, group_exposure, group_shock, group_noise, reach
        ),
        before=(members * exposure) @ values.mean(axis=1) / group_exposure,
        scale=scale,
    )


def _statistic(scale, total, expected, exposure, shock, noise, reach) -> np.ndarray:
    centre = scale.centre(expected, exposure)
    variance = shock + noise * scale.noise(expected, exposure) + reach
    error = scale.slope(centre) * np.sqrt(variance)
    return (scale.transform(total, exposure) - centre) / np.maximum(error, 1e-12)


def _transformed(
    ledger: Ledger, comparison: np.ndarray, start: int, stop: int | None
) -> tuple[CountScale | IdentityScale, np.ndarray, np.ndarray]:
    """Scale, transformed outcomes in windows before (areas, windows) and after the start (areas,)."""
    most = int(np.clip(comparison.sum() // _AREAS_PER_TERM - 1, 1, 3))
    windows = windows_before(start, ledger.cycle, most)
    sums = [ledger.sums(*window) for window in windows]
    scale: CountScale | IdentityScale = IdentityScale()
    if ledger.counts:
        recent, earlier = (start - start // 2, start), (0, start - start // 2)
        if start >= 2 * ledger.cycle:
            recent = (start - ledger.cycle, start)
            earlier = (start - 2 * ledger.cycle, start - ledger.cycle)
        (count, exposure), (old_count, old_exposure) = ledger.sums(*recent), ledger.sums(*earlier)
        scale = count_scale(
            old_count[comparison], count[comparison],
            old_exposure[comparison], exposure[comparison],
        )  # fmt: skip
    values = np.column_stack([scale.transform(*window) for window in sums])
    after = scale.transform(*ledger.sums(start, stop or len(ledger.periods)))
    return scale, values, after


def _terms(values: np.ndarray, comparison: np.ndarray) -> np.ndarray:
    """Intercept, centred windows, and the curvature of their mean where there are areas enough."""
    centred = values - values[comparison].mean(axis=0)
    columns = [np.ones(len(values)), *centred.T]
    if comparison.sum() >= _AREAS_FOR_CURVE:
        bend = centred.mean(axis=1) ** 2
        columns.append(bend - bend[comparison].mean())
    return np.column_stack(columns)


def _normal_equations(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    squares = terms[:, :, None] * terms[:, None, :] * weights[:, None, None]
    return squares, terms * (weights * after)[:, None]


def _fit_without(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray, pool: PlaceboPool
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (1 + B, terms) and inverse cross-products for each neighbourhood, fitted without its areas."""
    squares, products = _normal_equations(terms, after, weights * pool.comparison)
    flat = squares.reshape(len(terms), -1)
    size = terms.shape[1]
    own = pool.members.astype(float)
    cross = (flat.sum(axis=0) - own @ flat).reshape(-1, size, size)
    ridge = 1e-9 * np.einsum("ijj->ij", cross).max(axis=1)
    inverse = np.linalg.inv(cross + ridge[:, None, None] * np.eye(size))
    coefficients = np.einsum("gij,gj->gi", inverse, products.sum(axis=0) - own @ products)
    return coefficients, inverse


def _fit_common(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray, comparison: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fitted values for all areas from all comparison areas, and each one's leverage."""
    squares, products = _normal_equations(terms, after, weights * comparison)
    cross = squares.sum(axis=0)
    inverse = np.linalg.inv(cross + 1e-9 * np.trace(cross) * np.eye(len(cross)))
    leverage = np.einsum("ai,ij,aj->a", terms, inverse, terms) * weights * comparison
    return terms @ (inverse @ products.sum(axis=0)), np.minimum(leverage, 0.9)


def _variance_parts(
    after: np.ndarray,
    common: np.ndarray,
    slope: np.ndarray,
    poisson: np.ndarray,
    leverage: np.ndarray,
    comparison: np.ndarray,
    *,
    counts: bool,
) -> tuple[float, float]:
    """Shock variance and multiple of Poisson variance, per area, in squared units of effect.

    Non-negative least squares of squared residuals (HC2). For counts the multiple is drawn towards 1,
    its value when events are independent, unless far above it: the areas alone say too little of it.
    """
    keep = comparison
    squared = ((after - common) ** 2 / (1 - leverage) / slope**2)[keep]
    if np.ptp(poisson[keep]) < 1e-9 * poisson[keep].mean():
        return float(squared.mean()), 0.0
    parts = np.column_stack([np.ones(keep.sum()), poisson[keep]])
    weight = 1 / (np.median(squared) + parts[:, 1])
    shock, noise = nnls(parts * weight[:, None], squared * weight)[0]
    if not counts:
        return max(float(shock), 1e-12), float(noise)
    given = ((squared - poisson[keep]) * weight**2).sum() / (weight**2).sum()
    return max((shock + max(given, 0.0)) / 2, 1e-6), max((noise + 1) / 2, noise - 1)


def _shared_shock(residual: np.ndarray, share: np.ndarray, shock: float) -> float:
    """Covariance of shocks between areas of one placebo neighbourhood; 0 at the least, `shock` at the most."""
    inside = (share > 0).astype(float)
    pairs = inside.sum(axis=1) * (inside.sum(axis=1) - 1)
    if not pairs.any():
        return 0.0
    products = (inside @ residual) ** 2 - inside @ residual**2
    return float(np.clip(products.sum() / pairs.sum(), 0, shock))
