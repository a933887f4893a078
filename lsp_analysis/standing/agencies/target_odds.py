"""How likely is a measure to meet its target in time? A state-space forecast with its odds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.change.gap_forecast import Mixture
from lsp_analysis.study.periods import parse_period

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

    target: float
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
        reason = (
            f"Too short to say: {wording.counted(len(known), 'value')}, and a forecast needs "
            f"{wording.counted(LEAST, 'value')}."
        )
        return TargetForecast(target, np.nan, pd.DataFrame(), reason)
    last = known.index[-1]
    steps = due.ordinal - last.ordinal
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
    return TargetForecast(target, float(1 - below if higher_is_better else below), paths)


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
        row = plan.loc[measure_id]
        series = rows.set_index("period")["value"].sort_index()
        series.index = pd.PeriodIndex(series.index)
        if as_at is not None:
            series = series[series.index.end_time <= pd.Timestamp(as_at)]
        due = None if wording.is_missing(row["due"]) else parse_period(row["due"])
        if due is None or series.empty or wording.is_missing(row["target"]):
            continue
        due = due.asfreq(series.index.freqstr)
        if due <= series.index[-1]:
            continue
        found[str(measure_id)] = target_forecast(
            series, target=float(row["target"]), due=due,
            higher_is_better=bool(row["target"] >= row["baseline"]),
        )  # fmt: skip
    return found
