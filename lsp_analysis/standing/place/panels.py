"""The panels of a study, as they are and by years."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis.errors import PanelError, StudyError
from lsp_analysis.standing.change.trends import PER_YEAR

if TYPE_CHECKING:
    from lsp_analysis.study.store import Study


def read_panels(study: Study) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Panels of a study by indicator, and why any is missing.

    StudyError when no indicator has observations for small areas.
    """
    panels, notes = {}, []
    for indicator_id in study.indicators()["indicator_id"]:
        try:
            panels[indicator_id] = study.panel(indicator_id)
        except PanelError as error:
            notes.append(str(error))
    if not panels:
        raise StudyError(
            f"No indicator of {study.title} has observations for small areas. Add some: "
            "lsp-analysis add."
        )
    return panels, notes


def yearly(panel: pd.DataFrame) -> pd.DataFrame:
    """A panel of months or quarters added up to calendar years; a panel of years as it is.

    A year that lacks a period for an area is left out. Numerators are added up; denominators, which
    count the people at risk, too when numerators are events of the period: the rate is then per
    period, as in the panel.
    """
    length = panel["period"].dtype.freq.freqstr[0]
    if length not in PER_YEAR:
        return panel
    per_year = PER_YEAR[length]
    year = panel["period"].dt.asfreq("Y")
    grouped = panel.assign(period=year).groupby(["area_code", "period"])
    sums = grouped[["numerator", "denominator"]].sum(min_count=per_year)
    mean = grouped["value"].mean().where(grouped["value"].count() == per_year)
    whole = grouped.size() == per_year
    noted = panel.assign(period=year)[panel["note"].fillna("") != ""]
    notes = noted.groupby(["area_code", "period"])["note"].agg(_joined)
    out = sums.assign(value=mean, note=notes)[whole]
    out["note"] = out["note"].fillna("")
    return out.reset_index()[["area_code", "period", "numerator", "denominator", "value", "note"]]


def _joined(notes: pd.Series) -> str:
    return "; ".join(sorted(set(notes.dropna()) - {""}))


def with_a_course(paths: pd.DataFrame) -> pd.DataFrame:
    """Rows of the series (by ``title``) known for two periods or more; all of them if none is.

    A census has one period: a chart over time would show it as a dot that never moves.
    """
    known = paths.dropna(subset="value").groupby("title")["period"].nunique()
    moving = paths["title"].isin(known.index[known > 1])
    return paths[moving] if moving.any() else paths
