"""Difference-in-differences of two groups at two times, with or without a panel behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import check_level, distinct, tidy
from lsp_analysis.effects.layout import marked
from lsp_analysis.effects.options import names_of
from lsp_analysis.effects.parts import PARALLEL, UNTOUCHED, coefficient_effect, detectable
from lsp_analysis.effects.regressions.did import DifferenceInDifferences, inference_name
from lsp_analysis.effects.regressions.fixed_effects import complete_rows, treated_clusters
from lsp_analysis.effects.regressions.least_squares import least_squares
from lsp_analysis.errors import PanelError, ParameterError

INTERACTION = "treatment"


@dataclass(frozen=True)
class TwoByTwo(DifferenceInDifferences):
    """A two-by-two difference-in-differences.

    Attributes
    ----------
    means : DataFrame
        Index (group, time); columns mean, se, n. Without covariates the effect is their double
        difference.
    """

    means: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


def did_2x2(
    frame: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    post: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    vcov: str = "classical",
    cluster: str | None = None,
    unit: str = "",
    level: float = 0.95,
) -> TwoByTwo:
    """Regress `outcome` on `treated`, `post`, their product and `covariates`.

    Rows may be repeated cross-sections (other houses before than after: Kiel and McClain 1995), a
    panel in long form, complete or not (Card and Krueger 1994), or single persons.

    Parameters
    ----------
    frame : DataFrame, one row per observation
        Rows with a missing value in any column used are left out.
    treated, post : str
        Columns of 0 and 1, or of false and true.
    covariates : list of str
        Numbers are used as they are; text and categories become one 0/1 column per value but the
        first.
    weights : str, optional
        Column of weights above 0, for weighted least squares; `means` stay unweighted.
    vcov : "classical", "HC1", "HC3" or "cluster"
    cluster : str, optional
        Column of clusters, for "cluster". With fewer than five treated ones interval and p-value
        are withheld; `se` is there all the same.

    Returns
    -------
    TwoByTwo
        `regression.coefficients` holds every coefficient; the effect's row is "treatment".
    """
    check_level(level)
    covariates = distinct(names_of("covariates", covariates))
    distinct([outcome, treated, post])
    for name in {outcome, treated, post}.intersection(covariates):
        raise ParameterError(f"{name!r} is in the regression already: leave it out of covariates.")
    named = [outcome, treated, post, *covariates]
    named += [name for name in (weights, cluster) if name]
    numbers = [outcome, *([weights] if weights else [])]
    frame = tidy(frame, numbers=numbers, labels=[], others=named)
    rows = complete_rows(frame, named).reset_index(drop=True)
    group, after = (marked(rows[name]).astype(float) for name in (treated, post))
    _check_cells(group, after, treated, post)
    columns = pd.DataFrame(
        {"intercept": 1.0, treated: group, post: after, INTERACTION: group * after},
        index=rows.index,
    ).join(_numbers(rows[covariates]))
    fit = least_squares(
        rows[outcome].to_numpy(dtype=float),
        columns.to_numpy(dtype=float),
        list(columns),
        weights=None if weights is None else rows[weights].to_numpy(dtype=float),
        vcov=vcov,
        clusters=rows[cluster] if cluster else None,
        treated_clusters=treated_clusters(rows, treated, cluster) if cluster else None,
        level=level,
    )
    row = fit.coefficients.loc[INTERACTION]
    means = _cell_means(rows[outcome], group, after)
    observed = float(means.loc[("treated", "after"), "mean"])
    effect = coefficient_effect(row, observed)
    path = means.loc["treated", "mean"]
    return TwoByTwo(
        outcome=outcome,
        method="difference-in-differences, two groups and two times",
        **effect,
        **detectable(fit.detectable(INTERACTION), effect["counterfactual"]),
        level=level,
        unit=unit,
        comparator="the comparison group",
        inference=inference_name(vcov, cluster or ""),
        assumptions=(PARALLEL, UNTOUCHED),
        warnings=_warnings(fit.withheld, vcov),
        paths=pd.DataFrame(
            {
                "period": ["before", "after"],
                "treated": path.to_numpy(),
                "comparison": [path["before"], effect["counterfactual"]],
            }
        ),
        se=float(row["se"]),
        regression=fit,
        means=means,
    )


def _check_cells(group: np.ndarray, after: np.ndarray, treated: str, post: str) -> None:
    for g in (0, 1):
        for t in (0, 1):
            if not ((group == g) & (after == t)).any():
                raise PanelError(
                    f"No row has {treated} = {g} and {post} = {t}, so there is no difference in "
                    "differences: all four cells are needed."
                )


def _numbers(covariates: pd.DataFrame) -> pd.DataFrame:
    if covariates.empty:
        return covariates
    text = [c for c in covariates if not pd.api.types.is_numeric_dtype(covariates[c])]
    return pd.get_dummies(covariates, columns=text, drop_first=True, dtype=float)


def _cell_means(outcome: pd.Series, group: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    labels = pd.DataFrame(
        {
            "group": np.where(group == 1, "treated", "comparison"),
            "time": pd.Categorical(
                np.where(after == 1, "after", "before"), ["before", "after"], ordered=True
            ),
            "y": outcome.to_numpy(dtype=float),
        }
    )
    return labels.groupby(["group", "time"], observed=True)["y"].agg(
        mean="mean", se="sem", n="count"
    )


def _warnings(withheld: str, vcov: str) -> tuple[str, ...]:
    if withheld:
        return (withheld,)
    if vcov == "cluster":
        return ()
    return (
        "Rows are taken as independent. If the treated group is one place, whatever else "
        "happened there is in the effect, and the interval does not know.",
    )
