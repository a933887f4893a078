"""What a round found, as a page to print and a table to compute on."""

from __future__ import annotations

import html
from pathlib import Path

from lsp_analysis import wording
from lsp_analysis.experiments.analysis.primary import FINDINGS, TrialResult
from lsp_analysis.experiments.papers.flow import draw_trial_flow
from lsp_analysis.experiments.papers.protocol_page import (
    appendix_rows,
    appendix_table,
    departures,
    paragraphs,
    picture,
    section,
    whole_page,
)


def result_page(result: TrialResult, *, note: str = "") -> str:
    """The answer first, arm by arm; then who is in it, and every analysis.

    Parameters
    ----------
    note : str
        Said under the title and on each figure, for example "Simulated data".
    """
    design, trial = result.design, result.trial
    parts = [
        f"<h1>{html.escape(design.title)}</h1>",
        paragraphs([f"What was found in round {design.round}.", design.question, note]),
        section("The answer", paragraphs(_answers(result)) + picture(result.plot(), note)),
    ]
    numbers = zip(design.active, result.effects, strict=True)
    said = [f"{arm.label}: {effect.sentence()}" for arm, effect in numbers]
    parts += [
        section(
            "In full",
            paragraphs([*said, *result.cautions()])
            + departures(trial.amendments, trial.deviations),
        ),
        section("Who is in it", picture(draw_trial_flow(result), note)),
        section("Every analysis", appendix_table(result)._repr_html_()),
        f"<p>Head of the register when this was analysed: <code>{trial.head}</code></p>",
    ]
    return whole_page(f"{design.title}: what was found", parts)


def write_result(result: TrialResult, folder: str | Path, *, note: str = "") -> list[Path]:
    """Write ``result.html`` and ``result.csv`` (every number, unrounded) into `folder`."""
    page, numbers = (Path(folder) / f"result.{kind}" for kind in ("html", "csv"))
    page.write_text(result_page(result, note=note), encoding="utf-8", newline="\n")
    numbers.write_bytes(appendix_rows(result).to_csv(index=False, lineterminator="\n").encode())
    return [page, numbers]


def _answers(result: TrialResult) -> list[str]:
    """One line per arm: what it does, by how much."""
    unit = result.design.outcome.unit
    lines = []
    for arm, effect in zip(result.design.active, result.effects, strict=True):
        within = wording.interval(effect.low, effect.high, unit, effect.level, of_change=True)
        size = wording.difference(effect.estimate, unit)
        lines.append(f"{arm.label}: {FINDINGS[result.findings[arm.name]]} ({size}; {within}).")
    return lines
