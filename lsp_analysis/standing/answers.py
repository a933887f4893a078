"""Questions asked of one place, each with one answer that shows itself.

Every function takes a place first: what ``study.area(...)`` found, or an `AreaBrief` where dates or
comparators of your own matter; ``level=0.9`` can be given to each. Where the study cannot answer,
the answer is an `Absent`, which counts as false and says why. An unknown indicator or comparator
raises, with the nearest name there is.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import AreaError, PanelError, ParameterError, StudyError, UnknownNameError
from lsp_analysis.showing import Absent, View, refuse_misfit, with_note
from lsp_analysis.standing import study_check
from lsp_analysis.standing.agencies import agenda
from lsp_analysis.standing.change import gaps, process, trends
from lsp_analysis.standing.comparison import baseline
from lsp_analysis.standing.comparison.intervals import check_level
from lsp_analysis.standing.inequality import gradient, life, space
from lsp_analysis.standing.place import mapped, other_areas
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


def _answer(make: Callable[..., Any], name: str = "", of: Callable[..., Any] = brief_of) -> Any:
    """`make`, which asks a brief (or what else `of` makes of a place), as a public function."""
    takes, name = list(signature(make).parameters), name or make.__name__
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
                known = about.indicator_id(asked[0], larger=name == "compare")
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


# Beside others --------------------------------------------------------------------------------


@_answer
def compare(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> baseline.Comparison:
    """The area beside a comparator in its last year.

    Of an indicator given for MSOAs or wards only, the one that the area lies in beside the others.
    """
    if indicator_id not in brief.panels:
        return other_areas.compare_larger(brief, indicator_id)
    one, sides = brief.measured(indicator_id), brief.sides(comparator)
    found = baseline.compare_measured(one, sides, level=brief.level)
    row = brief.profile.table.loc[indicator_id]
    verdict = row["verdict"] if comparator == REST else row[f"{comparator}: verdict"]
    return replace(found, verdict=verdict)


@_answer
def avoided(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> View:
    """What the gap of the last year comes to in events."""
    one, sides = brief.measured(indicator_id), brief.sides(comparator)
    return baseline.events_avoided(one, sides, level=brief.level)


age_standardised = _answer(life.age_adjusted, "age_standardised")
life_expectancy = _answer(life.life_expectancy_in, "life_expectancy")
peers = _answer(other_areas.peers)
neighbours = _answer(other_areas.rug, "neighbours")
larger_areas = _answer(other_areas.larger_areas)


# Through time ---------------------------------------------------------------------------------


@_answer
def gap(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> gaps.Gap:
    """The gap between the place and the rest of its borough, or `comparator`, in every year.

    `place` is an area of a study or its brief, `indicator_id` the id or name of an indicator.
    """
    return brief.gap(indicator_id, comparator)


@_answer
def gap_trend(
    brief: AreaBrief, indicator_id: str, comparator: str = REST, ahead: int = 3
) -> gaps.GapTrend:
    """A straight line through the gaps of all years, and `ahead` years further."""
    return gaps.gap_trend(brief.gap(indicator_id, comparator), ahead=ahead, level=brief.level)


@_answer
def trend(brief: AreaBrief, indicator_id: str) -> View:
    """One indicator of the place through the years, beside what it is compared with."""
    frame = brief.trend(indicator_id)
    wide = frame.pivot_table(index="period", columns="series", values="value", sort=False)
    said, table = brief.trend_sentence(indicator_id), wide.rename_axis(columns=None)
    return View(said, table, lambda ax: brief.draw_trend(indicator_id, ax=ax))


@_answer
def trend_test(brief: AreaBrief, indicator_id: str) -> View:
    """The chi-squared test for trend over all years; PanelError if it is no proportion."""
    about = {"indicator": brief.indicator(indicator_id), "events": brief.events(indicator_id)}
    return trends.proportion_trend(brief.series(indicator_id), **about)


two_aims = _answer(gradient.aims_of, "two_aims")
recent_trend = _answer(process.recent_of, "recent_trend")
process_chart = _answer(process.process_of, "process_chart")
signals = _answer(process.signals)


# Over the borough -----------------------------------------------------------------------------


slope_index = _answer(gradient.slope, "slope_index")
slope_by_year = _answer(gradient.slopes, "slope_by_year")
concentration = _answer(gradient.shared_out, "concentration")
segregation = _answer(space.unevenness, "segregation")


@_answer
def smoothed_map(brief: AreaBrief, indicator_id: str) -> View:
    """The map of an indicator with each small area's value shrunk by how much of it is chance."""
    where = mapped.places(brief, indicator_id)
    return View(where.smoothing_sentence(), draw=where.draw_smoothed)


@_answer
def clustering(brief: AreaBrief, indicator_id: str, permutations: int = 999) -> View:
    """Whether neighbouring small areas are alike (Moran's I), and where they are."""
    where = mapped.places(brief, indicator_id)
    found = where.moran(permutations=permutations)
    return View(found.sentence(), draw=found.plot, tabulate=lambda: where.clusters_table(found))


small_area_map = _answer(mapped.places, "small_area_map")


# The partnership ------------------------------------------------------------------------------

joined_up = _answer(agenda.joined_up)
plan_by_agency = _answer(agenda.plan_by_agency)
plan_sentence = _answer(agenda.plan_sentence)
activity = _answer(agenda.activity)
spending = _answer(agenda.spending)
spending_table = _answer(agenda.spending_table)
near_by = _answer(agenda.assets_table, "near_by")
small_counts = _answer(study_check.small_counts)
shareable = _answer(study_check.shareable)
sharing = _answer(study_check.sharing, of=_study_of)


# The study ------------------------------------------------------------------------------------


data_check = _answer(study_check.data_check, of=_study_of)
coverage = _answer(study_check.coverage, of=_study_of)
owners = _answer(study_check.owners_table, "owners", of=_study_of)
funnel_of_areas = _answer(study_check.funnel_of_areas, of=_study_of)


# Pages for a reader who picks the area and the indicator from lists: results in reading order -


def profile_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """Where the area stands: all indicators, then the one picked beside the rest of the borough."""
    return [brief, compare(brief, indicator_id), peers(brief, indicator_id)]


def gap_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """How the gap to the rest of the borough moved."""
    return [gap(brief, indicator_id)]


def trend_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator through time beside its comparators, and its process chart."""
    return [trend(brief, indicator_id), process_chart(brief, indicator_id)]


def map_page(brief: AreaBrief, indicator_id: str) -> list[Any]:
    """The indicator in every small area of the borough."""
    return [small_area_map(brief, indicator_id)]
