"""Is it going up or down? The recent trend of Fingertips and the trend in proportions."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown, View
from lsp_analysis.standing.comparison.intervals import as_parts
from lsp_analysis.study.indicator import Indicator

POINTS = 5
PER_YEAR = {"M": 12, "Q": 4}  # periods of a year by the first letter of their frequency
CHI_SQUARED = 9.54953570608324  # 99.8% point with one degree of freedom
WIDTH = 3.92  # of a 95% interval, in standard errors, as Fingertips has it

SURPRISING = 0.05

CANNOT = "cannot be calculated"
NO_CHANGE = "no change"


@dataclass(frozen=True)
class RecentTrend(Shown):
    """Direction of the last five points, if they have one."""

    slope: float  # units a period
    se: float
    chi_squared: float
    all_of_one_sign: bool  # of the slope and the five with one point left out
    marker: str  # increasing, decreasing, no change, cannot be calculated
    polarity: str
    unit: str
    series: pd.DataFrame = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The marker as Fingertips prints it, with better or worse where there is a polarity."""
        if self.marker == CANNOT:
            return "Cannot be calculated"
        if self.marker == NO_CHANGE:
            return "No significant change"
        if self.polarity == "none":
            return self.marker.capitalize()
        better = (self.marker == "increasing") == (self.polarity == "high_is_good")
        return f"{self.marker.capitalize()} and getting {'better' if better else 'worse'}"

    def summary_frame(self) -> pd.DataFrame:
        """One row: slope, its error, the test and the marker."""
        names = ("slope", "se", "chi_squared", "all_of_one_sign", "marker", "label")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def sentence(self) -> wording.Sentence:
        """The direction of the last five points and the slope a period."""
        if self.marker == CANNOT:
            return wording.Sentence(
                f"The recent trend cannot be calculated: it needs {POINTS} unbroken points, each "
                "with an interval."
            )
        return wording.Sentence(
            f"Over the last {POINTS} points: {self.label.lower()} "
            f"({wording.difference(self.slope, self.unit)} a period)."
        )

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the series with its intervals and, if given, dated events."""
        drawn = self.series.assign(series=self.chart_name or "Value")
        return figures.draw_trend(drawn, unit=self.unit, events=events, ax=ax)


def recent_trend(series: pd.DataFrame, *, polarity: str = "none", unit: str = "") -> RecentTrend:
    """Fingertips recent trend of a series of separate, equally spaced periods.

    A straight line weighted by precision is fitted to the last five points. They are increasing or
    decreasing when its chi-squared exceeds 9.5495 and it keeps its sign with any one point left
    out; otherwise there is no significant change.

    Parameters
    ----------
    series : DataFrame, one row per period
        ``period``, ``value``, ``low``, ``high`` (95% limits). Periods must not overlap: rolling
        years hold the same events twice.
    polarity : "high_is_good", "low_is_good" or "none"
    unit : str
        Unit code of the values, for the sentence and the chart.

    Returns
    -------
    RecentTrend
        "cannot be calculated" when any of the last five periods is missing, has no value or
        interval, or has one of no width.
    """
    last = series.iloc[np.argsort(series["period"].array)[-POINTS:]]
    columns = last[["value", "low", "high"]].to_numpy(float).T
    slope, se, chi_squared, alike = weighted_slope(*columns)
    steps = set(np.diff(pd.PeriodIndex(last["period"]).asi8))
    marker = NO_CHANGE
    if len(last) < POINTS or len(steps) > 1 or np.isnan([*columns.ravel(), chi_squared]).any():
        (slope, se, chi_squared), alike, marker = np.full(3, np.nan), False, CANNOT
    elif alike and chi_squared > CHI_SQUARED:
        marker = "increasing" if slope > 0 else "decreasing"
    return RecentTrend(slope, se, chi_squared, alike, marker, polarity, unit, series)


def same_season(series: pd.DataFrame) -> pd.DataFrame:
    """The rows of a monthly or quarterly series that fall in the same season as the last.

    Yearly periods come back whole. Five Aprils have a trend; five months running have a season.
    """
    ordinals = pd.PeriodIndex(series["period"])
    per_year = PER_YEAR.get(ordinals.freqstr[0], 1)
    return series[(ordinals.asi8.max() - ordinals.asi8) % per_year == 0]


def weighted_slope(
    value: ArrayLike, low: ArrayLike, high: ArrayLike
) -> tuple[float, float, float, bool]:
    """Slope of values on time, weighted by the precision that their 95% limits imply.

    Parameters
    ----------
    value, low, high : arrays of one length, in order of time

    Returns
    -------
    slope, standard error, chi-squared (slope squared over its variance), and whether the slope has
    one sign with all points and with each one left out.
    """
    value, low, high = (np.asarray(column, float) for column in (value, low, high))
    time = np.arange(1, len(value) + 1, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = 1 / ((high - low) / WIDTH) ** 2
        kept = np.vstack([np.ones_like(time), 1 - np.eye(len(time))]) * weight
        total = kept.sum(axis=1)
        centre = kept @ time / total
        squares = kept @ time**2 - total * centre**2
        slopes = (kept @ (time * value) - centre * (kept @ value)) / squares
        se = 1 / np.sqrt(squares[0])
        chi_squared = (slopes[0] / se) ** 2
    falling = slopes < 0  # a slope of zero goes with the rising ones, as on Fingertips
    alike = falling.all() or not falling.any()
    return float(slopes[0]), float(se), float(chi_squared), bool(alike)


def proportion_trend(
    series: pd.DataFrame, *, indicator: Indicator, events: pd.DataFrame | None = None
) -> View:
    """The chi-squared test for trend (`chi_squared_trend`) over a whole series.

    Parameters
    ----------
    series : DataFrame, one row per period, in order
        ``period``, ``numerator``, ``denominator``, ``value``.
    indicator : Indicator, a share of other people in each period
    events : DataFrame, optional
        Dated events to mark on the chart.

    Raises
    ------
    PanelError
        The indicator is no share, or has fewer than three periods.
    """
    name, unit = indicator.name, indicator.per
    if indicator.kind != "share":
        raise PanelError(
            f"{name} is no share of separate people in each period, and the chi-squared test for "
            "trend is for shares."
        )
    known = series.dropna(subset=["numerator", "denominator"]).sort_values("period")
    chi_squared, p = chi_squared_trend(known["numerator"], known["denominator"])
    row = {"n_periods": len(known), "chi_squared": chi_squared, "p_value": p}
    drawn, known = known.assign(series=name), known.dropna(subset="value")
    first, last = (wording.period(known["period"].iloc[end]) for end in (0, -1))
    moved = wording.change(known["value"].iloc[-1] - known["value"].iloc[0], unit)
    trend = "a trend" if p < SURPRISING else "no clear trend"
    return View(
        f"Over all {len(drawn)} periods, {first} to {last}, {wording.inside(name)} {moved}: "
        f"{trend} by the chi-squared test for proportions ({wording.p_value(p)}).",
        pd.DataFrame(row, index=pd.Index([name], name="name")),
        lambda ax: figures.draw_trend(drawn, unit=unit, events=events, ax=ax),
    )


def chi_squared_trend(counts: ArrayLike, population: ArrayLike) -> tuple[float, float]:
    """Chi-squared test for a linear trend in proportions (Armitage 1955), with its p-value.

    Parameters
    ----------
    counts, population : arrays of one length, in order of time
        Equally spaced; periods without people are left out.

    Raises
    ------
    PanelError
        Fewer than three periods have people.
    """
    counts, population = map(np.atleast_1d, as_parts(counts, population))
    time = np.arange(len(counts), dtype=float)
    known = ~np.isnan(counts / population)
    if known.sum() < 3:
        raise PanelError(f"A trend needs 3 periods with people, and there are {known.sum()}.")
    counts, population, time = counts[known], population[known], time[known]
    overall = counts.sum() / population.sum()
    centred = time - np.average(time, weights=population)
    spread = overall * (1 - overall) * (population * centred**2).sum()
    if spread == 0:  # all or none everywhere: nothing trends
        return 0.0, 1.0
    chi_squared = (counts * centred).sum() ** 2 / spread
    return float(chi_squared), float(chdtrc(1, chi_squared))
