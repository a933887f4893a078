"""How far areas move by chance, by their level: learnt from what they did before the start."""

from __future__ import annotations

import numpy as np

PRIOR = 0.5  # standard deviation of the slope of the log variance, per standard deviation of level
LEAST_SHARE = 0.02  # of squared moves that is more than Poisson chance, at the least
NORMAL = 2.0  # variance of a squared move over its squared mean, were moves normal
STEEPEST = 8.0  # log ratio of variances at the most
ROUNDS, LONGEST_STEP, ENOUGH = 30, 0.5, 1e-6


def variance_slope(level: np.ndarray, moves: np.ndarray, chance: np.ndarray) -> float:
    """Slope of the log variance of moves in the level, per standard deviation of level.

    Squared moves have mean ``chance + size x exp(slope x level)``, with a size of its own in each
    column: quasi-likelihood of the gamma family (McCullagh and Nelder 1989, Generalized Linear
    Models, chapter 10), with a normal prior about no slope, so that few areas show less of one.

    Parameters
    ----------
    level : float array (B,), in standard deviations
    moves, chance : float arrays (B, columns)
        Moves about their mean, and the variance that Poisson chance gives them.
    """
    moved = (moves != 0).any(axis=0)
    squares, chance = moves[:, moved] ** 2, chance[:, moved]
    slope, size = 0.0, LEAST_SHARE * squares.mean(axis=0)
    for _ in range(ROUNDS if moved.any() else 0):
        curve = variance_curve(level, slope)[:, None]
        size = excess(squares, chance, curve, size)
        mean = chance + size * curve
        off = squares / mean - 1
        dispersion = max(float((off**2).mean()), NORMAL)
        share = size * curve / mean
        apart = level[:, None] - (share**2 * level[:, None]).sum(axis=0) / (share**2).sum(axis=0)
        score = (share * apart * off).sum() / dispersion - slope / PRIOR**2
        information = (share**2 * apart**2).sum() / dispersion + 1 / PRIOR**2
        step = float(np.clip(score / information, -LONGEST_STEP, LONGEST_STEP))
        slope += step
        if abs(step) < ENOUGH:
            break
    return slope


def variance_curve(level: np.ndarray, slope: float) -> np.ndarray:
    """Variance at each level as a multiple of that at level 0."""
    return np.exp(np.clip(slope * level, -STEEPEST, STEEPEST))


def excess(
    squares: np.ndarray, chance: np.ndarray, curve: np.ndarray, size: np.ndarray | float
) -> np.ndarray:
    """Multiple of `curve` by which squares exceed the variance of chance, by column.

    Weighted moments, each square by its own variance at the `size` found before.
    """
    weight = curve / (chance + size * curve) ** 2
    found = ((squares - chance) * weight).sum(axis=0)
    least = LEAST_SHARE * (squares * weight).sum(axis=0)
    return np.maximum(found, least) / (weight * curve).sum(axis=0)
