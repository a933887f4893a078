"""The profile in short: one row an indicator, one word a question, to fit the first page."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.standing.change.process_table import ASSURANCE
from lsp_analysis.standing.comparison.verdict import CLEAR, CLOSE, FEW, NOT, UNCLEAR

if TYPE_CHECKING:
    from lsp_analysis.figures.tables import Table
    from lsp_analysis.standing.change.process_table import Signals
    from lsp_analysis.standing.place.brief import AreaBrief

MOST_ROWS = 12  # of a scorecard that shares a page with a map
_URGENT = ("worse", "higher", "lower", "better", CLOSE, UNCLEAR, FEW, NOT)


def scorecard(brief: AreaBrief, moved: Signals, *, most: int = MOST_ROWS) -> Table:
    """Every indicator's standing, its change on the period before and in the long run.

    With more than `most` indicators those that stand out are shown, the worst first.

    Parameters
    ----------
    brief : AreaBrief
    moved : Signals
        Of the same area (`signals`).
    most : int
    """
    table = brief.profile.table
    shown = table if len(table) <= most else _standing_out(table, most)
    charted = moved.table.reindex(shown.index)
    columns = {
        "Indicator": [_named(row) for row in shown.to_dict("records")],
        "Years": shown["when"],
        "Here": _values(shown, "value"),
        "Rest of borough": _values(shown, "comparator_value"),
        "Standing": shown["verdict"],
        "Year on year": shown["change_verdict"].map(_change_word),
        "Long run": charted["variation"].map(_variation_word),
    }
    if charted["target"].notna().any():
        columns["Target"] = charted["assurance"].map(_TARGET_WORDS).fillna("none")
    unknown = [c for c in ("Year on year", "Long run") if set(columns[c]) == {"not known"}]
    columns = {name: column for name, column in columns.items() if name not in unknown}
    return figures.table(
        pd.DataFrame(columns).reset_index(drop=True),
        caption=f"{brief.area.name} at a glance",
        note=_note(brief, moved, len(table), len(shown), columns),
    )


_TARGET_WORDS = {
    ASSURANCE["consistent_pass"]: "in reach",
    ASSURANCE["consistent_fail"]: "out of reach",
    ASSURANCE["inconsistent"]: "at times",
}


def _named(row: dict) -> str:
    """An indicator with its unit, unless each number has it."""
    unit = wording.inside(wording.unit_label(row["unit"]))
    return row["name"] if row["unit"] in ("percent", "") else f"{row['name']}, {unit}"


def _values(rows: pd.DataFrame, column: str) -> list[str]:
    """Numbers with a per cent sign, and no other unit."""
    units = rows["unit"].where(rows["unit"] == "percent", "")
    return [
        wording.MISSING if wording.is_missing(x) else wording.quantity(x, unit, digits=_digits(x))
        for x, unit in zip(rows[column], units, strict=True)
    ]


def _digits(x: float) -> int:
    return 0 if abs(x) >= 100 else 1


def _standing_out(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """The `most` rows that matter most, in the order of the study."""
    urgency = table["verdict"].map({word: i for i, word in enumerate(_URGENT)})
    far = (table["ratio"].astype(float) - 1).abs().fillna(0.0)
    order = pd.DataFrame({"urgency": urgency, "far": -far})
    chosen = order.sort_values(["urgency", "far"], kind="stable").index[:most]
    return table[table.index.isin(chosen)]


def _change_word(verdict: object) -> str:
    if verdict in CLEAR:
        return str(verdict)
    return "steady" if verdict in (UNCLEAR, FEW) else "not known"


def _variation_word(variation: object) -> str:
    words = {
        "no significant change": "steady",
        "improving": "better",
        "getting worse": "worse",
        "higher than usual": "higher",
        "lower than usual": "lower",
    }
    return words.get(str(variation), "not known")


def _note(
    brief: AreaBrief, moved: Signals, total: int, shown: int, columns: Collection[str]
) -> str:
    """How to read the columns, and what is left out."""
    usual = "its usual range"
    if moved.since is not None:
        usual = f"its usual range before {wording.period(moved.since)}"
    parts = [f"Long run: the last point against {usual}."] if "Long run" in columns else []
    if "Target" in columns:
        parts.append("Target: of the borough's plan, if the area goes on as it is.")
    parts.append(brief.profile.rule())
    if shown < total:
        more = total - shown
        others = "indicator is" if more == 1 else f"{more} indicators are"
        parts.append(f"The other {others} below.")
    return " ".join(filter(None, parts))
