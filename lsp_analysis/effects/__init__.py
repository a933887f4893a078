"""What works? Effects of a programme, with inference that holds for one treated neighbourhood.

`estimate` answers the common case. The other estimators are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lsp_analysis.effects.estimate import estimate

_HOME = {
    "EffectEstimate": "result",
    "augmented_synthetic_control": "augmented",
    "calibrated_effect": "calibrated",
    "check_all": "sensitivity",
    "controlled_interrupted_series": "its_controlled",
    "difference_in_changes": "did",
    "difference_in_differences": "did",
    "did_2x2": "two_by_two",
    "edition_story": "editions",
    "interrupted_series": "its",
    "placebo_difference_in_differences": "placebo_did",
    "poisson_difference_in_differences": "did_counts",
    "programme_in": "programme",
    "randomisation_inference": "randomisation",
    "staggered_effect": "staggered",
    "structural_effect": "structural",
    "synthetic_control": "synthetic",
    "synthetic_did": "sdid",
}

__all__ = ["estimate", *_HOME]


def __getattr__(name: str) -> Any:
    """Load an estimator, and with it statsmodels, when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
