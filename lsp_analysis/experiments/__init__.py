"""What do we need to do differently? Experiments from protocol to decision.

Functions that bear the name of their module are imported from it, as in
``from lsp_analysis.experiments.analyse import analyse``.
"""

import lazy_loader

_HOME = {
    "new_experiment": "template",
    "read_design": "protocol",
    "register_design": "experiment",
    "open_experiment": "experiment",
    "draw_allocation": "assign",
    "match_pairs": "pairs",
    "balance_of": "balance",
    "grid_of": "baseline",
    "describe_baseline": "baseline",
    "past_of": "units",
    "windows": "baseline",
    "power_curve": "power",
    "cluster_curve": "power",
    "wedge_curve": "power",
    "rehearse": "simulation",
    "group_sequential_bounds": "sequential",
    "take_look": "looks",
    "draw_trial_flow": "flow",
    "appendix_table": "papers",
    "write_protocol": "papers",
    "write_result": "result_page",
    "suggest": "rounds",
    "record_decision": "rounds",
    "evidence_log": "rounds",
    "next_round": "rounds",
    "round_changes": "rounds",
    "pool_rounds": "pool",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
