"""Populations at risk, checked: above nought, not the outcome itself, in one unit throughout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError, ParameterError

JUMP = 300
"""Times by which a population does not grow or fall from one period to the next: a change of unit
is a thousandfold, while a handful of people may well become a hundred times as many."""


def check_population(outcome: Any, population: Any) -> None:
    """Raise ParameterError when the column of people is that of the outcome."""
    if population is not None and population == outcome:
        raise ParameterError(
            f"{outcome!r} is given as both outcome and population, so its rate is 1 everywhere. "
            "Name the column of people at risk, or leave out `population`."
        )


def check_people(panel: pd.DataFrame, population: str, area: str | None, period: str) -> None:
    """Raise PanelError for a population of nought or less, or one that changes its unit.

    Parameters
    ----------
    panel : DataFrame, one row per area and period, or per period where `area` is None
        Missing values are passed over.
    """
    rows = panel.dropna(subset=[population])
    people = rows[population].to_numpy(dtype=float)
    wrong = people <= 0
    if wrong.any():
        first = rows.iloc[int(wrong.argmax())]
        where = first[period] if area is None else f"({first[area]}, {first[period]})"
        raise PanelError(
            f"{population!r} is zero or less in {int(wrong.sum())} of {len(people)} rows, first "
            f"{where}. Correct them, or leave those areas or periods out."
        )
    areas = np.zeros(len(rows), dtype=int) if area is None else pd.factorize(rows[area])[0]
    periods, order = pd.factorize(rows[period], sort=True)[0], slice(None)
    order = np.lexsort((periods, areas))
    same = np.diff(areas[order]) == 0
    at = _first_jump(people[order][:-1], people[order][1:], same)
    if at is not None:
        one, other = rows.iloc[order[at]], rows.iloc[order[at + 1]]
        raise _changed_unit(population, "" if area is None else one[area], one, other, period)


def check_exposure(exposure: np.ndarray, codes: pd.Index, periods: pd.Index) -> None:
    """The same of a population laid out as areas by periods, nought where it is missing."""
    before, after = exposure[:, :-1], exposure[:, 1:]
    at = _first_jump(before.ravel(), after.ravel(), (before > 0).ravel() & (after > 0).ravel())
    if at is not None:
        row, column = np.unravel_index(at, before.shape)
        name = "the population"
        ends = ({name: exposure[row, column + k], "when": periods[column + k]} for k in (0, 1))
        raise _changed_unit(name, codes[row], *ends, "when")


def _first_jump(before: np.ndarray, after: np.ndarray, known: np.ndarray) -> int | None:
    jumped = known & ((after >= JUMP * before) | (before >= JUMP * after))
    return int(jumped.argmax()) if jumped.any() else None


def _changed_unit(name: str, area: Any, one: Any, other: Any, period: str) -> PanelError:
    sizes = [wording.number(float(row[name])) for row in (one, other)]
    of = f" of {area}" if area != "" else ""
    return PanelError(
        f"{name}{of} goes from {sizes[0]} in {one[period]} to {sizes[1]} in {other[period]}, as "
        "when one is in thousands and the other is not. Give all of it in one unit."
    )
