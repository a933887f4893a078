"""Read neighbourhood data truthfully: where are we at, what works, what do we need to do
differently?"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Study": "study.store",
    "open_study": "study.store",
    "show": "figures.style",
    "table": "figures.tables",
    "if_possible": "absent",
    "pick": "picker",
    "area_brief": "standing.brief",
    "compare": "standing.baseline",
    "gap": "standing.gap",
    "estimate": "effects.estimate",
    "programme_in": "effects.programme",
    "programme_effects": "effects.programme_effects",
    "edition_story": "effects.editions",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package costs next to
    nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
