"""Where an area stands in the order: rank, decile and other quantiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import ParameterError
from lsp_analysis.standing.checks import as_numbers


def quantiles(
    values: ArrayLike, n_quantiles: int = 10, *, highest_first: bool = True
) -> np.ndarray:
    """Sort values into `n_quantiles` groups of nearly equal size, numbered from 1.

    Tied values share the lower rank, and so the group, as in Fingertips; groups of unequal size
    are unequal by one where the count does not divide.

    Parameters
    ----------
    values : array of numbers
        Missing values stay missing.
    n_quantiles : int
        5 for fifths, 10 for tenths.
    highest_first : bool
        Group 1 holds the highest values, as with deprivation scores, or the lowest.

    Returns
    -------
    array of float
        Missing throughout when there are fewer values than groups.
    """
    if n_quantiles < 1 or n_quantiles != int(n_quantiles):
        raise ParameterError(
            f"There cannot be {n_quantiles} quantile groups: give a whole number, 1 or more."
        )
    rank = ranks(values, highest_first=highest_first)
    n = np.count_nonzero(~np.isnan(rank))
    if n < n_quantiles:
        return np.full(len(rank), np.nan)
    # Counting from the far end decides which groups are the larger ones: the last of them.
    from_last = np.ceil((n + 1 - rank) * n_quantiles / n)
    return np.maximum(n_quantiles + 1 - from_last, 1)


def ranks(values: ArrayLike, *, highest_first: bool = True) -> np.ndarray:
    """Rank 1 for the highest (or lowest) value; ties share the lower rank, missing stay missing."""
    series = pd.Series(np.atleast_1d(as_numbers(values, "value to rank")))
    return series.rank(method="min", ascending=not highest_first).to_numpy()


def place_among(value: float, others: ArrayLike, *, highest_first: bool = True) -> pd.Series:
    """Where one value would stand if it joined others: rank, how many there are, and its tenth.

    Parameters
    ----------
    value : float
        For example a neighbourhood's rate.
    others : array of numbers
        For example the rates of the borough's small areas outside it.
    highest_first : bool
        Whether rank 1 and the first tenth hold the highest values, or the lowest.

    Returns
    -------
    Series
        ``rank``, ``of`` (known values, this one among them), ``decile`` (missing under ten).
    """
    joined = np.append(np.asarray(others, dtype=float), value)
    tenths = quantiles(joined, 10, highest_first=highest_first)
    rank = ranks(joined, highest_first=highest_first)[-1]
    known = int(np.count_nonzero(~np.isnan(joined)))
    return pd.Series({"rank": rank, "of": known, "decile": tenths[-1]})
