"""Poisson regression of counts with area and period effects absorbed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, tidy
from lsp_analysis.effects.regressions.absorb import from_codes
from lsp_analysis.effects.regressions.fixed_effects import (
    complete_rows,
    demeaned_regressors,
    nested_effects,
    treated_clusters,
)
from lsp_analysis.effects.regressions.least_squares import (
    NO_ERROR,
    ROUNDING,
    Regression,
    check_not_collinear,
    cluster_codes,
    coefficient_table,
    few_clusters_warning,
)
from lsp_analysis.errors import PanelError, ParameterError

VCOVS = ("cluster", "overdispersed", "classical")

MOST_ROUNDS = 100
SETTLED = 1e-12
"""Relative change of the deviance at which reweighting stops."""


def poisson_two_way(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Sequence[str],
    population: str | None = None,
    area: str = AREA,
    period: str = PERIOD,
    vcov: str = "cluster",
    cluster: str | None = None,
    count_nested: bool = True,
    treatment: str | None = None,
    level: float = 0.95,
) -> Regression:
    """Poisson regression of counts on `regressors`; coefficients are log rate ratios.

    Iterated reweighted least squares, the effects taken out anew under each round's weights
    (Correia, Guimarães and Zylkin 2020): the same answer as a generalised linear model with a dummy
    per area and period. Valid for overdispersed counts too, as the errors do not rest on the
    Poisson variance unless `vcov` is "classical".

    Parameters
    ----------
    treatment : str, optional
        The regressor that marks treated rows: with fewer than five treated clusters, interval and
        p-value are withheld. If left out, as in `fixed_effects.two_way_regression`.
    population : str, optional
        Column of people at risk, entering as an offset, so that rates are compared.
    vcov : "cluster", "overdispersed" or "classical"
        "overdispersed" multiplies the Poisson variance by Pearson's chi-squared over its degrees of
        freedom.

    count_nested : bool
        As in `fixed_effects.two_way_regression`.

    Notes
    -----
    Areas and periods without any event say nothing about rate ratios and are left out.
    """
    if vcov not in VCOVS:
        raise ParameterError(f"vcov={vcov!r} is not known here: use one of {', '.join(VCOVS)}.")
    regressors = list(regressors)
    cluster = cluster or area
    numbers = [outcome, *regressors, *([population] if population else [])]
    frame = tidy(frame, numbers=numbers, labels=[area, period], others=[cluster])
    frame = complete_rows(frame, [area, period, cluster, *numbers])
    frame = _with_events(frame, outcome, area, period)
    counts = frame[outcome].to_numpy(dtype=float)
    _check_counts(counts, outcome)
    _check_separation(frame, outcome, treatment, area)
    offset = _log_population(frame, population)
    codes = [pd.factorize(frame[name])[0] for name in (area, period)]
    plain = from_codes(*codes, codes[0].max() + 1, codes[1].max() + 1)
    check_not_collinear(demeaned_regressors(plain, frame, regressors), regressors)
    columns = frame[regressors].to_numpy(dtype=float)
    params, demeaned, fitted = _reweighted(counts, columns, offset, codes)
    bread = np.linalg.inv((demeaned * fitted[:, None]).T @ demeaned)
    residuals = counts - fitted
    df = len(frame) - len(regressors) - plain.rank
    groups, n_clusters = cluster_codes(frame[cluster])
    counted = treated_clusters(frame, treatment, cluster, regressors)
    withheld = ""
    if vcov == "cluster":
        nested = 0 if count_nested else nested_effects(frame, area, cluster)
        factor = n_clusters / (n_clusters - 1) * (len(frame) - 1) / (df + nested)
        covariance = factor * bread @ _score_products(demeaned, residuals, groups) @ bread
        withheld = "" if counted is None else few_clusters_warning(counted, n_clusters)
        df = n_clusters - 1
    elif vcov == "overdispersed":
        covariance = bread * (residuals**2 / fitted).sum() / df
    else:
        covariance, df = bread, math.inf
    if vcov != "classical" and (residuals**2 / fitted).max() <= ROUNDING:
        withheld = withheld or NO_ERROR
    return Regression(
        coefficient_table(params, covariance, regressors, df, level, bool(withheld)),
        pd.DataFrame(covariance, index=regressors, columns=regressors),
        residuals,
        vcov,
        len(frame),
        df,
        plain.rank,
        n_clusters,
        counted or 0,
        level,
        withheld,
    )


def _score_products(demeaned: np.ndarray, residuals: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sum over clusters of the outer products of their scores."""
    scores = demeaned * residuals[:, None]
    sums = np.column_stack([np.bincount(groups, score) for score in scores.T])
    return sums.T @ sums


def _reweighted(
    counts: np.ndarray, columns: np.ndarray, offset: np.ndarray, codes: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, columns demeaned under the last weights, fitted counts."""
    sizes = [int(code.max()) + 1 for code in codes]
    fitted = (counts + counts.mean()) / 2
    linear = np.log(fitted)
    deviance = math.inf
    for _ in range(MOST_ROUNDS):
        working = linear - offset + (counts - fitted) / fitted
        effects = from_codes(*codes, *sizes, fitted)
        target, demeaned = effects.demean(working), effects.demean(columns)
        root = np.sqrt(fitted)
        params = np.linalg.lstsq(demeaned * root[:, None], target * root, rcond=None)[0]
        linear = working - (target - demeaned @ params) + offset
        fitted = np.exp(np.clip(linear, -50, 50))
        previous, deviance = deviance, _deviance(counts, fitted)
        if abs(previous - deviance) <= SETTLED * (abs(deviance) + 0.1):
            effects = from_codes(*codes, *sizes, fitted)
            return params, effects.demean(columns), fitted
    raise PanelError(
        "The Poisson regression did not settle: some rate is probably estimated as nil. "
        "Look for areas or periods with hardly any events, and leave them out or add them up."
    )


def _deviance(counts: np.ndarray, fitted: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(counts / fitted), 0.0)
    return 2 * float((logs - (counts - fitted)).sum())


def _with_events(frame: pd.DataFrame, outcome: str, area: str, period: str) -> pd.DataFrame:
    for name in (area, period):
        total = frame.groupby(name, observed=True)[outcome].transform("sum")
        frame = frame[total > 0]
    if frame.empty:
        raise PanelError(f"There are no events in {outcome!r} at all, so no rates can be compared.")
    return frame


def _check_counts(counts: np.ndarray, outcome: str) -> None:
    if (counts < 0).any():
        raise PanelError(
            f"{outcome!r} has {int((counts < 0).sum())} negative counts: correct them."
        )


def _check_separation(frame: pd.DataFrame, outcome: str, treatment: str | None, area: str) -> None:
    if treatment is None:
        return
    on = frame[treatment] > 0
    before = ~on & frame[area].isin(frame.loc[on, area])
    for rows, when, ratio in (
        (on, "after", "is nil"),
        (before, "before", "has no bound"),
    ):
        if frame.loc[rows, outcome].sum() == 0:
            raise PanelError(
                f"The treated areas have no events in {outcome!r} {when} the start, so the rate "
                f"ratio {ratio} and no standard error means anything. Use longer periods, or an "
                "exact test of the counts."
            )


def _log_population(frame: pd.DataFrame, population: str | None) -> np.ndarray:
    if population is None:
        return np.zeros(len(frame))
    people = frame[population].to_numpy(dtype=float)
    if (people <= 0).any():
        raise PanelError(f"{population!r} must be above 0 wherever there is a count.")
    return np.log(people)
