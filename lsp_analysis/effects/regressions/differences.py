"""Difference-in-differences: treated areas' change less comparison areas' change."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
from scipy import stats

from lsp_analysis import wording
from lsp_analysis.effects import parts
from lsp_analysis.effects.one_area.groups import placebo_groups
from lsp_analysis.effects.regressions import two_way
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.study.question import Question

CLUSTERED = "Student's t, errors clustered by area"
INFERENCES = ("auto", "placebo", "clustered", "welch")


@parts.answers
def did(
    question: Question, *, inference: str = "auto", covariates: Collection[str] = ()
) -> EffectEstimate:
    """Two-way fixed effects: one effect per area, one per date, and one for the programme.

    Areas next to treated ones are left out.

    Parameters
    ----------
    question : Question
    inference : "auto", "placebo", "clustered" or "welch"
        "placebo" ranks the coefficient among those of placebo neighbourhoods, and is what "auto"
        does when fewer than five areas are treated: an error clustered by area is then far too
        small. "clustered" takes errors as independent between areas only (Bertrand, Duflo and
        Mullainathan 2004). "welch" makes one number of each area, its change of mean, and compares
        the groups by Welch's t.
    covariates : names of `question.covariates` that vary over time within areas

    Returns
    -------
    EffectEstimate
        In units of the outcome (rates per `question.per`). `model` is the regression by
        statsmodels, area and date effects taken out in advance.

    References
    ----------
    Conley and Taber (2011), REStat 93:113; MacKinnon and Webb (2020), J. Econometrics 218:435.
    """
    inference = chosen_inference(question, inference, INFERENCES, covariates)
    complete = inference != "clustered"
    each = int(question.treated.sum()) if inference == "placebo" else 0
    question.need(comparisons=1 + each, complete=complete)
    fit, rows = regression(question, question.treated[:, None] & (question.event_time >= 0),
                           covariates, complete=complete)  # fmt: skip
    estimate, error = (float(fit.coefficients[name].iloc[0]) for name in ("estimate", "se"))
    own = parts.treated_mean(question)
    at = question.at
    observed = float(np.nanmean(np.where(question.known, question.compared, np.nan)
                                [question.treated][:, at:]))  # fmt: skip
    path = own - np.where(np.arange(len(own)) >= at, estimate, 0.0)
    changed: dict[str, Any] = {}
    if inference == "placebo":
        groups = placebo_groups(question)
        gaps = np.subtract(*parts.placebo_paths(question, groups))
        changes = gaps[:, at:].mean(axis=1) - gaps[:, :at].mean(axis=1)
        found = parts.placebo_inference(changes, question.level)
        changed = {"placebos": parts.placebo_frame(question, groups, changes[1:])}
    elif inference == "welch":
        estimate, error, found = _by_welch(question)
        changed = {"method": "difference in mean changes"}
    else:
        found = parts.by_error(estimate, error, question.level, df=fit.df, withheld=fit.withheld,
                         how=CLUSTERED)  # fmt: skip
    common = parts.judged(question, observed, estimate, found) | {
        "method": "difference-in-differences, two-way fixed effects",
        "comparator": f"the change of {wording.counted(int(rows.sum()), 'comparison area')}",
        "assumptions": (parts.PARALLEL, parts.UNTOUCHED),
        "paths": parts.paths_frame(question, own, path),
        "error": error,
        "model": fit.model,
    }
    return EffectEstimate(**common | changed)


def chosen_inference(
    question: Question, inference: str, known: tuple[str, ...], covariates: Collection[str] = ()
) -> str:
    """The kind of inference meant: "auto" is placebos for fewer than five treated areas."""
    check_one_of(inference, known, "inference")
    few = int(question.treated.sum()) < two_way.FEWEST_TREATED_CLUSTERS
    if inference == "placebo" and len(covariates):
        raise ParameterError('inference="placebo" takes no covariates: use "clustered".')
    if inference != "auto":
        return inference
    return "placebo" if few and not len(covariates) else "clustered"


def regression(
    question: Question,
    marks: np.ndarray,
    covariates: Collection[str] = (),
    *,
    names: tuple[str, ...] = ("treatment",),
    complete: bool = True,
) -> tuple[two_way.Regression, np.ndarray]:
    """Two-way regression of what is compared on marks of treatment, errors clustered by area.

    Parameters
    ----------
    marks : bool array (n, t) or (n, t, k)
    complete : bool
        Whether comparison areas with a missing value are left out.

    Returns
    -------
    Regression, and the comparison areas it used; bool array (n,)
    """
    used = question.comparison if complete else ~question.treated & ~question.ring
    inside = question.known & (used | question.treated)[:, None]
    extra = [parts.covariate(question, name) for name in covariates]
    for array in extra:
        inside = inside & np.isfinite(array)
    areas, dates = np.nonzero(inside)
    marks = marks if marks.ndim == 3 else marks[:, :, None]
    columns = np.column_stack([marks[areas, dates], *(a[areas, dates] for a in extra)])
    codes, periods = (np.unique(x, return_inverse=True)[1] for x in (areas, dates))
    errors = two_way.Errors(clusters=codes, treated=int(question.treated.sum()))
    fit = two_way.two_way_fit(
        question.compared[areas, dates], columns.astype(float), [*names, *covariates], codes,
        periods, errors, None, question.level,
    )  # fmt: skip
    return fit, used & inside.any(axis=1)


def _by_welch(question: Question) -> tuple[float, float, parts.Inference]:
    """One change of mean per area, compared by Welch's t: effect, error and inference."""
    at, kept = question.at, question.comparison | question.treated
    values = question.compared[kept]
    changes = values[:, at:].mean(axis=1) - values[:, :at].mean(axis=1)
    groups = changes[question.treated[kept]], changes[~question.treated[kept]]
    if min(map(len, groups)) < 2:
        raise PanelError(
            "Welch's interval needs two treated and two comparison areas or more: for a single "
            'treated area use inference="placebo".'
        )
    estimate = float(groups[0].mean() - groups[1].mean())
    how, error, df, withheld = (
        "Welch's t on one change per area",
        math.nan,
        math.inf,
        two_way.NO_ERROR,
    )
    if max(map(np.ptp, groups)) > two_way.ROUNDING * np.ptp(values):
        error = math.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
        df, withheld = float(stats.ttest_ind(*groups, equal_var=False).df), ""
    found = parts.by_error(estimate, error, question.level, df=df, withheld=withheld, how=how)
    return estimate, error, found
