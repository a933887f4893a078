"""Synthetic difference-in-differences: weighted areas and periods (Arkhangelsky et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, grid
from lsp_analysis.effects.parts import gap_effect
from lsp_analysis.effects.ranking import placebo_inference
from lsp_analysis.effects.synthetic.result import WeightedComparison, gap_frame
from lsp_analysis.effects.synthetic.simplex_ridge import ridged_weights
from lsp_analysis.effects.synthetic.units import Placebos, Units, placebo_units, treated_unit

SLIGHT = 1e-6
"""Ridge on the period weights, in noise levels: only to make them unique (the authors' value)."""

LEAST_NOISE = 1e-6
"""Noise taken where donors move in step, as a share of the range, so that weights are unique."""

ASSUMPTIONS = (
    "The treated area would have moved, not stood, as the weighted comparison did: a lasting "
    "difference in level between them is allowed for.",
    "The comparison areas were not touched by the programme.",
    "Without the programme the treated area would have been as likely as any placebo to part from "
    "its average.",
)


@dataclass(frozen=True)
class SyntheticDiD(WeightedComparison):
    """An effect from weighted areas and weighted periods.

    Attributes
    ----------
    period_weights : Series
        Weights of the periods before the start, adding up to 1.
    se : float
        Standard deviation of the placebo estimates: the placebo variance of the paper (algorithm
        4).
    """

    period_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)
    se: float = math.nan


def synthetic_did(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    placebos: Placebos = None,
    treated_among_donors: bool = False,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> SyntheticDiD:
    """Effect by synthetic difference-in-differences, with placebo inference.

    Area weights make the comparison run parallel to the treated areas before the start, a ridge
    penalty spreading them over many areas; period weights pick the earlier periods most like the
    later ones.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Columns `area`, `period`, `outcome`; complete.
    treated : area codes, or the name of a column that is true for them
    start : first period that counts as after
    placebos : list of lists of area codes, or a number, optional
        Groups as large as the treated one, best of adjoining areas; a number draws that many at
        random, with `seed`. If left out, each comparison area when one area is treated; with
        several treated areas there is then no p-value.
    treated_among_donors : bool
        Whether the treated areas may be donors of the placebos.

    Returns
    -------
    SyntheticDiD
        `p_value` is the rank of the estimate among the placebos'; the interval holds the constant
        effects that rank would not reject.
    """
    check_level(level)
    check_seed(seed)
    laid_out = grid(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        area=area,
        period=period,
        fewest_before=2,
    )
    weights, shares, own = _adjusted_gaps(laid_out, treated_unit(laid_out))
    pretenders, labels = placebo_units(laid_out, placebos, treated_among_donors, seed)
    others = np.empty((0, own.shape[1]))
    if pretenders is not None:
        others = _adjusted_gaps(laid_out, pretenders)[2]
    at = laid_out.start_at
    estimates = others[:, at:].mean(axis=1)
    inference = placebo_inference(own[0, at:].mean(), estimates, level=level)
    donors = laid_out.areas[~laid_out.treated]
    return SyntheticDiD(
        outcome=outcome,
        method="synthetic difference-in-differences",
        unit=unit,
        level=level,
        comparator="a weighted average of comparison areas, moved to the treated area's level",
        inference="rank of the estimate among placebo areas" if labels else "",
        assumptions=ASSUMPTIONS,
        warnings=(inference.warning,) if inference.warning else (),
        placebos=pd.DataFrame(
            {"area_code": labels, "estimate": estimates, "statistic": np.abs(estimates)}
        ),
        donor_weights=pd.Series(weights[0], donors, name="weight"),
        period_weights=pd.Series(shares[0], laid_out.periods[laid_out.before], name="weight"),
        se=float(estimates.std()) if labels else math.nan,
        gaps=gap_frame(
            np.vstack([own, others]),
            [laid_out.treated_name, *labels],
            [True, *[False] * len(labels)],
            laid_out.periods,
        ),
        **gap_effect(laid_out, own[0], inference),
    )


def _adjusted_gaps(laid_out: Grid, units: Units) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area weights, period weights, and gaps (units, periods) less their weighted mean before."""
    outcomes, at = laid_out.outcomes, laid_out.start_at
    donors = units.of_donors(outcomes)
    n_treated, n_after = units.members.shape[1], outcomes.shape[1] - at
    noise = np.diff(donors[:, :at], axis=1).reshape(len(donors), -1).std(axis=1, ddof=1)
    noise = np.maximum(noise, LEAST_NOISE * np.ptp(outcomes))
    zeta = (n_treated * n_after) ** 0.25 * noise
    weights = area_weights(donors[:, :at], units.own(outcomes)[:, :at], zeta)
    shares = period_weights(donors, at, SLIGHT * noise)
    gaps = units.gaps(outcomes, weights)
    level = (gaps[:, :at] * shares).sum(axis=1, keepdims=True)
    return weights, shares, gaps - level


def area_weights(donors: np.ndarray, own: np.ndarray, zeta: np.ndarray) -> np.ndarray:
    """Weights (units, donors) that run parallel to `own`: equation 4 of the paper.

    Parameters
    ----------
    donors : array (units, periods before, donors)
    own : array (units, periods before)
    zeta : array (units,)
        Ridge penalty, in units of the outcome.
    """
    gaps = donors - own[:, :, None]
    gaps = gaps - gaps.mean(axis=1, keepdims=True)  # the intercept
    return ridged_weights(gaps, zeta**2 * donors.shape[1])


def period_weights(donors: np.ndarray, start_at: int, zeta: np.ndarray) -> np.ndarray:
    """Weights (units, periods before) that make earlier periods like the later mean: equation 6."""
    before = donors[:, :start_at].transpose(0, 2, 1)
    after = donors[:, start_at:].mean(axis=1)
    gaps = before - after[:, :, None]
    gaps = gaps - gaps.mean(axis=1, keepdims=True)
    return ridged_weights(gaps, zeta**2 * donors.shape[2])
