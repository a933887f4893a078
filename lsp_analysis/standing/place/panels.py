"""The panels of a study, as they are and by years."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import LevelError, PanelError, StudyError

if TYPE_CHECKING:
    from lsp_analysis.study.store import Study


def read_panels(study: Study) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Panels of a study by indicator, and why any is missing.

    StudyError when no indicator has observations for small areas.
    """
    panels, notes, larger = {}, [], []
    for indicator_id in study.indicators()["indicator_id"]:
        try:
            panels[indicator_id] = study.panel(indicator_id)
        except LevelError:
            larger.append(study.indicator(indicator_id).name)
        except PanelError as error:
            notes.append(str(error))
    if larger:
        notes.append(f"Given for larger areas only, and not compared: {wording.some_of(larger)}.")
    if not panels:
        raise StudyError(
            f"No indicator of {study.title} has observations for small areas. Add some: "
            "lsp-analysis add."
        )
    return panels, notes


def with_a_course(paths: pd.DataFrame) -> pd.DataFrame:
    """Rows of the series (by ``title``) known for two periods or more; all of them if none is.

    A census has one period: a chart over time would show it as a dot that never moves.
    """
    known = paths.dropna(subset="value").groupby("title")["period"].nunique()
    moving = paths["title"].isin(known.index[known > 1])
    return paths[moving] if moving.any() else paths
