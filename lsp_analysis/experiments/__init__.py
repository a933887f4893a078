"""What do we need to do differently? Experiments from protocol to decision.

Protocol, power, draw, register, analysis and papers are folders of their own; the names below are
what notebooks and commands use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analysis.opening": ["analyse", "take_look"],
        "analysis.pooling": ["pool_rounds"],
        "draw.covariate_balance": ["balance_of"],
        "draw.matching": ["match_pairs"],
        "draw.methods": ["blocked_scheme"],
        "papers.protocol": ["write_protocol"],
        "papers.result": ["appendix_table", "draw_trial_flow", "write_result"],
        "power.curves": ["cluster_curve", "power_curve", "wedge_curve"],
        "power.formulas": ["sample_size", "wedge"],
        "power.past": ["describe_baseline", "past_of", "windows"],
        "power.registered": ["plan"],
        "protocol.reading": ["new_experiment", "read_design"],
        "record.decisions": ["evidence_log", "record_decision"],
        "record.delivery": ["monitor"],
        "record.folder": ["open_experiment"],
        "record.registration": ["draw_allocation", "register_design"],
        "record.verification": ["verify"],
    },
)
