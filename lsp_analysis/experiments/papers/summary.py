"""One page that a committee can read: what was tried, what was found, what could be decided."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.experiments.analysis.pooling import Pooled
from lsp_analysis.experiments.papers.page_parts import (
    paragraphs,
    picture,
    section,
    text,
    whole_page,
)
from lsp_analysis.figures import table

HOW_SURE = {
    "benefit": "By chance alone, a difference like this would be rare.",
    "harm": "By chance alone, a difference like this would be rare.",
    "no benefit": "A benefit large enough to be worth having is ruled out.",
    "unclear": "The outcomes fit a benefit worth having, and no benefit as well.",
}


def summary_page(result: TrialResult, *, note: str = "") -> str:
    """A result on one side of A4: question, what was done, findings, what the rule points to.

    Parameters
    ----------
    result : TrialResult
    note : str
        Said under the title and on the figure, for example "Simulated data".
    """
    design, trial = result.design, result.trial
    done = [f"{arm.label}: {arm.tidier.procedures}" for arm in design.active if arm.tidier]
    found = [f"{one.sentence()} {HOW_SURE[one.kind]}" for one in result.effects]
    rule = dict(result.suggestions()[["arm", "the rule points to"]].to_numpy())
    points = "; ".join(f"{result.labels[name]}: {act}" for name, act in rule.items())
    lost = int(result.missing["units_without"].sum())
    known = f"{wording.counted(lost, 'of them', 'of them')} without an outcome"
    known = known if lost else "all have an outcome"
    counts = (
        f"{wording.capital(wording.counted(len(trial.units), design.unit))} were shared out by "
        f"chance; {known}."
    )
    parts = [
        f"<h1>{text(design.title)}</h1>",
        paragraphs([design.question, note]),
        section("What was done", paragraphs([*done, counts])),
        section("What was found", paragraphs([*result.absences(), *found])),
        picture(result.plot(), note),
        section(
            "What could be decided",
            paragraphs([design.decision.would_change]),
            paragraphs([f"The rule registered in advance points to: {points}."]),
            paragraphs(
                [f"It is decided by {wording.inside(design.decision.decides.rstrip('.'))}."]
            ),
        ),
        paragraphs(result.cautions()),
        f"<p>Head of the register: <code>{trial.head}</code></p>",
    ]
    return whole_page(f"{design.title}: summary", parts)


def rounds_page(pooled: Pooled, decided: pd.DataFrame, heads: Iterable[str]) -> str:
    """Rounds of one arm together: a forest by round, what changed, and what was decided.

    Parameters
    ----------
    pooled : Pooled
    decided : DataFrame
        Decisions on record (see `evidence_log`).
    heads : hashes of the registers' last lines, round by round.
    """
    title = f"{pooled.arm}: {wording.counted(len(pooled.rounds), 'round')} together"
    columns = ["label", "estimate", "low", "high"]
    shown = pooled.summary_frame()[columns].rename(columns=str.capitalize)
    digits = dict.fromkeys(["Estimate", "Low", "High"], 2)
    parts = [
        f"<h1>{text(title)}</h1>",
        section("The answer", paragraphs([pooled.sentence()]), picture(pooled.plot(), "")),
        section("Round by round", table(shown, "Effect by round", digits=digits)._repr_html_()),
    ]
    if len(decided):
        log = decided[["round", "finding", "decision", "reason", "by", "date"]]
        log = log.rename(columns=str.capitalize)
        parts.append(section("What was decided", table(log, "Decisions on record")._repr_html_()))
    parts += [f"<p>Head of a register: <code>{text(head)}</code></p>" for head in heads]
    return whole_page(title, parts)
