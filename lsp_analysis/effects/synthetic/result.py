"""What a synthetic control hands back: an effect, its weights, fit, and rank among placebos."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures
from lsp_analysis.effects.result import EffectEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class WeightedComparison(EffectEstimate):
    """An effect measured against a weighted average of comparison areas.

    Attributes
    ----------
    donor_weights : Series
        Weight of each comparison area, adding up to 1.
    gaps : DataFrame
        Columns area_code, period, gap, treated: the treated unit's and every placebo's gap.
    """

    donor_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)
    gaps: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    @property
    def gap_by_period(self) -> pd.Series:
        """Treated less weighted average, by period, before the start as well as after."""
        gap = self.paths["treated"] - self.paths["comparison"]
        return pd.Series(gap.to_numpy(), pd.Index(self.paths["period"]), name="gap")

    def plot_placebos(self, ax: Axes | None = None) -> Axes:
        """Draw the treated unit's gap among those of the placebos; return the axes."""
        return figures.draw_placebo_paths(self.gaps, start=self.start, ax=ax)


@dataclass(frozen=True)
class SyntheticControl(WeightedComparison):
    """An effect measured against a weighted average of areas alike in outcomes or predictors.

    Attributes
    ----------
    donor_weights : Series
        Of the comparison areas with a weight, largest first.
    predictor_weights : Series
        Weight of each predictor, adding up to 1; empty when only the outcomes were matched.
    pre_mspe, post_mspe, fit_ratio : float
        Mean squared gap before the start and from it on, and the second divided by the first.
    fit_mspe : float
        Mean squared gap in the periods whose fit decided between weights: `pre_mspe`, unless some
        of the time before the start was chosen.
    rank, n_ranked : int
        Place of the treated unit's ratio, 1 the largest, among itself and the placebos; 0 when not
        ranked.
    outcomes_only_rank : int
        The same when only the outcomes are matched: the limit in which predictors have no weight.
    unique : bool
        Whether the donor weights are the only ones that match the predictors this well.
    balance : DataFrame
        Per predictor: treated, synthetic, mean of the comparison areas.
    starts : DataFrame
        Columns start, fit_mspe: what a plain descent from each start of the search reached.
    """

    predictor_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)
    pre_mspe: float = math.nan
    post_mspe: float = math.nan
    fit_mspe: float = math.nan
    fit_ratio: float = math.nan
    rank: int = 0
    n_ranked: int = 0
    outcomes_only_rank: int = 0
    unique: bool = True
    balance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row: the effect, its fit before the start and its rank."""
        extra = {
            "pre_mspe": self.pre_mspe,
            "post_mspe": self.post_mspe,
            "fit_ratio": self.fit_ratio,
            "rank": self.rank,
            "n_ranked": self.n_ranked,
            "outcomes_only_rank": self.outcomes_only_rank,
        }
        return super().summary_frame().assign(**extra)


def mean_squares(gaps: np.ndarray, start_at: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared gap before the start and from it on, per row of `gaps` (units, periods)."""
    squares = gaps**2
    return squares[:, :start_at].mean(axis=1), squares[:, start_at:].mean(axis=1)


def fit_ratios(gaps: np.ndarray, start_at: int) -> np.ndarray:
    """Post / pre mean squared gap per row; an exact fit before the start counts as a billionth."""
    before, after = mean_squares(gaps, start_at)
    floor = 1e-9 * max(float(np.median(after)), 1e-300)
    return after / np.maximum(before, floor)


def gap_frame(
    gaps: np.ndarray, labels: list[str], treated: list[bool], periods: pd.Index
) -> pd.DataFrame:
    """Long table of gaps (units, periods): area_code, period, gap, treated."""
    return pd.DataFrame(
        {
            "area_code": np.repeat(np.asarray(labels, dtype=object), len(periods)),
            "period": np.tile(np.asarray(periods, dtype=object), len(labels)),
            "gap": gaps.ravel(),
            "treated": np.repeat(treated, len(periods)),
        }
    ).infer_objects()
