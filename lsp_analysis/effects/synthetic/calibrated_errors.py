"""Errors and inference of an effect on many areas against weighted ones; see `calibrated`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.layout import Grid
from lsp_analysis.effects.parts import detectable, relative_to
from lsp_analysis.effects.ranking import placebo_inference
from lsp_analysis.effects.regressions.least_squares import (
    FEWEST_TREATED_CLUSTERS,
    NO_ERROR,
    few_clusters_warning,
)
from lsp_analysis.effects.synthetic.units import Units

ALTERNATIVES = {
    "two-sided": lambda z: 2 * stats.norm.sf(abs(z)),
    "less": stats.norm.cdf,
    "greater": stats.norm.sf,
}


@dataclass(frozen=True)
class WeightedEffects:
    """Effects of a batch of units; missing for one that could not be matched.

    Attributes
    ----------
    estimates, errors : array (units,)
        A period, in all areas of the unit together, and standard errors.
    log_errors : array (units,)
        Standard errors of the log of treated over comparison.
    """

    estimates: np.ndarray
    errors: np.ndarray
    log_errors: np.ndarray

    @property
    def statistics(self) -> np.ndarray:
        """Effects in standard errors."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.estimates / self.errors

    def frame(self, labels: list[str]) -> pd.DataFrame:
        """One row per placebo; missing where it could not be matched."""
        return pd.DataFrame(
            {"area_code": labels, "estimate": self.estimates, "statistic": self.statistics}
        )


NOBODY = WeightedEffects(*[np.empty(0)] * 3)


def linearised(
    laid_out: Grid, units: Units, sets: list[np.ndarray | None], independent_periods: bool
) -> WeightedEffects:
    """Weighted least squares of the outcome on treatment and period, with its sandwich error."""
    after = laid_out.outcomes[:, laid_out.after]
    n_after, rows = after.shape[1], []
    for members, donors, weights in zip(units.members, units.donors, sets, strict=True):
        if weights is None:
            rows.append([math.nan] * 3)
            continue
        size = len(members)
        means = np.array([after[members].mean(axis=0), weights @ after[donors] / size])
        level = means.mean(axis=1)
        shared = means.mean(axis=0) - level.mean()  # what the periods did to both
        surprises = (
            (after[members] - shared - level[0]) / size,
            weights[:, None] * (after[donors] - shared - level[1]) / size,
        )
        n = size + len(donors)
        if independent_periods:
            squares = [(part**2).sum() for part in surprises]
            n *= n_after
        else:
            squares = [(part.sum(axis=1) ** 2).sum() for part in surprises]
        variances = np.array(squares) * n / (n - 1) / n_after**2
        ratio = (variances / level**2).sum() if level.min() > 0 else math.nan
        log_error = math.sqrt(ratio)
        rows.append([size * (level[0] - level[1]), size * math.sqrt(variances.sum()), log_error])
    return WeightedEffects(*np.array(rows).T)


def inference_fields(
    found: WeightedEffects,
    others: WeightedEffects,
    counterfactual: float,
    n_treated: int,
    alternative: str,
    level: float,
) -> dict[str, Any]:
    """Interval, p-value and what goes with them: linearised, or ranked where there are placebos."""
    estimate, error, z = (float(a[0]) for a in (found.estimates, found.errors, found.statistics))
    known = np.isfinite(others.errors)
    if len(known):
        return _ranked(found, others, known, counterfactual, alternative, level)
    withheld = few_clusters_warning(n_treated, n_treated + FEWEST_TREATED_CLUSTERS)
    if not withheld and error == 0:
        withheld = NO_ERROR
    reach = math.nan if withheld else float(stats.norm.ppf(0.5 + level / 2))
    power = reach + float(stats.norm.ppf(0.8))
    relative = relative_to(counterfactual, estimate)
    if counterfactual > 0 and not math.isnan(found.log_errors[0]):
        log_ratio, half = math.log1p(relative["relative"]), reach * float(found.log_errors[0])
        relative["relative_low"], relative["relative_high"] = (
            math.expm1(log_ratio - half), math.expm1(log_ratio + half)
        )  # fmt: skip
    return {
        "low": estimate - reach * error,
        "high": estimate + reach * error,
        "p_value": math.nan if withheld else float(ALTERNATIVES[alternative](z)),
        **relative,
        **detectable(power * error, counterfactual),
        "inference": "normal approximation, linearised error",
        "warnings": (withheld,) if withheld else (),
    }


def _ranked(
    found: WeightedEffects,
    others: WeightedEffects,
    known: np.ndarray,
    counterfactual: float,
    alternative: str,
    level: float,
) -> dict[str, Any]:
    estimate, z = float(found.estimates[0]), float(found.statistics[0])
    ranked = placebo_inference(
        estimate,
        others.estimates[known],
        scale=float(found.errors[0]),
        placebo_scales=others.errors[known],
        level=level,
    )
    p_value = ranked.p_value
    if alternative != "two-sided":
        sign = -1 if alternative == "less" else 1
        p_value = (int((sign * others.statistics[known] >= sign * z).sum()) + 1) / (known.sum() + 1)
    lost = int((~known).sum())
    warnings = [ranked.warning] if ranked.warning else []
    if lost:
        warnings.append(
            f"{lost} of {len(known)} placebo groups could not be matched exactly and were left out."
        )
    return {
        "low": ranked.low,
        "high": ranked.high,
        "p_value": float(p_value),
        **relative_to(counterfactual, estimate, ranked.low, ranked.high),
        **detectable(ranked.smallest_effect, counterfactual),
        "n_placebos": ranked.n_placebos,
        "finest_p": ranked.finest_p,
        "inference": "rank of the effect in standard errors among placebo groups",
        "warnings": tuple(warnings),
    }
