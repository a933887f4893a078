"""From round to round: decide, put the decision on record, inherit the protocol."""

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import DesignError, check_one_of
from lsp_analysis.experiments.protocol.reading import FILE, parse_design
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import Experiment, open_experiment

DECISIONS = ("continue", "adapt", "stop", "scale")
EVIDENCE = [
    "title", "round", "arm", "outcome", "unit", "estimate", "low", "high", "p_value", "finding",
    "decision", "reason", "by", "date", "missing_units", "amendments", "deviations", "head",
]  # fmt: skip


def record_decision(
    folder: str | Path,
    *,
    arm: str,
    decision: str,
    reason: str,
    by: str,
    now: dt.datetime | None = None,
) -> pd.DataFrame:
    """Put what was decided about an arm on record, with the finding of the last analysis.

    Parameters
    ----------
    arm : name of the arm (or factor) that was tried.
    decision : "continue", "adapt", "stop" or "scale".
    reason, by : why, and who decided.

    Returns
    -------
    The evidence log's row.

    Raises
    ------
    DesignError
        The decision or the arm is unknown, no reason is given, or nothing was analysed yet.
    """
    check_one_of(decision, DECISIONS, "decision", DesignError)
    if not reason.strip() or not by.strip():
        raise DesignError("A decision needs a reason and the name of who decided.")
    experiment = open_experiment(folder)
    content = evidence_of(experiment, arm) | {"decision": decision, "reason": reason, "by": by}
    with chain.alone(folder):
        chain.append(folder, "decided", content, now=now)
    log = evidence_log([folder])
    return log[log["arm"] == arm].tail(1).reset_index(drop=True)


def evidence_log(folders: Iterable[str | Path]) -> pd.DataFrame:
    """Every decision on record, round by round: what was found, decided, why and by whom."""
    rows = [
        entry.content | {"date": entry.date, "head": entry.hash}
        for folder in folders
        for entry in open_experiment(folder).of("decided")
    ]
    return pd.DataFrame(rows, columns=EVIDENCE)


def next_round(folder: str | Path, target: str | Path) -> Path:
    """Start the next round: the same protocol, one round on, that names the round it comes from.

    Write what was redesigned into the new ``design.toml``, put its units beside it, and register
    it before its data.
    """
    experiment = open_experiment(folder)
    target = durable.settled(target, DesignError)
    if (target / FILE).exists():
        raise DesignError(f"{target / FILE} is there already. Choose another folder.")
    text = experiment.plan.content["design"]
    text = set_top_level(text, "round", str(experiment.design.round + 1))
    text = set_top_level(text, "inherits", f'"{experiment.head}"')
    inherited = parse_design(text, name="the next round's design")
    if (inherited.round, inherited.inherits) != (experiment.design.round + 1, experiment.head):
        raise DesignError(
            f"The lines `round` and `inherits` of {experiment.path / FILE} could not be set. Copy "
            "the file by hand and set them."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        durable.replace_file(target / FILE, text.encode())  # makes it a design
    except OSError as error:
        raise DesignError(
            f"{error.filename or target} cannot be made ({error.strerror}). Choose another folder."
        ) from error
    return target


def last_analysis(experiment: Experiment) -> dict:
    """Content of the last analysis on record."""
    found = experiment.of("analysed")
    if not found:
        raise DesignError(
            "No analysis is on record. Analyse the outcomes first: `lsp-analysis design analyse "
            "FOLDER OUTCOMES`."
        )
    return found[-1].content


def evidence_of(experiment: Experiment, arm: str) -> dict[str, object]:
    """What a decision rests on, as the register keeps it: the last analysis on record."""
    design = experiment.design
    findings = {row["arm"]: row for row in last_analysis(experiment)["findings"]}
    check_one_of(arm, findings, "arm that was tried", DesignError)
    own = findings[arm]
    found = {name: own[name] for name in ("finding", "estimate", "low", "high", "missing_units")}
    return found | {
        "title": design.title,
        "round": design.round,
        "arm": arm,
        "outcome": design.outcome.label,
        "unit": design.outcome.unit,
        "p_value": own["p_adjusted"],
        "amendments": len(experiment.amendments),
        "deviations": len(experiment.deviations),
    }


def set_top_level(text: str, name: str, value: str) -> str:
    """Set a field above the first section of a TOML text, in place or after the title."""
    first_section = re.search(r"^\[", text, flags=re.M)
    end = first_section.start() if first_section else len(text)
    head, rest = text[:end], text[end:]
    line = f"{name} = {value}"
    changed, n = re.subn(rf"^{name}[ \t]*=.*$", line, head, count=1, flags=re.M)
    return (changed if n else f"{head.rstrip()}\n{line}\n\n") + rest
