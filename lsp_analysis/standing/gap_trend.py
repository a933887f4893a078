"""Where the gap is heading: a straight line with autocorrelated errors, and its forecast."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.deterministic import DeterministicProcess
from statsmodels.tsa.statespace.sarimax import SARIMAX, SARIMAXResults

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.trends import PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.standing.gap import Gap

MOST_STEPS = 500
FEWEST = 8  # gaps, beyond those that the seasons use up


@dataclass(frozen=True)
class GapTrend:
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
        text = f"The gap in {self.name} has moved by {slope} a year ({limits})."
        if last["kind"] == "forecast":
            ahead = wording.interval(
                last["low"], last["high"], self.unit, self.level, of_change=True
            )
            text += (
                f" If that went on it would be {wording.difference(last['gap'], self.unit)} in "
                f"{wording.period(last['period'])} ({ahead}); a forecast knows of no new events."
            )
        return wording.Sentence(text)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the gaps seen and forecast, with intervals."""
        return figures.draw_gap(
            self.frame[["period", "gap", "low", "high"]],
            unit=self.unit,
            label="Gap, seen and forecast",
            level=self.level,
            ax=ax,
        )


def gap_trend(of: Gap, *, ahead: int = 0, level: float = 0.95) -> GapTrend:
    """Fit a straight line to a gap and carry it on.

    A linear trend with first-order autoregressive errors, and a mean for each month or quarter when
    the gap is known that often (statsmodels, maximum likelihood). Maximum likelihood is too sure of
    itself in short series, so limits use Student's t, a variance divided by the degrees of freedom
    left, and for the forecast the errors of the line itself. Under strong autocorrelation they are
    still somewhat narrow: benchmarks show by how much. A period without a gap is passed over.

    Parameters
    ----------
    of : Gap
    ahead : int
        Periods to forecast.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        Fewer than eight gaps are known, or than that and one for each season; or no line can be
        fitted.
    """
    check_level(level)
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
    fit = _fit(gaps, _design(terms.in_sample(), gaps, per_year))
    line = _Line(fit, df=n - len(fit.params))
    slope, se = line.slope()
    reach = stdtrit(line.df, 0.5 + level / 2)
    seen = of.frame[["period", "gap", "low", "high"]].assign(kind="observed")
    coming = []
    if ahead:
        design = _design(terms.out_of_sample(ahead), gaps, per_year)
        value, error = line.forecast(design)
        limits = {"gap": value, "low": value - reach * error, "high": value + reach * error}
        coming = [pd.DataFrame({"period": design.index, **limits, "kind": "forecast"})]
    return GapTrend(
        of.name,
        of.unit,
        slope,
        slope - reach * se,
        slope + reach * se,
        float(2 * stdtr(line.df, -abs(slope / se))),
        float(fit.params["ar.L1"]),
        per_year > 1,
        level,
        pd.concat([seen, *coming], ignore_index=True),
    )


@dataclass(frozen=True)
class _Line:
    """A fitted line with errors that allow for how much was estimated from how little."""

    fit: SARIMAXResults
    df: int

    @property
    def _inflation(self) -> float:
        return (self.df + len(self.fit.params)) / self.df

    def _covariance(self) -> np.ndarray:
        names = self.fit.model.exog_names
        return self._inflation * self.fit.cov_params().loc[names, names].to_numpy()

    def slope(self) -> tuple[float, float]:
        place = self.fit.model.exog_names.index("trend")
        variance = self._covariance()[place, place]
        return float(self.fit.params["trend"]), float(np.sqrt(variance))

    def forecast(self, design: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        coming = self.fit.get_forecast(len(design), exog=design)
        of_line = np.einsum("ij,jk,ik->i", design, self._covariance(), design)
        variance = self._inflation * np.asarray(coming.se_mean) ** 2 + of_line
        return np.asarray(coming.predicted_mean), np.sqrt(variance)


def _design(terms: pd.DataFrame, gaps: pd.Series, per_year: int) -> pd.DataFrame:
    """Deterministic terms with the trend in years from the middle of the series."""
    return terms.assign(trend=(terms["trend"] - (len(gaps) + 1) / 2) / per_year)


def _fit(gaps: pd.Series, design: pd.DataFrame) -> SARIMAXResults:
    # An array, since statsmodels does not index by periods with some left out.
    model = SARIMAX(gaps.to_numpy(), exog=design, order=(1, 0, 0), concentrate_scale=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told below, as an error
        warnings.simplefilter("ignore", UserWarning)  # starting values it replaces by its own
        fit = model.fit(method="bfgs", maxiter=MOST_STEPS, disp=False)
    if not fit.mle_retvals["converged"] or not np.isfinite(fit.bse).all():
        raise PanelError("No line could be fitted to the gap: it may hardly vary at all.")
    return fit
