"""Did the effect last? Window by window after the start, and once the funding ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.case import (
    Case,
    between,
    detectable,
    during,
    in_words,
    open_case,
    shown_unit,
    sized,
    span,
)
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.options import listed, whole
from lsp_analysis.effects.periods import as_period
from lsp_analysis.effects.words import than_expected
from lsp_analysis.errors import ParameterError
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HORIZONS = (3, 6, 12, 24)


@dataclass(frozen=True)
class Persistence(Shown):
    """The effect in windows after the start, each judged by the past before it.

    Attributes
    ----------
    table : DataFrame
        label, horizon (periods since the start at the window's end), estimate, low, high, p_value,
        smallest (size found with 80% power). Effects in per cent for counts.
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
            return "Whether it lasted cannot be told: there is one window only."
        told = wording.p_value(self.change_p)
        if self.change_p <= 1 - self.level + 1e-12:
            return f"It {self.change} by more than chance usually makes ({told})."
        return f"That is no sign that it faded or grew ({told})."

    def plot(self, ax: Axes | None = None) -> Axes:
        """The effect in every window."""
        rows = pd.concat([self.table, self.funded], ignore_index=True)
        frame = rows[["label", "estimate", "low", "high"]]
        return figures.draw_forest(frame, unit=self.unit, level=self.level, ax=ax)


def persistence(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: Sequence[str],
    start: pd.Period | str,
    population: str | None = None,
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    funding_ends: pd.Period | str | None = None,
    horizons: Sequence[int] = HORIZONS,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "",
    person_periods: bool = False,
) -> Persistence:
    """The effect at 3, 6, 12 and 24 periods, beyond, and after the funding ended.

    Each window ends at a horizon and begins where the one before it ended, so that the effect at
    12 periods is that of the seventh to the twelfth. Its neighbourhood and placebos are predicted
    from the periods before the start alone.

    Parameters
    ----------
    panel, outcome, treated, start, population, neighbours, level, seed, unit, person_periods
        As for `estimate`.
    funding_ends : Period or str, optional
        Last period with funding; an empty text is none.
    horizons : list of int
        Periods since the start, rising.

    Raises
    ------
    ParameterError
        Horizons that do not rise.
    PanelError, AreaError
        As for `estimate`.
    """
    case = open_case(
        panel, outcome=outcome, treated=treated, start=start, population=population,
        neighbours=neighbours, level=level, seed=seed, unit=unit, person_periods=person_periods,
    )  # fmt: skip
    horizons = [whole("A horizon", horizon) for horizon in listed("horizons", horizons)]
    if horizons != sorted(set(horizons)) or min(horizons, default=1) < 1:
        raise ParameterError(
            f"Horizons are numbers of periods that rise from 1 or more, not {list(horizons)}."
        )
    windows = _windows(case, horizons)
    judgements = [case.later(first, stop) for first, stop in windows]
    table = _table(case, windows, judgements)
    end = _position_after(case, funding_ends)
    parts = [(case.start, end), (end, case.stop)] if case.start < end < case.stop else []
    parts = parts if all(case.seen(*part) for part in parts) else []
    halves = [case.later(first, stop) for first, stop in parts]
    funded = _table(case, parts, halves)
    if parts:
        funded["label"] = [f"while funded: {funded['label'][0]}", f"after: {funded['label'][1]}"]
    compared = halves or judgements
    change_p, change = _change(case, compared[0], compared[-1]) if len(compared) > 1 else (
        np.nan, "")  # fmt: skip
    return Persistence(
        table, funded, change_p, change, shown_unit(case), level,
        _said(case, parts or windows, compared),
    )  # fmt: skip


def _windows(case: Case, horizons: Sequence[int]) -> list[tuple[int, int]]:
    """First period and one past the last of each window in which the neighbourhood has values, as
    far as the panel reaches."""
    after = case.stop - case.start
    ends = [0, *(horizon for horizon in horizons if horizon < after), after]
    windows = [(case.start + first, case.start + stop) for first, stop in pairwise(ends)]
    return [window for window in windows if case.seen(*window)]


def _position_after(case: Case, funding_ends: pd.Period | str | None) -> int:
    """Position of the first period that begins after the funding ended."""
    if funding_ends is None or funding_ends == "":
        return case.stop
    try:
        last = as_period(funding_ends).end_time
    except (ValueError, TypeError, AttributeError) as error:  # NaT has no end
        raise ParameterError(
            f"funding_ends={funding_ends!r} is not a month, quarter or year. Write it as 2011-03."
        ) from error
    periods = case.ledger.periods
    if not isinstance(periods, pd.PeriodIndex):
        raise ParameterError(
            f"The panel's periods, such as {periods[0]}, have no dates to hold funding_ends="
            f"{funding_ends!r} against. Leave it out, or give pandas Periods."
        )
    return int((periods.start_time <= last).sum())


def _table(case: Case, windows: list[tuple[int, int]], judgements: list[Judgement]) -> pd.DataFrame:
    rows = [
        sized(case, found).row(span(case, *window))
        | {"horizon": window[1] - case.start, "smallest": detectable(case, found)}
        for window, found in zip(windows, judgements, strict=True)
    ]
    columns = ["label", "horizon", "estimate", "low", "high", "p_value", "smallest"]
    return pd.DataFrame(rows, columns=columns)


def _change(case: Case, early: Judgement, late: Judgement) -> tuple[float, str]:
    """Rank of the change of effect among the placebos', and its direction."""
    effects = [found.statistic * found.errors for found in (early, late)]
    spread = np.sqrt(early.errors**2 + late.errors**2)
    moved = (effects[1] - effects[0]) / spread
    p_value = placebo.rank_p_value(moved[0], moved[1:])
    before, after = (float(effect[0]) for effect in effects)
    if before * after < 0 and sized(case, late).clear:
        return p_value, "changed direction"
    return p_value, "grew" if abs(after) > abs(before) else "faded"


def _said(case: Case, windows: list[tuple[int, int]], judgements: list[Judgement]) -> tuple:
    """The first and the last window in words."""
    chosen = [0] if len(windows) == 1 else [0, len(windows) - 1]
    told = []
    for at in chosen:
        size = sized(case, judgements[at])
        told.append(
            f"{wording.capital(during(case, *windows[at]))} it was "
            f"{than_expected(in_words(case, size.estimate))} ({between(case, size)})."
        )
    return tuple(told)
