"""How large a violation would undo the finding? Bounds of Rambachan and Roth (2023).

A comparison assumes that without the programme the treated neighbourhood would have moved as the
others did. How far it moved away from them *before* the start says how wrong that may be *after*
it, in two ways:

- relative magnitudes: no step after the start is larger than `violation` times the largest step
  before it;
- smoothness: the step changes by no more than `violation` from one period to the next (0 is a
  straight line).

Rambachan and Roth, A more credible approach to parallel trends, Review of Economic Studies 90:2555.
The tests are those of Andrews, Roth and Pakes (2023): conditional, with a least-favourable first
stage. Effects of single periods after the start are eliminated in advance, so that what is tested
is the larger of two normal variables. Steps are per unit of time, so that dates may be uneven.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.regressions.honest_intervals import (
    Steps,
    accepted,
    normal_draws,
    shortest,
    widest_look,
)
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GRID = 401  # effects tried for an interval, over the widest that it could be
_WIDEST = 20.0  # violations above this count as "any"


@dataclass(frozen=True)
class HonestBounds(Shown):
    """Intervals that hold although the areas may have parted without the programme.

    Attributes
    ----------
    restriction : str
        "relative magnitudes" or "smoothness".
    table : DataFrame
        Columns violation, low, high.
    breakdown : float
        Largest violation with which the interval still leaves out 0; 0 where it never does,
        infinite where none that was tried brings it in.
    """

    restriction: str
    estimate: float
    breakdown: float
    table: pd.DataFrame = field(repr=False, compare=False)
    level: float = 0.95
    unit: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """One row per violation allowed for."""
        return self.table.set_index("violation")[["low", "high"]]

    def sentence(self) -> wording.Sentence:
        """How large a violation would have to be to undo the finding."""
        if not self.breakdown:
            return wording.Sentence(
                "The interval includes 0 even when no violation is allowed for, so there is no "
                "finding to undo."
            )
        if math.isinf(self.breakdown):
            return wording.Sentence("No violation of any size that was tried undoes the finding.")
        size = wording.number(self.breakdown)
        if self.restriction == "smoothness":
            text = f"A drift that changes by more than {size} from one period to the next"
        else:
            text = f"A step after the start of more than {size} times the largest step before it"
        return wording.Sentence(f"{text} would undo the finding; anything smaller would not.")

    def plot(self, ax: Axes | None = None) -> Axes:
        """The interval for every violation allowed for."""
        says = "changes by {}" if self.restriction == "smoothness" else "{} times the largest step"
        labels = [says.format(wording.number(v)) for v in self.table["violation"]]
        frame = self.table.assign(label=labels, estimate=self.estimate)
        return figures.draw_forest(
            frame[["label", "estimate", "low", "high"]], unit=self.unit, level=self.level, ax=ax
        )


def event_study_steps(
    times: Sequence[float],
    effects: Sequence[float],
    covariance: np.ndarray,
    reference: float = -1,
    weights: Sequence[float] | None = None,
) -> Steps:
    """Steps per unit of time from the effects of an event study.

    Parameters
    ----------
    times, effects : arrays (before + after,)
        Times since the start in order, without the reference, and the effects then.
    covariance : array (before + after, before + after)
    reference : float
        Time all is measured from, the last before the start.
    weights : array (after,), optional
        What the effect is: the mean over all times after, unless weighted otherwise.
    """
    times, sigma = np.asarray(times, dtype=float), np.asarray(covariance, dtype=float)
    before = times < reference
    count, after = int(before.sum()), int((~before).sum())
    if not count or not after or sigma.shape != (len(times), len(times)):
        raise PanelError(
            f"{len(times)} effects, {count} of them before the reference, with a covariance of "
            f"shape {sigma.shape}: at least one must be before and one after, and the covariance "
            "must have a row and a column for each."
        )
    weights = np.full(after, 1 / after) if weights is None else np.asarray(weights, dtype=float)
    places = np.concatenate([times[before], [reference], times[~before]])
    apart = np.diff(places)
    turn = np.zeros((count + 1, len(times)))
    for row in range(count):
        turn[row, row] = -1 / apart[row]
        if row + 1 < count:
            turn[row, row + 1] = 1 / apart[row]
    turn[count, count:] = weights
    carried = np.cumsum(weights[::-1])[::-1] * apart[count:]
    bends = np.diff(places[:-1] + apart / 2)
    effects = np.asarray(effects, dtype=float)
    return Steps(turn @ effects, turn @ sigma @ turn.T, carried, bends)


def relative_magnitudes(
    steps: Steps,
    violations: Iterable[float] = (0, 0.5, 1, 1.5, 2),
    *,
    level: float = 0.95,
    unit: str = "",
) -> HonestBounds:
    """Bounds if no step after the start exceeds `violation` times the largest step before it."""
    draws = normal_draws(steps)
    rows = []
    for violation in violations:
        grid = steps.estimate + np.linspace(-1, 1, _GRID) * widest_look(steps, violation)
        kept = grid[accepted(steps, grid, violation, draws, level)]
        low, high = (kept.min(), kept.max()) if len(kept) else (math.nan, math.nan)
        rows.append({"violation": violation, "low": low, "high": high})

    def undone(violation: float) -> bool:
        return bool(accepted(steps, np.zeros(1), violation, draws, level)[0])

    return HonestBounds(
        "relative magnitudes", steps.estimate, _breakdown(undone), pd.DataFrame(rows), level, unit
    )


def smoothness(
    steps: Steps,
    violations: Iterable[float] = (0, 0.5, 1, 1.5, 2),
    *,
    level: float = 0.95,
    unit: str = "",
) -> HonestBounds:
    """Bounds if the step changes by no more than `violation` (in units of the effect) a period.

    Optimal fixed-length intervals (Armstrong and Kolesár 2018; Rambachan and Roth 2023, section
    4.1): the estimate less a weighted sum of earlier steps that removes any straight line and as
    much of the rest as pays.
    """
    rows = []
    for violation in violations:
        centre, half = shortest(steps, violation, level)
        rows.append({"violation": violation, "low": centre - half, "high": centre + half})

    def undone(violation: float) -> bool:
        centre, half = shortest(steps, violation * steps.error, level)
        return abs(centre) <= half

    breakdown = _breakdown(undone) * steps.error
    return HonestBounds("smoothness", steps.estimate, breakdown, pd.DataFrame(rows), level, unit)


def _breakdown(undone: Callable[[float], bool]) -> float:
    """Largest violation at which the finding stands, by bisection; infinite where nothing undoes
    it."""
    if undone(0.0):
        return 0.0
    if not undone(_WIDEST):
        return math.inf
    low, high = 0.0, _WIDEST
    while high - low > 0.01 * max(low, 0.1):
        middle = (low + high) / 2
        low, high = (low, middle) if undone(middle) else (middle, high)
    return low
