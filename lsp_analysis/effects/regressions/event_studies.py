"""Event study: the effect date by date, before the start as well as after.

Before the start there should be none. A test that finds none is only as good as its power, so the
result also says how large a drift it would have missed (Roth 2022, AER: Insights 4:305).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis import figures, wording
from lsp_analysis.effects import parts
from lsp_analysis.effects.one_area.groups import placebo_groups
from lsp_analysis.effects.regressions import honest
from lsp_analysis.effects.regressions.differences import CLUSTERED, chosen_inference, regression
from lsp_analysis.effects.regressions.two_way import ROUNDING
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import ParameterError
from lsp_analysis.showing import Axes, with_note
from lsp_analysis.study.question import Question

NO_ANTICIPATION = "Nothing changed in the treated areas in anticipation of the start."
INFERENCES = ("auto", "placebo", "clustered")


@dataclass(frozen=True)
class EventStudy(EffectEstimate):
    """Effects by time since the start; `estimate` is their mean over the dates from the start on.

    Attributes
    ----------
    coefficients : DataFrame
        Columns relative_period (calendar periods, or bins of them, since the start), estimate, se,
        low, high, p_value; the reference is a row of 0 without interval.
    covariance : DataFrame
        Covariance of the estimates by relative period, without the reference.
    pretrend_statistic, pretrend_p : float
        Test that every effect before the start is 0: F where errors are clustered, rank of the
        largest standardised effect where placebo areas are used. p is missing where it is withheld.
    pretrend_detectable : float
        Straight drift per period before the start that would be found with 80% power; a smaller
        one may well be there.
    """

    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    covariance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    pretrend_statistic: float = math.nan
    pretrend_p: float = math.nan
    pretrend_detectable: float = math.nan

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect at every time since the start; return the axes."""
        return figures.draw_event_study(self.coefficients, unit=self.unit, level=self.level, ax=ax)

    def pretrend_sentence(self) -> wording.Sentence:
        """Whether treated and comparison areas drifted apart before the start, in one line."""
        if math.isnan(self.pretrend_p):
            why = self.warnings[0] if self.warnings else "there is only one period before it."
            return wording.Sentence(
                f"Whether the areas drifted apart before the start could not be tested: {why}"
            )
        verdict = (
            "drifted apart" if self.pretrend_p <= 1 - self.level else "were not seen to drift apart"
        )
        drift = wording.number(self.pretrend_detectable)
        return wording.Sentence(
            f"Before the start the treated and the comparison areas {verdict} "
            f"({wording.p_value(self.pretrend_p)}); a steady drift of {drift} a period would "
            "have been found four times in five."
        )

    def honest_bounds(self, restriction: str = "relative magnitudes") -> honest.HonestBounds:
        """Intervals that hold although the areas may have parted without the programme.

        Parameters
        ----------
        restriction : "relative magnitudes" or "smoothness"
            How far they may have parted; see `regressions.honest`. Time is the calendar's.
        """
        rows = self.coefficients.set_index("relative_period")
        reference = next(k for k in rows.index if k not in self.covariance.index)
        shown = self.covariance.index.to_numpy()
        effects = rows.loc[shown, "estimate"].to_numpy()
        steps = honest.event_study_steps(shown, effects, self.covariance.to_numpy(), reference)
        smooth = restriction == "smoothness"
        bounds = honest.smoothness if smooth else honest.relative_magnitudes
        found = bounds(steps, level=self.level, unit=self.unit)
        return with_note(found, self._note, about=self.chart_name)


@parts.answers
def event_study(question: Question, *, inference: str = "auto", width: int = 1) -> EventStudy:
    """Two-way fixed effects with one effect per time since the start, from the last before it.

    Times are calendar periods since the start, so that a panel with gaps keeps its dates.

    Parameters
    ----------
    question : Question
    inference : "auto", "placebo" or "clustered"
        As for `did`.
    width : int
        Calendar periods that share an effect, counted from the start either way: 12 makes years of
        months. Bins that the data cover in part are left out where whole ones remain.

    Returns
    -------
    EventStudy
        `model` is the regression by statsmodels, area and date effects taken out in advance.
    """
    if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
        raise ParameterError(f"width={width!r} must be a whole number, 1 or more.")
    inference = chosen_inference(question, inference, INFERENCES)
    question = _whole_bins(question, width)
    each = int(question.treated.sum()) if inference == "placebo" else 1
    question.need(comparisons=1 + each, complete=inference == "placebo")
    place = question.event_time // width
    reference = int(place[place < 0].max())
    shown = np.array(sorted(set(place) - {reference}))
    marks = question.treated[:, None, None] & (place[:, None] == shown)
    names = tuple(f"time {k:+d}" for k in shown)
    complete = inference == "placebo"
    fit, used = regression(question, marks, names=names, complete=complete)
    estimates = fit.coefficients["estimate"].to_numpy()
    shares = np.array([(place == k).sum() for k in shown]) * (shown >= 0)
    shares = shares / shares.sum()
    estimate = float(shares @ estimates)
    if complete:
        fields, found, table, covariance = _among_placebos(
            question, place, shown, reference, shares
        )
    else:
        fields, table, covariance = {}, fit.coefficients.reset_index(drop=True), fit.covariance
    error = math.sqrt(max(float(shares @ covariance @ shares), 0.0))
    if not complete:
        found = parts.by_error(estimate, error, question.level, df=fit.df, withheld=fit.withheld,
                         how=CLUSTERED)  # fmt: skip
    df = 0 if complete or fit.withheld else fit.df
    own = parts.treated_mean(question)
    effect = pd.Series(estimates, shown).reindex(place).fillna(0.0).to_numpy()
    return EventStudy(
        **parts.judged(question, float(own[place >= 0].mean()), estimate, found),
        **_pretrend(table, covariance, shown, reference, df) | fields,
        method="event study",
        comparator=f"the change of {wording.counted(int(used.sum()), 'comparison area')}",
        assumptions=(parts.PARALLEL, NO_ANTICIPATION, parts.UNTOUCHED),
        error=error,
        paths=parts.paths_frame(question, own, own - effect),
        coefficients=_with_reference(table, shown, reference),
        covariance=pd.DataFrame(covariance, index=shown, columns=shown),
        model=fit.model,
    )


def _whole_bins(question: Question, width: int) -> Question:
    """The question without the dates of bins at either end that the data cover in part."""
    place = question.event_time // width
    first, last = question.event_time[0], question.event_time[-1]
    kept = np.ones(len(place), dtype=bool)
    if first % width and (place < 0).any() and len(set(place[place < 0])) > 1:
        kept &= place > place[0]
    if (last + 1) % width and len(set(place[place >= 0])) > 1:
        kept &= place < place[-1]
    return question if kept.all() else question.during(kept)


def _among_placebos(
    question: Question, place: np.ndarray, shown: np.ndarray, reference: int, shares: np.ndarray
) -> tuple[dict[str, Any], parts.Inference, pd.DataFrame, np.ndarray]:
    """Each effect, and their mean after the start, ranked among those of placebos."""
    groups = placebo_groups(question)
    gaps = np.subtract(*parts.placebo_paths(question, groups))
    means = np.column_stack([gaps[:, place == k].mean(axis=1) for k in [*shown, reference]])
    paths = means[:, :-1] - means[:, -1:]
    covariance = paths[1:].T @ paths[1:] / len(groups)
    mean = paths @ shares
    overall = parts.placebo_inference(mean, question.level)
    each = [parts.placebo_inference(path, question.level) for path in paths.T]
    columns = {name: [getattr(one, name) for one in each] for name in ("low", "high", "p_value")}
    table = pd.DataFrame({"estimate": paths[0], "se": np.sqrt(np.diag(covariance))} | columns)
    spread = np.sqrt(np.diag(covariance))[shown < 0]
    fields = {"placebos": parts.placebo_frame(question, groups, mean[1:])}
    if len(spread):
        largest = (np.abs(paths[:, shown < 0]) / np.where(spread > 0, spread, np.inf)).max(axis=1)
        fields["pretrend_statistic"] = float(largest[0])
        fields["pretrend_p"] = parts.rank_p(float(largest[0]), largest[1:])[1]
    return fields, overall, table, covariance


def _pretrend(
    table: pd.DataFrame,
    covariance: np.ndarray,
    shown: np.ndarray,
    reference: int,
    df: float,
) -> dict[str, float]:
    """Drift before the start that would be found, and where `df` is not 0 the F test that all
    effects then are 0."""
    before = shown < 0
    if not before.any():
        return {}
    part = covariance[np.ix_(before, before)]
    both = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    middle = np.append(shown[before], reference).mean()
    distance = shown[before] - middle
    share = distance / ((distance**2).sum() + (reference - middle) ** 2)
    extra = {"pretrend_detectable": both * math.sqrt(max(float(share @ part @ share), 0.0))}
    if not df or np.diag(part).max() <= ROUNDING**2 * np.diag(covariance).max():
        return extra  # not asked, or nothing moved before the start: what is left is rounding
    effects, count = table["estimate"].to_numpy()[before], int(before.sum())
    wald = float(effects @ np.linalg.pinv(part, hermitian=True) @ effects) / count
    return extra | {
        "pretrend_statistic": wald,
        "pretrend_p": float(stats.f.sf(wald, count, df)),
    }


def _with_reference(table: pd.DataFrame, shown: np.ndarray, reference: int) -> pd.DataFrame:
    blank = {"relative_period": reference, "estimate": 0.0}
    named = table.assign(relative_period=shown)
    table = pd.concat([named, pd.DataFrame([blank])], ignore_index=True)
    columns = ["relative_period", "estimate", "se", "low", "high", "p_value"]
    return table[columns].sort_values("relative_period", ignore_index=True)
