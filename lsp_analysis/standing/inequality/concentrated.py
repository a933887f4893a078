"""How an outcome is shared out over people, from the most to the least deprived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import figures, wording
from lsp_analysis.showing import Shown
from lsp_analysis.standing.checks import as_counts, as_exposure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Concentration(Shown):
    """How an outcome is shared out over people ordered from most to least deprived."""

    index: float
    curve: pd.DataFrame = field(repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """The curve: cumulative shares of population and of the outcome."""
        return self.curve

    def sentence(self) -> wording.Sentence:
        """What share of the outcome the most deprived fifth of people has."""
        curve = self.curve
        fifth = np.interp(0.2, curve["cumulative_population"], curve["cumulative_outcome"])
        return wording.Sentence(
            f"The most deprived fifth of people has {wording.quantity(100 * fifth, 'percent')} of "
            f"the total (concentration index {wording.number(self.index, 2)}; below zero means "
            "more among the most deprived)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the concentration curve against the line of equal shares."""
        return figures.draw_concentration(self.curve, ax=ax)


def concentration(order: ArrayLike, outcome: ArrayLike, population: ArrayLike) -> Concentration:
    """Concentration curve and index of an outcome over areas in order of deprivation.

    Parameters
    ----------
    order : array
        Deprivation rank of each area, most deprived first (rank 1); ties share their people out
        evenly, since the areas are joined by a straight line.
    outcome, population : arrays of the same length
        Events and people of each area; areas with either missing are left out.

    Returns
    -------
    Concentration
        Its ``index`` is twice the area between the line of equality and the curve: negative when
        the most deprived have more than their share (Kakwani, Wagstaff and van Doorslaer 1997).
    """
    table = pd.DataFrame(
        {
            "order": np.asarray(order, float),
            "outcome": as_counts(outcome),
            "people": as_exposure(population),
        }
    ).dropna()
    shares = table.groupby("order")[["people", "outcome"]].sum().cumsum()
    shares = shares / shares.iloc[-1]
    people, outcomes = (np.append(0.0, shares[name]) for name in ("people", "outcome"))
    curve = pd.DataFrame({"cumulative_population": people, "cumulative_outcome": outcomes})
    return Concentration(float(1 - 2 * np.trapezoid(outcomes, people)), curve)
