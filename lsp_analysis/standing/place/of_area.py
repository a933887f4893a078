"""What a notebook asks of one area: each method, fed from a brief with area, comparators and years.

Months and quarters are added up to years where there are two whole ones, so that seasons do not
hide what is asked for.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.change.avoided import EventsAvoided, events_avoided
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.change.trends import (
    ProportionTrend,
    RecentTrend,
    proportion_trend,
    recent_trend,
)
from lsp_analysis.standing.change.two_aims import Quadrant, quadrant_between
from lsp_analysis.standing.comparison.baseline import (
    Comparison,
    compare_measured,
    last_known,
    period_words,
)
from lsp_analysis.standing.inequality.gradient import Concentration, shared_out, slope, slopes
from lsp_analysis.standing.inequality.life import LifeExpectancy, life_expectancy_in
from lsp_analysis.standing.inequality.sii import SlopeIndex
from lsp_analysis.standing.inequality.uneven import Unevenness, unevenness
from lsp_analysis.standing.place.ages import AgeAdjusted, age_adjusted, has_ages
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.standing.place.groups import group_limits
from lsp_analysis.standing.place.residents import People, people
from lsp_analysis.standing.place.wider import compare_larger
from lsp_analysis.study.areas import last_edition_before


def people_of(brief: AreaBrief) -> People:
    """Residents by age and sex beside the rest of the borough; StudyError without populations."""
    return people(
        brief.study.read("populations"),
        area=brief.area.members,
        comparator=brief.comparators[REST],
        area_name=brief.area.name,
        comparator_name=REST,
    )


def ages_of(brief: AreaBrief, indicator_id: str = "") -> AgeAdjusted:
    """An outcome with the ages of areas made alike.

    The last indicator counted by age, unless one is given; PanelError when there is none.
    """
    counted = [indicator_id] if indicator_id else has_ages(brief.study)
    if not counted:
        raise PanelError(
            "No indicator of this study is counted by age band, so ages cannot be allowed for."
        )
    groups = {brief.area.name: brief.area.members, **brief.comparators}
    return age_adjusted(brief.measured(counted[-1]), groups, level=brief.level)


def compare_of(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> Comparison:
    """The area beside a comparator in its last year.

    Of an indicator given for MSOAs or wards only, the one that the area lies in beside the others.
    """
    if brief.indicator_id(indicator_id, larger=True) not in brief.panels:
        return compare_larger(brief, indicator_id)
    found = compare_measured(brief.measured(indicator_id), **_sides(brief, comparator))
    row = brief.profile.table.loc[brief.indicator_id(indicator_id)]
    said = row["verdict"] if comparator == REST else row[f"{comparator}: verdict"]
    return replace(found, verdict=said)


def avoided_of(brief: AreaBrief, indicator_id: str, comparator: str = REST) -> EventsAvoided:
    """What the gap of the last year comes to in events."""
    return events_avoided(brief.measured(indicator_id), **_sides(brief, comparator))


def quadrant_of(brief: AreaBrief) -> Quadrant:
    """Every indicator by how the rest of the borough changed and how the gap did."""
    return quadrant_between(
        {name: (brief.series(name), brief.series(name, REST)) for name in brief.panels},
        indicators=[brief.indicator(indicator_id) for indicator_id in brief.panels],
        level=brief.level,
        area_name=brief.area.name,
    )


def recent_of(brief: AreaBrief, indicator_id: str) -> RecentTrend:
    """Fingertips' recent trend over the last five years."""
    indicator = brief.indicator(indicator_id)
    series = brief.series(indicator_id)
    low, high = group_limits(series, indicator=indicator, level=0.95)
    series = series[["period", "value"]].assign(low=low, high=high)
    return recent_trend(series, polarity=indicator.polarity, unit=indicator.per)


def proportion_trend_of(brief: AreaBrief, indicator_id: str) -> ProportionTrend:
    """The chi-squared test for trend over all years; PanelError if it is no proportion."""
    indicator = brief.indicator(indicator_id)
    return proportion_trend(brief.series(indicator_id), indicator=indicator)


def slope_of(brief: AreaBrief, indicator_id: str) -> SlopeIndex:
    """The slope over the whole borough by deprivation, in the last year."""
    panel = brief.through_time(indicator_id)
    indicator = brief.indicator(indicator_id)
    return slope(panel, ranks_of(brief), indicator=indicator, level=brief.level)


def slopes_of(brief: AreaBrief, indicator_id: str) -> Gap:
    """The slope over the whole borough by deprivation, year by year."""
    panel = brief.through_time(indicator_id)
    indicator = brief.indicator(indicator_id)
    return slopes(panel, ranks_of(brief), indicator=indicator, level=brief.level)


def life_of(brief: AreaBrief) -> LifeExpectancy:
    """Life expectancy at birth in the place and in what it is compared with.

    PanelError in a study without deaths from all causes by five-year age band.
    """
    counted = [name for name in has_ages(brief.study) if name in brief.panels]
    named = [
        n for n in counted if re.search(r"\b(all causes|all deaths|mortality)", _name(brief, n))
    ]
    if not named:
        raise PanelError(
            "No indicator of this study is deaths from all causes by age band, from which life "
            "expectancy is worked out."
        )
    groups = {brief.area.name: brief.area.members, **brief.comparators}
    return life_expectancy_in(brief.measured(named[0]), groups, level=brief.level)


def _name(brief: AreaBrief, indicator_id: str) -> str:
    return brief.indicator(indicator_id).name.lower()


def unevenness_of(brief: AreaBrief, indicator_id: str) -> Unevenness:
    """How unevenly the people whom an indicator counts live over the borough, in its last year."""
    one = brief.measured(indicator_id)
    last = last_known(brief.series(indicator_id))
    when = period_words(last, last, averaged=one.averaged)
    rows = one.panel[one.panel["period"] == last]
    codes = [*brief.area.members, *brief.comparators[REST]]
    return unevenness(rows[rows["area_code"].isin(codes)], one.indicator, when)


def shares_of(brief: AreaBrief, indicator_id: str) -> Concentration:
    """How the events of the last year are shared out from the most to the least deprived."""
    panel = brief.through_time(indicator_id)
    return shared_out(panel, ranks_of(brief), indicator=brief.indicator(indicator_id))


def ranks_of(brief: AreaBrief) -> pd.DataFrame:
    """Ranks of deprivation in the edition that similarly deprived areas were chosen on.

    StudyError without the table, AreaError without an edition old enough.
    """
    editions = brief.study.read("deprivation", columns=["edition"])["edition"].dropna().unique()
    vintage = brief.area.code_vintage if brief.study.has("code_lookup") else None
    return brief.study.deprivation(last_edition_before(editions, brief.start), code_vintage=vintage)


def _sides(brief: AreaBrief, comparator: str) -> dict[str, object]:
    return {
        "area": brief.area.members,
        "comparator": brief.comparators[comparator],
        "level": brief.level,
        "area_name": brief.area.name,
        "comparator_name": comparator,
    }
