"""Questions every method asks of its arguments before it starts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import PanelError, ParameterError, did_you_mean


def check_level(level: float) -> float:
    """Refuse a level of confidence that is not a share, such as 95 for 0.95."""
    if not 0 < level < 1:
        raise ParameterError(
            f"The level is {level}, and it must lie between 0 and 1: write 0.95 for 95%."
        )
    return level


def check_columns(frame: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Refuse a frame that lacks a column, naming the ones it has that look alike."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise PanelError(
            f"The {what} has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}."
            f"{did_you_mean(missing[0], map(str, frame.columns))}"
        )


def check_one_of(value: str, choices: Iterable[str], what: str) -> str:
    """Refuse a word that is not one of `choices`."""
    choices = tuple(choices)
    if value not in choices:
        raise ParameterError(
            f"The {what} is {value!r}, and it must be one of {', '.join(choices)}."
            f"{did_you_mean(str(value), choices)}"
        )
    return value


def as_counts(counts: ArrayLike, what: str = "count") -> np.ndarray:
    """Counts as floats, missing ones as NaN; a negative count is refused."""
    counts = np.asarray(counts, dtype=float)
    if (counts < 0).any():
        raise PanelError(
            f"{int((counts < 0).sum())} values of the {what} are negative, the least "
            f"{np.nanmin(counts):g}. Counts start at nought: correct the source table."
        )
    return counts


def as_exposure(population: ArrayLike) -> np.ndarray:
    """Denominators as floats, nought as NaN: nobody there means no rate, not an infinite one."""
    population = as_counts(population, "denominator")
    return np.where(population > 0, population, np.nan)
