"""Linear regression with area and period effects absorbed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, need_columns, tidy
from lsp_analysis.effects.regressions.absorb import Absorber, absorber
from lsp_analysis.effects.regressions.least_squares import (
    FEWEST_TREATED_CLUSTERS,
    ROUNDING,
    Regression,
    least_squares,
)
from lsp_analysis.errors import PanelError, ParameterError


def two_way_regression(
    frame: pd.DataFrame,
    *,
    outcome: str,
    regressors: Sequence[str],
    area: str = AREA,
    period: str = PERIOD,
    weights: str | None = None,
    vcov: str = "cluster",
    cluster: str | None = None,
    count_nested: bool = True,
    treatment: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> Regression:
    """Least squares of `outcome` on `regressors`, area and period effects absorbed.

    Parameters
    ----------
    frame : DataFrame
        Rows may be unbalanced, and several may share an area and a period. Rows with a missing
        value are left out.
    weights : str, optional
        Column of positive weights.
    vcov, cluster
        See `regression.least_squares`; `cluster` is the area if left out.
    count_nested : bool
        Whether area effects count among the coefficients when areas lie within clusters: as they do
        where areas are dummies, and do not by default in Stata's xtreg and reghdfe and in fixest,
        whose clustered errors are a little smaller for it.
    treatment : str or list of str, optional
        Regressors that mark treated rows: with fewer than five treated clusters, interval and
        p-value are withheld. If left out, so they are where a regressor leaves its middle value in
        fewer than five clusters, for that is what marks of a few treated ones do.
    """
    regressors = list(regressors)
    cluster = cluster or area
    numbers = [outcome, *regressors, *([weights] if weights else [])]
    frame = tidy(frame, numbers=numbers, labels=[area, period], others=[cluster])
    frame = complete_rows(frame, [area, period, cluster, *numbers])
    weight = None if weights is None else frame[weights].to_numpy(dtype=float)
    if weight is not None and (weight <= 0).any():
        raise ParameterError(f"The weights in {weights!r} must be above 0.")
    areas, periods = (pd.factorize(frame[name])[0] for name in (area, period))
    effects = absorber(areas, periods, weight)
    values = frame[outcome].to_numpy(dtype=float)
    demeaned = effects.demean(values)
    if np.abs(demeaned).max() <= ROUNDING * np.ptp(values):
        demeaned = np.zeros(len(values))  # what is left is rounding, and no error to judge by
    return least_squares(
        demeaned,
        demeaned_regressors(effects, frame, regressors),
        regressors,
        absorbed=effects.rank,
        nested=0 if count_nested else nested_effects(frame, area, cluster),
        weights=weight,
        vcov=vcov,
        clusters=areas if cluster == area else frame[cluster],
        treated_clusters=treated_clusters(frame, treatment, cluster, regressors),
        level=level,
    )


def nested_effects(frame: pd.DataFrame, area: str, cluster: str) -> int:
    """Area effects, beyond one, that lie within clusters; 0 if some area lies in several."""
    areas = frame[area].nunique()
    return areas - 1 if len(frame[[area, cluster]].drop_duplicates()) == areas else 0


def treated_clusters(
    frame: pd.DataFrame,
    treatment: str | Sequence[str] | None,
    cluster: str,
    regressors: Sequence[str] = (),
) -> int | None:
    """How many clusters have a row with a `treatment` above 0. When none is named, in how many the
    one of `regressors` that stands out in fewest leaves its median; None if in five or more."""
    if treatment is None:
        standing_out = [_clusters_off_median(frame, name, cluster) for name in regressors]
        fewest = min(standing_out, default=FEWEST_TREATED_CLUSTERS)
        return fewest if fewest < FEWEST_TREATED_CLUSTERS else None
    marks = frame[[treatment] if isinstance(treatment, str) else list(treatment)]
    return int(frame.loc[(marks > 0).any(axis=1), cluster].nunique())


def _clusters_off_median(frame: pd.DataFrame, name: str, cluster: str) -> int:
    """Clusters in which a regressor leaves its median; counted in a thousand rows where these have
    enough of them."""
    values = frame[name].to_numpy(dtype=float)
    middle = np.partition(values, len(values) // 2)[len(values) // 2]
    rows = np.flatnonzero(values != middle)
    few = frame[cluster].iloc[rows[:: max(1, len(rows) // 1000)]].nunique()
    return few if few >= FEWEST_TREATED_CLUSTERS else frame[cluster].iloc[rows].nunique()


def complete_rows(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """`frame` cut to `columns`, rows with a missing value left out; PanelError if none is left."""
    columns = list(dict.fromkeys(columns))
    need_columns(frame, columns)
    frame = frame[columns].dropna()
    if frame.empty:
        raise PanelError(f"No row has a value in all of {', '.join(columns)}.")
    return frame


def demeaned_regressors(
    effects: Absorber, frame: pd.DataFrame, regressors: list[str]
) -> np.ndarray:
    """Regressors less area and period effects; PanelError for one of which nothing is left."""
    columns = frame[regressors].to_numpy(dtype=float)
    demeaned = effects.demean(columns)
    left = np.linalg.norm(demeaned, axis=0)
    for name, size, original in zip(regressors, left, np.linalg.norm(columns, axis=0), strict=True):
        if size <= 1e-8 * original:
            raise PanelError(
                f"{name!r} does not vary once area and period effects are taken out, so its "
                "effect cannot be told from theirs: leave it out, or check which areas and "
                "periods it marks."
            )
    return demeaned
