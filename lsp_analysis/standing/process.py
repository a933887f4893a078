"""Process charts: is a series steady, and would it meet its target if it went on like this?

The XmR chart of Making Data Count (NHS England), checked against the NHSRplotthedots package:
limits at 2.66 mean moving ranges, four rules of special cause, icons for variation and assurance.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.standing.checks import check_columns, check_one_of
from lsp_analysis.standing.judging import POLARITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIMIT = 2.66  # mean moving ranges from mean to limit: three standard deviations
OUTLYING = 3.267  # times the mean moving range beyond which a range is screened out
RUN = 7  # points on one side of the mean, or going one way
FEW_POINTS = 12  # under which limits are on trial

COMMON = "Common Cause"
# Rules in the order in which they name a point, with the names NHSRplotthedots gives them.
RULES = {
    "outside": {1: "Above UCL", -1: "Below LCL"},
    "trend": {1: "7 Point Trend (Increasing)", -1: "7 Point Trend (Decreasing)"},
    "near": {1: "2 in 3 Above CL", -1: "2 in 3 Below CL"},
    "shift": {1: "7 Points Above CL", -1: "7 Points Below CL"},
}
_WANTED = {"high_is_good": 1, "low_is_good": -1, "none": 0}
VARIATION = {
    "common_cause": "no significant change",
    "special_cause_improvement": "improving",
    "special_cause_concern": "getting worse",
    "special_cause_neutral_high": "higher than usual",
    "special_cause_neutral_low": "lower than usual",
}
ASSURANCE = {
    "consistent_pass": "it will meet its target of {} if nothing changes",
    "consistent_fail": "it will miss its target of {} unless the process changes",
    "inconsistent": "it will sometimes meet and sometimes miss its target of {}",
}


@dataclass(frozen=True)
class ProcessChart:
    """A series with its process limits and special causes."""

    name: str
    unit: str
    target: float | None
    variation: str  # point type of the last point
    assurance: str | None  # None without a target or a polarity
    trial_limits: bool  # some stretch has too few points for settled limits
    points: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per period: value, mean, limits, type of cause and point type."""
        return self.points

    def sentence(self) -> wording.Sentence:
        """The last point, what its variation means, and whether the target is in reach."""
        last = self.points.iloc[-1]
        text = (
            f"{self.name} was {wording.quantity(last['value'], self.unit)} in "
            f"{wording.period(last['period'])}: {VARIATION[self.variation]} "
            f"(usual range {wording.quantity(last['lpl'], self.unit)} to "
            f"{wording.quantity(last['upl'], self.unit)})."
        )
        if self.assurance is not None:
            target = wording.quantity(self.target, self.unit)
            text += f" At this range {ASSURANCE[self.assurance].format(target)}."
        if self.trial_limits:
            text += f" Trial limits: fewer than {FEW_POINTS} points."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the process chart; `events` (dates and labels) are drawn where figures know how."""
        columns = ["period", "value", "mean", "lpl", "upl", "point_type"]
        extra = {} if events is None else {"events": events}
        return figures.draw_process(self.points[columns], ax=ax, **extra)


def process_chart(
    series: pd.DataFrame,
    *,
    name: str = "The series",
    unit: str = "score",
    polarity: str = "none",
    target: float | None = None,
    rebase: list[pd.Period] | None = None,
    fix_after: int | None = None,
    screen_outliers: bool = True,
) -> ProcessChart:
    """Process limits, special causes and icons for one series.

    Parameters
    ----------
    series : DataFrame, one row per period, in order
        ``period``, ``value`` (none missing, no period left out).
    name, unit : str
        For the sentence and the chart.
    polarity : "high_is_good", "low_is_good" or "none"
        Which special causes are improvement and which are concern.
    target : float, optional
        Sets the assurance icon, if there is a polarity.
    rebase : list of Period, optional
        First periods of new stretches, in which limits and rules start afresh. Only where a known
        change of process is dated: nothing is rebased by itself.
    fix_after : int, optional
        Work the limits of each stretch out from its first `fix_after` points only.
    screen_outliers : bool
        Leave moving ranges beyond 3.267 times their mean out of the limits (once).

    Raises
    ------
    PanelError
        Values are missing, periods are out of order or left out, or there are fewer than two.
    ParameterError
        A period to rebase at is not in the series.
    """
    check_columns(series, ["period", "value"], "series")
    check_one_of(polarity, POLARITIES, "polarity")
    periods = _check_periods(series)
    points_at = _points_at(periods, rebase or [])
    points = xmr(
        series["value"].to_numpy(float),
        direction=_WANTED[polarity],
        rebase_at=points_at,
        fix_after=fix_after,
        screen_outliers=screen_outliers,
    )
    points.insert(0, "period", periods)
    last = points.iloc[-1]
    shortest = int(np.diff([1, *points_at, len(points) + 1]).min())
    return ProcessChart(
        name,
        unit,
        target,
        last["point_type"],
        _assurance(last, target, _WANTED[polarity]),
        min(shortest, fix_after or shortest) < FEW_POINTS,
        points,
    )


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
    fix_after, screen_outliers
        As for `process_chart`.

    Returns
    -------
    DataFrame
        ``value``, ``mean``, ``lpl``, ``upl``, ``type`` (the rule that names the point),
        ``point_type``.
    """
    values = np.asarray(values, float)
    stretches = np.split(values, [point - 1 for point in sorted(rebase_at)])
    parts = [_stretch(part, direction, fix_after, screen_outliers) for part in stretches]
    return pd.concat(parts, ignore_index=True)


def _stretch(
    values: np.ndarray, direction: int, fix_after: int | None, screen_outliers: bool
) -> pd.DataFrame:
    settled = values[:fix_after]
    mean = settled.mean()
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
    outside = side * (np.abs(offset) > reach)
    near = side * ((np.abs(offset) > 2 / 3 * reach) & (outside == 0))
    steps = np.append(0, np.sign(np.diff(values))).astype(int)
    return {
        "outside": outside,
        "trend": _runs(steps, RUN - 1, before=1),
        "near": near * _in_a_window(near, side),
        "shift": _runs(side, RUN),
    }


def _runs(signs: np.ndarray, length: int, before: int = 0) -> np.ndarray:
    """Signs kept where `length` or more follow each other alike, and on `before` points ahead."""
    kept = np.zeros(len(signs), int)
    start = np.flatnonzero(np.append(True, np.diff(signs) != 0))
    for first, last in zip(start, np.append(start[1:], len(signs)), strict=True):
        if signs[first] and last - first >= length:
            ahead = slice(max(first - before, 0), first)
            kept[ahead] = np.where(kept[ahead] == 0, signs[first], kept[ahead])
            kept[first:last] = signs[first]
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


def _assurance(last: pd.Series, target: float | None, direction: int) -> str | None:
    if target is None or direction == 0:
        return None
    if target > last["upl"]:
        return "consistent_fail" if direction > 0 else "consistent_pass"
    if target < last["lpl"]:
        return "consistent_pass" if direction > 0 else "consistent_fail"
    return "inconsistent"


def _check_periods(series: pd.DataFrame) -> pd.PeriodIndex:
    periods = pd.PeriodIndex(series["period"])
    if len(periods) < 2 or series["value"].isna().any():
        raise PanelError(
            f"A process chart needs 2 values or more and none missing; there are {len(periods)}, "
            f"{int(series['value'].isna().sum())} of them missing."
        )
    jumps = np.flatnonzero(np.diff(periods.asi8) != 1)
    if len(jumps):
        raise PanelError(
            f"The series goes from {periods[jumps[0]]} to {periods[jumps[0] + 1]}. Moving ranges "
            "need every period once and in order."
        )
    return periods


def _points_at(periods: pd.PeriodIndex, rebase: list[pd.Period]) -> list[int]:
    """Numbers, from 1, of the points at these periods."""
    for period in rebase:
        if period not in periods[1:]:
            raise ParameterError(
                f"The limits cannot be rebased at {period}: give a period after the first, "
                f"{periods[0]}, and up to the last, {periods[-1]}."
            )
    return sorted(periods.get_loc(period) + 1 for period in rebase)
