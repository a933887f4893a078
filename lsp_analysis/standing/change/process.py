"""Process charts: is a series steady, and would it meet its target if it went on like this?

The chart of Making Data Count (NHS England). Limits and
rules are those of `lsp_analysis.standing.change.process_rules`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.change.process_rules import xmr
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.comparison.verdict import POLARITIES

FEW_POINTS = 12  # under which limits are on trial

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

    def sentence(self) -> wording.Sentence:
        """The last point, what its variation means, and whether the target is in reach."""
        last = self.points.iloc[-1]
        # What has never been below zero, such as a rate, is not said to reach below it.
        lowest = max(last["lpl"], 0.0) if (self.points["value"] >= 0).all() else last["lpl"]
        text = (
            f"{self.name} was {wording.quantity(last['value'], self.unit)} in "
            f"{wording.period(last['period'])}: {VARIATION[self.variation]} "
            f"(usual range {wording.quantity(lowest, self.unit)} to "
            f"{wording.quantity(last['upl'], self.unit)})."
        )
        if self.assurance is not None:
            target = wording.quantity(self.target, self.unit)
            text += f" At this range {ASSURANCE[self.assurance].format(target)}."
        if self.trial_limits:
            text += f" Trial limits: fewer than {FEW_POINTS} points."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the process chart and, if given, dated events (``date``, ``label``)."""
        points = self.points[["period", "value", "mean", "lpl", "upl", "point_type"]]
        if (points["value"] >= 0).all():
            points = points.assign(lpl=points["lpl"].clip(lower=0.0))
        return figures.draw_process(
            points,
            unit=self.unit,
            target=self.target,
            events=events,
            ax=ax,
        )


def process_chart(
    series: pd.DataFrame,
    *,
    name: str = "The series",
    unit: str = "score",
    polarity: str = "none",
    target: float | None = None,
    rebase: list[pd.Period] | None = None,
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
    rebase : list of Period, optional
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
    check_columns(series, ["period", "value"], "series")
    check_one_of(polarity, POLARITIES, "polarity")
    periods = _check_periods(series)
    points_at = _points_at(periods, rebase or [])
    points = xmr(
        series["value"].to_numpy(float),
        direction=_WANTED[polarity],
        rebase_at=points_at,
        fix_after=fix_after,
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


def _points_at(periods: pd.PeriodIndex, rebase: list[pd.Period]) -> list[int]:
    """Numbers, from 1, of the points at these periods."""
    for period in rebase:
        if period not in periods[1:]:
            raise ParameterError(
                f"The limits cannot be rebased at {period}: give a period after the first, "
                f"{periods[0]}, and up to the last, {periods[-1]}."
            )
    return sorted(periods.get_loc(period) + 1 for period in rebase)
