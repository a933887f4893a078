"""Weights at or above 0 that add up to 1: many least-squares problems solved side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-10
"""Slack, in units of the largest squared distance, below which two donors count as equally near."""

TIE = 1e-14
"""The same for telling whether the weights found are the only ones: rounding error and no more."""


@dataclass(frozen=True)
class SimplexSolution:
    """Nearest points of `n` convex hulls to the origin.

    Attributes
    ----------
    weights : array (n, donors)
        Each row at or above 0 and adding up to 1.
    support : array (n, most), int
        Columns of the donors that may be above 0, padded with -1.
    loss : array (n,)
        Squared length of the nearest point.
    """

    weights: np.ndarray
    support: np.ndarray
    loss: np.ndarray


def nearest_points(points: np.ndarray, support: np.ndarray | None = None) -> SimplexSolution:
    """Minimise ``||points[i] @ w||`` over the simplex, for each i, by an active-set method.

    The method is Wolfe's (1976): solve on the affine hull of the present donors; step back to the
    first weight that would turn negative and drop it; add the donor that lies furthest on the
    origin's side. Every problem takes its own steps, but all steps are taken at once. It draws
    nothing at random, so the same data give the same weights to the last digit.

    Parameters
    ----------
    points : array (n, dimensions, donors)
        Donors less the treated unit, in the metric wanted.
    support : array (n, most), int, optional
        Donors to start from, padded with -1: the `support` of a similar problem saves most of the
        steps.
    """
    points = np.asarray(points, dtype=float)
    squares = np.einsum("nkj,nkj->nj", points, points)
    scale = np.maximum(squares.max(axis=1), 1e-300)
    weights, slots = _initial(squares, support)
    loss = np.empty(len(points))
    todo = np.arange(len(points))
    for _ in range(60 + 20 * (points.shape[1] + 1)):
        part = points if len(todo) == len(points) else points[todo]
        target = _affine_minimum(part, slots[todo])
        moved, kept, arrived = _step_towards(weights[todo], slots[todo], target)
        weights[todo] = moved
        newcomer, loss[todo] = _donor_beyond(part, moved, scale[todo])
        newcomer[~arrived | (kept == newcomer[:, None]).any(axis=1)] = -1
        slots = _widened(slots, (kept >= 0).sum(axis=1).max() + 1)
        slots[todo] = _with_newcomer(kept, newcomer, slots.shape[1])
        todo = todo[(newcomer >= 0) | ~arrived]
        if not len(todo):
            break
    return SimplexSolution(weights, slots, loss)


def _initial(squares: np.ndarray, support: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Start at the nearest single donor, or spread over the donors given."""
    slots = squares.argmin(axis=1)[:, None] if support is None else support.copy()
    weights = np.zeros_like(squares)
    rows, places = np.nonzero(slots >= 0)
    weights[rows, slots[rows, places]] = 1.0 / (slots >= 0).sum(axis=1)[rows]
    return weights, slots


def support_system(
    points: np.ndarray, slots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Optimality conditions on the donors in use: their Gram matrix bordered by the sum to one.

    Returns the systems (n, width + 1, width + 1), the donors chosen (n, dimensions, width; 0 where
    a slot is empty) and the squared length by which the Gram matrices were divided (n,).
    """
    n, width = slots.shape
    used = slots >= 0
    chosen = np.take_along_axis(points, np.where(used, slots, 0)[:, None, :], axis=2)
    chosen = chosen * used[:, None, :]
    scale = np.maximum((chosen**2).sum(axis=1).max(axis=1), 1e-300)
    system = np.zeros((n, width + 1, width + 1))
    system[:, :width, :width] = np.matmul(chosen.transpose(0, 2, 1), chosen) / scale[:, None, None]
    diagonal = np.arange(width)
    system[:, diagonal, diagonal] += np.where(used, 1e-14, 1.0)
    system[:, :width, width] = system[:, width, :width] = used
    return system, chosen, scale


def _affine_minimum(points: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Weights on the slots, adding up to 1 but of any sign, that come nearest to the origin."""
    system, _, _ = support_system(points, slots)
    right = np.zeros((*system.shape[:2], 1))
    right[:, -1] = 1.0
    return np.linalg.solve(system, right)[:, :-1, 0]


def _step_towards(
    weights: np.ndarray, slots: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Go to `target`, or as far as no weight turns negative; drop donors that came down to 0."""
    rows = np.arange(len(slots))
    used = slots >= 0
    now = np.where(used, np.take_along_axis(weights, np.where(used, slots, 0), axis=1), 0.0)
    falling = used & (target < 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(falling, now / (now - target), np.inf)
    first = room.argmin(axis=1)
    step = np.minimum(room[rows, first], 1.0)
    arrived = ~falling.any(axis=1)
    new = now + step[:, None] * (target - now)
    new[rows[~arrived], first[~arrived]] = 0.0
    new = np.where(used, np.maximum(new, 0.0), 0.0)
    new /= new.sum(axis=1, keepdims=True)
    kept = np.where(used & ((new > 0) | arrived[:, None]), slots, -1)
    moved = np.zeros_like(weights)
    at, place = np.nonzero(used)
    moved[at, slots[at, place]] = new[at, place]
    return moved, kept, arrived


def _donor_beyond(
    points: np.ndarray, weights: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The donor furthest on the origin's side of each present point (-1: none), and the loss."""
    nearest = np.matmul(points, weights[:, :, None])[:, :, 0]
    slope = np.matmul(nearest[:, None, :], points)[:, 0]
    loss = (nearest**2).sum(axis=1)
    best = slope.argmin(axis=1)
    gain = loss - slope[np.arange(len(best)), best]
    slack = TOLERANCE * np.sqrt(scale * np.maximum(loss, TOLERANCE * scale))
    return np.where(gain > slack, best, -1), loss


def _widened(slots: np.ndarray, width: int) -> np.ndarray:
    """`slots` with room for `width` donors."""
    missing = width - slots.shape[1]
    if missing <= 0:
        return slots
    return np.hstack([slots, np.full((len(slots), missing), -1)])


def _with_newcomer(kept: np.ndarray, newcomer: np.ndarray, width: int) -> np.ndarray:
    """`kept` moved together to the left, the newcomer (if any) behind it, padded to `width`."""
    order = np.argsort(kept < 0, axis=1, kind="stable")
    packed = _widened(np.take_along_axis(kept, order, axis=1), width)[:, :width]
    free = (packed >= 0).sum(axis=1)
    add = newcomer >= 0
    packed[add, free[add]] = newcomer[add]
    return packed


def tied_donors(points: np.ndarray, solution: SimplexSolution) -> np.ndarray:
    """Whether a donor outside the support is as near as those inside: weights are not unique."""
    nearest = np.matmul(points, solution.weights[:, :, None])
    slope = np.matmul(points.transpose(0, 2, 1), nearest)[:, :, 0]
    scale = np.maximum((points**2).sum(axis=1).max(axis=1), 1e-300)
    slack = slope - solution.loss[:, None]
    slack[solution.weights > 0] = np.inf
    return (solution.loss <= TIE * scale) | (slack.min(axis=1) <= TIE * scale)
