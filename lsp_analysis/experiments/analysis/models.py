"""The same comparison by the usual models, side by side: OLS, GLM, GEE and a mixed model.

Every model's effect is given as a difference in the units of the outcome: the mean that it predicts
with the programme everywhere less the mean without (standardisation over the units there are).
Standard errors have a small-sample correction: CR2 with Satterthwaite's degrees of freedom for OLS
(Bell and McCaffrey 2002; Pustejovsky and Tipton 2018; HC2 where each unit is one row), Mancl and
DeRouen's (2001) for GLM and GEE, restricted likelihood for the mixed model, with Student's t. They
stand beside the randomisation test, which is the registered analysis.
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
from lsp_analysis.experiments.protocol.design import Comparison, Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

NAMES = {
    "ols": "Regression (OLS, CR2)",
    "glm": "Generalised linear model (GLM)",
    "gee": "Generalised estimating equations, exchangeable (GEE)",
    "mixed": "Mixed model, a level per unit (REML)",
}
ROUNDING = 1e-9  # standard errors this small beside the estimate are rounding error
COLUMNS = ["model", "estimate", "low", "high", "p_value", "clusters", "rows", "note"]


@dataclass(frozen=True)
class RobustFit:
    """Least squares with a small-sample cluster-robust covariance (CR2).

    Attributes
    ----------
    params : array, one per term
    covariance : array, terms x terms
    df : array, one per term
        Satterthwaite's degrees of freedom for its t-test.
    """

    params: np.ndarray
    covariance: np.ndarray
    df: np.ndarray


def robust_fit(
    terms: np.ndarray, outcome: np.ndarray, cluster: np.ndarray, absorbed: np.ndarray | None = None
) -> RobustFit:
    """CR2 after Bell and McCaffrey; for clusters of one row it is HC2.

    Parameters
    ----------
    terms : array, rows x terms
    outcome : array, one per row
    cluster : array, one per row
    absorbed : array, rows x columns, optional
        Orthonormal columns already taken out of `terms` and `outcome`.
    """
    inverse = np.linalg.pinv(terms.T @ terms)
    params = inverse @ (terms.T @ outcome)
    left = outcome - terms @ params
    own = _orthonormal(terms)
    basis = own if absorbed is None else np.column_stack([absorbed, own])
    directions = terms @ inverse
    groups = [np.flatnonzero(cluster == one) for one in np.unique(cluster)]
    scores, lengths, projected = [], [], []
    for here in groups:
        values, vectors = np.linalg.eigh(np.eye(len(here)) - basis[here] @ basis[here].T)
        power = np.where(values > 1e-9, 1 / np.sqrt(np.where(values > 1e-9, values, 1.0)), 0.0)
        adjusted = (vectors * power) @ (vectors.T @ directions[here])
        scores.append(adjusted.T @ left[here])
        lengths.append((adjusted**2).sum(axis=0))
        projected.append(basis[here].T @ adjusted)
    scores, lengths, projected = np.array(scores), np.array(lengths), np.array(projected)
    df = []
    for k in range(terms.shape[1]):
        joint = np.diag(lengths[:, k]) - projected[:, :, k] @ projected[:, :, k].T
        total = (joint**2).sum()
        df.append(np.trace(joint) ** 2 / total if total > 0 else math.nan)
    return RobustFit(params, scores.T @ scores, np.array(df))


def t_test(fit: RobustFit, term: int, level: float) -> tuple[float, float, float, float]:
    """Estimate, interval and p-value of one term."""
    estimate, df = float(fit.params[term]), float(fit.df[term])
    error = math.sqrt(max(0.0, float(fit.covariance[term, term])))
    if not (error > 0 and df > 0):
        return estimate, math.nan, math.nan, math.nan
    reach = float(t.isf((1 - level) / 2, df)) * error
    return estimate, estimate - reach, estimate + reach, float(2 * t.sf(abs(estimate) / error, df))


def _orthonormal(terms: np.ndarray) -> np.ndarray:
    left, sizes, _ = np.linalg.svd(terms, full_matrices=False)
    return left[:, sizes > 1e-10 * sizes.max(initial=0.0)]


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
    is_ratio : bool
        Whether the outcome has a denominator.
    """

    counts: np.ndarray
    base: np.ndarray
    terms: np.ndarray
    cluster: np.ndarray
    multiplier: float
    is_ratio: bool
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


def fit_models(trial: Trial, outcome: Outcome, number: int = 1) -> pd.DataFrame:
    """The models that the design asks for, one row each, for comparison `number` (from 1).

    Returns
    -------
    DataFrame with ``model``, ``estimate``, ``low``, ``high``, ``p_value``, ``clusters``, ``rows``
    and ``note``: why there is no estimate, where there is none.
    """
    data = model_data(trial, outcome, trial.design.comparisons()[number - 1])
    level = trial.design.analysis.level
    rows = [_row(name, data, level) for name in trial.design.analysis.models]
    return pd.DataFrame(rows, columns=COLUMNS)


def model_data(trial: Trial, outcome: Outcome, one: Comparison) -> ModelData:
    """Rows with a value of the arms compared, or of all periods of a wedge."""
    how = trial.design.randomisation
    place = {unit: position for position, unit in enumerate(trial.scheme.units)}
    rows = trial.rows.assign(cluster=trial.rows["unit"].map(place))
    counts = pd.to_numeric(rows[outcome.name])
    base = pd.to_numeric(rows[outcome.denominator]) if outcome.denominator else counts * 0 + 1.0
    cluster = rows["cluster"].to_numpy()
    group = trial.scheme.group_of(trial.drawn, one.groups)
    used = (counts.notna() & (base > 0)).to_numpy() & (group[cluster] >= 0)
    adjust = _adjustments(trial, outcome, group, cluster[used])[cluster]
    if trial.design.is_wedge:
        period = rows["period"].map({p: i for i, p in enumerate(how.periods)}).to_numpy()
        exposure = (period >= trial.drawn[cluster] + 1).astype(float)
        periods = (period[:, None] == np.arange(1, len(how.periods))).astype(float)
        adjust = np.column_stack([periods, adjust])
    else:
        exposure = np.isin(trial.drawn[cluster], one.treated).astype(float)
    terms = np.column_stack([np.ones(len(rows)), exposure, adjust])[used]
    return ModelData(
        counts.to_numpy(float)[used],
        base.to_numpy(float)[used],
        terms,
        pd.factorize(cluster[used])[0],
        outcome.multiplier if outcome.denominator else 1.0,
        bool(outcome.denominator),
        trial.design.estimand.summary == "people",
    )


def _adjustments(
    trial: Trial, outcome: Outcome, group: np.ndarray, clusters: np.ndarray
) -> np.ndarray:
    """Covariates, blocks and groups of arms by unit; standardised, so that models converge."""
    covariates, _ = covariate_table(trial.units, outcome, trial.design.analysis.covariates)
    spread = covariates.std(axis=0)
    columns = [(covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)]
    for labels in (trial.scheme.blocks, group):
        kinds = np.unique(labels[np.unique(clusters)])
        columns.append(labels[:, None] == kinds[None, 1:])
    return np.column_stack(columns).astype(float)


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
            estimate, error, df = FITS[name](data)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError, LspError) as problem:
        return (*nothing, f"could not be fitted: {problem}")
    if not (math.isfinite(error) and error > 0 and df > 0):
        return (*nothing, "did not converge")
    if error <= ROUNDING * abs(estimate):
        return (*nothing, "fits every value exactly, so it has no standard error")
    reach = t.isf((1 - level) / 2, df) * error
    p_value = float(2 * t.sf(abs(estimate / error), df))
    return (NAMES[name], estimate, estimate - reach, estimate + reach, p_value, *counts, "")


def _fit_ols(data: ModelData) -> tuple[float, float, float]:
    """Weighted least squares, errors by CR2 over clusters."""
    root = np.sqrt(data.weights / data.weights.mean())
    fit = robust_fit(data.terms * root[:, None], data.outcome * root, data.cluster)
    return float(fit.params[1]), math.sqrt(float(fit.covariance[1, 1])), float(fit.df[1])


def _fit_glm(data: ModelData) -> tuple[float, float, float]:
    """Poisson for ratios (shares too, Zou 2004), normal for means; rows taken as independent."""
    import statsmodels.api as sm

    return _equations(data, sm.cov_struct.Independence())


def _fit_gee(data: ModelData) -> tuple[float, float, float]:
    """The same with an exchangeable working correlation within clusters."""
    import statsmodels.api as sm

    return _equations(data, sm.cov_struct.Exchangeable())


def _equations(data: ModelData, structure: object) -> tuple[float, float, float]:
    import statsmodels.api as sm

    family = sm.families.Poisson() if data.is_ratio else sm.families.Gaussian()
    model = sm.GEE(
        data.counts,
        data.terms,
        groups=data.cluster,
        family=family,
        cov_struct=structure,
        offset=np.log(data.base) if data.is_ratio else None,
    )
    fit = model.fit(cov_type="bias_reduced")
    return (*_standardised(data, fit.params, fit.cov_params(), family), data.df)


def _fit_mixed(data: ModelData) -> tuple[float, float, float]:
    """A random level per cluster, by restricted maximum likelihood."""
    import statsmodels.api as sm

    fit = sm.MixedLM(data.outcome, data.terms, groups=data.cluster).fit(reml=True)
    return float(fit.fe_params[1]), float(fit.bse_fe[1]), data.df


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


FITS: dict[str, Callable[[ModelData], tuple[float, float, float]]] = {
    "ols": _fit_ols,
    "glm": _fit_glm,
    "gee": _fit_gee,
    "mixed": _fit_mixed,
}
