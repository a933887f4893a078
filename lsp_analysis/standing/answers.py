"""Questions asked of one place, each with one answer that shows itself.

Every function takes a place first: what ``study.area(...)`` found, or an `AreaBrief` where dates or
comparators of your own matter; ``level=0.9`` can be given to each. Where the study cannot answer,
the answer is an `Absent`, which counts as false and says why. An unknown indicator or comparator
raises, with the nearest name there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Any

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import AreaError, PanelError, ParameterError, StudyError, UnknownNameError
from lsp_analysis.showing import View, readable, refuse_misfit, with_note
from lsp_analysis.standing import study_check
from lsp_analysis.standing.agencies import agenda, data_sharing, joining
from lsp_analysis.standing.change import process_table
from lsp_analysis.standing.change.gap_forecast import GapTrend
from lsp_analysis.standing.change.gap_forecast import gap_trend as gap_trend_of
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.checks import check_level
from lsp_analysis.standing.comparison import peer_areas
from lsp_analysis.standing.comparison.funnels import Funnel, funnel
from lsp_analysis.standing.comparison.measured import measure
from lsp_analysis.standing.completeness import coverage_of
from lsp_analysis.standing.place import mapped, of_area, verdict_grid, wider
from lsp_analysis.standing.place.brief import REST, AreaBrief, area_brief
from lsp_analysis.study.areas import Area
from lsp_analysis.study.store import Study, open_study


def brief_of(place: Area | AreaBrief) -> AreaBrief:
    """The brief of a place, read once for an area; ParameterError for anything else."""
    if isinstance(place, AreaBrief):
        return place
    if not isinstance(place, Area) or place.study is None:
        raise ParameterError(
            f"A place of a study comes first, and this is {wording.a_type(place)}: write "
            'place = open_study("bolton_demo").area("Hall i\' th\' Wood"), then give place.'
        )
    known = vars(place)
    if "_brief" not in known:
        known["_brief"] = area_brief(place.study, place)
    return known["_brief"]


def _study_of(asked: Study | Area | AreaBrief | str) -> Study:
    """The study itself, or that of a place, or the one in a folder."""
    return getattr(asked, "study", None) or open_study(asked)


def _answer(name: str, make: Callable[..., Any], of: Callable[..., Any] = brief_of) -> Any:
    """`make`, which asks a brief (or what else `of` makes of a place), as a public function."""
    takes = list(signature(make).parameters)
    by_indicator = takes[1:2] == ["indicator_id"]

    @wraps(make)
    def answer(place: Area | AreaBrief | Study, *asked: Any, **options: Any) -> Any:
        about = of(place)
        if "level" in options and "level" not in takes and isinstance(about, AreaBrief):
            about = replace(about, level=check_level(options.pop("level")))
        refuse_misfit(name, make, about, *asked, **options)
        absent = next((one for one in asked if isinstance(one, Absent)), None)
        if absent:
            return absent
        try:
            if by_indicator and asked:
                known = about.indicator_id(asked[0], larger=make is of_area.compare_of)
                asked = (known, *asked[1:])
            made = make(about, *asked, **options)
        except UnknownNameError:
            raise
        except (PanelError, AreaError, StudyError) as error:
            return Absent(str(error))
        if not (by_indicator and asked):
            return with_note(made, about.note)
        called = about.study.indicator(asked[0]).name
        dated = about.events(asked[0] if asked[0] in about.panels else "")
        return with_note(made, about.note, dated, called)

    answer.__name__ = answer.__qualname__ = name
    answer.__module__ = __name__
    return answer


def _gap(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> Gap:
    """The gap between the place and the rest of its borough, or `comparator`, in every year.

    `place` is an area of a study or its brief, `indicator_id` the id or name of an indicator.
    """
    return brief.gap(indicator_id, comparator)


def _gap_trend(
    brief: AreaBrief, indicator_id: str, comparator: str = REST, ahead: int = 3
) -> GapTrend:
    """A straight line through the gaps of all years, and `ahead` years further."""
    return gap_trend_of(brief.gap(indicator_id, comparator), ahead=ahead, level=brief.level)


def _trend(brief: AreaBrief, indicator_id: str) -> View:
    """One indicator of the place through the years, beside what it is compared with."""
    frame = brief.trend(indicator_id)
    wide = frame.pivot_table(index="period", columns="series", values="value", sort=False)
    return View(
        brief.trend_sentence(indicator_id),
        lambda: brief.draw_trend(indicator_id),
        lambda: readable(wide.rename_axis(columns=None)),
    )


def _smoothed_map(brief: AreaBrief, indicator_id: str) -> View:
    """The map of an indicator with each small area's value shrunk by how much of it is chance."""
    where = mapped.places(brief, indicator_id)
    return View(where.smoothing_sentence(), where.draw_smoothed)


def _clustering(brief: AreaBrief, indicator_id: str, permutations: int = 999) -> View:
    """Whether neighbouring small areas are alike (Moran's I), and where they are."""
    where = mapped.places(brief, indicator_id)
    found = where.moran(permutations=permutations)
    return View(found.sentence(), found.plot, lambda: where.clusters_table(found))


def _funnel_of_areas(study: Study, indicator: str = "") -> Funnel:
    """All small areas of a study against the limits of chance.

    Of `indicator`, or of the first with counts of events.
    """
    chosen = study_check.to_look_at(study, indicator)
    made = measure(study, chosen.indicator_id)
    return funnel(made.panel, indicator=made.indicator)


gap = _answer("gap", _gap)
gap_trend = _answer("gap_trend", _gap_trend)
compare = _answer("compare", of_area.compare_of)
larger_areas = _answer("larger_areas", wider.larger_areas)
life_expectancy = _answer("life_expectancy", of_area.life_of)
segregation = _answer("segregation", of_area.unevenness_of)
age_standardised = _answer("age_standardised", of_area.ages_of)
avoided = _answer("avoided", of_area.avoided_of)
two_aims = _answer("two_aims", of_area.quadrant_of)
recent_trend = _answer("recent_trend", of_area.recent_of)
trend_test = _answer("trend_test", of_area.proportion_trend_of)
slope_index = _answer("slope_index", of_area.slope_of)
slope_by_year = _answer("slope_by_year", of_area.slopes_of)
concentration = _answer("concentration", of_area.shares_of)
peers = _answer("peers", peer_areas.peers)
process_chart = _answer("process_chart", process_table.process_of)
signals = _answer("signals", process_table.signals)
trend = _answer("trend", _trend)
smoothed_map = _answer("smoothed_map", _smoothed_map)
clustering = _answer("clustering", _clustering)
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
data_check = _answer("data_check", study_check.data_check, _study_of)
coverage = _answer("coverage", coverage_of, _study_of)
owners = _answer("owners", study_check.owners_table, _study_of)
funnel_of_areas = _answer("funnel_of_areas", _funnel_of_areas, _study_of)
sharing = _answer("sharing", data_sharing.sharing, _study_of)
