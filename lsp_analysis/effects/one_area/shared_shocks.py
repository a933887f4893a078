"""The common shock to the areas just beyond a neighbourhood's ring, and perhaps to it as well."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from lsp_analysis.effects.one_area.history import COUNT, LINEAR, Panel

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
