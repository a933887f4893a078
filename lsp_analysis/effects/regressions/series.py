"""Interrupted time series: did level or slope change at the start, against the earlier trend?

Lopez Bernal, Cummins and Gasparrini (2017); beside a control series, the same (2018), which rules
out what happened everywhere at that time.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects import parts
from lsp_analysis.effects.one_area.groups import placebo_groups
from lsp_analysis.effects.regressions import series_fit
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.study.question import Question

TREND_GOES_ON = "Without the programme the series would have kept to its earlier trend and season."
ALONE = "Nothing else that bears on the outcome changed at the start."
SHARED_BREAK = (
    "Whatever else changed at the start changed the comparison areas' series by as much (in "
    "proportion, for counts)."
)
HARMONICS = 2  # a yearly and a half-yearly wave
CHANGES = {
    "level": ["level_change"],
    "slope": ["slope_change"],
    "both": ["level_change", "slope_change"],
}


@dataclass(frozen=True)
class InterruptedSeries(EffectEstimate):
    """A change at the start, with the regression it came from.

    Attributes
    ----------
    coefficients : DataFrame
        Index term; columns estimate, se, low, high, p_value: the regression's own, log rate ratios
        for counts.
    changes : DataFrame
        The rows of `coefficients` that are the effect: level_change, slope_change (per period).
    dispersion : float
        Pearson's chi-squared over its degrees of freedom; for "gaussian" the residual variance.
    """

    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    changes: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    dispersion: float = math.nan


@parts.answers
def interrupted_series(
    question: Question,
    *,
    family: str = "",
    change: str = "both",
    harmonics: int | None = None,
    lags: int | None = None,
    controlled: bool = False,
    covariates: Collection[str] = (),
) -> InterruptedSeries:
    """Change of level and slope at the start of one series: ``y ~ 1 + t + post + (t - c)+``.

    t counts calendar periods from 1, so that a gap in the dates is a gap in time; c is the last
    before `start`, so the slope change counts 1, 2, 3 ... from the start on and the level change is
    read at c (Lopez Bernal and others 2017). The same is done to every placebo neighbourhood, and
    the effect, in standard errors, ranked among theirs; with fewer than 19 placebos interval and
    p-value are the regression's own.

    Parameters
    ----------
    question : Question
        Treated areas are taken together.
    family : "gaussian", "poisson" or "quasi_poisson"
        When not given: quasi-Poisson on counts over a population, else normal.
    change : "level", "slope" or "both"
    harmonics : int, optional
        Pairs of sine and cosine for a yearly season. When not given: 2 where months, weeks or days
        reach two years back, else none.
    lags : int, optional
        Lags over which residuals may be correlated (Newey and West 1987, corrected for small
        samples). Beside a control series, scores of a date are added up first (Driscoll and Kraay
        1998).
    controlled : bool
        Whether the effect is the change beyond that of the comparison areas taken together.
    covariates : names of `question.covariates` that explain the series besides

    Returns
    -------
    InterruptedSeries
        `estimate` is the mean difference per period from the continued trend; `relative` the same
        in proportion. `model` is the fitted regression by statsmodels.
    """
    family = family or ("quasi_poisson" if question.counted else "gaussian")
    check_one_of(family, series_fit.FAMILIES, "family")
    check_one_of(change, CHANGES, "change")
    question.need(before=2, comparisons=1 if controlled else 0)
    # a series with covariates of its own has no placebos
    groups = ranked_groups(question, 10**9 if len(covariates) else int(controlled))
    stacked, kept, groups = _stack(question, family != "gaussian", groups, controlled)
    design = _design(question, kept, change, harmonics_of(question, harmonics), covariates)
    stacked = _with_design(stacked, design, CHANGES[change], controlled)
    _check_design(stacked, family, lags)
    fit = series_fit.fit_series(stacked, family, lags, question.level)
    log = family != "gaussian"
    own = fit.changes(stacked)
    size, error, expected = (float(one[0]) for one in (own.estimates, own.errors, own.expected))
    found = parts.by_error(size, error, question.level, df=fit.df, how=_INFERENCE[family])
    fields: dict[str, Any] = {"warnings": (fit.withheld,)}
    if not fit.withheld:
        many = series_fit.changes_of_many(stacked, family)
        found, fields = parts.ranked_or(found, question, groups, many.estimates, many.errors)
        if "warnings" in fields:
            fields["warnings"] += _alike(fit, lags, stacked)
    if log:
        size, found = series_fit.in_units(size, expected, found)
    per, rows = question.per, kept.sum()
    scale = np.ones(rows) if stacked.people is None else per / stacked.people[0, :rows]
    without = np.full(len(kept), np.nan)
    without[kept] = own.without[0, :rows] * scale
    return InterruptedSeries(
        **parts.judged(question, expected + size, size, found) | fields,
        method=f"{'controlled ' if controlled else ''}interrupted time series",
        comparator="the earlier trend" + (" and the other areas' change" if controlled else ""),
        multiplicative=log,
        maryland=3 if controlled else 1,
        error=error,
        assumptions=(TREND_GOES_ON, *((SHARED_BREAK, parts.UNTOUCHED) if controlled else (ALONE,))),
        paths=parts.paths_frame(question, question.level_of(question.treated), without),
        coefficients=fit.coefficients,
        changes=fit.coefficients.loc[stacked.terms],
        dispersion=fit.dispersion,
        model=fit.model,
    )


_INFERENCE = {
    "gaussian": "regression with normal errors",
    "poisson": "Poisson regression",
    "quasi_poisson": "Poisson regression, errors scaled up for overdispersion",
}


def harmonics_of(question: Question, harmonics: int | None) -> int:
    """Pairs of sine and cosine: as given, or 2 where dates within a year reach two years back."""
    cycle = question.cycle
    if harmonics is None:
        return HARMONICS if cycle > 3 and -question.event_time[0] >= 2 * cycle else 0
    whole = isinstance(harmonics, int | np.integer) and not isinstance(harmonics, bool)
    if not whole or not 0 <= harmonics <= cycle / 2:
        raise ParameterError(
            f"harmonics={harmonics!r} must be a whole number from 0 to half the {cycle} periods of "
            "a year."
        )
    return int(harmonics)


def ranked_groups(question: Question, spare: int = 0) -> np.ndarray:
    """Placebo neighbourhoods; none where `spare` more areas than a rank needs are lacking."""
    if question.comparison.sum() < parts.FEWEST_RANKED + spare:
        return np.zeros((0, len(question.areas)), dtype=bool)
    return placebo_groups(question)


def _stack(
    question: Question, counts: bool, groups: np.ndarray, controlled: bool
) -> tuple[series_fit.Stacked, np.ndarray, np.ndarray]:
    """Series of all units on the dates that all treated areas have, which dates those are, and the
    placebos kept: those without events before or after the start have no rate ratio."""
    kept = question.known[question.treated].all(axis=0)
    members = np.vstack([question.treated, groups])
    rest = question.comparison & ~members
    blocks = [members, rest] if controlled else [members]
    totals, people = (
        np.hstack([part.astype(float) @ array[:, kept] for part in blocks])
        for array in (question.total, question.exposure)
    )
    if not counts:
        levels = question.per * totals / people
        return series_fit.Stacked(levels, None, pd.DataFrame(), [], kept), kept, groups
    before = np.tile(question.event_time[kept] < 0, len(blocks))
    halves = np.repeat(np.arange(len(blocks)), kept.sum())
    for half in range(len(blocks)):
        for side, ratio in ((before, "has no bound"), (~before, "is zero")):
            if not totals[0, side & (halves == half)].any():
                raise PanelError(
                    f"There are no events {'before' if side is before else 'from'} the start"
                    f"{' in the comparison areas' if half else ''}, so their rate ratio {ratio}. "
                    "Use longer periods, or an exact test of the counts."
                )
    sides = [totals[:, side & (halves == 0)].any(axis=1) for side in (before, ~before)]
    happened = sides[0] & sides[1]
    base = None if question.population is None else people[happened]
    found = series_fit.Stacked(totals[happened], base, pd.DataFrame(), [], kept)
    return found, kept, groups[happened[1:]]


def _design(
    question: Question, kept: np.ndarray, change: str, harmonics: int, covariates: Collection[str]
) -> pd.DataFrame:
    """Columns intercept, time, the changes, waves of a year and covariates; one row per date."""
    since = question.event_time[kept]
    time = (since - since[0] + 1).astype(float)
    after = since >= 0
    columns = {
        "intercept": np.ones(len(time)),
        "time": time,
        "level_change": after.astype(float),
        "slope_change": np.where(after, since + 1.0, 0.0),
    }
    table = pd.DataFrame({n: columns[n] for n in ("intercept", "time", *CHANGES[change])})
    season = waves(question, harmonics)[kept]
    for k, column in enumerate(season.T, 1):
        table[f"wave{k}"] = column
    for name in covariates:
        explains = parts.covariate(question, name)
        table[str(name)] = explains[question.treated].mean(axis=0)[kept]
    return table


LENGTHS = {"W": 365.25 / 7, "D": 365.25}  # of a year, where it is no whole number of periods


def waves(question: Question, harmonics: int) -> np.ndarray:
    """Sines and cosines of a yearly season by the calendar; array (t, columns)."""
    length = LENGTHS.get(question.dates.freqstr[0], float(question.cycle))
    time = question.event_time - question.event_time[0] + 1.0
    columns = []
    for k in range(1, harmonics + 1):
        angle = 2 * np.pi * k * time / length
        if not np.isclose(2 * k, length):  # there the sine is 0 throughout
            columns.append(np.sin(angle))
        columns.append(np.cos(angle))
    return np.array(columns).T.reshape(len(time), len(columns))


def _with_design(
    stacked: series_fit.Stacked, design: pd.DataFrame, terms: list[str], controlled: bool
) -> series_fit.Stacked:
    """The series under a design; beside a control series each has its own trend and changes."""
    time = design["time"].to_numpy(dtype=int)
    if controlled:
        own = design[["intercept", "time", *terms]].add_prefix("treated x ")
        both = pd.concat([design, design], ignore_index=True)
        zero = pd.DataFrame(0.0, index=own.index, columns=own.columns)
        design = both.join(pd.concat([own, zero], ignore_index=True))
        terms, time = [f"treated x {name}" for name in terms], np.tile(time, 2)
    return series_fit.Stacked(stacked.outcome, stacked.people, design, terms, time)


def _check_design(stacked: series_fit.Stacked, family: str, lags: int | None) -> None:
    n, k = stacked.design.shape
    if n <= k or np.linalg.matrix_rank(stacked.design.to_numpy(dtype=float)) < k:
        raise PanelError(
            f"{n} values cannot support the {k} terms {', '.join(stacked.design)}: use fewer "
            "terms, or a longer series before and after the start."
        )
    most = len(set(stacked.time)) // 2
    if lags is not None and (not isinstance(lags, int | np.integer) or not 0 <= lags <= most):
        raise ParameterError(f"lags={lags!r} must be a whole number from 0 to {most}.")


def _alike(
    fit: series_fit.SeriesFit, lags: int | None, stacked: series_fit.Stacked
) -> tuple[str, ...]:
    """A warning of residuals that are alike from one period to the next."""
    correlation = 1 - fit.durbin_watson / 2
    if lags is not None or correlation < 2 / math.sqrt(len(set(stacked.time))):
        return ()
    return (
        f"Residuals are correlated from one period to the next ({correlation:.2f}), so "
        "the interval is too narrow: give `lags`, or model the season with `harmonics`.",
    )
