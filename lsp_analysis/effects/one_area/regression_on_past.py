"""What is expected of every neighbourhood after the start, given its past, and how surely.

One weighted regression of the outcome after the start on the past, over placebo neighbourhoods;
each placebo is predicted without the placebos that it shares an area with, so that all are
predicted as the treated neighbourhood is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from lsp_analysis.effects.one_area.neighbourhoods import COUNT, LINEAR, Panel, Past, read_past
from lsp_analysis.errors import PanelError

ROUNDS = 4  # of weights and variances in turn; they settle after three
MOST_STEPS, ENOUGH = 25, 1e-11  # of iteratively reweighted least squares
RIDGE = 1e-10  # of a column's own size: lets a column that is zero everywhere be inverted
NARROWEST = np.log(5 / 6)  # log variance at the treated level over that at the mean level
FARTHEST = 30.0  # log rate from which a fit is taken to have failed
FIRST_SHOCK = 0.05
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
        options = {"exposure": exposure, "var_weights": self.weights}
        total = (self.observed + self.base)[1:]
        model = sm.GLM(total, terms, sm.families.Poisson(), **options)
        return model.fit(tol=1e-12, tol_criterion="params", scale=1.0)


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
    terms, (total, exposure) = past.terms, panel.sums(members, panel.after)
    base = past.offset * exposure
    if terms.shape[1] < 2:
        raise PanelError(
            "The outcome is the same in all placebo neighbourhoods before the start, so "
            "the past says nothing of what to expect. Choose an outcome that happens there, or add "
            "comparison areas."
        )
    observed, overlap = total + base, members @ members[1:].T  # which placebos share an area
    overlap.data = np.ones_like(overlap.data)
    level = terms[:, 1] / max(terms[1:, 1].std(), np.finfo(float).tiny)
    moves, by_chance = past.steps, past.chance
    coefficients, size, least = np.zeros(terms.shape[1]), FIRST_SHOCK, LEAST_SHOCK
    if panel.multiplies:
        coefficients[:2] = np.log(observed[1:].sum() / exposure[1:].sum()), 1.0
    else:
        size = max(float((observed / exposure)[1:].var()), np.finfo(float).tiny)
        least = LEAST_SHARE * size
    for _ in range(ROUNDS):
        curve = _curve(level, variance_slope(level[1:], moves, by_chance))
        coefficients, weights, fits, inverse = _fitted(
            panel, observed, exposure, terms, size * curve, coefficients, overlap
        )
        eta = (terms * fits).sum(axis=1)
        mean = np.exp(np.clip(eta, -FARTHEST, FARTHEST)) if panel.multiplies else eta
        expected = exposure * mean
        off = (observed - expected) / (expected if panel.multiplies else exposure)
        chance = 1 / expected if panel.scale == COUNT else np.zeros_like(expected)
        reach = np.einsum("gi,gij,gj->g", terms, inverse, terms) * (len(terms) - 1) / disjoint
        known = (chance + reach)[1:]
        for _ in range(ROUNDS):
            size = float(excess(off[1:] ** 2, known, curve[1:], size))
        size = max(size, least)
        moves, by_chance = np.c_[past.steps, off[1:]], np.c_[past.chance, known]
    shock = size * curve
    variance = chance + shock + reach
    shared = carried_over(panel, members, disjoint, coefficients[1], past.offset, off, variance)
    alike = shared + (1 - fits[:, 1]) * terms[:, 1]
    both = [expected + by * exposure for by in (shared, alike)]
    if panel.multiplies:
        both = [np.maximum(expected * np.exp(by) - base, LEAST * base) for by in (shared, alike)]
    return Expectation(
        observed=total,
        expected=both[0],
        exposure=exposure,
        without=both[1],
        chance=chance,
        shock=shock,
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


def _fitted(
    panel: Panel,
    observed: np.ndarray,
    exposure: np.ndarray,
    terms: np.ndarray,
    shock: np.ndarray,
    coefficients: np.ndarray,
    overlap: sparse.csr_array,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The regression on all placebos, and for each neighbourhood without those it overlaps.

    Iteratively reweighted least squares, Poisson with a log link and variance weights where effects
    multiply; then one step more for each neighbourhood. Coefficients (p,), variance weights, each
    neighbourhood's coefficients (1 + B, p) and their covariances (1 + B, p, p).
    """
    for _ in range(MOST_STEPS):
        weights = rows = 1 / shock
        working = observed / exposure
        if panel.multiplies:
            eta = terms @ coefficients
            mean = exposure * np.exp(np.clip(eta, -FARTHEST, FARTHEST))
            weights = 1 / ((panel.scale == COUNT) + shock * mean)
            rows, working = weights * mean, eta + observed / mean - 1
        squares = terms[:, :, None] * terms[:, None, :] * rows[:, None, None]
        products = terms * (rows * working)[:, None]
        cross = squares[1:].sum(axis=0)
        own = np.diagonal(cross)
        cross = cross + np.diag(np.where(own > 0, RIDGE * own, 1.0))
        found = np.linalg.solve(cross, products[1:].sum(axis=0))
        moved, coefficients = np.abs(found - coefficients).max(), found
        if moved < ENOUGH * max(1.0, np.abs(found).max()):
            break
    apart = overlap @ squares[1:].reshape(len(squares) - 1, -1)
    inverse = np.linalg.inv(cross - apart.reshape(squares.shape))
    right = products[1:].sum(axis=0) - overlap @ products[1:]
    return coefficients, weights, np.einsum("gij,gj->gi", inverse, right), inverse


# How far areas move by chance, by their level: learnt from what they did before the start ---------

PRIOR = 0.5  # standard deviation of the slope of the log variance, per standard deviation of level
LEAST_EXCESS = 0.02  # of squared moves that is more than Poisson chance, at the least
NORMAL = 2.0  # variance of a squared move over its squared mean, were moves normal
STEEPEST = 8.0  # log ratio of variances at the most
SLOPE_ROUNDS, LONGEST_STEP, SLOPE_ENOUGH = 30, 0.5, 1e-6


def variance_slope(level: np.ndarray, moves: np.ndarray, chance: np.ndarray) -> float:
    """Slope of the log variance of moves in the level, per standard deviation of level.

    Squared moves have mean ``chance + size x exp(slope x level)``, with a size of its own in each
    column: quasi-likelihood of the gamma family (McCullagh and Nelder 1989, Generalized Linear
    Models, chapter 10), with a normal prior about no slope, so that few areas show less of one.

    Parameters
    ----------
    level : float array (B,), in standard deviations
    moves, chance : float arrays (B, columns)
        Moves about their mean, and the variance that Poisson chance gives them.
    """
    moved = (moves != 0).any(axis=0)
    squares, chance = moves[:, moved] ** 2, chance[:, moved]
    slope, size = 0.0, LEAST_EXCESS * squares.mean(axis=0)
    for _ in range(SLOPE_ROUNDS if moved.any() else 0):
        curve = variance_curve(level, slope)[:, None]
        size = excess(squares, chance, curve, size)
        mean = chance + size * curve
        off = squares / mean - 1
        dispersion = max(float((off**2).mean()), NORMAL)
        share = size * curve / mean
        apart = level[:, None] - (share**2 * level[:, None]).sum(axis=0) / (share**2).sum(axis=0)
        score = (share * apart * off).sum() / dispersion - slope / PRIOR**2
        information = (share**2 * apart**2).sum() / dispersion + 1 / PRIOR**2
        step = float(np.clip(score / information, -LONGEST_STEP, LONGEST_STEP))
        slope += step
        if abs(step) < SLOPE_ENOUGH:
            break
    return slope


def variance_curve(level: np.ndarray, slope: float) -> np.ndarray:
    """Variance at each level as a multiple of that at level 0."""
    return np.exp(np.clip(slope * level, -STEEPEST, STEEPEST))


def excess(
    squares: np.ndarray, chance: np.ndarray, curve: np.ndarray, size: np.ndarray | float
) -> np.ndarray:
    """Multiple of `curve` by which squares exceed the variance of chance, by column.

    Weighted moments, each square by its own variance at the `size` found before.
    """
    weight = curve / (chance + size * curve) ** 2
    found = ((squares - chance) * weight).sum(axis=0)
    least = LEAST_EXCESS * (squares * weight).sum(axis=0)
    return np.maximum(found, least) / (weight * curve).sum(axis=0)


FEWEST_DISJOINT = 40  # placebos to learn from: a line through fewer says little
HALF = 0.5  # of an event, added to counts before their logarithm is taken


def carried_over(
    panel: Panel,
    members: sparse.csr_array,
    disjoint: int,
    slope: float,
    offset: float,
    own: np.ndarray,
    variance: np.ndarray,
) -> np.ndarray:
    """What each neighbourhood shares with areas beyond its ring: a log ratio or a difference, float
    array (1 + B,); zero without neighbours.

    Regression of placebos' own distances from their expectations on the mean change of the areas
    just beyond their rings, multiplied by t^2 / (1 + t^2), t counting placebos that overlap once.
    Never negative: what is shared is alike on both sides of a ring.

    Parameters
    ----------
    slope : float
        Coefficient of the level in the regression on the past.
    own, variance : float arrays (1 + B,)
        Distance of each neighbourhood from its expectation, and its variance.
    """
    nothing = np.zeros(len(own))
    if panel.neighbours is None or disjoint < FEWEST_DISJOINT:
        return nothing
    compared = np.asarray(members[1:].sum(axis=0)).ravel() > 0
    near = sparse.csr_array(panel.neighbours, dtype=float)
    wide = members + members @ near
    further = sparse.csr_array((wide @ near) > 0, dtype=float)
    further = further - further.multiply(wide > 0)
    further = sparse.csr_array(further.multiply(compared[None, :].astype(float)))
    change = _change(panel, slope, offset)
    count = further.sum(axis=1)
    mean = further @ np.where(compared, change - change[compared].mean(), 0.0)
    beyond = np.where(count > 0, mean / np.maximum(count, 1), 0.0)
    weights, own_, beyond_ = 1 / variance[1:], own[1:], beyond[1:]
    square, product = (weights * beyond_**2).sum(), (weights * own_ * beyond_).sum()
    if not product > 0:
        return nothing
    found = product / square
    t2 = found**2 * square / ((weights * (own_ - found * beyond_) ** 2).sum() / disjoint)
    return found * t2 / (1 + t2) * beyond


def _change(panel: Panel, slope: float, offset: float) -> np.ndarray:
    """Outcome of every area after the start less `slope` times that before it."""
    sides = []
    for dates in (panel.before, panel.after):
        total, exposure = panel.total[:, dates].sum(axis=1), panel.exposure[:, dates].sum(axis=1)
        exposure = np.where(exposure > 0, exposure, np.nan)
        more = HALF if panel.scale == COUNT else offset * exposure
        value = total / exposure if panel.scale == LINEAR else np.log((total + more) / exposure)
        sides.append(np.nan_to_num(value))
    return sides[1] - slope * sides[0]
