"""Synthetic control: the treated neighbourhood against the weighted average of areas most like it.

Weights are at or above 0 and add up to 1, so the comparison never leaves what was observed (Abadie
and Gardeazabal 2003; Abadie, Diamond and Hainmueller 2010). They are chosen to match the outcome
before the start, or a list of predictors whose own weights are then searched for.

That search has two traps. It has many local optima, so it is made from many starts and they are
reported. And where predictors are given no weight at all the donors' weights are no longer unique:
in that limit one could match whatever one likes, and only the outcomes count. So no predictor
weighs less than a millionth of the largest, which keeps the weights unique (Becker and Klößner
2018), and the rank without predictors is reported beside the rank with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, as_start, grid
from lsp_analysis.effects.options import listed, whole
from lsp_analysis.effects.ranking import rank_p
from lsp_analysis.effects.synthetic.assembly import assemble
from lsp_analysis.effects.synthetic.predictor_fit import Matching
from lsp_analysis.effects.synthetic.predictors import (
    PredictorSpec,
    Weighting,
    in_deviations,
    predictor_table,
    regression_weights,
    weigh_donors,
)
from lsp_analysis.effects.synthetic.result import SyntheticControl, fit_ratios
from lsp_analysis.effects.synthetic.simplex import nearest_points, tied_donors
from lsp_analysis.effects.synthetic.units import Placebos, Units, placebo_units, treated_unit
from lsp_analysis.errors import PanelError, ParameterError


def synthetic_control(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    predictors: Sequence[PredictorSpec] | None = None,
    predictor_weights: str | Sequence[float] | None = None,
    fit_periods: Any = None,
    placebos: Placebos = None,
    treated_among_donors: bool = True,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    generations: int = 150,
    seed: int = 0,
) -> SyntheticControl:
    """Effect on the treated areas, taken together, against a weighted average of the others.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Columns `area`, `period`, `outcome` (complete) and those the predictors name (gaps allowed).
    treated : area codes, or the name of a column that is true for them
        Their unweighted mean is the treated unit: for areas of unlike size, add them up first.
    start : first period that counts as after
    predictors : list of (column, periods, operation), optional
        For example ``("beer", range(1984, 1989), "mean")``; see
        `synthetic_predictors.predictor_table`. Each is taken in standard deviations over all areas.
        Without them every outcome before the start is matched equally.
    predictor_weights : one number per predictor, or "regression", optional
        Used instead of searching: as they are, for weights found on an earlier training period,
        say; or from a regression of the outcomes on the predictors, which is quick and fits less
        well: what the authors' Stata command does unless asked (J. Statistical Software 42:13).
    fit_periods : list, range, or slice with both ends in, optional
        Periods whose fit decides between weights; all those before `start` if left out.
    placebos : list of lists of area codes, or a number, optional
        Groups as large as the treated one that take its place in turn, best of adjoining areas; a
        number draws that many at random. If left out, each comparison area when one area is
        treated; with several treated areas there is then no p-value.
    treated_among_donors : bool
        Whether the treated areas may be donors of the placebos, as in Abadie, Diamond and
        Hainmueller (2010).
    generations, seed : int
        Length and seed of the search for predictor weights. Its time is in proportion to the number
        of placebos and generations: 39 states take some 5 seconds, 177 areas a minute.

    Returns
    -------
    SyntheticControl
        `p_value` is the rank of the post/pre fit ratio; the interval holds the constant effects
        that the mean gap, in units of the error before the start, would not reject.

    Raises
    ------
    PanelError
        When a value of the outcome is missing, fewer than two periods precede the start, or nothing
        is left to compare.
    """
    check_level(level)
    generations = whole("generations", generations, 1)
    predictors = None if predictors is None else listed("predictors", predictors)
    check_seed(seed)
    laid_out = grid(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        area=area,
        period=period,
        fewest_before=2,
    )
    fitted = _fitted_columns(laid_out, fit_periods, panel[period])
    table = None
    if predictors is not None and len(predictors):
        table = predictor_table(
            panel, predictors, laid_out.periods[laid_out.start_at], area, period
        )
        table = table[laid_out.areas]
    fixed = _fixed_weights(predictor_weights, table, laid_out, fitted)
    search = {"generations": generations, "seed": seed} if fixed is None else {"fixed": fixed}

    unit_of_interest = treated_unit(laid_out)
    weighting = _weigh(laid_out, unit_of_interest, table, fitted, search)
    gap = unit_of_interest.gaps(laid_out.outcomes, weighting.donors)
    pretenders, labels = placebo_units(laid_out, placebos, treated_among_donors, seed)
    others = np.empty((0, gap.shape[1]))
    outcomes_rank = 0
    if pretenders is not None:
        others = pretenders.gaps(
            laid_out.outcomes, _weigh(laid_out, pretenders, table, fitted, search).donors
        )
        outcomes_rank = _outcomes_only_rank(laid_out, unit_of_interest, pretenders, fitted)
    return assemble(
        laid_out,
        table,
        weighting,
        np.vstack([gap, others]),
        labels,
        fitted=fitted,
        outcomes_only_rank=outcomes_rank,
        outcome=outcome,
        unit=unit,
        level=level,
    )


def outcome_weights(laid_out: Grid, units: Units, fitted: np.ndarray) -> np.ndarray:
    """Donor weights (units, donors) that fit the outcomes in columns `fitted` best."""
    return nearest_points(_outcome_points(laid_out, units, fitted)).weights


def _outcome_points(laid_out: Grid, units: Units, fitted: np.ndarray) -> np.ndarray:
    table = laid_out.outcomes[:, fitted]
    return units.of_donors(table) - units.own(table)[:, :, None]


def _weigh(
    laid_out: Grid,
    units: Units,
    table: pd.DataFrame | None,
    fitted: np.ndarray,
    search: dict[str, Any],
) -> Weighting:
    if table is None:
        points = _outcome_points(laid_out, units, fitted)
        found = nearest_points(points)
        nothing = np.empty((len(points), 0))
        return Weighting(found.weights, nothing, ~tied_donors(points, found), nothing)
    scaled = in_deviations(table).to_numpy().T
    values = laid_out.outcomes[:, fitted]
    matching = Matching(
        units.of_donors(scaled) - units.own(scaled)[:, :, None],
        units.of_donors(values),
        units.own(values),
    )
    return weigh_donors(matching, **search)


def _outcomes_only_rank(
    laid_out: Grid, unit_of_interest: Units, pretenders: Units, fitted: np.ndarray
) -> int:
    gaps = [
        units.gaps(laid_out.outcomes, outcome_weights(laid_out, units, fitted))
        for units in (unit_of_interest, pretenders)
    ]
    ratios = fit_ratios(np.vstack(gaps), laid_out.start_at)
    return rank_p(ratios[0], ratios[1:])[0]


def _fitted_columns(laid_out: Grid, fit_periods: Any, column: pd.Series) -> np.ndarray:
    """Positions of the periods whose fit decides between weights."""
    before = laid_out.periods[laid_out.before]
    if fit_periods is None:
        return np.arange(len(before))
    if isinstance(fit_periods, slice):
        first = before[0] if fit_periods.start is None else as_start(fit_periods.start, column)
        last = before[-1] if fit_periods.stop is None else as_start(fit_periods.stop, column)
        wanted = [p for p in before if first <= p <= last]
    else:
        wanted = [as_start(p, column) for p in listed("fit_periods", fit_periods)]
    at = before.get_indexer(pd.Index(wanted))
    if not len(at) or (at < 0).any():
        raise PanelError(
            "fit_periods must be periods of the panel before the start; the panel has "
            f"{before[0]} to {before[-1]}."
        )
    return at


def _fixed_weights(
    weights: str | Sequence[float] | None,
    table: pd.DataFrame | None,
    laid_out: Grid,
    fitted: np.ndarray,
) -> np.ndarray | None:
    if weights is None:
        return None
    if table is None:
        raise ParameterError("predictor_weights needs `predictors`.")
    if isinstance(weights, str):
        if weights != "regression":
            raise ParameterError(
                f'predictor_weights={weights!r} is not known: give numbers, or "regression".'
            )
        return regression_weights(in_deviations(table), laid_out, fitted)
    fixed = np.asarray(weights, dtype=float)
    if len(fixed) != len(table):
        raise ParameterError(
            f"predictor_weights needs one number for each of the {len(table)} predictors; it has "
            f"{len(fixed)}."
        )
    if not (fixed >= 0).all() or fixed.sum() <= 0:
        raise ParameterError("predictor_weights must be numbers of 0 or more, and not all 0.")
    return fixed
