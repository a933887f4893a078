"""Difference-in-differences for counts: rates in proportion to comparison areas' rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level
from lsp_analysis.effects.layout import TREATMENT, long_panel
from lsp_analysis.effects.options import names_of, positive
from lsp_analysis.effects.parts import UNTOUCHED, paths_frame
from lsp_analysis.effects.people import check_people, check_population
from lsp_analysis.effects.regressions.did import DifferenceInDifferences, inference_name
from lsp_analysis.effects.regressions.poisson import poisson_two_way

PARALLEL_RATES = (
    "Without the programme the treated areas' rates would have changed in the same proportion as "
    "the comparison areas'."
)


def poisson_difference_in_differences(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    population: str | None = None,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    vcov: str = "cluster",
    count_nested: bool = True,
    per: float = 1_000,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> DifferenceInDifferences:
    """Two-way fixed effects for counts, on the scale of rate ratios.

    Parameters
    ----------
    panel, treated, start, covariates, cluster
        As in `did.difference_in_differences`.
    outcome : str
        Column of counts.
    population : str, optional
        Column of people at risk; with it `paths` holds rates per `per` people.
    vcov : "cluster", "overdispersed" or "classical"
    count_nested : bool
        As in `did.difference_in_differences`.

    Returns
    -------
    DifferenceInDifferences
        `relative` is the rate ratio less 1; `estimate` is events a period in all treated areas
        together.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    per = positive("per", per)
    check_population(outcome, population)
    frame, codes, start = long_panel(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        numbers=[*covariates, population],
        cluster=cluster,
        area=area,
        period=period,
    )
    if population:
        check_people(frame, population, area, period)
    fit = poisson_two_way(
        frame,
        outcome=outcome,
        regressors=[TREATMENT, *covariates],
        population=population,
        area=area,
        period=period,
        vcov=vcov,
        cluster=cluster,
        count_nested=count_nested,
        treatment=TREATMENT,
        level=level,
    )
    row = fit.coefficients.loc[TREATMENT]
    after = frame[TREATMENT] > 0
    n_after = frame.loc[after, period].nunique()
    observed = float(frame.loc[after, outcome].sum()) / n_after
    counterfactual = observed / math.exp(row["estimate"])
    relative = {name: math.expm1(row[name]) for name in ("estimate", "low", "high")}
    fall = -math.expm1(-fit.detectable(TREATMENT))
    return DifferenceInDifferences(
        outcome=outcome,
        method="difference-in-differences, Poisson with two-way fixed effects",
        estimate=relative["estimate"] * counterfactual,
        low=relative["low"] * counterfactual,
        high=relative["high"] * counterfactual,
        p_value=float(row["p_value"]),
        relative=relative["estimate"],
        relative_low=relative["low"],
        relative_high=relative["high"],
        level=level,
        unit=unit,
        start=start,
        observed=observed,
        counterfactual=counterfactual,
        inference=inference_name(vcov, cluster or area),
        n_treated=len(codes),
        assumptions=(PARALLEL_RATES, UNTOUCHED),
        warnings=(fit.withheld,) if fit.withheld else (),
        paths=_rate_paths(
            frame[frame[area].isin(codes)], outcome, population, row["estimate"], per, period
        ),
        smallest_effect=fall * counterfactual,
        smallest_relative=fall,
        se=float(row["se"]),
        regression=fit,
    )


def _rate_paths(
    rows: pd.DataFrame,
    outcome: str,
    population: str | None,
    log_ratio: float,
    per: float,
    period: str,
) -> pd.DataFrame:
    """The treated areas' rate, and what it would have been at a rate ratio of 1."""
    without = rows[outcome] / (rows[TREATMENT] * math.expm1(log_ratio) + 1)
    table = rows.assign(_without=without).groupby(period).sum(numeric_only=True)
    if population is not None:
        table = table.div(table[population], axis=0) * per
    return paths_frame(table.index, table[outcome].to_numpy(), table["_without"].to_numpy())
