"""How the plan is going: each measure against its target and its stretch target, and the odds of
meeting a target still ahead by a state-space forecast."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import ShownTable
from lsp_analysis.standing.change.gaps import Mixture
from lsp_analysis.standing.change.trends import PER_YEAR
from lsp_analysis.standing.comparison.intervals import group_series
from lsp_analysis.study.indicator import Indicator, on_unit_period
from lsp_analysis.study.periods import parse_period

MET, ON_TRACK, BEHIND = "met", "on track", "behind"
AWAY, MISSED, NO_DATA = "moving away", "missed", "no data"
STATUSES = (MET, ON_TRACK, BEHIND, AWAY, MISSED, NO_DATA)
OFF_TRACK = (AWAY, MISSED, BEHIND)
LEAST = 8  # values below which no odds are given
# Variances of the level's steps, by the noise's.
RATIOS = np.append(0.0, 10 ** np.arange(-2.0, 2.01, 0.5))
ODDS = (
    (0.9, "Very likely"),
    (0.66, "Likely"),
    (0.33, "About as likely as not"),
    (0.1, "Unlikely"),
    (0.0, "Very unlikely"),
)
LEVEL = 0.8  # coverage of the range that is drawn


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
        counts = pd.crosstab(self.table[column], self.table["status"])
        return counts.reindex(columns=list(STATUSES), fill_value=0)

    def sentence(self) -> wording.Sentence:
        """How many measures there are of each status, and how many stretch targets are met."""
        counts = self.table["status"].value_counts()
        places = [f"{counts[status]} {status}" for status in STATUSES if counts.get(status, 0)]
        targets = wording.counted(len(self.table), "target")
        text = f"Of {targets} in the plan: {wording.and_list(places)}."
        stretch = self.table["stretch_status"].dropna()
        if len(stretch):
            met = int((stretch == MET).sum())
            text += f" Stretch targets met: {wording.of_total(met, len(stretch))}."
        return wording.Sentence(text)


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
        For the column ``name`` of the table.

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
    twice = plan.loc[plan["measure_id"].duplicated(), "measure_id"]
    if len(twice):
        raise PanelError(
            f"Measure {twice.iloc[0]!r} is in the plan more than once. Keep one row for each."
        )
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
    for stretch in ("", "stretch_"):
        way, come = (
            table[f"{stretch}target"] - table["baseline"],
            table["value"] - table["baseline"],
        )
        # A target equal to its baseline is met by standing still.
        still = (come == 0).astype(float).where(come.notna() & way.notna())
        progress = (come / way.where(way != 0)).where(way != 0, still)
        on_line = table["expected"].notna() & (progress >= table["expected"])
        tests = [progress.isna(), progress >= 1, reached >= due, progress < 0, on_line]
        table[f"{stretch}progress"] = progress
        table[f"{stretch}status"] = np.select(tests, [NO_DATA, MET, MISSED, AWAY, ON_TRACK], BEHIND)
    table["stretch_status"] = table["stretch_status"].where(table["stretch_target"].notna())
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
    wanted = set(plan["indicator_id"]) & set(panels)
    known = {one.indicator_id: one for one in indicators if one.indicator_id in wanted}
    every = {}  # several measures may be of one indicator
    for name, indicator in known.items():
        panel, about = panels[name], {"indicator": indicator, "leave_out_missing": True}
        codes = panel["area_code"].unique()
        every[name] = group_series(on_unit_period(panel, indicator), codes, **about)
    frames = [pd.DataFrame(columns=["measure_id", "period", "value"])]
    for measure in plan[plan["indicator_id"].isin(known)].itertuples():
        name, baseline = measure.indicator_id, _period(measure.baseline_period)
        series = _as_long_as(every[name], baseline, known[name]).astype({"period": object})
        frames.append(series.assign(measure_id=measure.measure_id))
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
    ends, last_day = values["period"].map(_last_day), None if as_at is None else pd.Timestamp(as_at)
    latest = values["measure_id"].map(due).clip(upper=last_day)
    kept = values.assign(end=ends)[values["value"].notna() & ~(ends > latest)]
    last = kept.sort_values("end").drop_duplicates("measure_id", keep="last")
    return last.set_index("measure_id")[["period", "value"]]


def _period(when: object) -> pd.Period | None:
    return when if isinstance(when, pd.Period) else parse_period(when)


def _last_day(when: object) -> pd.Timestamp:
    """Last day of a Period, or of text such as 2011, 2010/11, 2008 Q2 or 2011-03-31."""
    period = None if wording.is_missing(when) else _period(when)
    return pd.NaT if period is None else period.end_time.normalize()


@dataclass(frozen=True)
class TargetForecast:
    """A measure's path to a target's due date, and the probability that it is met by then.

    Attributes
    ----------
    probability : float
        That the value in the last period of `paths` is at the target or beyond it; missing where
        the series is too short.
    paths : DataFrame
        ``period``, ``value`` (the forecast's median), ``low``, ``high`` (80% interval).
    reason : str
        Why there is none.
    """

    probability: float
    paths: pd.DataFrame = field(repr=False, compare=False)
    reason: str = ""

    def sentence(self) -> wording.Sentence:
        """The odds in words."""
        if self.reason:
            return wording.Sentence(self.reason)
        when = wording.period(self.paths["period"].iloc[-1])
        return wording.Sentence(f"{odds_words(self.probability)} to meet its target by {when}.")


def odds_words(probability: float) -> str:
    """A probability as people say it: "Likely (80%)".

    The words are those of the Intergovernmental Panel on Climate Change's guidance (Mastrandrea
    and others 2010): very likely from 90%, likely from 66%, about as likely as not, unlikely up to
    33%, very unlikely up to 10%.
    """
    words = next(words for edge, words in ODDS if probability >= edge)
    share = "over 99%" if probability > 0.99 else "under 1%" if probability < 0.01 else ""
    return f"{words} ({share or f'{probability:.0%}'})"


def target_words(status: str) -> str:
    """How a measure stands to its target, inside a sentence: "target missed", "behind target"."""
    told = {BEHIND: "behind target", AWAY: "moving away from target"}
    return told.get(status, f"target {status}")


def target_forecast(
    series: pd.Series, *, target: float, due: pd.Period, higher_is_better: bool
) -> TargetForecast:
    """Forecast a measure to the date its target is due.

    A local level that drifts along a straight line (statsmodels' ``UnobservedComponents`` with
    "lldtrend") is fitted for each of ten ratios of the level's variance to the noise's. The
    forecasts, each Student's t because variance and slope are estimated, are averaged by restricted
    likelihood, so that not knowing how far the level wanders widens the range.
    `benchmarks/target_forecasts.py` measures how often what is given 80% comes about.

    Parameters
    ----------
    series : Series of float, indexed by Period
        One value a period, in order; missing values are passed over.
    target : float
        In the series' unit.
    due : Period
        Of the series' frequency; the last value comes before it.
    higher_is_better : bool
        Whether values at or above the target meet it, or values at or below.

    Raises
    ------
    PanelError
        `due` is not after the last value.
    """
    known = series.dropna().astype(float)
    if len(known) < LEAST:
        few, enough = (wording.counted(n, "value") for n in (len(known), LEAST))
        reason = f"Too short to say: {few}, and a forecast needs {enough}."
        return TargetForecast(np.nan, pd.DataFrame(), reason)
    last, steps = known.index[-1], due.ordinal - known.index[-1].ordinal
    if steps < 1:
        raise PanelError(
            f"The target is due in {wording.period(due)} and the series ends in "
            f"{wording.period(last)}: there is nothing to forecast. Compare the two."
        )
    whole = known.reindex(pd.period_range(known.index[0], last, freq=known.index.freq))
    ahead = _forecasts(whole.to_numpy(), steps)
    below = ahead.below(np.full(steps, target))[-1]
    middle, low, high = map(ahead.quantile, (0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    periods = pd.period_range(last + 1, periods=steps)
    paths = pd.DataFrame({"period": periods, "value": middle, "low": low, "high": high})
    return TargetForecast(float(1 - below if higher_is_better else below), paths)


def _forecasts(values: np.ndarray, steps: int) -> Mixture:
    """The forecast of each step, averaged over the ratios as each is likely."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    size = np.nanstd(values) or 1.0
    model = UnobservedComponents(values / size, "lldtrend", use_exact_diffuse=True)
    df = int(np.isfinite(values).sum()) - 2
    means, scales, logs = [], [], []
    for ratio in RATIOS:
        found = model.filter([1.0, ratio])
        spread = found.forecasts_error_cov[0, 0]
        errors = found.forecasts_error[0]
        used = np.isfinite(values) & (found.forecasts_error_diffuse_cov[0, 0] < 1e-9)
        variance = max((errors[used] ** 2 / spread[used]).sum() / df, 1e-18)
        ahead = found.get_forecast(steps)
        means.append(size * ahead.predicted_mean)
        scales.append(size * np.sqrt(variance * ahead.var_pred_mean))
        logs.append(-0.5 * (df * np.log(variance) + np.log(spread[used]).sum()))
    return Mixture.of(np.array(means), np.array(scales), np.array(logs), df)


def plan_forecasts(
    plan: pd.DataFrame, values: pd.DataFrame, *, as_at: str | pd.Timestamp | None = None
) -> dict[str, TargetForecast]:
    """The odds of every measure of the plan whose target is still ahead, by ``measure_id``.

    Parameters
    ----------
    plan : DataFrame, indexed by measure_id
        ``baseline``, ``target`` and ``due`` (periods such as 2011 or 2010/11).
    values : DataFrame
        ``measure_id``, ``period``, ``value``, in periods of one length a measure.
    as_at : date, optional
        Leave out values for periods that end later.
    """
    found = {}
    for measure_id, rows in values.dropna(subset="value").groupby("measure_id", sort=False):
        if measure_id not in plan.index:
            continue
        row, series = plan.loc[measure_id], rows.set_index("period")["value"].sort_index()
        series.index = pd.PeriodIndex(series.index)
        if as_at is not None:
            series = series[series.index.end_time <= pd.Timestamp(as_at)]
        due = None if wording.is_missing(row["due"]) else parse_period(row["due"])
        if due is None or series.empty or wording.is_missing(row["target"]):
            continue
        due = due.asfreq(series.index.freqstr)
        if due > series.index[-1]:
            aim = {"target": float(row["target"]), "due": due}
            up = bool(row["target"] >= row["baseline"])
            found[str(measure_id)] = target_forecast(series, higher_is_better=up, **aim)
    return found
