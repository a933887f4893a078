"""Effects of staggered starts by group and period, each from two groups and two periods.

For the areas that start in period g, and a period t: their change since before g, less the change
of areas not yet started (Callaway and Sant'Anna 2021). Areas that started earlier are never
comparisons, which is what two-way fixed effects gets wrong (Goodman-Bacon 2021). With covariates
the comparison is adjusted by outcome regression, by weighting, or by both (Sant'Anna and Zhao
2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsp_analysis.effects.regressions.cohorts import Cohorts
from lsp_analysis.errors import PanelError, ParameterError

METHODS = ("dr", "reg", "ipw")
MOST_ROUNDS = 25
MOST_LIKELY = 0.995
"""Probability of treatment beyond which an area has no like among the comparison areas."""


@dataclass(frozen=True)
class Cell:
    """One group and period: effect, influences on it, and how many areas it rests on."""

    group: int
    period: int
    estimate: float
    influence: np.ndarray = field(repr=False)
    n_treated: int
    n_comparison: int


def group_time_cells(
    cohorts: Cohorts,
    *,
    method: str = "dr",
    comparison: str = "never",
    base: str = "varying",
    anticipation: int = 0,
) -> list[Cell]:
    """Effect of every group in every period that has comparison areas.

    Parameters
    ----------
    method : "dr", "reg" or "ipw"
        Doubly robust, outcome regression, or inverse probability weighting; alike without
        covariates.
    comparison : "never" or "not_yet"
        Areas that never start, or all that have not started by then.
    base : "varying" or "universal"
        Before the start, change since the period before ("varying") or since the last before the
        start ("universal").
    anticipation : int
        Periods before the start in which there may already be an effect.
    """
    _check_options(method, comparison, base)
    n_periods = cohorts.outcomes.shape[1]
    groups = [int(g) for g in np.unique(cohorts.starts[np.isfinite(cohorts.starts)])]
    cells = []
    for group in groups:
        last_clean = group - 1 - anticipation
        if last_clean < 0:
            continue
        for period in range(n_periods):
            before = last_clean
            if base == "varying" and period <= last_clean:
                before = period - 1
            if before < 0:
                continue
            cell = _cell(cohorts, group, period, before, method, comparison, anticipation)
            if cell is not None:
                cells.append(cell)
    if not cells:
        raise PanelError(
            "No group has a period before its start and comparison areas to go with it: add "
            "earlier periods, "
            'or areas that start later, or compare with those "not_yet" started.'
        )
    return cells


def _check_options(method: str, comparison: str, base: str) -> None:
    for name, value, known in (
        ("method", method, METHODS),
        ("comparison", comparison, ("never", "not_yet")),
        ("base", base, ("varying", "universal")),
    ):
        if value not in known:
            raise ParameterError(f"{name}={value!r} is not known: use {', '.join(known)}.")


def _cell(
    cohorts: Cohorts,
    group: int,
    period: int,
    before: int,
    method: str,
    comparison: str,
    anticipation: int,
) -> Cell | None:
    n_areas = len(cohorts.starts)
    if period == before:  # the base period itself
        treated = int((cohorts.starts == group).sum())
        return Cell(group, period, 0.0, np.full(n_areas, np.nan), treated, 0)
    treated = cohorts.starts == group
    if comparison == "never":
        others = np.isinf(cohorts.starts)
    else:
        others = ~treated & (cohorts.starts > max(period, before) + anticipation)
    change = cohorts.outcomes[:, period] - cohorts.outcomes[:, before]
    rows = cohorts.covariates[:, min(period, before)]
    present = np.isfinite(change) & np.isfinite(rows).all(axis=1) & (treated | others)
    if not (present & treated).any() or not (present & others).any():
        return None
    design = np.column_stack([np.ones(int(present.sum())), rows[present]])
    estimate, influence = _two_by_two(
        change[present], treated[present].astype(float), design, method
    )
    full = np.zeros(n_areas)
    full[present] = influence * n_areas / present.sum()
    return Cell(
        group,
        period,
        estimate,
        full,
        int((present & treated).sum()),
        int((present & others).sum()),
    )


def _two_by_two(
    change: np.ndarray, treated: np.ndarray, design: np.ndarray, method: str
) -> tuple[float, np.ndarray]:
    """Effect on the treated and each area's influence on it (Sant'Anna and Zhao 2020, section 3.2).

    Influence is scaled so that the variance of the effect is the mean of its square divided by n.
    """
    expected, regression_influence = np.zeros(len(change)), None
    odds, score_influence = 1.0 - treated, None
    if method in ("dr", "reg"):
        expected, regression_influence = _expected_change(change, treated, design)
    if method in ("dr", "ipw"):
        odds, score_influence = _odds_of_treatment(treated, design)
    surprise = change - expected
    if method == "reg":  # everything is in the expectation: no weighted comparison is left
        odds = np.zeros(len(change))
    effect_treated, influence = _weighted_mean(surprise, treated)
    if regression_influence is not None:
        slope = (treated[:, None] * design).mean(axis=0)
        influence = influence - regression_influence @ slope / treated.mean()
    if method == "reg":
        return effect_treated, influence
    effect_others, other_influence = _weighted_mean(surprise, odds)
    tilt = (odds * (surprise - effect_others))[:, None] * design
    other_influence = other_influence + score_influence @ tilt.mean(axis=0) / odds.mean()
    if regression_influence is not None:
        slope = (odds[:, None] * design).mean(axis=0)
        other_influence = other_influence - regression_influence @ slope / odds.mean()
    return effect_treated - effect_others, influence - other_influence


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    mean = float((weights * values).mean() / weights.mean())
    return mean, weights * (values - mean) / weights.mean()


def _expected_change(
    change: np.ndarray, treated: np.ndarray, design: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Change expected from the comparison areas' regression, and influences on its coefficients."""
    control = (1.0 - treated)[:, None] * design
    gram = control.T @ design / len(change)
    if np.linalg.matrix_rank(gram) < design.shape[1]:
        raise PanelError(
            f"{int((1 - treated).sum())} comparison areas are too few, or their covariates too "
            "alike, for a regression on the covariates: leave covariates out."
        )
    inverse = np.linalg.inv(gram)
    coefficients = inverse @ (control.T @ change) / len(change)
    expected = design @ coefficients
    return expected, (control * (change - expected)[:, None]) @ inverse


def _odds_of_treatment(treated: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Comparison areas' odds of treatment, and influences on the logistic coefficients."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(MOST_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(design @ coefficients, -30, 30)))
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design
        if np.linalg.cond(hessian) > 1e12 or chance[treated == 0].max() > MOST_LIKELY:
            raise PanelError(_TOLD_APART)
        step = np.linalg.solve(hessian, design.T @ (treated - chance))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            break
    else:  # coefficients without end: the groups do not overlap
        raise PanelError(_TOLD_APART)
    odds = (1 - treated) * chance / (1 - chance)
    scores = design * (treated - chance)[:, None]
    return odds, scores @ np.linalg.inv(hessian) * len(treated)


_TOLD_APART = (
    "The covariates tell treated from comparison areas almost perfectly, so no comparison area is "
    'like a treated one: use fewer covariates, or method="reg".'
)
