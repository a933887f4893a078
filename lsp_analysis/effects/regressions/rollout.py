"""A programme rolled out at different times in different areas, by the package diff-diff."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures
from lsp_analysis.effects import parts
from lsp_analysis.effects.regressions.two_way import few_clusters_warning
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.showing import Axes
from lsp_analysis.study.question import Question

PARALLEL_LATER = (
    "Without the programme each group of areas would have changed as its comparison areas did."
)
COMPARATORS = {
    "never": ("never_treated", "areas where it never started"),
    "not_yet": ("not_yet_treated", "areas where it had not started yet"),
}
AGGREGATES = ("simple", "dynamic")


@dataclass(frozen=True)
class RolloutEffect(EffectEstimate):
    """An average over areas that start at different times; `model` has the parts it is made of.

    Attributes
    ----------
    by_time : DataFrame
        Columns relative_period (calendar periods since an area's own start), estimate, se, low,
        high, p_value.
    """

    by_time: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect by time since the start; return the axes."""
        return figures.draw_event_study(self.by_time, unit=self.unit, level=self.level, ax=ax)


@parts.answers
def rollout_effect(
    question: Question,
    *,
    comparison: str = "never",
    aggregate: str = "simple",
) -> RolloutEffect:
    """Difference-in-differences for staggered starts (Callaway and Sant'Anna 2021).

    Needs the extra ``lsp-analysis[rollout]``. Times are those of the calendar, so that a panel with
    gaps keeps its dates.

    Parameters
    ----------
    question : Question
        Built with a mapping of area to start.
    comparison : "never" or "not_yet"
        Compare with areas that never start, or also with those that have not started yet.
    aggregate : "simple" or "dynamic"
        The mean over all treated areas and periods, or over times since the start.

    Returns
    -------
    RolloutEffect
        Interval and p-value are missing, with the reason in `warnings`, when fewer than five areas
        are treated or fewer than five never are. `model` is diff-diff's result.
    """
    check_one_of(comparison, COMPARATORS, "comparison")
    check_one_of(aggregate, AGGREGATES, "aggregate")
    if question.first_treated is None:
        raise PanelError(
            "All areas start at once here, so `did` is the method. For a roll-out, build the "
            "question with a mapping of area code to start."
        )
    question.need()
    model = _fitted(question, comparison)
    events = model.aggregate("event_study")
    low, high = events.conf_int_lower, events.conf_int_upper
    table = pd.DataFrame({"relative_period": events.event_time.astype(int)}).assign(
        estimate=events.att, se=events.se, low=low, high=high, p_value=events.p_value
    )
    after = (events.event_time >= 0).astype(float)
    shares = after / after.sum()
    estimate, error = float(model.overall_att), float(model.overall_se)
    if aggregate == "dynamic":
        estimate = float(shares @ events.att)
        error = math.sqrt(float(shares @ events.vcov @ shares))
    n_treated = int(question.treated.sum())
    others = int((~question.treated & ~question.ring).sum())
    withheld = few_clusters_warning(n_treated, n_treated + others)
    found = parts.by_error(estimate, error, question.level, withheld=withheld,
                     how="normal approximation over areas")  # fmt: skip
    if withheld:
        table[["low", "high", "p_value"]] = math.nan
    on = question.treated[:, None] & (_since(question) >= 0) & question.known
    own = parts.treated_mean(question)
    share = on.sum(axis=0) / np.maximum(question.known[question.treated].sum(axis=0), 1)
    return RolloutEffect(
        **parts.judged(question, float(question.compared[on].mean()), estimate, found),
        method="difference-in-differences, staggered starts (Callaway and Sant'Anna)",
        error=error,
        comparator=COMPARATORS[comparison][1],
        assumptions=(PARALLEL_LATER, parts.UNTOUCHED),
        paths=parts.paths_frame(question, own, own - share * estimate),
        by_time=table,
        model=model,
    )


def _since(question: Question) -> np.ndarray:
    """Calendar periods since each area's own start; -1 where it never began; int array (n, t)."""
    begun = question.first_treated
    since = question.dates.asi8[None, :] - begun.asi8[:, None]
    return np.where(begun.isna()[:, None], -1, since)


def _fitted(question: Question, comparison: str) -> Any:
    try:
        from diff_diff import CallawaySantAnna
    except ImportError as error:
        raise ParameterError(
            "rollout_effect needs the package diff-diff. Install it with "
            "`pip install lsp-analysis[rollout]`."
        ) from error
    kept = question.among(~question.ring)
    first = kept.dates.asi8[0] - 1
    begun = np.where(kept.first_treated.isna(), 0, kept.first_treated.asi8 - first)
    frame = kept.frame().assign(
        unit=np.repeat(np.arange(len(kept.areas)), len(kept.dates)),
        time=np.tile(kept.dates.asi8 - first, len(kept.areas)),
        begun=np.repeat(begun, len(kept.dates)),
    )
    frame = frame.dropna(subset=["value"])
    model = CallawaySantAnna(
        control_group=COMPARATORS[comparison][0], alpha=1 - question.level, cband=False,
        allow_unbalanced_panel=bool(len(frame) < question.outcome.size),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return model.fit(frame, "value", "unit", "time", "begun")
        except ValueError as error:
            raise PanelError(f"The staggered starts cannot be compared: {error}") from error
