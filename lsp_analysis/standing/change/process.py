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
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown, View, if_possible
from lsp_analysis.standing.change.trends import PER_YEAR, RecentTrend, recent_trend
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.comparison.profiles import quantities
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.study.asking.table import as_date

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
        when, variation = wording.period(last["period"]), VARIATION[self.variation]
        text = f"{self.name} was {value} in {when}: {variation} (usual range {low} to {high})."
        if self.assurance is not None:
            target = wording.quantity(self.target, self.unit)
            text += f" At this range {ASSURANCE[self.assurance].format(target)}."
        if self.trial_limits:
            text += f" Trial limits: fewer than {FEW_POINTS} points."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the process chart and, if given, dated events (``date``, ``label``)."""
        about = {"unit": self.unit, "target": self.target}
        return figures.draw_process(self._drawn(), events=events, ax=ax, **about)


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
    periods, direction = _check_periods(series), DIRECTIONS[polarity]
    wrong = [period for period in rebase if period not in periods[1:]]
    if wrong:
        raise ParameterError(
            f"The limits cannot be rebased at {wrong[0]}: give a period after the first, "
            f"{periods[0]}, and up to the last, {periods[-1]}."
        )
    starts = sorted(periods.get_loc(period) + 1 for period in rebase)
    points = xmr(series["value"], direction=direction, rebase_at=starts, fix_after=fix_after)
    points.insert(0, "period", periods)
    last, shortest = points.iloc[-1], int(np.diff([1, *starts, len(points) + 1]).min())
    trial, assurance = min(shortest, fix_after or shortest) < FEW_POINTS, None
    if target is not None and direction:
        above, below = target > last["upl"], target < last["lpl"]
        assurance = "consistent_fail" if above == (direction > 0) else "consistent_pass"
        assurance = assurance if above or below else "inconsistent"
    return ProcessChart(name, unit, target, last["point_type"], assurance, trial, points)


def _check_periods(series: pd.DataFrame) -> pd.PeriodIndex:
    periods, missing = pd.PeriodIndex(series["period"]), int(series["value"].isna().sum())
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
    about = (direction, fix_after, screen_outliers)
    return pd.concat([_stretch(x, *about) for x in stretches if len(x)], ignore_index=True)


def _stretch(
    values: np.ndarray, direction: int, fix_after: int | None, screen_outliers: bool
) -> pd.DataFrame:
    settled = values[:fix_after]
    # Summed exactly, so that a point that lies on the mean is not taken for one beside it.
    mean = math.fsum(settled) / len(settled)
    ranges = np.abs(np.diff(settled))
    if screen_outliers and ranges.any():
        ranges = ranges[ranges < OUTLYING * ranges.mean()]
    reach = LIMIT * ranges.mean() if len(ranges) else np.nan
    flags = _flags(values, mean, reach)
    types, side = np.full(len(values), COMMON, dtype=object), np.zeros(len(values), int)
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
    trend, shift = _runs(steps, RUN - 1, before=1), _runs(side, RUN)
    return {"outside": outside, "trend": trend, "near": near * in_window, "shift": shift}


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


WILL = {
    "consistent_pass": "will meet it",
    "consistent_fail": "will miss it",
    "inconsistent": "will meet it at times",
}
NO_CHART = "no chart"
FEWEST_SETTLED = 5  # points from which limits may be worked out
ORDER = ("getting worse", "improving", "higher than usual", "lower than usual")


def signals(brief: AreaBrief, *, since: object = None) -> View:
    """Chart every indicator of an area, and say which ended outside their usual variation.

    Parameters
    ----------
    brief : AreaBrief
    since : Period, date or text, optional
        A dated change, such as a programme's start. What is usual is then what was usual before it,
        and whether a target will be met is judged by the points from it on. Passed over where no
        series has five points before.

    Returns
    -------
    View
        ``table``, indexed by indicator_id, has ``name``, ``unit``, ``period`` and ``value`` (the
        last point), ``variation`` (in words, "no chart" where the series is broken), ``target``,
        ``assurance`` (in words, empty without a target), ``recent`` (label of Fingertips).
    """
    early = [_settled(panel["period"].drop_duplicates(), since) for panel in brief.panels.values()]
    since, rows = since if max(early) >= FEWEST_SETTLED else None, []
    for indicator_id in brief.panels:
        indicator = brief.indicator(indicator_id)
        moved = if_possible(process_of, brief, indicator_id, settled_before=since)
        now = moved if since is None else if_possible(process_of, brief, indicator_id, rebase=since)
        # The last point of the chart, or of the series itself where it cannot be charted.
        path = brief.series(indicator_id, whole=True).dropna(subset="value")
        last = (moved.points if moved else path)[["period", "value"]].tail(1).to_dict("records")
        row = {
            "indicator_id": indicator_id,
            "name": indicator.name,
            "unit": indicator.per,
            **(last[0] if last else {"period": None, "value": None}),
            "variation": VARIATION[moved.variation] if moved else NO_CHART,
            "target": now.target if now else None,
            "assurance": WILL.get(now.assurance, "") if now else "",
            "recent": recent_of(brief, indicator_id).label,
        }
        rows.append(row)
    table = pd.DataFrame(rows).set_index("indicator_id")
    usual = f"what was usual before {wording.period(since)}" if since else "their usual variation"
    said = wording.capital(_told(brief.area.name, table, usual))
    return View(said, table, tabulate=lambda: _listed(brief.area.name, table, usual))


def _told(area: str, table: pd.DataFrame, usual: str) -> str:
    """How many indicators moved by more than their usual variation, and which."""
    known = table[table["variation"] != NO_CHART]
    if known.empty:
        return f"No series of {area} is long and whole enough to chart."
    moved = int(known["variation"].isin(ORDER).sum())
    text = f"{wording.of_total(moved, len(known))} indicators of {area} ended outside {usual}."
    if len(known) == 1:
        which = "that can be charted " if len(table) > 1 else ""
        ended = f"ended {'outside' if moved else 'inside'} {usual.replace('their', 'its')}"
        text = f"the only indicator of {area} {which}{ended}."
    told = [
        f"{word}: {wording.and_list(map(wording.inside, names))}"
        for word in ORDER
        if len(names := known.loc[known["variation"] == word, "name"])
    ]
    return f"{text} {wording.capital('; '.join(told))}." if told else text


def _listed(area: str, rows: pd.DataFrame, usual: str) -> Table:
    """Every indicator's last point, what it means, and whether the target is in reach."""
    values, targets = (quantities(rows[name], rows["unit"]) for name in ("value", "target"))
    shown = {
        "Indicator": rows["name"],
        "Last": [wording.period(period, short=True) for period in rows["period"]],
        "Value": values,
        wording.capital(f"against {usual}"): rows["variation"],
        "Borough's target": ["none" if t == wording.MISSING else t for t in targets],
        "As things are it": rows["assurance"],
        "Last five years": rows["recent"],
    }
    return figures.table(
        pd.DataFrame(shown).reset_index(drop=True),
        caption=f"{area}: is it changing, and would it meet the borough's target?",
        note="The rules are those of Making Data Count, with the usual seasons taken out; the "
        "last five years are judged by the recent trend of Fingertips.",
    )


def process_of(
    brief: AreaBrief,
    indicator_id: str,
    *,
    target: float | None = None,
    settled_before: object = None,
    rebase: object = None,
    keep_seasons: bool = False,
) -> ProcessChart:
    """The process chart of one indicator of an area.

    Parameters
    ----------
    brief : AreaBrief
    indicator_id : str
    target : float, optional
        That of the borough's plan unless given; none without a plan, or beside limits of the past,
        which say nothing of what is to come.
    settled_before : Period, date or text, optional
        Work the limits out from the periods that end before it, to see what moved after.
    rebase : Period, date or text, optional
        Start the limits afresh in the first whole period from it on: a known change of process.
        Either is passed over when it leaves fewer than five points to work limits out from.
    keep_seasons : bool
        Months and quarters are otherwise divided by how far the rest of the borough usually lies
        above its mean in that season (`without_seasons`).
    """
    indicator, series = brief.indicator(indicator_id), brief.series(indicator_id, years=False)
    if not keep_seasons:
        series = without_seasons(series, brief.series(indicator_id, REST, years=False))
    periods = pd.PeriodIndex(series["period"])
    before = _settled(series["period"], settled_before)
    later = periods[periods.start_time >= _moment(rebase)]
    if target is None and before < FEWEST_SETTLED and brief.plan is not None:
        target = brief.plan.last_targets.get(indicator_id)
    rebased = FEWEST_SETTLED <= len(later) <= len(periods) - FEWEST_SETTLED
    limits = {
        "fix_after": before if before >= FEWEST_SETTLED else None,
        "rebase": [later[0]] if rebased else (),
    }
    about = {"name": indicator.name, "unit": indicator.per, "polarity": indicator.polarity}
    return process_chart(series, target=target, **about, **limits)


def recent_of(brief: AreaBrief, indicator_id: str) -> RecentTrend:
    """Fingertips' recent trend over the last five years."""
    indicator, series = brief.indicator(indicator_id), brief.series(indicator_id)
    low, high = group_limits(series, indicator=indicator, level=0.95)
    series = series[["period", "value"]].assign(low=low, high=high)
    return recent_trend(series, polarity=indicator.polarity, unit=indicator.per)


def without_seasons(series: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """`series` divided by the usual season of `reference`, whose many areas show it plainly.

    A month's season is the mean, over years, of the reference's value as a share of the mean of the
    twelve months around it. Years are left as they are, and so is a series whose reference has a
    value of zero.

    Parameters
    ----------
    series, reference : DataFrame
        ``period``, ``value``.
    """
    periods = pd.PeriodIndex(series["period"])
    per_year = PER_YEAR.get(periods.freqstr[0], 1)
    known = reference.set_index(pd.PeriodIndex(reference["period"]))["value"]
    if per_year == 1 or len(known) < 2 * per_year or not (known > 0).all():
        return series
    share = known / known.rolling(per_year).mean().rolling(2).mean().shift(-per_year // 2)
    part = "month" if per_year == PER_YEAR["M"] else "quarter"
    season = share.groupby(getattr(share.index, part)).mean()
    usual = (season / season.mean()).reindex(getattr(periods, part)).to_numpy()
    return series.assign(value=series["value"].to_numpy(float) / usual)


def _settled(periods: pd.Series, before: object) -> int:
    """How many periods end before a moment."""
    return int((pd.PeriodIndex(periods).end_time < _moment(before)).sum())


def _moment(when: object) -> pd.Timestamp:
    """First day of a Period, date or text; missing when there is none, which nothing is before."""
    if when is None or when == "":
        return pd.NaT
    return as_date(when, name="the date").start_time
