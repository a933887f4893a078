"""Intervals from a randomisation test, without a search.

Suppose the effect is tau. Then the outcome less tau times the exposure is what each unit would
have shown anyway, and its statistic under allocation b is ``a_b - tau c_b``, against ``a_0 - tau
c_0`` for the allocation that happened. Allocation b is at least as extreme where::

    (a_b - tau c_b)^2 >= (a_0 - tau c_0)^2

a quadratic inequality in tau, solved in closed form. The p-value of tau is the share of
allocations whose solution holds tau, and the interval holds every tau whose p-value is above 1 -
level.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-9  # statistics nearer than this, relatively, count as tied


def as_extreme(a: np.ndarray, a_0: float) -> np.ndarray:
    """Which statistics are as large as the observed one, ties and rounding counted in."""
    return np.abs(a) >= abs(a_0) - ROUNDING * max(abs(a_0), float(np.abs(a).max(initial=0.0)))


def interval(
    a: np.ndarray, c: np.ndarray, a_0: float, c_0: float, *, level: float
) -> tuple[float, float]:
    """The outermost effects that a test at ``1 - level`` does not reject; infinite where none ends.

    Parameters
    ----------
    a, c : array, one number per allocation
        Statistics of the outcome and of the exposure; the observed allocation is among them.
    a_0, c_0 : float
        Those of the observed allocation.
    """
    if c_0 == 0:
        return -np.inf, np.inf
    needed = (1 - level) * len(a) * (1 + 1e-12)
    middle = a_0 / c_0
    rest = a - middle * c
    rest = np.where(np.abs(rest) <= ROUNDING * float(np.abs(a).max()), 0.0, rest)
    high = _outermost(*_stretches(rest, c, c_0), needed)
    low = _outermost(*_stretches(rest, -c, -c_0), needed)
    return float(middle - low), float(middle + high)


def _stretches(rest: np.ndarray, c: np.ndarray, c_0: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each allocation is as extreme, right of the estimate: first ends, later starts.

    With tau = estimate + t the inequality is ``|rest - t c| >= |t c_0|``. At t = 0 it holds; going
    right it holds up to the first root and, where ``|c| > |c_0|``, again from the second root on.
    """
    size = abs(c_0)
    near_equal = ROUNDING * size
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([rest / (c + size), rest / (c - size)])
    degenerate = np.stack([np.abs(c + size) <= near_equal, np.abs(c - size) <= near_equal])
    roots = np.where(degenerate | (roots <= 0) | np.isnan(roots), np.inf, roots)
    nothing = rest == 0
    end, again = np.sort(roots, axis=0)
    steep = np.abs(c) > size + near_equal
    end = np.where(nothing, np.where(np.abs(c) >= size - near_equal, np.inf, 0.0), end)
    return end, np.where(steep & ~nothing, again, np.inf)


def _outermost(ends: np.ndarray, starts: np.ndarray, needed: float) -> float:
    """The largest t at which more than `needed` allocations are as extreme."""
    starts = np.sort(starts[np.isfinite(starts)])
    ends = np.sort(ends)
    if np.isinf(ends).sum() + len(starts) > needed:
        return np.inf
    places = np.unique(ends[np.isfinite(ends)])
    holding = len(ends) - np.searchsorted(ends, places, side="left")
    holding = holding + np.searchsorted(starts, places, side="right")
    enough = np.flatnonzero(holding > needed)
    return float(places[enough[-1]]) if len(enough) else 0.0
