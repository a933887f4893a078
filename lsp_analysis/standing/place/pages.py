"""Short pages on one indicator of one area, for a reader who picks both from a list.

Each takes a brief and an indicator, and returns in reading order the results that the notebooks
show cell by cell.
"""

from __future__ import annotations

from typing import Any

from lsp_analysis.standing import answers
from lsp_analysis.standing.place.brief import AreaBrief


def profile_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """Where the area stands: all indicators, then the one picked beside the rest of the borough."""
    return [brief, answers.compare(brief, indicator_id), answers.peers(brief, indicator_id)]


def gap_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """How the gap to the rest of the borough moved."""
    return [answers.gap(brief, indicator_id)]


def trend_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator through time beside its comparators, and its process chart."""
    return [answers.trend(brief, indicator_id), answers.process_chart(brief, indicator_id)]


def map_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator in every small area of the borough."""
    return [answers.small_area_map(brief, indicator_id)]
