"""Ridge-augmented synthetic control: what the weights leave unmatched is corrected by regression.

Ben-Michael, Feller and Rothstein (2021). Where no weighted average of other areas follows the
treated area closely, weights may go a little below 0; a ridge penalty, chosen by leaving one period
out at a time, says how far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, grid
from lsp_analysis.effects.options import positive
from lsp_analysis.effects.parts import gap_effect
from lsp_analysis.effects.ranking import placebo_inference
from lsp_analysis.effects.synthetic.result import WeightedComparison, gap_frame
from lsp_analysis.effects.synthetic.simplex import nearest_points
from lsp_analysis.effects.synthetic.units import Placebos, Units, placebo_units, treated_unit

N_PENALTIES = 21
LEAST_PENALTY = 1e-8
"""Smallest penalty tried, as a share of the largest, as in the authors' ``augsynth``."""

LEAST_ERROR = 1e-9
"""Left-out error taken where an area is met exactly, as a share of the outcome's range."""

ASSUMPTIONS = (
    "The treated area would have gone on following its weighted, regression-corrected average.",
    "The comparison areas were not touched by the programme.",
    "Without the programme the treated area would have been as likely as any placebo to part from "
    "its average, in units of its own error when a period before the start is left out.",
)


@dataclass(frozen=True)
class AugmentedSyntheticControl(WeightedComparison):
    """An effect against a regression-corrected weighted average.

    Attributes
    ----------
    donor_weights : Series
        Adding up to 1; some may be below 0, which is extrapolation.
    ridge : float
        Penalty of the correction: none at all at 0, plain synthetic control when it is very large.
    held_out_error : float
        Root mean squared error in the periods before the start, each left out in turn.
    """

    ridge: float = 0.0
    held_out_error: float = 0.0


def augmented_synthetic_control(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    ridge: float | None = None,
    placebos: Placebos = None,
    treated_among_donors: bool = False,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> AugmentedSyntheticControl:
    """Effect against weights corrected by a ridge regression of the outcome on its own past.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Columns `area`, `period`, `outcome`; complete.
    treated : area codes, or the name of a column that is true for them
        Their unweighted mean is the treated unit.
    start : first period that counts as after; four periods or more must precede it
    ridge : float above 0, optional
        Penalty. If left out each unit's own is the largest whose error in left-out periods is
        within one standard error of the least.
    placebos : list of lists of area codes, or a number, optional
        Groups as large as the treated one; see `synthetic_control`.
    treated_among_donors : bool
        Whether the treated areas may be donors of the placebos.

    Returns
    -------
    AugmentedSyntheticControl
        `p_value` ranks the mean gap in units of the error in left-out periods.
    """
    check_level(level)
    check_seed(seed)
    ridge = None if ridge is None else positive("ridge", ridge)
    laid_out = grid(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        area=area,
        period=period,
        fewest_before=4,
    )
    at = laid_out.start_at
    own = _correct(laid_out, treated_unit(laid_out), ridge)
    pretenders, labels = placebo_units(laid_out, placebos, treated_among_donors, seed)
    others = _NOBODY if pretenders is None else _correct(laid_out, pretenders, ridge)
    means = others.gaps[:, at:].mean(axis=1) if labels else np.empty(0)
    inference = placebo_inference(
        own.gaps[0, at:].mean(),
        means,
        scale=own.errors[0],
        placebo_scales=others.errors,
        level=level,
    )
    return AugmentedSyntheticControl(
        outcome=outcome,
        method="synthetic control, ridge-augmented",
        unit=unit,
        level=level,
        comparator="a regression-corrected weighted average of comparison areas",
        inference="rank of the scaled mean gap among placebo areas" if labels else "",
        assumptions=ASSUMPTIONS,
        warnings=(inference.warning,) if inference.warning else (),
        placebos=pd.DataFrame(
            {
                "area_code": labels,
                "estimate": means,
                "statistic": np.abs(means) / others.errors,
            }
        ),
        donor_weights=pd.Series(own.weights[0], laid_out.areas[~laid_out.treated], name="weight"),
        ridge=float(own.penalties[0]),
        held_out_error=float(own.errors[0]),
        gaps=gap_frame(
            np.vstack([own.gaps, others.gaps]) if labels else own.gaps,
            [laid_out.treated_name, *labels],
            [True, *[False] * len(labels)],
            laid_out.periods,
        ),
        **gap_effect(laid_out, own.gaps[0], inference),
    )


@dataclass(frozen=True)
class _Corrected:
    """Weights, penalties, left-out errors and gaps of a batch of units, one row each."""

    weights: np.ndarray
    penalties: np.ndarray
    errors: np.ndarray
    gaps: np.ndarray


_NOBODY = _Corrected(*[np.empty(0)] * 4)


def _correct(laid_out: Grid, units: Units, ridge: float | None) -> _Corrected:
    before = laid_out.outcomes[:, laid_out.before]
    pairs = list(zip(units.of_donors(before), units.own(before), strict=True))
    penalties, errors = np.array([_choose(*pair, ridge) for pair in pairs]).T
    errors = np.maximum(errors, LEAST_ERROR * np.ptp(laid_out.outcomes))
    weights = np.array(
        [augmented_weights(*pair, own) for pair, own in zip(pairs, penalties, strict=True)]
    )
    return _Corrected(weights, penalties, errors, units.gaps(laid_out.outcomes, weights))


def augmented_weights(donors: np.ndarray, own: np.ndarray, ridge: float) -> np.ndarray:
    """Synthetic control weights plus the ridge correction for what they leave unmatched.

    Parameters
    ----------
    donors : array (periods before, donors)
    own : array (periods before,)
    """
    weights = nearest_points((donors - own[:, None])[None]).weights[0]
    mean = donors.mean(axis=1)
    centred = donors - mean[:, None]
    unmatched = own - donors @ weights
    system = centred @ centred.T + ridge * np.eye(len(own))
    return weights + np.linalg.solve(system, unmatched) @ centred


def _choose(donors: np.ndarray, own: np.ndarray, ridge: float | None) -> tuple[float, float]:
    """The penalty, and the root mean squared error it makes in periods left out one at a time."""
    penalties = _penalties(donors) if ridge is None else np.array([ridge])
    squares = _held_out_errors(donors, own, penalties) ** 2
    mean = squares.mean(axis=1)
    best = int(mean.argmin())
    allowed = mean[best] + squares[best].std(ddof=1) / np.sqrt(squares.shape[1])
    chosen = int(np.flatnonzero(mean <= allowed)[0])
    return float(penalties[chosen]), float(np.sqrt(mean[chosen]))


def _penalties(donors: np.ndarray) -> np.ndarray:
    """Penalties to try, largest first: from the squared first singular value down."""
    centred = donors - donors.mean(axis=1, keepdims=True)
    largest = np.linalg.svd(centred, compute_uv=False)[0] ** 2
    if not largest > 0:  # all donors alike: nothing to correct by
        return np.ones(1)
    return largest * np.geomspace(1.0, LEAST_PENALTY, N_PENALTIES)


def _held_out_errors(donors: np.ndarray, own: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Error in each period when the weights are found from the others: (penalties, periods)."""
    periods = len(own)
    others = np.array([np.delete(np.arange(periods), t) for t in range(periods)])
    gaps = donors - own[:, None]
    weights = nearest_points(gaps[others]).weights
    centred = donors - donors.mean(axis=1, keepdims=True)
    left_in = centred[others]
    unmatched = -np.matmul(gaps[others], weights[:, :, None])[:, :, 0]
    values, vectors = np.linalg.eigh(np.matmul(left_in, left_in.transpose(0, 2, 1)))
    rotated = np.matmul(vectors.transpose(0, 2, 1), unmatched[:, :, None])[:, :, 0]
    plain = own - (donors * weights).sum(axis=1)
    reach = np.matmul(left_in, centred[:, :, None])[:, :, 0]
    reach = np.matmul(vectors.transpose(0, 2, 1), reach[:, :, None])[:, :, 0]
    shrunk = 1.0 / (np.maximum(values, 0)[None] + penalties[:, None, None])
    return plain[None] - (shrunk * (rotated * reach)[None]).sum(axis=2)
