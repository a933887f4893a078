"""Placebo neighbourhoods: contiguous groups of the treated one's size, outside its spillover
ring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis.effects.eligible import neighbour_pairs
from lsp_analysis.errors import PanelError

MOST_CELLS = 200_000_000  # placebos x areas: several such tables of numbers are held at once
GROUPS_PER_AREA = 3  # placebo groups grown from each area, before repeats are struck out


@dataclass(frozen=True)
class PlaceboPool:
    """The treated neighbourhood and the placebos it is ranked among.

    Attributes
    ----------
    members : bool array (1 + B, areas)
        Row 0 is the treated neighbourhood, the others are placebos.
    comparison : bool array (areas,)
        Areas the expectation is fitted on: neither treated nor in the spillover ring.
    n_disjoint : int
        How many placebos share no area with one another (counted greedily, so a lower bound).
    contiguous : bool
        Whether placebos of several areas are each in one piece.
    adjacency : bool array (areas, areas), optional
    """

    members: np.ndarray
    comparison: np.ndarray
    n_disjoint: int
    contiguous: bool
    adjacency: np.ndarray | None = None

    @property
    def n_placebos(self) -> int:
        """Number of placebo neighbourhoods, B."""
        return len(self.members) - 1

    @cached_property
    def with_ring(self) -> np.ndarray:
        """Each neighbourhood and the areas next to it; bool array (1 + B, areas)."""
        if self.adjacency is None:
            return self.members
        return self.members | (self.members.astype(float) @ self.adjacency > 0)


def adjacency_matrix(
    codes: Sequence[str], neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None
) -> np.ndarray | None:
    """Symmetric bool array (areas, areas) from pairs of codes; pairs with unknown codes are left
    out."""
    if neighbours is None:
        return None
    position = {code: i for i, code in enumerate(codes)}
    matrix = np.zeros((len(codes), len(codes)), dtype=bool)
    for first, second in neighbour_pairs(neighbours, codes):
        if first in position and second in position and first != second:
            matrix[position[first], position[second]] = True
    return matrix | matrix.T


def grow_group(
    adjacency: np.ndarray, seed_area: int, size: int, rng: np.random.Generator
) -> tuple[int, ...] | None:
    """A contiguous group of `size` areas grown from one by adding neighbours at random."""
    group = [seed_area]
    border = adjacency[seed_area].copy()
    while len(group) < size:
        border[group] = False
        choices = np.flatnonzero(border)
        if not len(choices):
            return None
        chosen = int(rng.choice(choices))
        group.append(chosen)
        border |= adjacency[chosen]
    return tuple(sorted(group))


def contiguous_groups(
    adjacency: np.ndarray, size: int, *, allowed: np.ndarray, seed: int
) -> np.ndarray:
    """Distinct contiguous groups of `size` allowed areas, `GROUPS_PER_AREA` grown from each.

    Parameters
    ----------
    adjacency : bool array (areas, areas)
    allowed : bool array (areas,)

    Returns
    -------
    bool array (groups, areas)
    """
    inside = adjacency & allowed[:, None] & allowed[None, :]
    seeds = np.flatnonzero(allowed)
    if size == 1:
        return _as_rows([(area,) for area in seeds], len(allowed))
    rng = np.random.default_rng(seed)
    grown = {grow_group(inside, area, size, rng) for area in seeds for _ in range(GROUPS_PER_AREA)}
    return _as_rows(sorted(grown - {None}), len(allowed))


def scattered_groups(size: int, *, allowed: np.ndarray, seed: int) -> np.ndarray:
    """Random groups of `size` allowed areas, for panels that come without neighbours."""
    rng = np.random.default_rng(seed)
    areas = np.flatnonzero(allowed)
    if len(areas) < size:
        return np.zeros((0, len(allowed)), dtype=bool)
    draws = {
        tuple(sorted(rng.choice(areas, size, replace=False).tolist()))
        for _ in range(GROUPS_PER_AREA * len(areas))
    }
    return _as_rows(sorted(draws), len(allowed))


def _as_rows(groups: Iterable[Sequence[int]], n_areas: int) -> np.ndarray:
    groups = list(groups)
    rows = np.zeros((len(groups), n_areas), dtype=bool)
    for row, group in zip(rows, groups, strict=True):
        row[list(group)] = True
    return rows


def draw_pool(
    treated: np.ndarray, *, eligible: np.ndarray, adjacency: np.ndarray | None, seed: int
) -> PlaceboPool:
    """The treated neighbourhood and every placebo drawn for it.

    Parameters
    ----------
    treated, eligible : bool arrays (areas,)
        Treated areas; areas with enough data to compare.
    adjacency : bool array (areas, areas), optional
        Without it there is no spillover ring and placebos of several areas are not contiguous.

    Raises
    ------
    PanelError
        When no placebo of the treated one's size is left, or there are too many to hold.
    """
    ring = treated if adjacency is None else treated | adjacency[treated].any(axis=0)
    comparison = eligible & ~ring
    size = int(treated.sum())
    _check_fits(int(comparison.sum()), len(treated), size)
    contiguous = size == 1 or (adjacency is not None and _in_one_piece(adjacency, treated))
    if size == 1 or contiguous:
        network = np.eye(len(treated), dtype=bool) if adjacency is None else adjacency
        groups = contiguous_groups(network, size, allowed=comparison, seed=seed)
    else:
        groups = scattered_groups(size, allowed=comparison, seed=seed)
    if not len(groups):
        raise PanelError(
            f"No comparison is left: of {int(eligible.sum())} areas with data, "
            f"{int(comparison.sum())} lie "
            "outside the treated neighbourhood and its neighbours, and none of them form a "
            f"group of {size}. "
            "Give a panel with more areas, or fewer treated ones."
        )
    return PlaceboPool(
        members=np.vstack([treated, groups]),
        comparison=comparison,
        n_disjoint=count_disjoint(groups),
        contiguous=contiguous,
        adjacency=adjacency,
    )


def _check_fits(n_compared: int, n_areas: int, size: int) -> None:
    groups = n_compared * (1 if size == 1 else GROUPS_PER_AREA)
    if groups * n_areas > MOST_CELLS:
        raise PanelError(
            f"The panel has {n_areas:,} areas and up to {groups:,} placebo neighbourhoods, more "
            "than can be judged at once. Compare within a region: a few thousand areas near the "
            "treated ones, or like them, say as much."
        )


def _in_one_piece(adjacency: np.ndarray, group: np.ndarray) -> bool:
    reached = np.zeros_like(group)
    reached[np.flatnonzero(group)[0]] = True
    while True:
        further = (reached | adjacency[reached].any(axis=0)) & group
        if (further == reached).all():
            return bool((reached == group).all())
        reached = further


def count_disjoint(groups: np.ndarray) -> int:
    """How many rows of a bool array (groups, areas) can be taken, in order, that share no area."""
    taken = np.zeros(groups.shape[1], dtype=bool)
    count = 0
    for group in groups:
        if not (group & taken).any():
            taken |= group
            count += 1
    return count


def rank_p_value(observed: float, placebos: np.ndarray) -> float:
    """(b + 1) / (B + 1), b placebos being at least as far from zero as `observed`; never 0.

    Phipson and Smyth (2010), Permutation p-values should never be zero.
    """
    nearer = np.abs(placebos) < abs(observed) * (1 - 1e-12)
    extreme = int((~nearer).sum())  # what is no number is no evidence either
    return (extreme + 1) / (len(placebos) + 1)


def critical_value(placebos: np.ndarray, level: float) -> float:
    """Largest |statistic| that `rank_p_value` would not call significant; infinite with too few
    placebos."""
    allowed = int(np.floor((1 - level) * (len(placebos) + 1) + 1e-9))
    if allowed < 1:
        return np.inf
    return float(np.sort(np.abs(placebos))[::-1][allowed - 1])
