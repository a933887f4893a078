"""Where the gap is heading: a straight line with autocorrelated errors, and its forecast."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.arima.model import ARIMA, ARIMAResults
from statsmodels.tsa.deterministic import DeterministicProcess

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.trends import PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.standing.gap import Gap

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
        return figures.draw_gap(self.frame[["period", "gap", "low", "high"]], unit=self.unit, ax=ax)


def gap_trend(of: Gap, *, ahead: int = 0, level: float = 0.95) -> GapTrend:
    """Fit a straight line to a gap and carry it on.

    ARIMA(1, 0, 0) with a linear trend, and a mean for each month or quarter when the gap is known
    that often (statsmodels). What the line leaves over may be alike from one period to the next,
    which widens the limits of the slope and of the forecast as it should. A period without a gap is
    passed over.

    Parameters
    ----------
    of : Gap
    ahead : int
        Periods to forecast.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        Fewer than eight gaps are known, or than that and one for each season.
    """
    check_level(level)
    gaps = of.frame.set_index("period")["gap"]
    gaps = gaps.reindex(pd.period_range(gaps.index.min(), gaps.index.max(), freq=gaps.index.freq))
    per_year = PER_YEAR.get(gaps.index.freqstr[0], 1)
    fewest = FEWEST + (per_year if per_year > 1 else 0)
    if gaps.notna().sum() < fewest:
        raise PanelError(
            f"{of.name} has a gap in {gaps.notna().sum()} periods, and a trend needs {fewest}. "
            "Show the gaps themselves instead."
        )
    terms = DeterministicProcess(
        gaps.index, constant=True, order=1, seasonal=per_year > 1, period=per_year, drop=True
    )
    design = terms.in_sample()
    design["trend"] = (design["trend"] - 1) / per_year  # years since the first period
    fit = _fit(gaps, design)
    slope, se = fit.params["trend"], fit.bse["trend"]
    reach = ndtri(0.5 + level / 2) * se
    seen = of.frame[["period", "gap", "low", "high"]].assign(kind="observed")
    return GapTrend(
        of.name,
        of.unit,
        slope,
        slope - reach,
        slope + reach,
        fit.pvalues["trend"],
        fit.params["ar.L1"],
        per_year > 1,
        level,
        pd.concat([seen, _forecast(fit, terms, ahead, per_year, level)], ignore_index=True),
    )


def _fit(gaps: pd.Series, design: pd.DataFrame) -> ARIMAResults:
    # statsmodels indexes by dates or numbers, not by periods left out in between.
    model = ARIMA(gaps.to_numpy(), exog=design, order=(1, 0, 0), trend="n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # starting values it replaces by its own
        fit = model.fit()
    if not fit.mle_retvals.get("converged", False):
        raise PanelError("The trend of the gap could not be fitted: it may hardly vary at all.")
    return fit


def _forecast(
    fit: ARIMAResults, terms: DeterministicProcess, ahead: int, per_year: int, level: float
) -> pd.DataFrame:
    if ahead == 0:
        return pd.DataFrame(columns=["period", "gap", "low", "high", "kind"])
    design = terms.out_of_sample(ahead)
    design["trend"] = (design["trend"] - 1) / per_year
    coming = fit.get_forecast(ahead, exog=design)
    low, high = np.asarray(coming.conf_int(alpha=1 - level)).T
    return pd.DataFrame(
        {
            "period": design.index,
            "gap": coming.predicted_mean,
            "low": low,
            "high": high,
            "kind": "forecast",
        }
    )
