"""Neighbourhood data read truthfully: where are we at, what works, what next?"""

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

_WINGS = ("effects", "experiments", "figures", "sources", "standing", "study")

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name, or a wing, when it is first used: importing the package costs nothing."""
    if name in _WINGS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
