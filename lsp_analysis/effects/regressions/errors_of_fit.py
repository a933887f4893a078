"""Least squares through statsmodels, with standard errors that count what was absorbed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS, WLS
from statsmodels.stats.sandwich_covariance import cov_cluster

from lsp_analysis.errors import PanelError

FEWEST_TREATED_CLUSTERS = 5
"""With fewer treated clusters, cluster-robust tests reject too often (MacKinnon and Webb 2018)."""

ROUNDING = 1e-9
"""Residuals smaller than this, as a share of the outcome's range, are arithmetic and no error."""

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
    residuals: np.ndarray = field(repr=False, compare=False)
    n_rows: int
    df: float
    level: float = 0.95
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
    absorbed, nested : int
        Fixed effects taken out in advance, intercept included, and how many of them lie within
        clusters and are not to be counted.
    treated : int, optional
        Treated clusters: with fewer than five, interval and p-value are withheld.
    """

    clusters: np.ndarray | None = None
    robust: bool = False
    absorbed: int = 0
    nested: int = 0
    treated: int | None = None


def least_squares(
    outcome: np.ndarray,
    columns: np.ndarray,
    names: Sequence[str],
    errors: Errors,
    weights: np.ndarray | None = None,
    level: float = 0.95,
) -> Regression:
    """Regress `outcome` (rows,) on `columns` (rows, k)."""
    _check_not_collinear(columns, names)
    model = OLS(outcome, columns) if weights is None else WLS(outcome, columns, weights)
    model.exog_names[:] = list(map(str, names))
    model.df_resid = len(outcome) - columns.shape[1] - errors.absorbed
    if model.df_resid <= 0:
        raise PanelError(
            f"{len(outcome)} rows cannot support {columns.shape[1] + errors.absorbed} coefficients "
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
    if not withheld and met_exactly(fit.resid, outcome):
        withheld = NO_ERROR
    table = coefficient_table(fit.params, covariance, names, df, level)
    if withheld:
        table[["low", "high", "p_value"]] = math.nan
    return Regression(table, covariance, fit.resid, len(outcome), df, level, withheld, fit)


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
    if treated >= fewest and total - treated >= fewest:
        return ""
    which, found = ("treated", treated) if treated < fewest else ("comparison", total - treated)
    return (
        f"Interval and p-value are withheld: with {found} {which} "
        f"cluster{'' if found == 1 else 's'} a cluster-robust error is far too small, so it "
        f"would find effects that are not there (at least {fewest} are needed). Judge this "
        "estimate against placebo areas instead."
    )


def _check_not_collinear(columns: np.ndarray, names: Sequence[str]) -> None:
    """Raise PanelError when one column is all zero or a combination of the others."""
    lengths = np.linalg.norm(columns, axis=0)
    for name, length in zip(names, lengths, strict=True):
        if length == 0:
            raise PanelError(f"{name!r} is 0 in every row: leave it out.")
    unit = columns / lengths
    if np.linalg.eigvalsh(unit.T @ unit)[0] < 1e-12:
        raise PanelError(
            f"The columns {', '.join(map(str, names))} say the same thing twice (they are "
            "collinear): leave one out."
        )
