"""Area and period effects taken out of columns, exactly, with a count of what was taken out."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from lsp_analysis.errors import PanelError

MOST_CELLS = 300_000_000  # areas x periods beyond which the cross-table fits no small computer


def without_effects(
    columns: np.ndarray, area: np.ndarray, period: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """`columns` (rows, k) less their area and period effects, and how many of these are
    independent, intercept included: areas + periods - connected parts.

    Area effects are eliminated and the period effects solved for in the small system that is left
    (the Schur complement of the normal equations), which is exact however unbalanced the panel and
    needs no iterations (Abowd, Creecy and Kramarz 2002 describe the system).

    Parameters
    ----------
    area, period : int arrays (rows,)
        Codes from 0 in which every code occurs; rows may be unbalanced and repeat a pair.
    weights : array (rows,) above 0, optional
    """
    n_areas, n_periods = int(area.max()) + 1, int(period.max()) + 1
    if n_areas < n_periods:  # the smaller set is solved for, the larger eliminated
        return without_effects(columns, period, area, weights)
    if n_areas * n_periods > MOST_CELLS:
        raise PanelError(
            f"{n_areas:,} areas by {n_periods:,} periods is too large a cross-table for two-way "
            "fixed effects. Use longer periods or fewer areas."
        )
    weights = np.ones(len(area)) if weights is None else weights
    cells = area.astype(np.int64) * n_periods + period
    table = np.bincount(cells, weights, n_areas * n_periods).reshape(n_areas, n_periods)
    totals = table.sum(axis=1, keepdims=True)
    schur = np.diag(table.sum(axis=0)) - table.T @ (table / totals)
    values, vectors = np.linalg.eigh(schur)
    kept = values > 1e-10 * max(values.max(), 1e-300)
    by_area, by_period = (
        sparse.csr_array((weights, (codes, np.arange(len(codes)))), (size, len(codes))) @ columns
        for codes, size in ((area, n_areas), (period, n_periods))
    )
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    period_effect = inverse @ (by_period - table.T @ (by_area / totals))
    area_effect = (by_area - table @ period_effect) / totals
    return columns - area_effect[area] - period_effect[period], n_areas + int(kept.sum())
