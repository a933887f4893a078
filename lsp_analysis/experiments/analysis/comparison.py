"""The registered test of one comparison on one outcome: intention to treat, adjusted as planned.

Its power is simulated with the test itself, with no formula for another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.randomisation_test import RandomisationTest, Redraws, redraws
from lsp_analysis.experiments.analysis.trial import Trial, dummies, unit_values
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.protocol.design import Comparison, Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

SIMULATED_ALLOCATIONS = 800  # of a long list, as many stand for it


@dataclass(frozen=True)
class Contrast:
    """One comparison on one outcome, before it is put into words.

    Attributes
    ----------
    comparison : Comparison
    outcome : Outcome
    test : RandomisationTest
    cells : DataFrame, one row per unit (wedge: unit and period)
        ``unit`` (and ``period``), ``value``, ``size``, ``treated``, ``used`` (bool), ``weight``.
    redraws : Redraws
        For testing other things over the same allocations.
    scheme : Scheme
        The allocations it was tested over.
    gaps : tuple of str
        Covariates with missing values.
    """

    comparison: Comparison
    outcome: Outcome
    test: RandomisationTest
    cells: pd.DataFrame = field(repr=False)
    redraws: Redraws = field(repr=False)
    scheme: Scheme = field(repr=False)
    gaps: tuple[str, ...] = ()

    @property
    def attainable(self) -> float:
        """Largest size, at most ``1 - level``, that the test can have; 0 if it can never reject."""
        return self.scheme.attainable_level(1 - self.test.level)

    @cached_property
    def smallest_effect(self) -> float:
        """Size of the effect that this test finds with 80% power, by simulation; inf if never."""
        if self.attainable == 0:
            return math.inf
        sd = self.redraws.spread(self.cells["value"].to_numpy())
        return smallest_found(self.redraws, sd, level=self.test.level)

    def at(self, level: float) -> Contrast:
        """The same contrast with an interval of another coverage."""
        if level == self.test.level:
            return self
        return replace(self, test=self.redraws.test(self.cells["value"].to_numpy(), level=level))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know of the test."""
        gaps = (f"{n} was missing for some units and filled in with its mean." for n in self.gaps)
        few = (
            f"Only {self.test.n_allocations:,} allocations were possible: at this level no effect, "
            "however large, could have been found."
        )
        return *gaps, *([few] if self.attainable == 0 else [])

    @property
    def error(self) -> float:
        """Half the interval's width over Student's t: a standard error on the test's own terms."""
        from scipy.stats import t

        half = (self.test.high - self.test.low) / 2
        return float(half / t.isf((1 - self.test.level) / 2, self.df))

    @property
    def df(self) -> int:
        """Units used, less two."""
        return max(1, self.cells.loc[self.cells["used"], "unit"].nunique() - 2)

    @property
    def observed(self) -> float:
        """Mean of the outcome where the programme was, weighted as the estimand says."""
        here = self.cells[self.cells["treated"] & self.cells["used"]]
        return float(np.average(here["value"], weights=here["weight"])) if len(here) else math.nan


def contrast(
    trial: Trial,
    outcome: Outcome,
    number: int = 1,
    *,
    only: np.ndarray | None = None,
    rows: pd.DataFrame | None = None,
    level: float | None = None,
) -> Contrast:
    """Intention to treat: units count in the arm they were drawn into, whatever they then got.

    Cells without an outcome are left out, and what is adjusted for is worked out on the others.

    Parameters
    ----------
    number : int
        Which of the design's comparisons, from 1.
    only : array of bool, one per unit, optional
        A subgroup of units.
    rows : DataFrame, optional
        Outcomes in place of the trial's own: filled in or trimmed, for bounds.
    level : float, optional
        Coverage of the interval; the design's own by default.

    Raises
    ------
    DesignError
        One side has no outcome, or nothing is left to compare after adjustment.
    """
    one = trial.design.comparisons()[number - 1]
    values = cell_values(trial, outcome, one, only=only, rows=rows)
    _check_both_sides(values, outcome)
    drawn, gaps = registered_test(trial, outcome, one, values)
    if drawn.df < 1:
        raise DesignError(
            f"Nothing is left to compare on {outcome.label}: blocks and covariates take up all "
            f"{int(values['used'].sum())} values. Adjust for less."
        )
    test = drawn.test(values["value"].to_numpy(), level=level or trial.design.analysis.level)
    scheme = trial.scheme.given(trial.drawn, one.groups)
    return Contrast(one, outcome, test, values, drawn, scheme, tuple(gaps))


def sized(
    trial: Trial, outcome: Outcome, number: int, **options: Any
) -> tuple[tuple[float, ...], str]:
    """Estimate, interval and p-value of a `contrast`; or none, and the reason why."""
    try:
        return contrast(trial, outcome, number, **options).test.sizes, ""
    except DesignError as problem:
        return (math.nan,) * 4, str(problem)


def cell_values(
    trial: Trial,
    outcome: Outcome,
    one: Comparison,
    *,
    only: np.ndarray | None = None,
    rows: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A row per unit (wedge: unit and period): value, side, whether it is used, weight."""
    values = unit_values(trial, outcome, rows=rows).reset_index()
    values["treated"] = trial.treated(one, values)
    inside = trial.compared(one, values)
    if only is not None:
        inside &= only[trial.places(values)]
    values["used"] = inside & values["value"].notna().to_numpy()
    by_people = trial.design.estimand.summary == "people"
    values["weight"] = np.where(values["used"], values["size"] if by_people else 1.0, 0.0)
    return values


def registered_test(
    trial: Trial, outcome: Outcome, one: Comparison, values: pd.DataFrame
) -> tuple[Redraws, list[str]]:
    """The test over the allocations there could have been, and covariates that had gaps.

    A parallel experiment is a (weighted) regression on the exposure, covariates and blocks. A wedge
    is generalised least squares on the cells observed: period means, covariates, and a level per
    unit whose share of the variance is registered (all of it: the levels are fixed effects).
    """
    design, scheme, arms = trial.design, trial.scheme, np.arange(len(trial.scheme.arms))
    covariates, gaps = covariate_table(trial.units, outcome, design.analysis.covariates)
    used, weights = values["used"].to_numpy(), values["weight"].to_numpy(float)
    if design.is_wedge:
        unit, period = np.indices((len(trial.drawn), len(design.randomisation.periods)))
        exposure, unit, period = period[0] > arms[:, None], unit.ravel(), period.ravel()
        terms = [dummies(period, used), covariates[unit]]
        if design.analysis.between >= 1:
            terms.append(dummies(unit, used))
        else:
            weights = _whitening(unit, weights, design.analysis.between)
    else:
        exposure = np.isin(arms, one.treated)
        group = scheme.group_of(trial.drawn, one.groups)
        terms = [covariates, dummies(scheme.blocks, used), dummies(group, used)]
    drawn = redraws(
        scheme.given(trial.drawn, one.groups),
        trial.drawn,
        exposure=exposure.astype(float),
        adjust=np.column_stack(terms),
        weights=weights,
        draws=design.analysis.draws,
    )
    return drawn, gaps


def _whitening(unit: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Matrix that makes cells independent where a unit's cells share a level.

    A cell's variance is ``1 - share`` over its weight (relative to the mean weight) plus `share`.
    """
    whiten = np.zeros((len(unit), len(unit)))
    relative = weights / weights[weights > 0].mean()
    for own in np.unique(unit):
        here = np.flatnonzero((unit == own) & (weights > 0))
        variance = np.diag((1 - share) / relative[here]) + share
        whiten[np.ix_(here, here)] = np.linalg.inv(np.linalg.cholesky(variance))
    return whiten


def _check_both_sides(values: pd.DataFrame, outcome: Outcome) -> None:
    sides, known = (values.loc[values["used"], name] for name in ("treated", "value"))
    if len(known) and np.ptp(known) <= 1e-12 * known.abs().max():
        raise DesignError(
            f"{outcome.label} is the same everywhere ({wording.number(known.iloc[0])}), so nothing "
            "can be learnt from it. Is the file complete? Report it as it is."
        )
    if sides.nunique() < 2:
        side = "the control" if sides.any() else "the arm that is tried"
        raise DesignError(
            f"No unit of {side} has a value of {outcome.label}, so there is nothing to compare. "
            "Report the missing outcomes."
        )


def simulated_power(
    drawn: Redraws,
    effect: float,
    sd: float,
    *,
    level: float,
    varying: float = 0.0,
    sims: int = 1_000,
) -> float:
    """Share of simulated experiments in which a registered test finds `effect`.

    Parameters
    ----------
    drawn : Redraws
        The test, prepared.
    effect : float
        Mean effect, in units of the outcome.
    sd : float
        Standard deviation of the (weighted) cells once adjusted for.
    level : float
        Coverage: the test is at ``1 - level``.
    varying : float
        Standard deviation of effects between units; their mean is `effect` exactly.
    sims : int
        Simulated experiments; the same random numbers serve every effect and `sd`.
    """
    rng, (n_rows, n_cells) = np.random.default_rng(20100401), drawn.exposures.shape
    rows = np.arange(n_rows)
    if n_rows > SIMULATED_ALLOCATIONS:
        rows = np.sort(rng.choice(n_rows, SIMULATED_ALLOCATIONS, replace=False))
    alike = np.ones(n_cells)  # outcomes are weighted already
    few = replace(drawn, raw=drawn.raw[rows], exposures=drawn.exposures[rows], whiten=alike)
    observed = rng.integers(0, len(rows), sims)
    own = rng.normal(size=(drawn.unit.max() + 1, sims))
    own = varying * (own - own.mean(axis=0))[drawn.unit]
    shown = sd * rng.normal(size=(n_cells, sims)) * drawn.used[:, None]
    shown += (effect + own) * few.raw[observed].T
    found = np.abs(few.statistics(shown))
    mine = found[observed, np.arange(sims)] * (1 - 1e-5)  # many at once are less exact
    p_values = (found >= mine).mean(axis=0)
    return float((p_values <= 1 - level + 1e-12).mean())


def smallest_found(drawn: Redraws, sd: float, *, level: float, target: float = 0.8) -> float:
    """Size of the effect a registered test finds with power `target`; infinite if it never can."""
    if not (math.isfinite(sd) and sd > 0):
        return math.nan
    low, high = 0.0, sd / math.sqrt(float(np.median(drawn.squares)))
    while simulated_power(drawn, high, sd, level=level) < target:
        low, high = high, 2 * high
        if high > 1e3 * sd:
            return math.inf
    for _ in range(10):
        middle = (low + high) / 2
        enough = simulated_power(drawn, middle, sd, level=level) >= target
        low, high = (low, middle) if enough else (middle, high)
    return high
