"""Randomisation tests: the observed effect beside what every other possible draw would have shown.

If the programme changes nobody's outcome, the observed allocation is one of the scheme's
allocations like any other (Fisher 1935), whatever the distribution of outcomes. The statistic is a
regression coefficient over its heteroskedasticity-robust standard error (HC2), so that with enough
units the test also holds where the effect varies from unit to unit and only its mean is zero (Wu
and Ding 2021).
"""

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import DesignError, check_one_of
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.showing import Axes, Shown

DRAWS = 9_999
LISTED = 21  # times the size of a sample up to which all allocations are listed instead
STATISTICS = ("studentised", "difference")
ROUNDING = 1e-9  # statistics nearer than this, relatively, count as tied
# how far intervals are looked for, in standard errors
REACH = np.concatenate([[0.0], np.linspace(0.25, 6, 24), np.geomspace(7, 1e5, 30)])


@dataclass(frozen=True)
class RandomisationTest(Shown):
    """An effect with a p-value and confidence interval from the scheme it was randomised with.

    Attributes
    ----------
    estimate, low, high : float
        Effect in units of the outcome, and the effects a test at ``1 - level`` does not reject.
    p_value, p_lower, p_upper : float
        Share of allocations as extreme on both sides, as low, and as high as the observed one.
    n_allocations : int
        Allocations compared, the observed one among them.
    exact : bool
        Whether these are all that the scheme allows.
    estimates : array
        The estimate under each allocation, if the programme did nothing.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    p_lower: float
    p_upper: float
    level: float
    n_allocations: int
    exact: bool
    estimates: np.ndarray = field(repr=False, compare=False)

    @property
    def sizes(self) -> tuple[float, float, float, float]:
        """Estimate, ends of the interval and p-value."""
        return self.estimate, self.low, self.high, self.p_value

    def summary_frame(self) -> pd.DataFrame:
        """One row."""
        names = ["estimate", "low", "high", "p_value", "level", "n_allocations", "exact"]
        return pd.DataFrame({name: [getattr(self, name)] for name in names})

    def sentence(self) -> wording.Sentence:
        """Estimate, interval and p-value in one line."""
        which = "all" if self.exact else "a sample of"
        return wording.Sentence(
            f"The difference is {wording.difference(self.estimate)} "
            f"({wording.interval(self.low, self.high, level=self.level, of_change=True)}; "
            f"{wording.p_value(self.p_value)} over {which} {self.n_allocations:,} "
            "allocations)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The estimates that other allocations would have given, with the observed one."""
        return figures.draw_distribution(
            self.estimates, observed=self.estimate, label="Allocations that could have been", ax=ax
        )


@dataclass(frozen=True)
class Redraws:
    """Exposures under the allocations of a scheme, cleared of what the model adjusts for.

    They are worked out once and serve any number of outcomes. Cells are weighted (or, for
    generalised least squares, whitened) first.

    Attributes
    ----------
    raw, exposures : array, allocations x cells
        Weighted exposures before and after adjustment. Row 0 belongs to the observed allocation.
    whiten : array, one per cell, or cells x cells
        What outcomes are multiplied by.
    basis : array, cells x terms
        Orthonormal columns that span what is adjusted for.
    unit : array of int, one per cell
        Position of each cell's unit.
    used : array of bool, one per cell
    exact : bool
        Whether the rows are all allocations of the scheme.
    """

    raw: np.ndarray
    exposures: np.ndarray
    whiten: np.ndarray
    basis: np.ndarray
    unit: np.ndarray
    used: np.ndarray
    exact: bool
    studentised: bool

    @cached_property
    def squares(self) -> np.ndarray:
        """Sum of squares of each allocation's exposure; infinite where nothing is left of it."""
        squares = np.einsum("bc,bc->b", self.exposures, self.exposures)
        return np.where(squares <= 1e-12 * max(float(squares.max()), 1e-300), np.inf, squares)

    @property
    def df(self) -> int:
        """Cells used, less what is adjusted for and the exposure."""
        return int(self.used.sum()) - self.basis.shape[1] - 1

    def residual(self, outcomes: np.ndarray) -> np.ndarray:
        """Outcomes (cells, or cells x outcomes) weighted and cleared of what is adjusted for."""
        values = np.where(np.isfinite(outcomes), outcomes, 0.0)
        weighted = (values.T * self.whiten).T if self.whiten.ndim == 1 else self.whiten @ values
        return weighted - self.basis @ (self.basis.T @ weighted)

    def coefficients(self, residuals: np.ndarray) -> np.ndarray:
        """Regression coefficient under each allocation; `residuals` is cells (x outcomes)."""
        return ((self.exposures @ residuals).T / self.squares).T

    def variances(self, residuals: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Robust variance of `slopes` under each allocation; ones for a plain difference."""
        if not self.studentised:
            return np.ones_like(slopes)
        exposures, corrected = self.exposures, self._corrected**2
        if residuals.ndim == 1:  # exact enough for ties, however large the effect
            left = residuals - slopes[:, None] * exposures
            meat = np.einsum("bc,bc->b", corrected, left**2)
        else:
            meat = corrected @ residuals**2
            meat -= 2 * slopes * ((corrected * exposures) @ residuals)
            meat += (slopes.T**2 * np.einsum("bc,bc->b", corrected, exposures**2)).T
        scale = (residuals**2).sum(axis=0) / len(residuals)
        floor = 1e-18 * np.where(np.isfinite(self.squares), self.squares, 1.0)
        least = np.multiply.outer(floor, np.maximum(scale, 1e-300))
        return (np.maximum(meat, least).T / self.squares**2).T

    def statistics(self, outcomes: np.ndarray) -> np.ndarray:
        """Statistic of each allocation; `outcomes` is cells, or cells x outcomes."""
        residuals = self.residual(outcomes)
        slopes = self.coefficients(residuals)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(slopes == 0, 0.0, slopes / np.sqrt(self.variances(residuals, slopes)))

    def p_values(self, outcomes: np.ndarray) -> np.ndarray:
        """Two-sided p-values of many outcomes at once, one a column of `outcomes`."""
        found = np.abs(self.statistics(outcomes))
        return (found >= found[0] * (1 - ROUNDING)).mean(axis=0)

    def test(
        self, outcome: np.ndarray, *, exposure: np.ndarray | None = None, level: float = 0.95
    ) -> RandomisationTest:
        """Test and interval for one outcome.

        Parameters
        ----------
        outcome : array, one number per cell
        exposure : array, one per cell, optional
            What the effect is per unit of, where it is not what was allocated: the programme
            actually received gives the effect on those who comply.
        """
        found = self.statistics(outcome)
        tie = ROUNDING * abs(float(found[0]))
        own = self.residual(outcome)
        unit = self.exposures[0] if exposure is None else self.residual(exposure)
        family = _Family(self, own, unit)
        low, high = family.interval(1 - level)
        return RandomisationTest(
            estimate=family.estimate,
            low=low,
            high=high,
            p_value=float((np.abs(found) >= abs(found[0]) - tie).mean()),
            p_lower=float((found <= found[0] + tie).mean()),
            p_upper=float((found >= found[0] - tie).mean()),
            level=level,
            n_allocations=len(found),
            exact=self.exact,
            estimates=self.coefficients(own),
        )

    def spread(self, outcome: np.ndarray) -> float:
        """Standard deviation of what the regression leaves over, per (weighted) cell."""
        left = self.residual(outcome)
        left = left - self.coefficients(left)[0] * self.exposures[0]
        return math.sqrt(float(left @ left) / self.df) if self.df > 0 else math.nan

    @cached_property
    def _corrected(self) -> np.ndarray:
        """Exposures over the square root of one less the leverage; none where that is zero."""
        leverage = (self.basis**2).sum(axis=1) + self.exposures**2 / self.squares[:, None]
        free = 1 - leverage
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(free > 1e-9, self.exposures / np.sqrt(np.abs(free)), 0.0)


class _Family:
    """The tests of every effect tau at once: their numerators and variances are polynomials in tau.

    Outcome and unit of effect are first brought to length 1, so tau is in units of `scale`.
    """

    def __init__(self, redraws: Redraws, outcome: np.ndarray, unit: np.ndarray) -> None:
        lengths = [float(np.linalg.norm(x)) or 1.0 for x in (outcome, unit)]
        self.scale = lengths[0] / lengths[1]
        r, u = outcome / lengths[0], unit / lengths[1]
        self.a, self.c = redraws.coefficients(r), redraws.coefficients(u)
        none, one = redraws.variances(r, self.a), redraws.variances(u, self.c)
        cross = redraws.variances(r + u, self.a + self.c) - none - one
        if not redraws.studentised:
            one, cross = 0 * none, 0 * none
        self.terms = none, cross, one  # the variance at tau: none - tau cross + tau^2 one
        if abs(self.c[0]) <= 1e-12 * float(np.abs(self.c).max(initial=0.0)) or not unit.any():
            self.middle = self.step = math.nan
        else:
            self.middle = float(self.a[0] / self.c[0])
            spread = float(self._variances(np.array([self.middle]))[0, 0])
            self.step = math.sqrt(spread) / abs(float(self.c[0]))
        self.estimate = self.scale * self.middle

    def _variances(self, effects: np.ndarray) -> np.ndarray:
        none, cross, one = (term[:, None] for term in self.terms)
        found = none - effects * cross + effects**2 * one
        return np.maximum(found, 1e-16 * (none + effects**2 * one))

    def p_values(self, effects: np.ndarray) -> np.ndarray:
        """Two-sided p-value of each effect, in units of `scale`."""
        a, c = self.a[:, None], self.c[:, None]
        variances = self._variances(effects)
        found = (a - effects * c) ** 2 / variances
        rounding = (ROUNDING * (np.abs(a[0]) + np.abs(effects * c[0]))) ** 2 / variances[0]
        return (found >= found[0] * (1 - 2 * ROUNDING) - rounding).mean(axis=0)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The outermost effects that are not rejected; infinite where there is no end."""
        alpha = alpha * (1 + 1e-9)
        one = self.terms[2] if self.terms[2].any() else np.ones_like(self.c)
        limit = self.c**2 / np.maximum(one, 1e-300)  # the test of an effect without limit
        kept = (limit >= limit[0] * (1 - 2 * ROUNDING)).mean() > alpha
        if math.isnan(self.middle) or kept:
            return -math.inf, math.inf
        step = self.step
        if step <= 1e-7 * abs(self.middle):  # an exact fit
            step = 1e-7 * abs(self.middle)
        return self._end(-step, alpha), self._end(step, alpha)

    def _end(self, step: float, alpha: float) -> float:
        kept = np.flatnonzero(self.p_values(self.middle + step * REACH) > alpha)
        last = int(kept[-1]) if len(kept) else 0
        if last == len(REACH) - 1:
            return math.copysign(math.inf, step)
        inside, outside = (self.middle + step * x for x in REACH[last : last + 2])
        for _ in range(45):
            between = (inside + outside) / 2
            keep = self.p_values(np.array([between]))[0] > alpha
            inside, outside = (between, outside) if keep else (inside, between)
        return self.scale * inside


def redraws(
    scheme: Scheme,
    allocation: np.ndarray,
    *,
    exposure: np.ndarray,
    cell_unit: np.ndarray | None = None,
    adjust: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    draws: int = DRAWS,
    statistic: str = "studentised",
) -> Redraws:
    """All allocations of `scheme`, or a sample, as exposures of the cells that were observed.

    Where there are too many to list, the sample is `draws` allocations made by `scheme` with the
    key that `sample_key` gives, so that anybody can draw it again.

    Parameters
    ----------
    scheme : Scheme
        As stored when the units were randomised; see `Scheme.given` for two arms of several.
    allocation : array of int, one per unit
        What was drawn.
    exposure : array, arms x kinds of cell
        Exposure of a unit of each arm: one column for a parallel experiment; one per period in a
        stepped wedge, cells then being unit by unit, period by period within a unit.
    cell_unit : array of int, optional
        Position in ``scheme.units`` of each cell's unit; one cell per unit by default.
    adjust : array, cells x terms, optional
        What the model adjusts for besides a constant: blocks, covariates, periods.
    weights : array, one per cell, or cells x cells, optional
        Weights, 0 leaving a cell out (its outcome is missing); or the matrix that makes cells
        independent and alike in variance (generalised least squares), with empty rows for cells
        that are left out.
    statistic : "studentised" or "difference"
        The regression's robust t, or its coefficient.

    Raises
    ------
    DesignError
        `allocation` is not one that `scheme` could have given.
    """
    check_one_of(statistic, STATISTICS, "statistic")
    allocation = np.asarray(allocation)
    if not scheme.holds(allocation):
        raise DesignError(
            "The allocation is not one that its scheme could have given, so no test over the "
            "scheme is valid. Was a unit moved, or is this the scheme of another round?"
        )
    exact = scheme.listable and scheme.size <= LISTED * draws
    rows = scheme.every() if exact else scheme.many(draws, sample_key(allocation))
    others = rows[(rows != allocation).any(axis=1)] if exact else rows
    rows = np.vstack([allocation, others])
    per_unit = np.atleast_2d(np.asarray(exposure, float).T).T[rows]
    n_units, kinds = per_unit.shape[1:]
    unit = np.repeat(np.arange(n_units), kinds) if cell_unit is None else np.asarray(cell_unit)
    kind = pd.Series(unit).groupby(unit).cumcount().to_numpy() if kinds > 1 else 0 * unit
    whiten = np.ones(len(unit)) if weights is None else np.asarray(weights, float)
    whiten = np.sqrt(whiten) if whiten.ndim == 1 else whiten
    terms = np.ones((len(unit), 1)) if adjust is None else adjust
    terms = np.column_stack([np.ones(len(unit)), terms])
    cells = per_unit[:, unit, kind]
    if whiten.ndim == 1:
        cells, terms, used = cells * whiten, terms * whiten[:, None], whiten > 0
    else:
        cells, terms, used = cells @ whiten.T, whiten @ terms, whiten.any(axis=1)
    basis = orthonormal(terms)
    cleared = cells - (cells @ basis) @ basis.T
    return Redraws(cells, cleared, whiten, basis, unit, used, exact, statistic == "studentised")


def sample_key(allocation: np.ndarray) -> str:
    """Key of the sample of allocations: SHA-256 of the observed one, arm numbers with commas."""
    return hashlib.sha256(",".join(str(int(arm)) for arm in allocation).encode()).hexdigest()


def orthonormal(terms: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span `terms`, however many of them are redundant."""
    left, sizes, _ = np.linalg.svd(terms, full_matrices=False)
    return left[:, sizes > sizes.max(initial=0.0) * 1e-10]
