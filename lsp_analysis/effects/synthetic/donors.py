"""Units that stand for the treated one in turn, and the donors each is compared with."""

from __future__ import annotations

import numpy as np

from lsp_analysis.effects.one_area.groups import placebo_groups
from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

MOST_PLACEBOS = 200  # of several areas each, so that a page does not wait


def placebos_of(question: Question) -> np.ndarray:
    """Placebo neighbourhoods, at most `MOST_PLACEBOS` of several areas; bool array (B, n).

    None where too few areas are left to compare a placebo with.
    """
    if question.comparison.sum() < 2 * question.treated.sum():
        return np.zeros((0, len(question.areas)), dtype=bool)
    groups = placebo_groups(question)
    if question.treated.sum() == 1 or len(groups) <= MOST_PLACEBOS:
        return groups
    return groups[np.linspace(0, len(groups) - 1, MOST_PLACEBOS).astype(int)]


def members_and_donors(
    question: Question, units: np.ndarray, *, treated_among_donors: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of each unit's areas, and of its donors; int arrays (u, size), (u, donors).

    Parameters
    ----------
    units : bool array (u, n)
        All of one size.
    treated_among_donors : bool
        Whether placebos may have the treated areas for donors.
    """
    size = int(units[0].sum())
    pool = question.comparison | question.treated if treated_among_donors else question.comparison
    members = np.nonzero(units)[1].reshape(len(units), size)
    donors = [np.flatnonzero(pool & ~unit) for unit in units]
    if not min(map(len, donors)):
        raise PanelError("A placebo has no comparison area left. Add comparison areas.")
    return members, np.array(donors)


def own_of(table: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Mean of `table` (n, columns) over each unit's areas: (u, columns)."""
    return table[members].mean(axis=1)


def donors_of(table: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """`table` (n, columns) of each unit's donors: (u, columns, donors)."""
    return table[donors].transpose(0, 2, 1)


def weighted(table: np.ndarray, donors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each unit's weighted donors: (u, columns)."""
    return np.matmul(donors_of(table, donors), weights[:, :, None])[:, :, 0]


def unit_names(question: Question, units: np.ndarray) -> list[str]:
    """Codes of each unit's areas, joined by a space."""
    return [" ".join(map(str, question.areas[unit])) for unit in units]
