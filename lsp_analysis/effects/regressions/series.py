"""Interrupted time series: did level or slope change at the start, against the earlier trend?

Lopez Bernal, Cummins and Gasparrini (2017); beside a control series, the same (2018), which rules
out what happened everywhere at that time.
"""

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from lsp_analysis.effects import parts
from lsp_analysis.effects.one_area.neighbourhoods import placebo_groups
from lsp_analysis.effects.regressions import two_way
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.study.question import Question

TREND_GOES_ON = "Without the programme the series would have kept to its earlier trend and season."
ALONE = "Nothing else that bears on the outcome changed at the start."
SHARED_BREAK = (
    "Whatever else changed at the start changed the comparison areas' series by as much (in "
    "proportion, for counts)."
)
FAMILIES = {
    "gaussian": "regression with normal errors",
    "poisson": "Poisson regression",
    "quasi_poisson": "Poisson regression, errors scaled up for overdispersion",
}
CHANGES = {"level": ["level_change"], "slope": ["slope_change"]}
CHANGES["both"] = CHANGES["level"] + CHANGES["slope"]
HARMONICS = 2  # a yearly and a half-yearly wave
LENGTHS = {"W": 365.25 / 7, "D": 365.25}  # of a year, where it is no whole number of periods
MOST_ROUNDS, SETTLED = 50, 1e-11  # of iteratively reweighted least squares


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
    check_one_of(family, FAMILIES, "family")
    check_one_of(change, CHANGES, "change")
    question.need(before=2, comparisons=1 if controlled else 0)
    # a series with covariates of its own has no placebos
    groups = ranked_groups(question, 10**9 if len(covariates) else int(controlled))
    kept = question.known[question.treated].all(axis=0)
    rows = int(kept.sum())
    outcome, people, groups = _series(question, kept, groups, family, controlled)
    design = _design(question, change, harmonics_of(question, harmonics), covariates)[kept]
    series = Stacked(outcome, people, *_terms(design, CHANGES[change], controlled), family)
    n, k = series.x.shape
    if n <= k or np.linalg.matrix_rank(series.x) < k:
        raise PanelError(
            f"{n} values cannot support the {k} terms {', '.join(series.design)}: use fewer "
            "terms, or a longer series before and after the start."
        )
    if lags is not None:
        parts.check_whole(lags, "lags", 0, len(set(series.time)) // 2)
    fit, residuals, covariance, withheld = series.by_statsmodels(lags)
    df, level = math.inf if family == "poisson" else float(fit.df_resid), question.level
    table = two_way.coefficient_table(fit.params, covariance, list(series.design), df, level)
    sizes, errors, without = series.effects(np.array([fit.params]), covariance[None])
    size, error = float(sizes[0]), float(errors[0])
    expected = float(without[0, series.after].mean())
    found = parts.by_error(size, error, level, df=df, how=FAMILIES[family])
    fields: dict[str, Any] = {"warnings": (withheld,)}
    if not withheld:
        estimates, errors, _ = series.of_all()
        found, fields = parts.ranked_or(found, question, groups, estimates, errors)
        alike = 1 - float(durbin_watson(residuals[:rows])) / 2
        if "warnings" in fields and lags is None and alike >= 2 / math.sqrt(rows):
            fields["warnings"] += (
                f"Residuals are correlated from one period to the next ({alike:.2f}), so the "
                "interval is too narrow: give `lags`, or model the season with `harmonics`.",
            )
    if series.log:  # a log ratio, and what may be said of it, as differences from what was expected
        with np.errstate(over="ignore"):  # an upper end without bound
            size, low, high = np.expm1([size, found.low, found.high]) * expected
        smallest = -math.expm1(-found.smallest_effect) * expected
        found = replace(found, low=low, high=high, smallest_effect=smallest)
    path = np.full(len(kept), np.nan)
    path[kept] = without[0, :rows] * (1.0 if people is None else question.per / people[0, :rows])
    return InterruptedSeries(
        **parts.judged(question, expected + size, size, found) | fields,
        method=f"{'controlled ' if controlled else ''}interrupted time series",
        comparator="the earlier trend" + (" and the other areas' change" if controlled else ""),
        multiplicative=series.log,
        maryland=3 if controlled else 1,
        error=error,
        assumptions=(TREND_GOES_ON, *((SHARED_BREAK, parts.UNTOUCHED) if controlled else (ALONE,))),
        paths=parts.paths_frame(question, question.level_of(question.treated), path),
        coefficients=table,
        changes=table.loc[series.terms],
        dispersion=float((residuals**2).sum() / fit.df_resid),
        model=fit,
    )


def harmonics_of(question: Question, harmonics: int | None) -> int:
    """Pairs of sine and cosine: as given, or 2 where dates within a year reach two years back."""
    cycle = question.cycle
    if harmonics is None:
        return HARMONICS if cycle > 3 and -question.event_time[0] >= 2 * cycle else 0
    parts.check_whole(harmonics, "harmonics", 0, cycle // 2, ", half the periods of a year")
    return int(harmonics)


def ranked_groups(question: Question, spare: int = 0) -> np.ndarray:
    """Placebo neighbourhoods; none where `spare` more areas than a rank needs are lacking."""
    if question.comparison.sum() < parts.FEWEST_RANKED + spare:
        return np.zeros((0, len(question.areas)), dtype=bool)
    return placebo_groups(question)


def waves(question: Question, harmonics: int) -> np.ndarray:
    """Sines and cosines of a yearly season by the calendar; array (t, columns)."""
    length = LENGTHS.get(question.dates.freqstr[0], float(question.cycle))
    time = question.event_time - question.event_time[0] + 1.0
    columns = [np.empty((len(time), 0))]
    for k in range(1, harmonics + 1):
        angle = 2 * np.pi * k * time / length
        half = np.isclose(2 * k, length)  # there the sine is 0 throughout
        columns += [np.cos(angle)] if half else [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def _series(
    question: Question, kept: np.ndarray, groups: np.ndarray, family: str, controlled: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Outcomes and people of all units on the dates `kept`, those of the control series after their
    own; and the placebos kept: those without events on one side have no rate ratio."""
    members = np.vstack([question.treated, groups])
    blocks = [members, question.comparison & ~members] if controlled else [members]
    totals, people = (
        np.hstack([part.astype(float) @ array[:, kept] for part in blocks])
        for array in (question.total, question.exposure)
    )
    if family == "gaussian":
        return question.per * totals / people, None, groups
    before = question.event_time[kept] < 0
    happened = np.ones(len(members), dtype=bool)
    whose = ("", " in the comparison areas")
    for where, counts in zip(whose, np.split(totals, len(blocks), axis=1), strict=False):
        for side, when, ratio in (("before", before, "has no bound"), ("from", ~before, "is zero")):
            some = counts[:, when].any(axis=1)
            if not some[0]:
                raise PanelError(
                    f"There are no events {side} the start{where}, so their rate ratio {ratio}. "
                    "Use longer periods, or an exact test of the counts."
                )
            happened &= some | bool(where)
    base = None if question.population is None else people[happened]
    return totals[happened], base, groups[happened[1:]]


def _design(
    question: Question, change: str, harmonics: int, covariates: Collection[str]
) -> pd.DataFrame:
    """Columns intercept, time, the changes, waves of a year and covariates; one row per date."""
    since = question.event_time
    table = pd.DataFrame({"intercept": 1.0, "time": since + 1.0})
    if change != "slope":
        table["level_change"] = (since >= 0) * 1.0
    if change != "level":
        table["slope_change"] = np.maximum(since + 1.0, 0.0)
    for k, column in enumerate(waves(question, harmonics).T, 1):
        table[f"wave{k}"] = column
    for name in covariates:
        table[str(name)] = parts.covariate(question, name)[question.treated].mean(axis=0)
    return table


def _terms(
    design: pd.DataFrame, terms: list[str], controlled: bool
) -> tuple[pd.DataFrame, list[str]]:
    """The design, time counted from 1, and the terms that are the effect; beside a control series
    each has its own trend and changes."""
    design = design.assign(time=design["time"] - design["time"].iloc[0] + 1)
    if not controlled:
        return design, terms
    own = design[["intercept", "time", *terms]].add_prefix("treated x ")
    both = pd.concat([design.join(own), design.join(0.0 * own)], ignore_index=True)
    return both, list(own.columns[2:])


@dataclass(frozen=True)
class Stacked:
    """Series of the treated and of every placebo, under one design.

    Attributes
    ----------
    outcome : array (1 + B, rows)
        Beside a control series its rows follow the unit's own.
    people : array (1 + B, rows), optional
        People at risk, for counts.
    design : DataFrame (rows, k)
    terms : list of str
        Columns of the design that are the effect.
    family : one of `FAMILIES`
    """

    outcome: np.ndarray
    people: np.ndarray | None
    design: pd.DataFrame
    terms: list[str]
    family: str

    @cached_property
    def x(self) -> np.ndarray:
        """The design; array (rows, k)."""
        return self.design.to_numpy(dtype=float)

    @cached_property
    def x0(self) -> np.ndarray:
        """The design with the effect taken away; array (rows, k)."""
        return self.design.assign(**dict.fromkeys(self.terms, 0.0)).to_numpy(dtype=float)

    @property
    def after(self) -> np.ndarray:
        """Rows that the effect bears on; bool array (rows,)."""
        return (self.x != self.x0).any(axis=1)

    @property
    def time(self) -> np.ndarray:
        """Calendar period of each row, from 1; int array (rows,)."""
        return self.design["time"].to_numpy(dtype=int)

    @property
    def log(self) -> bool:
        """Whether effects are log ratios."""
        return self.family != "gaussian"

    def effects(
        self, params: np.ndarray, covariance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean effect after the start of some units, its error, and their series without it.

        For counts the log of the ratio of totals with and without the effect (delta method); with
        a change of level alone that is the coefficient itself.

        Parameters
        ----------
        params, covariance : arrays (units, k), (units, k, k)
        """
        x, x0, after = self.x, self.x0, self.after
        if not self.log:
            without = params @ x0.T
            gradient = np.tile((x - x0)[after].mean(axis=0), (len(params), 1))
            estimates = (gradient * params).sum(axis=1)
        else:
            people = 1.0 if self.people is None else self.people[: len(params)]
            seen, without = (people * np.exp(np.clip(params @ z.T, -700, 700)) for z in (x, x0))
            sums = [part[:, after].sum(axis=1, keepdims=True) for part in (seen, without)]
            gradient = seen[:, after] / sums[0] @ x[after] - without[:, after] / sums[1] @ x0[after]
            estimates = np.log(sums[0] / sums[1])[:, 0]
        variances = np.einsum("uk,ukl,ul->u", gradient, covariance, gradient)
        return estimates, np.sqrt(np.maximum(variances, 0.0)), without

    def by_statsmodels(self, lags: int | None) -> tuple[Any, np.ndarray, np.ndarray, str]:
        """The treated unit's fit, residuals (Pearson's for counts) and covariance; and why errors
        are withheld, if they are."""
        outcome, options = self.outcome[0], {}
        if self.log:
            people = None if self.people is None else np.log(self.people[0])
            model = GLM(outcome, self.x, families.Poisson(), offset=people)
            options = {"tol": 1e-10, "tol_criterion": "params"}
        else:
            model = OLS(outcome, self.x)
        model.exog_names[:] = list(self.design)
        if self.family == "quasi_poisson":
            if np.ptp(outcome) == 0:
                raise PanelError(
                    f"The count is {outcome[0]:g} on every date, so how far it varies by chance "
                    'cannot be told from it. Give family="poisson", or choose another outcome.'
                )
            options["scale"] = "X2"
        if lags is not None:
            kinds = {"maxlags": lags, "use_correction": True}
            options |= {"cov_type": "HAC", "cov_kwds": kinds}
            if len(set(self.time)) < len(self.time):
                options["cov_type"], kinds["time"] = "hac-groupsum", self.time
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                fit = model.fit(**options)
            except (ConvergenceWarning, np.linalg.LinAlgError) as error:
                raise PanelError(
                    "The regression of the series did not converge. Use fewer terms, or longer "
                    "periods."
                ) from error
        covariance = np.asarray(fit.cov_params())
        residuals = fit.resid_pearson if self.log else fit.resid
        close = (residuals**2).max() <= two_way.ROUNDING
        exact = close if self.log else two_way.met_exactly(residuals, outcome)
        if not exact or (self.family == "poisson" and lags is None):
            return fit, residuals, covariance, ""
        return fit, residuals, np.full_like(covariance, math.nan), two_way.NO_ERROR

    def of_all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`effects` of the treated and every placebo, without Newey-West errors, all at once."""
        x, outcome = self.x, self.outcome
        df = len(x) - x.shape[1]
        if not self.log:
            inverse = np.linalg.inv(x.T @ x)
            params = outcome @ x @ inverse
            scale = ((outcome - params @ x.T) ** 2).sum(axis=1) / df
            return self.effects(params, scale[:, None, None] * inverse)
        offset = 0.0 if self.people is None else np.log(self.people)
        means = np.maximum(outcome, 0.5)
        for _ in range(MOST_ROUNDS):
            working = np.log(means) - offset + (outcome - means) / means
            gram = np.einsum("ur,rk,rl->ukl", means, x, x)
            params = np.linalg.solve(gram, ((means * working) @ x)[:, :, None])[:, :, 0]
            new = np.exp(np.clip(offset + params @ x.T, -30, 30))
            moved, means = np.abs(new / means - 1).max(), new
            if moved < SETTLED:
                break
        covariance = np.linalg.inv(np.einsum("ur,rk,rl->ukl", means, x, x))
        if self.family == "quasi_poisson":
            scale = ((outcome - means) ** 2 / means).sum(axis=1) / df
            covariance = covariance * scale[:, None, None]
        return self.effects(params, covariance)
