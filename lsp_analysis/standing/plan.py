"""How the plan is going: each measure against its target and its stretch target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.groups import group_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.study.panel import Indicator

MET, ON_TRACK, BEHIND = "met", "on track", "behind"
AWAY, MISSED, NO_DATA = "moving away", "missed", "no data"
STATUSES = (MET, ON_TRACK, BEHIND, AWAY, MISSED, NO_DATA)
NEEDED = ("measure_id", "indicator_id", "baseline_period", "baseline", "target", "due")


@dataclass(frozen=True)
class PlanProgress:
    """Where every measure of the plan stands on the way from its baseline to its target."""

    table: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per measure; see `plan_progress` for the columns."""
        return self.table

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
            f"Of {wording.counted(len(self.table), 'measure')} in the plan: "
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
        drawn = pd.DataFrame({"label": known["measure_id"], "value": 100 * known["progress"]})
        return figures.draw_caterpillar(drawn.assign(low=np.nan, high=np.nan), reference=100, ax=ax)


def plan_progress(plan: pd.DataFrame, latest: pd.DataFrame) -> PlanProgress:
    """Set each measure's latest value between its baseline and its targets.

    A measure is on track when it has come at least as far as a straight line from the baseline to
    the target on the due date; which way is better is read from baseline and target.

    Parameters
    ----------
    plan : DataFrame, rows of the table `plan`
        ``measure_id``, ``indicator_id``, ``baseline_period``, ``baseline``, ``target``, ``due``
        (dates, or periods such as 2011 or 2010/11), and ``stretch_target`` where there is one.
    latest : DataFrame
        ``indicator_id``, ``period``, ``value``; see `latest_values`.

    Returns
    -------
    PlanProgress
        ``table``, indexed by measure_id, has the plan's columns with ``period``, ``value``,
        ``progress`` (0 at the baseline, 1 at the target), ``expected`` (where a straight line would
        be), ``status``, ``stretch_progress``, ``stretch_status``. Statuses: met, on track, behind,
        moving away (further from the target than the baseline), missed (past its due date), no
        data.

    Raises
    ------
    PanelError
        A column is missing, or a measure is in the plan twice.
    """
    check_columns(plan, NEEDED, "plan")
    check_columns(latest, ["indicator_id", "period", "value"], "table of latest values")
    if plan["measure_id"].duplicated().any():
        twice = plan.loc[plan["measure_id"].duplicated(), "measure_id"].iloc[0]
        raise PanelError(f"Measure {twice!r} is in the plan more than once. Keep one row for each.")
    columns = ["indicator_id", "period", "value"]
    table = plan.merge(latest[columns], on="indicator_id", how="left").set_index("measure_id")
    if "stretch_target" not in table:
        table["stretch_target"] = np.nan
    reached = table["period"].map(_last_day)
    due = table["due"].map(_last_day)
    begun = table["baseline_period"].map(_last_day)
    whole = (due - begun).dt.days.where(due > begun)
    table["expected"] = ((reached - begun).dt.days / whole).clip(0, 1)
    table["progress"] = _progress(table, "target")
    table["status"] = _statuses(table["progress"], table["expected"], reached >= due)
    table["stretch_progress"] = _progress(table, "stretch_target")
    stretch = _statuses(table["stretch_progress"], table["expected"], reached >= due)
    table["stretch_status"] = stretch.where(table["stretch_target"].notna())
    return PlanProgress(table)


def latest_values(
    panels: Mapping[str, pd.DataFrame],
    indicators: Collection[Indicator],
    codes: Collection[str] | None = None,
) -> pd.DataFrame:
    """Last known value of each indicator, for the whole borough or for some of its small areas.

    Parameters
    ----------
    panels : mapping of indicator_id to panel
    indicators : Indicators
    codes : small-area codes, optional
        All in the panel, unless given. Suppressed areas are left out of the sums.

    Returns
    -------
    DataFrame
        ``indicator_id``, ``period``, ``value``; no row for an indicator without values.
    """
    rows = []
    for indicator in indicators:
        panel = panels.get(indicator.indicator_id)
        inside = panel is not None and (codes is None or panel["area_code"].isin(codes).any())
        if not inside or panel.empty:
            continue
        members = panel["area_code"].unique() if codes is None else codes
        series = group_series(panel, members, indicator=indicator, leave_out_missing=True)
        known = series.dropna(subset="value")
        if len(known):
            last = known.iloc[-1]
            row = {"period": last["period"], "value": last["value"]}
            rows.append({"indicator_id": indicator.indicator_id, **row})
    return pd.DataFrame(rows, columns=["indicator_id", "period", "value"])


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


def _last_day(when: object) -> pd.Timestamp:
    """Last day of a date, a Period, or text such as 2011, 2010/11, 2008Q2 or 2011-03-31."""
    if wording.is_missing(when):
        return pd.NaT
    if isinstance(when, pd.Period):
        return when.end_time.normalize()
    text = str(when).strip().removesuffix(".0")
    if "/" in text and len(text) <= len("2010/2011"):
        return pd.Period(f"{int(text[:4]) + 1}", freq="Y-MAR").end_time.normalize()
    return pd.Period(text).end_time.normalize()
