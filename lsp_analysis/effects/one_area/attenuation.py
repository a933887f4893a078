"""How a level seen with the noise of small counts regresses to the mean: not in a straight line.

Of two areas as far from the middle, the one with fewer events has more chance in its level, so more
of it goes away. On the steadied scale the share that stays therefore changes along the range.
"""

from __future__ import annotations

import numpy as np

from lsp_analysis.effects.one_area.scale import CountScale

_POINTS = 200
_ROUNDING = 1e-13  # share of levels by which arithmetic alone parts them
_LEAST_BETWEEN = 0.01  # variance between areas' log levels, at the least


def bent_by_noise(
    level: np.ndarray, exposure: np.ndarray, comparison: np.ndarray, scale: CountScale
) -> tuple[np.ndarray, np.ndarray]:
    """What to add to a level so that what is expected of it is a straight line, and the shape of
    that bend, standardised; float arrays (areas,), both nothing where it is straight.

    The slope of the expected log rate in the observed one is its reliability, V / (V + n): V the
    variance between areas, n that of chance where the level is (regression calibration: Carroll,
    Ruppert, Stefanski and Crainiceanu 2006, Measurement Error in Nonlinear Models, ch. 4).

    Parameters
    ----------
    level : float array (areas,)
        Transformed level before the start.
    exposure : float array (areas,)
        Person-periods it rests on.
    comparison : bool array (areas,)
        Areas that the variance between areas and the straight line are taken from.
    """
    nothing = np.zeros_like(level)
    among = level[comparison]
    if np.ptp(among) <= _ROUNDING * np.abs(among).max():
        return nothing, nothing
    typical = np.full(1, np.median(exposure[comparison]))
    chance = 1 / (scale.expected(among, typical) + 0.5)
    stretch = scale.slope(among) ** 2
    between = (among.var() - (stretch * chance).mean()) / stretch.mean()
    between = max(between, _LEAST_BETWEEN)
    grid = np.linspace(level.min(), level.max(), _POINTS)
    stays = between / (between + 1 / (scale.expected(grid, typical) + 0.5))
    steps = (stays[1:] + stays[:-1]) / 2 * np.diff(grid)
    expected = np.interp(level, grid, np.concatenate([[0.0], np.cumsum(steps)]))
    slope, origin = np.polyfit(among, expected[comparison], 1)
    bend = expected - origin - slope * level
    size = bend[comparison].std()
    if slope <= 0 or size < 1e-9 * among.std():
        return nothing, nothing
    return bend / slope, bend / size
