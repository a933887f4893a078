"""What do we need to do differently? Experiments from protocol to decision.

Functions that bear the name of their module are imported from it, as in
``from lsp_analysis.experiments.analyse import analyse``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
