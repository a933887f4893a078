"""The protocol as a page to print, in the order of SPIRIT, and as data for a registry."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from lsp_analysis import durable, wording
from lsp_analysis.experiments.analysis.attrition import MONOTONICITY
from lsp_analysis.experiments.analysis.boundaries import bounds_of
from lsp_analysis.experiments.analysis.randomisation_test import LISTED
from lsp_analysis.experiments.draw.covariate_balance import balance_of
from lsp_analysis.experiments.draw.scheme import MOST_LISTED
from lsp_analysis.experiments.papers.page_parts import (
    departures,
    fields_table,
    paragraphs,
    picture,
    section,
    text,
    whole_page,
)
from lsp_analysis.experiments.power.formulas import wedge
from lsp_analysis.experiments.power.registered import planned_power
from lsp_analysis.experiments.protocol.design import Arm, Design, Outcome, flat
from lsp_analysis.experiments.record.folder import Experiment
from lsp_analysis.figures import draw_wedge, table
from lsp_analysis.resources import resource
from lsp_analysis.showing import Axes


def protocol_page(experiment: Experiment, *, note: str = "") -> str:
    """The protocol as one self-contained HTML page: no script, no request, ready to print.

    Amendments and deviations stand at the top, with the head of the register, so that a printed
    copy can be held against it.

    Parameters
    ----------
    note : str
        Said under the title and on each figure, for example "Simulated data".
    """
    design = experiment.design
    stops = _looks(design), fields_table(design.stopping)
    parts = [
        f"<h1>{text(design.title)}</h1>",
        paragraphs([design.question, note]),
        _record(experiment),
        section("Objective and estimand", fields_table(design.estimand)),
        *(_arm(arm) for arm in design.arms),
        section("Outcomes", _outcomes(design)),
        section("Units, tests and power", _power(experiment)),
        section("Randomisation", _randomisation(experiment, note)),
        section("Statistical methods", _analysis(design)),
        section("Monitoring: looks and stopping", *stops),
        section("Harms", fields_table(design.harms)),
        section("What the answer is for", fields_table(design.decision)),
        section("The list of units", _unit_list(experiment)),
    ]
    return whole_page(f"Protocol: {design.title}", parts)


def write_protocol(experiment: Experiment, file: str | Path, *, note: str = "") -> Path:
    """Write `protocol_page` to `file`, and ``registration.json`` (see `registration`) beside it."""
    if not experiment:
        return experiment
    file = Path(file)
    durable.replace_file(file, protocol_page(experiment, note=note).encode())
    data = json.dumps(registration(experiment), indent=2, ensure_ascii=False) + "\n"
    durable.replace_file(file.with_name("registration.json"), data.encode())
    return file


def registration(experiment: Experiment) -> dict[str, object]:
    """The registration as plain data, by fields of the OSF and ISRCTN registries.

    ``design`` holds every field of the design as it is on record, ``register`` the hashes.
    """
    design, first = experiment.design, experiment.entries[0]
    how = design.randomisation
    planned = planned_power(design, experiment.units, experiment.scheme)
    arms = [{"name": a.label, "type": a.role, "description": _described(a)} for a in design.arms]
    outcomes = [{"name": o.label, "measured": o.measured} for o in design.outcomes()]
    return {
        "osf": {
            "Title": design.title,
            "Research questions": design.question,
            "Study type": "Experiment",
            "Study design": f"cluster randomised, {how.method}, round {design.round}",
            "Randomization": str(experiment.what_a_test_can_do()),
            "Sample size": f"{len(experiment.units)} units ({design.unit})",
            "Sample size rationale": planned.lines(),
            "Manipulated variables": arms,
            "Measured variables": outcomes,
            "Statistical models": _methods(design),
            "Inference criteria": f"adjusted p at most {1 - design.analysis.level:.2g}, two-sided",
            "Missing data": _missing(design),
        },
        "isrctn": {
            "Public title": design.title,
            "Study hypothesis": design.question,
            "Study design": f"cluster randomised, {how.method}",
            "Interventions": arms,
            "Primary outcome measure": outcomes[0],
            "Secondary outcome measures": outcomes[1:],
            "Participant inclusion criteria": design.estimand.population,
            "Target number of participants": f"{len(experiment.units)} units",
            "Overall trial end date": design.looks.dates[-1] if design.looks.dates else "",
        },
        "design": flat(design),
        "register": {
            "registered": first.time,
            "registration_hash": first.hash,
            "head": experiment.head,
            "files": experiment.plan.content["files"],
            "seed": experiment.draw.content["seed"] if experiment.draw else "",
            "amendments": len(experiment.amendments),
        },
    }


def _described(arm: Arm) -> str:
    return arm.tidier.procedures if arm.tidier else "What people would get anyway."


def _record(experiment: Experiment) -> str:
    """Registration, amendments, deviations and head."""
    first, draw = experiment.entries[0], experiment.draw
    said = [f"Round {experiment.design.round}, registered on {wording.period(first.date)}."]
    if experiment.design.inherits:
        said.append(f"It follows the round whose register ended with {experiment.design.inherits}.")
    drawn = [entry for entry in experiment.entries if entry.kind == "allocated"]
    if draw:
        said.append(
            f'Units drawn on {wording.period(draw.date)} with the text "{draw.content["text"]}". '
            f"Seed: {draw.content['seed']}."
        )
    else:
        said.append("Units are not drawn yet.")
    if len(drawn) > 1:
        said.append(f"Units were drawn {wording.times(len(drawn))}; the last draw counts.")
    hashes = (
        f"<p>Registration: <code>{first.hash}</code></p>"
        f"<p>Head of the register: <code>{experiment.head}</code></p>"
    )
    changed = departures(experiment.amendments, experiment.deviations)
    return section("Registration", paragraphs(said), changed, hashes)


def _arm(arm: Arm) -> str:
    title = f"{arm.label} ({'control' if arm.role == 'control' else 'arm'} {arm.name})"
    if arm.tidier is None:
        return section(title, paragraphs([_described(arm)]))
    return section(title, fields_table(arm.tidier))


def _outcomes(design: Design) -> str:
    rows = [_outcome_row(one, is_primary=one is design.outcome) for one in design.outcomes()]
    columns = ["Outcome", "Role", "Unit", "Good is", "Measured"]
    return table(pd.DataFrame(rows, columns=columns), "Outcomes")._repr_html_()


def _outcome_row(one: Outcome, *, is_primary: bool) -> tuple[str, ...]:
    way = "high" if one.polarity == "high_is_good" else "low"
    role = "primary" if is_primary else "secondary"
    return one.label, role, wording.unit_label(one.unit), way, one.measured


def _power(experiment: Experiment) -> str:
    said = [str(experiment.what_a_test_can_do())]
    said += planned_power(experiment.design, experiment.units, experiment.scheme).lines()
    if accepted := experiment.plan.content.get("accepted"):
        said.append(f"Registered nevertheless, because: {accepted}")
    return paragraphs(said)


def _randomisation(experiment: Experiment, note: str) -> str:
    design = experiment.design
    parts = [fields_table(design.randomisation, design.randomisation.method)]
    if design.is_wedge:
        parts.append(picture(_starts(experiment), note))
    if experiment.draw:
        found = balance_of(experiment)
        parts += [paragraphs([found.sentence()]), picture(found.plot(), note)]
    told = resource("notebooks") / "experiments" / "how_units_are_drawn.txt"
    lines = told.read_text(encoding="utf-8").splitlines()
    steps = "".join(f"<li>{text(line)}</li>" for line in lines)
    return "".join(parts) + f"<p>How units are drawn:</p><ol>{steps}</ol>"


def _methods(design: Design) -> list[str]:
    """The primary test and what is adjusted, in plain words."""
    adjusted = [design.outcome.baseline, *design.analysis.covariates]
    names = wording.and_list(dict.fromkeys(n for n in adjusted if n)) or "nothing"
    most = min(MOST_LISTED, LISTED * design.analysis.draws)
    said = [
        "Primary test: a two-sided randomisation test of the regression coefficient over its "
        f"robust standard error (HC2), adjusted for blocks and {names}, over every allocation "
        f"there could have been where there are at most {most:,}; otherwise over the observed one "
        f"and {design.analysis.draws:,} drawn with the key that is SHA-256 of the observed one "
        "(arm numbers with commas), draws numbered 0, 1, 2 ... The p-value is the share of them "
        "whose statistic is as far from zero as the observed one. It assumes nothing of "
        "outcomes if the programme does nothing; its interval assumes the same effect in every "
        "unit.",
        {
            "holm": "P-values are adjusted after Holm over all comparisons and outcomes.",
            "gatekeeping": "P-values of the primary outcome are adjusted after Holm over "
            "comparisons; a secondary outcome counts only where the primary does.",
        }[design.analysis.multiplicity],
    ]
    if design.is_wedge:
        said.append(
            "A wedge is analysed by generalised least squares on the cells observed: means of "
            "periods, and a level per cluster with the registered share of the variance."
        )
    return said


def _missing(design: Design) -> str:
    if design.analysis.attrition == "lee":
        return (
            "Where outcomes are missing, Lee's bounds decide: if they include zero, the finding is "
            f"that one cannot tell. {MONOTONICITY} Worst-case bounds are shown beside them."
        )
    return "Where outcomes are missing and worst-case bounds include zero, one cannot tell."


def _analysis(design: Design) -> str:
    shown = fields_table(design.analysis, design.randomisation.method)
    return paragraphs([*_methods(design), _missing(design)]) + shown


def _starts(experiment: Experiment) -> Axes:
    """Who starts when: by name once they are drawn."""
    how, units = experiment.design.randomisation, ()
    if experiment.draw:
        order = experiment.allocation["arm"].str.removeprefix("step ").astype(int)
        units = experiment.allocation.loc[order.sort_values(kind="stable").index, "unit"]
    return draw_wedge(wedge(how.steps, len(how.periods)).frame(list(units), how.periods))


def _looks(design: Design) -> str:
    if design.looks.boundary == "none":
        return paragraphs(["Outcomes are looked at once, at the end."])
    bounds = bounds_of(design)
    frame = bounds.summary_frame()
    frame.insert(1, "date", design.looks.dates)
    words = {"information": "share of information", "z_bound": "bound (z)", "p_bound": "bound (p)"}
    words |= {"error_by_then": "error spent by then"}
    frame = frame.rename(columns=words).rename(columns=str.capitalize)
    digits = {"Bound (p)": 4, "Error spent by then": 4, "Bound (z)": 3, "Share of information": 2}
    how = {
        "planned": "The information at a look is the fraction planned for it, whatever its date.",
        "outcomes": "The information at a look is the share of units and periods with an outcome.",
    }[design.looks.information]
    said = [f"{how} Error is spent after Lan and DeMets, so dates may slip.", bounds.sentence()]
    return paragraphs(said) + table(frame, "Planned looks", digits=digits)._repr_html_()


def _unit_list(experiment: Experiment) -> str:
    files = experiment.plan.content["files"]
    said = [f"SHA-256 of {name}: {digest}" for name, digest in files.items()]
    frame = experiment.units.copy()
    if experiment.draw:
        frame = frame.merge(experiment.allocation.drop(columns="block"), on="unit")
    return paragraphs(said) + table(frame, "Units")._repr_html_()
