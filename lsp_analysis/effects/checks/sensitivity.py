"""What could fool us? Every check of one estimate, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.case import FAILED, PASSED, UNSURE, Case, open_case
from lsp_analysis.effects.checks.comparators import (
    comparison_choice,
    contaminated_comparators,
    leave_one_out,
)
from lsp_analysis.effects.checks.data_quality import missing_data, series_breaks, small_counts
from lsp_analysis.effects.checks.displaced import displacement
from lsp_analysis.effects.checks.pretrends import (
    anticipation,
    earlier_dates,
    pre_trends,
    undoing_violation,
)
from lsp_analysis.effects.checks.regression_to_mean import regression_to_the_mean
from lsp_analysis.effects.checks.rings import spillover
from lsp_analysis.effects.result import CheckResult

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from lsp_analysis.figures.tables import Table

SIGNS = {PASSED: "✓", FAILED: "✗", UNSURE: "?"}


def check_all(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: Sequence[str],
    start: pd.Period | str,
    population: str | None = None,
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    geometry: GeoDataFrame | None = None,
    interventions: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    members: Mapping[str, Sequence[str]] | None = None,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "",
    person_periods: bool = False,
) -> tuple[CheckResult, ...]:
    """All checks of one estimate.

    Parameters
    ----------
    panel, outcome, treated, start, population, neighbours, level, seed, unit, person_periods
        As for `estimate`. A column ``note`` of the panel (break, suppressed, estimated) is read.
    geometry : GeoDataFrame, optional
        ``area_code`` and boundaries in metres, for rings by distance; else rings count borders.
    interventions, events : DataFrame, optional
        Tables of the study folder, to find what else was done where.
    members : mapping of area code to small-area codes, optional
        What the areas in those tables are made of.

    Raises
    ------
    PanelError, AreaError
        As for `estimate`.
    """
    case = open_case(
        panel, outcome=outcome, treated=treated, start=start, population=population,
        neighbours=neighbours, level=level, seed=seed, unit=unit, person_periods=person_periods,
    )  # fmt: skip
    notes = panel[["period", "note"]] if "note" in panel else None
    return check_case(
        case, notes=notes, geometry=geometry, interventions=interventions, events=events,
        members=members,
    )  # fmt: skip


def check_case(
    case: Case,
    *,
    notes: pd.DataFrame | None = None,
    geometry: GeoDataFrame | None = None,
    interventions: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    members: Mapping[str, Sequence[str]] | None = None,
) -> tuple[CheckResult, ...]:
    """All checks of a case that is laid out already; parameters as for `check_all`."""
    earlier = earlier_dates(case)
    return (
        regression_to_the_mean(case),
        pre_trends(case, earlier),
        undoing_violation(case, earlier),
        anticipation(case),
        spillover(case, geometry=geometry),
        displacement(case),
        contaminated_comparators(case, interventions=interventions, events=events, members=members),
        leave_one_out(case),
        comparison_choice(case),
        series_breaks(case, notes),
        small_counts(case),
        missing_data(case, notes),
    )


def checks_frame(checks: Iterable[CheckResult]) -> pd.DataFrame:
    """One row per check: its status and what was found."""
    return pd.concat([check.summary_frame() for check in checks])


def checks_table(checks: Iterable[CheckResult]) -> Table:
    """All checks for a page, each with its status as a word and a sign."""
    rows = [
        {"Check": check.name, "Status": f"{SIGNS[check.status]}\u00a0{check.status}",
         "What was found": check.finding}
        for check in checks
    ]  # fmt: skip
    return figures.table(pd.DataFrame(rows), caption="What could fool us, and what was found")


def checks_sentence(checks: Iterable[CheckResult]) -> wording.Sentence:
    """How many checks passed, and the names of those that did not, in one line."""
    checks = tuple(checks)
    names = {
        status: [check.name.lower() for check in checks if check.status == status]
        for status in dict.fromkeys(check.status for check in checks)
    }
    told = [f"{wording.of_total(len(names.get(PASSED, [])), len(checks))} checks passed"]
    if names.get(FAILED):
        told.append(f"failed: {wording.and_list(names[FAILED])}")
    unsure = [name for status, found in names.items() for name in found
              if status not in (PASSED, FAILED)]  # fmt: skip
    if unsure:
        told.append(f"too little to tell: {wording.and_list(unsure)}")
    return wording.Sentence("; ".join(told) + ".")
