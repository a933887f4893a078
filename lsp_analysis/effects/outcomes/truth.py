"""What a simulated study knows of its programme and an analyst does not."""

from __future__ import annotations

import pandas as pd

from lsp_analysis import figures, untrusted, wording
from lsp_analysis.effects.outcomes.many import ManyOutcomes
from lsp_analysis.effects.words import percent
from lsp_analysis.figures.tables import Table
from lsp_analysis.study.areas import Area
from lsp_analysis.study.asking.dates import as_date
from lsp_analysis.study.store import Study

COLUMNS = {"label": "Measure", "relative": "Estimate (%)", "low": "Low (%)", "high": "High (%)"}


def truth_beside(
    study: Study, found: ManyOutcomes, place: str | Area, start: pd.Period | str = ""
) -> Table | wording.Sentence:
    """The true effects, in per cent, beside those estimated; or why none are known.

    Parameters
    ----------
    place : str or Area
        What `found` is about: the truth is known of the area that had the programme.
    start : Period or str, optional
        When the programme asked about began: the truth is that of the date it was simulated for.
    """
    if not found:
        return found.sentence()
    file = study.path / "truth.json"
    if not file.exists():
        why = (
            "these data are simulated, but what was put into them is not on record"
            if study.simulated
            else "this study says nothing of what would have happened without the programme, as no "
            "study of real data can"
        )
        return wording.Sentence(
            f"There is no known truth here: {why}. How far to trust the finding rests on the "
            "checks, the other methods and the false positive rate above."
        )
    told = untrusted.read_json(file, untrusted.schema("truth"))
    home, began = told["pilot"]["area_code"], as_date(told["pilot"]["start"])
    asked = as_date(start) if start else began
    if not asked.start_time <= began.start_time <= asked.end_time:
        return wording.Sentence(
            f"The simulated programme began in {wording.period(began)}, and what was asked about "
            f"is {wording.period(asked)}: no truth is on record for that."
        )
    if set(study.area(place).members) != {home}:
        return wording.Sentence(
            f"The simulation put its effects into {home} alone, and this is another "
            "neighbourhood: what is true of it as a whole is not on record."
        )
    true = {name: 100 * effect["pilot"]["relative"] for name, effect in told["effects"].items()}
    rows = found.summary_frame().rename(columns=COLUMNS)
    rows.insert(1, "True effect (%)", rows.index.map(true))
    rows = rows[rows.index.isin(true)][["Measure", "True effect (%)", *list(COLUMNS.values())[1:]]]
    if rows.empty:
        return wording.Sentence("The simulation keeps no truth about these measures.")
    inside = rows["True effect (%)"].between(rows["Low (%)"], rows["High (%)"])
    rows["In the interval"] = inside.map({True: "yes", False: "no"})
    return figures.table(
        rows.reset_index(drop=True),
        caption="What the simulation did, beside what was estimated",
        note=_said(rows, found),
    )


def _said(rows: pd.DataFrame, found: ManyOutcomes) -> str:
    """How near the truth the estimates came, in a sentence or two."""
    held = rows["In the interval"] == "yes"
    lead = ""
    if len(rows) > 1:
        lead = f"Intervals that hold the truth: {wording.of_total(int(held.sum()), len(rows))}."
    first = rows[rows["Measure"] == found.table.loc[found.primary, "label"]]
    if first.empty:
        return lead
    row = first.iloc[0]
    where = "inside" if row["In the interval"] == "yes" else "outside"
    return (
        f"The outcome named in advance was in truth {percent(row['True effect (%)'])}, by the "
        f"estimate {percent(row['Estimate (%)'])}; the truth lies {where} its interval. {lead}"
    ).rstrip()
