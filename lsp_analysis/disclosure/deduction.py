"""What an outsider can deduce: linear programming over everything that is published.

Counts are cells of a list; sums say which cell is the total of which others. An outsider knows a
range of each cell, a single number where it is shown, and that the sums hold.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components

from lsp_analysis.errors import DisclosureError

TOLERANCE = 1e-6
FAR = 1e9  # in place of infinity, which solvers cannot always tell from no solution
ROUNDS = 6  # of random witnesses before a cell is looked at by itself
Cell = tuple[int, int]


def sum_matrix(n: int, sums: Sequence[tuple[int, Sequence[int]]]) -> sparse.csr_array:
    """One row per sum: 1 at its parts and -1 at its total, so that matrix @ counts is zero."""
    rows = np.repeat(np.arange(len(sums)), [len(parts) + 1 for _, parts in sums])
    columns = [cell for total, parts in sums for cell in (total, *parts)]
    signs = [sign for _, parts in sums for sign in (-1.0, *[1.0] * len(parts))]
    return sparse.csr_array((signs, (rows, np.array(columns, dtype=int))), shape=(len(sums), n))


def with_margins(counts: np.ndarray) -> tuple[np.ndarray, list[tuple[int, list[int]]]]:
    """A table of any dimension with all its totals, flattened, and the sums between its cells."""
    full = np.asarray(counts, dtype=float)
    for axis in range(full.ndim):
        full = np.concatenate([full, full.sum(axis=axis, keepdims=True)], axis=axis)
    places = np.arange(full.size).reshape(full.shape)
    sums = []
    for axis in range(full.ndim):
        lines = np.moveaxis(places, axis, -1).reshape(-1, full.shape[axis])
        sums += [(int(line[-1]), line[:-1].tolist()) for line in lines]
    return full.ravel(), sums


@dataclass(frozen=True)
class Knowledge:
    """Ranges of all cells and the sums between them: all that is known of a table.

    Attributes
    ----------
    low, high : arrays, one number per cell; equal where the cell is shown as it is.
    sums : sparse matrix, see `sum_matrix`.
    """

    low: np.ndarray
    high: np.ndarray
    sums: sparse.csr_array

    def ranges(self, cells: Collection[int]) -> dict[int, tuple[float, float]]:
        """The least and greatest count each of `cells` can have, by two linear programs each.

        Raises
        ------
        DisclosureError
            What is published contradicts itself.
        """
        parts = self._parts(cells)
        return {cell: part.range_of(place) for part, own in parts for cell, place in own}

    def narrow(
        self, cells: Collection[int], width: float, *, truth: np.ndarray | None = None
    ) -> dict[int, tuple[float, float]]:
        """Those of `cells` whose range is narrower than `width`, with their ranges.

        Points that agree with everything published show most cells to be wide enough, many at a
        time; the rest are looked at one by one.
        """
        found = {}
        for part, wanted in self._parts(cells, truth):
            left = part.unproven([cell[1] for cell in wanted], width)
            names = {place: cell for cell, place in wanted}
            for place in left:
                low, high = part.range_of(place)
                if high - low < width - TOLERANCE:
                    found[names[place]] = (low, high)
        return found

    def _parts(self, cells: Collection[int], truth: np.ndarray | None = None):
        """The unknown cells in parts that no sum connects, as `_Part`, with those of `cells`."""
        unknown = np.flatnonzero(self.high > self.low)
        wanted = set(cells)
        for cell in sorted(wanted.difference(unknown.tolist())):
            shown = self.low[[cell]]
            yield _Part(shown, shown, sparse.csr_array((0, 1)), np.zeros(0)), [(cell, 0)]
        matrix = self.sums[:, unknown]
        known = np.where(self.high > self.low, 0.0, self.low)
        right = -(self.sums @ known)
        used = np.flatnonzero(np.diff(matrix.indptr))
        matrix, right = matrix[used], right[used]
        links = sparse.block_array([[None, matrix.T], [matrix, None]]) if len(used) else None
        label = connected_components(links)[1] if links is not None else np.arange(len(unknown))
        order = np.argsort(label[: len(unknown)], kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(order) else []:
            inside = [(int(unknown[p]), i) for i, p in enumerate(own) if int(unknown[p]) in wanted]
            if inside:
                lines = np.flatnonzero(label[len(unknown) :] == label[own[0]])
                at = unknown[own]
                point = None if truth is None else truth[at]
                ends = self.low[at], self.high[at]
                yield _Part(*ends, matrix[lines][:, own], right[lines], point), inside


@dataclass
class _Part:
    """Unknown cells that sums connect."""

    low: np.ndarray
    high: np.ndarray
    matrix: sparse.csr_array
    right: np.ndarray
    point: np.ndarray | None = None  # one that agrees with everything

    def least(self, aim: np.ndarray, reach: float = math.inf) -> np.ndarray:
        """The point that makes ``aim @ point`` least, at most `reach` from the known point."""
        low, high = self.low, self.high
        if reach < math.inf:
            low, high = np.maximum(low, self.point - reach), np.minimum(high, self.point + reach)
        if not len(self.right):
            return np.where(aim < 0, high, low)
        bounds = np.column_stack([low, np.minimum(high, FAR)])
        found = linprog(aim, A_eq=self.matrix, b_eq=self.right, bounds=bounds, method="highs")
        if not found.success:
            raise DisclosureError(
                "The totals of this table cannot be reached with counts of 0 or more. "
                "Check that the table holds counts and no totals."
            )
        return np.where(found.x >= FAR / 2, math.inf, found.x)

    def range_of(self, place: int) -> tuple[float, float]:
        """The least and greatest count of one cell."""
        aim = np.zeros(len(self.low))
        aim[place] = 1.0
        return self.least(aim)[place] + 0.0, self.least(-aim)[place] + 0.0

    def unproven(self, places: list[int], width: float) -> list[int]:
        """Cells of `places` for which no two points so far are `width` apart."""
        if len(places) < 3:
            return places
        if self.point is None:
            self.point = self.least(np.zeros(len(self.low)))
        left, seen = np.array(places), [self.point]
        random = np.random.default_rng(0)
        for turn in range(ROUNDS):
            aim = np.zeros(len(self.low))
            aim[left] = 1.0 if turn == 0 else random.choice([-1.0, 1.0], len(left))
            seen += [self.least(sign * aim, width) for sign in (1, -1)]
            spread = np.max(seen, axis=0) - np.min(seen, axis=0)
            left = left[spread[left] < width - TOLERANCE]
            if not len(left):
                break
        return left.tolist()


def feasible_intervals(
    table: np.ndarray, hidden: Collection[Cell], *, margins_published: bool = True
) -> dict[Cell, tuple[float, float]]:
    """The smallest and largest count each hidden cell of a two-way table can have.

    Two linear programs for each cell (HiGHS), with counts of 0 or more and, when
    `margins_published`, the true totals of rows and columns.

    Parameters
    ----------
    table : array of counts, rows by columns, without totals.
    hidden : cells (row, column), counted from 0, that are not printed.
    margins_published : whether row and column totals are printed.

    Returns
    -------
    dict of cell to (low, high); low equal to high means the cell is disclosed exactly. Without
    margins every cell is (0, infinity).
    """
    cells = [(int(row), int(column)) for row, column in hidden]
    if not margins_published:
        return dict.fromkeys(cells, (0.0, math.inf))
    full, sums = with_margins(table)
    across = np.shape(table)[1] + 1
    at = {(row, column): row * across + column for row, column in cells}
    low, high = full.copy(), full.copy()
    low[list(at.values())], high[list(at.values())] = 0.0, math.inf
    found = Knowledge(low, high, sum_matrix(len(full), sums)).ranges(at.values())
    return {cell: found[place] for cell, place in at.items()}
