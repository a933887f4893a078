"""Controlled interrupted time series: a change at the start beyond that of comparison areas.

Lopez Bernal, Cummins and Gasparrini (2018). It rules out what happened everywhere at that time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, tidy
from lsp_analysis.effects.layout import as_start, treated_areas
from lsp_analysis.effects.options import positive
from lsp_analysis.effects.parts import UNTOUCHED
from lsp_analysis.effects.regressions.its import (
    TREND_GOES_ON,
    InterruptedSeries,
    autocorrelation_warning,
    series_fields,
)
from lsp_analysis.effects.regressions.its_design import CHANGES, design, series_of
from lsp_analysis.effects.regressions.its_fit import check_events, fit_series
from lsp_analysis.effects.regressions.its_size import size_of_change

SHARED_BREAK = (
    "Whatever else changed at the start changed the comparison areas' series by as much (in "
    "proportion, for counts)."
)


def controlled_interrupted_series(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    family: str = "gaussian",
    population: str | None = None,
    change: str = "both",
    harmonics: int = 0,
    cycle: float | None = None,
    newey_west: int | None = None,
    small_sample: bool = False,
    slope_from: int = 1,
    use_t: bool | None = None,
    per: float = 1_000,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> InterruptedSeries:
    """Change of the treated areas' series at the start, beyond that of comparison areas.

    Both series have their own level, trend and changes, and share the season; the effect is the
    difference between their changes.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Areas are put together within each group as in `interrupted_series`.
    family, population, change, harmonics, cycle, newey_west, small_sample, slope_from, use_t, per
        As in `interrupted_series`; Newey-West errors also allow for both series being shaken at the
        same time.

    Returns
    -------
    InterruptedSeries
        The terms of the effect are called "treated x level_change" and "treated x slope_change".
    """
    check_level(level)
    per = positive("per", per)
    others = [population] if population else []
    panel = tidy(panel, numbers=[outcome, *others], labels=[area, period])
    codes = treated_areas(panel, treated, area)
    inside = panel[area].isin(codes)
    parts = [
        series_of(
            panel[rows],
            outcome=outcome,
            treated=list(panel.loc[rows, area].unique()),
            others=others,
            summed=family != "gaussian",
            area=area,
            period=period,
            population=population,
        )[0].assign(_treated=float(is_treated))
        for rows, is_treated in ((inside, True), (~inside, False))
    ]
    shared = set(parts[0][period]) & set(parts[1][period])
    both = pd.concat([part[part[period].isin(shared)] for part in parts], ignore_index=True)
    columns = design(
        both[period],
        start,
        change=change,
        harmonics=harmonics,
        cycle=cycle,
        slope_from=slope_from,
    )
    doubled = ["intercept", "time", *CHANGES[change]]
    own = columns[doubled].mul(both["_treated"], axis=0).add_prefix("treated x ")
    columns = columns.join(own)
    people = None if population is None else both[population].to_numpy(dtype=float)
    after = (both[period] >= as_start(start, both[period])).to_numpy()
    for mark, whose in ((1.0, " in the treated areas"), (0.0, " in the comparison areas")):
        rows = (both["_treated"] == mark).to_numpy()
        check_events(both.loc[rows, outcome].to_numpy(dtype=float), after[rows], family, whose)
    fit = fit_series(
        both[outcome].to_numpy(dtype=float),
        columns,
        family=family,
        population=people,
        newey_west=newey_west,
        small_sample=small_sample,
        time=columns["time"].to_numpy(dtype=int),
        use_t=use_t,
        level=level,
    )
    terms = [f"treated x {name}" for name in CHANGES[change]]
    size = size_of_change(fit, columns, terms, people, level)
    rows = both["_treated"] == 1
    return InterruptedSeries(
        outcome=outcome,
        method="controlled interrupted time series",
        comparator="the earlier trend and the comparison areas' change",
        unit=unit,
        maryland=3,
        n_treated=len(codes),
        assumptions=(TREND_GOES_ON, SHARED_BREAK, UNTOUCHED),
        warnings=autocorrelation_warning(fit, newey_west, len(shared)),
        **series_fields(
            both[rows],
            size.of(rows.to_numpy()),
            fit,
            terms,
            outcome,
            None if people is None else people[rows],
            start,
            per,
            period,
        ),
    )
