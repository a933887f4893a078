"""What works? Effects of a programme, with inference that holds for one treated neighbourhood.

`estimate` answers the common case. The other estimators are loaded when they are first used; the
event study is `event_study.event_study`, and what could fool us `sensitivity.check_all`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lsp_analysis.effects.estimate import estimate

_HOME = {
    "augmented_synthetic_control": "augmented",
    "calibrated_effect": "calibrated",
    "check_all": "sensitivity",
    "controlled_interrupted_series": "its_controlled",
    "did_2x2": "two_by_two",
    "difference_in_changes": "did",
    "difference_in_differences": "did",
    "displacement_quotient": "displacement",
    "edition_story": "editions",
    "EffectEstimate": "result",
    "event_study_steps": "honest_steps",
    "interrupted_series": "its",
    "placebo_difference_in_differences": "placebo_did",
    "poisson_difference_in_differences": "did_counts",
    "programme_in": "programme",
    "randomisation_inference": "randomisation",
    "relative_magnitudes": "honest",
    "smoothness": "honest",
    "staggered_effect": "staggered",
    "structural_effect": "structural",
    "synthetic_control": "synthetic",
    "synthetic_did": "sdid",
    "two_way_regression": "fixed_effects",
    "weighted_displacement_difference": "displacement",
    "wild_cluster_bootstrap": "bootstrap",
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
