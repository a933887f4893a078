"""The past of every area, and the regression on it that expectations come from, fitted for each
neighbourhood without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsp_analysis.effects.one_area.attenuation import bent_by_noise
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.one_area.scale import CountScale, IdentityScale, count_scale
from lsp_analysis.effects.one_area.surroundings import next_door
from lsp_analysis.effects.one_area.windows import Ledger, windows_before

_AREAS_FOR_CURVE = 60
_AREAS_PER_TERM = 10
_ROUNDING = 1e-13  # share of values by which arithmetic alone parts them
_LEAST_T2 = 0.1  # squared t that a drawn coefficient is given at the least
_LEAST_DRAW = 1e-4  # of a drawn column's own size


@dataclass(frozen=True)
class Past:
    """What is known of every area before the start, on the scale on which areas are compared.

    Attributes
    ----------
    values : float array (areas, windows)
        Outcome in each window before the start, the last first.
    exposure : float array (areas, windows)
        What each value rests on; 0 where it was filled in.
    lengths : float array (windows,)
        Exposure after the start as a multiple of each window's.
    """

    values: np.ndarray
    exposure: np.ndarray
    lengths: np.ndarray

    @property
    def level(self) -> np.ndarray:
        """Level over all windows, each by its exposure; float array (areas,)."""
        return self.values @ (1 / self.lengths) / (1 / self.lengths).sum()


def transformed(
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


def past_terms(
    past: Past, pool: PlaceboPool, scale: CountScale | IdentityScale
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the regression, and which of them are drawn towards nothing; (areas, columns) and
    (columns,).

    Intercept and centred windows; where there are areas enough how their mean bends, for what
    regresses to the mean does not do so in a straight line; where neighbours are known, the level
    of the areas next door and how it moved of late, for an area among bad ones is less likely to
    have looked bad by chance, and what came over all of them lasts longer than chance.
    """
    comparison = pool.comparison
    windows = _centred(past.values, comparison)
    level = _centred(past.level, comparison)
    drawn = []
    if comparison.sum() >= _AREAS_FOR_CURVE:
        if scale.relative:
            shift, bend = bent_by_noise(past.level, past.exposure.sum(axis=1), comparison, scale)
            windows = windows + shift[:, None]
        else:
            bend = level**2 / max(level[comparison].std(), np.finfo(float).tiny)
        drawn.append(bend - bend[comparison].mean())
    drawn += [side - side[comparison].mean() for side in _beside(past, level, pool)]
    free = 1 + windows.shape[1]
    terms = np.column_stack([np.ones(len(windows)), windows, *drawn])
    return terms, np.arange(terms.shape[1]) >= free


def _centred(values: np.ndarray, comparison: np.ndarray) -> np.ndarray:
    """Values less their mean in comparison areas; 0 where those differ by rounding alone."""
    among = values[comparison]
    apart = values - among.mean(axis=0)
    differ = np.ptp(among, axis=0) > _ROUNDING * np.abs(among).max(axis=0)
    return np.where(differ, apart, 0.0)


def _beside(past: Past, level: np.ndarray, pool: PlaceboPool) -> list[np.ndarray]:
    """Columns of what is seen next door: the level, and how far the last window is above it."""
    if pool.adjacency is None:
        return []
    seen = [level]
    if past.values.shape[1] > 1:
        seen.append(_centred(past.values[:, 0], pool.comparison) - level)
    known = past.exposure.sum(axis=1) > 0
    return [next_door(one, known, pool.adjacency) for one in seen]


def drawing_ridge(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray, drawn: np.ndarray
) -> np.ndarray:
    """Penalty on each column's coefficient: none, but for those `drawn` its squared standard error
    over its square, and a trace more, so that what the windows say as well is left to them.

    That draws a coefficient of t standard errors to t^2 / (1 + t^2) of itself, the best that can be
    done for one of that size. In full it would cost more power at the end of the range, where the
    treated neighbourhood is, than it saves in bias where there is none.
    """
    ridge = np.zeros(terms.shape[1])
    if drawn.any():
        squares, products = _normal_equations(terms, after, weights)
        inverse = np.linalg.inv(_steadied(squares.sum(axis=0)))
        coefficients = inverse @ products.sum(axis=0)
        rest = weights * (after - terms @ coefficients) ** 2
        variance = rest.sum() / max((weights > 0).sum() - len(ridge), 1)
        square = np.maximum(coefficients**2, _LEAST_T2 * variance * np.diagonal(inverse))
        ridge[drawn] = _LEAST_DRAW * np.diagonal(squares.sum(axis=0))[drawn]
        found = drawn & (square > 0)
        ridge[found] += variance / square[found]
    return ridge


def _normal_equations(
    terms: np.ndarray, after: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each area's part of the cross-products."""
    squares = terms[:, :, None] * terms[:, None, :] * weights[:, None, None]
    return squares, terms * (weights * after)[:, None]


def fit_without(
    terms: np.ndarray,
    after: np.ndarray,
    weights: np.ndarray,
    pool: PlaceboPool,
    ridge: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (1 + B, terms) and their covariance in units of error variance, for each
    neighbourhood, fitted without its areas and without those next to it, as the treated one's are.

    The covariance is half-way between that of the penalised and of the full fit: a penalty learnt
    from the same areas makes a coefficient less certain than one known beforehand would.
    """
    squares, products = _normal_equations(terms, after, weights * pool.comparison)
    flat = squares.reshape(len(terms), -1)
    size = terms.shape[1]
    left_out = _left_out(pool, fewest=2 * size).astype(float)
    cross = (flat.sum(axis=0) - left_out @ flat).reshape(-1, size, size)
    inverse = np.linalg.inv(_steadied(cross + np.diag(ridge)))
    coefficients = np.einsum("gij,gj->gi", inverse, products.sum(axis=0) - left_out @ products)
    return coefficients, (inverse + np.linalg.inv(_steadied(cross))) / 2


def _left_out(pool: PlaceboPool, *, fewest: int) -> np.ndarray:
    """Areas of each neighbourhood and next to it, bool array (1 + B, areas); only its own where
    fewer than `fewest` others would be left."""
    if pool.adjacency is None:
        return pool.members
    wide = pool.with_ring
    enough = (pool.comparison & ~wide).sum(axis=1) >= fewest
    return np.where(enough[:, None], wide, pool.members)


def _steadied(cross: np.ndarray) -> np.ndarray:
    """Cross-products that can be inverted even where a window is the same in every area.

    A ridge in proportion to each column's own size, so that units do not matter.
    """
    own = np.einsum("...jj->...j", cross)
    return cross + np.where(own > 0, 1e-9 * own, 1.0)[..., None] * np.eye(cross.shape[-1])


def fit_common(
    terms: np.ndarray,
    after: np.ndarray,
    weights: np.ndarray,
    ridge: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fitted values for all areas from those with weight, each one's leverage, coefficients."""
    squares, products = _normal_equations(terms, after, weights)
    inverse = np.linalg.inv(_steadied(squares.sum(axis=0) + np.diag(ridge)))
    leverage = np.einsum("ai,ij,aj->a", terms, inverse, terms) * weights
    coefficients = inverse @ products.sum(axis=0)
    return terms @ coefficients, np.minimum(leverage, 0.9), coefficients
