"""Did the effect last? Window by window after the start, and once the funding ended."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.checks.asked import Asked, ask, during, span
from lsp_analysis.effects.parts import answers, rank_p
from lsp_analysis.effects.words import than_expected
from lsp_analysis.showing import Axes, Shown
from lsp_analysis.study.asking.table import as_date
from lsp_analysis.study.question import Question

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
        return wording.Sentence(" ".join([*self.said, self._verdict()]))

    def _verdict(self) -> str:
        if wording.is_missing(self.change_p):
            return "Whether it lasted cannot be told: there are too few periods after the start."
        told = wording.p_value(self.change_p)
        if self.change_p <= 1 - self.level + 1e-12:
            return f"It {self.change} by more than chance usually makes ({told})."
        return f"That is no sign that it faded or grew ({told})."

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
    windows = _answered(asked, list(pairwise(ends)))
    ended = _ended(question, funding_ends)
    parts = _answered(asked, [(0, ended), (ended, last)]) if 0 < ended < last else {}
    parts = parts if len(parts) == 2 else {}
    funded = _table(asked, parts)
    if parts:
        funded["label"] = [f"while funded: {funded['label'][0]}", f"after: {funded['label'][1]}"]
    compared = list((parts or windows).items())
    ends = [compared[0], compared[-1]] if len(compared) > 1 else compared
    change_p, change = _change(*(found for _, found in ends)) if len(ends) > 1 else (np.nan, "")
    scale, said = asked.effect.scale, tuple(_said(question, *end) for end in ends)
    table = _table(asked, windows)
    return Persistence(table, funded, change_p, change, scale.axis, question.level, said)


def _answered(asked: Asked, windows: list[tuple[int, int]]) -> dict[tuple[int, int], Asked]:
    """The effect in every window in which the neighbourhood has values."""
    found = {window: asked.between_dates(*window, start=False) for window in windows}
    return {window: answer for window, answer in found.items() if answer is not None}


def _ended(question: Question, funding_ends: Any) -> int:
    """Event time of the first period that begins after the funding ended."""
    if funding_ends is None or (isinstance(funding_ends, str) and not funding_ends):
        return int(question.event_time[-1]) + 1
    end = as_date(funding_ends, name="funding_ends").end_time
    after = pd.Period(end, freq=question.dates.freq)
    whole = after.end_time <= end
    return after.ordinal - question.start.ordinal + int(whole)


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
