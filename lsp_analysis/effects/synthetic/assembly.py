"""Gaps, weights and placebos put together into a `SyntheticControl`, with its cautions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd

from lsp_analysis.effects.layout import Grid
from lsp_analysis.effects.parts import gap_effect
from lsp_analysis.effects.ranking import NO_PLACEBOS, PlaceboInference, placebo_inference, rank_p
from lsp_analysis.effects.synthetic.predictor_search import start_names
from lsp_analysis.effects.synthetic.predictors import Weighting
from lsp_analysis.effects.synthetic.result import (
    SyntheticControl,
    fit_ratios,
    gap_frame,
    mean_squares,
)

SHARED_ASSUMPTIONS = (
    "The weighted average that followed the treated area before the start would have gone on "
    "following it.",
    "The comparison areas were not touched by the programme.",
    "Without the programme the treated area would have been as likely as any placebo to part from "
    "its average.",
)

OUTCOMES_ASSUMPTION = (
    "Every period before the start counts equally in the match; no predictors were used."
)

PREDICTORS_ASSUMPTION = (
    "No predictor weighs less than a millionth of the largest, so that the weights are unique. In "
    "the limit of no weight the predictors cease to matter and only the outcomes count: see "
    "outcomes_only_rank."
)

EXACT = 1e-9
"""Mean square before the start, as a share of the usual one after it, that is no error at all."""


def assemble(
    laid_out: Grid,
    table: pd.DataFrame | None,
    weighting: Weighting,
    gaps: np.ndarray,
    labels: list[str],
    *,
    fitted: np.ndarray,
    outcomes_only_rank: int,
    outcome: str,
    unit: str,
    level: float,
) -> SyntheticControl:
    """The result of a synthetic control.

    Parameters
    ----------
    table : DataFrame (predictors, areas), or None where only the outcomes were matched
    weighting : weights of the treated unit
    gaps : array (1 + placebos, periods), the treated unit first
    labels : names of the placebos
    fitted : array of int, columns of `gaps` whose fit decided between weights
    """
    at = laid_out.start_at
    before, after = mean_squares(gaps, at)
    ratios = fit_ratios(gaps, at)
    inference = _inference(gaps, at, before, after, level)
    rank, p_value = rank_p(ratios[0], ratios[1:])
    weights = _donor_weights(laid_out, weighting)
    fields = gap_effect(laid_out, gaps[0], inference)
    if labels:
        fields["p_value"] = p_value
    names = [] if table is None else list(table.index)
    matched = "outcomes only" if table is None else "predictors"
    return SyntheticControl(
        outcome=outcome,
        method=f"synthetic control, {matched}",
        unit=unit,
        level=level,
        comparator=f"a weighted average of {len(weights)} comparison areas",
        inference="rank of the post/pre fit ratio among placebo areas" if labels else "",
        assumptions=(
            *SHARED_ASSUMPTIONS,
            OUTCOMES_ASSUMPTION if table is None else PREDICTORS_ASSUMPTION,
        ),
        warnings=(
            *_inference_warnings(inference),
            *_rank_warnings(rank, outcomes_only_rank, len(labels)),
            *_fit_warnings(laid_out, weighting, before[0]),
        ),
        placebos=_placebo_frame(gaps, at, labels),
        donor_weights=weights,
        predictor_weights=pd.Series(weighting.predictors[0], names, dtype=float),
        pre_mspe=float(before[0]),
        post_mspe=float(after[0]),
        fit_mspe=float((gaps[0, fitted] ** 2).mean()),
        fit_ratio=float(ratios[0]),
        rank=rank if labels else 0,
        n_ranked=len(labels) + 1 if labels else 0,
        outcomes_only_rank=outcomes_only_rank,
        unique=bool(weighting.unique[0]),
        balance=_balance(table, laid_out, weighting.donors[0]),
        gaps=gap_frame(
            gaps, [laid_out.treated_name, *labels], [True, *[False] * len(labels)], laid_out.periods
        ),
        starts=_starts(weighting, names),
        **fields,
    )


def _inference(
    gaps: np.ndarray, at: int, before: np.ndarray, after: np.ndarray, level: float
) -> PlaceboInference:
    """Mean gap after the start in units of the error before it, ranked."""
    if len(gaps) == 1:
        return NO_PLACEBOS
    means = gaps[:, at:].mean(axis=1)
    least = EXACT * np.median(after)
    errors = np.sqrt(np.maximum(before, least))
    inference = placebo_inference(
        means[0], means[1:], scale=errors[0], placebo_scales=errors[1:], level=level
    )
    exact = int((before[1:] <= least).sum())
    if exact and exact >= math.floor((1 - level) * (inference.n_placebos + 1) + 1e-9):
        known = {"n_placebos": inference.n_placebos, "finest_p": inference.finest_p}
        return PlaceboInference(**known, warning=_met(exact, inference.n_placebos))
    return dataclasses.replace(inference, low=float(inference.low), high=float(inference.high))


def _met(exact: int, placebos: int) -> str:
    return (
        f"The interval is withheld: {exact} of {placebos} placebos are met exactly before the "
        "start, so their errors then say nothing of how far they stray. Use more periods, or fewer "
        "comparison areas."
    )


def _donor_weights(laid_out: Grid, weighting: Weighting) -> pd.Series:
    donors = laid_out.areas[~laid_out.treated]
    weights = pd.Series(weighting.donors[0], donors, name="weight")
    return weights[weights > 1e-6].sort_values(ascending=False)


def _placebo_frame(gaps: np.ndarray, at: int, labels: list[str]) -> pd.DataFrame:
    before, after = mean_squares(gaps, at)
    return pd.DataFrame(
        {
            "area_code": labels,
            "estimate": gaps[1:, at:].mean(axis=1),
            "statistic": fit_ratios(gaps, at)[1:],
            "pre_mspe": before[1:],
            "post_mspe": after[1:],
        }
    )


def _balance(table: pd.DataFrame | None, laid_out: Grid, weights: np.ndarray) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame(columns=["treated", "synthetic", "comparison_mean"])
    predictors = table.to_numpy(dtype=float)
    donors = predictors[:, ~laid_out.treated]
    return pd.DataFrame(
        {
            "treated": predictors[:, laid_out.treated].mean(axis=1),
            "synthetic": donors @ weights,
            "comparison_mean": donors.mean(axis=1),
        },
        index=table.index,
    )


def _starts(weighting: Weighting, names: list[str]) -> pd.DataFrame:
    reached = weighting.start_loss[0]
    if not len(reached):
        return pd.DataFrame(columns=["start", "fit_mspe"])
    labels = start_names(names, len(reached) - len(names) - 1)
    return pd.DataFrame({"start": labels, "fit_mspe": reached})


def _inference_warnings(inference: PlaceboInference) -> list[str]:
    return [inference.warning] if inference.warning else []


def _rank_warnings(rank: int, outcomes_only_rank: int, n_placebos: int) -> list[str]:
    if not n_placebos or rank == outcomes_only_rank:
        return []
    n = n_placebos + 1
    return [
        f"The rank depends on the predictors: {rank} of {n} with them, {outcomes_only_rank} of {n} "
        "when only the outcomes are matched, which is where predictor weights that tend to nothing "
        "would lead."
    ]


def _fit_warnings(laid_out: Grid, weighting: Weighting, pre_mspe: float) -> list[str]:
    found = []
    if not weighting.unique[0]:
        found.append(
            "Other donor weights match the predictors as well; of these, the ones that fit the "
            "outcomes best were taken."
        )
    spread = laid_out.outcomes[:, laid_out.before].var(axis=0).mean()
    if pre_mspe > spread:
        found.append(
            "The fit before the start is poor: the gap then is as wide as areas differ from each "
            "other, so the weighted average is no stand-in for the treated area."
        )
    return found
