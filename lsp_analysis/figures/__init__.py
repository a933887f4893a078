"""Plain frames in, axes out: one ``draw_*`` function a picture, loaded when it is first used.

Each takes a frame, then keywords only, and returns the matplotlib Axes with its alternative text
and the numbers drawn attached, which `show` puts on a page.
"""

import lazy_loader

_HOME = {
    "draw_paths": "charts.trend",
    "draw_trend": "charts.trend",
    "draw_gap": "charts.trend",
    "draw_caterpillar": "charts.spread",
    "draw_funnel": "charts.spread",
    "draw_concentration": "charts.spread",
    "draw_process": "charts.trend",
    "draw_forest": "charts.effect",
    "draw_event_study": "charts.effect",
    "draw_nothing": "charts.effect",
    "draw_distribution": "charts.spread",
    "draw_power": "charts.design",
    "draw_wedge": "charts.design",
    "draw_flow": "charts.design",
    "draw_choropleth": "maps",
    "draw_where": "maps",
    "alt_of": "style",
    "data_of": "style",
    "new_axes": "style",
    "show": "style",
    "table": "tables",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()}
)
