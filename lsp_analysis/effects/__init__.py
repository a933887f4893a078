"""What works? Effects of a programme, with inference that holds for one treated neighbourhood.

`estimate` answers the common case. The other estimators are loaded when they are first used; the
event study is `event_study.event_study`, and what could fool us `sensitivity.check_all`.
"""

import lazy_loader

_HOME = {
    "estimate": "one_area.adapter",
    "augmented_synthetic_control": "synthetic.augmented",
    "calibrated_effect": "synthetic.calibrated",
    "check_all": "checks.sensitivity",
    "controlled_interrupted_series": "regressions.its_controlled",
    "did_2x2": "regressions.two_by_two",
    "difference_in_changes": "regressions.did",
    "difference_in_differences": "regressions.did",
    "displacement_quotient": "checks.displaced",
    "edition_story": "outcomes.editions",
    "EffectEstimate": "result",
    "event_study_steps": "checks.honest_steps",
    "interrupted_series": "regressions.its",
    "placebo_difference_in_differences": "regressions.placebo_did",
    "poisson_difference_in_differences": "regressions.did_counts",
    "programme_in": "outcomes.programme",
    "randomisation_inference": "regressions.randomisation",
    "relative_magnitudes": "checks.honest",
    "smoothness": "checks.honest",
    "staggered_effect": "regressions.staggered",
    "structural_effect": "regressions.structural",
    "synthetic_control": "synthetic.control",
    "synthetic_did": "synthetic.sdid",
    "two_way_regression": "regressions.fixed_effects",
    "weighted_displacement_difference": "checks.displaced",
    "wild_cluster_bootstrap": "regressions.bootstrap",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
