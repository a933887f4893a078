"""Words for a comparison, and how many of them to believe when many are made at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import as_numbers, check_one_of

POLARITIES = ("high_is_good", "low_is_good", "none")
# The words for being below and above the benchmark.
_SIDES = {
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
    below, above = _SIDES[polarity]
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
