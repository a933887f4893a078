"""What a round found, in the order of CONSORT: the flow of clusters and people, a page to print and
tables to compute on."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis import durable, figures, wording
from lsp_analysis.experiments.analysis.findings import ASSUMPTIONS, TrialResult
from lsp_analysis.experiments.analysis.opening import all_numbers, numbers_text
from lsp_analysis.experiments.analysis.pooling import Pooled
from lsp_analysis.experiments.analysis.side_results import MODELS, unit_table
from lsp_analysis.experiments.analysis.trial import RECEIVED, unit_values
from lsp_analysis.experiments.papers.page_parts import balance_by_design, page
from lsp_analysis.experiments.record import chain
from lsp_analysis.experiments.record.folder import open_experiment
from lsp_analysis.figures import table
from lsp_analysis.figures.style import stamp
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Axes

HOW_SURE = {
    "benefit": "By chance alone, a difference like this would be rare.",
    "harm": "By chance alone, a difference like this would be rare.",
    "no benefit": "A benefit large enough to be worth having is ruled out.",
    "unclear": "The outcomes fit a benefit worth having, and no benefit as well.",
}


def result_page(result: TrialResult, *, note: str = "") -> str:
    """What is missing first, then the answer, comparison by comparison, and every analysis.

    Parameters
    ----------
    note : str
        Said under the title and on each figure, for example "Simulated data".
    """
    design, trial = result.design, result.trial
    lost, changed = _missing(result)
    frame = result.forest_frame().replace([np.inf, -np.inf], np.nan)
    intervals = f"intervals at {result.levels()}"
    return page(
        "result",
        note,
        result=result,
        answer=[*result.absences(), *(one.sentence() for one in result.effects)],
        flow=draw_trial_flow(result),
        lost=lost,
        changed=changed,
        balance=balance_by_design(design, trial.units, trial.arm_of_unit),
        appendix=appendix_table(result),
        forest=figures.draw_forest(frame, unit=design.outcome.unit, whiskers=intervals),
        harms=_harms(result),
        assumptions=ASSUMPTIONS,
    )


def summary_page(result: TrialResult, *, note: str = "") -> str:
    """A result on one side of A4: question, what was done, findings, what the rule points to.

    Parameters
    ----------
    note : str
        Said under the title and on the figure, for example "Simulated data".
    """
    rule = zip(result.labels.values(), result.suggestions()["the rule points to"], strict=True)
    lost = int(result.missing["units_without"].sum())
    known = f"{wording.counted(lost, 'of them', 'of them')} without an outcome"
    found = [f"{one.sentence()} {HOW_SURE[one.kind]}" for one in result.effects]
    return page(
        "summary",
        note,
        result=result,
        known=known if lost else "all have an outcome",
        found=[*result.absences(), *found],
        points="; ".join(f"{label}: {act}" for label, act in rule),
    )


def rounds_page(pooled: Pooled, decided: pd.DataFrame, heads: Iterable[str]) -> str:
    """Rounds of one arm together: a forest by round, what changed, and what was decided.

    Parameters
    ----------
    pooled : Pooled
    decided : DataFrame
        Decisions on record (see `evidence_log`).
    heads : hashes of the registers' last lines, round by round.
    """
    columns = ["label", "estimate", "low", "high"]
    shown = pooled.summary_frame()[columns].rename(columns=str.capitalize)
    rounds = table(shown, "Effect by round", digits=dict.fromkeys(["Estimate", "Low", "High"], 2))
    log = decided[["round", "finding", "decision", "reason", "by", "date"]]
    log = log.rename(columns=str.capitalize)
    return page("rounds", "", pooled=pooled, rounds=rounds, decided=log, heads=heads)


FILES = ("result.html", "summary.html", "result.csv", "data.csv", "codebook.csv")


def write_result(
    result: TrialResult, folder: str | Path, *, note: str = "", now: dt.datetime | None = None
) -> list[Path]:
    """Write the result into `folder`, and put the files' hashes on record where it is registered.

    ``result.html`` is the page, ``summary.html`` one side of A4 for a committee; ``result.csv``
    every number; ``data.csv`` the values the registered test was worked out on, ready for R or
    Stata; ``codebook.csv`` says what its columns are.
    """
    folder = Path(folder)
    data = analysis_data(result)
    written = {
        "result.html": result_page(result, note=note),
        "summary.html": summary_page(result, note=note),
        "result.csv": numbers_text(result),
        "data.csv": data.to_csv(index=False, lineterminator="\n"),
        "codebook.csv": codebook(result, data).to_csv(index=False, lineterminator="\n"),
    }
    if (folder / chain.FILE).exists():
        content = {"files": {name: chain.digest_of(body) for name, body in written.items()}}
        with chain.alone(folder):
            last = open_experiment(folder).of("published")[-1:]
            if content not in [entry.content for entry in last]:
                chain.append(folder, "published", content, now=now)
    for name, body in written.items():
        durable.replace_file(folder / name, body.encode())
    return [folder / name for name in written]


def appendix_table(result: TrialResult) -> Table:
    """Every number of the round, for the appendix of an article: outcomes by arm, all analyses."""
    design, rows = result.design, all_numbers(result)
    labels = {one.name: one.label for one in design.outcomes()}
    shown = pd.DataFrame(
        {
            "Outcome": rows["outcome"].map(labels),
            "Comparison": rows["arm"].map(lambda name: result.labels.get(name, name)),
            "Analysis": rows["analysis"],
            "Difference": rows["estimate"],
            "Interval": _intervals(rows).mask(rows["analysis"].isin(MODELS.values()), ""),
            "p": rows["p_value"].map(_short_p),
            "Adjusted p": rows["p_adjusted"].map(_short_p),
        }
    )
    units = dict.fromkeys(wording.unit_label(one.unit).lower() for one in design.outcomes())
    return table(
        shown,
        f"All analyses of round {design.round}: {design.title}",
        note=f"Differences in units of the outcome ({wording.and_list(units)}); intervals of the "
        f"registered analysis and its bounds at {result.levels()}, of the others at "
        f"{design.analysis.level:.0%}. Empty: models have no interval and no p-value, and only "
        f"outcomes are adjusted. Register: {result.trial.head[:16]}.",
        digits={"Difference": 2},
    )


def analysis_data(result: TrialResult) -> pd.DataFrame:
    """The values that the registered tests used: a row per unit (wedge: unit and period).

    Columns ``unit`` (and ``period``), ``block``, ``arm``, one per outcome, ``size``, ``weight``,
    ``received`` where it is known, and the columns of the units file.
    """
    trial = result.trial
    by = trial.design.cell
    data = result.contrasts[0].cells[by].copy()
    position = trial.places(data)
    data["block"] = trial.scheme.blocks[position]
    data["arm"] = [trial.scheme.arms[n] for n in trial.drawn[position]]
    for outcome in trial.design.outcomes():
        values = unit_values(trial, outcome).reset_index()
        data[outcome.name] = values["value"].to_numpy()
        if outcome is trial.design.outcome:
            data["size"] = values["size"].to_numpy()
    data["weight"] = data["size"] if trial.design.estimand.summary == "people" else 1.0
    if RECEIVED in trial.rows:
        received = trial.rows.groupby(by, as_index=False)[RECEIVED].mean()
        data = data.merge(received, on=by, how="left")
    extra = [name for name in trial.units if name not in data]
    return data.merge(trial.units[["unit", *extra]], on="unit", how="left")


def codebook(result: TrialResult, data: pd.DataFrame) -> pd.DataFrame:
    """What each column of `data` is: column, meaning, unit."""
    design = result.design
    about = {
        "unit": ("what was randomised", ""),
        "period": ("period of the wedge", ""),
        "block": ("units of one number were randomised among themselves", ""),
        "arm": ("arm drawn (wedge: step at which the unit starts, after the first period)", ""),
        "size": ("denominator, or people with an outcome", ""),
        "weight": ("weight in the registered test", ""),
        RECEIVED: ("share of the programme received", "0 to 1"),
    }
    for one in design.outcomes():
        role = "primary" if one is design.outcome else "secondary"
        about[one.name] = (f"{role} outcome: {one.label}, per unit: {one.measured}", one.unit)
    adjusted = {design.outcome.baseline, *design.analysis.covariates}
    about = dict.fromkeys(adjusted, ("adjusted for in the registered test", "")) | about
    rows = [(name, *about.get(name, ("of the units file", ""))) for name in data]
    return pd.DataFrame(rows, columns=["column", "meaning", "unit"])


def _missing(result: TrialResult) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Missing outcomes by arm and what they could change, with words for columns; or nothing."""
    frame = result.missing
    if not frame["rows_without"].any():
        return None, None
    bounds = result.bounds.assign(arm=result.bounds["arm"].map(result.labels))
    bounds["interval"] = _intervals(bounds)
    labels = {arm.name: arm.label for arm in result.design.arms}
    lost = frame.assign(arm=frame["arm"].map(labels).fillna(frame["arm"].map(wording.capital)))
    shown = lost, bounds[["arm", "case", "estimate", "interval"]]
    return tuple(one.rename(columns=lambda c: c.replace("_", " ").capitalize()) for one in shown)


def _harms(result: TrialResult) -> list[str]:
    harms = result.secondary[result.secondary["is_harm"]]
    unit = {one.name: one.unit for one in result.design.outcomes()}
    return [
        f"{row.label}, {result.labels[row.arm]}: "
        + (
            row.note
            or f"{wording.difference(row.estimate, unit[row.outcome])} "
            f"({wording.interval(row.low, row.high, unit[row.outcome], of_change=True)})."
        )
        for row in harms.itertuples()
    ]


def _intervals(rows: pd.DataFrame) -> pd.Series:
    """Intervals for a table; an end that is infinite or missing is open."""
    low, high = (
        rows[name].map(lambda x: wording.number(x, 2) if np.isfinite(x) else "open")
        for name in ("low", "high")
    )
    return low + " to " + high


def _short_p(p: float) -> str:
    """Four decimals, and never zero; nothing where there is none."""
    if wording.is_missing(p):
        return ""
    return f"{p:.4f}" if p >= 0.00005 else "<0.0001"


def flow_frame(result: TrialResult) -> pd.DataFrame:
    """Who was randomised, reached, followed up and analysed, by arm.

    Returns
    -------
    DataFrame with ``stage``, ``arm`` (empty where all arms are together), ``clusters``, ``people``
    and ``note``, in the order of the flow; `figures.draw_flow` draws it.
    """
    trial = result.trial
    table = unit_table(trial)
    labels = {arm.name: arm.label for arm in trial.design.arms}
    drawn, followed, analysed = [], [], []
    for name in trial.scheme.arms:
        own, label = table[table["arm"] == name], labels.get(name, wording.capital(name))
        share = own["received"].mean() if "received" in own else 0.0
        got = "" if wording.is_missing(share) or not share else "received "
        got += f"{wording.quantity(100 * share, 'percent')} of the programme" if got else ""
        drawn.append(("Allocated", label, len(own), None, got))
        seen, lost = own[own["known"] > 0], own.index[own["known"] == 0]
        gone, people = int((seen["rows"] - seen["known"]).sum()), round(seen["people"].sum())
        notes = [f"no outcome: {', '.join(lost)}"] if len(lost) else []
        notes += [f"{wording.counted(gone, 'row')} without an outcome"] if gone else []
        followed.append(("Followed up", label, len(seen), people, "; ".join(notes)))
        analysed.append(("Analysed", label, len(seen), people, ""))
    rows = [("Randomised", "", len(table), None, ""), *drawn, *followed, *analysed]
    return pd.DataFrame(rows, columns=["stage", "arm", "clusters", "people", "note"])


def draw_trial_flow(result: TrialResult, ax: Axes | None = None) -> Axes:
    """The flow as a diagram."""
    ax = figures.draw_flow(flow_frame(result), ax=ax)
    stamp(ax.figure, result._note)
    return ax
