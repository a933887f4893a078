"""Treated areas against comparison areas weighted to match them exactly.

Robbins, Saunders and Kilmer (2017), JASA 112:109: where a programme covers dozens of small areas
among thousands, weights can make the comparison areas add up to the treated ones in every covariate
and in every outcome of every date before the start. With one treated area dates have to be added up
in blocks, and placebos say how far chance goes.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects import parts
from lsp_analysis.effects.regressions import two_way
from lsp_analysis.effects.synthetic.weights import WeightedComparison, units_of, with_donors
from lsp_analysis.errors import PanelError, check_one_of
from lsp_analysis.study.question import Question

GONE_ON = (
    "Comparison areas weighted to match the treated ones before the start, in everything listed in "
    "`balance`, would have gone on matching them."
)
ALTERNATIVES = {
    "two-sided": lambda z: 2 * stats.norm.sf(abs(z)),
    "less": stats.norm.cdf,
    "greater": stats.norm.sf,
}


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


@parts.answers
def calibrated_effect(
    question: Question,
    *,
    covariates: Collection[str] = (),
    match: Collection[str] = (),
    block: int = 1,
    alternative: str = "two-sided",
    independent_periods: bool = False,
) -> CalibratedEffect:
    """Treated areas' total less that of comparison areas weighted to match them exactly.

    Parameters
    ----------
    question : Question
    covariates : names of `question.covariates`, matched on their mean before the start
    match : names of `question.covariates`, matched like the outcome at every date before the start
    block : int
        Dates before the start to be added up and matched together, counted back from it: fewer
        constraints where exact matching at each would ask too much.
    alternative : "two-sided", "less" or "greater"
        What the p-value is for, where it rests on the linearised error; the interval is two-sided.
    independent_periods : bool
        Whether the linearised error takes an area's dates as independent, as the authors' software
        does; otherwise an area's dates are added up first.

    Returns
    -------
    CalibratedEffect
        In all treated areas together. With fewer than five of them the effect, in standard errors,
        is ranked among placebo neighbourhoods, each weighted afresh; otherwise the linearised error
        gives interval and p-value, and `relative` an interval on the log scale.

    Raises
    ------
    PanelError
        When no weights at or above 0 meet every constraint.
    """
    check_one_of(alternative, ALTERNATIVES, "alternative")
    parts.check_whole(block, "block", 1, question.at, ", the dates before the start")
    question.need(complete=True)
    table = _constraints(question, covariates, match, block)
    few = question.treated.sum() < two_way.FEWEST_TREATED_CLUSTERS
    units = units_of(question) if few else question.treated[None]
    pairs, values = list(with_donors(question, units)), table.to_numpy()
    sets = [
        balancing_weights(values[others], values[unit].sum(axis=0), float(unit.sum()))
        for unit, others in pairs
    ]
    weights, donors = sets[0], question.comparison
    if weights is None:
        raise PanelError(
            f"No weights of 0 or more match all {table.shape[1]} values with "
            f"{int(donors.sum()):,} comparison areas: the treated areas lie outside their range, "
            "or too much is to be matched. Match fewer columns, or add dates up with `block`."
        )
    after = question.compared[:, question.at :]
    effects = np.array([
        _linearised(after[unit], after[others], found, independent_periods)
        for (unit, others), found in zip(pairs, sets, strict=True)
    ])  # fmt: skip
    size, (estimate, error, log_error) = int(question.treated.sum()), map(float, effects[0])
    own = size * parts.treated_mean(question)
    path = weights @ question.compared[donors]
    found, lost = _inference(effects, size, alternative, question.level)
    observed, expected = (float(x[question.at :].mean()) for x in (own, path))
    fields = parts.judged(question, expected + estimate, estimate, found)
    fields["warnings"] += (lost,) if lost else ()
    if len(units) == 1 and not found.warning and expected > 0 and np.isfinite(log_error):
        half = float(stats.norm.ppf(0.5 + question.level / 2)) * log_error
        for end, side in (("relative_low", -1), ("relative_high", 1)):  # on the log scale
            fields[end] = math.expm1(math.log1p(fields["relative"]) + side * half)
    named = pd.Series(weights, question.areas[donors], name="weight")
    balance = {
        "treated": values[question.treated].sum(axis=0),
        "comparison": weights @ values[donors],
        "unweighted": values[donors].mean(axis=0) * size,
    }
    return CalibratedEffect(
        **fields,
        method="comparison areas weighted to match exactly",
        comparator=f"{int((weights > 0).sum()):,} weighted comparison areas",
        statistic=estimate / error if error else math.nan,
        error=error,
        assumptions=(GONE_ON, parts.UNTOUCHED),
        paths=parts.paths_frame(question, own, path),
        placebos=parts.placebo_frame(question, units[1:], *effects[1:, :2].T),
        donor_weights=named[named > 0].sort_values(ascending=False),
        total_observed=observed * after.shape[1],
        total_counterfactual=expected * after.shape[1],
        balance=pd.DataFrame(balance, index=table.columns),
    )


def _constraints(
    question: Question, covariates: Collection[str], match: Collection[str], block: int
) -> pd.DataFrame:
    """Areas by constraints: covariates, and outcomes of every date, or block, before the start."""
    at = question.at
    columns = {name: parts.covariate(question, name)[:, :at].mean(axis=1) for name in covariates}
    matched = {question.indicator.indicator_id: question.compared}
    matched |= {name: parts.covariate(question, name) for name in match}
    for name, values in matched.items():
        for end in range(at, block - 1, -block):
            first, last = question.dates[end - block], question.dates[end - 1]
            span = f"{first}" if block == 1 else f"{first} to {last}"
            columns[f"{name} {span}"] = values[:, end - block : end].sum(axis=1)
    return pd.DataFrame(columns, index=question.areas)


def _linearised(
    own: np.ndarray, others: np.ndarray, weights: np.ndarray | None, independent_periods: bool
) -> tuple[float, float, float]:
    """Effect, standard error and that of the log ratio of one unit, by weighted least squares of
    the outcome on treatment and date with its sandwich error; missing where it is unmatched.

    Parameters
    ----------
    own, others : arrays (size, after), (donors, after)
    """
    if weights is None:
        return math.nan, math.nan, math.nan
    size, n_after = own.shape
    means = np.array([own.mean(axis=0), weights @ others / size])
    level = means.mean(axis=1)
    shared = means.mean(axis=0) - level.mean()  # what the dates did to both
    surprises = [own - shared - level[0], weights[:, None] * (others - shared - level[1])]
    n = (size + len(others)) * (n_after if independent_periods else 1)
    if not independent_periods:  # an area's dates are added up first
        surprises = [part.sum(axis=1) for part in surprises]
    squares = [((part / size) ** 2).sum() for part in surprises]
    variances = np.array(squares) * n / (n - 1) / n_after**2
    ratio = (variances / level**2).sum() if level.min() > 0 else math.nan
    return size * (level[0] - level[1]), size * math.sqrt(variances.sum()), math.sqrt(ratio)


def _inference(
    effects: np.ndarray, n_treated: int, alternative: str, level: float
) -> tuple[parts.Inference, str]:
    """Ranked where there are placebos, or by the linearised error; and how many were left out."""
    estimate, error, _ = map(float, effects[0])
    if len(effects) > 1:
        matched = effects[np.isfinite(effects[:, 1])]
        lost = len(effects) - len(matched)
        said = f"{lost} of {len(effects) - 1} placebos could not be matched and were left out."
        return parts.placebo_inference(matched[:, 0], level, matched[:, 1]), said if lost else ""
    withheld = two_way.few_clusters_warning(n_treated, n_treated + two_way.FEWEST_TREATED_CLUSTERS)
    withheld = withheld or (two_way.NO_ERROR if error == 0 else "")
    how = "normal approximation, linearised error"
    found = parts.by_error(estimate, error, level, withheld=withheld, how=how)
    p_value = math.nan if withheld else float(ALTERNATIVES[alternative](estimate / error))
    return replace(found, p_value=p_value), ""


MOST_ROUNDS = 100
# Largest gap that counts as met, in standard deviations of an area times the treated areas.
EXACT = 1e-9


def balancing_weights(donors: np.ndarray, targets: np.ndarray, total: float) -> np.ndarray | None:
    """Weights w >= 0 with ``w @ donors == targets`` and ``w.sum() == total``, or None.

    Parameters
    ----------
    donors : array (donors, constraints)
    targets : array (constraints,), totals to be met
    total : float
        What the weights add up to: the number of treated areas.

    Returns
    -------
    array (donors,), or None where no such weights were found
    """
    n = len(donors)
    spread = donors.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    centred = np.column_stack([np.ones(n), (donors - targets / total) / spread])
    goal = total * np.eye(centred.shape[1])[0]
    base = total / n
    multipliers, reached = np.zeros(len(goal)), np.full(n, base)
    for _ in range(MOST_ROUNDS):
        gap = goal - reached @ centred
        if np.abs(gap).max() <= EXACT * total:
            return reached
        used = centred[reached > 0]
        curvature = base * used.T @ used
        curvature[np.diag_indices_from(curvature)] += 1e-12 * max(np.trace(curvature), base)
        step = np.linalg.solve(curvature, gap)
        height = (reached**2).sum() / (2 * base) - multipliers @ goal
        for length in 0.5 ** np.arange(40):
            trial = multipliers + length * step
            weights = base * np.maximum(1 + centred @ trial, 0.0)
            new = (weights**2).sum() / (2 * base) - trial @ goal
            if new <= height - 1e-4 * length * (gap @ step):
                break
        else:
            return None
        multipliers, reached = trial, weights
    return None
