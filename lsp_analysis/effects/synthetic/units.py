"""Units that stand for the treated one in turn: the treated areas, then each placebo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.layout import Grid
from lsp_analysis.effects.options import listed, whole
from lsp_analysis.errors import PanelError, did_you_mean


@dataclass(frozen=True)
class Units:
    """A batch of units of the same size, each with as many donors.

    Attributes
    ----------
    members : array (units, size), int
        Rows of the grid that make up each unit.
    donors : array (units, donors), int
        Rows of the grid each is compared with.
    """

    members: np.ndarray = field(repr=False)
    donors: np.ndarray = field(repr=False)

    def own(self, table: np.ndarray) -> np.ndarray:
        """Mean of `table` (areas, columns) over each unit's members: (units, columns)."""
        return table[self.members].mean(axis=1)

    def of_donors(self, table: np.ndarray) -> np.ndarray:
        """`table` (areas, columns) for each unit's donors: (units, columns, donors)."""
        return table[self.donors].transpose(0, 2, 1)

    def gaps(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Each unit less its weighted donors: (units, periods)."""
        synthetic = np.matmul(self.of_donors(values), weights[:, :, None])[:, :, 0]
        return self.own(values) - synthetic


def treated_unit(grid: Grid) -> Units:
    """The treated areas as one unit; every other area is a donor."""
    return Units(np.flatnonzero(grid.treated)[None], np.flatnonzero(~grid.treated)[None])


Placebos = int | Sequence[Sequence[Any]] | None
"""Lists of area codes, a number of groups to be drawn, or None for what is usual."""


def placebo_units(
    grid: Grid, groups: Placebos, treated_among_donors: bool, seed: int = 0
) -> tuple[Units | None, list[str]]:
    """Comparison areas that take the treated unit's place in turn, and what to call them.

    Parameters
    ----------
    groups : list of lists of area codes, or a number, optional
        Neighbourhoods as large as the treated one; a number draws that many from the comparison
        areas at random. If left out, each comparison area is one when a single area is treated, and
        there is no placebo when several are.
    treated_among_donors : bool
        Whether the treated areas may be donors of the placebos.
    """
    n_treated = int(grid.treated.sum())
    if groups is None:
        groups = [[area] for area in grid.areas[~grid.treated]] if n_treated == 1 else []
    if isinstance(groups, int | float | np.number):
        groups = _random_groups(grid, whole("placebos", groups), seed)
    groups = listed("placebos", groups)
    if not len(groups):
        return None, []
    _check_sizes(groups, n_treated)
    members = np.array([_rows(grid, group) for group in groups])
    pool = np.arange(len(grid.areas)) if treated_among_donors else np.flatnonzero(~grid.treated)
    donors = np.array([np.setdiff1d(pool, own) for own in members])
    if donors.shape[1] == 0:
        raise PanelError("A placebo has no comparison area left: use smaller groups or add areas.")
    return Units(members, donors), [" + ".join(map(str, group)) for group in groups]


def _random_groups(grid: Grid, count: int, seed: int) -> list[list[Any]]:
    others, size = grid.areas[~grid.treated], int(grid.treated.sum())
    if count and len(others) < 2 * size:
        raise PanelError(
            f"{len(others)} comparison areas are too few to draw placebo groups of {size} from."
        )
    rng = np.random.default_rng(seed)
    return [list(others[rng.choice(len(others), size, replace=False)]) for _ in range(count)]


def _rows(grid: Grid, group: Sequence[Any]) -> np.ndarray:
    rows = grid.areas.get_indexer(pd.Index(list(group)))
    for area, row in zip(group, rows, strict=True):
        if row < 0:
            hint = did_you_mean(str(area), map(str, grid.areas))
            raise PanelError(f"The placebo area {area!r} is not in the panel.{hint}")
        if grid.treated[row]:
            raise PanelError(
                f"The placebo area {area!r} is a treated area: leave it out of the placebos."
            )
    return rows


def _check_sizes(groups: Sequence[Sequence[Any]], n_treated: int) -> None:
    for group in groups:
        if len(set(group)) != n_treated:
            raise PanelError(
                f"A placebo of {len(set(group))} areas ({', '.join(map(str, group))}) cannot "
                f"stand for {n_treated} treated ones: small groups vary more. Give groups of "
                "the same size."
            )
