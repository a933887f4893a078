"""The protocol as a page to print, in the order of SPIRIT, and as data for a registry."""

import json
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from lsp_analysis import durable, wording
from lsp_analysis.experiments.analysis.boundaries import bounds_of
from lsp_analysis.experiments.analysis.randomisation_test import LISTED
from lsp_analysis.experiments.analysis.side_results import MONOTONICITY
from lsp_analysis.experiments.draw.scheme import MOST_LISTED
from lsp_analysis.experiments.papers.page_parts import balance_of, page
from lsp_analysis.experiments.power.formulas import wedge
from lsp_analysis.experiments.power.registered import planned_power
from lsp_analysis.experiments.protocol.design import Design, flat
from lsp_analysis.experiments.record.folder import Experiment
from lsp_analysis.figures import draw_wedge, table
from lsp_analysis.figures.tables import Table
from lsp_analysis.resources import resource
from lsp_analysis.showing import Axes

USUAL = "What people would get anyway."


def protocol_page(experiment: Experiment, *, note: str = "") -> str:
    """The protocol as one self-contained HTML page: no script, no request, ready to print.

    Amendments and deviations stand at the top, with the head of the register, so that a printed
    copy can be held against it.

    Parameters
    ----------
    note : str
        Said under the title and on each figure, for example "Simulated data".
    """
    design, units = experiment.design, experiment.units
    told = resource("notebooks") / "experiments" / "how_units_are_drawn.txt"
    if experiment.draw:
        units = units.merge(experiment.allocation.drop(columns="block"), on="unit")
    return page(
        "protocol",
        note,
        experiment=experiment,
        usual=USUAL,
        outcomes=_outcomes(design),
        power=_power(experiment),
        starts=_starts(experiment) if design.is_wedge else None,
        balance=balance_of(experiment),
        steps=told.read_text(encoding="utf-8").splitlines(),
        methods=[*_methods(design), _missing(design)],
        bounds=bounds_of(design) if design.looks.boundary != "none" else None,
        looks=_looks(design),
        units=units,
    )


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
    arms = []
    for arm in design.arms:
        what = arm.tidier.procedures if arm.tidier else USUAL
        arms.append({"name": arm.label, "type": arm.role, "description": what})
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


def _outcomes(design: Design) -> pd.DataFrame:
    rows = [
        (o.label, role, wording.unit_label(o.unit), o.polarity.split("_")[0], o.measured)
        for o, role in zip_longest(design.outcomes(), ["primary"], fillvalue="secondary")
    ]
    return pd.DataFrame(rows, columns=["Outcome", "Role", "Unit", "Good is", "Measured"])


def _power(experiment: Experiment) -> list[str]:
    said = [str(experiment.what_a_test_can_do())]
    said += planned_power(experiment.design, experiment.units, experiment.scheme).lines()
    if accepted := experiment.plan.content.get("accepted"):
        said.append(f"Registered nevertheless, because: {accepted}")
    return said


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


def _starts(experiment: Experiment) -> Axes:
    """Who starts when: by name once they are drawn."""
    how, units = experiment.design.randomisation, ()
    if experiment.draw:
        drawn = experiment.allocation
        step = drawn["arm"].str.removeprefix("step ").astype(int)
        units = list(drawn["unit"].iloc[step.argsort(kind="stable")])
    return draw_wedge(wedge(how.steps, len(how.periods)).frame(how.periods, units))


def _looks(design: Design) -> Table | None:
    """The planned looks with their bounds; none where outcomes are looked at once, at the end."""
    if design.looks.boundary == "none":
        return None
    frame = bounds_of(design).summary_frame()
    frame.insert(1, "date", design.looks.dates)
    words = {"information": "share of information", "z_bound": "bound (z)", "p_bound": "bound (p)"}
    words |= {"error_by_then": "error spent by then"}
    frame = frame.rename(columns=words).rename(columns=str.capitalize)
    digits = {"Bound (p)": 4, "Error spent by then": 4, "Bound (z)": 3, "Share of information": 2}
    return table(frame, "Planned looks", digits=digits)
