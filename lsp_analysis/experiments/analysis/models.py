"""The same comparison by the usual models, side by side: OLS, GLM, GEE and a mixed model.

Every model's effect is given as a difference in the units of the outcome: the mean that it predicts
with the programme everywhere less the mean without (standardisation over the units there are).
Models have no interval and no p-value: with few clusters theirs do not hold in blocked or
constrained draws, or with people in clusters. Both are the registered randomisation test's alone.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from lsp_analysis.errors import LspError
from lsp_analysis.experiments.analysis.trial import Trial, dummies, row_values
from lsp_analysis.experiments.protocol.design import Comparison, Design, Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

COLUMNS = ["model", "estimate", "clusters", "rows", "note"]


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
    factor : float
        The outcome is this many times counts over base.
    weights : array
        Weight of each row in a mean over clusters, or over people.
    """

    counts: np.ndarray
    base: np.ndarray
    terms: np.ndarray
    cluster: np.ndarray
    factor: float
    weights: np.ndarray
    design: Design

    @property
    def outcome(self) -> np.ndarray:
        """Outcome per row, in its units."""
        return self.factor * self.counts / self.base


def fit_models(trial: Trial, outcome: Outcome, number: int = 1) -> pd.DataFrame:
    """The models that the design asks for, one row each, for comparison `number` (from 1).

    Returns
    -------
    DataFrame with ``model``, ``estimate``, ``clusters``, ``rows`` and ``note``: why there is no
    estimate, where there is none.
    """
    data = model_data(trial, outcome, trial.design.comparisons()[number - 1])
    rows = [_row(name, data) for name in trial.design.analysis.models]
    return pd.DataFrame(rows, columns=COLUMNS)


def model_data(trial: Trial, outcome: Outcome, one: Comparison) -> ModelData:
    """Rows with a value of the arms compared, or of all periods of a wedge."""
    design, rows = trial.design, row_values(trial, outcome)
    rows = rows[rows["known"] & trial.compared(one, rows)]
    unit = trial.places(rows)
    covariates, _ = covariate_table(trial.units, outcome, design.analysis.covariates)
    spread = covariates.std(axis=0)  # standardised, so that models converge
    adjust = [(covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)]
    group = trial.scheme.group_of(trial.drawn, one.groups)
    adjust += [dummies(trial.scheme.blocks, unit), dummies(group, unit)]
    terms = [np.ones(len(rows)), trial.treated(one, rows)]
    if design.is_wedge:
        periods = design.randomisation.periods[1:]
        terms.append(rows["period"].to_numpy()[:, None] == np.array(periods))
    terms = np.column_stack([*terms, *(column[unit] for column in adjust)]).astype(float)
    count, base = (rows[name].to_numpy(float) for name in ("count", "base"))
    weights, cluster = base, pd.factorize(unit)[0]
    if design.estimand.summary != "people":
        weights = 1 / np.bincount(cluster)[cluster]
    return ModelData(count, base, terms, cluster, outcome.factor, weights, design)


def _row(name: str, data: ModelData) -> tuple:
    """One model's row; a model that cannot be fitted says why."""
    n_clusters, n_rows = len(np.unique(data.cluster)), len(data.counts)
    (label, fit), estimate, note = FITS[name], math.nan, ""
    if n_clusters <= data.terms.shape[1]:
        note = "more is adjusted for than there are clusters"
    elif name in ("gee", "mixed") and n_clusters == n_rows:
        note = "needs several rows per cluster"
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimate = float(fit(data))
            note = "" if math.isfinite(estimate) else "did not converge"
        except (ValueError, ArithmeticError, np.linalg.LinAlgError, LspError) as problem:
            note = f"could not be fitted: {problem}"
    return label, estimate, n_clusters, n_rows, note


def _fit_ols(data: ModelData) -> float:
    """Weighted least squares; in a wedge with a level for each cluster."""
    root, terms = np.sqrt(data.weights), data.terms
    if data.design.is_wedge:
        terms = np.column_stack([terms, np.eye(data.cluster.max() + 1)[data.cluster]])
    terms, outcome = terms * root[:, None], data.outcome * root
    return np.linalg.lstsq(terms, outcome, rcond=None)[0][1]


def _fit_glm(data: ModelData, *, clustered: bool = False) -> float:
    """Poisson for ratios (shares too, Zou 2004), normal for means; rows taken as independent.

    If `clustered`, with an exchangeable working correlation within clusters.
    """
    import statsmodels.api as sm

    is_ratio = bool(data.design.outcome.denominator)
    family = sm.families.Poisson() if is_ratio else sm.families.Gaussian()
    options = {"family": family, "offset": np.log(data.base) if is_ratio else None}
    if clustered:
        options |= {"groups": data.cluster, "cov_struct": sm.cov_struct.Exchangeable()}
    model = (sm.GEE if clustered else sm.GLM)(data.counts, data.terms, **options)
    return _standardised(data, model.fit().params, family)


def _fit_mixed(data: ModelData) -> float:
    """A random level per cluster, by restricted maximum likelihood."""
    import statsmodels.api as sm

    return sm.MixedLM(data.outcome, data.terms, groups=data.cluster).fit(reml=True).fe_params[1]


def _standardised(data: ModelData, params: np.ndarray, family: object) -> float:
    """Mean difference that the model predicts, over the rows there are."""
    means = []
    for exposure in (1.0, 0.0):
        terms = data.terms.copy()
        terms[:, 1] = exposure
        means.append(np.average(family.link.inverse(terms @ params), weights=data.weights))
    return data.factor * (means[0] - means[1])


# name in a design -> name for readers, and the effect that it estimates
FITS: dict[str, tuple[str, Callable[[ModelData], float]]] = {
    "ols": ("Regression (OLS)", _fit_ols),
    "glm": ("Generalised linear model (GLM)", _fit_glm),
    "gee": (
        "Generalised estimating equations, exchangeable (GEE)",
        partial(_fit_glm, clustered=True),
    ),
    "mixed": ("Mixed model, a level per unit (REML)", _fit_mixed),
}
