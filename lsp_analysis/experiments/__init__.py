"""What do we need to do differently? Experiments from protocol to decision.

Protocol, power, draw, register, analysis and papers are folders of their own; the names below are
what notebooks and commands use.
"""

import lazy_loader

_HOME = {
    "analyse": "analysis.opening",
    "appendix_table": "papers.result",
    "balance_of": "papers.page_parts",
    "blocked_scheme": "draw.methods",
    "cluster_curve": "power.formulas",
    "describe_baseline": "power.past",
    "draw_allocation": "record.registration",
    "draw_trial_flow": "papers.result",
    "evidence_log": "record.registration",
    "match_pairs": "draw.methods",
    "monitor": "record.delivery",
    "new_experiment": "protocol.reading",
    "open_experiment": "record.folder",
    "past_of": "power.past",
    "plan": "power.registered",
    "pool_rounds": "analysis.pooling",
    "power_curve": "power.formulas",
    "read_design": "protocol.reading",
    "record_decision": "record.registration",
    "register_design": "record.registration",
    "sample_size": "power.formulas",
    "take_look": "analysis.opening",
    "verify": "record.verification",
    "wedge": "power.formulas",
    "wedge_curve": "power.formulas",
    "windows": "power.past",
    "write_protocol": "papers.protocol",
    "write_result": "papers.result",
}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={home: [n for n in _HOME if _HOME[n] == home] for home in _HOME.values()},
)
