"""How often the method cries wolf on this very panel, at dates when nothing had been done."""

from __future__ import annotations

import numpy as np

from lsp_analysis.effects.eligible import check_something_to_learn
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.expectation import judge
from lsp_analysis.effects.one_area.windows import Ledger
from lsp_analysis.effects.result import FalseAlarms
from lsp_analysis.errors import PanelError

PICKS = 5  # neighbourhoods picked at each placebo date
DATES = 6  # placebo dates at the most


def count_false_alarms(
    ledger: Ledger,
    treated: np.ndarray,
    *,
    eligible: np.ndarray,
    adjacency: np.ndarray | None,
    start: int,
    level: float,
    seed: int,
) -> FalseAlarms:
    """Analyse neighbourhoods picked as the treated one was, at placebo dates before the start.

    At each date neighbourhoods are ranked again by their level in the year before, and those that
    hold the treated one's rank at the real start, or the ranks next to it, are analysed in full as
    if treated. Ranking placebos among themselves at one date would give ``1 - level`` by
    construction; this does not. Dates at which `estimate` would have refused are left out.

    Parameters
    ----------
    treated, eligible : bool arrays (areas,)
    start : int
        Position of the first treated period; no later period is used.
    """
    everyone = eligible | (treated & (ledger.exposure > 0).all(axis=1))
    groups = _groups(int(treated.sum()), everyone, adjacency, seed)
    after = len(ledger.periods) - start
    dates = _placebo_dates(start, ledger.cycle, after)
    alarms = trials = 0
    for date in dates:
        stop = min(start, date + after)
        for group in _picked(ledger, treated, groups, start=start, date=date):
            try:
                check_something_to_learn(ledger, everyone & ~group, date, stop)
                pool = placebo.draw_pool(
                    group, eligible=everyone & ~group, adjacency=adjacency, seed=seed
                )
            except PanelError:
                continue
            statistic = judge(ledger, pool, start=date, stop=stop).statistic
            alarms += placebo.rank_p_value(statistic[0], statistic[1:]) <= 1 - level + 1e-12
            trials += 1
    return FalseAlarms(alarms=int(alarms), trials=trials, dates=len(dates) if trials else 0)


def _groups(size: int, allowed: np.ndarray, adjacency: np.ndarray | None, seed: int) -> np.ndarray:
    if size == 1:
        return np.eye(len(allowed), dtype=bool)[allowed]
    if adjacency is None:
        return placebo.scattered_groups(size, allowed=allowed, seed=seed)
    return placebo.contiguous_groups(adjacency, size, allowed=allowed, seed=seed)


def _placebo_dates(start: int, cycle: int, after: int) -> list[int]:
    """Earlier starts, spread evenly, each with at least a year (two periods) before and half a year
    after."""
    first = max(2, min(cycle, start // 2))
    last = start - max(1, min(after, cycle // 2))
    if last < first:
        return []
    return sorted(set(np.linspace(first, last, DATES).astype(int).tolist()))


def _picked(
    ledger: Ledger, treated: np.ndarray, groups: np.ndarray, *, start: int, date: int
) -> list[np.ndarray]:
    """Disjoint neighbourhoods ranked at `date` about where the treated one is ranked at `start`."""
    levels = _levels(ledger, groups, start)
    own = _levels(ledger, treated[None, :], start)[0]
    rank = int((levels > own).sum())
    order = np.argsort(-_levels(ledger, groups, date), kind="stable")
    worst_first = max(0, min(rank - PICKS // 2, len(order) - PICKS))
    picked: list[np.ndarray] = []
    for group in groups[order[worst_first:]]:
        if not any((group & other).any() for other in picked):
            picked.append(group)
        if len(picked) == PICKS:
            break
    return picked


def _levels(ledger: Ledger, groups: np.ndarray, date: int) -> np.ndarray:
    """Mean level of each group in the year before `date`."""
    total, exposure = ledger.sums(max(0, date - ledger.cycle), date)
    return (groups @ total) / np.maximum(groups @ exposure, 1e-12)
