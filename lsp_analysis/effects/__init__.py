"""What works? Effects of a programme, with inference that holds for one treated neighbourhood.

`estimate` answers the common case; the other methods take the same `Question`.
"""

import lazy_loader

_HOMES = {
    "checks.all_checks": ["check_all"],
    "checks.around": ["displacement_quotient", "weighted_displacement_difference"],
    "checks.asked": ["persistence"],
    "one_area.single_area": ["estimate"],
    "outcomes.editions": ["edition_story"],
    "outcomes.many": ["many_outcomes", "outcomes_of", "truth_beside"],
    "outcomes.other_methods": ["side_by_side"],
    "outcomes.programme": ["programme_in"],
    "outcomes.programme_page": ["programme_effects", "programmes"],
    "regressions.differences": ["did", "event_study", "rollout_effect"],
    "regressions.series": ["interrupted_series"],
    "regressions.structural": ["structural_effect"],
    "regressions.two_way": ["two_way_regression"],
    "result": ["EffectEstimate"],
    "synthetic.calibrated": ["calibrated_effect"],
    "synthetic.control": ["synthetic_control", "synthetic_did"],
}

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_HOMES)
