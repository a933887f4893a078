"""Neighbourhood data read truthfully: where are we at, what works, what next?"""

import lazy_loader

__version__ = "0.1.0"

_HOME = {
    "Study": "study.store",
    "open_study": "study.store",
    "Question": "study.question",
    "show": "figures.style",
    "table": "figures.tables",
    "if_possible": "absent",
    "pick": "picker",
    "area_brief": "standing.place.brief",
    "estimate": "effects.one_area.single_area",
    "compare": "standing.answers",
    "gap": "standing.answers",
    "programme_in": "effects.outcomes.programme",
    "programme_effects": "effects.outcomes.programme_page",
    "edition_story": "effects.outcomes.editions",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=("effects", "experiments", "figures", "sources", "standing", "study"),
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
