"""Where the gap is heading: a straight line with autocorrelated errors, and its forecast.

How alike one period's error is to the next cannot be told from a short series, and to take the
likeliest figure for the true one makes limits far too narrow. So the line is fitted under every
autocorrelation from none to nearly all, and the fits are averaged by how likely each makes the gaps
(restricted likelihood, all equally likely in advance).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit
from statsmodels.regression.linear_model import GLS
from statsmodels.tsa.deterministic import DeterministicProcess

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.change.trends import PER_YEAR

AUTOCORRELATIONS = np.linspace(0.0, 0.98, 50)
HALVINGS = 60
FEWEST = 8  # gaps, beyond those that the seasons use up
Fit = tuple[np.ndarray, np.ndarray, float]


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
    seasonal: bool
    level: float
    frame: pd.DataFrame = field(repr=False, compare=False)  # period, gap, low, high, kind

    def summary_frame(self) -> pd.DataFrame:
        """One row: slope a year with limits, and the autocorrelation allowed for."""
        names = ("slope", "slope_low", "slope_high", "p_value", "autocorrelation", "seasonal")
        row = {name: getattr(self, name) for name in names}
        return pd.DataFrame(row, index=pd.Index([self.name], name="name"))

    def sentence(self) -> wording.Sentence:
        """Slope a year, and the gap at the end of the forecast if nothing else changes."""
        last = self.frame.iloc[-1]
        slope = wording.difference(self.slope, self.unit)
        limits = wording.interval(
            self.slope_low, self.slope_high, self.unit, self.level, of_change=True
        )
        what = f"The gap in {wording.inside(self.name)}"
        text = f"{what} has moved by {slope} from each year to the next ({limits})."
        if last["kind"] == "forecast":
            ahead = wording.interval(
                last["low"], last["high"], self.unit, self.level, of_change=True
            )
            text += (
                f" If that went on it would be {wording.difference(last['gap'], self.unit)} in "
                f"{wording.period(last['period'])} ({ahead}); a forecast knows of no new events."
            )
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None, events: pd.DataFrame | None = None) -> Axes:
        """Draw the gaps seen and forecast, with intervals and, if given, dated events."""
        return figures.draw_gap(
            self.frame[["period", "gap", "low", "high", "kind"]],
            unit=self.unit,
            label="Gap, with a forecast",
            events=events,
            level=self.level,
            ax=ax,
        )


def gap_trend(of: Gap, *, ahead: int = 0, level: float = 0.95) -> GapTrend:
    """Fit a straight line to a gap and carry it on.

    A linear trend with first-order autoregressive errors, and a mean for each month or quarter when
    the gap is known that often (generalised least squares, statsmodels), averaged over the
    autocorrelation. Limits cover more than they claim where errors are independent and somewhat
    less where they are strongly autocorrelated: benchmarks show by how much. A period without a gap
    is passed over.

    Parameters
    ----------
    of : Gap
    ahead : int
        Periods to forecast.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        Fewer than eight gaps are known, or than that and one for each season; or the gap does not
        vary around a line at all.
    """
    gaps = of.frame.set_index("period")["gap"]
    gaps = gaps.reindex(pd.period_range(gaps.index.min(), gaps.index.max(), freq=gaps.index.freq))
    per_year = PER_YEAR.get(gaps.index.freqstr[0], 1)
    n, fewest = int(gaps.notna().sum()), FEWEST + (per_year if per_year > 1 else 0)
    if n < fewest:
        raise PanelError(
            f"{of.name} has a gap in {wording.counted(n, 'period')}, and a trend needs {fewest}. "
            "Show the gaps themselves instead."
        )
    terms = DeterministicProcess(
        gaps.index, constant=True, order=1, seasonal=per_year > 1, period=per_year, drop=True
    )
    coming = terms.out_of_sample(ahead) if ahead else terms.in_sample()[:0]
    designs = [_design(part, gaps, per_year) for part in (terms.in_sample(), coming)]
    fits = [_fit(gaps, *designs, rho) for rho in AUTOCORRELATIONS]
    mixture = Mixture.of(*map(np.array, zip(*fits, strict=True)), n - designs[0].shape[1])
    value = mixture.weights @ mixture.means
    low, high = (mixture.quantile(0.5 + side * level / 2) for side in (-1, 1))
    below = mixture.below(np.zeros(value.shape))[0]
    seen = of.frame[["period", "gap", "low", "high"]].assign(kind="observed")
    limits = {"gap": value[1:], "low": low[1:], "high": high[1:]}
    forecast = pd.DataFrame({"period": designs[1].index, **limits, "kind": "forecast"})
    return GapTrend(
        of.name,
        of.unit,
        float(value[0]),
        float(low[0]),
        float(high[0]),
        float(2 * min(below, 1 - below)),
        float(mixture.weights @ AUTOCORRELATIONS),
        per_year > 1,
        level,
        pd.concat([seen, forecast] if ahead else [seen], ignore_index=True),
    )


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


def _design(terms: pd.DataFrame, gaps: pd.Series, per_year: int) -> pd.DataFrame:
    """Deterministic terms with the trend in years from the middle of the series."""
    return terms.assign(trend=(terms["trend"] - (len(gaps) + 1) / 2) / per_year)


def _fit(gaps: pd.Series, design: pd.DataFrame, coming: pd.DataFrame, rho: float) -> Fit:
    """The line by generalised least squares, when errors `k` periods apart correlate `rho**k`.

    Slope and forecasts, their standard errors, and the log likelihood.
    """
    known = gaps.notna().to_numpy()
    times = np.flatnonzero(known)
    alike = rho ** np.abs(np.subtract.outer(times, times))
    fit = GLS(gaps[known].to_numpy(), design[known].to_numpy(), sigma=alike).fit()
    spread = fit.scale
    if not spread > 1e-12 * max(float(np.square(gaps[known]).mean()), 1e-300):
        raise PanelError("No line could be fitted to the gap: it hardly varies around one.")
    covariance = fit.normalized_cov_params
    place = design.columns.get_loc("trend")
    # What is still to come leans on the last errors as well as on the line.
    ahead = len(gaps) + np.arange(len(coming))
    leaning = np.linalg.solve(alike, rho ** np.abs(np.subtract.outer(times, ahead))).T
    line = coming.to_numpy() - leaning @ design[known].to_numpy()
    forecast = coming.to_numpy() @ fit.params + leaning @ fit.resid
    own = 1 - np.einsum("ij,ji->i", leaning, rho ** np.abs(np.subtract.outer(times, ahead)))
    variance = own + np.einsum("ij,jk,ik->i", line, covariance, line)
    logs = np.linalg.slogdet(alike)[1] - np.linalg.slogdet(covariance)[1]
    return (
        np.append(fit.params[place], forecast),
        np.sqrt(spread * np.append(covariance[place, place], variance)),
        float(-0.5 * (fit.df_resid * np.log(spread) + logs)),
    )
