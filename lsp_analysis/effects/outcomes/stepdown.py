"""Many outcomes at once: p-values that allow for having looked at all of them.

All are ranked in the *same* placebo neighbourhoods, so that outcomes that go together are not paid
for twice (Romano and Wolf 2005, Econometrica 73:1237; Westfall and Young 1993).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

_FEWEST_FOR_GROWTH = 40  # placebos, to learn from how squares grow with level
_LEAST_USUAL = 0.1


def romano_wolf(statistics: np.ndarray) -> np.ndarray:
    """Step-down p-values, one per outcome, from one row per neighbourhood (treated first).

    The largest statistic is ranked among the placebos' largest over all outcomes, the next among
    their largest over those that remain, and so on; p-values never fall along the way.

    Parameters
    ----------
    statistics : array (1 + B, outcomes)
        Each column on its own scale: columns are put in units of the placebos' root mean square.
    """
    sizes = np.abs(in_units(statistics))
    order = np.argsort(-sizes[0], kind="stable")
    remaining = np.maximum.accumulate(sizes[1:, order][:, ::-1], axis=1)[:, ::-1]
    beaten = (remaining >= sizes[0, order] * (1 - 1e-12)).sum(axis=0)
    adjusted = np.maximum.accumulate((beaten + 1) / len(sizes))
    found = np.empty(len(order))
    found[order] = adjusted
    return found


def omnibus(statistics: np.ndarray, levels: np.ndarray | None = None) -> float:
    """p-value that nothing happened to any outcome: rank of the mean square.

    Parameters
    ----------
    statistics : array (1 + B, outcomes)
    levels : array (1 + B,), optional
        How high each neighbourhood stood before the start. Outcomes go together more where events
        are many, so that squares add up to more in the worst neighbourhood than in its placebos:
        what outcomes have in common, and the rest, are each scaled for how they grow with level.
    """
    units = in_units(statistics)
    if levels is None or units.shape[1] < 2 or len(units) <= _FEWEST_FOR_GROWTH:
        squares = (units**2).mean(axis=1)
    else:
        shared = np.linalg.svd(units[1:], full_matrices=False)[2][0]
        common = units @ shared
        rest = ((units - np.outer(common, shared)) ** 2).sum(axis=1)
        squares = _evened(common**2, levels) + _evened(rest, levels)
    beaten = (squares[1:] >= squares[0] * (1 - 1e-12)).sum()
    return float((beaten + 1) / len(squares))


def _evened(squares: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Squares over how large those of placebos of the same level are, as a share of their mean."""
    above = np.maximum(levels - levels[1:].min(), 0) ** 2
    parts = np.column_stack([np.ones(len(levels)), above])
    usual = parts @ nnls(parts[1:], squares[1:])[0] / max(squares[1:].mean(), 1e-12)
    return squares / np.maximum(usual, _LEAST_USUAL)


def in_units(statistics: np.ndarray) -> np.ndarray:
    """Statistics in units of the placebos' root mean square, column by column."""
    scale = np.sqrt((statistics[1:] ** 2).mean(axis=0))
    return statistics / np.maximum(scale, 1e-12)
