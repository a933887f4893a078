"""What a page says: its first screen and its figures, as data that the page draws."""

import lazy_loader

_HOME = {
    "first_screen": "screen",
    "all_measures": "findings",
    "gap_arrows": "arrows",
    "story": "findings",
    "pilot_path": "pilot",
    "outcomes": "pilot",
    "residents": "findings",
    "life": "findings",
    "editions": "findings",
    "larger_areas": "findings",
    "small_areas": "findings",
    "borough_screen": "borough",
    "verdict_grid": "borough",
    "PlanView": "plan",
    "refuse_part": "places",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
