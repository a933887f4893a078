"""Synthetic difference-in-differences: weighted areas and periods (Arkhangelsky et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis.effects import parts
from lsp_analysis.effects.regressions.two_way import Errors, Regression, two_way_fit
from lsp_analysis.effects.synthetic.weights import (
    LIKE_ANY,
    WeightedComparison,
    nearest_weights,
    units_of,
    with_donors,
)
from lsp_analysis.study.question import Question

SLIGHT = 1e-6
"""Ridge on the period weights, in noise levels: only to make them unique (the authors' value)."""

LEAST_NOISE = 1e-6
"""Noise taken where donors move in step, as a share of the range, so that weights are unique."""

ASSUMPTIONS = (
    "The treated area would have changed as the weighted comparison did; a lasting difference in "
    "level between them is allowed for.",
    parts.UNTOUCHED,
    LIKE_ANY,
)


@dataclass(frozen=True)
class SyntheticDiD(WeightedComparison):
    """An effect from weighted areas and weighted periods.

    Attributes
    ----------
    period_weights : Series
        Weights of the dates before the start, adding up to 1.
    """

    period_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


@parts.answers
def synthetic_did(question: Question) -> SyntheticDiD:
    """Effect by synthetic difference-in-differences, ranked among placebo neighbourhoods.

    Area weights make the comparison run parallel to the treated areas before the start, a ridge
    penalty spreading them over many areas; date weights pick the earlier dates most like the later
    ones.

    Parameters
    ----------
    question : Question
        Two dates or more before the start. Several treated areas count equally.

    Returns
    -------
    SyntheticDiD
        `p_value` is the rank of the estimate among the placebos'; the interval holds the constant
        effects that rank would not reject. `model` is the weighted regression by statsmodels that
        the estimate is the coefficient of, area and date effects taken out in advance; its own
        errors take the weights as given.
    """
    question.need(before=2, complete=True)
    units = units_of(question)
    found = [_adjusted_gap(question, *one) for one in with_donors(question, units)]
    (weights, shares, _), gaps = found[0], np.array([gap for _, _, gap in found])
    at = question.at
    estimates = gaps[:, at:].mean(axis=1)
    inference = parts.placebo_inference(estimates, question.level)
    named = pd.Series(weights, question.areas[question.comparison], name="weight")
    return SyntheticDiD(
        **parts.gap_effect(question, parts.treated_mean(question), gaps[0], inference),
        method="synthetic difference-in-differences",
        comparator="a weighted average of comparison areas, moved to the treated area's level",
        assumptions=ASSUMPTIONS,
        placebos=parts.placebo_frame(question, units[1:], estimates[1:]),
        donor_weights=named.sort_values(ascending=False),
        period_weights=pd.Series(shares, question.dates[:at], name="weight"),
        model=weighted_regression(question, weights, shares).model,
    )


def weighted_regression(question: Question, weights: np.ndarray, shares: np.ndarray) -> Regression:
    """Two-way regression whose treatment coefficient is the estimate: equation 1 of the paper.

    Parameters
    ----------
    weights, shares : arrays (donors,), (dates before,)
    """
    area = np.where(question.treated, 1 / question.treated.sum(), 0.0)
    area[question.comparison] = weights
    n_after = len(question.dates) - question.at
    cells = np.outer(area, np.append(shares, np.full(n_after, 1 / n_after)))
    rows, columns = np.nonzero(cells > 1e-9)
    on = question.treated[rows] & (columns >= question.at)
    codes, periods = (np.unique(x, return_inverse=True)[1] for x in (rows, columns))
    return two_way_fit(
        question.compared[rows, columns], on[:, None].astype(float), ["treatment"], codes, periods,
        Errors(), cells[rows, columns], question.level,
    )  # fmt: skip


def _adjusted_gap(
    question: Question, unit: np.ndarray, donors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area weights (equation 4 of the paper), date weights (equation 6), and the gap (t,) less its
    weighted mean before the start."""
    values, at = question.compared, question.at
    others, own = values[donors], values[unit].mean(axis=0)
    n_after = values.shape[1] - at
    noise = float(np.nan_to_num(np.diff(others[:, :at], axis=1).std(ddof=1)))
    noise = max(noise, LEAST_NOISE * np.ptp(values[question.comparison | question.treated]))
    zeta = (unit.sum() * n_after) ** 0.25 * noise
    weights = _parallel((others[:, :at] - own[:at]).T, zeta)
    shares = _parallel(others[:, :at] - others[:, at:].mean(axis=1, keepdims=True), SLIGHT * noise)
    gap = own - weights @ others
    return weights, shares, gap - shares @ gap[:at]


def _parallel(gaps: np.ndarray, zeta: float) -> np.ndarray:
    """Weights of columns whose weighted gaps (rows, columns) vary least about their mean, with a
    ridge penalty `zeta` in units of the outcome."""
    return nearest_weights(gaps - gaps.mean(axis=0), zeta**2 * len(gaps))
