"""What a question cannot be asked of: refused once, before any estimator sees it."""

from typing import Any

import numpy as np

from lsp_analysis import wording
from lsp_analysis.errors import AreaError, PanelError

JUMP = 300  # times by which a population does not change in one period: a change of unit does
FEWEST_KNOWN = 0.5  # of the treated areas' values on either side of the start


def check_values(question: Any) -> None:
    """Raise PanelError for arrays of other shapes, and values that say nothing."""
    n, t = len(question.areas), len(question.dates)
    for name in ("outcome", "population"):
        array = getattr(question, name)
        if array is not None and np.shape(array) != (n, t):
            raise PanelError(
                f"`{name}` has shape {np.shape(array)}, and there are {n} areas and {t} dates."
            )
    values = question.outcome[question.known]
    if not len(values):
        raise PanelError(
            f"No row has a value of {question.label!r}. Choose another outcome, or other periods."
        )
    if question.counted and (values < 0).any():
        raise PanelError(
            f"{question.label!r} has {int((values < 0).sum())} counts below zero. Correct them, or "
            'give kind="mean" if they are no counts.'
        )
    if np.ptp(question.compared[question.known]) <= 1e-12 * np.abs(values).max():
        raise PanelError(
            f"{question.label!r} is the same in every area and period, so there is nothing to "
            "compare. Check the column."
        )


def check_sides(question: Any) -> None:
    """Raise AreaError or PanelError without a treated area, or values on either side."""
    treated = question.treated
    if not treated.any():
        raise AreaError("No treated area was given. Name the area codes of the neighbourhood.")
    if not 0 < question.at < len(question.dates):
        side = "after" if question.at else "before"
        raise PanelError(
            f"No period of the panel ({question.dates[0]} to {question.dates[-1]}) is {side} the "
            f"start {question.start}. Choose another start, or add periods."
        )
    own = question.known[treated]
    sides = own[:, : question.at].mean(), own[:, question.at :].mean()
    if min(sides) < FEWEST_KNOWN:
        raise PanelError(
            f"The treated areas have {sides[0]:.0%} of their values of {question.label!r} before "
            f"the start and {sides[1]:.0%} of those after. At least half are needed on either "
            "side: choose another outcome or start."
        )


def check_population(question: Any) -> None:
    """Raise PanelError for a population of zero or less, or one that changes its unit."""
    people, known = question.population, question.known
    wrong = known & (people <= 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise PanelError(
            f"The population is zero or less in {int(wrong.sum())} of {int(known.sum())} rows, "
            f"first ({question.areas[row]}, {question.dates[column]}). Correct them, or leave "
            "those areas or periods out."
        )
    before, after = question.exposure[:, :-1], question.exposure[:, 1:]
    jumped = (before > 0) & (after > 0) & ((after >= JUMP * before) | (before >= JUMP * after))
    if jumped.any():
        row, column = np.argwhere(jumped)[0]
        ends = [wording.number(float(x[row, column])) for x in (before, after)]
        raise PanelError(
            f"The population of {question.areas[row]} goes from {ends[0]} in "
            f"{question.dates[column]} to {ends[1]} in {question.dates[column + 1]}, as when one "
            "is in thousands and the other is not. Give all of it in one unit."
        )


def check_enough(question: Any, before: int, comparisons: int, complete: bool) -> None:
    """Raise PanelError unless there is what `Question.need` names."""
    if question.at < before:
        raise PanelError(
            f"{wording.counted(question.at, 'period')} before {question.start} (the first is "
            f"{question.dates[0]}), but this method needs {before} or more. Add earlier periods, "
            "or use a simpler method."
        )
    found = int(question.comparison.sum())
    if found < comparisons:
        gaps = int((~question.known.all(axis=1) & ~question.treated & ~question.ring).sum())
        why = f", {gaps} others have missing values" if gaps else ""
        raise PanelError(
            f"{wording.counted(found, 'area')} can be compared with{why}; this method needs "
            f"{comparisons} or more. Add comparison areas, or leave out periods with gaps."
        )
    values = question.compared[question.comparison]
    if comparisons and not values.any():
        raise PanelError(
            f"{question.label!r} is 0 in every comparison area, so nothing shows how far areas "
            "differ by chance. Choose an outcome that happens there too."
        )
    if comparisons and found > 1 and not np.nanmax(np.ptp(values, axis=0)):
        raise PanelError(
            f"{question.label!r} is the same in all {found} comparison areas in every period, so it"
            " cannot show how far areas differ by chance. Check the column, and the periods it was "
            "measured in."
        )
    if complete and not question.known[question.treated].all():
        row, column = np.argwhere(~question.known[question.treated])[0]
        raise PanelError(
            f"A value of {question.label} is missing in {question.areas[question.treated][row]} in "
            f"{question.dates[column]}. This method needs the treated areas in every period: leave "
            "out that period, or choose another outcome."
        )
