"""Neighbourhoods that stand for the treated one in turn, and weights of those they are compared
with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from lsp_analysis.effects.one_area.groups import placebo_groups
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

LIKE_ANY = (
    "Without the programme the treated area would have been as likely as any placebo to differ "
    "from its average."
)
MOST_PLACEBOS = 200  # of several areas each, so that a page does not wait
TIE = 1e-14  # of the largest squared distance, by which two donors count as equally near


@dataclass(frozen=True)
class WeightedComparison(EffectEstimate):
    """An effect measured against a weighted average of areas.

    Attributes
    ----------
    donor_weights : Series
        Of the comparison areas with a weight, largest first.
    """

    donor_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


def units_of(question: Question) -> np.ndarray:
    """The treated neighbourhood and its placebos, at most `MOST_PLACEBOS` of several areas; bool
    array (1 + B, n).

    No placebos where too few areas are left to compare them with.
    """
    if question.comparison.sum() < 2 * question.treated.sum():
        return question.treated[None]
    groups = placebo_groups(question)
    if question.treated.sum() > 1 and len(groups) > MOST_PLACEBOS:
        groups = groups[np.linspace(0, len(groups) - 1, MOST_PLACEBOS).astype(int)]
    return np.vstack([question.treated, groups])


def with_donors(
    question: Question, units: np.ndarray, *, treated_too: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each unit with its donors, as bool arrays (n,); treated areas are donors of placebos if
    `treated_too`."""
    pool = question.comparison | question.treated if treated_too else question.comparison
    for unit in units:
        donors = pool & ~unit
        if not donors.any():
            raise PanelError("A placebo has no comparison area left. Add comparison areas.")
        yield unit, donors


def nearest_weights(points: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Weights w at or above 0 that add up to 1 and make ``||points w||^2 + ridge ||w||^2`` least.

    They are a multiple of the u at or above 0 that make ``||points u||^2 + (sum(u) - 1)^2`` least
    (Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23).

    Parameters
    ----------
    points : array (dimensions, donors)
        Donors less the unit to be matched, in the metric wanted.
    """
    count = points.shape[1]
    scale = math.sqrt((points**2).sum(axis=0).max() + ridge) or 1.0
    rows = [points / scale, np.ones((1, count))]
    if ridge:  # as many rows as donors, from the Gram matrix
        gram = (points.T @ points + ridge * np.eye(count)) / scale**2
        rows = [np.linalg.cholesky(gram + 1e-15 * np.eye(count)).T, rows[1]]
    stacked = np.vstack(rows)
    found = nnls(stacked, np.eye(len(stacked))[-1], maxiter=30 * count)[0]
    return found / found.sum()


def is_unique(points: np.ndarray, weights: np.ndarray) -> bool:
    """Whether no donor without weight is as near as those with one."""
    nearest = points @ weights
    loss, scale = float(nearest @ nearest), max((points**2).sum(axis=0).max(), 1e-300)
    slack = np.where(weights > 0, np.inf, nearest @ points - loss)
    return bool(loss > TIE * scale and slack.min() > TIE * scale)
