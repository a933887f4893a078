"""Structural time series: forecast the treated series from its own past and from comparison areas.

A level that drifts, plus a regression on series the programme did not touch; fitted before the
start, carried on after it (Harvey 1989; Brodersen and others 2015). What was seen less what was
forecast is the effect.

How fast the level drifts is never known well: at its single best value it is often put at zero and
the forecast is then far too sure (Shephard and Harvey 1990). So forecasts are averaged over a grid
of drifts by their likelihood. Given the drift, level and coefficients are generalised least squares
in closed form, which makes every placebo as cheap as the treated series.
"""

import math
from typing import Any

import numpy as np
from scipy.special import softmax

from lsp_analysis.effects import parts
from lsp_analysis.effects.regressions.series import harmonics_of, ranked_groups, waves
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.study.question import Question

TRENDS = ("level", "trend", "fixed")
SAME_LINK = (
    "The treated series would have kept its earlier relation to the comparison series, apart "
    "from the drift it had before the start."
)
# Variance of the level's monthly, quarterly or yearly step over that of the noise.
DRIFTS = np.concatenate([[0.0], 10.0 ** np.arange(-3, 1.26, 0.25)])
USUAL = 1.0  # the prior on the square root of a drift is half-normal with this spread


@parts.answers
def structural_effect(
    question: Question,
    *,
    trend: str = "level",
    comparisons: bool = True,
    harmonics: int | None = None,
) -> EffectEstimate:
    """Observed level of the treated areas less a forecast from before the start.

    The same forecast is made for every placebo neighbourhood, and the effect, in standard errors,
    ranked among theirs; with fewer than 19 placebos interval and p-value are the model's own.

    Parameters
    ----------
    question : Question
        Ten dates or more before the start. The level drifts with the calendar, so that a gap in the
        dates is a gap in time.
    trend : "level", "trend" or "fixed"
        A level that drifts, the same about a straight line, or a level that stays put.
    comparisons : bool
        Whether the mean of the comparison areas is a regressor; without it, the forecast is from
        the past alone.
    harmonics : int, optional
        Pairs of sine and cosine for a yearly season; when not given, 2 where months, weeks or days
        reach two years back.

    Returns
    -------
    EffectEstimate
        `model` is the same model fitted by statsmodels (UnobservedComponents), its drift at the
        value of largest likelihood.
    """
    check_one_of(trend, TRENDS, "trend")
    question.need(before=10, comparisons=1 if comparisons else 0, complete=True)
    groups = ranked_groups(question, 1)
    own = np.array([question.level_of(unit) for unit in np.vstack([question.treated, groups])])
    others = np.empty((*own.shape, 0))
    if comparisons:
        others = parts.placebo_paths(question, groups)[1][:, :, None]
    at, waved = question.at, harmonics_of(question, harmonics)
    if not np.ptp(own[0, :at]) > 0:
        raise PanelError(
            f"{question.label!r} does not vary before the start: there is nothing to model."
        )
    fixed = _fixed(question, trend, waved)
    drifts = DRIFTS[:1] if trend == "fixed" else DRIFTS
    means, errors, fitted = _forecasts(own, others, fixed, question.event_time, drifts)
    estimates = (own[:, at:] - means).mean(axis=1)
    estimate, error = float(estimates[0]), float(errors[0])
    how, beside = "the model's own forecast error", " and the comparison areas"
    own_error = parts.by_error(estimate, error, question.level, how=how)
    found, fields = parts.ranked_or(own_error, question, groups, estimates, errors)
    return EffectEstimate(
        **parts.judged(question, float(own[0, at:].mean()), estimate, found) | fields,
        method=f"structural time series, {trend}",
        comparator=f"a forecast from its own past{beside if comparisons else ''}",
        maryland=3 if comparisons else 1,
        error=error,
        assumptions=(SAME_LINK, parts.UNTOUCHED) if comparisons else (SAME_LINK,),
        paths=parts.paths_frame(question, own[0], np.append(fitted[0], means[0])),
        model=_by_statsmodels(question, own[0], others[0], fixed, trend),
    )


def _fixed(question: Question, trend: str, harmonics: int) -> np.ndarray:
    """Columns intercept, a line where wanted, and waves of a year; array (t, k)."""
    time = question.event_time / max(-question.event_time[0], 1)
    line = [time] if trend == "trend" else []
    return np.column_stack([np.ones(len(time)), *line, *waves(question, harmonics).T])


def _forecasts(
    own: np.ndarray, others: np.ndarray, fixed: np.ndarray, times: np.ndarray, drifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts after time 0, averaged over drifts by their restricted likelihood.

    Means (units, after), errors of their mean (units,), level before (units, before).

    The level is a random walk from the first date, its variance in proportion to the time gone by.
    """
    at = int((times < 0).sum())
    columns = np.concatenate([np.tile(fixed, (len(own), 1, 1)), others], axis=2)
    spread = columns[:, :at].std(axis=1, keepdims=True)
    columns = columns / np.where(spread > 0, spread, 1.0)
    df = at - columns.shape[2]
    if df < 3:
        raise PanelError(
            f"{at} periods before the start cannot support {columns.shape[2]} terms. Use fewer "
            "harmonics, or a longer series."
        )
    x, z, y = columns[:, :at], columns[:, at:], own[:, :at]
    walk = np.minimum.outer(times - times[0], times - times[0]).astype(float)
    found = [_given_drift(drift * walk, x, z, y, df) for drift in drifts]
    means, variances, likelihoods, levels = map(np.array, zip(*found, strict=True))
    share = softmax(likelihoods - drifts[:, None] / (2 * USUAL**2), axis=0)
    mean, level = (np.einsum("du,dut->ut", share, each) for each in (means, levels))
    off = (means - mean).mean(axis=2)
    return mean, np.sqrt((share * (variances + off**2)).sum(axis=0)), level


def _given_drift(
    walk: np.ndarray, x: np.ndarray, z: np.ndarray, y: np.ndarray, df: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts of some units were the drift known: mean (units, after), variance of its mean over
    dates and restricted log likelihood (units,), level before (units, before).

    Generalised least squares with noise of variance 1 and a level of covariance `walk`.

    Parameters
    ----------
    x, z : arrays (units, before, k), (units, after, k)
    y : array (units, before)
    df : int
        Dates before the start less coefficients.
    """
    at = y.shape[1]
    known = walk[:at, :at] + np.eye(at)
    inverse = np.linalg.inv(known)
    solved = inverse @ x
    gram = x.transpose(0, 2, 1) @ solved
    beta = np.linalg.solve(gram, solved.transpose(0, 2, 1) @ y[:, :, None])
    left = y - (x @ beta)[:, :, 0]
    scale = np.maximum(((left @ inverse) * left).sum(axis=1) / df, 1e-300)
    pull = walk[at:, :at] @ inverse
    lead = z - pull @ x
    own = walk[at:, at:] - pull @ walk[:at, at:] + np.eye(len(pull))
    turned = lead @ np.linalg.inv(gram)
    middle = lead.mean(axis=1, keepdims=True)
    likelihood = np.linalg.slogdet(known)[1] + np.linalg.slogdet(gram)[1] + df * np.log(scale)
    variance = scale * (own.mean() + (turned.mean(axis=1) * middle[:, 0]).sum(axis=1))
    level = (x @ beta)[:, :, 0] + left @ (walk[:at, :at] @ inverse).T
    return (z @ beta)[:, :, 0] + left @ pull.T, variance, -0.5 * likelihood, level


def _by_statsmodels(
    question: Question, own: np.ndarray, others: np.ndarray, fixed: np.ndarray, trend: str
) -> Any:
    """The same model by statsmodels, with dates of a gap as missing; None where it does not fit."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    at = question.at
    place = question.event_time[:at] - question.event_time[0]
    series = np.full(place[-1] + 1, math.nan)
    series[place] = own[:at]
    regressors = np.zeros((len(series), fixed.shape[1] - 1 + others.shape[1]))
    regressors[place] = np.column_stack([fixed[:at, 1:], others[:at]])
    level = "deterministic constant" if trend == "fixed" else "local level"
    exog = regressors if regressors.shape[1] else None
    return UnobservedComponents(series, level, exog=exog).fit(disp=False)
