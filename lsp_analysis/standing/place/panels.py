"""The panels of a study, as they are and by years."""

from __future__ import annotations

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import LevelError, PanelError, StudyError
from lsp_analysis.study.store import Study


def read_panels(study: Study) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Panels of a study by indicator, and why any is missing.

    An indicator given for MSOAs or wards is compared at its own level; see `wider`.
    StudyError when no indicator has observations for small areas.
    """
    panels, notes, larger = {}, [], []
    for indicator_id in study.indicators()["indicator_id"]:
        try:
            panels[indicator_id] = study.panel(indicator_id)
        except LevelError as error:
            if not {"msoa", "ward"} & set(error.levels):
                larger.append(study.indicator(indicator_id).name)
        except PanelError as error:
            notes.append(str(error))
    if larger:
        notes.append(f"Given for the whole borough only: {wording.some_of(larger)}.")
    if not panels:
        raise StudyError(
            f"No indicator of {study.title} has observations for small areas. Add some: "
            "lsp-analysis add."
        )
    return panels, notes
