"""Interrupted time series: did level or slope change at the start, against the earlier trend?

Lopez Bernal, Cummins and Gasparrini (2017). Without comparison areas it cannot tell the programme
from anything else that happened then: see `its_controlled`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level
from lsp_analysis.effects.layout import as_start
from lsp_analysis.effects.options import names_of, positive
from lsp_analysis.effects.parts import paths_frame
from lsp_analysis.effects.regressions.its_design import CHANGES, design, series_of
from lsp_analysis.effects.regressions.its_fit import SeriesFit, check_events, fit_series
from lsp_analysis.effects.regressions.its_size import Size, size_of_change
from lsp_analysis.effects.result import EffectEstimate

TREND_GOES_ON = "Without the programme the series would have kept to its earlier trend and season."
NOTHING_ELSE = "Nothing else that bears on the outcome changed at the start."


@dataclass(frozen=True)
class InterruptedSeries(EffectEstimate):
    """A change at the start, with the regression it came from.

    Attributes
    ----------
    fit : SeriesFit
        Coefficients, dispersion, Durbin-Watson statistic; log rate ratios for counts.
    changes : DataFrame
        The rows of `fit.coefficients` that are the effect: level_change, slope_change (per period).
    """

    fit: SeriesFit | None = field(default=None, repr=False, compare=False)
    changes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


def interrupted_series(
    panel: pd.DataFrame,
    *,
    outcome: str,
    start: Any,
    treated: str | Sequence[Any] | None = None,
    family: str = "gaussian",
    population: str | None = None,
    change: str = "both",
    harmonics: int = 0,
    cycle: float | None = None,
    covariates: Sequence[str] = (),
    newey_west: int | None = None,
    small_sample: bool = False,
    slope_from: int = 1,
    use_t: bool | None = None,
    per: float = 1_000,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> InterruptedSeries:
    """Change of level and slope at the start of one series: ``y ~ 1 + t + post + (t - c)+``.

    t counts periods from 1, c is the last before `start`, so the slope change counts 1, 2, 3 ...
    from the start on and the level change is read at c (Lopez Bernal and others 2017). With
    ``slope_from=0`` c is the first period after and the level change is the jump there, as in
    Linden (2015). The effect is the same.

    Parameters
    ----------
    panel : DataFrame
        One row per period, or per area and period with `treated` naming the areas to be taken
        together: counts and populations are added up, other outcomes averaged. Periods where one of
        the areas has no value are left out.
    start : first period that counts as after
    family : "gaussian", "poisson", "quasi_poisson" or "negative_binomial"
    population : str, optional
        Column of people at risk, for counts: rates are modelled, through an offset.
    change : "level", "slope" or "both"
    harmonics, cycle
        Pairs of sine and cosine, and periods per season; see `its_design.design`.
    covariates : columns that explain the series besides
    newey_west, small_sample
        Lags over which residuals may be correlated, and whether their variance is corrected for
        small samples; see `its_fit.fit_series`.
    use_t : bool, optional
        Student's t instead of the normal; if left out, where a variance is estimated.
    per : float
        With `population`, `paths` holds rates per this many people.

    Returns
    -------
    InterruptedSeries
        `estimate` is the mean difference from the continued trend over the periods after;
        `relative` the same in proportion, for counts with an interval on the log scale.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    per = positive("per", per)
    others = [*covariates, *([population] if population else [])]
    series, n_areas = series_of(
        panel,
        outcome=outcome,
        treated=treated,
        others=others,
        summed=family != "gaussian",
        area=area,
        period=period,
        population=population,
    )
    columns = design(
        series[period],
        start,
        change=change,
        harmonics=harmonics,
        cycle=cycle,
        slope_from=slope_from,
    )
    columns = columns.join(series[list(covariates)].astype(float))
    people = None if population is None else series[population].to_numpy(dtype=float)
    after = (series[period] >= as_start(start, series[period])).to_numpy()
    check_events(series[outcome].to_numpy(dtype=float), after, family)
    fit = fit_series(
        series[outcome].to_numpy(dtype=float),
        columns,
        family=family,
        population=people,
        newey_west=newey_west,
        small_sample=small_sample,
        use_t=use_t,
        level=level,
    )
    size = size_of_change(fit, columns, CHANGES[change], people, level)
    return InterruptedSeries(
        outcome=outcome,
        method="interrupted time series",
        comparator="the earlier trend",
        unit=unit,
        maryland=1,
        n_treated=n_areas,
        assumptions=(TREND_GOES_ON, NOTHING_ELSE),
        warnings=autocorrelation_warning(fit, newey_west, len(series)),
        **series_fields(series, size, fit, CHANGES[change], outcome, people, start, per, period),
    )


def series_fields(
    series: pd.DataFrame,
    size: Size,
    fit: SeriesFit,
    terms: list[str],
    outcome: str,
    people: np.ndarray | None,
    start: Any,
    per: float,
    period: str,
) -> dict[str, Any]:
    """Fields of the result that follow from the treated series and the size of its change."""
    start = as_start(start, series[period])
    scale = 1.0 if people is None else per / people
    observed = series[outcome].to_numpy(dtype=float)
    after = (series[period] >= start).to_numpy()
    return {name: getattr(size, name) for name in _OF_SIZE} | {
        "start": start,
        "observed": float(observed[after].mean()),
        "inference": _INFERENCE[fit.family],
        "paths": paths_frame(series[period], observed * scale, size.without * scale),
        "fit": fit,
        "changes": fit.coefficients.loc[terms],
    }


_OF_SIZE = (
    "estimate",
    "low",
    "high",
    "p_value",
    "relative",
    "relative_low",
    "relative_high",
    "counterfactual",
    "smallest_effect",
    "smallest_relative",
    "level",
)

_INFERENCE = {
    "gaussian": "regression with normal errors",
    "poisson": "Poisson regression",
    "quasi_poisson": "Poisson regression, errors scaled up for overdispersion",
    "negative_binomial": "negative binomial regression",
}


def autocorrelation_warning(
    fit: SeriesFit, newey_west: int | None, n_periods: int
) -> tuple[str, ...]:
    """Residuals alike from one period to the next make the interval too narrow.

    Where the fit has no error at all, why there is no interval.
    """
    if fit.withheld:
        return (fit.withheld,)
    correlation = 1 - fit.durbin_watson / 2
    if newey_west is not None or correlation < 2 / math.sqrt(n_periods):
        return ()
    return (
        f"Residuals are alike from one period to the next (correlation {correlation:.2f}), so "
        "the interval is too narrow: give `newey_west` a number of lags, or model the season "
        "with `harmonics`.",
    )
