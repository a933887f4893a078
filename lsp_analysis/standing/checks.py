"""Questions that methods ask of counts and levels before they start."""

from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import wording
from lsp_analysis.errors import PanelError, ParameterError

ROUNDING = 1e-9  # by which a count worked out from a percentage may lie above its denominator


def check_level(level: float) -> float:
    """Refuse a level of confidence that is not a share, such as 95 for 0.95."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ParameterError(
            f"The level is {level!r}, and it must lie between 0 and 1: write 0.95 for 95%."
        )
    return level


def as_numbers(values: ArrayLike, what: str) -> np.ndarray:
    """Numbers as floats, missing ones as NaN; text, dates and endless numbers are refused."""
    if getattr(values, "dtype", np.dtype(float)).kind in "Mm":
        raise PanelError(f"The {what} holds dates, and numbers are wanted: were columns swapped?")
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        numbers = _one_by_one(values, what)
    if np.isinf(numbers).any():
        raise PanelError(f"The {what} has an infinite value: was something divided by zero?")
    return numbers


def as_counts(counts: ArrayLike, what: str = "count") -> np.ndarray:
    """Counts as floats, missing ones as NaN; a negative count is refused."""
    counts = as_numbers(counts, what)
    if (counts < 0).any():
        raise PanelError(
            f"The {what} is negative in {wording.counted(int((counts < 0).sum()), 'row')}, the "
            f"least {np.nanmin(counts):g}. Counts start at zero: correct the source table."
        )
    return counts


def as_exposure(population: ArrayLike) -> np.ndarray:
    """Denominators as floats, zero as NaN: nobody there means no rate, not an infinite one."""
    population = as_counts(population, "denominator")
    return np.where(population > 0, population, np.nan)


def as_events(counts: ArrayLike, population: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Events and what they are counted over, of one shape; columns of two lengths are refused."""
    counts, population = as_counts(counts), as_exposure(population)
    if counts.ndim and population.ndim and counts.shape != population.shape:
        raise PanelError(
            f"There are {counts.size} counts and {population.size} denominators. Give one of each "
            "per row."
        )
    counts, population = np.broadcast_arrays(counts, population)
    return np.array(counts), np.array(population)


def as_parts(counts: ArrayLike, population: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Counts of some of a population, as `as_events`; more than everybody is refused."""
    counts, population = as_events(counts, population)
    above = counts > population * (1 + ROUNDING)
    if above.any():
        count, base = counts[above].flat[0], population[above].flat[0]
        raise PanelError(
            f"The count is above its denominator in {wording.counted(int(above.sum()), 'row')}, "
            f"the first {count:g} of {base:g}. A proportion counts some of the denominator: "
            "correct the source table, or call it a rate."
        )
    return np.where(counts > population, population, counts), population


def possible_parts(counts: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Denominators, missing where the count is above them.

    For tables of a study, whose check names such rows: one bad row does not stop a page of others.
    """
    return np.where(counts > population * (1 + ROUNDING), np.nan, population)


def _one_by_one(values: ArrayLike, what: str) -> np.ndarray:
    """Numbers out of a mixed column, where pandas' missing value is one of them."""
    entries = pd.Series(np.ravel(np.asarray(values, dtype=object)))
    numbers = pd.to_numeric(entries, errors="coerce")
    wrong = entries[numbers.isna() & entries.notna()]
    if len(wrong):
        raise PanelError(
            f"The {what} holds {wrong.iloc[0]!r}, which is no number. Leave what is not known "
            "empty, and keep marks such as * in the note."
        )
    return numbers.to_numpy(float).reshape(np.shape(values))
