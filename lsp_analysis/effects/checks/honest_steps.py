"""Steps by which a treated neighbourhood parted from the others, and the effect they are held
against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsp_analysis.errors import ParameterError


@dataclass(frozen=True)
class Steps:
    """How the treated neighbourhood parted from the others, and the effect it is held against.

    Attributes
    ----------
    values : array (before + 1,)
        Steps before the start in order of time, then the estimate.
    covariance : array (before + 1, before + 1)
    carried : array (after,)
        How much a step of size 1 in each period after the start moves the estimate: with a mean
        over three periods 1, 2/3, 1/3.
    """

    values: np.ndarray
    covariance: np.ndarray
    carried: np.ndarray

    @property
    def before(self) -> np.ndarray:
        """Steps before the start."""
        return self.values[:-1]

    @property
    def estimate(self) -> float:
        """The effect that a violation could undo."""
        return float(self.values[-1])

    @property
    def error(self) -> float:
        """Standard error of the estimate."""
        return float(np.sqrt(self.covariance[-1, -1]))


def event_study_steps(
    coefficients: Sequence[float],
    covariance: np.ndarray,
    *,
    before: int,
    weights: Sequence[float] | None = None,
) -> Steps:
    """Steps from event-study coefficients; the reference period is the last before the start.

    Parameters
    ----------
    coefficients : array (before + after,)
        In order of time, without the reference period.
    covariance : array (before + after, before + after)
    before : int, 1 or more
        Number of coefficients before the start.
    weights : array (after,), optional
        What the effect is: the mean over all periods after, unless weighted otherwise.
    """
    beta, sigma = np.asarray(coefficients, dtype=float), np.asarray(covariance, dtype=float)
    after = len(beta) - before
    if before < 1 or after < 1 or sigma.shape != (len(beta), len(beta)):
        raise ParameterError(
            f"{len(beta)} coefficients, {before} of them before the start, with a covariance of "
            f"shape {sigma.shape}: at least one must be before and one after, and the covariance "
            "must have a row and a column for each."
        )
    weights = np.full(after, 1 / after) if weights is None else np.asarray(weights, dtype=float)
    turn = np.zeros((before + 1, len(beta)))
    for row in range(before):
        turn[row, row] = -1
        if row + 1 < before:
            turn[row, row + 1] = 1
    turn[before, before:] = weights
    return Steps(turn @ beta, turn @ sigma @ turn.T, np.cumsum(weights[::-1])[::-1])
