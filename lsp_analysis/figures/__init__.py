"""Plain frames in, axes out: one ``draw_*`` function a picture, loaded when it is first used.

Each takes a frame, then keywords only, and returns the matplotlib Axes with its alternative text
and the numbers drawn attached, which `show` puts on a page.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "draw_paths": "charts_trend",
    "draw_trend": "charts_trend",
    "draw_gap": "charts_trend",
    "draw_small_multiples": "charts_panels",
    "draw_specification_curve": "charts_panels",
    "draw_spine": "charts_profile",
    "draw_tartan": "charts_profile",
    "draw_caterpillar": "charts_rank",
    "draw_slope_ranks": "charts_rank",
    "draw_quadrant": "charts_quadrant",
    "draw_funnel": "charts_spread",
    "draw_concentration": "charts_spread",
    "draw_pyramid": "charts_people",
    "draw_process": "charts_process",
    "draw_forest": "charts_effect",
    "draw_event_study": "charts_effect",
    "draw_rings": "charts_effect",
    "draw_nothing": "charts_effect",
    "draw_distribution": "charts_placebo",
    "draw_placebo_paths": "charts_placebo",
    "draw_power": "charts_design",
    "draw_wedge": "charts_design",
    "draw_balance": "charts_design",
    "draw_flow": "charts_flow",
    "draw_choropleth": "maps",
    "draw_where": "maps",
    "alt_of": "style",
    "data_of": "style",
    "new_axes": "style",
    "show": "style",
    "table": "tables",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Load a drawing function, and with it matplotlib, when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
