"""What the areas about a neighbourhood say of it: their level before the start, and what those
beyond its ring did after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lsp_analysis.effects.one_area.placebo import PlaceboPool

_FEWEST_DISJOINT = 4
_LEAST_LEFT = 0.1  # share of the shock that surroundings never explain


def next_door(level: np.ndarray, known: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    """Mean level of the areas next to each, of which it is `known`; 0 where there are none.

    Parameters
    ----------
    level : float array (areas,), centred
    known : bool array (areas,)
    adjacency : bool array (areas, areas)
    """
    beside = (adjacency & known).astype(float)
    return beside @ level / np.maximum(beside.sum(axis=1), 1)


def beyond_ring(apart: np.ndarray, weights: np.ndarray, pool: PlaceboPool) -> np.ndarray:
    """Mean of what areas just beyond the ring of each neighbourhood differ from expected by.

    Parameters
    ----------
    apart : float array (1 + B, areas)
        Differences from the expectation fitted without that neighbourhood and its ring.
    weights : float array (areas,)
        How surely each is known.

    Returns
    -------
    float array (1 + B,)
        0 where neighbours are not known, or no comparison area lies just beyond the ring.
    """
    if pool.adjacency is None:
        return np.zeros(len(apart))
    wide = pool.with_ring
    beyond = (wide.astype(float) @ pool.adjacency > 0) & ~wide & pool.comparison
    share = beyond * weights
    return (share * apart).sum(axis=1) / np.maximum(share.sum(axis=1), np.finfo(float).tiny)


class Carried(NamedTuple):
    """How much of what areas beyond a ring did the neighbourhood did as well (`slope`), and the
    variance that knowing it saves (`saved`)."""

    slope: float
    saved: float


NOTHING_CARRIED = Carried(0.0, 0.0)


def carried_over(own: np.ndarray, beyond: np.ndarray, n_disjoint: int) -> Carried:
    """How much of what areas beyond the ring did a neighbourhood did as well, and the variance that
    knowing it saves.

    Regression of `own` on `beyond` over placebos, drawn to t^2 / (1 + t^2) of itself, t counting
    placebos that overlap once. Never negative: what is shared is alike on both sides of a ring.
    Nothing where fewer than four placebos are apart: a line through as few says little.

    Parameters
    ----------
    own, beyond : float arrays (B,)
        Differences from the expectation of each placebo, and of the areas beyond its ring.
    n_disjoint : int
        Placebos that share no area with one another.
    """
    if n_disjoint < _FEWEST_DISJOINT:
        return NOTHING_CARRIED
    square = float(beyond @ beyond)
    slope = max(float(own @ beyond), 0.0) / square if square > 0 else 0.0
    rest = float(np.mean((own - slope * beyond) ** 2)) if slope else 0.0
    if not rest:
        return NOTHING_CARRIED
    t2 = slope**2 * square / rest * n_disjoint / len(own)
    slope *= t2 / (1 + t2)
    return Carried(slope, float(np.mean(own**2) - np.mean((own - slope * beyond) ** 2)))


def left_of(shock: np.ndarray, saved: np.ndarray) -> np.ndarray:
    """Variance of a neighbourhood's shock once its surroundings are known."""
    return np.maximum(shock - saved, _LEAST_LEFT * shock)
