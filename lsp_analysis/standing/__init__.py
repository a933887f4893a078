"""Where are we at? One place beside its borough: gaps, trends, maps, inequality and agencies.

Each function takes a place (``study.area(...)`` or `area_brief`) and mostly an indicator, and
returns a result that shows itself: ``gap(place, "burglary")``.
"""

import lazy_loader

_HOME = {
    "area_brief": "place.brief",
    "profile_page": "place.pages",
    "gap_page": "place.pages",
    "trend_page": "place.pages",
    "map_page": "place.pages",
}
_ANSWERS = (
    *("activity", "age_standardised", "avoided", "clustering", "compare", "concentration"),
    *("coverage", "data_check", "funnel_of_areas", "gap", "gap_trend"),
    *("life_expectancy", "segregation"),
    *("joined_up", "near_by", "neighbours", "owners", "peers", "plan_by_agency", "plan_sentence"),
    *("process_chart", "recent_trend", "shareable", "sharing", "signals"),
    *("slope_by_year", "slope_index", "small_area_map", "small_counts", "smoothed_map"),
    *("spending", "spending_table", "trend", "trend_test", "two_aims"),
)
_HOME |= dict.fromkeys(_ANSWERS, "answers")

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
