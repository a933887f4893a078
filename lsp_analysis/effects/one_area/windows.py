"""A tidy panel as areas by periods, and its sums over windows before and after the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.given import not_found
from lsp_analysis.effects.layout import check_pairs, tidy
from lsp_analysis.effects.periods import as_start, in_periods
from lsp_analysis.errors import AreaError, PanelError

CYCLE = {"M": 12, "Q": 4, "W": 52, "D": 365, "B": 260}
"""Periods in a year, so that seasons cancel within a window; 1 for anything else."""

MONTHS_IF_UNLABELLED = 36
"""Periods without dates that are taken for months: three years of them, which years hardly are."""


def _freq(periods: pd.Index) -> str:
    """Frequency of Periods, or of dates evenly spaced; empty for anything else."""
    if isinstance(periods, pd.DatetimeIndex):
        try:
            periods = periods.to_period()
        except ValueError:  # not evenly spaced
            return ""
    return getattr(periods, "freqstr", None) or ""


@dataclass(frozen=True)
class Ledger:
    """Totals and exposures, areas by periods; a missing outcome has neither.

    Attributes
    ----------
    total, exposure : float arrays (areas, periods)
        Counts and population; or outcome x weight and weight.
    codes, periods : Index
    counts : bool
        Whether `total` counts, so that effects multiply.
    person_periods : bool
        Whether what is counted is person-periods, which are not independent of one another.
    year : int
        Periods in a year where `periods` cannot tell, as some were taken out; else 0.
    """

    total: np.ndarray
    exposure: np.ndarray
    codes: pd.Index
    periods: pd.Index
    counts: bool
    person_periods: bool = False
    year: int = 0

    @property
    def cycle(self) -> int:
        """Periods in a year; unlabelled periods are taken as months when there are many."""
        if self.year:
            return self.year
        freq = _freq(self.periods)
        if not freq:
            return 12 if len(self.periods) >= MONTHS_IF_UNLABELLED else 1
        return CYCLE.get(freq.split("-")[0], 1)

    def sums(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Total and exposure per area over periods `first` to `last`, the latter left out."""
        return self.total[:, first:last].sum(axis=1), self.exposure[:, first:last].sum(axis=1)


def read_ledger(
    panel: pd.DataFrame, *, outcome: str, population: str | None, person_periods: bool = False
) -> Ledger:
    """Lay out a tidy panel; raises PanelError for what cannot be read, repeats, negative counts."""
    panel = tidy(panel, numbers=[outcome, *([population] if population else [])])
    if panel["area_code"].isna().any():
        raise PanelError("Some rows of the panel have no area_code. Fill it in, or leave them out.")
    panel = in_periods(panel)
    check_pairs(panel, "area_code", "period")
    wide = _wide(panel, outcome)
    if population is None:
        weight = pd.DataFrame(1.0, index=wide.index, columns=wide.columns)
    else:
        weight = _wide(panel, population).reindex_like(wide)
        if (weight <= 0).to_numpy().any():
            raise PanelError(
                f"{population!r} has values of zero or less; leave those areas out first."
            )
    known = wide.notna() & weight.notna()
    values, weights = wide.where(known, 0).to_numpy(), weight.where(known, 0).to_numpy()
    counts = population is not None and bool((values % 1 == 0).all())
    if counts and (values < 0).any():
        raise PanelError(
            f"{outcome!r} has whole numbers, some below zero: with a population they are read as "
            "counts, and a count cannot be. Mend them, or leave out `population`."
        )
    return Ledger(
        total=values if counts else values * weights,
        exposure=weights,
        codes=wide.index,
        periods=wide.columns,
        counts=counts,
        person_periods=counts and person_periods,
    )


def _wide(panel: pd.DataFrame, column: str) -> pd.DataFrame:
    frame = panel[["area_code", "period"]].assign(value=panel[column].astype(float))
    return frame.pivot_table(
        index="area_code",
        columns="period",
        values="value",
        aggfunc="first",
        dropna=False,
        observed=True,
    ).sort_index(axis=1)


def start_position(ledger: Ledger, start: object) -> int:
    """Position of the first period from `start` on; at least two periods before and one after."""
    start = as_start(start, ledger.periods)
    position = int(ledger.periods.searchsorted(start))
    if position < 2:
        raise PanelError(
            f"The panel has {wording.counted(position, 'period')} before {start}, the first being "
            f"{ledger.periods[0]}. Regression "
            "to the mean cannot be told from an effect with fewer than two: add earlier periods."
        )
    if position >= len(ledger.periods):
        raise PanelError(
            f"The panel ends at {ledger.periods[-1]}, before the start {start}: there is nothing "
            "to evaluate yet."
        )
    return position


def treated_rows(ledger: Ledger, treated: Sequence[str] | str) -> np.ndarray:
    """Bool array (areas,) of the treated areas; raises AreaError for codes not in the panel."""
    alone = isinstance(treated, str) or np.isscalar(treated)
    wanted = list(dict.fromkeys([treated] if alone else [] if treated is None else treated))
    if not wanted:
        raise AreaError("No treated area was given. Name the area codes of the neighbourhood.")
    for code in wanted:
        if code not in ledger.codes:
            raise AreaError(
                f"The treated area {code!r} is not among the panel's {len(ledger.codes)} "
                f"areas.{not_found(code, ledger.codes)}"
            )
    return ledger.codes.isin(wanted)


def windows_before(position: int, cycle: int, most: int) -> list[tuple[int, int]]:
    """Windows that tile the periods before `position`, the last first.

    The last half year, in which a neighbourhood may have been picked; the year and a half before
    it; the rest.

    Parameters
    ----------
    position : int, 2 or more
        Number of periods before the start.
    cycle : int
        Periods in a year.
    most : int
        Windows wanted at the most; one covers all periods.
    """
    if most == 1:
        return [(0, position)]
    recent = min(max(cycle // 2, 1), position // 2)
    middle = max(3 * cycle // 2, 1)
    if most == 2 or position - recent - middle < recent:
        return [(position - recent, position), (0, position - recent)]
    cuts = (position, position - recent, position - recent - middle, 0)
    return [(first, last) for last, first in pairwise(cuts)]
