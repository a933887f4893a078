"""The same comparison by the usual models, side by side: OLS, GLM, GEE and a mixed model.

Every model's effect is given as a difference in the units of the outcome: the mean that it predicts
with the programme everywhere less the mean without (standardisation over the units there are).
Models have no interval and no p-value: with few clusters theirs do not hold in blocked or
constrained draws, or with people in clusters. Both are the registered randomisation test's alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsp_analysis.errors import LspError
from lsp_analysis.experiments.analysis.trial import Trial
from lsp_analysis.experiments.protocol.design import Comparison, Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

NAMES = {
    "ols": "Regression (OLS)",
    "glm": "Generalised linear model (GLM)",
    "gee": "Generalised estimating equations, exchangeable (GEE)",
    "mixed": "Mixed model, a level per unit (REML)",
}
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
    is_ratio : bool
        Whether the outcome has a denominator.
    levels : bool
        Whether least squares have a level for each cluster (wedge).
    """

    counts: np.ndarray
    base: np.ndarray
    terms: np.ndarray
    cluster: np.ndarray
    multiplier: float
    is_ratio: bool
    by_people: bool
    levels: bool = False

    @property
    def outcome(self) -> np.ndarray:
        """Outcome per row, in its units."""
        return self.multiplier * self.counts / self.base

    @property
    def log_base(self) -> np.ndarray | None:
        """Offset of a model of counts; none for means."""
        return np.log(self.base) if self.is_ratio else None

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
    DataFrame with ``model``, ``estimate``, ``clusters``, ``rows`` and ``note``: why there is no
    estimate, where there is none.
    """
    data = model_data(trial, outcome, trial.design.comparisons()[number - 1])
    rows = [_row(name, data) for name in trial.design.analysis.models]
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
        trial.design.is_wedge,
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


def _row(name: str, data: ModelData) -> tuple:
    """One model's row; a model that cannot be fitted says why."""
    n_clusters, n_rows = len(np.unique(data.cluster)), len(data.counts)
    estimate, note = math.nan, ""
    if data.df < 1:
        note = "more is adjusted for than there are clusters"
    elif name in ("gee", "mixed") and n_clusters == n_rows:
        note = "needs several rows per cluster"
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimate = float(FITS[name](data))
            note = "" if math.isfinite(estimate) else "did not converge"
        except (ValueError, ArithmeticError, np.linalg.LinAlgError, LspError) as problem:
            note = f"could not be fitted: {problem}"
    return NAMES[name], estimate, n_clusters, n_rows, note


def _fit_ols(data: ModelData) -> float:
    """Weighted least squares; in a wedge with a level for each cluster."""
    root, terms = np.sqrt(data.weights), data.terms
    if data.levels:
        terms = np.column_stack([terms, np.eye(data.cluster.max() + 1)[data.cluster]])
    terms, outcome = terms * root[:, None], data.outcome * root
    return np.linalg.lstsq(terms, outcome, rcond=None)[0][1]


def _fit_glm(data: ModelData) -> float:
    """Poisson for ratios (shares too, Zou 2004), normal for means; rows taken as independent."""
    import statsmodels.api as sm

    family = sm.families.Poisson() if data.is_ratio else sm.families.Gaussian()
    model = sm.GLM(data.counts, data.terms, family=family, offset=data.log_base)
    return _standardised(data, model.fit().params, family)


def _fit_gee(data: ModelData) -> float:
    """The same with an exchangeable working correlation within clusters."""
    import statsmodels.api as sm

    family = sm.families.Poisson() if data.is_ratio else sm.families.Gaussian()
    alike = {"cov_struct": sm.cov_struct.Exchangeable(), "offset": data.log_base}
    model = sm.GEE(data.counts, data.terms, groups=data.cluster, family=family, **alike)
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
    return data.multiplier * (means[0] - means[1])


FITS: dict[str, Callable[[ModelData], float]] = {
    "ols": _fit_ols,
    "glm": _fit_glm,
    "gee": _fit_gee,
    "mixed": _fit_mixed,
}
