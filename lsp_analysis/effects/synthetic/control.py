"""Synthetic control: the treated neighbourhood against the weighted average of areas most like it.

Weights are at or above 0 and add up to 1, so the comparison never leaves what was observed (Abadie
and Gardeazabal 2003; Abadie, Diamond and Hainmueller 2010). They are chosen to match the outcome
before the start, or a list of predictors whose own weights are then searched for.

That search has two traps. It has many local optima, so it is made from many starts. And where
predictors are given no weight at all the donors' weights are no longer unique: in that limit one
could match whatever one likes, and only the outcomes count. So no predictor weighs less than a
millionth of the largest, which keeps the weights unique (Becker and Klößner 2018), and the rank
without predictors is reported beside the rank with them.

Synthetic difference-in-differences (Arkhangelsky and others 2021) weighs dates as well as areas,
and allows for a lasting difference in level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects import parts
from lsp_analysis.effects.regressions.two_way import Errors, Regression, two_way_fit
from lsp_analysis.effects.synthetic import weights as matching
from lsp_analysis.errors import ParameterError
from lsp_analysis.study.question import Question

SHARED = (
    "The weighted average that followed the treated area before the start would have gone on "
    "following it.",
    parts.UNTOUCHED,
    matching.LIKE_ANY,
)
OUTCOMES = "Every period before the start counts equally in the match; no predictors were used."
BY_PREDICTORS = (
    "No predictor weighs less than a millionth of the largest, so that the weights are unique. As "
    "these weights tend to zero, only the outcomes count: see outcomes_only_rank."
)
# Mean square before the start, as a share of the usual one after it, that is no error at all.
EXACT = 1e-9


@dataclass(frozen=True)
class SyntheticControl(matching.WeightedComparison):
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
        Columns start, fit_mspe: the fit at every start of the search.
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


@parts.answers
def synthetic_control(
    question: Question,
    *,
    predictors: Sequence[matching.PredictorSpec] = (),
    predictor_weights: str | Sequence[float] | None = None,
    fit_dates: Any = None,
    generations: int = 150,
) -> SyntheticControl:
    """Effect on the treated areas, taken together, against a weighted average of the others.

    Parameters
    ----------
    question : Question
        Two dates or more before the start. Several treated areas count equally.
    predictors : list of (column, dates) or (column, dates, "mean"), optional
        For example ``("beer", range(1984, 1989), "mean")``; the column is one of
        `question.covariates` or the outcome's name, and its mean over the dates is matched. Each is
        taken in standard deviations over all areas. Without them every outcome before the start is
        matched equally.
    predictor_weights : one number per predictor, or "regression", optional
        Used instead of searching: as they are, or from a regression of the outcomes on the
        predictors, which is quick and fits less well (what the authors' Stata command does unless
        asked: Abadie, Diamond and Hainmueller 2011, J. Statistical Software 42:13).
    fit_dates : list, range, or slice with both ends in, optional
        Dates whose fit decides between weights; all those before the start if left out.
    generations : int
        Length of the search for predictor weights: 39 states take some 5 seconds, 177 areas a
        minute.

    Returns
    -------
    SyntheticControl
        `p_value` is the rank of the post/pre fit ratio; the interval holds the constant effects
        that the mean gap, in units of the error before the start, would not reject.
    """
    question.need(before=2, complete=True)
    fitted = np.arange(question.at) if fit_dates is None else matching.span_of(question, fit_dates)
    table = matching.predictor_table(question, predictors)
    scaled = matching.in_deviations(table, question).to_numpy()
    fixed = _fixed_weights(question, predictor_weights, scaled, fitted)
    values, units = question.compared, matching.units_of(question)
    gaps, first = np.empty((2, len(units), values.shape[1])), None
    # the treated areas may be donors of placebos, as in Abadie, Diamond and Hainmueller (2010)
    for row, (unit, donors) in enumerate(matching.with_donors(question, units, treated_too=True)):
        others = values[donors].T - values[unit].mean(axis=0)[:, None]
        plain = matching.nearest_weights(others[fitted])
        found = matching.Weighting(
            plain, np.empty(0), row > 0 or matching.is_unique(others[fitted], plain)
        )
        if len(scaled):
            apart = scaled[:, donors] - scaled[:, unit].mean(axis=1, keepdims=True)
            found = matching.weigh_donors(apart, others[fitted], fixed, generations)
        gaps[:, row] = -(others @ found.donors), -(others @ plain)
        first = found if first is None else first
    return _assembled(question, units, gaps, first, table)


def _fixed_weights(
    question: Question, weights: str | Sequence[float] | None, table: np.ndarray, fitted: np.ndarray
) -> np.ndarray | None:
    if weights is None:
        return None
    if not len(table):
        raise ParameterError("predictor_weights needs `predictors`.")
    if isinstance(weights, str) and weights == "regression":
        return matching.regression_weights(table, question, fitted)
    try:
        fixed = np.asarray(weights, dtype=float)
    except ValueError:
        fixed = np.empty(0)
    if fixed.shape != (len(table),) or not (fixed >= 0).all() or fixed.sum() <= 0:
        raise ParameterError(
            f"predictor_weights={weights!r} must be numbers of 0 or more, one for each predictor "
            f'({len(table)}), and not all 0; or "regression".'
        )
    return fixed


def fit_ratios(gaps: np.ndarray, at: int) -> np.ndarray:
    """Post / pre mean squared gap per row; an exact fit before the start counts as a billionth."""
    before, after = (gaps[:, :at] ** 2).mean(axis=1), (gaps[:, at:] ** 2).mean(axis=1)
    return after / np.maximum(before, EXACT * max(float(np.median(after)), 1e-300))


def _assembled(
    question: Question,
    units: np.ndarray,
    gaps: np.ndarray,
    weighting: matching.Weighting,
    table: pd.DataFrame,
) -> SyntheticControl:
    """The result, with its cautions; `gaps` (2, 1 + B, t), as chosen and with the outcomes alone
    matched, and `units` begin with the treated."""
    at, n_ranked = question.at, len(units)
    ratios, plain = (fit_ratios(each, at) for each in gaps)
    (rank, p_value), (outcomes_rank, _) = (parts.rank_p(r[0], r[1:]) for r in (ratios, plain))
    gaps = gaps[0]
    before = (gaps[:, :at] ** 2).mean(axis=1)
    inference = _inference(gaps, at, before, question.level)
    weights = pd.Series(weighting.donors, question.areas[question.comparison], name="weight")
    weights = weights[weights > 1e-6].sort_values(ascending=False)
    fields = parts.gap_effect(question, parts.treated_mean(question), gaps[0], inference)
    fields["warnings"] += _warnings(question, weighting, before[0], (rank, outcomes_rank), n_ranked)
    if n_ranked > 1:
        fields |= {"p_value": p_value, "rank": rank, "n_ranked": n_ranked}
        fields["outcomes_only_rank"] = outcomes_rank
        fields["inference"] = "rank of the post/pre fit ratio among placebo areas"
    placebos = parts.placebo_frame(question, units[1:], gaps[1:, at:].mean(axis=1))
    reached, predicted = weighting.start_loss, table.to_numpy()[:, question.comparison]
    starts = {"start": matching.start_names(table.index)[: len(reached)], "fit_mspe": reached}
    balance = {
        "treated": table.to_numpy()[:, question.treated].mean(axis=1),
        "synthetic": predicted @ weighting.donors,
        "comparison_mean": predicted.mean(axis=1),
    }
    return SyntheticControl(
        **fields,
        method=f"synthetic control, {'outcomes only' if table.empty else 'predictors'}",
        comparator=f"a weighted average of {len(weights)} comparison areas",
        assumptions=(*SHARED, OUTCOMES if table.empty else BY_PREDICTORS),
        placebos=placebos.assign(statistic=ratios[1:], pre_mspe=before[1:]),
        statistic=float(ratios[0]),
        donor_weights=weights,
        predictor_weights=pd.Series(weighting.predictors, table.index, dtype=float),
        pre_mspe=float(before[0]),
        fit_ratio=float(ratios[0]),
        unique=weighting.unique,
        balance=pd.DataFrame(balance, index=table.index),
        starts=pd.DataFrame(starts),
    )


def _inference(gaps: np.ndarray, at: int, before: np.ndarray, level: float) -> parts.Inference:
    """Mean gap after the start in units of the error before it, ranked."""
    if len(gaps) == 1:
        return parts.NO_PLACEBOS
    means = gaps[:, at:].mean(axis=1)
    least = EXACT * np.median((gaps[:, at:] ** 2).mean(axis=1))
    inference = parts.placebo_inference(means, level, np.sqrt(np.maximum(before, least)))
    exact = int((before[1:] <= least).sum())
    if exact and exact >= math.floor((1 - level) * (inference.n_placebos + 1) + 1e-9):
        warning = (
            f"The interval is withheld: {exact} of {inference.n_placebos} placebos are matched "
            "exactly before the start, so their errors do not show how far areas differ by chance. "
            "Use more periods, or fewer comparison areas."
        )
        none = dict.fromkeys(("low", "high", "smallest_effect"), math.nan)
        return replace(inference, **none, warning=warning)
    return inference


def _warnings(
    question: Question,
    weighting: matching.Weighting,
    pre_mspe: float,
    ranks: tuple[int, int],
    count: int,
) -> tuple[str, ...]:
    """What weakens a synthetic control: `ranks` with the predictors and without, among `count`."""
    everyone = question.compared[question.comparison | question.treated][:, : question.at]
    usual = everyone.var(axis=0).mean()
    told = {
        f"The rank depends on the predictors: {ranks[0]} of {count} with them, {ranks[1]} of "
        f"{count} when only the outcomes are matched, which is where predictor weights that tend "
        "to zero would lead.": count > 1 and ranks[0] != ranks[1],
        "Other donor weights match the predictors as well; of these, the ones that fit the "
        "outcomes best were taken.": not weighting.unique,
        "The fit before the start is poor: the gap then is as wide as areas differ from each "
        "other, so the weighted average is no stand-in for the treated area.": pre_mspe > usual,
    }
    return tuple(text for text, applies in told.items() if applies)


# Ridge on the period weights, in noise levels: only to make them unique (the authors' value).
SLIGHT = 1e-6

# Noise taken where donors move in step, as a share of the range, so that weights are unique.
LEAST_NOISE = 1e-6

ASSUMPTIONS = (
    "The treated area would have changed as the weighted comparison did; a lasting difference in "
    "level between them is allowed for.",
    parts.UNTOUCHED,
    matching.LIKE_ANY,
)


@dataclass(frozen=True)
class SyntheticDiD(matching.WeightedComparison):
    """An effect from weighted areas and weighted periods.

    Attributes
    ----------
    period_weights : Series
        Weights of the dates before the start, adding up to 1.
    """

    period_weights: pd.Series = field(default_factory=pd.Series, repr=False, compare=False)


@parts.answers
def synthetic_did(question: Question) -> SyntheticDiD:
    """Effect by synthetic difference-in-differences, ranked among placebo neighbourhoods.

    Area weights make the comparison run parallel to the treated areas before the start, a ridge
    penalty spreading them over many areas; date weights pick the earlier dates most like the later
    ones.

    Parameters
    ----------
    question : Question
        Two dates or more before the start. Several treated areas count equally.

    Returns
    -------
    SyntheticDiD
        `p_value` is the rank of the estimate among the placebos'; the interval holds the constant
        effects that rank would not reject. `model` is the weighted regression by statsmodels that
        the estimate is the coefficient of, area and date effects taken out in advance; its own
        errors take the weights as given.
    """
    question.need(before=2, complete=True)
    units, at = matching.units_of(question), question.at
    found = [_adjusted_gap(question, *one) for one in matching.with_donors(question, units)]
    (weights, shares, _), gaps = found[0], np.array([gap for _, _, gap in found])
    estimates = gaps[:, at:].mean(axis=1)
    inference = parts.placebo_inference(estimates, question.level)
    named = pd.Series(weights, question.areas[question.comparison], name="weight")
    return SyntheticDiD(
        **parts.gap_effect(question, parts.treated_mean(question), gaps[0], inference),
        method="synthetic difference-in-differences",
        comparator="a weighted average of comparison areas, moved to the treated area's level",
        assumptions=ASSUMPTIONS,
        placebos=parts.placebo_frame(question, units[1:], estimates[1:]),
        donor_weights=named.sort_values(ascending=False),
        period_weights=pd.Series(shares, question.dates[:at], name="weight"),
        model=weighted_regression(question, weights, shares).model,
    )


def weighted_regression(question: Question, weights: np.ndarray, shares: np.ndarray) -> Regression:
    """Two-way regression whose treatment coefficient is the estimate: equation 1 of the paper.

    Parameters
    ----------
    weights, shares : arrays (donors,), (dates before,)
    """
    area = np.where(question.treated, 1 / question.treated.sum(), 0.0)
    area[question.comparison] = weights
    n_after = len(question.dates) - question.at
    cells = np.outer(area, np.append(shares, np.full(n_after, 1 / n_after)))
    rows, columns = np.nonzero(cells > 1e-9)
    on = question.treated[rows] & (columns >= question.at)
    codes, periods = (np.unique(x, return_inverse=True)[1] for x in (rows, columns))
    return two_way_fit(
        question.compared[rows, columns], on[:, None].astype(float), ["treatment"], codes, periods,
        Errors(), cells[rows, columns], question.level,
    )  # fmt: skip


def _adjusted_gap(
    question: Question, unit: np.ndarray, donors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area weights (equation 4 of the paper), date weights (equation 6), and the gap (t,) less its
    weighted mean before the start."""
    values, at = question.compared, question.at
    others, own = values[donors], values[unit].mean(axis=0)
    n_after = values.shape[1] - at
    noise = float(np.nan_to_num(np.diff(others[:, :at], axis=1).std(ddof=1)))
    noise = max(noise, LEAST_NOISE * np.ptp(values[question.comparison | question.treated]))
    zeta = (unit.sum() * n_after) ** 0.25 * noise
    weights = _parallel((others[:, :at] - own[:at]).T, zeta)
    shares = _parallel(others[:, :at] - others[:, at:].mean(axis=1, keepdims=True), SLIGHT * noise)
    gap = own - weights @ others
    return weights, shares, gap - shares @ gap[:at]


def _parallel(gaps: np.ndarray, zeta: float) -> np.ndarray:
    """Weights of columns whose weighted gaps (rows, columns) vary least about their mean, with a
    ridge penalty `zeta` in units of the outcome."""
    return matching.nearest_weights(gaps - gaps.mean(axis=0), zeta**2 * len(gaps))
