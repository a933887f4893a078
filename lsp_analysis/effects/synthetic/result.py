"""What comparison with weighted areas hands back: an effect and its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis.effects.result import EffectEstimate


@dataclass(frozen=True)
class WeightedComparison(EffectEstimate):
    """An effect measured against a weighted average of areas.

    Attributes
    ----------
    donor_weights : Series
        Of the comparison areas with a weight, largest first.
    """

    donor_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


@dataclass(frozen=True)
class SyntheticControl(WeightedComparison):
    """An effect measured against a weighted average of areas alike in outcomes or predictors.

    Attributes
    ----------
    predictor_weights : Series
        Weight of each predictor, adding up to 1; empty when only the outcomes were matched.
    pre_mspe, fit_ratio : float
        Mean squared gap before the start, and that from the start on divided by it.
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
    fit_ratio: float = math.nan
    rank: int = 0
    n_ranked: int = 0
    outcomes_only_rank: int = 0
    unique: bool = True
    balance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


@dataclass(frozen=True)
class SyntheticDiD(WeightedComparison):
    """An effect from weighted areas and weighted periods.

    Attributes
    ----------
    period_weights : Series
        Weights of the dates before the start, adding up to 1.
    """

    period_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


@dataclass(frozen=True)
class CalibratedEffect(WeightedComparison):
    """An effect on many areas; `estimate` is per period, in all of them together.

    Attributes
    ----------
    total_observed, total_counterfactual : float
        Sums over the treated areas and all dates after the start.
    balance : DataFrame
        Per constraint: treated, comparison (weighted), unweighted (scaled to as many areas).
    """

    total_observed: float = math.nan
    total_counterfactual: float = math.nan
    balance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
