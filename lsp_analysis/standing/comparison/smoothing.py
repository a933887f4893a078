"""Small-area rates shrunk towards the overall rate, the more so the less each area says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lsp_analysis.standing.checks import as_events


def empirical_bayes(events: ArrayLike, population: ArrayLike) -> np.ndarray:
    """Global empirical Bayes rates (Marshall 1991).

    Each rate is a mean of the area's own and the overall rate. The weight of its own is the share
    of true variation between areas in all the variation one would see at its population; when the
    areas differ by no more than chance, all get the overall rate.

    Parameters
    ----------
    events, population : arrays of one length, one element per area
        An area without people, or with a missing count, has no rate and does not count.

    Returns
    -------
    array of float
        Events per head, between the area's own rate and the overall one.
    """
    events, population = as_events(events, population)
    known = ~np.isnan(events / population)
    if not known.any():
        return np.full(events.shape, np.nan)
    people = population[known].sum()
    overall = events[known].sum() / people
    rates = events / population
    spread = (population * (rates - overall) ** 2)[known].sum() / people
    between = max(spread - overall / population[known].mean(), 0.0)
    by_chance = overall / population
    total = between + by_chance
    weight = np.divide(between, total, out=np.zeros_like(total), where=total != 0)
    return np.where(known, overall + weight * (rates - overall), np.nan)
