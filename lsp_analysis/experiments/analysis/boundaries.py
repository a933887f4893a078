"""Look more than once without crying wolf more often: bounds, chances, conditional power.

The statistics at the looks are taken to move like a Brownian motion over the information gathered,
and their joint law is integrated numerically (Armitage, McPherson and Rowe 1969; Jennison and
Turnbull 2000, chapter 19).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.showing import Shown

KINDS = ("pocock", "obrien_fleming")
POINTS = 801  # of the grid between two bounds; bounds are right to six decimals


@dataclass(frozen=True)
class Bounds(Shown):
    """How large a statistic must be at each look.

    Attributes
    ----------
    kind : "pocock" (the same at all looks) or "obrien_fleming" (very strict at first)
    fractions : tuple of float
        Share of the final information at each look.
    z : tuple of float
        A statistic this large, or larger, stops.
    """

    kind: str
    alpha: float
    fractions: tuple[float, ...]
    z: tuple[float, ...]

    @property
    def constant(self) -> float:
        """The bound at the last look."""
        return self.z[-1]

    def summary_frame(self) -> pd.DataFrame:
        """One row per look: information, bound, its p-value, chance of having stopped by then."""
        stopped = np.cumsum(crossing_chances(self.z, self.fractions))
        return pd.DataFrame(
            {
                "look": range(1, len(self.z) + 1),
                "information": self.fractions,
                "z_bound": self.z,
                "p_bound": 2 * norm.sf(self.z),
                "false_alarm_by_then": stopped,
            }
        )

    def sentence(self) -> wording.Sentence:
        """The bounds in one line."""
        listed = wording.and_list(f"{2 * norm.sf(z):.2g}" for z in self.z)
        return wording.Sentence(
            f"With {wording.counted(len(self.z), 'look')} the experiment stops at p-values below "
            f"{listed}; over all looks together a false alarm has a chance of {self.alpha:.0%}."
        )


def group_sequential_bounds(
    looks: int | Sequence[float], kind: str = "obrien_fleming", *, alpha: float = 0.05
) -> Bounds:
    """Two-sided bounds after Pocock (1977) or O'Brien and Fleming (1979).

    Parameters
    ----------
    looks : int, or rising shares of the information that end at 1
        A number means equally spaced looks, the last being the final analysis.
    kind : "pocock" or "obrien_fleming"
    alpha : float
        Chance of a false alarm over all looks together.
    """
    fractions = _fractions(looks)
    if kind not in KINDS:
        raise ParameterError(f'kind is "{kind}". Choose {" or ".join(KINDS)}.')
    if not 0 < alpha < 1:
        raise ParameterError(f"alpha is {alpha}. Give a share between 0 and 1.")
    shape = np.ones(len(fractions)) if kind == "pocock" else 1 / np.sqrt(fractions)

    def excess(constant: float) -> float:
        return crossing_chances(constant * shape, fractions).sum() - alpha

    alone = norm.isf(alpha / 2)
    if len(fractions) == 1:
        return Bounds(kind, alpha, fractions, (float(alone),))
    constant = brentq(excess, 0.9 * alone, 3 * alone, xtol=1e-9)
    return Bounds(kind, alpha, fractions, tuple(float(z) for z in constant * shape))


def crossing_chances(
    z: Sequence[float], fractions: Sequence[float], *, drift: float = 0.0
) -> np.ndarray:
    """Chance of crossing a bound for the first time at each look.

    Parameters
    ----------
    drift : float
        Mean of the final statistic: 0 without an effect, about 2.8 for power 80% at one look.
    """
    times = np.asarray(fractions, float)
    bounds = np.asarray(z, float) * np.sqrt(times)  # on the scale of the Brownian motion
    chances = np.empty(len(times))
    spread = math.sqrt(times[0])
    chances[0] = _outside(bounds[0], drift * times[0], spread)
    grid, weights = _grid(bounds[0])
    density = norm.pdf(grid, drift * times[0], spread)
    for k in range(1, len(times)):
        step = times[k] - times[k - 1]
        spread = math.sqrt(step)
        chances[k] = (weights * density * _outside(bounds[k], grid + drift * step, spread)).sum()
        further, next_weights = _grid(bounds[k])
        moves = norm.pdf(further[:, None], grid + drift * step, spread)
        grid, density, weights = further, moves @ (weights * density), next_weights
    return chances


def conditional_power(
    z: float, fraction: float, *, bound: float, drift: float | None = None
) -> float:
    """Chance that the final statistic crosses `bound` on the side of `z`, given `z` at a look.

    Parameters
    ----------
    fraction : float between 0 and 1
        Share of the information at the look.
    drift : float, optional
        Mean of the final statistic if the effect is as planned; by default as seen so far.
    """
    if not 0 < fraction < 1:
        raise ParameterError(
            f"The information at a look is {fraction}. Give a share between 0 and 1."
        )
    side = 1.0 if z >= 0 else -1.0
    so_far = abs(z) * math.sqrt(fraction)
    expected = abs(z) / math.sqrt(fraction) if drift is None else side * drift
    left = 1 - fraction
    return float(norm.sf((bound - so_far - expected * left) / math.sqrt(left)))


def _fractions(looks: int | Sequence[float]) -> tuple[float, ...]:
    if isinstance(looks, int):
        looks = [(k + 1) / looks for k in range(looks)] if looks > 0 else []
    times = tuple(float(x) for x in looks)
    if not times or times[0] <= 0 or times[-1] != 1 or any(np.diff(times) <= 0):
        raise ParameterError(f"Looks at {list(times)} do not rise from above 0 to 1.")
    return times


def _outside(bound: float, mean: np.ndarray | float, spread: float) -> np.ndarray | float:
    return norm.sf((bound - mean) / spread) + norm.cdf((-bound - mean) / spread)


def _grid(bound: float) -> tuple[np.ndarray, np.ndarray]:
    """Points between the bounds and their weights by Simpson's rule."""
    points = np.linspace(-bound, bound, POINTS)
    weights = np.full(POINTS, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    return points, weights * (points[1] - points[0]) / 3
