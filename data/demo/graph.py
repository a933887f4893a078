"""Which small areas touch, as a matrix: real maps, made-up maps, noise alike among neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis.errors import ParameterError

# Reflections of the unit square in its four sides.
_MIRRORS = [
    (np.array([-1, 1]), np.array([0, 0])),
    (np.array([-1, 1]), np.array([2, 0])),
    (np.array([1, -1]), np.array([0, 0])),
    (np.array([1, -1]), np.array([0, 2])),
]


@dataclass(frozen=True)
class AreaGraph:
    """Which small areas touch: `codes` and a symmetric boolean matrix in the same order."""

    codes: tuple[str, ...]
    matrix: np.ndarray = field(repr=False, compare=False)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every pair of neighbours, in both directions."""
        rows, columns = np.nonzero(self.matrix)
        return tuple((self.codes[i], self.codes[j]) for i, j in zip(rows, columns, strict=True))

    def spread(self, spatial: float) -> np.ndarray:
        """Matrix that turns white noise into noise alike among neighbours, each area's variance 1.

        Simultaneous autoregression, ``(I - spatial x W)^-1`` with rows of W adding to 1
        (Whittle 1954; Cressie 1993, section 6.3), rows scaled to unit length.
        """
        if spatial == 0:
            return np.eye(len(self.codes))
        degree = np.maximum(self.matrix.sum(axis=1, keepdims=True), 1)
        factor = np.linalg.inv(np.eye(len(self.codes)) - spatial * self.matrix / degree)
        return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def as_graph(adjacency: AreaGraph | pd.DataFrame | Iterable[tuple[str, str]]) -> AreaGraph:
    """The map as an AreaGraph, from pairs of codes given in one direction or both."""
    if isinstance(adjacency, AreaGraph):
        return adjacency
    if isinstance(adjacency, pd.DataFrame):
        adjacency = adjacency[["area_code", "neighbour_code"]].itertuples(index=False, name=None)
    pairs = np.array([tuple(pair) for pair in adjacency], dtype=object).reshape(-1, 2)
    if not len(pairs):
        raise ParameterError("The map has no two neighbouring areas. Give pairs of area codes.")
    codes, position = np.unique(pairs, return_inverse=True)
    position = position.reshape(-1, 2)
    matrix = np.zeros((len(codes), len(codes)), dtype=bool)
    matrix[position[:, 0], position[:, 1]] = matrix[position[:, 1], position[:, 0]] = True
    np.fill_diagonal(matrix, False)
    return AreaGraph(tuple(codes), matrix)


def planar_graph(n_areas: int = 177, *, seed: int) -> AreaGraph:
    """A made-up map: Voronoi cells of random points in a square, five to six neighbours each.

    The points are mirrored in the four sides, so that cells touch inside the square or not at all,
    and the map is in one piece. Codes are ``S001`` onwards.
    """
    from scipy.spatial import Delaunay

    points = np.random.default_rng(seed).random((n_areas, 2))
    mirrored = [points * sign + shift for sign, shift in _MIRRORS]
    triangles = Delaunay(np.concatenate([points, *mirrored])).simplices
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
    edges = edges[(edges < n_areas).all(axis=1)]
    matrix = np.zeros((n_areas, n_areas), dtype=bool)
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = True
    return AreaGraph(tuple(f"S{i:03d}" for i in range(1, n_areas + 1)), matrix)


def worst_group(
    count: np.ndarray, population: np.ndarray, graph: AreaGraph, size: int
) -> np.ndarray:
    """Positions of the connected group of `size` areas with the highest rate.

    Groups are grown from every area in turn by taking in the neighbour with the highest rate, as a
    board would draw one; the best of them is returned. For `size` 1 this is the worst area.
    """
    rate, touches = count / population, graph.matrix.astype(np.float32)
    member = np.eye(len(rate), dtype=bool)
    for _ in range(size - 1):
        edge = (member.astype(np.float32) @ touches > 0) & ~member
        member = member[edge.any(axis=1)]
        edge = edge[edge.any(axis=1)]
        if not len(edge):
            raise ParameterError(
                f"No {size} areas of this map are connected. Ask for a smaller group, or check "
                "that the map's neighbours share boundaries."
            )
        member[np.arange(len(edge)), np.where(edge, rate, -np.inf).argmax(axis=1)] = True
    group_rate = (member @ count) / (member @ population)
    return np.flatnonzero(member[group_rate.argmax()])
