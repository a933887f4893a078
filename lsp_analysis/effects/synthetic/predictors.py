"""What a synthetic control is matched on: predictors read from the panel, and their weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.synthetic.predictor_fit import Matching
from lsp_analysis.effects.synthetic.predictor_search import Search, search_predictor_weights
from lsp_analysis.effects.synthetic.simplex import nearest_points, tied_donors
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.study.asking.dates import as_date
from lsp_analysis.study.question import Question

OPERATIONS = {
    "mean": np.nanmean,
    "median": np.nanmedian,
    "sum": np.nansum,
    "min": np.nanmin,
    "max": np.nanmax,
}

PredictorSpec = tuple[str, Any, str] | tuple[str, Any]
"""(column, periods) or (column, periods, operation); the operation is "mean" unless named."""

EXACT = 1e-10
"""Squared discrepancy, in standard deviations, below which predictors are matched exactly."""

BATCH = 64
"""Units searched side by side; more would need more memory and gain no time."""


@dataclass(frozen=True)
class Weighting:
    """Donor weights of a batch of units.

    Attributes
    ----------
    donors : array (units, donors), rows on the simplex
    predictors : array (units, predictors)
        Weight of each predictor, rows adding up to 1; missing where every predictor is met exactly.
    unique : bool array (units,)
        Whether no other donor weights match the predictors as well.
    start_loss : array (units, starts)
        Mean squared error that each start of the search led to; empty when nothing was searched.
    """

    donors: np.ndarray
    predictors: np.ndarray
    unique: np.ndarray
    start_loss: np.ndarray = field(repr=False)


def predictor_table(question: Question, predictors: Sequence[PredictorSpec]) -> pd.DataFrame:
    """One row per predictor, one column per area; missing values are left out of its mean.

    Parameters
    ----------
    predictors : list of (column, dates, operation)
        Dates: a list or range of them, ``slice(first, last)`` with both ends in, or a single one;
        all before the start. Operation: mean (if left out), median, sum, min or max.

    Raises
    ------
    PanelError
        For an unknown column, a date at or after the start, or an area without any value.
    """
    rows = {}
    known = {question.indicator.indicator_id: question.compared} | dict(question.covariates)
    used = question.comparison | question.treated
    for spec in predictors:
        column, dates, operation = _parts(spec)
        if column not in known:
            raise PanelError(
                f"The predictor {column!r} is neither the outcome nor a covariate of the question; "
                f"there are {', '.join(map(str, known))}. Name it when the question is built."
            )
        if operation not in OPERATIONS:
            raise ParameterError(
                f"The predictor {column!r} asks for {operation!r}: use one of "
                f"{', '.join(OPERATIONS)}."
            )
        at = span_of(question, dates)
        values = known[column][:, at]
        empty = used & np.isnan(values).all(axis=1)
        if empty.any():
            raise PanelError(
                f"The predictor {column!r} has no value for {int(empty.sum())} areas, first "
                f"{question.areas[empty][0]}. Choose other dates, or leave those areas out."
            )
        values = np.where(used[:, None], values, 0.0)
        ends = [str(question.dates[k]) for k in (at[0], at[-1])]
        span = f", {operation} {ends[0]} to {ends[1]}" if len(at) > 1 else f" {ends[0]}"
        rows[f"{column}{span}"] = pd.Series(OPERATIONS[operation](values, axis=1), question.areas)
    return pd.DataFrame(rows).T


def span_of(question: Question, dates: Any) -> np.ndarray:
    """Positions of dates before the start: one, several, or a slice with both ends in."""
    before, freq = question.dates[: question.at], question.dates.freq
    if isinstance(dates, slice):
        first = before[0] if dates.start is None else as_date(dates.start, freq, "dates")
        last = before[-1] if dates.stop is None else as_date(dates.stop, freq, "dates")
        wanted = [date for date in before if first <= date <= last]
    else:
        alone = isinstance(dates, str | pd.Period) or not isinstance(dates, Iterable)
        wanted = [as_date(date, freq, "dates") for date in ([dates] if alone else dates)]
    late = [date for date in wanted if date >= question.start]
    if late:
        raise PanelError(
            f"{late[0]} is not before the start {question.start}: what the programme may have "
            "changed cannot be matched on. Choose earlier dates."
        )
    at = before.get_indexer(pd.PeriodIndex(wanted, freq=freq))
    at = at[at >= 0]
    if not len(at):
        raise PanelError(
            f"None of these dates is in the panel before the start; it has {before[0]} to "
            f"{before[-1]}."
        )
    return at


def _parts(spec: PredictorSpec) -> tuple[str, Any, str]:
    if isinstance(spec, str | dict) or not 2 <= len(spec) <= 3:
        raise ParameterError(
            f"{spec!r} is not a predictor: give (column, periods) or (column, periods, operation), "
            'for example ("beer", range(1984, 1989), "mean").'
        )
    return (*spec, "mean")[:3]


def in_deviations(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Each predictor in standard deviations over all areas, so that their units do not matter."""
    spread = table.loc[:, question.comparison | question.treated].std(axis=1, ddof=1)
    for name in spread.index[~(spread > 0)]:
        raise PanelError(f"The predictor {name!r} is the same in every area: leave it out.")
    return table.div(spread, axis=0)


def regression_weights(table: pd.DataFrame, question: Question, fitted: np.ndarray) -> np.ndarray:
    """Weight of each predictor: its squared coefficients in regressions of the outcomes on all.

    Parameters
    ----------
    table : DataFrame (predictors, areas), in standard deviations
    fitted : int array, dates whose outcomes are regressed
        The treated areas count as one unit, their mean.
    """
    predictors, outcomes = (
        np.vstack([values[question.treated].mean(axis=0), values[question.comparison]])
        for values in (table.to_numpy().T, question.compared[:, fitted])
    )
    design = np.column_stack([np.ones(len(predictors)), predictors])
    coefficients = np.linalg.lstsq(design, outcomes, rcond=None)[0][1:]
    weights = (coefficients**2).sum(axis=1)
    return weights / weights.sum()


def weigh_donors(matching: Matching, fixed: np.ndarray | None = None, **search: Any) -> Weighting:
    """Donor weights of each unit, predictor weights searched for or `fixed` (predictors,).

    A unit that lies inside the hull of its donors' predictors is matched exactly whatever the
    predictors weigh; of the many donor weights that do so, those that fit the outcomes best are
    taken (Becker and Klößner 2018).
    """
    if fixed is not None:
        counted = fixed > 0
        matching = Matching(matching.predictors[:, counted], matching.donors, matching.targets)
    parts = [
        _weigh_batch(
            _slice(matching, slice(at, at + BATCH)),
            None if fixed is None else fixed[counted],
            search,
        )
        for at in range(0, len(matching.targets), BATCH)
    ]
    donors, predictors, unique, start_loss = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("donors", "predictors", "unique", "start_loss")
    )
    if fixed is not None:
        predictors = np.tile(fixed / fixed.sum(), (len(donors), 1))
    return Weighting(donors, predictors, unique, start_loss)


def _weigh_batch(matching: Matching, fixed: np.ndarray | None, search: dict[str, Any]) -> Weighting:
    units, n_predictors, n_donors = matching.predictors.shape
    exact = nearest_points(matching.predictors).loss < EXACT
    donors = np.empty((units, n_donors))
    predictors = np.full((units, n_predictors), np.nan)
    unique = np.zeros(units, dtype=bool)
    found = None
    if exact.any():
        donors[exact] = _best_exact(_slice(matching, exact))
    if not exact.all():
        rest = _slice(matching, ~exact)
        if fixed is None:
            found = search_predictor_weights(rest, **search)
            predictors[~exact] = found.best
        else:
            predictors[~exact] = fixed / fixed.sum()
        points = np.sqrt(predictors[~exact])[:, :, None] * rest.predictors
        inner = nearest_points(points)
        donors[~exact] = inner.weights
        unique[~exact] = ~tied_donors(points, inner)
    return Weighting(donors, predictors, unique, _start_losses(found, exact))


def _start_losses(found: Search | None, exact: np.ndarray) -> np.ndarray:
    if found is None:
        return np.empty((len(exact), 0))
    losses = np.full((len(exact), found.start_loss.shape[1]), np.nan)
    losses[~exact] = found.start_loss
    return losses


def _best_exact(matching: Matching) -> np.ndarray:
    """Of the weights that meet every predictor exactly, those that fit the outcomes best."""
    gaps = matching.donors - matching.targets[:, :, None]
    size = np.sqrt((gaps**2).mean(axis=(1, 2), keepdims=True))
    size = np.where(size > 0, size, 1.0)  # every donor meets the outcomes exactly
    return nearest_points(np.concatenate([1e4 * matching.predictors, gaps / size], axis=1)).weights


def _slice(matching: Matching, which: Any) -> Matching:
    return Matching(matching.predictors[which], matching.donors[which], matching.targets[which])
