"""Synthetic difference-in-differences: weighted areas and periods (Arkhangelsky et al. 2021)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.parts import (
    answers,
    gap_effect,
    picked_caution,
    placebo_frame,
    treated_mean,
)
from lsp_analysis.effects.ranking import placebo_inference
from lsp_analysis.effects.regressions.errors_of_fit import Errors, Regression
from lsp_analysis.effects.regressions.two_way import two_way_fit
from lsp_analysis.effects.synthetic.donors import (
    donors_of,
    members_and_donors,
    own_of,
    placebos_of,
    weighted,
)
from lsp_analysis.effects.synthetic.result import SyntheticDiD
from lsp_analysis.effects.synthetic.simplex import nearest_points
from lsp_analysis.study.question import Question

SLIGHT = 1e-6
"""Ridge on the period weights, in noise levels: only to make them unique (the authors' value)."""

LEAST_NOISE = 1e-6
"""Noise taken where donors move in step, as a share of the range, so that weights are unique."""

ASSUMPTIONS = (
    "The treated area would have moved, not stood, as the weighted comparison did: a lasting "
    "difference in level between them is allowed for.",
    "The comparison areas were not touched by the programme.",
    "Without the programme the treated area would have been as likely as any placebo to part from "
    "its average.",
)


@answers
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
    units = np.vstack([question.treated, placebos_of(question)])
    members, donors = members_and_donors(question, units[:1], treated_among_donors=False)
    weights, shares, gaps = _adjusted_gaps(question, members, donors)
    if len(units) > 1:
        others = members_and_donors(question, units[1:], treated_among_donors=False)
        gaps = np.vstack([gaps, _adjusted_gaps(question, *others)[2]])
    at = question.at
    estimates = gaps[:, at:].mean(axis=1)
    inference = placebo_inference(float(estimates[0]), estimates[1:], level=question.level)
    named = pd.Series(weights[0], question.areas[donors[0]], name="weight")
    model = weighted_regression(question, weights[0], shares[0]).model
    return SyntheticDiD(
        **gap_effect(question, treated_mean(question), gaps[0], inference),
        method="synthetic difference-in-differences",
        comparator="a weighted average of comparison areas, moved to the treated area's level",
        inference=f"rank among {wording.counted(len(units) - 1, 'placebo neighbourhood')}",
        assumptions=ASSUMPTIONS,
        warnings=(inference.warning,) if inference.warning else (),
        caution=picked_caution(question),
        placebos=placebo_frame(question, units[1:], estimates[1:]),
        donor_weights=named.sort_values(ascending=False),
        period_weights=pd.Series(shares[0], question.dates[:at], name="weight"),
        model=model,
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


def _adjusted_gaps(
    question: Question, members: np.ndarray, donors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area weights, date weights, and gaps (u, t) less their weighted mean before the start."""
    values, at = question.compared, question.at
    others = donors_of(values, donors)
    own = own_of(values, members)
    size, n_after = members.shape[1], values.shape[1] - at
    noise = np.diff(others[:, :at], axis=1).reshape(len(others), -1).std(axis=1, ddof=1)
    used = values[question.comparison | question.treated]
    noise = np.maximum(np.nan_to_num(noise), LEAST_NOISE * np.ptp(used))
    zeta = (size * n_after) ** 0.25 * noise
    weights = _area_weights(others[:, :at], own[:, :at], zeta)
    shares = _date_weights(others, at, SLIGHT * noise)
    gaps = own - weighted(values, donors, weights)
    return weights, shares, gaps - (gaps[:, :at] * shares).sum(axis=1, keepdims=True)


def _area_weights(donors: np.ndarray, own: np.ndarray, zeta: np.ndarray) -> np.ndarray:
    """Weights (u, donors) that run parallel to `own`: equation 4 of the paper.

    Parameters
    ----------
    donors, own : arrays (u, dates before, donors), (u, dates before)
    zeta : array (u,)
        Ridge penalty, in units of the outcome.
    """
    gaps = donors - own[:, :, None]
    gaps = gaps - gaps.mean(axis=1, keepdims=True)  # the intercept
    return ridged_weights(gaps, zeta**2 * donors.shape[1])


def _date_weights(donors: np.ndarray, at: int, zeta: np.ndarray) -> np.ndarray:
    """Weights (u, dates before) that make earlier dates like the later mean: equation 6."""
    gaps = donors[:, :at].transpose(0, 2, 1) - donors[:, at:].mean(axis=1)[:, :, None]
    gaps = gaps - gaps.mean(axis=1, keepdims=True)
    return ridged_weights(gaps, zeta**2 * donors.shape[2])


MOST_EXCHANGES = 40


def ridged_weights(points: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Minimise ``||points[i] @ w||^2 + ridge[i] ||w||^2`` over the simplex, for each i.

    Block principal pivoting (Júdice and Pires 1994; Kim and Park 2011): every donor on the wrong
    side of its optimality condition changes side at once, which ends in a handful of exchanges
    where one donor at a time needs one per donor. Should exchanges not settle, the slower sure
    method takes over.

    Parameters
    ----------
    points : array (n, dimensions, donors)
        Donors less the unit to be matched.
    ridge : array (n,)
        Above 0, so that the weights are unique.

    Returns
    -------
    array (n, donors)
    """
    n, _, donors = points.shape
    gram = np.matmul(points.transpose(0, 2, 1), points)
    size = np.trace(gram, axis1=1, axis2=2)
    ridge = np.maximum(ridge, 4 * np.finfo(float).eps * size)  # less would leave it singular
    gram[:, np.arange(donors), np.arange(donors)] += ridge[:, None]
    inside = np.ones((n, donors), dtype=bool)
    weights = np.zeros((n, donors))
    todo = np.arange(n)
    for _ in range(MOST_EXCHANGES):
        weights[todo] = _on_support(gram[todo], inside[todo])
        slope = np.matmul(gram[todo], weights[todo][:, :, None])[:, :, 0]
        loss = (weights[todo] * slope).sum(axis=1, keepdims=True)
        leave = inside[todo] & (weights[todo] < 0)
        enter = ~inside[todo] & (slope < loss * (1 - 1e-12))
        inside[todo] ^= leave | enter
        todo = todo[(leave | enter).any(axis=1)]
        if not len(todo):
            return weights
    bordered = [np.vstack([points[i], np.sqrt(ridge[i]) * np.eye(donors)]) for i in todo]
    weights[todo] = nearest_points(np.array(bordered)).weights
    return weights


def _on_support(gram: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Best weights on the donors `inside`, adding up to 1 but of any sign."""
    n, donors = inside.shape
    width = int(inside.sum(axis=1).max())
    places = np.argsort(~inside, axis=1, kind="stable")[:, :width]
    used = np.take_along_axis(inside, places, axis=1)
    small = gram[np.arange(n)[:, None, None], places[:, :, None], places[:, None, :]]
    small = np.where(used[:, :, None] & used[:, None, :], small, 0.0)
    diagonal = np.arange(width)
    small[:, diagonal, diagonal] += ~used
    solved = np.linalg.solve(small, used[:, :, None].astype(float))[:, :, 0]
    weights = np.zeros((n, donors))
    np.put_along_axis(weights, places, solved / solved.sum(axis=1, keepdims=True), axis=1)
    return weights
