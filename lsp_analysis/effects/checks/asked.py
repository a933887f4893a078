"""A question and its answer, as every check asks it again, and effects in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.one_area.single_area import PERIODS, estimate
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.words import Size
from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

PASSED, FAILED, UNSURE = "passed", "failed", "too little to tell"
COUNTED = {"events": "events", "stock": "person-periods", "share": "people"}


@dataclass(frozen=True)
class Asked:
    """A question with the effect that `estimate` finds.

    Attributes
    ----------
    question : Question
        Of areas with a value at every date, and the treated ones.
    effect : EffectEstimate
    """

    question: Question
    effect: EffectEstimate

    @property
    def size(self) -> Size:
        """The effect as it is shown."""
        return self.effect.size

    @property
    def own_units(self) -> float:
        """The effect in its own units: the log ratio, for counts; finite without events."""
        found = self.effect
        if not found.multiplicative:
            return found.estimate
        return math.log(max(found.observed, 1e-3 * found.counterfactual) / found.counterfactual)

    @cached_property
    def errors(self) -> np.ndarray:
        """Standard errors in the effect's own units; array (1 + B,)."""
        return np.append(self.effect.error, self.effect.placebos["error"])

    @property
    def expected_total(self) -> float:
        """Count expected after the start, where effects multiply."""
        question, found = self.question, self.effect
        seen = float(question.total[question.treated][:, question.at :].sum())
        if seen > 0:
            return seen * found.counterfactual / found.observed
        return found.counterfactual * (len(question.dates) - question.at)

    @property
    def half_width(self) -> float:
        """Half-width of the interval in the effect's own units, about."""
        statistics = np.abs(self.effect.statistics[1:])
        return float(np.quantile(statistics, self.question.level) * self.effect.error)

    @property
    def half_year(self) -> int:
        """Periods in half a year; one at the least."""
        return max(1, self.question.cycle // 2)

    @property
    def step_name(self) -> str:
        """What `half_year` periods are called: "half year", or the period itself if longer."""
        freq = self.question.dates.freqstr[0]
        return PERIODS.get(freq, "period") if self.question.cycle < 4 else "half year"

    @property
    def counted(self) -> str:
        """What a count counts, in words."""
        return COUNTED.get(self.question.kind, "events")

    @property
    def forest(self) -> dict[str, object]:
        """Options of a chart of shown effects."""
        return {"unit": self.effect.scale.axis, "level": self.question.level}

    def runs(self, ends: pd.Series) -> list[str]:
        """The least and the largest of some shown effects in words."""
        return [self.effect.scale.gap(end) for end in (ends.min(), ends.max())]

    def again(self, changed: Callable[[Question], Question]) -> Asked | None:
        """The same of a changed question; None where that cannot be answered."""
        try:
            question = changed(self.question)
            return Asked(question, estimate(question, checks=False))
        except PanelError:
            return None

    def between_dates(self, first: int, stop: int, *, start: bool) -> Asked | None:
        """The effect from event time `first` to `stop`, the latter left out; None without values.

        Parameters
        ----------
        start : bool
            Whether something may have begun at `first`, so that all before it is the past;
            otherwise the past is that before the question's own start.
        """
        times = self.question.event_time
        window = (times >= first) & (times < stop)
        own = self.question.known[self.question.treated].any(axis=0)
        if not (window & own).any():
            return None
        past = times < first if start else times < 0
        began = self.question.dates[window][0] if start else self.question.start
        return self.again(lambda question: question.during(past | window, began))

    def among(self, comparison: np.ndarray) -> Asked | None:
        """The effect against these comparison areas alone; None where too few are left.

        Parameters
        ----------
        comparison : bool array (n,)
        """
        return self.again(lambda question: question.among(comparison | question.treated))

    def shown(self, effect: float | np.ndarray) -> float | np.ndarray:
        """An effect in its own units as it is shown: per cent, or the outcome's."""
        with np.errstate(over="ignore"):
            return 100 * np.expm1(effect) if self.effect.multiplicative else effect

    def as_size(self, size: float) -> str:
        """A shown effect without its sign: "12%", "2.1 points"."""
        if not self.effect.multiplicative and not size:
            return "close to zero"
        if math.isinf(size):
            return "no limit"
        if self.effect.multiplicative and abs(size) < 0.1:
            return "less than 0.1%"
        return self.effect.scale.size(size)


def ask(question: Question) -> Asked:
    """The question among areas with a value at every date, and its effect."""
    kept = question.known.all(axis=1) | question.treated
    question = question if kept.all() else question.among(kept)
    return Asked(question, estimate(question, checks=False))


def span(question: Question, first: int, stop: int) -> str:
    """Event times `first` to `stop`, the latter left out, as dates in words."""
    times = question.event_time
    dates = question.dates[(times >= first) & (times < stop)]
    return " to ".join(dict.fromkeys(wording.period(dates[at]) for at in (0, -1)))


def during(question: Question, first: int, stop: int) -> str:
    """When: "in 2008", "from 2008 to 2010"."""
    said = span(question, first, stop)
    return f"{'from' if ' to ' in said else 'in'} {said}"
