"""Matched pairs: who is most like whom on what was measured before, over all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsp_analysis.errors import DesignError


def match_pairs(units: pd.DataFrame, *, on: Sequence[str], unit: str = "unit") -> pd.DataFrame:
    """Pairs with the smallest total Mahalanobis distance, found by integer programming.

    A greedy match takes the closest pair first and leaves the rest to each other; this one looks
    at all pairs together (optimal nonbipartite matching, Greevy and others 2004).

    Parameters
    ----------
    units : DataFrame, one row per unit, an even number of them
    on : list of str
        Columns to match on: the baseline outcome, and covariates that foretell the outcome.
    unit : str
        Column with the unit's name.

    Returns
    -------
    `units` with the columns ``pair`` (1, 2, ..., the closest pair first) and ``pair_distance``.

    Raises
    ------
    DesignError
        An odd number of units, or a missing value in a column to match on.
    """
    if len(units) % 2 or units.empty:
        raise DesignError(
            f"{len(units)} units cannot be paired off. Leave one out before the pairs are made, "
            "and say in the protocol which and why."
        )
    distance = mahalanobis(units[list(on)].to_numpy(float), names=on)
    mates = _perfect_matching(distance)
    firsts = sorted(
        (i for i in range(len(mates)) if i < mates[i]), key=lambda i: distance[i, mates[i]]
    )
    number = np.zeros(len(units), int)
    for position, first in enumerate(firsts, start=1):
        number[[first, mates[first]]] = position
    within = distance[np.arange(len(mates)), mates]
    return units.assign(pair=number, pair_distance=within).sort_values(
        ["pair", unit], ignore_index=True
    )


def mahalanobis(values: np.ndarray, *, names: Sequence[str]) -> np.ndarray:
    """Distances between all rows, counting correlated columns once and in their own spread."""
    if not np.isfinite(values).all():
        lacking = [
            name for name, column in zip(names, values.T, strict=True) if np.isnan(column).any()
        ]
        raise DesignError(
            f"{', '.join(lacking)} is missing for some units. Units are matched on what is known "
            "of "
            "all of them: fill it in, or match on something else."
        )
    spread = np.atleast_2d(np.cov(values, rowvar=False))
    apart = values[:, None, :] - values[None, :, :]
    return np.sqrt(np.maximum(np.einsum("ijk,kl,ijl->ij", apart, np.linalg.pinv(spread), apart), 0))


def _perfect_matching(distance: np.ndarray) -> np.ndarray:
    """Position of each unit's mate; the sum of distances is the least there is."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csr_array

    first, second = np.triu_indices(len(distance), k=1)
    edges = np.arange(len(first))
    ends = np.concatenate([first, second]), np.concatenate([edges, edges])
    touches = csr_array((np.ones(2 * len(first)), ends), shape=(len(distance), len(first)))
    found = milp(
        distance[first, second],
        integrality=np.ones(len(first)),
        bounds=(0, 1),
        constraints=LinearConstraint(touches, 1, 1),
        options={"mip_rel_gap": 0.0},
    )
    if not found.success:
        raise DesignError(
            f"No best set of pairs was found ({found.message}). Match on fewer columns."
        )
    chosen = np.flatnonzero(found.x > 0.5)
    mates = np.zeros(len(distance), int)
    mates[first[chosen]], mates[second[chosen]] = second[chosen], first[chosen]
    return mates
