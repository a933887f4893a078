"""Where are we at? One place beside its borough: gaps, trends, maps, inequality and agencies.

Each function takes a place (``study.area(...)`` or `area_brief`) and mostly an indicator, and
returns a result that shows itself: ``gap(place, "burglary")``.
"""

import lazy_loader

_HOME = {
    "activity": "answers",
    "age_standardised": "answers",
    "area_brief": "place.brief",
    "avoided": "answers",
    "clustering": "answers",
    "compare": "answers",
    "concentration": "answers",
    "coverage": "answers",
    "data_check": "answers",
    "funnel_of_areas": "answers",
    "gap": "answers",
    "gap_page": "answers",
    "gap_trend": "answers",
    "joined_up": "answers",
    "larger_areas": "answers",
    "life_expectancy": "answers",
    "map_page": "answers",
    "near_by": "answers",
    "neighbours": "answers",
    "owners": "answers",
    "peers": "answers",
    "plan_by_agency": "answers",
    "plan_sentence": "answers",
    "process_chart": "answers",
    "profile_page": "answers",
    "recent_trend": "answers",
    "segregation": "answers",
    "shareable": "answers",
    "sharing": "answers",
    "signals": "answers",
    "slope_by_year": "answers",
    "slope_index": "answers",
    "small_area_map": "answers",
    "small_counts": "answers",
    "smoothed_map": "answers",
    "spending": "answers",
    "spending_table": "answers",
    "trend": "answers",
    "trend_page": "answers",
    "trend_test": "answers",
    "two_aims": "answers",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
