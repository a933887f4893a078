"""What a page says: its first screen and its figures, as data that the page draws."""

import lazy_loader

_HOME = {
    "PlanView": "plan",
    "all_measures": "findings",
    "borough_screen": "borough",
    "editions": "findings",
    "first_screen": "screen",
    "gap_arrows": "changes",
    "larger_areas": "findings",
    "life": "findings",
    "outcomes": "changes",
    "pilot_path": "changes",
    "refuse_part": "places",
    "residents": "findings",
    "small_areas": "findings",
    "story": "findings",
    "verdict_grid": "borough",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()}
)
