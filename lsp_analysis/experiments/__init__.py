"""What do we need to do differently? Experiments from protocol to decision.

Protocol, power, draw, register, analysis and papers are folders of their own; the names below are
what notebooks and commands use.
"""

import lazy_loader

ACTS = ["draw_allocation", "evidence_log", "record_decision", "register_design"]

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analysis.opening": ["analyse", "take_look"],
        "analysis.pooling": ["pool_rounds"],
        "draw.methods": ["blocked_scheme", "match_pairs"],
        "papers.page_parts": ["balance_of"],
        "papers.protocol": ["write_protocol"],
        "papers.result": ["appendix_table", "draw_trial_flow", "write_result"],
        "power.formulas": ["cluster_curve", "power_curve", "sample_size", "wedge", "wedge_curve"],
        "power.past": ["describe_baseline", "past_of", "windows"],
        "power.registered": ["plan"],
        "protocol.reading": ["new_experiment", "read_design"],
        "record.delivery": ["monitor"],
        "record.folder": ["open_experiment"],
        "record.registration": ACTS,
        "record.verification": ["verify"],
    },
)
