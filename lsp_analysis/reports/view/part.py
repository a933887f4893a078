"""A piece of a page as data: the report's notebook holds it, the page draws it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.reports.page.content import PART
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.wording import is_missing

LONGEST_TICKS = 6


@dataclass(frozen=True)
class Part:
    """One piece of a page: ``screen``, ``figure`` or ``measures``.

    Attributes
    ----------
    kind : str
        Which macro of the page's template shows it.
    data : mapping
        What it says, as text and plain numbers; missing numbers are None.
    frame : DataFrame, optional
        The numbers behind it, which the page offers as CSV.
    """

    kind: str
    data: Mapping[str, Any] = field(repr=False)
    frame: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    def summary_frame(self) -> pd.DataFrame:
        """The numbers behind it."""
        return pd.DataFrame() if self.frame is None else self.frame

    def sentence(self) -> str:
        """What it says in a line: its verdict, or its title."""
        return str(self.data.get("verdict") or self.data.get("title", ""))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Data for a page, and the same drawn for a notebook."""
        from lsp_analysis.reports.page.exporter import render_part

        numbers = self.summary_frame()
        told = {"kind": self.kind, **plain(self.data)}
        if len(numbers):
            told["numbers"] = numbers.to_csv(index=False, lineterminator="\n")
        return {PART: told, "text/html": render_part(told), "text/plain": self.sentence()}


def plain(value: Any) -> Any:
    """`value` with nothing in it that JSON lacks: missing and infinite numbers become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray | pd.Series):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if is_missing(value):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if math.isfinite(value) else None
    return str(value)


def is_clear(effect: EffectEstimate) -> bool:
    """Whether an effect is clear of chance at its level; not where no valid p-value exists."""
    return not is_missing(effect.p_value) and effect.p_value <= 1 - effect.level + 1e-12


def likely_range(effect: EffectEstimate, less: str, more: str) -> str:
    """An interval of a relative effect in words: "7% to 38% fewer", "38% fewer to 5% more"."""
    low, high = 100 * effect.relative_low, 100 * effect.relative_high
    if not np.isfinite(low) or not np.isfinite(high):
        return "not known"
    if low < 0 < high:
        return f"{-low:.0f}% {less} to {high:.0f}% {more}"
    ends = sorted([abs(low), abs(high)])
    return f"{ends[0]:.0f}% to {ends[1]:.0f}% {less if high <= 0 else more}"


def how_sure(effect: EffectEstimate) -> tuple[str, str]:
    """How sure the finding is, in words, and what the placebo areas show."""
    p, n = effect.p_value, effect.n_placebos
    if wording.is_missing(p):
        return "How sure this is cannot be told.", " ".join(map(str, effect.warnings[:1]))
    as_far = max(0, round(p * (n + 1)) - 1)
    areas = wording.of_total(as_far, n)
    if as_far == 1:
        areas = f"one of {wording.number(n)}"
    told = f"{wording.capital(areas)} areas where nothing was done moved as far, for their size."
    if not is_clear(effect):
        return "It could be chance.", told
    return ("Fairly sure, not certain." if p > 0.01 else "Sure, as far as one place can be."), told


def sides(indicator: Indicator) -> tuple[str, str]:
    """Words for below and above what was expected: fewer and more events, else lower and higher."""
    return ("fewer", "more") if indicator.kind == "events" else ("lower", "higher")


def year_at(period: pd.Period) -> float:
    """Where a period lies on a scale of years: its middle, less half a year."""
    start, end = period.start_time, period.end_time
    middle = start + (end - start) / 2
    return middle.year + (middle.day_of_year - 1) / 365.25 - 0.5


def year_of(date: Any) -> float:
    """Where a day, or the first day of a period, lies on the same scale."""
    day = date.start_time if isinstance(date, pd.Period) else pd.Timestamp(date)
    return day.year + (day.day_of_year - 1) / 365.25 - 0.5


def ticks_of(periods: Any) -> list[list[Any]]:
    """Place and name of six periods at the most, the last among them."""
    periods = list(periods)
    step = max(1, -(-len(periods) // LONGEST_TICKS))
    chosen = periods[::-1][::step][::-1]
    return [[year_at(p), wording.period(p, short=True)] for p in chosen]
