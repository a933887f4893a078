"""Regression of a series: normal, Poisson, overdispersed Poisson or negative binomial."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize_scalar
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from lsp_analysis.effects.regressions.least_squares import (
    NO_ERROR,
    ROUNDING,
    coefficient_table,
    met_exactly,
)
from lsp_analysis.errors import PanelError, ParameterError

FAMILIES = ("gaussian", "poisson", "quasi_poisson", "negative_binomial")


@dataclass(frozen=True)
class SeriesFit:
    """A fitted series.

    Attributes
    ----------
    coefficients : DataFrame
        Index term; columns estimate, se, low, high, p_value; log rate ratios unless `family` is
        "gaussian".
    dispersion : float
        Pearson's chi-squared over its degrees of freedom (the residual variance for "gaussian").
    df : float
        Degrees of freedom of the t used for intervals; infinite for the normal.
    withheld : str
        Why there are no errors, intervals and p-values; empty when there are.
    """

    family: str
    coefficients: pd.DataFrame
    covariance: np.ndarray = field(repr=False, compare=False)
    fitted: np.ndarray = field(repr=False, compare=False)
    dispersion: float
    df: float
    durbin_watson: float
    withheld: str = ""

    @property
    def is_log(self) -> bool:
        """Whether coefficients are log ratios."""
        return self.family != "gaussian"


def fit_series(
    outcome: np.ndarray,
    columns: pd.DataFrame,
    *,
    family: str,
    population: np.ndarray | None = None,
    newey_west: int | None = None,
    small_sample: bool = False,
    time: np.ndarray | None = None,
    use_t: bool | None = None,
    level: float = 0.95,
) -> SeriesFit:
    """Fit `outcome` (n,) on `columns` (n, k).

    Parameters
    ----------
    family : "gaussian", "poisson", "quasi_poisson" or "negative_binomial"
        "quasi_poisson" multiplies the Poisson variance by Pearson's chi-squared over its degrees of
        freedom; "negative_binomial" estimates the extra variance by maximum likelihood and then
        takes it as given.
    population : array (n,), optional
        People at risk: enters as an offset, so that rates are modelled. Not for "gaussian".
    newey_west : int, optional
        Lags over which residuals may be correlated (Newey and West 1987: Bartlett weights). With
        several rows per period, their scores are added up first (Driscoll and Kraay 1998).
    small_sample : bool
        Whether to multiply the Newey-West variance by n / (n - k), as Stata does and R and
        statsmodels do not unless asked.
    time : array (n,), optional
        Period of each row, for series side by side.
    use_t : bool, optional
        Student's t for intervals; if left out, yes where a variance is estimated.
    """
    _check(outcome, columns, family, population)
    if newey_west is not None:
        _check_lags(newey_west, len(outcome) if time is None else len(np.unique(time)))
    offset = None if population is None else np.log(population)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model = _model(outcome, columns.to_numpy(dtype=float), family, offset)
            fit = model.fit(**_options(family, newey_west, small_sample, time))
        except (ConvergenceWarning, np.linalg.LinAlgError) as error:
            raise PanelError(
                f"The {family} regression of the series did not settle. Use fewer terms, or "
                'family="quasi_poisson".'
            ) from error
    if use_t is None:
        use_t = family in ("gaussian", "quasi_poisson")
    df = float(fit.df_resid) if use_t else math.inf
    covariance = np.asarray(fit.cov_params())
    residuals = fit.resid_pearson if family != "gaussian" else fit.resid
    withheld = ""
    if family in ("gaussian", "quasi_poisson") or newey_west is not None:
        withheld = _no_error(family, residuals, outcome)
    if withheld:
        covariance = np.full_like(covariance, math.nan)
    return SeriesFit(
        family=family,
        coefficients=coefficient_table(fit.params, covariance, list(columns), df, level),
        covariance=covariance,
        fitted=np.asarray(fit.fittedvalues),
        dispersion=float((residuals**2).sum() / fit.df_resid),
        df=df,
        durbin_watson=float(durbin_watson(residuals)),
        withheld=withheld,
    )


def _no_error(family: str, residuals: np.ndarray, outcome: np.ndarray) -> str:
    """Why no error can be estimated from the residuals (Pearson's for counts); empty if it can."""
    if family == "gaussian":
        return NO_ERROR if met_exactly(residuals, outcome) else ""
    return NO_ERROR if (residuals**2).max() <= ROUNDING else ""


def _model(outcome: np.ndarray, columns: np.ndarray, family: str, offset: np.ndarray | None) -> Any:
    if family == "gaussian":
        return OLS(outcome, columns)
    if family == "negative_binomial":
        alpha = _extra_variance(outcome, columns, offset)
        return GLM(outcome, columns, families.NegativeBinomial(alpha=alpha), offset=offset)
    return GLM(outcome, columns, families.Poisson(), offset=offset)


def _options(
    family: str, newey_west: int | None, small_sample: bool, time: np.ndarray | None
) -> dict[str, Any]:
    options: dict[str, Any] = {"scale": "X2"} if family == "quasi_poisson" else {}
    if newey_west is None:
        return options
    kwds: dict[str, Any] = {"maxlags": newey_west, "use_correction": small_sample}
    if time is None:
        return options | {"cov_type": "HAC", "cov_kwds": kwds}
    return options | {"cov_type": "hac-groupsum", "cov_kwds": kwds | {"time": time}}


def _extra_variance(outcome: np.ndarray, columns: np.ndarray, offset: np.ndarray | None) -> float:
    """Alpha of a variance of mean + alpha x mean squared, by maximum likelihood; above 0."""

    def misfit(log_alpha: float) -> float:
        family = families.NegativeBinomial(alpha=math.exp(log_alpha))
        return -GLM(outcome, columns, family, offset=offset).fit().llf

    lowest, highest = math.log(1e-8), math.log(50.0)
    return math.exp(minimize_scalar(misfit, bounds=(lowest, highest), method="bounded").x)


def _check(
    outcome: np.ndarray, columns: pd.DataFrame, family: str, population: np.ndarray | None
) -> None:
    if family not in FAMILIES:
        raise ParameterError(f"family={family!r} is not known: use {', '.join(FAMILIES)}.")
    if family == "gaussian" and population is not None:
        raise ParameterError(
            'population goes with counts: use family="quasi_poisson", or divide by it beforehand.'
        )
    if population is not None and (population <= 0).any():
        raise PanelError("The population must be above 0 in every period.")
    if family != "gaussian" and (outcome < 0).any():
        raise PanelError(f"The outcome has {int((outcome < 0).sum())} negative counts.")
    n, k = columns.shape
    if n <= k:
        raise PanelError(
            f"{n} periods cannot support the {k} terms {', '.join(columns)}: use fewer terms, or a "
            "longer series before and after the start."
        )
    if np.linalg.matrix_rank(columns.to_numpy(dtype=float)) < k:
        raise PanelError(
            f"Over these {n} periods one of the terms {', '.join(columns)} is a combination of the "
            "others: leave it out, or use a longer series before and after the start."
        )


def _check_lags(lags: int, n_periods: int) -> None:
    if not isinstance(lags, int | np.integer) or not 0 <= lags <= n_periods // 2:
        raise ParameterError(
            f"newey_west={lags!r} must be a whole number of lags from 0 to {n_periods // 2}, half "
            f"the {n_periods} periods."
        )


def check_events(outcome: np.ndarray, after: np.ndarray, family: str, whose: str = "") -> None:
    """Raise PanelError when counts are all 0 before the start or from it on.

    Parameters
    ----------
    after : bool array, rows from the start on
    whose : the areas, in words, where there are several series
    """
    if family == "gaussian":
        return
    for rows, when, ratio in ((~after, "before", "has no bound"), (after, "from", "is nil")):
        if not outcome[rows].any():
            raise PanelError(
                f"There are no events {when} the start{whose}, so their rate ratio {ratio} and no "
                "standard error means anything. Use longer periods, or an exact test of the counts."
            )


def critical_value(df: float, level: float) -> float:
    """Half-width of an interval in standard errors."""
    return float(stats.t.ppf(0.5 + level / 2, df))
