"""What a simulated study knows of its programme and an analyst does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures
from lsp_analysis.effects.outcomes import ManyOutcomes
from lsp_analysis.figures.tables import Table

if TYPE_CHECKING:
    from lsp_analysis.study.store import Study


def truth_beside(study: Study, found: ManyOutcomes) -> Table:
    """The true effects, in per cent, beside those estimated; no rows where no truth is known."""
    file = study.path / "truth.json"
    effects = json.loads(file.read_text(encoding="utf-8"))["effects"] if file.exists() else {}
    rows = [
        {
            "Outcome": row.label,
            "True effect (%)": 100 * effects[name]["pilot"]["relative"],
            "Estimate (%)": row.relative,
            "Low (%)": row.low,
            "High (%)": row.high,
        }
        for name, row in found.summary_frame().iterrows()
        if name in effects
    ]
    columns = ["Outcome", "True effect (%)", "Estimate (%)", "Low (%)", "High (%)"]
    return figures.table(
        pd.DataFrame(rows, columns=columns),
        caption="What the simulation did, beside what was estimated",
        note="" if rows else "No truth is known here: the data are real.",
    )
