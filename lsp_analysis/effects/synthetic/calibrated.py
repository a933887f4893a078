"""Many small treated areas against comparison areas weighted to match them exactly.

Robbins, Saunders and Kilmer (2017): where a programme covers dozens of small areas among thousands,
weights can make the comparison areas add up to the treated ones in every covariate and in every
outcome of every period before the start. With a handful of treated areas see `synthetic`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, grid
from lsp_analysis.effects.options import names_of, whole
from lsp_analysis.effects.parts import UNTOUCHED, paths_frame
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.synthetic.balance_weights import balancing_weights
from lsp_analysis.effects.synthetic.calibrated_errors import (
    ALTERNATIVES,
    NOBODY,
    inference_fields,
    linearised,
)
from lsp_analysis.effects.synthetic.predictors import predictor_table
from lsp_analysis.effects.synthetic.units import Placebos, Units, placebo_units, treated_unit
from lsp_analysis.errors import PanelError, ParameterError

GONE_ON = (
    "Comparison areas weighted to match the treated ones before the start, in everything listed in "
    "`balance`, would have gone on matching them."
)


@dataclass(frozen=True)
class CalibratedEffect(EffectEstimate):
    """An effect on many areas; `estimate` is per period, in all of them together.

    Attributes
    ----------
    total_observed, total_counterfactual : float
        Sums over the treated areas and all periods after the start.
    se : float
        Linearised standard error of `estimate`; `statistic` is the one divided by the other.
    weights : Series
        Weight of each comparison area with one; they add up to the number of treated areas.
    balance : DataFrame
        Per constraint: treated, comparison (weighted), unweighted (scaled to as many areas).
    """

    total_observed: float = math.nan
    total_counterfactual: float = math.nan
    se: float = math.nan
    weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)
    balance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


def calibrated_effect(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    covariates: Sequence[str] = (),
    match: Sequence[str] = (),
    block: int = 1,
    alternative: str = "two-sided",
    independent_periods: bool = False,
    placebos: Placebos = 0,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> CalibratedEffect:
    """Treated areas' total less that of comparison areas weighted to match them exactly.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Complete in every column used.
    treated : area codes, or the name of a column that is true for them
    start : first period that counts as after
    covariates : columns to be matched on their mean before the start
    match : columns matched, like `outcome` itself, in every period before the start
    block : int
        Periods before the start to be added up and matched together, counted back from it: fewer
        constraints where exact matching in each would ask too much.
    alternative : "two-sided", "less" or "greater"
        What the p-value is for; the interval is two-sided.
    independent_periods : bool
        Whether the linearised error takes an area's periods as independent, as the authors'
        software does; otherwise an area's periods are added up first.
    placebos : number, or list of lists of area codes
        Groups as large as the treated one that take its place in turn, each weighted afresh; a
        number draws that many at random from the comparison areas. With them the p-value ranks
        `statistic`.

    Returns
    -------
    CalibratedEffect
        `relative` has an interval on the log scale, for outcomes above 0. With fewer than five
        treated areas interval and p-value need placebos.

    Raises
    ------
    PanelError
        When no weights at or above 0 meet every constraint.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    match, block = names_of("match", match), whole("block", block)
    check_seed(seed)
    if alternative not in ALTERNATIVES:
        raise ParameterError(
            f"alternative={alternative!r} is not known: use {', '.join(ALTERNATIVES)}."
        )
    named = {"treated": treated, "start": start, "area": area, "period": period}
    laid_out = grid(panel, outcome=outcome, **named)
    matched = {name: grid(panel, outcome=name, **named).outcomes for name in [outcome, *match]}
    table = _constraints(matched, laid_out, block)
    if covariates:
        span = [(name, slice(None, laid_out.periods[laid_out.start_at - 1])) for name in covariates]
        first = laid_out.periods[laid_out.start_at]
        averages = predictor_table(panel, span, first, area, period)
        table = averages.T.loc[laid_out.areas].join(table)
    own = treated_unit(laid_out)
    weights = _weights(table, own)[0]
    if weights is None:
        raise PanelError(_UNMATCHED.format(table.shape[1], (~laid_out.treated).sum()))
    found = linearised(laid_out, own, [weights], independent_periods)
    pretenders, labels = placebo_units(laid_out, placebos, treated_among_donors=False, seed=seed)
    others = NOBODY
    if pretenders is not None:
        sets = _weights(table, pretenders)
        others = linearised(laid_out, pretenders, sets, independent_periods)
    donors = laid_out.outcomes[own.donors[0]]
    n_treated, at = own.members.shape[1], laid_out.start_at
    treated_path, comparison = n_treated * laid_out.treated_mean, weights @ donors
    observed, counterfactual = (float(path[at:].mean()) for path in (treated_path, comparison))
    n_after = len(treated_path) - at
    return CalibratedEffect(
        outcome=outcome,
        method="comparison areas weighted to match exactly",
        estimate=float(found.estimates[0]),
        **inference_fields(found, others, counterfactual, n_treated, alternative, level),
        level=level,
        unit=unit,
        start=laid_out.periods[at],
        observed=observed,
        counterfactual=counterfactual,
        comparator=f"{int((weights > 0).sum()):,} weighted comparison areas",
        statistic=float(found.statistics[0]),
        n_treated=n_treated,
        assumptions=(GONE_ON, UNTOUCHED),
        paths=paths_frame(laid_out.periods, treated_path, comparison),
        placebos=others.frame(labels),
        total_observed=observed * n_after,
        total_counterfactual=counterfactual * n_after,
        se=float(found.errors[0]),
        weights=_named(weights, laid_out),
        balance=_balance(table, own, weights),
    )


_UNMATCHED = (
    "No weights at or above 0 meet all {0} constraints with {1:,} comparison areas: something of "
    "the treated areas lies beyond them all, or too much is asked at once. Match fewer columns, or "
    "add periods up with `block`."
)


def _constraints(matched: dict[str, np.ndarray], laid_out: Grid, block: int) -> pd.DataFrame:
    """Areas by constraints: outcomes of every period before the start, or every block of them."""
    n_before = laid_out.start_at
    if not 1 <= block <= n_before:
        raise ParameterError(f"block={block} must be from 1 to the {n_before} periods before.")
    columns = {}
    for name, values in matched.items():
        for end in range(n_before, block - 1, -block):
            first, last = laid_out.periods[end - block], laid_out.periods[end - 1]
            span = f"{first}" if block == 1 else f"{first} to {last}"
            columns[f"{name} {span}"] = values[:, end - block : end].sum(axis=1)
    return pd.DataFrame(columns, index=laid_out.areas)


def _weights(table: pd.DataFrame, units: Units) -> list[np.ndarray | None]:
    """Weights of each unit's donors; None for a unit that cannot be matched."""
    values = table.to_numpy()
    return [
        balancing_weights(values[donors], values[members].sum(axis=0), float(len(members)))
        for members, donors in zip(units.members, units.donors, strict=True)
    ]


def _named(weights: np.ndarray, laid_out: Grid) -> pd.Series:
    named = pd.Series(weights, laid_out.areas[~laid_out.treated], name="weight")
    return named[named > 0].sort_values(ascending=False)


def _balance(table: pd.DataFrame, own: Units, weights: np.ndarray) -> pd.DataFrame:
    values = table.to_numpy()
    donors = values[own.donors[0]]
    return pd.DataFrame(
        {
            "treated": values[own.members[0]].sum(axis=0),
            "comparison": weights @ donors,
            "unweighted": donors.mean(axis=0) * own.members.shape[1],
        },
        index=table.columns,
    )
