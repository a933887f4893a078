"""What do we need to do differently? Experiments from protocol to decision.

Protocol, power, draw, register, analysis and papers are folders of their own; the names below are
what notebooks and commands use.
"""

import lazy_loader

_HOME = {
    "new_experiment": "protocol.reading",
    "read_design": "protocol.reading",
    "register_design": "record.registration",
    "open_experiment": "record.folder",
    "draw_allocation": "record.registration",
    "match_pairs": "draw.matching",
    "balance_of": "draw.covariate_balance",
    "describe_baseline": "power.past",
    "past_of": "power.past",
    "windows": "power.past",
    "power_curve": "power.curves",
    "cluster_curve": "power.curves",
    "sample_size": "power.formulas",
    "wedge_curve": "power.curves",
    "plan": "power.registered",
    "take_look": "analysis.opening",
    "analyse": "analysis.opening",
    "monitor": "record.delivery",
    "verify": "record.verification",
    "wedge": "power.formulas",
    "blocked_scheme": "draw.methods",
    "draw_trial_flow": "papers.result",
    "appendix_table": "papers.result",
    "write_protocol": "papers.protocol",
    "write_result": "papers.result",
    "record_decision": "record.decisions",
    "evidence_log": "record.decisions",
    "pool_rounds": "analysis.pooling",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
