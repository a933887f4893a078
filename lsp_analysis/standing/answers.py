"""Questions asked of one place, each with one answer that shows itself.

Every function takes a place first: what ``study.area(...)`` found, or an `AreaBrief` where dates,
levels or comparators of your own matter. Where the study cannot answer, the answer is an `Absent`,
which counts as false and says why. An unknown indicator or comparator raises, with the nearest
name there is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from lsp_analysis.absent import Absent
from lsp_analysis.errors import AreaError, PanelError, ParameterError, StudyError
from lsp_analysis.showing import with_note
from lsp_analysis.standing.agencies import agenda, data_sharing, joining
from lsp_analysis.standing.change import gap_forecast, process_table
from lsp_analysis.standing.comparison import peer_areas
from lsp_analysis.standing.place import mapped, of_area, verdict_grid
from lsp_analysis.standing.place.brief import AreaBrief, area_brief
from lsp_analysis.study.areas import Area


def brief_of(place: Area | AreaBrief) -> AreaBrief:
    """The brief of a place, read once for an area; ParameterError for anything else."""
    if isinstance(place, AreaBrief):
        return place
    if not isinstance(place, Area) or place.study is None:
        raise ParameterError(
            f"{str(place)[:60]!r} is no place. Give one of a study: "
            'place = open_study("bolton_demo").area("Hall i\' th\' Wood").'
        )
    known = vars(place)
    if "_brief" not in known:
        known["_brief"] = area_brief(place.study, place)
    return known["_brief"]


def _answer(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """`make`, which asks a brief, as a function of a place: see the module."""
    by_indicator = make.__code__.co_varnames[1:2] == ("indicator_id",)

    @wraps(make)
    def answer(place: Area | AreaBrief, *asked: Any, **options: Any) -> Any:
        brief = brief_of(place)
        try:
            if by_indicator and asked:
                asked = (brief.indicator_id(asked[0]), *asked[1:])
            return with_note(make(brief, *asked, **options), brief.note)
        except (PanelError, AreaError) as error:
            return Absent(str(error))
        except StudyError as error:
            if type(error) is not StudyError:  # a name that the study does not have
                raise
            return Absent(str(error))

    answer.__name__ = answer.__qualname__ = name
    answer.__module__ = __name__
    return answer


def _gap(brief: AreaBrief, indicator_id: str, comparator: str = of_area.REST) -> Any:
    """The gap between the place and the rest of its borough, or `comparator`, in every year.

    `place` is an area of a study or its brief, `indicator_id` the id or name of an indicator.
    """
    return brief.gap(indicator_id, comparator)


def _gap_trend(brief: AreaBrief, indicator_id: str, ahead: int = 3) -> Any:
    """A straight line through the gaps of all years, and `ahead` years further."""
    return gap_forecast.gap_trend(brief.gap(indicator_id), ahead=ahead, level=brief.level)


gap = _answer("gap", _gap)
gap_trend = _answer("gap_trend", _gap_trend)
compare = _answer("compare", of_area.compare_of)
residents = _answer("residents", of_area.people_of)
age_standardised = _answer("age_standardised", of_area.ages_of)
avoided = _answer("avoided", of_area.avoided_of)
two_aims = _answer("two_aims", of_area.quadrant_of)
recent_trend = _answer("recent_trend", of_area.recent_of)
trend_test = _answer("trend_test", of_area.proportion_trend_of)
slope_index = _answer("slope_index", of_area.slope_of)
slope_by_year = _answer("slope_by_year", of_area.slopes_of)
concentration = _answer("concentration", of_area.shares_of)
funnel_plot = _answer("funnel_plot", of_area.funnel_of)
peers = _answer("peers", peer_areas.peers)
process_chart = _answer("process_chart", process_table.process_of)
signals = _answer("signals", process_table.signals)
small_area_map = _answer("small_area_map", mapped.places)
neighbours = _answer("neighbours", verdict_grid.rug)
joined_up = _answer("joined_up", joining.joined_up)
plan_by_agency = _answer("plan_by_agency", joining.plan_by_agency)
plan_sentence = _answer("plan_sentence", agenda.plan_sentence)
activity = _answer("activity", joining.activity_in)
spending = _answer("spending", joining.spending_in)
spending_table = _answer("spending_table", joining.spending_table)
near_by = _answer("near_by", joining.assets_table)
small_counts = _answer("small_counts", data_sharing.small_counts)
shareable = _answer("shareable", data_sharing.shareable)
