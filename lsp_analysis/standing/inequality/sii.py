"""Inequality across a whole population: the slope and the relative index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import as_counts, as_numbers, check_level


class Transform(NamedTuple):
    """How values are straightened before the line is fitted, and put back after."""

    to_line: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]  # of `back`, by the value
    needs: str  # in words, the values that can be fitted
    fits: Callable[[np.ndarray], np.ndarray]


TRANSFORMS = {
    "none": Transform(np.array, np.array, np.ones_like, "known", lambda x: ~np.isnan(x)),
    "log": Transform(np.log, np.exp, np.array, "above zero", lambda x: x > 0),
    "logit": Transform(
        logit, expit, lambda x: x * (1 - x), "shares between 0 and 1", lambda x: (x > 0) & (x < 1)
    ),
}


@dataclass(frozen=True)
class SlopeIndex(Shown):
    """Slope and relative index of inequality over quantiles of deprivation, with limits."""

    sii: float
    sii_low: float
    sii_high: float
    rii: float
    rii_low: float
    rii_high: float
    level: float
    transform: str
    line: pd.DataFrame = field(repr=False, compare=False)  # position, value, fitted
    unit: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """Two rows, the slope index and the relative index, with limits."""
        rows = {
            "slope index": (self.sii, self.sii_low, self.sii_high),
            "relative index": (self.rii, self.rii_low, self.rii_high),
        }
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def sentence(self) -> wording.Sentence:
        """How far apart the two ends of the fitted line are."""
        limits = wording.interval(
            self.sii_low, self.sii_high, self.unit, self.level, of_change=True
        )
        return wording.Sentence(
            "From one end of deprivation to the other the fitted value differs by "
            f"{wording.difference(self.sii, self.unit)} ({limits}), a ratio of "
            f"{wording.number(self.rii, 2)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the groups' values, from the most to the least deprived, and the line fitted."""
        groups = [f"group {number}" for number in range(1, len(self.line) + 1)]
        names = {"value": "Values from most to least deprived", "fitted": "Line fitted"}
        seen = self.line.assign(period=groups).rename(columns=names)
        long = seen.drop(columns="position").melt("period", var_name="series")
        return figures.draw_trend(long, unit=self.unit, ax=ax)


def slope_index(
    population: ArrayLike,
    value: ArrayLike,
    *,
    se: ArrayLike | None = None,
    limits: tuple[ArrayLike, ArrayLike] | None = None,
    transform: str = "none",
    multiplier: float = 1.0,
    level: float = 0.95,
    repetitions: int = 100_000,
) -> SlopeIndex:
    """Slope and relative index of inequality of grouped values.

    A line weighted by population is fitted to the values (or to their logarithms or logits) over
    the mid-points of cumulative population, and its two ends are compared: least deprived less
    most deprived, and their ratio. Limits come from values redrawn within their errors (Low and
    Low 2004).

    Parameters
    ----------
    population, value : arrays, one element per group, most deprived first
        Populations, and indicator values: proportions between 0 and 1 for "logit".
    se : array, optional
        Standard errors of the values. Otherwise give `limits`.
    limits : pair of arrays, optional
        Lower and upper 95% limits of the values, from which standard errors are worked out on the
        scale fitted.
    transform : "none", "log" for rates or "logit" for proportions
    multiplier : float
        Scale of the slope index; a negative one also turns the relative index over, for values
        of which less is better.
    level : float between 0 and 1
    repetitions : int
        Number of redrawn sets of values; the random numbers always start at the same place.

    Raises
    ------
    ParameterError
        Neither standard errors nor limits are given, or fewer than three groups.
    PanelError
        A value is missing, or cannot be put on the scale of the line (zero on "log", a percentage
        on "logit").
    """
    check_one_of(transform, TRANSFORMS, "transform")
    scale = TRANSFORMS[transform]
    people = as_counts(population, "population of the groups")
    value = as_numbers(value, "value of the groups")
    if people.shape != value.shape or people.ndim != 1 or len(people) < 3 or not people.sum() > 0:
        raise ParameterError(
            "A slope needs 3 groups or more, each with a population and a value; there are "
            f"{people.size} populations, adding up to {people.sum():g}, and {value.size} values."
        )
    wrong = ~scale.fits(value)
    if wrong.any():
        raise PanelError(
            f"With the transform {transform!r} values must be {scale.needs}: not so in "
            f"{wording.counted(int(wrong.sum()), 'group')}, the first {value[wrong][0]:g}."
        )
    if se is None and limits is None:
        raise ParameterError("Give the standard errors of the values, or both of their limits.")
    if limits is not None:
        low, high = (scale.to_line(np.asarray(end)) for end in limits)
        error = (high - low) / (2 * ndtri(0.975))
    else:
        error = np.asarray(se, float) / scale.slope(value)
    share = people / people.sum()
    position = np.cumsum(share) - share / 2
    # Least squares weighted by population, as matrices that turn values into points of the line.
    design, root = np.column_stack([np.ones_like(position), position]), np.sqrt(share)
    coefficients = np.linalg.pinv(design * root[:, None]) * root
    ends = (np.array([[1.0, 0.0], [1.0, 1.0]]) @ coefficients).T  # most deprived, least deprived
    fitted = scale.to_line(value)
    draws = np.random.default_rng(0).standard_normal((repetitions, len(share)))
    simulated = _indices(scale.back((fitted + draws * error) @ ends), multiplier)
    sii, rii = map(float, _indices(scale.back(fitted @ ends), multiplier))
    tail = (1 - check_level(level)) / 2
    sii_limits, rii_limits = (np.quantile(index, [tail, 1 - tail]) for index in simulated)
    line = scale.back(design @ coefficients @ fitted)
    return SlopeIndex(
        sii, *map(float, sii_limits), rii, *map(float, rii_limits), level, transform,
        pd.DataFrame({"position": position, "value": value, "fitted": line}),
    )  # fmt: skip


def _indices(ends: np.ndarray, multiplier: float) -> tuple[np.ndarray, np.ndarray]:
    most, least = ends[..., 0], ends[..., 1]
    ratio = most / least if multiplier < 0 else least / most
    return (least - most) * multiplier, ratio
