"""A question and its answer, as every check asks it again; and in windows after the start, and once
the funding ended: did the effect last?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.one_area.single_area import PERIODS, estimate
from lsp_analysis.effects.parts import answers, rank_p
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.words import Size, than_expected
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.study.asking.table import as_date
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


HORIZONS = (3, 6, 12, 24)


@dataclass(frozen=True)
class Persistence(Shown):
    """The effect in windows after the start, each judged by the past before it.

    Attributes
    ----------
    table : DataFrame
        label, horizon (calendar periods since the start at the window's end), estimate, low, high,
        p_value, smallest (size found with 80% power). Effects in per cent for counts.
    funded : DataFrame
        The same for the time while the programme was funded and after; empty without an end.
    change_p : float
        p-value that the effect did not change from the first window to the last, or from the time
        it was funded to after; missing where there is one window only.
    change : str
        "faded", "grew" or "changed direction" in the estimates, whatever the p-value.
    """

    table: pd.DataFrame = field(repr=False, compare=False)
    funded: pd.DataFrame = field(repr=False, compare=False)
    change_p: float
    change: str
    unit: str
    level: float
    said: tuple[str, ...] = ()

    def summary_frame(self) -> pd.DataFrame:
        """One row per window, then while funded and after."""
        return pd.concat([self.table, self.funded], ignore_index=True).set_index("label")

    def sentence(self) -> wording.Sentence:
        """The effect early and late, or funded and after, and whether it changed."""
        told = wording.p_value(self.change_p)
        verdict = f"That is no sign that it faded or grew ({told})."
        if wording.is_missing(self.change_p):
            verdict = "Whether it lasted cannot be told: there are too few periods after the start."
        elif self.change_p <= 1 - self.level + 1e-12:
            verdict = f"It {self.change} by more than chance usually makes ({told})."
        return wording.Sentence(" ".join([*self.said, verdict]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """The effect in every window."""
        rows = pd.concat([self.table, self.funded], ignore_index=True)
        frame = rows[["label", "estimate", "low", "high"]]
        return figures.draw_forest(frame, unit=self.unit, level=self.level, ax=ax)


@answers
def persistence(question: Question, funding_ends: Any = "") -> Persistence:
    """The effect at 3, 6, 12 and 24 periods, beyond, and after the funding ended.

    Each window ends at a horizon, counted by the calendar, and begins where the one before it
    ended, so that the effect at 12 periods is that of the seventh to the twelfth. Its neighbourhood
    and placebos are predicted from the periods before the start alone.

    Parameters
    ----------
    question : Question
    funding_ends : Period, date, year or text, optional
        Last period with funding; an empty text is none.

    Raises
    ------
    ParameterError
        An end of funding that is no date.
    """
    asked = ask(question)
    last = int(question.event_time[-1]) + 1
    ends = [0, *(horizon for horizon in HORIZONS if horizon < last), last]
    windows = _answered(asked, *pairwise(ends))
    ended = _ended(question, funding_ends)
    parts = _answered(asked, (0, ended), (ended, last)) if 0 < ended < last else {}
    parts = parts if len(parts) == 2 else {}
    funded = _table(asked, parts)
    if parts:
        funded["label"] = [f"while funded: {funded['label'][0]}", f"after: {funded['label'][1]}"]
    compared = list((parts or windows).items())
    ends = [compared[0], compared[-1]] if len(compared) > 1 else compared
    change_p, change = _change(*(found for _, found in ends)) if len(ends) > 1 else (np.nan, "")
    axis, said = asked.effect.scale.axis, tuple(_said(question, *end) for end in ends)
    return Persistence(_table(asked, windows), funded, change_p, change, axis, question.level, said)


def _answered(asked: Asked, *windows: tuple[int, int]) -> dict[tuple[int, int], Asked]:
    """The effect in every window in which the neighbourhood has values."""
    found = {window: asked.between_dates(*window, start=False) for window in windows}
    return {window: answer for window, answer in found.items() if answer is not None}


def _ended(question: Question, funding_ends: Any) -> int:
    """Event time of the first period that begins after the funding ended."""
    if funding_ends is None or (isinstance(funding_ends, str) and not funding_ends):
        return int(question.event_time[-1]) + 1
    end = as_date(funding_ends, name="funding_ends").end_time
    after = pd.Period(end, freq=question.dates.freq)
    return after.ordinal - question.start.ordinal + int(after.end_time <= end)


def _table(asked: Asked, windows: dict[tuple[int, int], Asked]) -> pd.DataFrame:
    rows = [
        found.size.row(span(asked.question, *window))
        | {"horizon": window[1], "smallest": found.effect.smallest}
        for window, found in windows.items()
    ]
    columns = ["label", "horizon", "estimate", "low", "high", "p_value", "smallest"]
    return pd.DataFrame(rows, columns=columns)


def _change(early: Asked, late: Asked) -> tuple[float, str]:
    """Rank of the change of effect among the placebos', and its direction."""
    effects = [found.effect.statistics * found.errors for found in (early, late)]
    moved = (effects[1] - effects[0]) / np.sqrt(early.errors**2 + late.errors**2)
    p_value = rank_p(abs(float(moved[0])), np.abs(moved[1:]))[1]
    before, after = (float(effect[0]) for effect in effects)
    if before * after < 0 and late.size.clear:
        return p_value, "changed direction"
    return p_value, "grew" if abs(after) > abs(before) else "faded"


def _said(question: Question, window: tuple[int, int], found: Asked) -> str:
    """One window in words."""
    size, scale = found.size, found.effect.scale
    return (
        f"{wording.capital(during(question, *window))} it was "
        f"{than_expected(scale.gap(size.estimate))} ({scale.within(size.low, size.high)})."
    )
