"""How well the outcomes are fitted when predictors carry given weights, for many units at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsp_analysis.effects.synthetic.simplex import nearest_points, support_system


@dataclass(frozen=True)
class Matching:
    """What is to be matched, for a batch of units that each may stand for the treated one.

    Attributes
    ----------
    predictors : array (units, predictors, donors)
        Donors less the unit, each predictor in standard deviations over all units.
    donors : array (units, periods, donors)
        The donors' outcomes in the periods whose fit decides between predictor weights.
    targets : array (units, periods)
        The units' own outcomes in those periods.
    """

    predictors: np.ndarray = field(repr=False)
    donors: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)


@dataclass
class Fit:
    """Fit of n (unit, predictor weights) pairs; `take` replaces some of them by better ones.

    Attributes
    ----------
    loss : array (n,)
        Mean squared prediction error.
    residual : array (n, periods)
    support : array (n, width)
        Donors in use, padded with -1.
    jacobian : array (n, periods, predictors) or None
        Derivative of `residual` in the log predictor weights.
    """

    loss: np.ndarray
    residual: np.ndarray
    support: np.ndarray
    jacobian: np.ndarray | None = None

    def take(self, at: np.ndarray, other: Fit, which: np.ndarray) -> None:
        """Put rows `which` of `other` at positions `at`."""
        self.loss[at] = other.loss[which]
        self.residual[at] = other.residual[which]
        if self.jacobian is not None and other.jacobian is not None:
            self.jacobian[at] = other.jacobian[which]
        width = other.support.shape[1]
        if width > self.support.shape[1]:
            more = np.full((len(self.support), width - self.support.shape[1]), -1)
            self.support = np.hstack([self.support, more])
        self.support[at] = -1
        self.support[at, :width] = other.support[which]


def evaluate(
    matching: Matching,
    unit: np.ndarray,
    log_weights: np.ndarray,
    support: np.ndarray | None = None,
    derivative: bool = False,
) -> Fit:
    """Solve the inner problem for each unit and log predictor weights, and measure the fit.

    Parameters
    ----------
    unit : array (n,), int
        Rows of `matching`.
    log_weights : array (n, predictors)
    support : array (n, width), optional
        Donors in use at a nearby point.
    derivative : bool
        Also work out how the residuals move with the log weights, from the optimality conditions of
        the inner problem with the donors in use held fixed.
    """
    points = np.exp(log_weights / 2)[:, :, None] * matching.predictors[unit]
    inner = nearest_points(points, support)
    slots = inner.support
    used = slots >= 0
    places = np.where(used, slots, 0)
    outcomes = matching.donors[unit[:, None], :, places]  # (n, width, periods)
    weights = np.where(used, np.take_along_axis(inner.weights, places, axis=1), 0.0)
    fitted = np.matmul(weights[:, None, :], outcomes)[:, 0]
    residual = matching.targets[unit] - fitted
    jacobian = None
    if derivative:
        movement = _weight_movement(points, inner.weights, slots)
        jacobian = -np.matmul(outcomes.transpose(0, 2, 1), movement)
    return Fit((residual**2).mean(axis=1), residual, slots, jacobian)


def _weight_movement(points: np.ndarray, weights: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """d weights in use / d log predictor weights, array (n, width, predictors)."""
    system, chosen, scale = support_system(points, slots)
    width = slots.shape[1]
    discrepancy = np.matmul(points, weights[:, :, None])
    right = np.zeros((len(points), width + 1, points.shape[1]))
    right[:, :width] = -(chosen * discrepancy).transpose(0, 2, 1) / scale[:, None, None]
    return np.linalg.solve(system, right)[:, :width]
