"""What works? Effects of a programme, with inference that holds for one treated neighbourhood.

`estimate` answers the common case; the other methods take the same `Question`.
"""

import lazy_loader

_HOME = {
    "EffectEstimate": "result",
    "calibrated_effect": "synthetic.calibrated",
    "check_all": "checks.all_checks",
    "did": "regressions.differences",
    "displacement_quotient": "checks.around",
    "edition_story": "outcomes.editions",
    "estimate": "one_area.single_area",
    "event_study": "regressions.differences",
    "interrupted_series": "regressions.series",
    "many_outcomes": "outcomes.many",
    "outcomes_of": "outcomes.many",
    "persistence": "checks.asked",
    "programme_effects": "outcomes.programme_page",
    "programme_in": "outcomes.programme",
    "programmes": "outcomes.programme_page",
    "rollout_effect": "regressions.differences",
    "side_by_side": "outcomes.other_methods",
    "structural_effect": "regressions.structural",
    "synthetic_control": "synthetic.control",
    "synthetic_did": "synthetic.control",
    "truth_beside": "outcomes.many",
    "two_way_regression": "regressions.two_way",
    "weighted_displacement_difference": "checks.around",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
