"""Compare an arm with the control over the scheme that was drawn from, adjusted as registered."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import t

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.randomisation_test import RandomisationTest, Redraws, redraws
from lsp_analysis.experiments.analysis.trial import Trial, unit_values
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.design import Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

POWER = 0.8


@dataclass(frozen=True)
class Contrast:
    """One arm against the control on one outcome, before it is put into words.

    Attributes
    ----------
    arm : int
        Position of the arm in the design; 1 in a wedge.
    outcome : Outcome
    test : RandomisationTest
    cells : DataFrame, one row per cell
        ``unit`` (and ``period``), ``value``, ``size``, ``treated`` (bool), ``used`` (bool).
    redraws : Redraws
        For testing other things over the same allocations.
    error, df : float
        Standard error and degrees of freedom of the same regression, for power.
    warnings : tuple of str
    """

    arm: int
    outcome: Outcome
    test: RandomisationTest
    cells: pd.DataFrame = field(repr=False)
    redraws: Redraws = field(repr=False)
    error: float = math.nan
    df: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def smallest_effect(self) -> float:
        """Size of the effect that the regression's t-test would have found with 80% power."""
        if self.df < 1 or not math.isfinite(self.error):
            return math.nan
        alpha = 1 - self.test.level
        return float((t.isf(alpha / 2, self.df) + t.ppf(POWER, self.df)) * self.error)

    @property
    def observed(self) -> float:
        """Mean of the outcome where the programme was, weighted as the estimand says."""
        here = self.cells[self.cells["treated"] & self.cells["used"]]
        return float(np.average(here["value"], weights=here["weight"])) if len(here) else math.nan


def contrast(
    trial: Trial,
    outcome: Outcome,
    arm: int = 1,
    *,
    only: np.ndarray | None = None,
    rows: pd.DataFrame | None = None,
    level: float | None = None,
) -> Contrast:
    """Intention to treat: units count in the arm they were drawn into, whatever they then got.

    Parameters
    ----------
    arm : int
        Position of the arm that is compared with the control (position 0).
    only : array of bool, one per unit, optional
        A subgroup of units.
    rows : DataFrame, optional
        Outcomes in place of the trial's own: filled in, for bounds.

    Raises
    ------
    DesignError
        No unit of either arm has an outcome, or nothing is left to compare after adjustment.
    """
    design = trial.design
    level = design.analysis.level if level is None else level
    if design.is_wedge:
        return _wedge_contrast(trial, outcome, only, rows, level)
    arms = (0, arm)
    values = unit_values(trial, outcome, rows=rows).reset_index()
    inside = np.isin(trial.drawn, arms) & (True if only is None else only)
    values["treated"] = trial.drawn == arm
    values["used"] = inside & values["value"].notna().to_numpy()
    values["weight"] = _weights(values, design.estimand.summary)
    _check_both_sides(values, outcome)
    covariates, gaps = covariate_table(trial.units, outcome, design.analysis.covariates)
    adjust = np.column_stack([covariates, _dummies(trial.scheme.blocks, values["used"])])
    exposure = [1.0 if number == arm else 0.0 for number in range(len(trial.scheme.arms))]
    scheme = trial.scheme.given(trial.drawn, arms)
    drawn = redraws(
        scheme,
        trial.drawn,
        exposure=exposure,
        adjust=adjust,
        weights=values["weight"].to_numpy(),
        draws=design.analysis.draws,
        key=f"{trial.key}:{outcome.name}:{arm}",
    )
    warnings = [f"{name} was missing for some units and filled in with its mean." for name in gaps]
    warnings += _too_few(scheme, level)
    return _finish(arm, outcome, values, values["value"].to_numpy(), drawn, level, warnings)


def _wedge_contrast(
    trial: Trial, outcome: Outcome, only: np.ndarray | None, rows: pd.DataFrame | None, level: float
) -> Contrast:
    """All clusters, each against itself and against the others of the period."""
    how = trial.design.randomisation
    n_periods = len(how.periods)
    values = unit_values(trial, outcome, by=("unit", "period"), rows=rows).reset_index()
    step_of_cell = np.repeat(trial.drawn, n_periods)
    period = np.tile(np.arange(n_periods), len(trial.drawn))
    inside = True if only is None else np.repeat(only, n_periods)
    values["treated"] = period >= step_of_cell + 1
    values["used"] = inside & values["value"].notna().to_numpy()
    values["weight"] = _weights(values, trial.design.estimand.summary)
    _check_both_sides(values, outcome)
    grid = np.arange(n_periods) >= np.arange(1, len(how.steps) + 1)[:, None]
    terms, taken = [_dummies(period, values["used"])], _taken(trial, values, n_periods)
    if taken is None:  # cells are missing: each cluster gets a level of its own
        taken = 0.0
        terms.append(_dummies(np.repeat(np.arange(len(trial.drawn)), n_periods), values["used"]))
    own = values["value"].to_numpy().reshape(-1, n_periods)
    drawn = redraws(
        trial.scheme,
        trial.drawn,
        exposure=grid - taken * grid.mean(axis=1, keepdims=True),
        cell_unit=np.repeat(np.arange(len(trial.drawn)), n_periods),
        adjust=np.column_stack(terms),
        weights=values["weight"].to_numpy(),
        draws=trial.design.analysis.draws,
        key=f"{trial.key}:{outcome.name}",
    )
    cells = (own - taken * own.mean(axis=1, keepdims=True)).ravel()
    lost = len(trial.drawn) - 1 if taken == 1.0 else 0
    warnings = _too_few(trial.scheme, level)
    return _finish(1, outcome, values, cells, drawn, level, warnings, lost_df=lost)


def _taken(trial: Trial, values: pd.DataFrame, n_periods: int) -> float | None:
    """Share of its mean to subtract from each cluster; None if that cannot be done evenly."""
    share = trial.design.analysis.between
    even = values["used"].all() and np.ptp(values["weight"]) == 0
    if not even:
        return None
    return 1.0 - math.sqrt((1 - share) / (1 - share + n_periods * share))


def _finish(
    arm: int,
    outcome: Outcome,
    values: pd.DataFrame,
    cells: np.ndarray,
    drawn: Redraws,
    level: float,
    warnings: list[str],
    lost_df: int = 0,
) -> Contrast:
    """The test, and the error of its regression."""
    df = int(values["used"].sum()) - drawn.basis.shape[1] - 1 - lost_df
    if df < 1:
        raise DesignError(
            f"Nothing is left to compare on {outcome.label}: blocks and covariates take up all "
            f"{int(values['used'].sum())} values. Adjust for less."
        )
    test = drawn.test(cells, level=level)
    error = _standard_error(drawn, cells, df)
    return Contrast(arm, outcome, test, values, drawn, error, df, tuple(warnings))


def _too_few(scheme: Scheme, level: float) -> list[str]:
    """A warning where the scheme has too few allocations for any finding at all."""
    if scheme.attainable_level(1 - level) > 0:
        return []
    return [
        f"Only {scheme.size} allocations were possible: no effect, however large, could have been "
        "found."
    ]


def _standard_error(drawn: Redraws, cells: np.ndarray, df: int) -> float:
    """Of the exposure's coefficient, by ordinary (weighted) least squares."""
    left = drawn.residual(cells)
    size = float(drawn.exposures[0] @ drawn.exposures[0])
    effect = float(drawn.exposures[0] @ left) / size if size else math.nan
    left = left - effect * drawn.exposures[0]
    return math.sqrt(float(left @ left) / df / size) if size else math.nan


def _weights(values: pd.DataFrame, summary: str) -> np.ndarray:
    """Weight of each cell: one per cluster, or its people; none where it is not used."""
    weight = values["size"] if summary == "people" else 1.0
    return np.where(values["used"], weight, 0.0)


def _dummies(groups: np.ndarray, used: pd.Series) -> np.ndarray:
    """A column per group but the first that has a value."""
    kinds = np.unique(np.asarray(groups)[used.to_numpy()])
    return (np.asarray(groups)[:, None] == kinds[None, 1:]).astype(float)


def _check_both_sides(values: pd.DataFrame, outcome: Outcome) -> None:
    sides, known = (values.loc[values["used"], name] for name in ("treated", "value"))
    if len(known) and np.ptp(known) <= 1e-12 * known.abs().max():
        raise DesignError(
            f"{outcome.label} is the same everywhere ({known.iloc[0]:g}), so nothing can be told "
            "from it. Is the file complete? Report it as it is."
        )
    if sides.all() or not sides.any():
        side = "the control" if sides.any() else "the arm that is tried"
        raise DesignError(
            f"No unit of {side} has a value of {outcome.label}, so there is nothing to compare. "
            "Report the missing outcomes."
        )
