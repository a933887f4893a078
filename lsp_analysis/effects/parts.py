"""Parts that every estimator's result is put together from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.layout import Grid
from lsp_analysis.effects.ranking import PlaceboInference

PARALLEL = "Without the programme the treated areas would have changed as the comparison areas did."
UNTOUCHED = "The comparison areas were not touched by the programme."


def relative_to(
    counterfactual: float, estimate: float, low: float = math.nan, high: float = math.nan
) -> dict[str, float]:
    """The effect and its interval as shares of a positive counterfactual; missing otherwise."""
    if not counterfactual > 0:
        return {"relative": math.nan, "relative_low": math.nan, "relative_high": math.nan}
    return {
        "relative": estimate / counterfactual,
        "relative_low": low / counterfactual,
        "relative_high": high / counterfactual,
    }


def coefficient_effect(row: pd.Series, observed: float) -> dict[str, Any]:
    """Fields that follow from one coefficient: estimate, low, high, p_value and `observed` less it.

    Parameters
    ----------
    row : Series
        A row of a table of coefficients, in units of the outcome.
    observed : float
        Mean outcome of the treated after the start.
    """
    estimate, low, high = (float(row[name]) for name in ("estimate", "low", "high"))
    counterfactual = observed - estimate
    return {
        "estimate": estimate,
        "low": low,
        "high": high,
        "p_value": float(row["p_value"]),
        **relative_to(counterfactual, estimate, low, high),
        "observed": observed,
        "counterfactual": counterfactual,
    }


def detectable(smallest: float, counterfactual: float) -> dict[str, float]:
    """Fields for the smallest effect found with 80% power, in units and as a share."""
    share = smallest / counterfactual if counterfactual > 0 else math.nan
    return {"smallest_effect": smallest, "smallest_relative": share}


def gap_effect(laid_out: Grid, gap: np.ndarray, inference: PlaceboInference) -> dict[str, Any]:
    """Fields of an `EffectEstimate` that follow from a path of gaps and its placebos.

    Parameters
    ----------
    gap : array (periods,)
        Treated mean less counterfactual in every period; the effect is its mean after the start.
    """
    at = laid_out.start_at
    treated = laid_out.treated_mean
    estimate = float(gap[at:].mean())
    observed = float(treated[at:].mean())
    counterfactual = observed - estimate
    return {
        "estimate": estimate,
        "low": inference.low,
        "high": inference.high,
        "p_value": inference.p_value,
        **relative_to(counterfactual, estimate, inference.low, inference.high),
        "start": laid_out.periods[at],
        "observed": observed,
        "counterfactual": counterfactual,
        "n_treated": int(laid_out.treated.sum()),
        "n_placebos": inference.n_placebos,
        "n_disjoint": inference.n_placebos if laid_out.treated.sum() == 1 else 0,
        "finest_p": inference.finest_p,
        **detectable(inference.smallest_effect, counterfactual),
        "paths": paths_frame(laid_out.periods, treated, treated - gap),
    }


def paths_frame(periods: pd.Index, treated: np.ndarray, comparison: np.ndarray) -> pd.DataFrame:
    """Columns period, treated, comparison (the counterfactual), as the figures draw them."""
    return pd.DataFrame({"period": periods, "treated": treated, "comparison": comparison})
