"""Open the outcomes of a registered experiment: analyse them, and put that on record."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.findings import TrialResult, analyse_trial
from lsp_analysis.experiments.analysis.trial import make_trial, read_outcomes
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import Experiment, digest_of, open_experiment

COLUMNS = ["outcome", "arm", "analysis", "estimate", "low", "high", "p_value", "p_adjusted", "note"]


def analyse(
    folder: str | Path, outcomes: str | Path, *, now: dt.datetime | None = None
) -> TrialResult:
    """Analyse outcomes as registered, and put on record that they were opened and what was found.

    Outcomes that do not fit are refused before anything is recorded. Another file than last time
    is a deviation, and so is an analysis before the planned end.

    Parameters
    ----------
    folder : folder of the experiment; its allocation must be on record.
    outcomes : CSV with a row per unit, person, or unit and period.
    now : datetime, optional
        Time of the entry in the register; the clock's by default.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, or the outcomes do not fit the design.
    """
    file = Path(outcomes)
    experiment = open_experiment(folder)
    content, result = analysis_of(experiment, file)
    if content not in [_bare(e.content) for e in experiment.entries if e.kind == "analysed"]:
        if deviation := _deviation(experiment, content, now):
            content = content | {"deviation": deviation}
        with chain.alone(folder):
            if open_experiment(folder).head != experiment.head:
                raise DesignError("Somebody else has written to the register. Analyse again.")
            chain.append(folder, "analysed", content, now=now)
        after = open_experiment(folder)
        record = {"head": after.head, "deviations": after.deviations}
        result = replace(result, trial=replace(result.trial, **record))
    return result


def analysis_of(experiment: Experiment, file: Path) -> tuple[dict, TrialResult]:
    """The analysis of an outcomes file, and what the register says of it; nothing is written."""
    rows = read_outcomes(file, experiment.design)
    digest = rows.attrs["sha256"]
    n = len(dict.fromkeys([*experiment.opened, digest]))
    result = analyse_trial(make_trial(experiment, rows, n_analyses=n))
    findings = [
        {
            "arm": one.comparison.name,
            "finding": one.kind,
            "missing_units": int(result.missing["units_without"].sum()),
        }
        | {n: chain.plain(getattr(one, n)) for n in ("estimate", "low", "high", "p_adjusted")}
        for one in result.effects
    ]
    numbers = digest_of(numbers_text(result))
    return {
        "file": file.name,
        "sha256": digest,
        "numbers": numbers,
        "findings": findings,
    }, result


def all_numbers(result: TrialResult) -> pd.DataFrame:
    """Every estimate of a result, unrounded: one row per outcome, comparison and analysis.

    Columns ``outcome``, ``arm``, ``analysis``, ``estimate``, ``low``, ``high``, ``p_value``,
    ``p_adjusted`` and ``note``.
    """
    primary = result.design.outcome.name
    rows = [
        {"outcome": primary, "arm": one.comparison.name, "analysis": "registered test"}
        | {n: getattr(one, n) for n in ("estimate", "low", "high", "p_value", "p_adjusted")}
        for one in result.effects
    ]
    tables = (
        (result.models, lambda row: row["model"]),
        (result.bounds[result.bounds["case"] != "as observed"], lambda row: row["case"]),
        (result.compliers, lambda row: "effect of the whole programme received"),
        (result.interaction, lambda row: "interaction of the factors"),
        (result.subgroups, lambda row: f"{row['subgroup']}: {row['category']}"),
        (result.secondary, lambda row: "harm" if row["is_harm"] else "secondary"),
    )
    for frame, name in tables:
        for row in frame.to_dict("records"):
            rows.append({"outcome": primary, "arm": "both"} | row | {"analysis": name(row)})
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def numbers_text(result: TrialResult) -> str:
    """`all_numbers` as CSV, to nine digits: the same on every machine."""
    return all_numbers(result).to_csv(index=False, lineterminator="\n", float_format="%.9g")


def _bare(content: dict) -> dict:
    return {name: value for name, value in content.items() if name != "deviation"}


def _deviation(experiment: Experiment, content: dict, now: dt.datetime | None) -> str:
    """What departs from the protocol in this analysis; empty if nothing does."""
    said = []
    today = chain.moment(now).date().isoformat()
    planned = experiment.design.looks.dates
    if planned and today < planned[-1]:
        said.append(
            f"Outcomes were analysed on {today}, before the final analysis planned for "
            f"{planned[-1]} and not as a planned look."
        )
    if experiment.opened and content["sha256"] not in experiment.opened:
        said.append(f"Outcomes were analysed again, with another file ({content['file']}).")
    return " ".join(said)
