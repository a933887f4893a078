"""Difference-in-differences: treated areas' change less comparison areas' change.

`difference_in_differences` absorbs an effect per area and per period; `difference_in_changes` makes
one number of each area. For counts see `did_counts`, for two groups and two times whose rows need
not be a panel `two_by_two`, for starts at different times `staggered`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.given import AREA, PERIOD, check_level
from lsp_analysis.effects.layout import TREATMENT, grid, long_panel
from lsp_analysis.effects.options import names_of
from lsp_analysis.effects.parts import (
    PARALLEL,
    UNTOUCHED,
    coefficient_effect,
    detectable,
    gap_effect,
    paths_frame,
)
from lsp_analysis.effects.ranking import PlaceboInference
from lsp_analysis.effects.regressions.fixed_effects import two_way_regression
from lsp_analysis.effects.regressions.least_squares import NO_ERROR, ROUNDING, Regression
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError


@dataclass(frozen=True)
class DifferenceInDifferences(EffectEstimate):
    """An effect with the regression it came from.

    Attributes
    ----------
    se : float
        Standard error of `estimate` (of the log rate ratio for counts), given even where the
        interval is withheld because too few clusters are treated.
    regression : Regression
        All coefficients; the treatment's is called "treatment".
    """

    se: float = math.nan
    regression: Regression | None = field(default=None, repr=False, compare=False)


def difference_in_differences(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    vcov: str = "cluster",
    count_nested: bool = True,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> DifferenceInDifferences:
    """Two-way fixed effects: one effect per area, one per period, and one for the programme.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        May be unbalanced; rows with a missing value are left out.
    treated : area codes, or the name of a column that is true for them
    start : first period that counts as after, the same for all
        For staggered starts see `staggered`.
    covariates : columns that vary over time within areas
    weights : str, optional
        Column of weights, for example population.
    cluster : str, optional
        Column within which errors may be correlated; the area if left out.
    vcov : "cluster", "HC1" or "classical"
    count_nested : bool
        Whether clustered errors count area effects among the coefficients; see
        `fixed_effects.two_way_regression`.

    Returns
    -------
    DifferenceInDifferences
        Interval and p-value are missing, with the reason in `warnings`, when fewer than five
        clusters are treated: the error is then far too small (Conley and Taber 2011; MacKinnon and
        Webb 2018).
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    frame, codes, start = long_panel(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        numbers=[*covariates, weights],
        cluster=cluster,
        area=area,
        period=period,
    )
    fit = two_way_regression(
        frame,
        outcome=outcome,
        regressors=[TREATMENT, *covariates],
        area=area,
        period=period,
        weights=weights,
        vcov=vcov,
        cluster=cluster,
        count_nested=count_nested,
        treatment=TREATMENT,
        level=level,
    )
    row = fit.coefficients.loc[TREATMENT]
    on = frame[TREATMENT].to_numpy()
    without = frame[outcome].to_numpy(dtype=float) - fit.residuals - on * row["estimate"]
    share = np.ones(len(frame)) if weights is None else frame[weights].to_numpy(dtype=float)
    chosen = frame[area].isin(codes).to_numpy()
    paths = _treated_paths(frame[chosen], outcome, without[chosen], share[chosen], period)
    after = on > 0
    observed = float(np.average(frame.loc[after, outcome], weights=share[after]))
    effect = coefficient_effect(row, observed)
    return DifferenceInDifferences(
        outcome=outcome,
        method="difference-in-differences, two-way fixed effects",
        **effect,
        **detectable(fit.detectable(TREATMENT), effect["counterfactual"]),
        level=level,
        unit=unit,
        start=start,
        inference=inference_name(vcov, cluster or area),
        n_treated=len(codes),
        assumptions=(PARALLEL, UNTOUCHED),
        warnings=(fit.withheld,) if fit.withheld else (),
        paths=paths,
        se=float(row["se"]),
        regression=fit,
    )


def difference_in_changes(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> DifferenceInDifferences:
    """Treated areas' mean change less comparison areas', with Welch's interval.

    Each area becomes one number, its mean from `start` on less its mean before, so that areas and
    not area-periods count as independent (Bertrand, Duflo and Mullainathan 2004, section IV.C).
    Variances need not be equal. Needs every area in every period, and two treated areas or more.
    Interval and p-value are missing, with the reason in `warnings`, where the areas of each group
    changed exactly alike.
    """
    check_level(level)
    laid_out = grid(panel, outcome=outcome, treated=treated, start=start, area=area, period=period)
    table, at = laid_out.outcomes, laid_out.start_at
    changes = table[:, at:].mean(axis=1) - table[:, :at].mean(axis=1)
    groups = changes[laid_out.treated], changes[~laid_out.treated]
    if min(map(len, groups)) < 2:
        raise PanelError(
            "Welch's interval needs two treated and two comparison areas or more: for a single "
            "treated area rank it among placebo areas instead."
        )
    found, se, withheld = PlaceboInference(), math.nan, NO_ERROR
    if max(map(np.ptp, groups)) > ROUNDING * np.ptp(table):
        test = stats.ttest_ind(*groups, equal_var=False)
        found = PlaceboInference(float(test.pvalue), *map(float, test.confidence_interval(level)))
        estimate = float(groups[0].mean() - groups[1].mean())
        se = estimate / float(test.statistic) if test.statistic else math.nan
        withheld = ""
    gap = laid_out.treated_mean - table[~laid_out.treated].mean(axis=0)
    gap = gap - gap[:at].mean()
    return DifferenceInDifferences(
        outcome=outcome,
        method="difference in mean changes",
        unit=unit,
        level=level,
        inference="Welch's t on one change per area",
        assumptions=(PARALLEL, UNTOUCHED),
        warnings=(withheld,) if withheld else (),
        se=se,
        **gap_effect(laid_out, gap, found),
    )


def inference_name(vcov: str, cluster: str) -> str:
    """What the interval of a regression rests on, in words."""
    names = {
        "cluster": f"Student's t, errors clustered by {cluster}",
        "HC1": "Student's t, errors robust to unequal variances",
        "HC3": "Student's t, errors robust to unequal variances",
        "classical": "Student's t, errors taken as independent and alike",
        "overdispersed": "Student's t, Poisson errors scaled up for overdispersion",
    }
    return names[vcov]


def _treated_paths(
    rows: pd.DataFrame, outcome: str, without: np.ndarray, share: np.ndarray, period: str
) -> pd.DataFrame:
    """Weighted mean of the treated areas by period, as it was and without the programme."""
    weighted = pd.DataFrame(
        {
            "period": rows[period].to_numpy(),
            "treated": rows[outcome].to_numpy(dtype=float) * share,
            "comparison": without * share,
            "share": share,
        }
    )
    total = weighted.groupby("period").sum()
    return paths_frame(
        total.index,
        (total["treated"] / total["share"]).to_numpy(),
        (total["comparison"] / total["share"]).to_numpy(),
    )
