"""The two ways an event study is estimated: by regression, or ranked among placebo areas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.layout import grid
from lsp_analysis.effects.ranking import placebo_inference, rank_p
from lsp_analysis.effects.regressions.did import inference_name
from lsp_analysis.effects.regressions.fixed_effects import two_way_regression
from lsp_analysis.effects.regressions.least_squares import ROUNDING
from lsp_analysis.effects.synthetic.units import placebo_units
from lsp_analysis.errors import PanelError


@dataclass(frozen=True)
class PathEstimates:
    """Effects by relative period, however they were estimated; see `event_study.EventStudy`."""

    table: pd.DataFrame
    covariance: pd.DataFrame
    reach: tuple[int, int]  # furthest lead and lag
    estimate: float
    low: float
    high: float
    p_value: float
    detectable: float
    pretrend_statistic: float
    pretrend_p: float
    pretrend_detectable: float
    inference: str
    n_placebos: int = 0
    warning: str = ""


def by_regression(
    frame: pd.DataFrame,
    relative: pd.Series,
    reference: int,
    codes: list[Any],
    covariates: Sequence[str],
    outcome: str,
    area: str,
    period: str,
    weights: str | None,
    vcov: str,
    cluster: str | None,
    count_nested: bool,
    level: float,
) -> PathEstimates:
    """Effects from a two-way fixed-effects regression."""
    order = np.sort(relative.unique())
    shown = order[order != reference]
    chosen = frame[area].isin(codes).to_numpy()
    names = [f"period {k:+d}" for k in shown]
    marks = (relative.to_numpy()[:, None] == shown) & chosen[:, None]
    dummies = pd.DataFrame(marks.astype(float), frame.index, names)
    fit = two_way_regression(
        frame.join(dummies),
        outcome=outcome,
        regressors=[*names, *covariates],
        area=area,
        period=period,
        weights=weights,
        vcov=vcov,
        cluster=cluster,
        count_nested=count_nested,
        treatment=names,
        level=level,
    )
    effects = fit.coefficients.loc[names]
    covariance = fit.covariance.loc[names, names].to_numpy()
    mean, se = _mean_after(effects["estimate"].to_numpy(), covariance, shown)
    half = float(stats.t.ppf(0.5 + level / 2, fit.df)) * se
    p_value = 2 * float(stats.t.sf(abs(mean / se), fit.df)) if se else math.nan
    statistic, pretrend_p = _joint_test(effects["estimate"].to_numpy(), covariance, shown, fit.df)
    both = float(stats.t.ppf(0.5 + level / 2, fit.df) + stats.t.ppf(0.8, fit.df))
    if fit.withheld:
        half = p_value = pretrend_p = both = math.nan
    return PathEstimates(
        table=_table(effects.reset_index(drop=True), shown, reference),
        covariance=pd.DataFrame(covariance, index=shown, columns=shown),
        reach=(-int(order[0]), int(order[-1])),
        estimate=mean,
        low=mean - half,
        high=mean + half,
        p_value=p_value,
        detectable=both * se,
        pretrend_statistic=statistic,
        pretrend_p=pretrend_p,
        pretrend_detectable=both * _slope_error(covariance, shown, reference),
        inference=inference_name(vcov, cluster or area),
        warning=fit.withheld,
    )


def by_placebos(
    frame: pd.DataFrame,
    relative: pd.Series,
    reference: int,
    codes: list[Any],
    placebos: Sequence[Sequence[Any]] | None,
    outcome: str,
    area: str,
    period: str,
    level: float,
) -> PathEstimates:
    """Effects as differences from the mean of the comparison areas, ranked among placebos."""
    start = frame.loc[relative >= 0, period].min()
    laid_out = grid(frame, outcome=outcome, treated=codes, start=start, area=area, period=period)
    units, _ = placebo_units(laid_out, placebos, treated_among_donors=False)
    if units is None or len(units.members) < 2:
        raise PanelError("An event study among placebos needs two comparison areas or more.")
    place = relative.groupby(frame[period]).first().reindex(laid_out.periods).to_numpy()
    order = np.unique(place)
    shown = order[order != reference]
    rest = laid_out.outcomes[~laid_out.treated].mean(axis=0)
    own = _measured_from(laid_out.treated_mean - rest, place, order, reference)
    others = units.own(laid_out.outcomes) - laid_out.outcomes[units.donors].mean(axis=1)
    paths = np.array([_measured_from(path, place, order, reference) for path in others])
    covariance = paths.T @ paths / len(paths)
    after = shown >= 0
    overall = placebo_inference(own[after].mean(), paths[:, after].mean(axis=1), level=level)
    statistic, pretrend_p = _largest_ranked(own, paths, covariance, shown)
    se = np.sqrt(np.diag(covariance))
    each = [placebo_inference(own[i], paths[:, i], level=level) for i in range(len(shown))]
    effects = pd.DataFrame(
        {
            "estimate": own,
            "se": se,
            "low": [found.low for found in each],
            "high": [found.high for found in each],
            "p_value": [found.p_value for found in each],
        }
    )
    both = float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(0.8))
    return PathEstimates(
        table=_table(effects, shown, reference),
        covariance=pd.DataFrame(covariance, index=shown, columns=shown),
        reach=(-int(order[0]), int(order[-1])),
        estimate=float(own[after].mean()),
        low=overall.low,
        high=overall.high,
        p_value=overall.p_value,
        detectable=overall.smallest_effect,
        pretrend_statistic=statistic,
        pretrend_p=pretrend_p,
        pretrend_detectable=both * _slope_error(covariance, shown, reference),
        inference="rank among placebo areas",
        n_placebos=overall.n_placebos,
        warning=overall.warning,
    )


def _measured_from(
    path: np.ndarray, place: np.ndarray, order: np.ndarray, reference: int
) -> np.ndarray:
    """Mean of `path` at each relative period but the reference, less that at the reference."""
    means = np.array([path[place == k].mean() for k in order])
    return (means - means[order == reference])[order != reference]


def _mean_after(
    effects: np.ndarray, covariance: np.ndarray, shown: np.ndarray
) -> tuple[float, float]:
    share = (shown >= 0) / (shown >= 0).sum()
    return float(share @ effects), _root(share @ covariance @ share)


def _joint_test(
    effects: np.ndarray, covariance: np.ndarray, shown: np.ndarray, df: float
) -> tuple[float, float]:
    """F statistic and p that all effects before the start are 0; missing if there are none."""
    before = shown < 0
    count = int(before.sum())
    if not count:
        return math.nan, math.nan
    part = covariance[np.ix_(before, before)]
    if np.diag(part).max() <= ROUNDING**2 * np.diag(covariance).max():
        return math.nan, math.nan  # nothing moved before the start: what is left is rounding
    wald = float(effects[before] @ np.linalg.pinv(part, hermitian=True) @ effects[before])
    return wald / count, float(stats.f.sf(wald / count, count, df))


def _largest_ranked(
    own: np.ndarray, paths: np.ndarray, covariance: np.ndarray, shown: np.ndarray
) -> tuple[float, float]:
    """Largest effect before the start in standard deviations, and its rank among the placebos'."""
    before = shown < 0
    if not before.any():
        return math.nan, math.nan
    spread = np.sqrt(np.diag(covariance))[before]
    spread = np.where(spread > 0, spread, np.inf)
    largest = float((np.abs(own[before]) / spread).max())
    return largest, rank_p(largest, (np.abs(paths[:, before]) / spread).max(axis=1))[1]


def _slope_error(covariance: np.ndarray, shown: np.ndarray, reference: int) -> float:
    """Standard error of a straight line's slope through the effects before the start."""
    before = shown < 0
    if not before.any():
        return math.nan
    middle = np.append(shown[before], reference).mean()
    distance = shown[before] - middle
    total = (distance**2).sum() + (reference - middle) ** 2
    share = distance / total
    return _root(share @ covariance[np.ix_(before, before)] @ share)


def _root(variance: float) -> float:
    """Square root of a variance that rounding may have taken below nought."""
    return math.sqrt(max(float(variance), 0.0))


def _table(effects: pd.DataFrame, shown: np.ndarray, reference: int) -> pd.DataFrame:
    blank = {"relative_period": reference, "estimate": 0.0, "se": 0.0}
    named = effects.assign(relative_period=shown)
    table = pd.concat([named, pd.DataFrame([blank])], ignore_index=True)
    columns = ["relative_period", "estimate", "se", "low", "high", "p_value"]
    return table[columns].sort_values("relative_period", ignore_index=True)
