"""Programmes that start at different times in different areas (Callaway and Sant'Anna 2021)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis import figures
from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed, tidy
from lsp_analysis.effects.layout import check_comparison, check_pairs, check_varies
from lsp_analysis.effects.options import names_of, whole
from lsp_analysis.effects.parts import UNTOUCHED, coefficient_effect, detectable, paths_frame
from lsp_analysis.effects.regressions.cohorts import Cohorts, first_periods, lay_out
from lsp_analysis.effects.regressions.group_aggregates import (
    KINDS,
    Combined,
    combine,
    effect_table,
    simultaneous_critical,
)
from lsp_analysis.effects.regressions.group_time import Cell, group_time_cells
from lsp_analysis.effects.regressions.least_squares import NO_ERROR, ROUNDING, few_clusters_warning
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARALLEL_LATER = (
    "Without the programme each group of areas would have changed as its comparison areas did, "
    "given the covariates."
)


@dataclass(frozen=True)
class StaggeredEffect(EffectEstimate):
    """An average over groups and periods, with the parts it is the average of.

    Attributes
    ----------
    aggregate : str
        Which average `estimate` is: "simple", "dynamic", "group" or "calendar".
    se : float
    group_time : DataFrame
        Columns group, period, estimate, se, low, high, p_value, n_treated, n_comparison.
    by_time, by_group, by_period : DataFrame
        Columns relative_period, group or period, and estimate, se, low, high, p_value. Intervals
        hold for all rows of a table at once.
    overall : DataFrame
        The overall average of each kind, by kind: estimate, se, low, high, p_value.
    """

    aggregate: str = "simple"
    se: float = math.nan
    group_time: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    by_time: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    by_group: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    by_period: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    overall: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect by time since the start; return the axes."""
        return figures.draw_event_study(self.by_time, unit=self.unit, level=self.level, ax=ax)


def staggered_effect(
    panel: pd.DataFrame,
    *,
    outcome: str,
    starts: str | Mapping[Any, Any] | None = None,
    treated: str | Sequence[Any] | None = None,
    start: Any = None,
    covariates: Sequence[str] = (),
    method: str = "dr",
    comparison: str = "never",
    base: str = "varying",
    anticipation: int = 0,
    aggregate: str = "simple",
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    n_draws: int = 999,
    seed: int = 0,
) -> StaggeredEffect:
    """Effects by starting group and period, and their averages.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        May be unbalanced: an area without both periods of a comparison is left out of it.
    starts : dict of area code to first period, or the name of a column that holds it
        Areas left out never start; nor do those whose start is missing, infinite, or 0 where the
        periods are numbers above 0. Areas that had started by the first period have no before and
        are left out, with a warning.
    treated, start : instead of `starts`
        As elsewhere when all start together; or `treated` alone, a column that is true in an area
        from its own start on.
    covariates : columns, taken in the earlier of the two periods compared
    method, comparison, base, anticipation
        See `group_time.group_time_cells`.
    aggregate : "simple", "dynamic", "group" or "calendar"
        The average given as `estimate`; all four are in `overall`.
    n_draws : int
        Multiplier bootstrap draws behind the simultaneous intervals; 0 for intervals row by row.

    Returns
    -------
    StaggeredEffect
        Intervals and p-values are missing, with the reason in `warnings`, when fewer than five
        areas are treated or fewer than five never are, or all of a group changed exactly alike.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    anticipation, n_draws = whole("anticipation", anticipation), whole("n_draws", n_draws)
    check_seed(seed)
    panel = tidy(panel, numbers=[outcome, *covariates], labels=[area, period])
    check_varies(panel[outcome])
    check_pairs(panel, area, period)
    begun = first_periods(panel, starts, treated, start, area, period)
    check_comparison(panel.loc[~panel[area].isin(begun.index), outcome])
    cohorts, areas, periods = lay_out(panel, outcome, begun, covariates, area, period)
    cells = group_time_cells(
        cohorts, method=method, comparison=comparison, base=base, anticipation=anticipation
    )
    n_treated = int(np.isfinite(cohorts.starts).sum())
    n_others = len(areas) - n_treated
    if comparison == "not_yet":  # areas that start later are comparisons too
        n_others = max(n_others, n_treated)
    withheld = few_clusters_warning(n_treated, n_treated + n_others)
    combined = {kind: combine(cells, cohorts.starts, kind) for kind in KINDS}
    withheld = withheld or _no_error(combined, cohorts)
    overall = _overall_table(combined, level, bool(withheld))
    tables = {
        kind: _table(combined[kind], periods, kind, level, n_draws, seed, bool(withheld))
        for kind in ("dynamic", "group", "calendar")
    }
    if aggregate not in KINDS:
        raise ParameterError(f"aggregate={aggregate!r} is not known: use {', '.join(KINDS)}.")
    row = overall.loc[aggregate]
    paths, observed = _paths(cohorts, cells, periods)
    effect = coefficient_effect(row, observed)
    both = float(stats.norm.ppf(0.5 + level / 2) + stats.norm.ppf(0.8))
    smallest = math.nan if withheld else both * float(row["se"])
    return StaggeredEffect(
        outcome=outcome,
        method="difference-in-differences, staggered starts",
        **effect,
        **detectable(smallest, effect["counterfactual"]),
        level=level,
        unit=unit,
        start=periods[int(np.min(cohorts.starts))],
        comparator=_COMPARATORS[comparison],
        inference="normal approximation over areas",
        n_treated=n_treated,
        assumptions=(PARALLEL_LATER, UNTOUCHED),
        warnings=(*([withheld] if withheld else []), *_left_out(cohorts, periods)),
        paths=paths,
        aggregate=aggregate,
        se=float(row["se"]),
        group_time=_group_time_table(cells, periods, level, n_draws, seed, bool(withheld)),
        by_time=tables["dynamic"],
        by_group=tables["group"],
        by_period=tables["calendar"],
        overall=overall,
    )


_COMPARATORS = {
    "never": "areas where it never started",
    "not_yet": "areas where it had not started yet",
}


def _left_out(cohorts: Cohorts, periods: pd.Index) -> list[str]:
    count = cohorts.n_begun_before
    if not count:
        return []
    were = "area was" if count == 1 else "areas were"
    return [
        f"{count} {were} left out: it had started there by the first period, {periods[0]}, so "
        "there is no before."
    ]


def _no_error(combined: dict[str, Combined], cohorts: Cohorts) -> str:
    """Why no error can be estimated: all areas of a group changed exactly alike; else empty."""
    largest = max(np.abs(part.overall_influence).max() for part in combined.values())
    outcomes = cohorts.outcomes[np.isfinite(cohorts.outcomes)]
    return NO_ERROR if largest <= ROUNDING * np.ptp(outcomes) else ""


def _overall_table(combined: dict[str, Combined], level: float, withheld: bool) -> pd.DataFrame:
    labels = pd.DataFrame(index=pd.Index(list(combined), name="aggregate"))
    influences = np.column_stack([part.overall_influence for part in combined.values()])
    estimates = np.array([part.overall for part in combined.values()])
    critical = float(stats.norm.ppf(0.5 + level / 2))
    return effect_table(labels, estimates, influences, critical, withheld)


def _table(
    part: Combined,
    periods: pd.Index,
    kind: str,
    level: float,
    n_draws: int,
    seed: int,
    withheld: bool,
) -> pd.DataFrame:
    name = {"dynamic": "relative_period", "group": "group", "calendar": "period"}[kind]
    keys = part.keys if kind == "dynamic" else periods[part.keys]
    critical = simultaneous_critical(part.influences, level, n_draws, seed)
    return effect_table(
        pd.DataFrame({name: keys}), part.estimates, part.influences, critical, withheld
    )


def _group_time_table(
    cells: list[Cell],
    periods: pd.Index,
    level: float,
    n_draws: int,
    seed: int,
    withheld: bool,
) -> pd.DataFrame:
    influences = np.nan_to_num(np.column_stack([cell.influence for cell in cells]))
    labels = pd.DataFrame(
        {
            "group": periods[[cell.group for cell in cells]],
            "period": periods[[cell.period for cell in cells]],
        }
    )
    counts = pd.DataFrame(
        {
            "n_treated": [cell.n_treated for cell in cells],
            "n_comparison": [cell.n_comparison for cell in cells],
        }
    )
    critical = simultaneous_critical(influences, level, n_draws, seed)
    estimates = np.array([cell.estimate for cell in cells])
    return effect_table(labels, estimates, influences, critical, withheld).join(counts)


def _paths(cohorts: Cohorts, cells: list[Cell], periods: pd.Index) -> tuple[pd.DataFrame, float]:
    """Mean of all areas that ever start, and the same less the effects there were by then.

    Also the mean outcome over the areas and periods that the effects are for.
    """
    ever = np.isfinite(cohorts.starts)
    effects = np.zeros_like(cohorts.outcomes)
    covered = np.zeros(cohorts.outcomes.shape, dtype=bool)
    for cell in cells:
        if cell.period >= cell.group:
            rows = cohorts.starts == cell.group
            effects[rows, cell.period] = cell.estimate
            covered[rows, cell.period] = True
    treated = np.nanmean(cohorts.outcomes[ever], axis=0)
    without = np.nanmean((cohorts.outcomes - effects)[ever], axis=0)
    observed = float(np.nanmean(cohorts.outcomes[covered]))
    return paths_frame(periods, treated, without), observed
