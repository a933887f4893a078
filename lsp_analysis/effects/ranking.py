"""What may be said of one estimate: its rank among placebos, or its own standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lsp_analysis import wording


@dataclass(frozen=True)
class Inference:
    """What may be said of one estimate.

    Attributes
    ----------
    p_value : float
        By rank (b + 1) / (B + 1), b placebos being at least as extreme; never 0.
    low, high : float
        Constant effects that the same test would not reject; missing with too few placebos.
    finest_p : float
        1 / (B + 1).
    smallest_effect : float
        Effect that would have shown as significant four times in five.
    warning : str
        Why there is no interval or no p-value; empty when there are both.
    how : str
        What all this rests on, in words.
    """

    p_value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n_placebos: int = 0
    finest_p: float = math.nan
    smallest_effect: float = math.nan
    warning: str = ""
    how: str = ""


NO_PLACEBOS = Inference(
    warning="No p-value or interval: several areas are treated together, and no placebo groups of "
    "the same size were given."
)


def by_error(
    estimate: float,
    error: float,
    level: float,
    *,
    df: float = math.inf,
    withheld: str = "",
    how: str = "",
) -> Inference:
    """Interval, p-value and power from a standard error by Student's t, or the normal."""
    reach, power = (math.nan, math.nan) if withheld else stats.t.ppf([0.5 + level / 2, 0.8], df)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * float(stats.t.sf(np.abs(np.divide(estimate, error)), df)) + 0 * float(reach)
    return Inference(
        p_value, estimate - reach * error, estimate + reach * error,
        smallest_effect=(reach + power) * error, warning=withheld, how=how,
    )  # fmt: skip


ROUNDING = 1e-12
NEVER_STRAYED = (
    "The interval, and any p-value that rests on it, is withheld: every placebo effect is zero, so "
    "nothing shows how far areas differ by chance. Check that the outcome was observed in every "
    "area, and not filled in."
)


def placebo_inference(
    estimate: float,
    placebos: np.ndarray,
    *,
    scale: float = 1.0,
    placebo_scales: np.ndarray | float = 1.0,
    level: float = 0.95,
) -> Inference:
    """Rank ``|estimate| / scale`` among ``|placebos| / placebo_scales``; invert into an interval.

    Parameters
    ----------
    placebos : array (B,)
        Estimates for units that were not treated.
    scale, placebo_scales : float, array (B,)
        What makes them comparable, for example each unit's error before the start (Ferman and
        Pinto 2017).
    """
    placebos = np.asarray(placebos, dtype=float)
    n = len(placebos)
    if not n:
        return NO_PLACEBOS
    finest, how = 1.0 / (n + 1), f"rank among {wording.counted(n, 'placebo neighbourhood')}"
    widest = np.abs(placebos).max()
    if widest <= ROUNDING * abs(estimate) or widest == 0:
        return Inference(n_placebos=n, finest_p=finest, warning=NEVER_STRAYED, how=how)
    least = max(ROUNDING * max(scale, np.max(placebo_scales)), 1e-300)
    statistics, scale = placebos / np.maximum(placebo_scales, least), max(scale, least)
    p_value = rank_p(abs(estimate) / scale, np.abs(statistics))[1]
    cut = math.floor((1 - level) * (n + 1) + 1e-9)
    if cut < 1:
        return Inference(
            p_value, n_placebos=n, finest_p=finest, warning=too_few(n, finest, level), how=how
        )
    critical = np.sort(np.abs(statistics))[n - cut]
    both_signs = np.concatenate([statistics, -statistics])
    detectable = critical + np.quantile(both_signs, 0.8)
    half = critical * scale
    return Inference(
        p_value, estimate - half, estimate + half, n, finest, float(detectable * scale), how=how
    )


def rank_p(statistic: float, placebos: np.ndarray) -> tuple[int, float]:
    """Rank of `statistic` among its placebos, 1 the largest, and the p-value that makes it."""
    larger = int((np.asarray(placebos) >= statistic * (1 - 1e-12)).sum())
    return larger + 1, (larger + 1) / (len(placebos) + 1)


def too_few(n: int, finest: float, level: float) -> str:
    """Why `n` placebos allow no interval at `level`."""
    needed = math.ceil(1 / (1 - level) - 1e-9) - 1
    return (
        f"With {n} placebo{'' if n == 1 else 's'} no p-value below {finest:.3g} is possible, so "
        f"there is no {100 * level:.4g}% interval: that needs {needed} placebos or more."
    )


def critical_value(placebos: np.ndarray, level: float) -> float:
    """Largest |statistic| that is not significant; infinite with too few placebos."""
    allowed = math.floor((1 - level) * (len(placebos) + 1) + 1e-9)
    if allowed < 1:
        return math.inf
    return float(np.sort(np.abs(placebos))[::-1][allowed - 1])
