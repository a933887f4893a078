"""Tests that rest on the draw alone: the effect is compared with what every other draw would show.

Nothing is assumed of the outcomes. If the programme changes nobody's outcome, the observed
allocation is one of the scheme's allocations like any other (Fisher 1935), whatever the clusters
are like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import DesignError, ParameterError
from lsp_analysis.experiments.analysis.inversion import ROUNDING, as_extreme, interval
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWS = 9_999
STATISTICS = ("studentised", "difference")


@dataclass(frozen=True)
class RandomisationTest(Shown):
    """An effect with a p-value and interval from the scheme it was randomised with.

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
    def p_value_floor(self) -> float:
        """The smallest p-value that so many allocations allow."""
        return 1 / self.n_allocations

    @property
    def inference(self) -> str:
        """How the p-value was got, in words."""
        return f"{'all' if self.exact else 'a sample of'} {self.n_allocations:,} allocations"

    def summary_frame(self) -> pd.DataFrame:
        """One row."""
        names = ["estimate", "low", "high", "p_value", "level", "n_allocations", "exact"]
        return pd.DataFrame({name: [getattr(self, name)] for name in names})

    def sentence(self) -> wording.Sentence:
        """Estimate, interval and p-value in one line."""
        return wording.Sentence(
            f"The difference is {wording.difference(self.estimate)} "
            f"({wording.interval(self.low, self.high, level=self.level, of_change=True)}; "
            f"{wording.p_value(self.p_value)} over {self.inference})."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The estimates that other allocations would have given, with the observed one."""
        return figures.draw_distribution(
            self.estimates, observed=self.estimate, label="Allocations that could have been", ax=ax
        )


@dataclass(frozen=True)
class Redraws:
    """Exposures under the allocations of a scheme, cleared of what the model adjusts for.

    They are worked out once and serve any number of outcomes.

    Attributes
    ----------
    exposures : array, allocations x cells
        Row 0 belongs to the observed allocation, which is not repeated when `exact`.
    weights : array, one per cell
        Square roots of the cells' weights.
    basis : array, cells x terms
        Orthonormal columns that span what is adjusted for, weighted.
    exact : bool
        Whether the rows are all allocations of the scheme.
    """

    exposures: np.ndarray
    weights: np.ndarray
    basis: np.ndarray
    exact: bool
    studentised: bool

    @cached_property
    def _scaled(self) -> np.ndarray:
        """Exposures scaled so that their product with an outcome is the statistic."""
        squares = np.einsum("bc,bc->b", self.exposures, self.exposures)
        flat = squares <= 1e-12 * max(float(squares.max()), 1e-300)
        size = np.where(flat, np.inf, np.sqrt(squares) if self.studentised else squares)
        return self.exposures / size[:, None]

    def statistics(self, outcomes: np.ndarray) -> np.ndarray:
        """Statistic of each allocation; `outcomes` is cells, or cells x outcomes."""
        return self._scaled @ self.residual(outcomes)

    def estimates(self, outcome: np.ndarray) -> np.ndarray:
        """Regression coefficient of the exposure under each allocation."""
        squares = np.einsum("bc,bc->b", self.exposures, self.exposures)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.exposures @ self.residual(outcome)) / squares

    def p_values(self, outcomes: np.ndarray) -> np.ndarray:
        """Two-sided p-values of many outcomes at once, one a column of `outcomes`."""
        found = np.abs(self.statistics(outcomes))
        tie = ROUNDING * found.max(axis=0)
        return (found >= found[0] - tie).mean(axis=0)

    def test(
        self, outcome: np.ndarray, *, exposure: np.ndarray | None = None, level: float = 0.95
    ) -> RandomisationTest:
        """Test and interval for one outcome.

        Parameters
        ----------
        outcome : array, one number per cell
        exposure : array, one per cell, optional
            What the effect is per unit of, where it is not being allocated: the programme actually
            received gives the effect on those who comply.
        """
        a = self.statistics(outcome)
        received = self._observed if exposure is None else np.asarray(exposure, float)
        c = self.statistics(received)
        low, high = interval(a, c, a[0], c[0], level=level)
        tie = ROUNDING * float(np.abs(a).max(initial=0.0))
        return RandomisationTest(
            estimate=float(a[0] / c[0]) if c[0] else math.nan,
            low=low,
            high=high,
            p_value=float(as_extreme(a, a[0]).mean()),
            p_lower=float((a <= a[0] + tie).mean()),
            p_upper=float((a >= a[0] - tie).mean()),
            level=level,
            n_allocations=len(a),
            exact=self.exact,
            estimates=self.estimates(outcome),
        )

    @property
    def _observed(self) -> np.ndarray:
        """The observed exposure per cell; what the basis took out of it does no harm."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.weights > 0, self.exposures[0] / self.weights, 0.0)

    def residual(self, outcomes: np.ndarray) -> np.ndarray:
        """Outcomes weighted and cleared of what is adjusted for; missing ones have no weight."""
        values = np.where(np.isfinite(outcomes), outcomes, 0.0)
        weighted = (values.T * self.weights).T
        return weighted - self.basis @ (self.basis.T @ weighted)


def redraws(
    scheme: Scheme,
    allocation: np.ndarray,
    *,
    exposure: np.ndarray,
    cell_unit: np.ndarray | None = None,
    adjust: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    draws: int = DRAWS,
    key: str = "redraws",
    statistic: str = "studentised",
) -> Redraws:
    """All allocations of `scheme`, or a sample, as exposures of the cells that were observed.

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
    weights : array, one per cell, optional
        0 leaves a cell out (its outcome is missing).
    draws : int
        Size of the sample where there are too many allocations to list.
    key : str
        Of the sample; same key, same sample.
    statistic : "studentised" or "difference"
        The regression's t, or its coefficient. They differ where arms or weights are unequal.

    Raises
    ------
    DesignError
        `allocation` is not one that `scheme` could have given.
    """
    if statistic not in STATISTICS:
        raise ParameterError(f'statistic is "{statistic}". Choose {" or ".join(STATISTICS)}.')
    allocation = np.asarray(allocation)
    if not scheme.holds(allocation):
        raise DesignError(
            "The allocation is not one that its scheme could have given, so no test over the "
            "scheme "
            "is valid. Was a unit moved, or is this the scheme of another round?"
        )
    exact = scheme.listable
    rows = _reference(scheme, allocation, draws, key)
    per_unit = np.atleast_2d(np.asarray(exposure, float).T).T[rows]
    n_units, kinds = per_unit.shape[1:]
    unit = np.repeat(np.arange(n_units), kinds) if cell_unit is None else np.asarray(cell_unit)
    kind = np.tile(np.arange(kinds), n_units) if cell_unit is None else _kind_of_cell(unit, kinds)
    cells = per_unit[:, unit, kind]
    root = np.ones(len(unit)) if weights is None else np.sqrt(np.asarray(weights, float))
    terms = (
        np.ones((len(unit), 1)) if adjust is None else np.column_stack([np.ones(len(unit)), adjust])
    )
    basis = _orthonormal(terms * root[:, None])
    cells = cells * root
    cells -= (cells @ basis) @ basis.T
    return Redraws(cells, root, basis, exact, statistic == "studentised")


def _reference(scheme: Scheme, allocation: np.ndarray, draws: int, key: str) -> np.ndarray:
    """The observed allocation first, then the others: all of them, or as many as were asked for."""
    if not scheme.listable:
        return np.vstack([allocation, scheme.many(draws, key)])
    rows = scheme.every()
    same = np.flatnonzero((rows == allocation).all(axis=1))[0]
    return np.vstack([rows[same], np.delete(rows, same, axis=0)])


def _kind_of_cell(unit: np.ndarray, kinds: int) -> np.ndarray:
    """Number of each cell among the cells of its unit; all the same kind where there is one."""
    if kinds == 1:
        return np.zeros(len(unit), int)
    return pd.Series(unit).groupby(unit).cumcount().to_numpy()


def _orthonormal(terms: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span `terms`, however many of them are redundant."""
    left, sizes, _ = np.linalg.svd(terms, full_matrices=False)
    return left[:, sizes > sizes.max(initial=0.0) * 1e-10]
