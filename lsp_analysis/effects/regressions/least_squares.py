"""Least squares through statsmodels, with standard errors that count what was absorbed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS, WLS
from statsmodels.stats.sandwich_covariance import cov_cluster

from lsp_analysis.errors import PanelError, ParameterError

FEWEST_TREATED_CLUSTERS = 5
"""With fewer treated clusters, cluster-robust tests reject too often (MacKinnon and Webb 2018)."""

VCOVS = ("classical", "HC1", "HC3", "cluster")

ROUNDING = 1e-9
"""Residuals smaller than this, as a share of the outcome's range, are arithmetic and no error."""

FINEST = 1e-13
"""The same as a share of the outcome itself: what is left where it is one number throughout."""

NO_ERROR = (
    "Interval and p-value are withheld: every value is met exactly, so the data hold no error to "
    "judge the effect by. Check that the outcome was observed and not worked out."
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
    absorbed : int
        Fixed effects taken out beforehand, intercept included; counted as coefficients in every
        error.
    """

    coefficients: pd.DataFrame
    covariance: pd.DataFrame = field(repr=False, compare=False)
    residuals: np.ndarray = field(repr=False, compare=False)
    vcov: str
    n_rows: int
    df: float
    absorbed: int = 0
    n_clusters: int = 0
    n_treated_clusters: int = 0
    level: float = 0.95
    withheld: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """One tidy row per coefficient."""
        return self.coefficients.copy()

    def detectable(self, term: str) -> float:
        """Size of the coefficient that would be found with 80% power; missing where withheld."""
        if self.withheld:
            return math.nan
        se = float(self.coefficients.loc[term, "se"])
        return se * float(stats.t.ppf(0.5 + self.level / 2, self.df) + stats.t.ppf(0.8, self.df))


def least_squares(
    outcome: np.ndarray,
    columns: np.ndarray,
    names: Sequence[str],
    *,
    absorbed: int = 0,
    nested: int = 0,
    weights: np.ndarray | None = None,
    vcov: str = "cluster",
    clusters: np.ndarray | None = None,
    treated_clusters: int | None = None,
    level: float = 0.95,
) -> Regression:
    """Regress `outcome` (n,) on `columns` (n, k) from which `absorbed` effects were taken out.

    Parameters
    ----------
    nested : int
        How many of the `absorbed` effects lie within clusters and are not to be counted in k.
    vcov : "classical", "HC1", "HC3" or "cluster"
        "cluster" is the sandwich with factor G/(G-1) x (n-1)/(n-k), k counting what was absorbed,
        as R's ``sandwich::vcovCL(type="HC1")``. "HC3" needs leverages, so nothing may have been
        absorbed.
    clusters : n labels
        Needed by "cluster"; for a panel the areas (Bertrand, Duflo and Mullainathan 2004).
    treated_clusters : int, optional
        How many clusters are treated: below five, interval and p-value are withheld.
    """
    _check_vcov(vcov, clusters, absorbed)
    check_not_collinear(columns, names)
    if weights is not None and not (weights > 0).all():
        raise ParameterError("Weights must be above 0 in every row.")
    model = OLS(outcome, columns) if weights is None else WLS(outcome, columns, weights)
    model.df_resid = len(outcome) - columns.shape[1] - absorbed
    if model.df_resid <= 0:
        raise PanelError(
            f"{len(outcome)} rows cannot support {columns.shape[1] + absorbed} coefficients and "
            "fixed effects. Use more periods, more areas or fewer covariates."
        )
    fit = model.fit()
    codes, n_clusters = cluster_codes(clusters) if vcov == "cluster" else (None, 0)
    covariance = _covariance(fit, vcov, codes, n_clusters, nested)
    df = n_clusters - 1 if vcov == "cluster" else model.df_resid
    withheld = ""
    if vcov == "cluster" and treated_clusters is not None:
        withheld = few_clusters_warning(treated_clusters, n_clusters)
    if not withheld and met_exactly(fit.resid, outcome):
        withheld = NO_ERROR
    return Regression(
        coefficient_table(fit.params, covariance, names, df, level, withheld=bool(withheld)),
        pd.DataFrame(covariance, index=list(names), columns=list(names)),
        fit.resid,
        vcov,
        len(outcome),
        df,
        absorbed,
        n_clusters,
        treated_clusters or 0,
        level,
        withheld,
    )


def coefficient_table(
    params: np.ndarray,
    covariance: np.ndarray,
    names: Sequence[str],
    df: float = math.inf,
    level: float = 0.95,
    withheld: bool = False,
) -> pd.DataFrame:
    """Columns estimate, se, low, high, p_value by term; t, or normal if `df` is infinite."""
    params = np.asarray(params, dtype=float)
    se = np.sqrt(np.maximum(np.diag(covariance), 0))  # rounding may take nought below it
    half = stats.t.ppf(0.5 + level / 2, df) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * stats.t.sf(np.abs(params / se), df)
    table = pd.DataFrame(
        {
            "estimate": params,
            "se": se,
            "low": params - half,
            "high": params + half,
            "p_value": p_value,
        },
        index=pd.Index(list(names), name="term"),
    )
    if withheld:
        table[["low", "high", "p_value"]] = math.nan
    return table


def met_exactly(residuals: np.ndarray, outcome: np.ndarray) -> bool:
    """Whether nothing but rounding is left of `outcome`, so that no error can be estimated."""
    least = max(ROUNDING * np.ptp(outcome), FINEST * np.abs(outcome).max())
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


def _covariance(
    fit, vcov: str, codes: np.ndarray | None, n_clusters: int, nested: int
) -> np.ndarray:
    if vcov == "classical":
        return fit.cov_params()
    if vcov == "HC3":
        return fit.cov_HC3
    if vcov == "HC1":
        return fit.cov_HC0 * fit.nobs / fit.df_resid
    factor = n_clusters / (n_clusters - 1) * (fit.nobs - 1) / (fit.df_resid + nested)
    return np.atleast_2d(cov_cluster(fit, codes, use_correction=False)) * factor


def _check_vcov(vcov: str, clusters: np.ndarray | None, absorbed: int) -> None:
    if vcov not in VCOVS:
        raise ParameterError(f"vcov={vcov!r} is not known: use one of {', '.join(VCOVS)}.")
    if vcov == "cluster" and clusters is None:
        raise ParameterError('vcov="cluster" needs the name of the column that holds the clusters.')
    if vcov == "HC3" and absorbed:
        raise ParameterError(
            'vcov="HC3" is not available after fixed effects are absorbed: use "HC1".'
        )


def check_not_collinear(columns: np.ndarray, names: Sequence[str]) -> None:
    """Raise PanelError when one column is nothing or a combination of the others."""
    sizes = np.linalg.norm(columns, axis=0)
    for name, size in zip(names, sizes, strict=True):
        if size == 0:
            raise PanelError(f"{name!r} is 0 in every row: leave it out.")
    unit = columns / sizes
    if np.linalg.eigvalsh(unit.T @ unit)[0] < 1e-12:
        raise PanelError(
            f"The columns {', '.join(map(str, names))} say the same thing twice (they are "
            "collinear): leave one out."
        )


def cluster_codes(clusters: pd.Series | np.ndarray) -> tuple[np.ndarray, int]:
    """Whole-number codes of the clusters and how many there are; PanelError if only one."""
    codes, labels = pd.factorize(clusters)
    if len(labels) < 2:
        raise PanelError(
            "All rows are in one cluster, so no error can be estimated between clusters."
        )
    return codes, len(labels)
