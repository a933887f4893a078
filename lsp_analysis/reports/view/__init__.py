"""What a page says: its first screen and its figures, as data that the page draws."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "arrows": ["gap_arrows"],
        "borough": ["borough_screen", "verdict_grid"],
        "findings": [
            "all_measures", "editions", "larger_areas", "life", "residents", "small_areas", "story",
        ],
        "pilot": ["outcomes", "pilot_path"],
        "places": ["refuse_part"],
        "plan": ["PlanView"],
        "screen": ["first_screen"],
    },
)  # fmt: skip
