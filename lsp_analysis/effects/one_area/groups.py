"""Placebo neighbourhoods: groups of untreated areas as large as the treated neighbourhood.

They are fixed by the data alone: all of them where they can be listed, otherwise drawn in an order
that the values of the areas give, so that neither names nor the order of rows nor a seed matter.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

MOST_GROUPS = 2_000  # listed or drawn; the Monte Carlo error of a drawn p of 5% is then 0.5 points
ROUNDS = 60  # times that a group is grown from every area before drawing ends


@dataclass(frozen=True)
class Groups:
    """The treated neighbourhood and its placebos.

    Attributes
    ----------
    members : sparse float array (1 + B, n)
        Row 0 is the treated neighbourhood; the others are its placebos.
    disjoint : int
        How many placebos share no area with one another (counted greedily, so a lower bound).
    listed : bool
        Whether the placebos are all there are; otherwise they were drawn.
    contiguous : bool
        Whether treated neighbourhood and placebos are each in one piece.
    beside : bool
        Whether areas next to the treated ones are among the placebos, which would be too few
        without them.
    """

    members: sparse.csr_array
    disjoint: int
    listed: bool = True
    contiguous: bool = True
    beside: bool = False

    @property
    def n_placebos(self) -> int:
        """Number of placebo neighbourhoods, B."""
        return self.members.shape[0] - 1


def placebo_groups(question: Question) -> np.ndarray:
    """Placebo neighbourhoods of a question; bool array (B, n).

    Single areas where one is treated; otherwise groups of as many areas, in one piece where the
    treated ones are and neighbours are known.

    Raises
    ------
    PanelError
        When no placebo of the treated one's size is left.
    """
    return find_groups(question).members[1:].toarray() > 0


def find_groups(question: Question, placebos: np.ndarray | None = None) -> Groups:
    """The treated neighbourhood with its placebos, found or given as a bool array (B, n)."""
    if placebos is not None:
        members = sparse.csr_array(np.vstack([question.treated, placebos]).astype(float))
        return Groups(members, count_disjoint(members[1:]))
    size = int(question.treated.sum())
    allowed, beside = _allowed(question, size)
    contiguous, listed, order = True, True, _by_value(question, allowed)
    if size == 1:
        order = np.flatnonzero(allowed)
        groups = {(row,) for row in range(len(order))}
    elif question.neighbours is not None and _in_one_piece(question):
        groups, listed = _contiguous(question, order, size)
    else:
        contiguous, listed, groups = False, False, _scattered(len(order), size)
    if not groups:
        raise PanelError(
            f"No comparison is left: {int(allowed.sum())} areas with a value in every period lie "
            "outside the treated neighbourhood and its neighbours, and none of them form a group "
            f"of {size}. Give a panel with more areas, or fewer treated ones."
        )
    areas = [order[list(group)] for group in sorted(groups)]
    members = _as_rows([np.flatnonzero(question.treated), *areas], len(question.areas))
    return Groups(members, count_disjoint(members[1:]), listed, contiguous, beside)


def _allowed(question: Question, size: int) -> tuple[np.ndarray, bool]:
    """Areas that placebos are made of: beyond the neighbours, unless single areas are then too few
    for a rank to reach the level of the test, and enough with the neighbours."""
    allowed = question.comparison
    everyone = question.known.all(axis=1) & ~question.treated
    needed = math.ceil(1 / (1 - question.level) - 1e-9) - 1
    if size == 1 and allowed.sum() < needed <= everyone.sum():
        return everyone, True
    return allowed, False


def _in_one_piece(question: Question) -> bool:
    own = question.neighbours[question.treated][:, question.treated]
    return connected_components(own, directed=False, return_labels=False) == 1


def _by_value(question: Question, allowed: np.ndarray) -> np.ndarray:
    """Positions of the allowed areas in an order that only their values decide."""
    areas = np.flatnonzero(allowed)
    return areas[np.lexsort(np.hstack([question.total, question.exposure])[areas].T)]


def _contiguous(
    question: Question, order: np.ndarray, size: int
) -> tuple[set[tuple[int, ...]], bool]:
    """Groups of `size` allowed areas in one piece, as positions in `order`, and whether they are
    all there are."""
    inside = question.neighbours.tocsr()[order][:, order]
    near = [set(row) for row in np.split(inside.indices, inside.indptr[1:-1])]
    groups = {(row,) for row in range(len(order))}
    for _ in range(size - 1):
        wider = set()
        for group in groups:
            for area in set().union(*(near[row] for row in group)).difference(group):
                wider.add(tuple(sorted((*group, area))))
            if len(wider) > MOST_GROUPS:
                return _grown(near, size), False
        groups = wider
    return groups, True


def _grown(near: list[set[int]], size: int) -> set[tuple[int, ...]]:
    """Groups grown from every area in turn by neighbours at random, until there are enough."""
    rng = random.Random(1)
    grown: set[tuple[int, ...]] = set()
    for _ in range(ROUNDS):
        for first in range(len(near)):
            group, border = [first], set(near[first])
            while len(group) < size and border:
                group.append(rng.choice(sorted(border)))
                border |= near[group[-1]]
                border.difference_update(group)
            if len(group) == size:
                grown.add(tuple(sorted(group)))
        if len(grown) >= MOST_GROUPS:
            break
    return grown


def _scattered(count: int, size: int) -> set[tuple[int, ...]]:
    """Random groups of `size` allowed areas, for areas that are not in one piece."""
    if count < size:
        return set()
    rng = np.random.default_rng(1)
    return {tuple(sorted(rng.choice(count, size, replace=False))) for _ in range(MOST_GROUPS)}


def _as_rows(groups: list, n_areas: int) -> sparse.csr_array:
    rows = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    columns = np.concatenate(groups)
    return sparse.csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(groups), n_areas))


def disjoint_rows(
    members: sparse.csr_array, order: Iterable[int], most: float = math.inf
) -> list[int]:
    """Rows in that order that share no area with those taken before, up to so many."""
    taken = np.zeros(members.shape[1], dtype=bool)
    rows: list[int] = []
    for row in order:
        areas = members.indices[members.indptr[row] : members.indptr[row + 1]]
        if not taken[areas].any():
            taken[areas] = True
            rows.append(int(row))
        if len(rows) >= most:
            break
    return rows


def count_disjoint(members: sparse.csr_array) -> int:
    """How many rows can be taken that share no area, those that overlap least first."""
    busy = members @ np.asarray(members.sum(axis=0)).ravel()
    return len(disjoint_rows(members, np.argsort(busy, kind="stable")))
