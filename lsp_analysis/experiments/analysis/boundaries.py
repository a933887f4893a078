"""Several looks at one false positive rate: bounds, error spending, conditional power.

The statistics at the looks are taken to move like a Brownian motion over the information gathered,
and their joint law is integrated numerically (Armitage, McPherson and Rowe 1969; Jennison and
Turnbull 2000, chapter 19).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.showing import Shown

LARGEST_Z = 8.0  # a bound that nothing crosses by chance
START = np.zeros(1), np.ones(1)  # where the motion is before the first look: at zero
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

    def summary_frame(self) -> pd.DataFrame:
        """One row per look: information, bound, its p-value, error spent by then."""
        stopped = np.cumsum(crossing_chances(self.z, self.fractions))
        return pd.DataFrame(
            {
                "look": range(1, len(self.z) + 1),
                "information": self.fractions,
                "z_bound": self.z,
                "p_bound": 2 * norm.sf(self.z),
                "error_by_then": stopped,
            }
        )

    def sentence(self) -> wording.Sentence:
        """The bounds in one line."""
        listed = wording.and_list(f"{2 * norm.sf(z):.2g}" for z in self.z)
        return wording.Sentence(
            f"With {wording.counted(len(self.z), 'look')} the experiment stops at p-values below "
            f"{listed}; over all looks together the false positive rate is {self.alpha:.1%}."
        )


@cache
def spending_bounds(fractions: tuple[float, ...], kind: str, alpha: float = 0.05) -> Bounds:
    """Two-sided bounds that spend the error as information comes in (Lan and DeMets 1983).

    By information ``t``, "obrien_fleming" spends ``2 - 2 Phi(z / sqrt(t))`` on either side, z being
    the normal quantile of ``alpha / 4``; "pocock" spends ``alpha log(1 + (e - 1) t)`` on both. The
    bound at a look depends on the information at it and before it, and on nothing planned, so
    dates may slip.

    Parameters
    ----------
    fractions : rising shares of the information; the last need not be 1.
    """
    z: list[float] = []
    state = START
    for number, time in enumerate(fractions):
        before = fractions[number - 1] if number else 0.0
        spent = _spent(time, kind, alpha) - (_spent(before, kind, alpha) if number else 0.0)
        step = time - before

        def excess(bound: float, time=time, step=step, state=state, spent=spent) -> float:
            return _crossed(state, bound * math.sqrt(time), step) - spent

        z.append(LARGEST_Z if excess(LARGEST_Z) > 0 else brentq(excess, 0.0, LARGEST_Z, xtol=1e-9))
        state = _onward(state, z[-1] * math.sqrt(time), step)
    return Bounds(kind, alpha, fractions, tuple(map(float, z)))


def _spent(time: float, kind: str, alpha: float) -> float:
    if kind == "pocock":
        return alpha * math.log(1 + (math.e - 1) * time)
    return float(4 * norm.sf(norm.isf(alpha / 4) / math.sqrt(time)))


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
    chances, state = [], START
    for bound, step in zip(bounds, np.diff(times, prepend=0.0), strict=True):
        chances.append(_crossed(state, bound, step, drift))
        state = _onward(state, bound, step, drift)
    return np.array(chances)


def _crossed(
    state: tuple[np.ndarray, np.ndarray], bound: float, step: float, drift: float = 0.0
) -> float:
    """Chance that the motion, not stopped so far, lies outside `bound` after `step`."""
    points, chances = state
    mean, spread = points + drift * step, math.sqrt(step)
    outside = norm.sf((bound - mean) / spread) + norm.cdf((-bound - mean) / spread)
    return float((chances * outside).sum())


def _onward(
    state: tuple[np.ndarray, np.ndarray], bound: float, step: float, drift: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Points between the bounds after `step`, and the chance of each, not having stopped."""
    points, chances = state
    further = np.linspace(-bound, bound, POINTS)
    weights = np.full(POINTS, 2.0)  # Simpson's rule
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    moves = norm.pdf(further[:, None], points + drift * step, math.sqrt(step))
    return further, weights * (further[1] - further[0]) / 3 * (moves @ chances)


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
    side = 1.0 if z >= 0 else -1.0
    so_far = abs(z) * math.sqrt(fraction)
    expected = abs(z) / math.sqrt(fraction) if drift is None else side * drift
    left = 1 - fraction
    return float(norm.sf((bound - so_far - expected * left) / math.sqrt(left)))


def holm(p_values: pd.Series) -> pd.Series:
    """P-values adjusted over the family after Holm (1979); missing ones do not count."""
    known = p_values.dropna().sort_values(kind="stable")
    scaled = known * np.arange(len(known), 0, -1)
    return scaled.cummax().clip(upper=1).reindex(p_values.index)


def levels_of_tests(
    design: Design, primary: pd.Series, secondary: pd.Series, looks: tuple[float, ...] = ()
) -> list[float]:
    """Size of the test of each primary comparison: its step's in Holm's order, or that of looks."""
    alpha = 1 - design.analysis.level
    if design.looks.boundary != "none":
        return [final_alpha(design, looks)] * len(primary)
    family = primary
    if design.analysis.multiplicity == "holm":
        family = pd.concat([primary, secondary.dropna()], ignore_index=True)
    ordered = family.sort_values(kind="stable")
    steps = alpha / np.arange(len(family), 0, -1)
    kept = np.flatnonzero(~(ordered.to_numpy() <= steps))  # from the first on, none is rejected
    levels = pd.Series(np.minimum(steps, steps[kept[0] if len(kept) else -1]), ordered.index)
    return levels[range(len(primary))].tolist()


def adjusted_p(
    design: Design, primary: pd.Series, side: pd.DataFrame, looks: tuple[float, ...] = ()
) -> tuple[pd.Series, np.ndarray]:
    """Adjusted p-values of the primary comparisons and of the secondary outcomes.

    "holm": one family of all. "gatekeeping": the primary outcome by Holm over comparisons; a
    secondary outcome is never surer than its comparison's primary, at an equal share of the error
    for each comparison. With looks, p-values are scaled by the error left for the end, shared out
    equally over the family.
    """
    n, alpha = len(primary), 1 - design.analysis.level
    second = side["p_value"]
    scale = 1.0
    if design.looks.boundary != "none":
        scale = alpha / final_alpha(design, looks) / family_size(design)
    if design.analysis.multiplicity == "holm":
        both = pd.concat([primary, second], ignore_index=True)
        found = holm(both) if scale == 1.0 else (both * scale * family_size(design)).clip(upper=1)
        return found[:n], found[n:].to_numpy()
    split = (primary * n * scale).clip(upper=1)
    found = holm(primary) if scale == 1.0 else split
    names = [one.name for one in design.comparisons()]
    adjusted = np.full(len(side), np.nan)
    for place, name in enumerate(names):
        own = (side["arm"] == name).to_numpy()
        within = (holm(second[own]) * n * scale).clip(upper=1).to_numpy()
        adjusted[own] = np.where(np.isnan(within), np.nan, np.maximum(within, split[place]))
    return found, adjusted


def family_size(design: Design) -> int:
    """How many tests share the error, where it cannot be passed on between looks."""
    n = len(design.comparisons())
    return n * len(design.outcomes()) if design.analysis.multiplicity == "holm" else n


def bounds_of(design: Design, fractions: tuple[float, ...] = ()) -> Bounds:
    """Bounds of a design's looks, each comparison at its share of the error.

    `fractions` is the information at the looks taken, with that of the look now at the end;
    without it, the planned fractions are taken.
    """
    if design.looks.boundary == "none":
        raise DesignError("The design plans no looks before the end. An amendment can add them.")
    alpha = (1 - design.analysis.level) / family_size(design)
    return spending_bounds(fractions or planned_fractions(design), design.looks.boundary, alpha)


def planned_fractions(design: Design) -> tuple[float, ...]:
    """Share of the information planned at each look, even where it is not said."""
    n = len(design.looks.dates)
    return tuple(design.looks.fractions or [(k + 1) / n for k in range(n)])


def final_alpha(design: Design, looks: tuple[float, ...] = ()) -> float:
    """Nominal level of the final test, given the information at the looks that were taken."""
    return float(2 * norm.sf(bounds_of(design, (*looks, 1.0) if looks else ()).z[-1]))
