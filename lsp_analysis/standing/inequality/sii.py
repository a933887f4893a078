"""Inequality across a whole population: the slope and the relative index."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.checks import as_counts, as_numbers, check_level

# How values are straightened before the line is fitted, and put back after.
TRANSFORMS = {
    "none": (lambda x: x, lambda x: x),
    "log": (np.log, np.exp),
    "logit": (logit, expit),
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
    to_line, back = TRANSFORMS[transform]
    share, value = _groups(population, value, transform)
    position = np.cumsum(share) - share / 2
    fitted = to_line(value)
    error = _errors(value, se, limits, transform)
    ends = _line_ends(position, share)
    draws = np.random.default_rng(0).standard_normal((repetitions, len(share)))
    simulated = _indices(back((fitted + draws * error) @ ends), multiplier)
    estimate = _indices(back(fitted @ ends), multiplier)
    tail = (1 - check_level(level)) / 2
    found = [np.quantile(index, [tail, 1 - tail]) for index in simulated]
    line = pd.DataFrame(
        {"position": position, "value": value, "fitted": back(_fit(position, share) @ fitted)}
    )
    return SlopeIndex(
        float(estimate[0]), *map(float, found[0]), float(estimate[1]), *map(float, found[1]),
        level, transform, line,
    )  # fmt: skip


# Values that can be put on each scale.
_CAN_BE_FITTED = {
    "none": lambda value: ~np.isnan(value),
    "log": lambda value: value > 0,
    "logit": lambda value: (value > 0) & (value < 1),
}
_RANGES = {"none": "known", "log": "above zero", "logit": "shares between 0 and 1"}


def _groups(
    population: ArrayLike, value: ArrayLike, transform: str
) -> tuple[np.ndarray, np.ndarray]:
    """Each group's share of the people and its value, or why no line can be drawn."""
    people = as_counts(population, "population of the groups")
    value = as_numbers(value, "value of the groups")
    if people.shape != value.shape or people.ndim != 1 or len(people) < 3 or not people.sum() > 0:
        raise ParameterError(
            "A slope needs 3 groups or more, each with a population and a value; there are "
            f"{people.size} populations, adding up to {people.sum():g}, and {value.size} values."
        )
    wrong = ~_CAN_BE_FITTED[transform](value)
    if wrong.any():
        raise PanelError(
            f"With the transform {transform!r} values must be {_RANGES[transform]}: not so in "
            f"{wording.counted(int(wrong.sum()), 'group')}, the first {value[wrong][0]:g}."
        )
    return people / people.sum(), value


def _errors(
    value: np.ndarray,
    se: ArrayLike | None,
    limits: tuple[ArrayLike, ArrayLike] | None,
    transform: str,
) -> np.ndarray:
    """Standard errors on the scale of the line."""
    if limits is not None:
        to_line = TRANSFORMS[transform][0]
        low, high = (to_line(np.asarray(end)) for end in limits)
        return (high - low) / (2 * ndtri(0.975))
    if se is None:
        raise ParameterError("Give the standard errors of the values, or both of their limits.")
    slope = {"none": 1.0, "log": value, "logit": value * (1 - value)}[transform]
    return np.asarray(se, float) / slope


def _fit(position: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The matrix that turns values into fitted values, by least squares weighted by population."""
    return np.column_stack([np.ones_like(position), position]) @ _coefficients(position, share)


def _line_ends(position: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The matrix that turns values into the line's ends: most deprived, least deprived."""
    return (np.array([[1.0, 0.0], [1.0, 1.0]]) @ _coefficients(position, share)).T


def _coefficients(position: np.ndarray, share: np.ndarray) -> np.ndarray:
    root = np.sqrt(share)
    design = np.column_stack([np.ones_like(position), position])
    return np.linalg.pinv(design * root[:, None]) * root


def _indices(ends: np.ndarray, multiplier: float) -> tuple[np.ndarray, np.ndarray]:
    most, least = ends[..., 0], ends[..., 1]
    ratio = most / least if multiplier < 0 else least / most
    return (least - most) * multiplier, ratio
