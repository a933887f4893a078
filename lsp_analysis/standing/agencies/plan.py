"""How the plan is going: each measure against its target and its stretch target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, ShownTable
from lsp_analysis.standing.change.trends import PER_YEAR
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.place.groups import group_series
from lsp_analysis.study.indicator import Indicator, on_unit_period
from lsp_analysis.study.periods import parse_period

MET, ON_TRACK, BEHIND = "met", "on track", "behind"
AWAY, MISSED, NO_DATA = "moving away", "missed", "no data"
STATUSES = (MET, ON_TRACK, BEHIND, AWAY, MISSED, NO_DATA)
OFF_TRACK = (AWAY, MISSED, BEHIND)
DRAWN_BETWEEN = (-100, 200)  # per cent of the way: one measure far astray would hide the rest
NEEDED = ("measure_id", "indicator_id", "baseline_period", "baseline", "target", "due")


@dataclass(frozen=True)
class PlanProgress(ShownTable):
    """Where every measure of the plan stands on the way from its baseline to its target."""

    table: pd.DataFrame = field(repr=False, compare=False)

    @cached_property
    def last_targets(self) -> dict[str, float]:
        """The target that is due last, by indicator."""
        rows = self.table.dropna(subset="target").sort_values("due", kind="stable")
        return dict(zip(rows["indicator_id"], rows["target"].astype(float), strict=True))

    @property
    def off_track(self) -> pd.DataFrame:
        """The measures that are behind, missed or moving away."""
        return self.table[self.table["status"].isin(OFF_TRACK)]

    def by(self, column: str) -> pd.DataFrame:
        """Number of measures of each status by theme, aim, lead agency or another column."""
        check_columns(self.table, [column], "plan")
        counts = pd.crosstab(self.table[column], self.table["status"])
        return counts.reindex(columns=list(STATUSES), fill_value=0)

    def sentence(self) -> wording.Sentence:
        """How many measures there are of each status, and how many stretch targets are met."""
        counts = self.table["status"].value_counts()
        places = [f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0)]
        text = (
            f"Of {wording.counted(len(self.table), 'target')} in the plan: "
            f"{wording.and_list(places)}."
        )
        stretch = self.table["stretch_status"].dropna()
        if len(stretch):
            met = int((stretch == MET).sum())
            text += f" Stretch targets met: {wording.of_total(met, len(stretch))}."
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how far each measure has come, in per cent of the way to its target."""
        known = self.table.dropna(subset="progress").reset_index()
        percent = 100 * known["progress"]
        drawn = percent.clip(*DRAWN_BETWEEN)
        target = "Target"
        if (drawn != percent).any():
            target = f"Drawn from {' to '.join(map(wording.number, DRAWN_BETWEEN))}; target"
        return figures.draw_caterpillar(
            pd.DataFrame({"label": _labels(known), "value": drawn, "low": np.nan, "high": np.nan}),
            reference=100,
            reference_label=target,
            unit="% of the way",
            noun="measure",
            ax=ax,
        )


def _labels(measures: pd.DataFrame) -> pd.Series:
    """Names of measures with when they are due; the ids of those without a name of their own."""
    if "name" not in measures:
        return measures["measure_id"]
    due = [
        wording.period(when if isinstance(when, pd.Period) else str(when))
        for when in measures["due"]
    ]
    named = measures["name"] + ", by " + due
    return named.where(
        measures["name"].notna() & ~named.duplicated(keep=False), measures["measure_id"]
    )


def plan_progress(
    plan: pd.DataFrame,
    values: pd.DataFrame,
    *,
    as_at: str | pd.Timestamp | None = None,
    names: Mapping[str, str] | None = None,
) -> PlanProgress:
    """Set each measure's last value up to its due date between its baseline and its targets.

    A measure is on track when it has come at least as far as a straight line from the baseline to
    the target on the due date; which way is better is read from baseline and target.

    Parameters
    ----------
    plan : DataFrame, rows of the table `plan`
        ``measure_id``, ``indicator_id``, ``baseline_period``, ``baseline``, ``target``, ``due``
        (periods such as 2011, 2010/11 or 2011-03, or dates), and ``stretch_target`` where there is
        one.
    values : DataFrame
        ``measure_id``, ``period``, ``value``; see `plan_values`.
    as_at : date, optional
        Leave out values for periods that end later, as if read on that day.
    names : mapping of indicator_id to name, optional
        For the chart, as the column ``name`` of the table; measures otherwise go by their ids.

    Returns
    -------
    PlanProgress
        ``table``, indexed by measure_id, has the plan's columns with ``period``, ``value``,
        ``progress`` (0 at the baseline, 1 at the target), ``expected`` (where a straight line would
        be), ``status``, ``stretch_progress``, ``stretch_status``. Statuses: met, on track, behind,
        moving away (further from the target than the baseline), missed (known for its due date and
        not met), no data.

    Raises
    ------
    PanelError
        A column is missing, or a measure is in the plan twice.
    """
    check_columns(plan, NEEDED, "plan")
    check_columns(values, ["measure_id", "period", "value"], "table of values")
    if plan["measure_id"].duplicated().any():
        twice = plan.loc[plan["measure_id"].duplicated(), "measure_id"].iloc[0]
        raise PanelError(f"Measure {twice!r} is in the plan more than once. Keep one row for each.")
    table = plan.set_index("measure_id")
    if names is not None:
        table["name"] = table["indicator_id"].map(dict(names))
    if "stretch_target" not in table:
        table["stretch_target"] = np.nan
    due, begun = table["due"].map(_last_day), table["baseline_period"].map(_last_day)
    table = table.join(_last_values(values, due, as_at))
    reached = table["period"].map(_last_day)
    whole = (due - begun).dt.days.where(due > begun)
    table["expected"] = ((reached - begun).dt.days / whole).clip(0, 1)
    table["progress"] = _progress(table, "target")
    table["status"] = _statuses(table["progress"], table["expected"], reached >= due)
    table["stretch_progress"] = _progress(table, "stretch_target")
    stretch = _statuses(table["stretch_progress"], table["expected"], reached >= due)
    table["stretch_status"] = stretch.where(table["stretch_target"].notna())
    return PlanProgress(table)


def plan_values(
    plan: pd.DataFrame,
    panels: Mapping[str, pd.DataFrame],
    indicators: Collection[Indicator],
) -> pd.DataFrame:
    """Values of every measure through time, in periods of the length of its baseline.

    On the period of the indicator's unit: rates of events are a year's. Months and quarters are
    added up to years when the baseline is a year, sums over sums; stocks are averaged.

    Parameters
    ----------
    plan : DataFrame, rows of the table `plan`
    panels : mapping of indicator_id to panel
        Measures of indicators without a panel have no values.
    indicators : Indicators
        Of all areas in the panel; suppressed ones are left out of the sums.

    Returns
    -------
    DataFrame
        ``measure_id``, ``period``, ``value``.
    """
    known = {indicator.indicator_id: indicator for indicator in indicators}
    frames = [pd.DataFrame(columns=["measure_id", "period", "value"])]
    known_series: dict[str, pd.DataFrame] = {}  # several measures may be of one indicator
    for measure in plan.itertuples():
        indicator, panel = known.get(measure.indicator_id), panels.get(measure.indicator_id)
        if indicator is None or panel is None:
            continue
        name = indicator.indicator_id
        if name not in known_series:
            known_series[name] = group_series(
                on_unit_period(panel, indicator), panel["area_code"].unique(),
                indicator=indicator, leave_out_missing=True,
            )  # fmt: skip
        series = _as_long_as(known_series[name], _period(measure.baseline_period), indicator)
        frames.append(series.assign(measure_id=measure.measure_id).astype({"period": object}))
    return pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)


def _as_long_as(
    series: pd.DataFrame, baseline: pd.Period | None, indicator: Indicator
) -> pd.DataFrame:
    """The series in periods like the baseline's, each of them whole."""
    plain = series[["period", "value"]]
    per_year = PER_YEAR.get(pd.PeriodIndex(series["period"]).freqstr[0])
    if per_year is None or baseline is None or not baseline.freqstr.startswith("Y"):
        return plain
    longer = series.assign(period=series["period"].dt.asfreq(baseline.freqstr))
    parts = longer.groupby("period")
    sums = parts[["numerator", "denominator"]].sum(min_count=1)
    value = parts["value"].mean()
    if sums["denominator"].notna().all():
        value = indicator.multiplier * sums["numerator"] / sums["denominator"]
    return value.where(parts["value"].count() == per_year).rename("value").reset_index()


def _last_values(
    values: pd.DataFrame, due: pd.Series, as_at: str | pd.Timestamp | None
) -> pd.DataFrame:
    """The last known value of each measure up to its due date."""
    ends = values["period"].map(_last_day)
    latest = (
        values["measure_id"].map(due).clip(upper=None if as_at is None else pd.Timestamp(as_at))
    )
    kept = values.assign(end=ends)[values["value"].notna() & ~(ends > latest)]
    last = kept.sort_values("end").drop_duplicates("measure_id", keep="last")
    return last.set_index("measure_id")[["period", "value"]]


def _progress(table: pd.DataFrame, target: str) -> pd.Series:
    """Share of the way come; a target equal to its baseline is met by standing still."""
    way = table[target] - table["baseline"]
    come = table["value"] - table["baseline"]
    moving = come / way.where(way != 0)
    return moving.where(way != 0, (come == 0).astype(float).where(come.notna() & way.notna()))


def _statuses(progress: pd.Series, expected: pd.Series, past_due: pd.Series) -> pd.Series:
    tests = [
        progress.isna(),
        progress >= 1,
        past_due,
        progress < 0,
        expected.notna() & (progress >= expected),
    ]
    words = [NO_DATA, MET, MISSED, AWAY, ON_TRACK]
    return pd.Series(np.select(tests, words, default=BEHIND), index=progress.index)


def _period(when: object) -> pd.Period | None:
    return when if isinstance(when, pd.Period) else parse_period(when)


def _last_day(when: object) -> pd.Timestamp:
    """Last day of a Period, or of text such as 2011, 2010/11, 2008 Q2 or 2011-03-31."""
    period = None if wording.is_missing(when) else _period(when)
    return pd.NaT if period is None else period.end_time.normalize()
