"""Choices among units before any draw: pairs that are most alike, and units that lie apart."""

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
    within = distance[np.arange(len(mates)), mates]
    firsts = np.flatnonzero(np.arange(len(mates)) < mates)
    firsts = firsts[np.argsort(within[firsts], kind="stable")]
    number = np.zeros(len(units), int)
    number[firsts] = number[mates[firsts]] = np.arange(1, len(firsts) + 1)
    return units.assign(pair=number, pair_distance=within).sort_values(
        ["pair", unit], ignore_index=True
    )


def mahalanobis(values: np.ndarray, *, names: Sequence[str]) -> np.ndarray:
    """Distances between all rows, counting correlated columns once and in their own spread."""
    if not np.isfinite(values).all():
        lacking = np.array(names)[~np.isfinite(values).all(axis=0)]
        raise DesignError(
            f"{', '.join(lacking)} is missing for some units. Units are matched on what is known "
            "of all of them: fill it in, or match on something else."
        )
    spread = np.atleast_2d(np.cov(values, rowvar=False))
    apart = values[:, None, :] - values[None, :, :]
    return np.sqrt(np.maximum(np.einsum("ijk,kl,ijl->ij", apart, np.linalg.pinv(spread), apart), 0))


def spaced_units(units: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.Series:
    """Which units to keep so that none are neighbours, as many as possible: a bool per row.

    The others are the buffer: they take no part. It is the largest independent set; among equals,
    units that come first in the file are kept.
    """
    n, place = len(units), {unit: i for i, unit in enumerate(units["unit"].astype(str))}
    ends = [(place[a], place[b]) for a, b in pairs if a != b and a in place and b in place]
    if not ends:
        return pd.Series(True, index=units.index)
    costs = np.arange(n) / (2.0 * n**2) - 1
    edges = np.repeat(np.arange(len(ends)), 2)
    return pd.Series(_cheapest(costs, edges, np.ravel(ends), at_least=0), index=units.index)


def _perfect_matching(distance: np.ndarray) -> np.ndarray:
    """Position of each unit's mate; the sum of distances is the least there is."""
    first, second = np.triu_indices(len(distance), k=1)
    edges = np.tile(np.arange(len(first)), 2)
    taken = _cheapest(distance[first, second], np.concatenate([first, second]), edges, at_least=1)
    mates = np.zeros(len(distance), int)
    mates[first[taken]], mates[second[taken]] = second[taken], first[taken]
    return mates


def _cheapest(
    costs: np.ndarray, of: np.ndarray, option: np.ndarray, *, at_least: int
) -> np.ndarray:
    """Options to take at the least cost by integer programming, at most one of each `of`."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csr_array

    touches = csr_array((np.ones(len(of)), (of, option)), shape=(of.max() + 1, len(costs)))
    found = milp(
        costs,
        integrality=np.ones(len(costs)),
        bounds=(0, 1),
        constraints=LinearConstraint(touches, at_least, 1),
        options={"mip_rel_gap": 0.0},
    )
    if not found.success:
        raise DesignError(
            f"No best set of units was found ({found.message}). Match on fewer columns, or take "
            "fewer units."
        )
    return found.x > 0.5
