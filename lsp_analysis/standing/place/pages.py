"""Short pages on one indicator of one area, for a reader who picks both from a list.

Each takes a brief and an indicator and returns charts, sentences and tables in reading order: the
same that the notebooks make cell by cell.
"""

from __future__ import annotations

from typing import Any

from lsp_analysis.absent import if_possible
from lsp_analysis.standing.change.process_table import process_of
from lsp_analysis.standing.comparison.peer_areas import peers
from lsp_analysis.standing.place.brief import AreaBrief
from lsp_analysis.standing.place.mapped import places
from lsp_analysis.standing.place.of_area import compare_of


def profile_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """Where the area stands: all indicators, then the one picked beside the rest of the borough."""
    return [
        brief.headline(),
        brief.profile.plot(),
        if_possible(compare_of, brief, indicator_id).sentence(),
        if_possible(peers, brief, indicator_id).sentence(),
    ]


def gap_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """How the gap to the rest of the borough moved."""
    found = brief.gap(indicator_id)
    return [found.sentence(), found.plot(events=brief.events())]


def trend_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator through time beside its comparators, and its process chart."""
    chart = if_possible(process_of, brief, indicator_id)
    drawn = [chart.plot(events=brief.events())] if chart else []
    return [
        brief.trend_sentence(indicator_id),
        brief.draw_trend(indicator_id),
        chart.sentence(),
        *drawn,
    ]


def map_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator in every small area of the borough."""
    found = if_possible(places, brief, indicator_id)
    return [found.sentence(), found.plot()] if found else [found.sentence()]
