"""Parts that every estimator's result is put together from: what is said of chance (a rank among
placebos, or the estimate's own standard error), sizes, paths and placebos."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis import wording
from lsp_analysis.effects.words import GOOD
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.showing import Absent, refuse_misfit, with_note
from lsp_analysis.study.question import Question


@dataclass(frozen=True)
class Inference:
    """What may be said of one estimate.

    Attributes
    ----------
    p_value : float
        By rank (b + 1) / (B + 1), b placebos being at least as extreme; never 0.
    low, high : float
        Constant effects that the same test would not reject; missing with too few placebos.
    finest_p : float
        1 / (B + 1).
    smallest_effect : float
        Effect that would have shown as significant four times in five.
    warning : str
        Why there is no interval or no p-value; empty when there are both.
    how : str
        What all this rests on, in words.
    """

    p_value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n_placebos: int = 0
    finest_p: float = math.nan
    smallest_effect: float = math.nan
    warning: str = ""
    how: str = ""


NO_PLACEBOS = Inference(
    warning="No p-value or interval: several areas are treated together, and no placebo groups of "
    "the same size were given."
)


def by_error(
    estimate: float,
    error: float,
    level: float,
    *,
    df: float = math.inf,
    withheld: str = "",
    how: str,
) -> Inference:
    """Interval, p-value and power from a standard error by Student's t, or the normal."""
    reach, power = (math.nan, math.nan) if withheld else stats.t.ppf([0.5 + level / 2, 0.8], df)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * float(stats.t.sf(np.abs(np.divide(estimate, error)), df)) + 0 * float(reach)
    return Inference(
        p_value, estimate - reach * error, estimate + reach * error,
        smallest_effect=(reach + power) * error, warning=withheld, how=how,
    )  # fmt: skip


ROUNDING = 1e-12
NEVER_STRAYED = (
    "The interval, and any p-value that rests on it, is withheld: every placebo effect is zero, so "
    "nothing shows how far areas differ by chance. Check that the outcome was observed in every "
    "area, and not filled in."
)


def placebo_inference(
    estimates: np.ndarray, level: float = 0.95, errors: np.ndarray | None = None
) -> Inference:
    """Rank the first of some estimates among the others, and invert the test into an interval.

    Parameters
    ----------
    estimates : array (1 + B,)
        Of the treated, then of units that were not treated.
    errors : array (1 + B,), optional
        What makes them comparable, for example each unit's error before the start (Ferman and
        Pinto 2017).
    """
    estimate, placebos = float(estimates[0]), np.asarray(estimates[1:], dtype=float)
    n = len(placebos)
    if not n:
        return NO_PLACEBOS
    finest, how = 1.0 / (n + 1), f"rank among {wording.counted(n, 'placebo neighbourhood')}"
    widest = np.abs(placebos).max()
    if widest <= ROUNDING * abs(estimate) or widest == 0:
        return Inference(n_placebos=n, finest_p=finest, warning=NEVER_STRAYED, how=how)
    errors = np.ones(n + 1) if errors is None else errors
    errors = np.maximum(errors, max(ROUNDING * np.nanmax(errors), 1e-300))
    statistics, scale = placebos / errors[1:], float(errors[0])
    p_value = rank_p(abs(estimate) / scale, np.abs(statistics))[1]
    critical = critical_value(statistics, level)
    found = Inference(p_value, n_placebos=n, finest_p=finest, how=how)
    if not math.isfinite(critical):
        return replace(found, warning=too_few(n, finest, level))
    detectable = critical + np.quantile(np.concatenate([statistics, -statistics]), 0.8)
    low, high = estimate - critical * scale, estimate + critical * scale
    return replace(found, low=low, high=high, smallest_effect=float(detectable * scale))


def rank_p(statistic: float, placebos: np.ndarray) -> tuple[int, float]:
    """Rank of `statistic` among its placebos, 1 the largest, and the p-value that makes it."""
    larger = int((np.asarray(placebos) >= statistic * (1 - 1e-12)).sum())
    return larger + 1, (larger + 1) / (len(placebos) + 1)


def too_few(n: int, finest: float, level: float) -> str:
    """Why `n` placebos allow no interval at `level`."""
    return (
        f"With {n} placebo{'' if n == 1 else 's'} no p-value below {finest:.3g} is possible, so "
        f"there is no {100 * level:.4g}% interval: that needs {fewest_for(level)} placebos or more."
    )


def fewest_for(level: float) -> int:
    """Placebos without which no rank is significant at `level`."""
    return math.ceil(1 / (1 - level) - 1e-9) - 1


def critical_value(placebos: np.ndarray, level: float) -> float:
    """Largest |statistic| that is not significant; infinite with too few placebos."""
    allowed = math.floor((1 - level) * (len(placebos) + 1) + 1e-9)
    if allowed < 1:
        return math.inf
    return float(np.sort(np.abs(placebos))[::-1][allowed - 1])


T = TypeVar("T")
FEWEST_RANKED = 19  # placebos, so that a rank can reach 5%
NOT_RANKED = (
    "There are too few other areas to rank this series among, so interval and p-value are the "
    "regression's own: they are too small where the series drifts."
)
PARALLEL = "Without the programme the treated areas would have changed as the comparison areas did."
UNTOUCHED = "The comparison areas were not touched by the programme."
PLACED = (
    "Before the start it stood among the worst tenth of areas, and this method does not adjust for "
    "that: areas picked for looking worst improve on average without a programme (regression to "
    "the mean)."
)
WORST = 0.1  # share of areas at the bad end


def answers(method: Callable[..., T]) -> Callable[..., T]:
    """A method that takes a Question, refuses anything else in a sentence, and whose pictures carry
    the note of the study ("Simulated data")."""

    @wraps(method)
    def answered(question: Question, *args: Any, **options: Any) -> T | Absent:
        if isinstance(question, Absent):
            return question
        if not isinstance(question, Question):
            raise ParameterError(
                f"{method.__name__} takes a Question, and was given {wording.a_type(question)}. "
                "Build one with study.question(...) or Question.from_frame(...)."
            )
        refuse_misfit(method.__name__, method, question, *args, **options)
        note, about = question.note, question.indicator.name
        if question.context.get("needed", True):
            return with_note(method(question, *args, **options), note, about=about)
        # methods ask it of one another as a question whose answer is needed
        needed = replace(question, context={**question.context, "needed": True})
        try:
            return with_note(method(needed, *args, **options), note, about=about)
        except PanelError as error:
            return Absent(str(error))

    return answered


def check_whole(value: Any, name: str, least: int, most: float = math.inf, which: str = "") -> None:
    """ParameterError unless `value` is a whole number from `least` to `most`, which is `which`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        allowed = f", {least} or more" if math.isinf(most) else f" from {least} to {most}{which}"
        raise ParameterError(f"{name}={value!r} must be a whole number{allowed}.")


def covariate(question: Question, name: Any) -> np.ndarray:
    """A covariate of the question by name, array (n, t); PanelError where there is none."""
    if name not in question.covariates:
        raise PanelError(
            f"The question has no covariate {name!r}; it has "
            f"{', '.join(map(str, question.covariates)) or 'none'}. Name it when the question is "
            "built, in `covariates`."
        )
    return question.covariates[name]


def picked_caution(question: Question) -> str:
    """A caution where the treated areas were at the bad end before the start; else empty.

    At the bad end is among the worst tenth in the half year, the year or the whole time before.
    Where neither end is known to be bad, either counts.
    """
    good = GOOD.get(question.polarity)
    others = question.known.all(axis=1) & ~question.treated
    for window in (question.cycle // 2, question.cycle, 10**6) if others.any() else ():
        recent = question.just_before(window)
        own = np.nanmean(question.level_of(question.treated)[recent])
        levels = question.compared[others][:, recent].mean(axis=1)
        shares = (levels >= own).mean(), (levels <= own).mean()
        worst = min(shares) if good is None else shares[1] if good > 0 else shares[0]
        if worst < WORST:
            return PLACED
    return ""


def described(question: Question) -> dict[str, Any]:
    """Fields of a result that the question knows."""
    return {
        "outcome": question.indicator.indicator_id,
        "label": question.label,
        "area": question.place,
        "unit": question.unit,
        "polarity": question.polarity,
        "level": question.level,
        "start": question.start,
        "n_treated": int(question.treated.sum()),
    }


def sizes(*numbers: float) -> dict[str, float]:
    """Fields of a result by name: effect with its interval, in its own units and as a share of the
    counterfactual; observed and counterfactual; smallest effect, in both."""
    names = ("estimate", "low", "high", "relative", "relative_low", "relative_high", "observed")
    names += ("counterfactual", "smallest_effect", "smallest_relative")
    return {name: float(number) for name, number in zip(names, numbers, strict=True)}


def judged(
    question: Question, observed: float, estimate: float, found: Inference
) -> dict[str, Any]:
    """Fields of a result that the question knows, and that follow from the effect's size and from
    what may be said of it; shares are of a positive counterfactual."""
    expected, smallest = observed - estimate, found.smallest_effect
    share = 1 / expected if expected > 0 else math.nan
    ends = estimate, found.low, found.high
    least = smallest / expected if expected > 0 else math.nan
    numbers = sizes(*ends, *(end * share for end in ends), observed, expected, smallest, least)
    return described(question) | numbers | {
        "p_value": found.p_value,
        "n_placebos": found.n_placebos,
        "finest_p": found.finest_p,
        "inference": found.how,
        "warnings": (found.warning,) if found.warning else (),
        "caution": picked_caution(question),
    }  # fmt: skip


def ranked_or(
    own: Inference,
    question: Question,
    groups: np.ndarray,
    estimates: np.ndarray,
    errors: np.ndarray,
) -> tuple[Inference, dict[str, Any]]:
    """A series' effect, in standard errors, ranked among those of placebos, with the fields of a
    result that follow; the regression's own inference where there are too few.

    Parameters
    ----------
    groups : bool array (B, n)
    estimates, errors : arrays (1 + B,)
    """
    if len(groups) < FEWEST_RANKED:
        return own, {"warnings": (NOT_RANKED,)}
    return placebo_inference(estimates, question.level, errors), {
        "statistic": float(estimates[0] / errors[0]),
        "placebos": placebo_frame(question, groups, estimates[1:], errors[1:]),
    }


def treated_mean(question: Question) -> np.ndarray:
    """Mean over treated areas by date, each counting once; array (t,)."""
    values, known = question.compared[question.treated], question.known[question.treated]
    count = known.sum(axis=0)
    return np.where(known, values, 0.0).sum(axis=0) / np.where(count, count, np.nan)


def placebo_paths(question: Question, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paths of the treated and every placebo, and those of what each is compared with.

    Parameters
    ----------
    groups : bool array (B, n)

    Returns
    -------
    two arrays (1 + B, t)
        Means over areas, each counting once: own, and of the comparison areas that are not own.
    """
    members = np.vstack([question.treated, groups]).astype(float)
    values = np.where(question.known, question.compared, 0.0)
    rest = question.comparison & ~members.astype(bool)
    paths = (part @ values / part.sum(axis=1, keepdims=True) for part in (members, rest * 1.0))
    return tuple(paths)


def gap_effect(
    question: Question, own: np.ndarray, gap: np.ndarray, inference: Inference
) -> dict[str, Any]:
    """Fields of a result that follow from a path of gaps and its placebos.

    Parameters
    ----------
    own, gap : arrays (t,)
        Level of the treated, and that less its counterfactual; the effect is the mean gap after
        the start.
    """
    found = judged(question, own[question.at :].mean(), gap[question.at :].mean(), inference)
    return found | {"paths": paths_frame(question, own, own - gap)}


def paths_frame(question: Question, treated: np.ndarray, comparison: np.ndarray) -> pd.DataFrame:
    """Columns period, treated, comparison (the counterfactual), as the figures draw them."""
    return pd.DataFrame({"period": question.dates, "treated": treated, "comparison": comparison})


def placebo_frame(
    question: Question, groups: np.ndarray, estimates: np.ndarray, errors: np.ndarray | float = 1.0
) -> pd.DataFrame:
    """One row per placebo neighbourhood: its areas, estimate and statistic.

    Parameters
    ----------
    groups : bool array (B, n)
    estimates, errors : arrays (B,)
    """
    names = [" ".join(map(str, question.areas[group])) for group in groups]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = estimates / errors
    return pd.DataFrame({"areas": names, "estimate": estimates, "statistic": statistics})
