"""Words for an interval beside a benchmark, p-values allowed for their number, ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.standing.checks import as_numbers

POLARITIES = ("high_is_good", "low_is_good", "none")
# The words for being below and above the benchmark.
SIDES = {
    "high_is_good": ("worse", "better"),
    "low_is_good": ("better", "worse"),
    "none": ("lower", "higher"),
}
ADJUSTMENTS = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm", "none": None}


def judge(
    low: ArrayLike, high: ArrayLike, *, benchmark: ArrayLike = 0.0, polarity: str = "none"
) -> np.ndarray:
    """Compare intervals with a benchmark, in words.

    Similar when the benchmark lies inside the closed interval, as on Fingertips; the benchmark is
    taken as known without error. For a difference, leave the benchmark at zero.

    Parameters
    ----------
    low, high : arrays, or single numbers
        Limits of each area's value; missing ones are "not compared".
    benchmark : array or number
    polarity : "high_is_good", "low_is_good" or "none"
        Without it the words are "lower" and "higher", which pass no judgement.

    Returns
    -------
    array of str
    """
    check_one_of(polarity, POLARITIES, "polarity")
    numbers = {"lower limit": low, "upper limit": high, "benchmark": benchmark}
    low, high, benchmark = np.broadcast_arrays(
        *(as_numbers(x, name) for name, x in numbers.items())
    )
    below, above = SIDES[polarity]
    words = np.array(["not compared", "similar", below, above])
    known = ~(np.isnan(low) | np.isnan(high) | np.isnan(benchmark))
    return words[known * (1 + (high < benchmark) + 2 * (low > benchmark))]


def adjust_p(p: ArrayLike, *, method: str = "bh") -> np.ndarray:
    """Adjust p-values for how many there are (statsmodels); missing ones stay out of the count.

    Parameters
    ----------
    p : array of p-values
    method : "bh", "by", "holm" or "none"
        Benjamini and Hochberg (1995) and Benjamini and Yekutieli (2001) hold the share of false
        discoveries; Holm (1979) the chance of any.
    """
    check_one_of(method, ADJUSTMENTS, "adjustment")
    p = as_numbers(p, "p-value")
    known = ~np.isnan(p)
    if (p < 0).any() or (p > 1).any():
        raise PanelError(
            f"The p-values run from {np.nanmin(p):g} to {np.nanmax(p):g}, and they lie from 0 to 1."
        )
    adjusted = np.full(p.shape, np.nan)
    if ADJUSTMENTS[method] is None or not known.any():
        return p
    adjusted[known] = multipletests(p[known], method=ADJUSTMENTS[method])[1]
    return adjusted


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
