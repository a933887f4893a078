"""Beside the primary outcome: secondary outcomes, subgroups, interactions, effect of delivery."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f as f_law
from scipy.stats import t as t_law

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.comparison import Contrast, sized
from lsp_analysis.experiments.analysis.randomisation_test import orthonormal
from lsp_analysis.experiments.analysis.trial import RECEIVED, Trial

SIZES = ["estimate", "low", "high", "p_value"]


def secondary_effects(trial: Trial, level: float) -> pd.DataFrame:
    """Secondary outcomes by comparison: sizes, ``is_harm`` and ``note``, not yet adjusted.

    Columns ``outcome``, ``label``, ``arm``, ``estimate``, ``low``, ``high``, ``p_value``,
    ``is_harm`` and ``note`` (why there is no estimate, where there is none).
    """
    rows = []
    for outcome in trial.design.secondary:
        for number, one in enumerate(trial.design.comparisons(), start=1):
            found, note = sized(trial, outcome, number, level=level)
            is_harm = outcome.name in trial.design.harms.watched
            rows.append((outcome.name, outcome.label, one.name, *found, is_harm, note))
    table = pd.DataFrame(rows, columns=["outcome", "label", "arm", *SIZES, "is_harm", "note"])
    return table.astype({**dict.fromkeys(SIZES, float), "is_harm": bool})


def subgroups(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """The primary outcome within the subgroups that the design declares, and no others.

    Columns ``subgroup``, ``category``, ``arm``, ``units``, ``estimate``, ``low``, ``high``,
    ``p_value``, ``p_interaction`` (whether effects differ between categories: a robust Wald test
    by unit, F with the smallest Satterthwaite degrees of freedom) and ``note``. A number column is
    cut at its median.
    """
    rows = []
    for name in trial.design.analysis.subgroups:
        groups = _categories(trial.units[name])
        for number, one in enumerate(contrasts, start=1):
            differ = _interaction(trial, one, groups)
            for category in sorted(groups.unique()):
                inside = (groups == category).to_numpy()
                options = {"only": inside, "level": one.test.level}
                found, note = sized(trial, one.outcome, number, **options)
                compared = trial.compared(one.comparison, trial.units)
                n_units = int((inside & compared).sum())
                rows.append((name, category, one.comparison.name, n_units, *found, differ, note))
    columns = ["subgroup", "category", "arm", "units", *SIZES, "p_interaction", "note"]
    return pd.DataFrame(rows, columns=columns)


def factor_interaction(trial: Trial, contrasts: Sequence[Contrast], level: float) -> pd.DataFrame:
    """How much more, or less, both factors do together than the sum of each; by regression.

    One row with ``estimate``, ``low``, ``high``, ``p_value`` (HC2 with Satterthwaite's degrees of
    freedom); none where the design is not two by two.
    """
    if not trial.design.factors:
        return pd.DataFrame(columns=SIZES)
    cells = contrasts[0].cells
    one, other = (c.cells["treated"].to_numpy(float) for c in contrasts)
    terms = np.column_stack([one, other, one * other])
    fit = _regress(trial, contrasts[0], terms, cells)
    return pd.DataFrame([t_test(fit, 2, level)], columns=SIZES)


def complier_effects(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Effect per whole programme received, where outcomes have a column ``received`` (0 to 1).

    In a wedge, ``received`` is by unit and period, so real starting dates count. It holds if being
    drawn changes outcomes only through what is received. The interval inverts the randomisation
    test, so it stays valid, and has no end, where the draw hardly changed what was received (Imbens
    and Rosenbaum 2005).
    """
    columns = ["arm", "received_in_arm", "received_in_control", *SIZES]
    if RECEIVED not in trial.rows:
        return pd.DataFrame(columns=columns)
    received = trial.rows.groupby(trial.design.cell, as_index=False)[RECEIVED].mean()
    rows = []
    for one in contrasts:
        values, treated = one.cells, one.cells["treated"].to_numpy()
        got = values[trial.design.cell].merge(received, how="left")[RECEIVED].to_numpy(float)
        used = values["used"].to_numpy()
        if np.isnan(got[used]).any():
            raise DesignError(
                f'Column "{RECEIVED}" is missing for some units that have an outcome. Enter 0 for '
                "those that got nothing."
            )
        outcome = values["value"].to_numpy()
        test = one.redraws.test(outcome, exposure=got, level=one.test.level)
        shares = (float(got[used & treated].mean()), float(got[used & ~treated].mean()))
        rows.append((one.comparison.name, *shares, *test.sizes))
    return pd.DataFrame(rows, columns=columns)


def _categories(column: pd.Series) -> pd.Series:
    """Words as they are; numbers as the half they lie in."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= 2:
        return column.astype("str").fillna("not known")
    middle = column.median()
    return pd.Series(np.where(column <= middle, f"up to {middle:g}", f"above {middle:g}"))


def _interaction(trial: Trial, one: Contrast, groups: pd.Series) -> float:
    """P-value that the effect is the same in all categories."""
    values, unit = one.cells, one.redraws.unit
    category = groups.to_numpy()[unit]
    used = values["used"].to_numpy()
    kinds = sorted(set(category[used]))
    if len(kinds) < 2:
        return math.nan
    treated = values["treated"].to_numpy(float)
    own = (category[:, None] == np.array(kinds)[None, 1:]).astype(float)
    crossed = own * treated[:, None]
    fit = _regress(trial, one, np.column_stack([treated, crossed, own]), values)
    tested = np.arange(1, 1 + crossed.shape[1])
    covariance = fit.covariance[np.ix_(tested, tested)]
    slopes, df = fit.params[tested], float(fit.df[tested].min())
    if not np.isfinite(slopes).all() or df < 1 or np.linalg.matrix_rank(covariance) < len(tested):
        return math.nan
    wald = float(slopes @ np.linalg.solve(covariance, slopes)) / len(tested)
    return float(f_law.sf(wald, len(tested), df))


def _regress(trial: Trial, one: Contrast, terms: np.ndarray, values: pd.DataFrame):
    """Robust fit of the contrast's cells on `terms`, cleared of what the contrast adjusts for."""
    prepared, used = one.redraws, one.redraws.used
    outcome = prepared.residual(values["value"].to_numpy())
    left = np.column_stack([prepared.residual(column) for column in terms.T])
    return robust_fit(left[used], outcome[used], prepared.unit[used], prepared.basis[used])


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
    own = orthonormal(terms)
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
    reach = float(t_law.isf((1 - level) / 2, df)) * error
    return (
        estimate,
        estimate - reach,
        estimate + reach,
        float(2 * t_law.sf(abs(estimate) / error, df)),
    )
