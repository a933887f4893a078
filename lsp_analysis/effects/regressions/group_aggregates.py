"""Group-time effects put together: one number, or by time since start, group or period."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.regressions.group_time import Cell
from lsp_analysis.errors import PanelError, ParameterError

KINDS = ("simple", "dynamic", "group", "calendar")


@dataclass(frozen=True)
class Combined:
    """Weighted averages of group-time effects.

    Attributes
    ----------
    keys : array (rows,)
        What each row is for: time since start, group, or period; empty for "simple".
    estimates : array (rows,)
    influences : array (areas, rows)
    overall : float
        Average of the rows (for "dynamic": of those from the start on).
    overall_influence : array (areas,)
    """

    keys: np.ndarray
    estimates: np.ndarray
    influences: np.ndarray = field(repr=False)
    overall: float
    overall_influence: np.ndarray = field(repr=False)


def combine(cells: list[Cell], starts: np.ndarray, kind: str) -> Combined:
    """Averages of `cells` of one `kind`, weighted by the share of areas in each group.

    "simple" averages over every treated area and period; "dynamic" by time since start; "group" by
    starting period, then over groups; "calendar" by period. Influences allow for the groups' shares
    being estimates too (Callaway and Sant'Anna 2021, section 4).
    """
    if kind not in KINDS:
        raise ParameterError(f"aggregate={kind!r} is not known: use {', '.join(KINDS)}.")
    cells = [cell for cell in cells if kind == "dynamic" or cell.period >= cell.group]
    if not any(cell.period >= cell.group for cell in cells):
        raise PanelError("No group has a period after its start that could be compared.")
    share = _Shares(starts)
    if kind == "simple":
        overall, influence = share.average(cells)
        nothing = np.empty(0)
        return Combined(nothing, nothing, np.empty((len(starts), 0)), overall, influence)
    key = _KEYS[kind]
    keys = np.array(sorted({key(cell) for cell in cells}))
    chosen = [[cell for cell in cells if key(cell) == k] for k in keys]
    rows = [share.average(part, equally=kind == "group") for part in chosen]
    estimates = np.array([row[0] for row in rows])
    influences = np.column_stack([row[1] for row in rows])
    counted = keys >= 0 if kind == "dynamic" else np.ones(len(keys), dtype=bool)
    if kind == "group":
        overall, influence = share.weigh(keys, estimates, influences)
    else:
        overall = float(estimates[counted].mean())
        influence = influences[:, counted].mean(axis=1)
    return Combined(keys, estimates, influences, overall, influence)


_KEYS: dict[str, Callable[[Cell], int]] = {
    "dynamic": lambda cell: cell.period - cell.group,
    "group": lambda cell: cell.group,
    "calendar": lambda cell: cell.period,
}


@dataclass(frozen=True)
class _Shares:
    """Share of all areas that start in each period, and each area's influence on it."""

    starts: np.ndarray

    def average(self, cells: list[Cell], equally: bool = False) -> tuple[float, np.ndarray]:
        """Mean of `cells`, each weighted by its group's share unless `equally`."""
        estimates = np.array([cell.estimate for cell in cells])
        influences = np.column_stack([np.nan_to_num(cell.influence) for cell in cells])
        if equally:
            return float(estimates.mean()), influences.mean(axis=1)
        return self.weigh(np.array([cell.group for cell in cells]), estimates, influences)

    def weigh(
        self, groups: np.ndarray, estimates: np.ndarray, influences: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Mean of `estimates` weighted by the shares of their `groups`, and its influences."""
        member = (self.starts[:, None] == groups).astype(float)
        share = member.mean(axis=0)
        total = share.sum()
        weights = share / total
        distance = member - share
        of_weights = distance / total - distance.sum(axis=1, keepdims=True) * share / total**2
        return float(weights @ estimates), influences @ weights + of_weights @ estimates


def standard_errors(influences: np.ndarray) -> np.ndarray:
    """Standard errors of estimates from areas' influences on them (areas, estimates)."""
    return np.sqrt((influences**2).sum(axis=0)) / len(influences)


def simultaneous_critical(influences: np.ndarray, level: float, n_draws: int, seed: int) -> float:
    """Multiplier that makes intervals hold for all estimates at once, by the multiplier bootstrap.

    Areas' influences are multiplied by random numbers of mean 0 and variance 1 (Mammen 1993); never
    less than the normal multiplier for one estimate.
    """
    se = standard_errors(influences)
    influences = influences[:, se > 0]
    pointwise = float(stats.norm.ppf(0.5 + level / 2))
    if not influences.shape[1] or not n_draws:
        return pointwise
    golden = (1 + np.sqrt(5)) / 2
    chance = golden / np.sqrt(5)
    draws = np.random.default_rng(seed).random((n_draws, len(influences))) < chance
    multipliers = np.where(draws, 1 - golden, golden)
    shifts = np.abs(multipliers @ influences) / len(influences) / se[se > 0]
    return max(pointwise, float(np.quantile(shifts.max(axis=1), level)))


def effect_table(
    labels: pd.DataFrame,
    estimates: np.ndarray,
    influences: np.ndarray,
    critical: float,
    withheld: bool,
) -> pd.DataFrame:
    """Columns of `labels` and estimate, se, low, high, p_value; bands of width `critical`.

    Parameters
    ----------
    labels : DataFrame (rows, any columns), what each estimate is of
    estimates : array (rows,)
    influences : array (areas, rows)
    critical : float
        Half-width of the intervals in standard errors.
    withheld : bool
        Whether intervals and p-values are left missing.
    """
    se = standard_errors(influences)
    se[~np.isfinite(se)] = 0.0
    blank = np.where((se > 0) & (not withheld), 1.0, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * stats.norm.sf(np.abs(estimates / se))
    return labels.assign(
        estimate=estimates,
        se=se,
        low=estimates - critical * se * blank,
        high=estimates + critical * se * blank,
        p_value=p_value * blank,
    )
