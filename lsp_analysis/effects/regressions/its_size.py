"""From coefficients of an interrupted series to one effect: mean over the periods after."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.parts import relative_to
from lsp_analysis.effects.regressions.its_fit import SeriesFit, critical_value


@dataclass(frozen=True)
class Size:
    """An effect per period after the start, with its interval.

    Attributes
    ----------
    estimate, low, high, counterfactual : float
        Per period after the start, in units of the outcome.
    relative, relative_low, relative_high : float
        As shares of the counterfactual.
    smallest_effect, smallest_relative : float
        What would have been found with 80% power.
    without : array (rows,)
        Fitted outcome of every row, the effect taken away.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    relative: float
    relative_low: float
    relative_high: float
    counterfactual: float
    smallest_effect: float
    smallest_relative: float
    level: float
    without: np.ndarray = field(repr=False)

    def of(self, rows: np.ndarray) -> Size:
        """The same with `without` cut to `rows`."""
        return replace(self, without=self.without[rows])


def size_of_change(
    fit: SeriesFit,
    columns: pd.DataFrame,
    terms: list[str],
    people: np.ndarray | None,
    level: float,
) -> Size:
    """Mean effect of `terms` over the rows in which any of them is not 0.

    For counts the interval is that of the log of the ratio of totals with and without the effect
    (delta method); with a change of level alone that is the coefficient's own interval.
    """
    x = columns.to_numpy(dtype=float)
    without_terms = columns.assign(**dict.fromkeys(terms, 0.0)).to_numpy(dtype=float)
    after = (x != without_terms).any(axis=1)
    params = fit.coefficients["estimate"].to_numpy()
    if fit.is_log:
        return _log_size(fit, x, without_terms, after, params, people, level)
    return _linear_size(fit, x, without_terms, after, params, level)


def _linear_size(
    fit: SeriesFit,
    x: np.ndarray,
    x0: np.ndarray,
    after: np.ndarray,
    params: np.ndarray,
    level: float,
) -> Size:
    gradient = (x - x0)[after].mean(axis=0)
    estimate = float(gradient @ params)
    se = float(np.sqrt(gradient @ fit.covariance @ gradient))
    half = critical_value(fit.df, level) * se
    counterfactual = float((x0 @ params)[after].mean())
    smallest = half + float(stats.t.ppf(0.8, fit.df)) * se
    return Size(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        p_value=2 * float(stats.t.sf(abs(estimate) / se, fit.df)),
        **relative_to(counterfactual, estimate, estimate - half, estimate + half),
        counterfactual=counterfactual,
        smallest_effect=smallest,
        smallest_relative=smallest / counterfactual if counterfactual > 0 else math.nan,
        level=level,
        without=x0 @ params,
    )


def _log_size(
    fit: SeriesFit,
    x: np.ndarray,
    x0: np.ndarray,
    after: np.ndarray,
    params: np.ndarray,
    people: np.ndarray | None,
    level: float,
) -> Size:
    scale = np.ones(len(x)) if people is None else people
    with_effect, without = scale * np.exp(x @ params), scale * np.exp(x0 @ params)
    totals = with_effect[after].sum(), without[after].sum()
    log_ratio = math.log(totals[0] / totals[1])
    gradient = with_effect[after] @ x[after] / totals[0] - without[after] @ x0[after] / totals[1]
    se = float(np.sqrt(gradient @ fit.covariance @ gradient))
    half = critical_value(fit.df, level) * se
    with np.errstate(over="ignore"):  # an upper end without bound
        ends = (log_ratio, log_ratio - half, log_ratio + half)
        shares = [float(np.expm1(end)) for end in ends]
    counterfactual = float(without[after].mean())
    fall = -math.expm1(-half - float(stats.t.ppf(0.8, fit.df)) * se)
    return Size(
        *(share * counterfactual for share in shares),
        2 * float(stats.t.sf(abs(log_ratio) / se, fit.df)),
        *shares,
        counterfactual=counterfactual,
        smallest_effect=fall * counterfactual,
        smallest_relative=fall,
        level=level,
        without=without,
    )
