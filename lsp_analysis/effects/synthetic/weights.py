"""Neighbourhoods that stand for the treated one in turn, and weights of those they are compared
with: to match outcomes, or predictors read from the panel, whose own weights are searched for.

The fit is a jagged function of the predictor weights, smooth while the same donors are in use and
with a kink wherever one comes or goes, so they are searched for by differential evolution (Storn
and Price 1997), from starts spread over all scales. The draws are the same for each unit: its
answer does not depend on the company.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import differential_evolution, nnls
from scipy.stats import qmc

from lsp_analysis.effects.one_area.neighbourhoods import placebo_groups
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.study.asking.table import as_date
from lsp_analysis.study.question import Question

LIKE_ANY = (
    "Without the programme the treated area would have been as likely as any placebo to differ "
    "from its average."
)
MOST_PLACEBOS = 200  # of several areas each, so that a page does not wait
TIE = 1e-14  # of the largest squared distance, by which two donors count as equally near


@dataclass(frozen=True)
class WeightedComparison(EffectEstimate):
    """An effect measured against a weighted average of areas.

    Attributes
    ----------
    donor_weights : Series
        Of the comparison areas with a weight, largest first.
    """

    donor_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


def units_of(question: Question) -> np.ndarray:
    """The treated neighbourhood and its placebos, at most `MOST_PLACEBOS` of several areas; bool
    array (1 + B, n).

    No placebos where too few areas are left to compare them with.
    """
    if question.comparison.sum() < 2 * question.treated.sum():
        return question.treated[None]
    groups = placebo_groups(question)
    if question.treated.sum() > 1 and len(groups) > MOST_PLACEBOS:
        groups = groups[np.linspace(0, len(groups) - 1, MOST_PLACEBOS).astype(int)]
    return np.vstack([question.treated, groups])


def with_donors(
    question: Question, units: np.ndarray, *, treated_too: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each unit with its donors, as bool arrays (n,); treated areas are donors of placebos if
    `treated_too`."""
    pool = question.comparison | question.treated if treated_too else question.comparison
    for unit in units:
        donors = pool & ~unit
        if not donors.any():
            raise PanelError("A placebo has no comparison area left. Add comparison areas.")
        yield unit, donors


def nearest_weights(points: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Weights w at or above 0 that add up to 1 and make ``||points w||^2 + ridge ||w||^2`` least.

    They are a multiple of the u at or above 0 that make ``||points u||^2 + (sum(u) - 1)^2`` least
    (Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23).

    Parameters
    ----------
    points : array (dimensions, donors)
        Donors less the unit to be matched, in the metric wanted.
    """
    count = points.shape[1]
    scale = math.sqrt((points**2).sum(axis=0).max() + ridge) or 1.0
    rows = [points / scale, np.ones((1, count))]
    if ridge:  # as many rows as donors, from the Gram matrix
        gram = (points.T @ points + ridge * np.eye(count)) / scale**2
        rows = [np.linalg.cholesky(gram + 1e-15 * np.eye(count)).T, rows[1]]
    stacked = np.vstack(rows)
    found = nnls(stacked, np.eye(len(stacked))[-1], maxiter=30 * count)[0]
    return found / found.sum()


def is_unique(points: np.ndarray, weights: np.ndarray) -> bool:
    """Whether no donor without weight is as near as those with one."""
    nearest = points @ weights
    loss, scale = float(nearest @ nearest), max((points**2).sum(axis=0).max(), 1e-300)
    slack = np.where(weights > 0, np.inf, nearest @ points - loss)
    return bool(loss > TIE * scale and slack.min() > TIE * scale)


# (column, periods), or the same with "mean" behind it, as other software writes it.
PredictorSpec = tuple[str, Any, str] | tuple[str, Any]

# Squared discrepancy, in standard deviations, below which predictors are matched exactly.
EXACT = 1e-10

# Log of the least predictor weight as a share of the largest; at 0 donor weights need not be
# unique.
LOWEST = float(np.log(1e-6))

SPREAD = 64  # starts over all scales of the weights, beside equal ones and each predictor in front
ALIKE = 1e-4  # relative spread of a population's fits at which its evolution is over


@dataclass(frozen=True)
class Weighting:
    """Donor weights of one unit.

    Attributes
    ----------
    donors : array (donors,)
    predictors : array (predictors,)
        Weight of each predictor, adding up to 1; missing where every predictor is matched exactly.
    unique : bool
        Whether no other donor weights match the predictors as well.
    start_loss : array (starts,)
        Mean squared error at each start of the search; empty when nothing was searched.
    """

    donors: np.ndarray
    predictors: np.ndarray
    unique: bool
    start_loss: np.ndarray = field(repr=False, default_factory=lambda: np.empty(0))


def predictor_table(question: Question, predictors: Sequence[PredictorSpec]) -> pd.DataFrame:
    """One row per predictor, one column per area; missing values are left out of its mean.

    Parameters
    ----------
    predictors : list of (column, dates, operation)
        Dates: a list or range of them, ``slice(first, last)`` with both ends in, or a single one;
        all before the start. Operation: mean.

    Raises
    ------
    PanelError
        For an unknown column, a date at or after the start, or an area without any value.
    """
    rows = {}
    known = {question.indicator.indicator_id: question.compared} | dict(question.covariates)
    used = question.comparison | question.treated
    for spec in predictors:
        if not isinstance(spec, tuple | list) or not 2 <= len(spec) <= 3:
            raise ParameterError(
                f"{spec!r} is not a predictor: give (column, periods) or (column, periods, "
                '"mean"), for example ("beer", range(1984, 1989), "mean").'
            )
        column, dates, operation = (*spec, "mean")[:3]
        if column not in known:
            raise PanelError(
                f"The predictor {column!r} is neither the outcome nor a covariate of the question; "
                f"there are {', '.join(map(str, known))}. Name it when the question is built."
            )
        check_one_of(operation, ("mean",), "operation", where=f" for the predictor {column}")
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
        rows[f"{column}{span}"] = np.nanmean(values, axis=1)
    return pd.DataFrame(rows, index=question.areas).T


def span_of(question: Question, dates: Any) -> np.ndarray:
    """Positions of dates before the start: one, several, or a slice with both ends in."""
    before, freq = question.dates[: question.at], question.dates.freq
    if isinstance(dates, slice):
        first = before[0] if dates.start is None else as_date(dates.start, freq, "dates")
        last = before[-1] if dates.stop is None else as_date(dates.stop, freq, "dates")
        wanted = before[(before >= first) & (before <= last)]
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


def in_deviations(table: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Each predictor in standard deviations over all areas, so that their units do not matter."""
    spread = table.loc[:, question.comparison | question.treated].std(axis=1, ddof=1)
    for name in spread.index[~(spread > 0)]:
        raise PanelError(f"The predictor {name!r} is the same in every area: leave it out.")
    return table.div(spread, axis=0)


def regression_weights(table: np.ndarray, question: Question, fitted: np.ndarray) -> np.ndarray:
    """Weight of each predictor: its squared coefficients in regressions of the outcomes on all.

    Parameters
    ----------
    table : array (predictors, areas), in standard deviations
    fitted : int array, dates whose outcomes are regressed
        The treated areas count as one unit, their mean.
    """
    predictors, outcomes = (
        np.vstack([values[question.treated].mean(axis=0), values[question.comparison]])
        for values in (table.T, question.compared[:, fitted])
    )
    design = np.column_stack([np.ones(len(predictors)), predictors])
    return (np.linalg.lstsq(design, outcomes, rcond=None)[0][1:] ** 2).sum(axis=1)


def weigh_donors(
    predictors: np.ndarray,
    outcomes: np.ndarray,
    fixed: np.ndarray | None = None,
    generations: int = 150,
) -> Weighting:
    """Donor weights of one unit, predictor weights searched for or `fixed` (predictors,).

    A unit that lies inside the hull of its donors' predictors is matched exactly whatever the
    predictors weigh; of the many donor weights that do so, those that fit the outcomes best are
    taken (Becker and Klößner 2018).

    Parameters
    ----------
    predictors, outcomes : arrays (predictors, donors), (dates, donors)
        Donors less the unit: predictors in standard deviations over all areas, and outcomes whose
        fit decides between predictor weights.
    """
    counted = np.ones(len(predictors), dtype=bool) if fixed is None else fixed > 0
    told = np.full(len(predictors), np.nan) if fixed is None else fixed / fixed.sum()
    matched = predictors[counted]
    exact = nearest_weights(matched)
    if ((matched @ exact) ** 2).sum() < EXACT:
        size = np.sqrt((outcomes**2).mean()) or 1.0  # every donor meets the outcomes exactly
        stacked = np.vstack([1e4 * matched, outcomes / size])
        return Weighting(nearest_weights(stacked), told, False)
    start_loss = np.empty(0)
    if fixed is None:
        told, start_loss = search_predictor_weights(predictors, outcomes, generations)
    points = np.sqrt(told[counted])[:, None] * matched
    weights = nearest_weights(points)
    return Weighting(weights, told, is_unique(points, weights), start_loss)


def search_predictor_weights(
    predictors: np.ndarray, outcomes: np.ndarray, generations: int = 150
) -> tuple[np.ndarray, np.ndarray]:
    """Predictor weights, adding up to 1, whose donor weights fit the outcomes best, and the fit at
    every start; arrays as for `weigh_donors`."""

    def loss(logs: np.ndarray) -> float:
        points = np.exp(bounded(logs) / 2)[:, None] * predictors
        return float(((outcomes @ nearest_weights(points)) ** 2).mean())

    starts = starting_points(len(predictors))
    start_loss = np.array([loss(start) for start in starts])
    best = starts[start_loss.argmin()]
    if len(predictors) > 1:
        best = differential_evolution(
            loss, [(LOWEST, 0.0)] * len(predictors), init=starts, maxiter=generations, rng=0,
            strategy="currenttobest1bin", mutation=(0.4, 1.0), recombination=0.9, polish=False,
            tol=ALIKE,
        ).x  # fmt: skip
    weights = np.exp(bounded(best))
    return weights / weights.sum(), start_loss


def starting_points(count: int) -> np.ndarray:
    """Log weights to start from: equal; each predictor in front; `SPREAD` over all scales."""
    lone = np.where(np.eye(count) > 0, 0.0, np.log(1e-2))
    spread = qmc.Sobol(count, rng=0).random(SPREAD)
    return np.vstack([np.zeros((1, count)), lone, LOWEST * spread])


def start_names(predictors: Sequence[str]) -> list[str]:
    """What each start of `starting_points` is."""
    lone, spread = (f"{name} in front" for name in predictors), range(1, SPREAD + 1)
    return ["equal weights", *lone, *(f"spread {i}" for i in spread)]


def bounded(logs: np.ndarray) -> np.ndarray:
    """Largest weight 1 and none below the smallest allowed; only ratios matter."""
    return np.maximum(logs - logs.max(), LOWEST)
