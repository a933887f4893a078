"""Is the gap narrowing? Area against comparator through time, and the two ways it can close.

A gap is the area's value less the comparator's. Its absolute size is what narrows or widens,
whichever side is the higher. Intervals of a change treat the two periods as separate samples; where
people are seen twice they are wider than need be.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit
from statsmodels.regression.linear_model import GLS

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.change.trends import PER_YEAR
from lsp_analysis.standing.comparison.baseline import Sides, period_words
from lsp_analysis.standing.comparison.exact import compare_groups
from lsp_analysis.standing.comparison.intervals import WITHHELD, group_limits
from lsp_analysis.standing.comparison.measured import Measured


@dataclass(frozen=True)
class Gap(Shown):
    """The gap between an area and its comparator, period by period."""

    indicator_id: str
    name: str
    unit: str
    polarity: str
    area: str
    comparator: str
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per period: both values, absolute and relative gap with limits."""
        return self.frame

    def change(self) -> GapChange:
        """How the gap moved from the first period with one to the last."""
        known = np.flatnonzero(self.frame["gap"].notna())
        if len(known) < 2:
            raise PanelError(
                f"{self.name} has a gap in {wording.counted(len(known), 'period')}, and a change "
                "needs two of them."
            )
        withheld = np.flatnonzero(self.frame["note"] == WITHHELD)
        outside = withheld[(withheld < known[0]) | (withheld > known[-1])]
        if len(outside):
            when = wording.period(self.frame["period"].iloc[outside[-1]])
            raise PanelError(
                f"{self.name} was too small to be published in {when}, so a change between "
                "the periods that remain would mislead: they were published for being large."
            )
        ends = self.frame.iloc[known[[0, -1]]]
        sizes = [gap_size(*gap) for gap in ends[["gap", "low", "high"]].to_numpy()]
        (was, was_low, was_high), (now, now_low, now_high) = sizes
        # Limits put together from each one's own (Newcombe 1998, MOVER).
        low = now - was - np.hypot(now - now_low, was_high - was)
        high = now - was + np.hypot(now_high - now, was - was_low)
        when = tuple(map(period_words, ends["first"], ends["period"]))
        return GapChange(self, *ends["period"], when, *ends["gap"], now - was, low, high)

    def sentence(self) -> wording.Sentence:
        """How the gap moved from the first period to the last."""
        known = self.frame.dropna(subset="gap")
        if known.empty:
            return wording.Sentence(f"{self.name}: no period has a gap.")
        if len(known) == 1:
            only = known.iloc[0]
            return wording.Sentence(
                f"The gap in {wording.inside(self.name)} between {self.area} and "
                f"{self.comparator} was {wording.difference(only['gap'], self.unit)} in "
                f"{period_words(only['first'], only['period'])}. One period has no direction."
            )
        return self.change().sentence()

    def shown_table(self, n: int = 6) -> Table:
        """The last `n` periods: both values, and the gap as a difference and as a ratio."""
        rows = self.frame.tail(n)
        values = {self.area: "value", wording.capital(self.comparator): "comparator_value"}
        columns = {
            "Period": list(map(period_words, rows["first"], rows["period"])),
            **{of: [wording.quantity(x, self.unit) for x in rows[c]] for of, c in values.items()},
            "Difference": [wording.difference(x, self.unit) for x in rows["gap"]],
            "Ratio": rows["ratio"].to_numpy(),
        }
        caption = f"{self.name}: the gap told in two ways"
        return figures.table(pd.DataFrame(columns), caption=caption)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the gap over time with its interval and, if given, dated events."""
        about = {"unit": self.unit, "label": f"Gap to {self.comparator}", "level": self.level}
        return figures.draw_gap(self.frame, events=events, ax=ax, **about)


@dataclass(frozen=True)
class GapChange:
    """The change in a gap between two periods, in its absolute size."""

    of: Gap
    start: pd.Period
    end: pd.Period
    when: tuple[str, str]  # both in words
    gap_start: float
    gap_end: float
    change: float  # in the absolute size of the gap: negative is narrowing
    change_low: float
    change_high: float

    @property
    def unit(self) -> str:
        """That of the gap."""
        return self.of.unit

    @property
    def direction(self) -> str:
        """Narrowed, widened, no clear change when the interval takes in zero, or not judged."""
        if np.isnan(self.change_low):
            return "not judged"
        if self.change_low <= 0 <= self.change_high:
            return "no clear change"
        return "narrowed" if self.change < 0 else "widened"

    def sentence(self) -> wording.Sentence:
        """The gap at both ends, and by how much its size changed."""
        gap, (started, ended) = self.of, self.when
        sides = f"The gap in {wording.inside(gap.name)} between {gap.area} and {gap.comparator}"
        unit, words = wording.once(gap.unit)
        then, now = (wording.difference(size, unit) for size in (self.gap_start, self.gap_end))
        if self.direction == "not judged":
            return wording.Sentence(
                f"{sides} was {then} in {started} and {now} in {ended}{words}; without an "
                "interval the change cannot be judged."
            )
        moved = "showed no clear change" if "no " in self.direction else self.direction
        ends = self.change_low, self.change_high
        limits, crossed = wording.interval(*ends, unit, gap.level, of_change=True), ""
        if self.gap_start * self.gap_end < 0:
            crossed = ", from below to above" if self.gap_start < 0 else ", from above to below"
        pooled = " to " in started + ended
        between = f"between {started} and {ended}" if pooled else f"from {started} to {ended}"
        return wording.Sentence(
            f"{sides} {moved} {between}: {then} then, {now} now{words}{crossed} (change in its "
            f"size {wording.difference(self.change, unit)}, {limits})."
        )


def gap_between(measured: Measured, sides: Sides, *, level: float = 0.95) -> Gap:
    """The gap in every period of both, absolute and relative, with intervals as in a comparison.

    Returns
    -------
    Gap
        ``frame`` has ``first`` and ``period`` (the last), ``value``, ``value_low``, ``value_high``,
        ``comparator_value``, ``gap``, ``low``, ``high``, ``ratio``, ``ratio_low``, ``ratio_high``,
        ``p_value``, ``note``.
    """
    indicator, years = measured.indicator, measured.years_for(sides.area)
    every = measured.series(sides.area, years=years)
    other = measured.series(sides.comparator, others=True, years=years)
    own = every[every["period"].isin(other["period"])].reset_index(drop=True)
    other = other[other["period"].isin(own["period"])].reset_index(drop=True)
    low, high = group_limits(own, indicator=indicator, level=level)
    apart = compare_groups(own, other, indicator=indicator, level=level)
    gaps = {"difference": "gap", "difference_low": "low", "difference_high": "high"}
    frame = pd.DataFrame(
        {
            "first": own.get("first", own["period"]),
            "period": own["period"],
            "value": own["value"],
            "value_low": low,
            "value_high": high,
            "comparator_value": other["value"],
            **{gaps.get(name, name): values for name, values in apart.items()},
            "note": own["note"],
        }
    )
    about = (indicator.indicator_id, indicator.name, indicator.per, indicator.polarity)
    return Gap(*about, sides.area_name, sides.comparator_name, level, frame)


def gap_size(gap: float, low: float, high: float) -> tuple[float, float, float]:
    """The absolute size of a gap with its limits: from zero where the interval takes in zero.

    >>> gap_size(-1.1, -3.0, 0.8)
    (1.1, 0.0, 3.0)
    """
    ends = sorted((abs(low), abs(high)))
    return abs(gap), 0.0 if low <= 0 <= high else ends[0], ends[1]


AUTOCORRELATIONS = np.linspace(0.0, 0.98, 50)
HALVINGS = 60
FEWEST = 8  # gaps


@dataclass(frozen=True)
class GapTrend(Shown):
    """Slope of a gap and what it would be if the slope went on."""

    name: str
    unit: str
    slope: float  # units a year, of the gap as signed
    slope_low: float
    slope_high: float
    p_value: float
    autocorrelation: float  # of what the line leaves over, from one period to the next
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)  # period, gap, low, high, kind

    def summary_frame(self) -> pd.DataFrame:
        """One row: slope a year with limits, and the autocorrelation allowed for."""
        names = ("slope", "slope_low", "slope_high", "p_value", "autocorrelation")
        row = {name: getattr(self, name) for name in names}
        return pd.DataFrame(row, index=pd.Index([self.name], name="name"))

    def sentence(self) -> wording.Sentence:
        """Slope a year, and the gap at the end of the forecast if nothing else changes."""
        last, about = self.frame.iloc[-1], (self.unit, self.level)
        slope = wording.difference(self.slope, self.unit)
        limits = wording.interval(self.slope_low, self.slope_high, *about, of_change=True)
        what = f"The gap in {wording.inside(self.name)}"
        text = f"{what} has moved by {slope} from each year to the next ({limits})."
        if last["kind"] == "forecast":
            ahead = wording.interval(last["low"], last["high"], *about, of_change=True)
            text += (
                f" If that went on it would be {wording.difference(last['gap'], self.unit)} in "
                f"{wording.period(last['period'])} ({ahead}); a forecast knows of no new events."
            )
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the gaps seen and forecast, with intervals and, if given, dated events."""
        about = {"unit": self.unit, "label": "Gap, with a forecast", "level": self.level}
        return figures.draw_gap(self.frame, events=events, ax=ax, **about)


def gap_trend(of: Gap, *, ahead: int = 0, level: float = 0.95) -> GapTrend:
    """Fit a straight line to a gap and carry it on.

    A linear trend with first-order autoregressive errors (generalised least squares, statsmodels),
    averaged over the autocorrelation. Limits cover more than they claim where errors are
    independent and somewhat less where they are strongly autocorrelated: benchmarks show by how
    much. A year without a gap is passed over.

    Parameters
    ----------
    of : Gap
    ahead : int
        Years to forecast.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        The gaps are by month or quarter, whose seasons would pass for a trend; fewer than eight
        are known; or the gap does not vary around a line at all.
    """
    gaps = of.frame.set_index("period")["gap"]
    gaps = gaps.reindex(pd.period_range(gaps.index.min(), gaps.index.max(), freq=gaps.index.freq))
    if gaps.index.freqstr[0] in PER_YEAR:
        raise PanelError(
            f"{of.name} has no whole years, and the seasons within one would pass for a trend. Add "
            "the months or quarters that are missing, or show the gaps themselves instead."
        )
    n = int(gaps.notna().sum())
    if n < FEWEST:
        raise PanelError(
            f"{of.name} has a gap in {wording.counted(n, 'period')}, and a trend needs {FEWEST}. "
            "Show the gaps themselves instead."
        )
    years = np.arange(len(gaps) + ahead) - (len(gaps) - 1) / 2
    fits = [_fit(gaps.to_numpy(float), years, rho) for rho in AUTOCORRELATIONS]
    mixture = Mixture.of(*map(np.array, zip(*fits, strict=True)), n - 2)
    value, below = mixture.weights @ mixture.means, mixture.below(np.zeros(1 + ahead))[0]
    low, high = (mixture.quantile(0.5 + side * level / 2) for side in (-1, 1))
    seen = of.frame[["period", "gap", "low", "high"]].assign(kind="observed")
    periods = pd.period_range(gaps.index[-1] + 1, periods=ahead)
    limits = {"period": periods, "gap": value[1:], "low": low[1:], "high": high[1:]}
    forecast = pd.DataFrame({**limits, "kind": "forecast"})
    frame = pd.concat([seen, forecast] if ahead else [seen], ignore_index=True)
    p_value, alike = 2 * min(below, 1 - below), mixture.weights @ AUTOCORRELATIONS
    numbers = map(float, (value[0], low[0], high[0], p_value, alike))
    return GapTrend(of.name, of.unit, *numbers, level, frame)


@dataclass(frozen=True)
class Mixture:
    """Student's t distributions of several quantities (columns), averaged over fits (rows)."""

    means: np.ndarray
    errors: np.ndarray
    weights: np.ndarray
    df: int

    @classmethod
    def of(cls, means: np.ndarray, errors: np.ndarray, logs: np.ndarray, df: int) -> Mixture:
        """Fits that weigh as they are likely; `logs` are their log likelihoods."""
        weights = np.exp(logs - logs.max())
        return cls(means, errors, weights / weights.sum(), df)

    def below(self, values: np.ndarray) -> np.ndarray:
        """Chance of each lying below its value."""
        return self.weights @ stdtr(self.df, (values - self.means) / self.errors)

    def quantile(self, share: float) -> np.ndarray:
        """By halving: between the lowest and the highest of the fits' own quantiles."""
        own = self.means + stdtrit(self.df, share) * self.errors
        low, high = own.min(axis=0), own.max(axis=0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            under = self.below(middle) < share
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return (low + high) / 2


def _fit(gaps: np.ndarray, years: np.ndarray, rho: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The line by generalised least squares, when errors `k` periods apart correlate `rho**k`.

    Slope and forecasts of the years after the gaps, their standard errors, the log likelihood.
    """
    times, design = np.flatnonzero(~np.isnan(gaps)), np.column_stack([np.ones_like(years), years])
    alike = rho ** np.abs(np.subtract.outer(times, times))
    fit = GLS(gaps[times], design[times], sigma=alike).fit()
    if not fit.scale > 1e-12 * max(float(np.square(gaps[times]).mean()), 1e-300):
        raise PanelError("No line could be fitted to the gap: it hardly varies around one.")
    covariance, coming = fit.normalized_cov_params, design[len(gaps) :]
    # What is still to come leans on the last errors as well as on the line.
    along = rho ** np.abs(np.subtract.outer(times, np.arange(len(gaps), len(years))))
    leaning = np.linalg.solve(alike, along).T
    line = coming - leaning @ design[times]
    variance = 1 - (leaning * along.T).sum(axis=1) + ((line @ covariance) * line).sum(axis=1)
    logs = np.linalg.slogdet(alike)[1] - np.linalg.slogdet(covariance)[1]
    return (
        np.append(fit.params[1], coming @ fit.params + leaning @ fit.resid),
        np.sqrt(fit.scale * np.append(covariance[1, 1], variance)),
        float(-0.5 * (fit.df_resid * np.log(fit.scale) + logs)),
    )
