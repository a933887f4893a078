"""Least squares through statsmodels with area and period effects absorbed, and standard errors that
count what was absorbed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse, stats
from statsmodels.regression.linear_model import OLS, WLS
from statsmodels.stats.sandwich_covariance import cov_cluster

from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.study.asking.table import as_numbers, check_level, listed, need_columns

# With fewer treated clusters, cluster-robust tests reject too often (MacKinnon and Webb 2018).
FEWEST_TREATED_CLUSTERS = 5

# Residuals smaller than this, as a share of the outcome's range, are arithmetic and no error.
ROUNDING = 1e-9

NO_ERROR = (
    "Interval and p-value are withheld: the model fits every value exactly, so nothing shows how "
    "large its errors are. Check that the outcome was observed and not worked out."
)


@dataclass(frozen=True)
class Regression:
    """Coefficients, their covariance, and what is needed to judge them.

    Attributes
    ----------
    coefficients : DataFrame
        Index term; columns estimate, se, low, high, p_value (Student's t on `df` degrees of
        freedom).
    withheld : str
        Why `low`, `high` and `p_value` are missing; empty when they are not. `se` is always given.
    df : float
        Degrees of freedom of the t: clusters - 1, or rows - coefficients - absorbed effects.
    model : statsmodels results
        The same fit, with the same errors; see ``model.summary()``.
    """

    coefficients: pd.DataFrame
    covariance: np.ndarray = field(repr=False, compare=False)
    n_rows: int
    df: float
    withheld: str = ""
    model: Any = field(default=None, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One tidy row per coefficient."""
        return self.coefficients.copy()


@dataclass(frozen=True)
class Errors:
    """What standard errors rest on.

    Attributes
    ----------
    clusters : int array (rows,), optional
        Sandwich by cluster with factor G/(G-1) x (n-1)/(n-k), k counting what was absorbed, as
        R's ``sandwich::vcovCL(type="HC1")``.
    robust : bool
        Without clusters: HC1, robust to unequal variances, instead of the classical ones.
    nested : int
        Area effects that lie within clusters and are not to be counted.
    treated : int, optional
        Treated clusters: with fewer than five, interval and p-value are withheld.
    """

    clusters: np.ndarray | None = None
    robust: bool = False
    nested: int = 0
    treated: int | None = None


def coefficient_table(
    params: np.ndarray,
    covariance: np.ndarray,
    names: Sequence[str],
    df: float = math.inf,
    level: float = 0.95,
) -> pd.DataFrame:
    """Columns estimate, se, low, high, p_value by term; t, or normal if `df` is infinite."""
    params = np.asarray(params, dtype=float)
    se = np.sqrt(np.maximum(np.diag(covariance), 0))  # rounding may take zero below it
    half = stats.t.ppf(0.5 + level / 2, df) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * stats.t.sf(np.abs(params / se), df)
    columns = {"estimate": params, "se": se, "low": params - half, "high": params + half}
    return pd.DataFrame(columns | {"p_value": p_value}, index=pd.Index(list(names), name="term"))


def met_exactly(residuals: np.ndarray, outcome: np.ndarray) -> bool:
    """Whether nothing but rounding is left of `outcome`, so that no error can be estimated."""
    least = max(ROUNDING * np.ptp(outcome), 1e-13 * np.abs(outcome).max())
    return bool(np.abs(residuals).max() <= least)


def few_clusters_warning(treated: int, total: int) -> str:
    """Why a cluster-robust test is withheld, or an empty string when there are clusters enough."""
    fewest = FEWEST_TREATED_CLUSTERS
    which, found = ("treated", treated) if treated < fewest else ("comparison", total - treated)
    if found >= fewest:
        return ""
    return (
        f"Interval and p-value are withheld: with {found} {which} "
        f"cluster{'' if found == 1 else 's'} a cluster-robust error is far too small, so it "
        f"would find effects that are not there (at least {fewest} are needed). Judge this "
        "estimate against placebo areas instead."
    )


CLASSICAL, ROBUST = "classical", "HC1"
MOST_CELLS = 300_000_000  # areas x periods beyond which the cross-table fits no small computer


def two_way_regression(
    frame: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    labels: tuple[str, str] = ("area_code", "period"),
    weights: str | None = None,
    errors: str = "",
    count_nested: bool = True,
    level: float = 0.95,
) -> Regression:
    """Least squares of `outcome` on `regressors`, with effects of area and period absorbed.

    With a group (near or far) for the area, a time (before or after) for the period and the
    product of the two among the regressors, this is difference-in-differences of two groups at two
    times: rows may be houses or people, other ones before than after.

    Parameters
    ----------
    frame : DataFrame
        Rows may be unbalanced, and several may share an area and a period. Rows with a missing
        value are left out.
    labels : pair of str
        Columns of area and period.
    weights : str, optional
        Column of weights above 0.
    errors : str
        "classical", "HC1" (robust to unequal variances), or the column of clusters; by default
        the area. Where a regressor leaves its median in fewer than five clusters, as the mark of a
        few treated ones does, interval and p-value are withheld.
    count_nested : bool
        Whether area effects count among the coefficients when areas lie within clusters: as they do
        where areas are dummies, and do not by default in Stata's xtreg and reghdfe and in fixest.

    Raises
    ------
    PanelError, ParameterError
        A column is missing, holds no numbers, or does not vary within areas and periods.
    """
    check_level(level)
    regressors = listed(regressors)
    cluster = errors or labels[0]
    clustered = cluster not in (CLASSICAL, ROBUST)
    numbers = [outcome, *regressors, *([weights] if weights else [])]
    groups = [*labels, *([cluster] if clustered else [])]
    need_columns(frame, [*groups, *numbers])
    columns = {name: frame[name] for name in groups}
    columns |= {name: as_numbers(frame[name]) for name in numbers}
    rows = pd.DataFrame(columns).dropna()
    if rows.empty:
        raise PanelError(f"No row has a value in all of {', '.join(map(str, numbers))}.")
    share = None if weights is None else rows[weights].to_numpy()
    if share is not None and (share <= 0).any():
        raise ParameterError(f"The weights in {weights!r} must be above 0.")
    areas, periods = (pd.factorize(rows[name])[0] for name in labels)
    columns = rows[regressors].to_numpy()
    kind = Errors(robust=cluster == ROBUST)
    if clustered:
        clusters = pd.factorize(rows[cluster])[0]
        few = min((_off_median(column, clusters) for column in columns.T), default=99)
        n_areas = int(areas.max()) + 1
        within = len(np.unique(np.column_stack([areas, clusters]), axis=0)) == n_areas
        nested = n_areas - 1 if within and not count_nested else 0
        kind = Errors(clusters, False, nested, few if few < FEWEST_TREATED_CLUSTERS else None)
    outcomes = rows[outcome].to_numpy()
    return two_way_fit(outcomes, columns, regressors, areas, periods, kind, share, level)


def two_way_fit(
    outcome: np.ndarray,
    columns: np.ndarray,
    names: Sequence[str],
    areas: np.ndarray,
    periods: np.ndarray,
    errors: Errors,
    weights: np.ndarray | None = None,
    level: float = 0.95,
) -> Regression:
    """The same from arrays: `outcome` (rows,), `columns` (rows, k), integer codes from 0."""
    left, rank = without_effects(np.column_stack([outcome, columns]), areas, periods, weights)
    demeaned, left = left[:, 0], left[:, 1:]
    if np.abs(demeaned).max() <= ROUNDING * np.ptp(outcome):
        demeaned = np.zeros(len(outcome))  # what is left is rounding, and no error to judge by
    gone = np.linalg.norm(left, axis=0) <= 1e-8 * np.linalg.norm(columns, axis=0)
    if gone.any():
        raise PanelError(
            f"{names[int(gone.argmax())]!r} does not vary once area and period effects are taken "
            "out, so its effect cannot be told from theirs: leave it out, or check which areas and "
            "periods it marks."
        )
    unit = left / np.linalg.norm(left, axis=0)
    if np.linalg.eigvalsh(unit.T @ unit)[0] < 1e-12:
        raise PanelError(
            f"The columns {', '.join(map(str, names))} say the same thing twice (they are "
            "collinear): leave one out."
        )
    model = OLS(demeaned, left) if weights is None else WLS(demeaned, left, weights)
    model.exog_names[:] = list(map(str, names))
    model.df_resid = len(outcome) - columns.shape[1] - rank
    if model.df_resid <= 0:
        raise PanelError(
            f"{len(outcome)} rows cannot support {columns.shape[1] + rank} coefficients "
            "and fixed effects. Use more periods, more areas or fewer covariates."
        )
    fit = model.fit()
    df, withheld, kind = model.df_resid, "", "nonrobust"
    covariance = fit.cov_params()
    if errors.clusters is not None:
        n_clusters, kind = int(errors.clusters.max()) + 1, "cluster"
        if n_clusters < 2:
            raise PanelError("All rows are in one cluster, so no error between clusters is known.")
        factor = n_clusters / (n_clusters - 1) * (fit.nobs - 1) / (fit.df_resid + errors.nested)
        plain = cov_cluster(fit, errors.clusters, use_correction=False)
        covariance, df = np.atleast_2d(plain) * factor, n_clusters - 1
        if errors.treated is not None:
            withheld = few_clusters_warning(errors.treated, n_clusters)
    elif errors.robust:
        covariance, kind = fit.cov_HC0 * fit.nobs / fit.df_resid, "HC1"
    own = fit._results  # statsmodels keeps the errors it prints there
    own.cov_params_default, own.cov_type, own.df_resid_inference = covariance, kind, df
    if not withheld and met_exactly(fit.resid, demeaned):
        withheld = NO_ERROR
    table = coefficient_table(fit.params, covariance, names, df, level)
    if withheld:
        table[["low", "high", "p_value"]] = math.nan
    return Regression(table, covariance, len(outcome), df, withheld, fit)


def _off_median(column: np.ndarray, clusters: np.ndarray) -> int:
    """Clusters in which a regressor leaves its median."""
    middle = np.partition(column, len(column) // 2)[len(column) // 2]
    return len(np.unique(clusters[column != middle]))


def without_effects(
    columns: np.ndarray, area: np.ndarray, period: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """`columns` (rows, k) less their area and period effects, and how many of these are
    independent, intercept included: areas + periods - connected parts.

    Area effects are eliminated and the period effects solved for in the small system that is left
    (the Schur complement of the normal equations), which is exact however unbalanced the panel and
    needs no iterations (Abowd, Creecy and Kramarz 2002 describe the system).

    Parameters
    ----------
    area, period : int arrays (rows,)
        Codes from 0 in which every code occurs; rows may be unbalanced and repeat a pair.
    weights : array (rows,) above 0, optional
    """
    n_areas, n_periods = int(area.max()) + 1, int(period.max()) + 1
    if n_areas < n_periods:  # the smaller set is solved for, the larger eliminated
        return without_effects(columns, period, area, weights)
    if n_areas * n_periods > MOST_CELLS:
        raise PanelError(
            f"{n_areas:,} areas by {n_periods:,} periods is too large a cross-table for two-way "
            "fixed effects. Use longer periods or fewer areas."
        )
    weights = np.ones(len(area)) if weights is None else weights
    cells = area.astype(np.int64) * n_periods + period
    table = np.bincount(cells, weights, n_areas * n_periods).reshape(n_areas, n_periods)
    totals = table.sum(axis=1, keepdims=True)
    schur = np.diag(table.sum(axis=0)) - table.T @ (table / totals)
    values, vectors = np.linalg.eigh(schur)
    kept = values > 1e-10 * max(values.max(), 1e-300)
    by_area, by_period = (
        sparse.csr_array((weights, (codes, np.arange(len(codes)))), (size, len(codes))) @ columns
        for codes, size in ((area, n_areas), (period, n_periods))
    )
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    period_effect = inverse @ (by_period - table.T @ (by_area / totals))
    area_effect = (by_area - table @ period_effect) / totals
    return columns - area_effect[area] - period_effect[period], n_areas + int(kept.sum())
