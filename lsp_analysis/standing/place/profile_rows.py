"""The profile of an area as a table for readers: one row an indicator."""

from __future__ import annotations

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.figures.tables import Table
from lsp_analysis.standing.comparison.profiles import Profile
from lsp_analysis.standing.comparison.verdict import ALIKE, not_comparable, too_few


def profile_table(profile: Profile) -> Table:
    """Values with intervals, comparators, verdicts and ranks of every indicator of a profile."""
    table = profile.table
    columns = {
        "Indicator": table["name"],
        "Period": table["when"],
        profile.area: [_with_limits(row) for row in table.to_dict("records")],
        "Rest of borough": _quantities(table["comparator_value"], table["unit"]),
        "Verdict": table["verdict"],
    }
    for name in profile.comparators[1:]:
        others = _quantities(table[f"{name}: value"], table["unit"])
        verdicts = table[f"{name}: verdict"]
        columns["Similarly deprived" if name == ALIKE else wording.capital(name)] = [
            f"{value}: {verdict}" for value, verdict in zip(others, verdicts, strict=True)
        ]
    columns["Rank (1 worst)"] = [
        wording.MISSING if wording.is_missing(rank) else f"{rank:.0f} of {of:.0f}"
        for rank, of in zip(table["rank"], table["of"], strict=True)
    ]
    reasons = [too_few(table), not_comparable(table)]
    return figures.table(
        pd.DataFrame(columns).reset_index(drop=True),
        caption=f"{profile.area}: latest value of every indicator, with "
        f"{100 * profile.level:.0f}% interval, beside its comparators",
        note=" ".join(filter(None, [profile.rule(), *reasons, *_cautions(table)])),
    )


def _cautions(table: pd.DataFrame) -> list[str]:
    """Cautions of single indicators, each said once."""
    rows = table.dropna(subset="caution")
    grouped = rows[rows["caution"] != ""].groupby("caution", sort=False)["name"].agg(list)
    return [
        f"{wording.capital(wording.and_list(map(wording.inside, names)))}: {caution}"
        for caution, names in grouped.items()
    ]


def _quantities(values: pd.Series, units: pd.Series) -> list[str]:
    return [wording.quantity(x, unit) for x, unit in zip(values, units, strict=True)]


def _with_limits(row: dict) -> str:
    """A value with its unit and, where there is one, its interval."""
    value = wording.quantity(row["value"], row["unit"])
    if wording.is_missing(row["low"]):
        return value
    return f"{value} ({wording.number(row['low'], 1)} to {wording.number(row['high'], 1)})"
