"""XmR charts: limits from moving ranges, and the four rules of special cause.

The rules of Making Data Count (NHS England), checked against the NHSRplotthedots package.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import as_numbers

LIMIT = 2.66  # mean moving ranges from mean to limit: three standard deviations
OUTLYING = 3.267  # times the mean moving range beyond which a range is screened out
RUN = 7  # points on one side of the mean, or going one way

COMMON = "Common Cause"
# Rules in the order in which they name a point, with the names NHSRplotthedots gives them.
RULES = {
    "outside": {1: "Above UCL", -1: "Below LCL"},
    "trend": {1: "7 Point Trend (Increasing)", -1: "7 Point Trend (Decreasing)"},
    "near": {1: "2 in 3 Above CL", -1: "2 in 3 Below CL"},
    "shift": {1: "7 Points Above CL", -1: "7 Points Below CL"},
}


def xmr(
    values: ArrayLike,
    *,
    direction: int = 0,
    rebase_at: Collection[int] = (),
    fix_after: int | None = None,
    screen_outliers: bool = True,
) -> pd.DataFrame:
    """Means, limits and special causes of a plain series of values.

    Parameters
    ----------
    values : array, in order of time
    direction : 1, -1 or 0
        Increase is good, decrease is good, or neither.
    rebase_at : int, any number of them
        Points, counted from 1, with which limits and rules start afresh.
    fix_after : as for `process_chart`
    screen_outliers : bool
        Leave moving ranges beyond 3.267 times their mean out of the limits (once).

    Returns
    -------
    DataFrame
        ``value``, ``mean``, ``lpl``, ``upl``, ``type`` (the rule that names the point),
        ``point_type``.

    Raises
    ------
    PanelError
        A value is missing or no number.
    """
    values = np.atleast_1d(as_numbers(values, "series"))
    if not len(values) or np.isnan(values).any():
        raise PanelError(
            f"Of {len(values)} points {int(np.isnan(values).sum())} have no value. Moving ranges "
            "need points, and a value at each."
        )
    stretches = np.split(values, [point - 1 for point in sorted(rebase_at)])
    parts = [
        _stretch(part, direction, fix_after, screen_outliers) for part in stretches if len(part)
    ]
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _stretch(
    values: np.ndarray, direction: int, fix_after: int | None, screen_outliers: bool
) -> pd.DataFrame:
    settled = values[:fix_after]
    # Summed exactly, so that a point that lies on the mean is not taken for one beside it.
    mean = math.fsum(settled) / len(settled)
    reach = LIMIT * _mean_moving_range(settled, screen_outliers)
    flags = _flags(values, mean, reach)
    types = np.full(len(values), COMMON, dtype=object)
    side = np.zeros(len(values), int)
    for rule in reversed(RULES):  # the first rule named is written last and so stays
        for sign, label in RULES[rule].items():
            types[flags[rule] == sign] = label
            side[flags[rule] == sign] = sign
    return pd.DataFrame(
        {
            "value": values,
            "mean": mean,
            "lpl": mean - reach,
            "upl": mean + reach,
            "type": types.astype(str),
            "point_type": _point_types(side, direction),
        }
    )


def _mean_moving_range(values: np.ndarray, screen_outliers: bool) -> float:
    ranges = np.abs(np.diff(values))
    if len(ranges) == 0:
        return np.nan
    if screen_outliers and ranges.any():
        ranges = ranges[ranges < OUTLYING * ranges.mean()]
    return float(ranges.mean())


def _flags(values: np.ndarray, mean: float, reach: float) -> dict[str, np.ndarray]:
    """For each rule, +1 or -1 at the points it picks out above or below."""
    offset = values - mean
    side = np.sign(offset).astype(int)
    outside = side * ((values > mean + reach) | (values < mean - reach))
    near = side * ((np.abs(offset) > 2 / 3 * reach) & (outside == 0))
    steps = np.append(0, np.sign(np.diff(values))).astype(int)
    return {
        "outside": outside,
        "trend": _runs(steps, RUN - 1, before=1),
        "near": near * _in_a_window(near, side),
        "shift": _runs(side, RUN),
    }


def _runs(signs: np.ndarray, length: int, before: int = 0) -> np.ndarray:
    """Signs kept where `length` or more follow each other alike, and on `before` points ahead.

    A point where one run ends and the next begins goes with the one that begins.
    """
    kept = np.zeros(len(signs), int)
    start = np.flatnonzero(np.append(True, np.diff(signs) != 0))
    for first, last in zip(start, np.append(start[1:], len(signs)), strict=True):
        if signs[first] and last - first >= length:
            kept[max(first - before, 0) : last] = signs[first]
    return kept


def _in_a_window(near: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Points in some three running on one side of the mean, two or more of them near a limit."""
    inside = np.zeros(len(near), int)
    for first in range(len(near) - 2):
        three = slice(first, first + 3)
        if abs(side[three].sum()) == 3 and np.count_nonzero(near[three]) >= 2:
            inside[three] = 1
    return inside


def _point_types(side: np.ndarray, direction: int) -> np.ndarray:
    if direction == 0:
        words = {1: "special_cause_neutral_high", -1: "special_cause_neutral_low"}
    else:
        words = {direction: "special_cause_improvement", -direction: "special_cause_concern"}
    return np.array([words.get(sign, "common_cause") for sign in side])
