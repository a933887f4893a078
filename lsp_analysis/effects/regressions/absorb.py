"""Area and period effects taken out of columns, exactly, with a count of what was taken out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis.errors import PanelError

MOST_CELLS = 300_000_000
"""Areas x periods beyond which the cross-table no longer fits a small computer's memory."""


@dataclass(frozen=True)
class Absorber:
    """Projects columns off two sets of fixed effects.

    Every area seen in every period once: subtract area and period means. Otherwise area effects are
    eliminated first and the period effects solved for in the small system that is left (the Schur
    complement of the normal equations), which is exact however unbalanced the panel and needs no
    iterations (Abowd, Creecy and Kramarz 2002 describe the system; alternating projections only
    approach its solution).

    Attributes
    ----------
    rank : int
        Independent fixed effects, intercept included: areas + periods - connected parts of the
        panel.
    """

    area: np.ndarray
    period: np.ndarray
    n_areas: int
    n_periods: int
    weights: np.ndarray | None = None
    rank: int = 0
    _order: np.ndarray | None = field(default=None, repr=False)
    _balanced: bool = False
    _table: np.ndarray | None = field(default=None, repr=False)
    _totals: np.ndarray | None = field(default=None, repr=False)
    _inverse: np.ndarray | None = field(default=None, repr=False)

    def demean(self, columns: np.ndarray) -> np.ndarray:
        """`columns` (n,) or (n, k) less their area and period effects, rows in the order given."""
        columns = np.asarray(columns, dtype=float)
        if columns.ndim == 1:
            return self._demean_one(columns)
        return np.column_stack([self._demean_one(column) for column in columns.T])

    def _demean_one(self, column: np.ndarray) -> np.ndarray:
        if self._balanced:
            return self._subtract_means(column)
        weighted = column if self.weights is None else column * self.weights
        by_area = np.bincount(self.area, weighted, self.n_areas)
        by_period = np.bincount(self.period, weighted, self.n_periods)
        period_effect = self._inverse @ (by_period - self._table.T @ (by_area / self._totals))
        area_effect = (by_area - self._table @ period_effect) / self._totals
        return column - area_effect[self.area] - period_effect[self.period]

    def _subtract_means(self, column: np.ndarray) -> np.ndarray:
        grid = column if self._order is None else column[self._order]
        grid = grid.reshape(self.n_areas, self.n_periods)
        period_mean = grid.mean(axis=0)
        area_mean = grid.mean(axis=1) - period_mean.mean()
        flat = (grid - area_mean[:, None] - period_mean[None, :]).ravel()
        if self._order is None:
            return flat
        out = np.empty_like(flat)
        out[self._order] = flat
        return out


def absorber(
    area: pd.Series | np.ndarray,
    period: pd.Series | np.ndarray,
    weights: np.ndarray | None = None,
) -> Absorber:
    """Prepare to take area and period effects out of columns with these labels.

    Parameters
    ----------
    area, period : n labels each
        Any hashable labels; the rows may be unsorted, unbalanced and repeat a pair.
    weights : n positive numbers, optional
        Weights of a weighted regression; the same effects are then removed in that metric.
    """
    area_code, areas = pd.factorize(area)
    period_code, periods = pd.factorize(period)
    if (area_code < 0).any() or (period_code < 0).any():
        raise PanelError(
            "A row has no area or no period: drop it, or fill it in, before estimating."
        )
    return from_codes(area_code, period_code, len(areas), len(periods), weights)


def from_codes(
    area: np.ndarray,
    period: np.ndarray,
    n_areas: int,
    n_periods: int,
    weights: np.ndarray | None = None,
) -> Absorber:
    """As `absorber`, from whole-number codes 0 .. n-1 in which every code occurs."""
    if n_areas < n_periods:  # the smaller set is solved for, the larger eliminated
        area, period, n_areas, n_periods = period, area, n_periods, n_areas
    if weights is None and _is_balanced(area, period, n_areas, n_periods):
        order = _grid_order(area, period, n_periods)
        rank = n_areas + n_periods - 1
        return Absorber(area, period, n_areas, n_periods, rank=rank, _order=order, _balanced=True)
    return _unbalanced(area, period, n_areas, n_periods, weights)


def _is_balanced(area: np.ndarray, period: np.ndarray, n_areas: int, n_periods: int) -> bool:
    if len(area) != n_areas * n_periods:
        return False
    seen = np.zeros(n_areas * n_periods, dtype=bool)
    seen[area.astype(np.int64) * n_periods + period] = True
    return bool(seen.all())


def _grid_order(area: np.ndarray, period: np.ndarray, n_periods: int) -> np.ndarray | None:
    """Row numbers that put the panel in area-by-period order; None if it is so already."""
    position = area.astype(np.int64) * n_periods + period
    if (np.diff(position) == 1).all():
        return None
    order = np.empty(len(position), dtype=np.int64)
    order[position] = np.arange(len(position))
    return order


def _unbalanced(
    area: np.ndarray, period: np.ndarray, n_areas: int, n_periods: int, weights: np.ndarray | None
) -> Absorber:
    if n_areas * n_periods > MOST_CELLS:
        raise PanelError(
            f"{n_areas:,} areas by {n_periods:,} periods is too large a cross-table for two-way "
            "fixed effects. Use longer periods or fewer areas."
        )
    cell = area.astype(np.int64) * n_periods + period
    table = (
        np.bincount(cell, weights, n_areas * n_periods).reshape(n_areas, n_periods).astype(float)
    )
    totals = table.sum(axis=1)
    schur = np.diag(table.sum(axis=0)) - table.T @ (table / totals[:, None])
    values, vectors = np.linalg.eigh(schur)
    kept = values > 1e-10 * max(values.max(), 1e-300)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return Absorber(
        area,
        period,
        n_areas,
        n_periods,
        weights=weights,
        rank=n_areas + int(kept.sum()),
        _table=table,
        _totals=totals,
        _inverse=inverse,
    )
