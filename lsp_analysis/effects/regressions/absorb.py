"""Area and period effects taken out of columns, exactly, with a count of what was taken out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from lsp_analysis.errors import PanelError

MOST_CELLS = 300_000_000  # areas x periods beyond which the cross-table fits no small computer


@dataclass(frozen=True)
class Absorber:
    """Projects columns off two sets of fixed effects.

    Area effects are eliminated and the period effects solved for in the small system that is left
    (the Schur complement of the normal equations), which is exact however unbalanced the panel and
    needs no iterations (Abowd, Creecy and Kramarz 2002 describe the system).

    Attributes
    ----------
    rank : int
        Independent fixed effects, intercept included: areas + periods - connected parts.
    """

    area: np.ndarray
    period: np.ndarray
    weights: np.ndarray | None
    rank: int
    table: np.ndarray = field(repr=False)
    inverse: np.ndarray = field(repr=False)

    def demean(self, columns: np.ndarray) -> np.ndarray:
        """`columns` (rows,) or (rows, k) less their area and period effects."""
        columns = np.asarray(columns, dtype=float)
        if columns.ndim == 1:
            return self.demean(columns[:, None])[:, 0]
        weights = np.ones(len(columns)) if self.weights is None else self.weights
        totals = self.table.sum(axis=1, keepdims=True)
        by_area, by_period = (
            sparse.csr_array((weights, (codes, np.arange(len(codes)))), (size, len(codes)))
            @ columns
            for codes, size in zip((self.area, self.period), self.table.shape, strict=True)
        )
        period_effect = self.inverse @ (by_period - self.table.T @ (by_area / totals))
        area_effect = (by_area - self.table @ period_effect) / totals
        return columns - area_effect[self.area] - period_effect[self.period]


def absorber(area: np.ndarray, period: np.ndarray, weights: np.ndarray | None = None) -> Absorber:
    """Prepare to take area and period effects out of columns.

    Parameters
    ----------
    area, period : int arrays (rows,)
        Codes from 0 in which every code occurs; rows may be unbalanced and repeat a pair.
    weights : array (rows,) above 0, optional
    """
    n_areas, n_periods = int(area.max()) + 1, int(period.max()) + 1
    if n_areas < n_periods:  # the smaller set is solved for, the larger eliminated
        return absorber(period, area, weights)
    if n_areas * n_periods > MOST_CELLS:
        raise PanelError(
            f"{n_areas:,} areas by {n_periods:,} periods is too large a cross-table for two-way "
            "fixed effects. Use longer periods or fewer areas."
        )
    cells = area.astype(np.int64) * n_periods + period
    table = np.bincount(cells, weights, n_areas * n_periods).astype(float)
    table = table.reshape(n_areas, n_periods)
    schur = np.diag(table.sum(axis=0)) - table.T @ (table / table.sum(axis=1)[:, None])
    values, vectors = np.linalg.eigh(schur)
    kept = values > 1e-10 * max(values.max(), 1e-300)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return Absorber(area, period, weights, n_areas + int(kept.sum()), table, inverse)
