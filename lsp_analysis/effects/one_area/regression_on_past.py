"""What is expected of every neighbourhood after the start, given its past, and how surely.

One weighted regression of the outcome after the start on the past, over placebo neighbourhoods;
each placebo is predicted without the placebos that it shares an area with, so that all are
predicted as the treated neighbourhood is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from lsp_analysis.effects.one_area.history import COUNT, Panel, Past, read_past
from lsp_analysis.effects.one_area.noise import excess, variance_curve, variance_slope
from lsp_analysis.effects.one_area.shared_shocks import carried_over

ROUNDS = 4  # of weights and variances in turn; they settle after three
MOST_STEPS, ENOUGH = 25, 1e-11  # of iteratively reweighted least squares
RIDGE = 1e-10  # of a column's own size: lets a column that is zero everywhere be inverted
COUNTED = 3 / 8  # Anscombe (1948, Biometrika 35:246), section 2
NARROWEST = np.log(5 / 6)  # log variance at the treated level over that at the mean level
FARTHEST = 30.0  # log rate from which a fit is taken to have failed
LEAST_SHOCK = 1e-6  # variance of a log rate at the least
LEAST = 1e-3  # share of the offset that an expected share is above zero
LEAST_SHARE = 1e-12  # of the variance between areas, where effects add


@dataclass(frozen=True)
class Expectation:
    """Observed and expected outcomes after the start; row 0 is the treated neighbourhood.

    Attributes
    ----------
    observed, expected, exposure : float arrays (1 + B,)
        Totals after the start.
    without : float array (1 + B,)
        Expected totals were there no regression to the mean: a coefficient of 1 for the level.
    chance, shock, reach : float arrays (1 + B,)
        Variance of the log ratio, or of the difference of means, of observed to expected: Poisson
        chance, what areas do beyond chance, and the error of the regression.
    base : float array (1 + B,)
        What is added to totals before their logarithms are taken: the offset of `Past` times
        exposure.
    weights : float array (B,)
        Weights of the regression: variance weights of a Poisson regression where effects multiply,
        inverse variances of least squares where they add.
    pulls : float array (B,)
        Change of the treated one's log or linear expectation if each placebo were left out.
    panel : Panel
    past : Past
    """

    observed: np.ndarray
    expected: np.ndarray
    exposure: np.ndarray
    without: np.ndarray
    chance: np.ndarray
    shock: np.ndarray
    reach: np.ndarray
    base: np.ndarray
    weights: np.ndarray
    pulls: np.ndarray
    panel: Panel
    past: Past

    def model(self) -> Any:
        """The regression that predicts the treated neighbourhood, as fitted by statsmodels."""
        import statsmodels.api as sm

        terms, exposure = self.past.terms[1:], self.exposure[1:]
        if not self.panel.multiplies:
            return sm.WLS(self.observed[1:] / exposure, terms, weights=self.weights).fit()
        family = sm.families.Poisson()
        return sm.GLM(
            (self.observed + self.base)[1:],
            terms,
            family=family,
            exposure=exposure,
            var_weights=self.weights,
        ).fit(tol=1e-12, tol_criterion="params", scale=1.0)


def expect(panel: Panel, members: sparse.csr_array, disjoint: int) -> Expectation:
    """Expect every neighbourhood's outcome after the start from its past and its surroundings.

    Parameters
    ----------
    members : sparse float array (1 + B, n)
        The treated neighbourhood and its placebos.
    disjoint : int
        Placebos that share no area; the others add nothing to what the regression knows.
    """
    past = read_past(panel, members, disjoint)
    observed, exposure = panel.sums(members, panel.after)
    base = past.offset * exposure
    observed = observed + base
    terms, repeated = past.terms, (members.shape[0] - 1) / disjoint
    overlap = _overlap(members)
    spread = terms[1:, 1].std()
    level = terms[:, 1] / (spread if spread > 0 else 1.0)
    slope = variance_slope(level[1:], past.steps, past.chance)
    curve = _curve(level, slope)
    coefficients, size, least = _first(panel, observed, exposure, terms)
    for turn in range(ROUNDS):
        shock = size * curve
        coefficients, weights, rows, working = _fitted(
            panel, observed, exposure, terms, shock, coefficients
        )
        fits, inverse = _without_overlap(terms, rows, working, overlap)
        eta = (terms * fits).sum(axis=1)
        reach = repeated * np.einsum("gi,gij,gj->g", terms, inverse, terms)
        mean = np.exp(np.clip(eta, -FARTHEST, FARTHEST)) if panel.multiplies else eta
        expected = exposure * mean
        unit = expected if panel.multiplies else exposure
        off = (observed - expected) / unit
        chance = 1 / expected if panel.scale == COUNT else np.zeros_like(expected)
        known = (chance + reach)[1:]
        for _ in range(ROUNDS):
            size = float(excess(off[1:] ** 2, known, curve[1:], size))
        size = max(size, least)
        if turn in (1, 2):
            moves = np.column_stack([past.steps, off[1:]])
            slope = variance_slope(level[1:], moves, np.column_stack([past.chance, known]))
            curve = _curve(level, slope)
    shock = size * curve
    own = off
    if panel.multiplies:
        more = COUNTED if panel.scale == COUNT else 0.0
        own = np.log((observed + more) / (expected + more)) + shock / 2
    shared, saved = carried_over(
        panel, members, disjoint, coefficients[1], past.offset, own, chance + shock + reach
    )
    alike = shared + (1 - fits[:, 1]) * terms[:, 1]
    if panel.multiplies:
        both = [np.maximum(expected * np.exp(x) - base, LEAST * base) for x in (shared, alike)]
    else:
        both = [expected + x * exposure for x in (shared, alike)]
    return Expectation(
        observed=observed - base,
        expected=both[0],
        exposure=exposure,
        without=both[1],
        chance=chance,
        shock=shock * (1 - saved),
        reach=reach,
        base=base,
        weights=weights[1:],
        pulls=(fits[1:] - coefficients) @ terms[0],
        panel=panel,
        past=past,
    )


def _curve(level: np.ndarray, slope: float) -> np.ndarray:
    """Variance by level over that of the usual placebo.

    A variance that falls towards the treated neighbourhood's end rests on the few areas there: it
    is believed down to five sixths.
    """
    if slope * level[0] < NARROWEST:
        slope = NARROWEST / level[0]
    curve = variance_curve(level, slope)
    return curve / np.exp(np.log(curve[1:]).mean())


def _first(
    panel: Panel, observed: np.ndarray, exposure: np.ndarray, terms: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Coefficients and variance to begin with, and the least that the latter may become."""
    coefficients = np.zeros(terms.shape[1])
    if panel.multiplies:
        coefficients[:2] = np.log(max(observed[1:].sum(), 0.5) / exposure[1:].sum()), 1.0
        return coefficients, 0.05, LEAST_SHOCK
    mean = (observed / exposure)[1:]
    variance = max(float(mean.var()), np.finfo(float).tiny)
    return coefficients, variance, LEAST_SHARE * variance


def _variance_weights(
    panel: Panel, exposure: np.ndarray, eta: np.ndarray, shock: np.ndarray
) -> np.ndarray:
    """Mean over variance of a total where effects multiply; else inverse variance of a mean."""
    if not panel.multiplies:
        return 1 / shock
    chance = 1.0 if panel.scale == COUNT else 0.0
    return 1 / (chance + shock * exposure * np.exp(np.clip(eta, -FARTHEST, FARTHEST)))


def _fitted(
    panel: Panel,
    observed: np.ndarray,
    exposure: np.ndarray,
    terms: np.ndarray,
    shock: np.ndarray,
    coefficients: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients on the placebos; variance weights, working weights and working outcome of all;
    by iteratively reweighted least squares (Poisson, log link) where effects multiply."""
    for _ in range(MOST_STEPS):
        eta = terms @ coefficients
        weights = rows = _variance_weights(panel, exposure, eta, shock)
        working = observed / exposure
        if panel.multiplies:
            mean = exposure * np.exp(np.clip(eta, -FARTHEST, FARTHEST))
            rows, working = weights * mean, eta + observed / mean - 1
        cross = (terms[1:] * rows[1:, None]).T
        found = np.linalg.solve(_ridged(cross @ terms[1:]), cross @ working[1:])
        moved, coefficients = np.abs(found - coefficients).max(), found
        if moved < ENOUGH * max(1.0, np.abs(found).max()):
            break
    return coefficients, weights, rows, working


def _ridged(cross: np.ndarray) -> np.ndarray:
    own = np.diagonal(cross)
    return cross + np.diag(np.where(own > 0, RIDGE * own, 1.0))


def _overlap(members: sparse.csr_array) -> sparse.csr_array:
    """Which placebos (columns) share an area with each neighbourhood (rows)."""
    shared = members @ members[1:].T
    shared.data = np.ones_like(shared.data)
    return shared


def _without_overlap(
    terms: np.ndarray, weights: np.ndarray, working: np.ndarray, overlap: sparse.csr_array
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (1 + B, p) of the fit without the placebos that share an area with each
    neighbourhood, and their covariance (1 + B, p, p); one step from the fit on all."""
    p = terms.shape[1]
    squares = (terms[:, :, None] * terms[:, None, :] * weights[:, None, None]).reshape(-1, p * p)
    products = terms * (weights * working)[:, None]
    cross = squares[1:].sum(axis=0).reshape(p, p)
    ridge = _ridged(cross) - cross
    left = cross - (overlap @ squares[1:]).reshape(-1, p, p) + ridge
    inverse = np.linalg.inv(left)
    right = products[1:].sum(axis=0) - overlap @ products[1:]
    return np.einsum("gij,gj->gi", inverse, right), inverse
