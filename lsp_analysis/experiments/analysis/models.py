"""The same comparison by the usual models, side by side: OLS, GLM, GEE and a mixed model.

Every model's effect is given as a difference in the units of the outcome: the mean that it predicts
with the programme everywhere less the mean without (standardisation over the units there are), with
the delta method and Student's t with as many degrees of freedom as there are clusters to spare.
They stand beside the randomisation test, which is the registered analysis.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from lsp_analysis.errors import LspError
from lsp_analysis.experiments.analysis.trial import Trial
from lsp_analysis.experiments.protocol.design import Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

NAMES = {
    "ols": "Regression on cluster values (OLS)",
    "glm": "Generalised linear model, overdispersed (GLM)",
    "gee": "Generalised estimating equations, exchangeable (GEE)",
    "mixed": "Mixed model, a level per cluster (REML)",
}
ROUNDING = 1e-9  # standard errors this small beside the estimate are arithmetic and no error
COLUMNS = ["model", "estimate", "low", "high", "p_value", "clusters", "rows", "note"]


@dataclass(frozen=True)
class ModelData:
    """Rows of a comparison as matrices.

    Attributes
    ----------
    counts : array
        The outcome, or its numerator where it has a denominator.
    base : array
        Denominators; ones where there are none.
    terms : array, rows x terms
        Constant, exposure, then what is adjusted for.
    cluster : array of int
        Position of each row's unit.
    is_ratio, is_share : bool
        Whether the outcome has a denominator, and whether numerators never exceed it.
    """

    counts: np.ndarray
    base: np.ndarray
    terms: np.ndarray
    cluster: np.ndarray
    multiplier: float
    is_ratio: bool
    is_share: bool
    by_people: bool

    @property
    def outcome(self) -> np.ndarray:
        """Outcome per row, in its units."""
        return self.multiplier * self.counts / self.base

    @property
    def weights(self) -> np.ndarray:
        """Weight of each row in a mean over clusters, or over people."""
        if self.by_people:
            return self.base
        return 1 / np.bincount(self.cluster)[self.cluster]

    @property
    def df(self) -> int:
        """Clusters to spare."""
        return len(np.unique(self.cluster)) - self.terms.shape[1]


def fit_models(trial: Trial, outcome: Outcome, arm: int = 1) -> pd.DataFrame:
    """The models that the design asks for, one row each.

    Returns
    -------
    DataFrame with ``model``, ``estimate``, ``low``, ``high``, ``p_value``, ``clusters``, ``rows``
    and ``note``: why there is no estimate, where there is none.
    """
    data = model_data(trial, outcome, arm)
    level = trial.design.analysis.level
    rows = [_row(name, data, level) for name in trial.design.analysis.models]
    return pd.DataFrame(rows, columns=COLUMNS)


def model_data(trial: Trial, outcome: Outcome, arm: int) -> ModelData:
    """Rows with a value of the two arms, or of all periods of a wedge."""
    how = trial.design.randomisation
    place = {unit: position for position, unit in enumerate(trial.scheme.units)}
    rows = trial.rows.assign(cluster=trial.rows["unit"].map(place))
    counts = pd.to_numeric(rows[outcome.name])
    base = pd.to_numeric(rows[outcome.denominator]) if outcome.denominator else counts * 0 + 1.0
    used = (counts.notna() & (base > 0)).to_numpy()
    cluster = rows["cluster"].to_numpy()
    if trial.design.is_wedge:
        period = rows["period"].map({p: i for i, p in enumerate(how.periods)}).to_numpy()
        exposure = (period >= trial.drawn[cluster] + 1).astype(float)
        adjust = (period[:, None] == np.arange(1, len(how.periods))).astype(float)
    else:
        used = used & np.isin(trial.drawn[cluster], (0, arm))
        exposure = (trial.drawn[cluster] == arm).astype(float)
        adjust = _adjustments(trial, outcome, cluster[used])[cluster]
    terms = np.column_stack([np.ones(len(rows)), exposure, adjust])[used]
    return ModelData(
        counts.to_numpy(float)[used],
        base.to_numpy(float)[used],
        terms,
        pd.factorize(cluster[used])[0],
        outcome.multiplier if outcome.denominator else 1.0,
        bool(outcome.denominator),
        bool((counts[used] <= base[used]).all() and outcome.unit == "percent"),
        trial.design.estimand.summary == "people",
    )


def _adjustments(trial: Trial, outcome: Outcome, clusters: np.ndarray) -> np.ndarray:
    """Covariates and blocks by unit; standardised, so that models converge."""
    covariates, _ = covariate_table(trial.units, outcome, trial.design.analysis.covariates)
    spread = covariates.std(axis=0)
    covariates = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)
    kinds = np.unique(trial.scheme.blocks[np.unique(clusters)])
    return np.column_stack([covariates, trial.scheme.blocks[:, None] == kinds[None, 1:]]).astype(
        float
    )


def _row(name: str, data: ModelData, level: float) -> tuple:
    """One model's row; a model that cannot be fitted says why."""
    counts = (len(np.unique(data.cluster)), len(data.counts))
    nothing = (NAMES[name], math.nan, math.nan, math.nan, math.nan, *counts)
    if data.df < 1:
        return (*nothing, "more is adjusted for than there are clusters")
    if name in ("gee", "mixed") and counts[0] == counts[1]:
        return (*nothing, "needs several rows per cluster")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimate, error = FITS[name](data)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError, LspError) as problem:
        return (*nothing, f"could not be fitted: {problem}")
    if not math.isfinite(error) or error <= 0:
        return (*nothing, "did not converge")
    if error <= ROUNDING * abs(estimate):
        return (*nothing, "meets every value exactly, so it has no error")
    reach = t.isf((1 - level) / 2, data.df) * error
    p_value = float(2 * t.sf(abs(estimate / error), data.df))
    return (NAMES[name], estimate, estimate - reach, estimate + reach, p_value, *counts, "")


def _fit_ols(data: ModelData) -> tuple[float, float]:
    """Least squares on one value per cluster (and kind of row, in a wedge cluster-robust)."""
    import statsmodels.api as sm

    if len(np.unique(data.cluster)) == len(data.counts):
        weights = data.weights
        fit = sm.WLS(data.outcome, data.terms, weights=weights).fit()
        return float(fit.params[1]), float(fit.bse[1])
    fit = sm.WLS(data.outcome, data.terms, weights=data.weights).fit(
        cov_type="cluster", cov_kwds={"groups": data.cluster}
    )
    return float(fit.params[1]), float(fit.bse[1])


def _fit_glm(data: ModelData) -> tuple[float, float]:
    """Binomial or Poisson with dispersion estimated (by cluster where there are several rows)."""
    import statsmodels.api as sm

    family, endog, offset = _family(data)
    model = sm.GLM(endog, data.terms, family=family, offset=offset)
    if len(np.unique(data.cluster)) == len(data.counts):
        fit = model.fit(scale="X2")
    else:
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": data.cluster})
    return _standardised(data, fit.params, fit.cov_params(), family)


def _fit_gee(data: ModelData) -> tuple[float, float]:
    """Exchangeable working correlation, errors after Mancl and DeRouen (2001)."""
    import statsmodels.api as sm

    family, endog, offset = _family(data, single=True)
    model = sm.GEE(
        endog,
        data.terms,
        groups=data.cluster,
        family=family,
        cov_struct=sm.cov_struct.Exchangeable(),
        offset=offset,
    )
    fit = model.fit(cov_type="bias_reduced")
    return _standardised(data, fit.params, fit.cov_params(), family)


def _fit_mixed(data: ModelData) -> tuple[float, float]:
    """A random level per cluster, by restricted maximum likelihood."""
    import statsmodels.api as sm

    fit = sm.MixedLM(data.outcome, data.terms, groups=data.cluster).fit(reml=True)
    return float(fit.fe_params[1]), float(fit.bse_fe[1])


def _family(data: ModelData, *, single: bool = False) -> tuple:
    """Family, outcome and offset: shares are binomial, other ratios Poisson, means normal."""
    import statsmodels.api as sm

    if not data.is_ratio:
        return sm.families.Gaussian(), data.outcome, None
    if data.is_share and not single:
        return sm.families.Binomial(), np.column_stack([data.counts, data.base - data.counts]), None
    return sm.families.Poisson(), data.counts, np.log(data.base)


def _standardised(
    data: ModelData, params: np.ndarray, covariance: np.ndarray, family: object
) -> tuple[float, float]:
    """Mean difference that the model predicts, and its standard error by the delta method."""
    weights = data.weights / data.weights.sum()
    means, slopes = [], []
    for exposure in (1.0, 0.0):
        terms = data.terms.copy()
        terms[:, 1] = exposure
        linear = terms @ params
        means.append(weights @ family.link.inverse(linear))
        slopes.append((weights * family.link.inverse_deriv(linear)) @ terms)
    gradient = slopes[0] - slopes[1]
    error = math.sqrt(float(gradient @ covariance @ gradient))
    scale = data.multiplier
    return float(scale * (means[0] - means[1])), scale * error


FITS: dict[str, Callable[[ModelData], tuple[float, float]]] = {
    "ols": _fit_ols,
    "glm": _fit_glm,
    "gee": _fit_gee,
    "mixed": _fit_mixed,
}
