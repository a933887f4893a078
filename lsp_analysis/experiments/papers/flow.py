"""The flow of clusters and people through a trial, as the CONSORT extension for clusters asks."""

from __future__ import annotations

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.experiments.analysis.findings import TrialResult
from lsp_analysis.experiments.analysis.trial import RECEIVED, Trial, unit_values
from lsp_analysis.figures.style import stamp

COLUMNS = ["stage", "arm", "clusters", "people", "note"]


def flow_frame(
    result: TrialResult, *, assessed: int | None = None, excluded: str = ""
) -> pd.DataFrame:
    """Who was assessed, randomised, reached, followed up and analysed, by arm.

    Parameters
    ----------
    assessed : int, optional
        Clusters that were looked at before some were left out.
    excluded : str
        Why those were left out.

    Returns
    -------
    DataFrame with ``stage``, ``arm`` (empty where all arms are together), ``clusters``, ``people``
    and ``note``, in the order of the flow; `figures.draw_flow` draws it.
    """
    trial = result.trial
    table = _by_unit(trial)
    rows = []
    if assessed is not None:
        left_out = assessed - len(table)
        note = ": ".join(filter(None, [f"{left_out} left out", excluded])) if left_out else ""
        rows.append(("Assessed", "", assessed, None, note))
    rows.append(("Randomised", "", len(table), None, ""))
    labels = {arm.name: arm.label for arm in trial.design.arms}
    for name in trial.scheme.arms:
        own, label = table[table["arm"] == name], labels.get(name, wording.capital(name))
        rows.append(("Allocated", label, len(own), None, _received_words(own)))
    for name in trial.scheme.arms:
        own, label = table[table["arm"] == name], labels.get(name, wording.capital(name))
        seen, lost = own[own["known"] > 0], own[own["known"] == 0]
        note = f"no outcome: {', '.join(lost['unit'])}" if len(lost) else ""
        gone = int((seen["rows"] - seen["known"]).sum())
        if gone:
            without = f"{wording.counted(gone, 'row')} without an outcome"
            note = f"{note}; {without}" if note else without
        rows.append(("Followed up", label, len(seen), _people(seen), note))
    for name in trial.scheme.arms:
        own, label = table[table["arm"] == name], labels.get(name, wording.capital(name))
        used = own[own["used"]]
        rows.append(("Analysed", label, len(used), _people(used), ""))
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_trial_flow(result: TrialResult, *, ax=None, **options: object):
    """The flow as a diagram; `options` are those of `flow_frame`."""
    ax = figures.draw_flow(flow_frame(result, **options), ax=ax)
    stamp(ax.figure, result._note)
    return ax


def _by_unit(trial: Trial) -> pd.DataFrame:
    """A row per unit; people of a wedge are the mean over its periods, not their sum."""
    table = unit_values(trial, trial.design.outcome).reset_index()
    table["arm"] = trial.arm_of_unit.reindex(table["unit"]).to_numpy()
    table["used"] = table["value"].notna()
    if trial.design.is_wedge:
        cells = unit_values(trial, trial.design.outcome, by=("unit", "period"))
        people = cells["size"].where(cells["size"] > 0).groupby(level="unit").mean()
        table["size"] = table["unit"].map(people).fillna(0)
    if RECEIVED in trial.rows:
        table["received"] = table["unit"].map(trial.rows.groupby("unit")[RECEIVED].mean())
    return table


def _people(own: pd.DataFrame) -> int:
    return round(own["size"].sum())


def _received_words(own: pd.DataFrame) -> str:
    if "received" not in own or not own["received"].notna().any():
        return ""
    share = own["received"].mean()
    return f"received {wording.quantity(100 * share, 'percent')} of the programme" if share else ""
