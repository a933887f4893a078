"""Beside the primary analysis: other outcomes, subgroups, those who got the programme."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import f as f_law

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.comparison import Contrast, contrast
from lsp_analysis.experiments.analysis.trial import RECEIVED, Trial
from lsp_analysis.experiments.protocol.design import Outcome

SIZES = ["estimate", "low", "high", "p_value"]


def secondary_effects(trial: Trial) -> pd.DataFrame:
    """Secondary outcomes by arm, with p-values adjusted over all of them (Holm 1979).

    Columns ``outcome``, ``label``, ``arm``, ``estimate``, ``low``, ``high``, ``p_value``,
    ``p_adjusted``, ``is_harm`` and ``note``.
    """
    rows = []
    for outcome in trial.design.secondary:
        for number, arm in enumerate(trial.design.active, start=1):
            found, note = _try(trial, outcome, number)
            is_harm = outcome.name in trial.design.harms.watched
            rows.append((outcome.name, outcome.label, arm.name, *found, math.nan, is_harm, note))
    columns = ["outcome", "label", "arm", *SIZES, "p_adjusted", "is_harm", "note"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_adjusted=holm(table["p_value"]))


def subgroups(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """The primary outcome within the subgroups that the design declares, and no others.

    Columns ``subgroup``, ``category``, ``arm``, ``units``, ``estimate``, ``low``, ``high``,
    ``p_value``, ``p_interaction`` (whether effects differ between categories, by regression: an F
    test) and ``note``. A number column is cut at its median.
    """
    rows = []
    for name in trial.design.analysis.subgroups:
        groups = _categories(trial.units[name])
        for one, arm in zip(contrasts, trial.design.active, strict=True):
            differ = _interaction(trial, one, groups)
            for category in sorted(groups.unique()):
                inside = (groups == category).to_numpy()
                found, note = _try(trial, one.outcome, one.arm, inside)
                n_units = int((inside & np.isin(trial.drawn, _arms(trial, one))).sum())
                rows.append((name, category, arm.name, n_units, *found, differ, note))
    columns = ["subgroup", "category", "arm", "units", *SIZES, "p_interaction", "note"]
    return pd.DataFrame(rows, columns=columns)


def complier_effects(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Effect per whole programme received, where outcomes have a column ``received`` (0 to 1).

    It holds if being drawn changes outcomes only through what is received. The interval inverts
    the randomisation test, so it stays valid, and grows without end, where the draw hardly changed
    what was received (Imbens and Rosenbaum 2005).
    """
    columns = ["arm", "received_in_arm", "received_in_control", *SIZES]
    if RECEIVED not in trial.rows or trial.design.is_wedge:
        return pd.DataFrame(columns=columns)
    got = trial.rows.groupby("unit")[RECEIVED].mean().reindex(trial.scheme.units).to_numpy(float)
    rows = []
    for one, arm in zip(contrasts, trial.design.active, strict=True):
        values, treated = one.cells, one.cells["treated"].to_numpy()
        used = values["used"].to_numpy()
        if np.isnan(got[used]).any():
            raise DesignError(
                f'Column "{RECEIVED}" is missing for some units that have an outcome. Enter 0 for '
                "those that got nothing."
            )
        outcome = values["value"].to_numpy()
        test = one.redraws.test(outcome, exposure=got, level=one.test.level)
        shares = (float(got[used & treated].mean()), float(got[used & ~treated].mean()))
        rows.append((arm.name, *shares, test.estimate, test.low, test.high, test.p_value))
    return pd.DataFrame(rows, columns=columns)


def holm(p_values: pd.Series) -> pd.Series:
    """P-values that hold over the whole family; missing ones do not count."""
    known = p_values.dropna().sort_values(kind="stable")
    scaled = known * np.arange(len(known), 0, -1)
    return scaled.cummax().clip(upper=1).reindex(p_values.index)


def _try(
    trial: Trial, outcome: Outcome, arm: int, only: np.ndarray | None = None
) -> tuple[tuple[float, ...], str]:
    """Estimate, interval and p-value, or the reason why there are none."""
    try:
        test = contrast(trial, outcome, arm, only=only).test
    except DesignError as problem:
        return (math.nan,) * len(SIZES), str(problem)
    return (test.estimate, test.low, test.high, test.p_value), ""


def _arms(trial: Trial, one: Contrast) -> tuple[int, ...]:
    return tuple(range(len(trial.scheme.arms))) if trial.design.is_wedge else (0, one.arm)


def _categories(column: pd.Series) -> pd.Series:
    """Words as they are; numbers as the half they lie in."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= 2:
        return column.astype("str").fillna("not known")
    middle = column.median()
    return pd.Series(np.where(column <= middle, f"up to {middle:g}", f"above {middle:g}"))


def _interaction(trial: Trial, one: Contrast, groups: pd.Series) -> float:
    """P-value of an F test that the effect is the same in all categories."""
    values = one.cells
    place = {unit: position for position, unit in enumerate(trial.scheme.units)}
    category = groups.to_numpy()[values["unit"].map(place).to_numpy()]
    kinds = sorted(set(category[values["used"]]))
    if len(kinds) < 2:
        return math.nan
    outcome = one.redraws.residual(values["value"].to_numpy())
    own = (category[:, None] == np.array(kinds)[None, 1:]).astype(float)
    crossed = own * values["treated"].to_numpy()[:, None]
    less = np.column_stack([one.redraws.residual(own), one.redraws.exposures[0]])
    more = np.column_stack([less, one.redraws.residual(crossed)])
    left = [_squares(outcome, terms) for terms in (less, more)]
    gained = np.linalg.matrix_rank(more) - np.linalg.matrix_rank(less)
    df = one.df - own.shape[1] - gained
    if gained < 1 or df < 1 or left[1] <= 0:
        return math.nan
    return float(f_law.sf((left[0] - left[1]) / gained / (left[1] / df), gained, df))


def _squares(outcome: np.ndarray, terms: np.ndarray) -> float:
    """What a regression leaves over."""
    return float(((outcome - terms @ np.linalg.lstsq(terms, outcome, rcond=None)[0]) ** 2).sum())
