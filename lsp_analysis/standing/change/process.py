"""Process charts: is a series steady, and would it meet its target if it went on like this?

XmR charts with the rules of Making Data Count (NHS England), checked against the NHSRplotthedots
package: limits from moving ranges, and four rules of special cause.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.showing import Axes, Shown

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
DIRECTIONS = {"high_is_good": 1, "low_is_good": -1, "none": 0}
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
class ProcessChart(Shown):
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

    def _drawn(self) -> pd.DataFrame:
        """Points whose limits stay above zero where values do: a rate has no limit below it."""
        lowest = 0.0 if (self.points["value"] >= 0).all() else None
        return self.points.assign(lpl=self.points["lpl"].clip(lower=lowest))

    def sentence(self) -> wording.Sentence:
        """The last point, what its variation means, and whether the target is in reach."""
        last = self._drawn().iloc[-1]
        value, low, high = (
            wording.quantity(last[name], self.unit) for name in ("value", "lpl", "upl")
        )
        text = (
            f"{self.name} was {value} in {wording.period(last['period'])}: "
            f"{VARIATION[self.variation]} (usual range {low} to {high})."
        )
        if self.assurance is not None:
            target = wording.quantity(self.target, self.unit)
            text += f" At this range {ASSURANCE[self.assurance].format(target)}."
        if self.trial_limits:
            text += f" Trial limits: fewer than {FEW_POINTS} points."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the process chart and, if given, dated events (``date``, ``label``)."""
        points = self._drawn()[["period", "value", "mean", "lpl", "upl", "point_type"]]
        return figures.draw_process(
            points, unit=self.unit, target=self.target, events=events, ax=ax
        )


def process_chart(
    series: pd.DataFrame,
    *,
    name: str = "The series",
    unit: str = "score",
    polarity: str = "none",
    target: float | None = None,
    rebase: Collection[pd.Period] = (),
    fix_after: int | None = None,
) -> ProcessChart:
    """Process limits, special causes and assurance for one series.

    Parameters
    ----------
    series : DataFrame, one row per period, in order
        ``period``, ``value`` (none missing, no period left out).
    name, unit : str
        For the sentence and the chart.
    polarity : "high_is_good", "low_is_good" or "none"
        Which special causes are improvement and which are concern.
    target : float, optional
        Judged (assurance) if there is a polarity.
    rebase : Periods
        First periods of new stretches, in which limits and rules start afresh. Only where a known
        change of process is dated: nothing is rebased by itself.
    fix_after : int, optional
        Work the limits of each stretch out from its first `fix_after` points only.

    Raises
    ------
    PanelError
        Values are missing, periods are out of order or left out, or there are fewer than two.
    ParameterError
        A period to rebase at is not in the series.
    """
    periods = _check_periods(series)
    starts = _starts(periods, rebase)
    direction = DIRECTIONS[polarity]
    points = xmr(
        series["value"].to_numpy(float),
        direction=direction,
        rebase_at=starts,
        fix_after=fix_after,
    )
    points.insert(0, "period", periods)
    last = points.iloc[-1]
    shortest = int(np.diff([1, *starts, len(points) + 1]).min())
    trial = min(shortest, fix_after or shortest) < FEW_POINTS
    assurance = _assurance(last, target, direction)
    return ProcessChart(name, unit, target, last["point_type"], assurance, trial, points)


def _assurance(last: pd.Series, target: float | None, direction: int) -> str | None:
    if target is None or direction == 0:
        return None
    above, below = target > last["upl"], target < last["lpl"]
    if not (above or below):
        return "inconsistent"
    return "consistent_fail" if above == (direction > 0) else "consistent_pass"


def _check_periods(series: pd.DataFrame) -> pd.PeriodIndex:
    periods = pd.PeriodIndex(series["period"])
    missing = int(series["value"].isna().sum())
    if len(periods) < 2 or missing:
        raise PanelError(
            "A process chart needs two periods or more, each with a value; this series has "
            f"{wording.counted(len(periods), 'period')}"
            f"{f', {missing} of them missing' if missing else ''}."
        )
    jumps = np.flatnonzero(np.diff(periods.asi8) != 1)
    if len(jumps):
        raise PanelError(
            f"The series goes from {periods[jumps[0]]} to {periods[jumps[0] + 1]}. Moving ranges "
            "need every period once and in order."
        )
    return periods


def _starts(periods: pd.PeriodIndex, rebase: Collection[pd.Period]) -> list[int]:
    """Numbers, from 1, of the points at these periods."""
    for period in rebase:
        if period not in periods[1:]:
            raise ParameterError(
                f"The limits cannot be rebased at {period}: give a period after the first, "
                f"{periods[0]}, and up to the last, {periods[-1]}."
            )
    return sorted(periods.get_loc(period) + 1 for period in rebase)


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
    values : array, in order of time, none missing
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
    """
    values = np.asarray(values, float)
    if np.isnan(values).any():
        raise PanelError(f"{np.isnan(values).sum()} of {len(values)} points have no value.")
    stretches = np.split(values, [point - 1 for point in sorted(rebase_at)])
    parts = [
        _stretch(part, direction, fix_after, screen_outliers) for part in stretches if len(part)
    ]
    return pd.concat(parts, ignore_index=True)


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
    words = {1: "special_cause_neutral_high", -1: "special_cause_neutral_low"}
    if direction:
        words = {direction: "special_cause_improvement", -direction: "special_cause_concern"}
    return pd.DataFrame(
        {
            "value": values,
            "mean": mean,
            "lpl": mean - reach,
            "upl": mean + reach,
            "type": types.astype(str),
            "point_type": [words.get(sign, "common_cause") for sign in side],
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
    in_window = np.zeros(len(values), int)  # three on one side, two or more of them near a limit
    for first in range(len(values) - 2):
        three = slice(first, first + 3)
        if abs(side[three].sum()) == 3 and np.count_nonzero(near[three]) >= 2:
            in_window[three] = 1
    steps = np.append(0, np.sign(np.diff(values))).astype(int)
    return {
        "outside": outside,
        "trend": _runs(steps, RUN - 1, before=1),
        "near": near * in_window,
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
