"""Structural time series: forecast the treated series from its own past and from comparison series.

A level (and, if wanted, a slope and a season) that drifts, plus a regression on series the
programme did not touch; fitted before the start, carried on after it (Harvey 1989; Brodersen and
others 2015). The difference between what was seen and what was forecast is the effect.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, grid
from lsp_analysis.effects.options import listed, whole
from lsp_analysis.effects.parts import UNTOUCHED, detectable, paths_frame, relative_to
from lsp_analysis.effects.regressions.structural_draws import variance_draws
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError

TRENDS = {"level": "local level", "trend": "local linear trend", "fixed": "deterministic constant"}

SAME_LINK = (
    "The treated series would have kept its earlier relation to the comparison series, apart "
    "from the drift it had before the start."
)

FEWEST_DRAWS = 99


@dataclass(frozen=True)
class StructuralEffect(EffectEstimate):
    """An effect against a forecast.

    Attributes
    ----------
    effects : DataFrame
        Columns period, effect, low, high, and cumulative, cumulative_low, cumulative_high, for
        every period after the start.
    coefficients : Series
        Weight of each comparison series.
    """

    effects: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    coefficients: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


def structural_effect(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    comparisons: Sequence[Any] | None = None,
    trend: str = "level",
    season: int | None = None,
    n_draws: int = 2_000,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> StructuralEffect:
    """Observed mean of the treated areas less a forecast from before the start.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Complete in `outcome`.
    treated : area codes, or the name of a column that is true for them
    start : first period that counts as after; ten periods or more must precede it
    comparisons : area codes, optional
        Each a regressor of its own: one for every five periods before the start at most. If left
        out, the mean of all other areas is the only one; an empty list forecasts from the past
        alone.
    trend : "level", "trend" or "fixed"
        A level that drifts, a level and a slope that drift, or a level that stays put.
    season : int, optional
        Periods per season, for a seasonal pattern that drifts.
    n_draws : int
        Simulated futures behind the intervals, at least 50. They hold the uncertainty of the
        coefficients, of the drift and of how fast it drifts: see `structural_draws`.

    Returns
    -------
    StructuralEffect
        `p_value` is twice the share of simulated futures on the far side of what was observed.
    """
    check_level(level)
    n_draws = whole("n_draws", n_draws, FEWEST_DRAWS)
    season = None if season is None else whole("season", season, 2)
    comparisons = None if comparisons is None else listed("comparisons", comparisons)
    check_seed(seed)
    if trend not in TRENDS:
        raise ParameterError(f"trend={trend!r} is not known: use {', '.join(TRENDS)}.")
    laid_out = grid(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        area=area,
        period=period,
        fewest_before=10,
        alone=comparisons is not None and not len(comparisons),
    )
    regressors = _regressors(laid_out, comparisons)
    at = laid_out.start_at
    own = laid_out.treated_mean
    before, after = np.split(regressors.to_numpy(), [at])
    centre, spread = own[:at].mean(), own[:at].std()
    if not spread > 0:
        raise PanelError(f"{outcome!r} does not vary before the start: there is nothing to model.")
    scaled = (own[:at] - centre) / spread
    model = _model(scaled, before, trend, season)
    draws = variance_draws(model, scaled, before, seed=seed)
    futures = centre + spread * _futures(model, draws, after, len(after), n_draws, seed)
    fit = model.smooth(np.median(draws, axis=0))
    forecast = futures.mean(axis=0)
    differences = own[at:] - futures
    mean = differences.mean(axis=1)
    estimate = float(own[at:].mean() - forecast.mean())
    low, high = _band(mean, level)
    counterfactual = float(forecast.mean())
    error = mean - mean.mean()
    smallest = float(np.quantile(error, 0.5 + level / 2) + np.quantile(error, 0.8))
    return StructuralEffect(
        outcome=outcome,
        method=f"structural time series, {TRENDS[trend]}",
        estimate=estimate,
        low=low,
        high=high,
        p_value=_tail(mean),
        **relative_to(counterfactual, estimate, low, high),
        level=level,
        unit=unit,
        start=laid_out.periods[at],
        observed=float(own[at:].mean()),
        counterfactual=counterfactual,
        comparator="a forecast from its own past"
        + (" and the comparison areas" if regressors.shape[1] else ""),
        inference="simulated futures",
        maryland=3 if regressors.shape[1] else 1,
        n_treated=int(laid_out.treated.sum()),
        **detectable(smallest, counterfactual),
        assumptions=(SAME_LINK, UNTOUCHED),
        paths=paths_frame(
            laid_out.periods, own, np.append(centre + spread * _fitted(fit), forecast)
        ),
        effects=_by_period(laid_out.periods[at:], differences, level),
        coefficients=spread * _coefficients(fit, regressors),
    )


def _regressors(laid_out: Grid, comparisons: Sequence[Any] | None) -> pd.DataFrame:
    """Comparison series, periods by series, in standard deviations of the time before the start."""
    others = pd.DataFrame(laid_out.outcomes[~laid_out.treated].T, laid_out.periods)
    others.columns = laid_out.areas[~laid_out.treated]
    if comparisons is None:
        table = others.mean(axis=1).to_frame("mean of other areas")
    else:
        unknown = [code for code in comparisons if code not in others.columns]
        if unknown:
            raise PanelError(f"The comparison area {unknown[0]!r} is treated or not in the panel.")
        table = others[list(comparisons)]
    most = laid_out.start_at // 5
    if table.shape[1] > most:
        raise PanelError(
            f"{table.shape[1]} comparison series are too many for {laid_out.start_at} periods "
            f"before the start: name {most} at most, or leave `comparisons` out to use their "
            "mean."
        )
    before = table.iloc[laid_out.before]
    spread = before.std().where(lambda s: s > 0)
    if spread.isna().any():
        raise PanelError(
            f"The comparison series {spread.index[spread.isna()][0]!r} does not vary before the "
            "start."
        )
    return (table - before.mean()) / spread


def _model(own: np.ndarray, regressors: np.ndarray, trend: str, season: int | None) -> Any:
    """The model; regression coefficients are states, so that the forecast knows their error."""
    seasonal = None
    if season:
        harmonics = max(1, min(season // 2, len(own) // 8))
        seasonal = [{"period": season, "harmonics": harmonics}]
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    return UnobservedComponents(
        own,
        TRENDS[trend],
        exog=regressors if regressors.shape[1] else None,
        freq_seasonal=seasonal,
        mle_regression=False,
    )


def _futures(
    model: Any, draws: np.ndarray, regressors: np.ndarray, n_after: int, n_draws: int, seed: int
) -> np.ndarray:
    """Simulated outcomes after the start, array (futures, periods), as many from each draw."""
    rng = np.random.default_rng(seed)
    each = -(-n_draws // len(draws))
    with warnings.catch_warnings():
        # In an even season one state never meets the outcome: its variance stays as large as it
        # was made at first, and rounding beside it looks like a covariance that is none.
        warnings.filterwarnings("ignore", "covariance is not symmetric", RuntimeWarning)
        parts = [
            model.smooth(variances).simulate(
                n_after,
                anchor="end",
                repetitions=each,
                exog=regressors if regressors.shape[1] else None,
                rng=rng,
            )
            for variances in draws
        ]
    return np.concatenate([np.asarray(part).reshape(n_after, each) for part in parts], axis=1).T


def _fitted(fit: Any) -> np.ndarray:
    """One-step-ahead predictions before the start; missing until there is enough to go on."""
    fitted = np.asarray(fit.fittedvalues, dtype=float).copy()
    fitted[: fit.loglikelihood_burn] = math.nan
    return fitted


def _coefficients(fit: Any, regressors: pd.DataFrame) -> pd.Series:
    count = regressors.shape[1]
    last = fit.smoothed_state[-count:, -1] if count else np.empty(0)
    return pd.Series(last, regressors.columns, name="coefficient", dtype=float)


def _band(draws: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _tail(draws: np.ndarray) -> float:
    """Twice the smaller share of `draws` on one side of 0; never 0."""
    smaller = min((draws <= 0).sum(), (draws >= 0).sum())
    return min(1.0, 2 * float(smaller + 1) / (len(draws) + 1))


def _by_period(periods: pd.Index, differences: np.ndarray, level: float) -> pd.DataFrame:
    columns = {"period": periods}
    for prefix, draws in (("", differences), ("cumulative_", differences.cumsum(axis=1))):
        low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        columns[prefix.rstrip("_") or "effect"] = draws.mean(axis=0)
        columns |= {f"{prefix}low": low, f"{prefix}high": high}
    return pd.DataFrame(columns)
