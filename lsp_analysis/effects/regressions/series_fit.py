"""Regressions of interrupted series: one by statsmodels, that of every placebo side by side."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from lsp_analysis.effects.parts import Inference
from lsp_analysis.effects.regressions import two_way
from lsp_analysis.errors import PanelError

FAMILIES = ("gaussian", "poisson", "quasi_poisson")
MOST_ROUNDS, SETTLED = 50, 1e-11  # of iteratively reweighted least squares


@dataclass(frozen=True)
class Stacked:
    """Series of the treated and of every placebo, under one design.

    Attributes
    ----------
    outcome : array (1 + B, rows)
        Beside a control series its rows follow the unit's own.
    people : array (1 + B, rows), optional
        People at risk, for counts.
    design : DataFrame (rows, k)
    terms : list of str
        Columns of the design that are the effect.
    time : int array (rows,)
        Calendar period of each row, from 1.
    """

    outcome: np.ndarray
    people: np.ndarray | None
    design: pd.DataFrame
    terms: list[str]
    time: np.ndarray

    @property
    def without(self) -> np.ndarray:
        """The design with the effect taken away; array (rows, k)."""
        return self.design.assign(**dict.fromkeys(self.terms, 0.0)).to_numpy(dtype=float)

    def effects(self, params: np.ndarray, covariance: np.ndarray, log: bool) -> Changes:
        """Mean effect after the start of some units, from their coefficients.

        For counts the log of the ratio of totals with and without the effect (delta method); with
        a change of level alone that is the coefficient itself.

        Parameters
        ----------
        params, covariance : arrays (units, k), (units, k, k)
        """
        x, x0 = self.design.to_numpy(dtype=float), self.without
        after = (x != x0).any(axis=1)
        if not log:
            without = params @ x0.T
            gradient = np.tile((x - x0)[after].mean(axis=0), (len(params), 1))
            estimates = (gradient * params).sum(axis=1)
        else:
            people = np.ones((len(params), len(x))) if self.people is None else self.people
            people = people[: len(params)]
            seen = people * np.exp(np.clip(params @ x.T, -700, 700))
            without = people * np.exp(np.clip(params @ x0.T, -700, 700))
            shares = [part[:, after] / part[:, after].sum(axis=1, keepdims=True)
                      for part in (seen, without)]  # fmt: skip
            gradient = shares[0] @ x[after] - shares[1] @ x0[after]
            estimates = np.log(seen[:, after].sum(axis=1) / without[:, after].sum(axis=1))
        variances = np.einsum("uk,ukl,ul->u", gradient, covariance, gradient)
        errors = np.sqrt(np.maximum(variances, 0.0))
        return Changes(estimates, errors, without[:, after].mean(axis=1), without)


@dataclass(frozen=True)
class Changes:
    """Effects of some units and their standard errors; logs of ratios for counts."""

    estimates: np.ndarray
    errors: np.ndarray
    expected: np.ndarray
    without: np.ndarray = field(repr=False)


def in_units(estimate: float, expected: float, found: Inference) -> tuple[float, Inference]:
    """A log ratio, and what may be said of it, as differences from what was expected."""
    with np.errstate(over="ignore"):  # an upper end without bound
        size, low, high = np.expm1([estimate, found.low, found.high]) * expected
    smallest = -math.expm1(-found.smallest_effect) * expected
    return float(size), replace(found, low=low, high=high, smallest_effect=smallest)


@dataclass(frozen=True)
class SeriesFit:
    """A series fitted by statsmodels.

    Attributes
    ----------
    coefficients : DataFrame
        Index term; columns estimate, se, low, high, p_value; log rate ratios for counts.
    dispersion : float
        Pearson's chi-squared over its degrees of freedom; residual variance for "gaussian".
    df : float
        Degrees of freedom of the t used for intervals; infinite for the normal.
    withheld : str
        Why there are no errors, intervals and p-values; empty when there are.
    """

    coefficients: pd.DataFrame
    covariance: np.ndarray = field(repr=False)
    dispersion: float
    df: float
    log: bool
    durbin_watson: float
    withheld: str = ""
    model: Any = field(default=None, repr=False)

    def changes(self, stacked: Stacked) -> Changes:
        """The mean effect after the start, with the regression's own error."""
        params = self.coefficients["estimate"].to_numpy()
        return stacked.effects(params[None], self.covariance[None], self.log)


def fit_series(stacked: Stacked, family: str, lags: int | None, level: float) -> SeriesFit:
    """Fit the treated unit's series, `family` being one of `FAMILIES`."""
    outcome, columns = stacked.outcome[0], stacked.design
    x, log = columns.to_numpy(dtype=float), family != "gaussian"
    if log:
        people = None if stacked.people is None else np.log(stacked.people[0])
        model = GLM(outcome, x, families.Poisson(), offset=people)
    else:
        model = OLS(outcome, x)
    model.exog_names[:] = list(columns)
    options: dict[str, Any] = {"tol": 1e-10, "tol_criterion": "params"} if log else {}
    if family == "quasi_poisson":
        options["scale"] = "X2"
    if lags is not None:
        kinds = {"maxlags": lags, "use_correction": True}
        paired = len(set(stacked.time)) < len(stacked.time)
        options |= {"cov_type": "hac-groupsum", "cov_kwds": kinds | {"time": stacked.time}} if (
            paired) else {"cov_type": "HAC", "cov_kwds": kinds}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            fit = model.fit(**options)
        except (ConvergenceWarning, np.linalg.LinAlgError) as error:
            raise PanelError(
                "The regression of the series did not converge. Use fewer terms, or longer periods."
            ) from error
    residuals = fit.resid_pearson if log else fit.resid
    exact = (
        (residuals**2).max() <= two_way.ROUNDING if log else two_way.met_exactly(residuals, outcome)
    )
    withheld = two_way.NO_ERROR if exact and (family != "poisson" or lags is not None) else ""
    covariance = np.asarray(fit.cov_params())
    if withheld:
        covariance = np.full_like(covariance, math.nan)
    df = math.inf if family == "poisson" else float(fit.df_resid)
    return SeriesFit(
        coefficients=two_way.coefficient_table(fit.params, covariance, list(columns), df, level),
        covariance=covariance,
        dispersion=float((residuals**2).sum() / fit.df_resid),
        df=df,
        log=log,
        durbin_watson=2.0
        if withheld
        else float(durbin_watson(residuals[: len(set(stacked.time))])),
        withheld=withheld,
        model=fit,
    )


def changes_of_many(stacked: Stacked, family: str) -> Changes:
    """Effects of the treated and every placebo, without Newey-West errors, all at once."""
    x, outcome = stacked.design.to_numpy(dtype=float), stacked.outcome
    df = len(x) - x.shape[1]
    if family == "gaussian":
        inverse = np.linalg.inv(x.T @ x)
        params = outcome @ x @ inverse
        scale = ((outcome - params @ x.T) ** 2).sum(axis=1) / df
        return stacked.effects(params, scale[:, None, None] * inverse, log=False)
    offset = 0.0 if stacked.people is None else np.log(stacked.people)
    means = np.maximum(outcome, 0.5)
    for _ in range(MOST_ROUNDS):
        eta = np.log(means)
        working = eta - offset + (outcome - means) / means
        gram = np.einsum("ur,rk,rl->ukl", means, x, x)
        right = (means * working) @ x
        params = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
        new = np.exp(np.clip(offset + params @ x.T, -30, 30))
        moved, means = np.abs(new / means - 1).max(), new
        if moved < SETTLED:
            break
    gram = np.einsum("ur,rk,rl->ukl", means, x, x)
    covariance = np.linalg.inv(gram)
    if family == "quasi_poisson":
        scale = ((outcome - means) ** 2 / means).sum(axis=1) / df
        covariance = covariance * scale[:, None, None]
    return stacked.effects(params, covariance, log=True)
