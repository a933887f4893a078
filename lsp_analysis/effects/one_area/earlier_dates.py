"""The method's own false positive rate: how often it finds effects before anything began."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from lsp_analysis.effects.one_area.groups import Groups, disjoint_rows
from lsp_analysis.effects.one_area.history import Panel
from lsp_analysis.effects.one_area.placebo_rank import judge
from lsp_analysis.effects.result import FalseAlarms

PICKS = 5  # neighbourhoods at each earlier date
DATES = 6  # earlier dates at the most
FEWEST_BEFORE = 2


def false_positives(panel: Panel, groups: Groups, level: float) -> FalseAlarms:
    """Judge neighbourhoods that looked as bad as the treated one did, at dates before the start.

    At each date all neighbourhoods are ranked again by their level in the year before, and those at
    the treated one's rank at the real start, and at the ranks next to it, are held against the
    others. Ranking all of them would give ``1 - level`` by construction; this does not.
    """
    alarms = trials = used = 0
    rank = _order(panel, groups).tolist().index(0)
    for date, length in _dates(panel):
        earlier = panel.started(date, length)
        if not earlier.differs(groups.members):
            continue
        found = judge(earlier, groups, level)
        order = _order(earlier, groups)
        first = int(np.clip(rank - PICKS // 2, 0, max(len(order) - PICKS, 0)))
        picked = disjoint_rows(groups.members, order[first:], PICKS)
        alarms += sum(found.rank_of(row) <= 1 - level + 1e-12 for row in picked)
        trials, used = trials + len(picked), used + 1
    return FalseAlarms(alarms=int(alarms), trials=trials, dates=used)


def too_many(found: FalseAlarms, level: float) -> bool:
    """Whether there were more false positives than chance makes at the level, in one of twenty."""
    return bool(found.alarms and binom.sf(found.alarms - 1, found.trials, 1 - level) <= 0.05)


def _dates(panel: Panel) -> list[tuple[int, int]]:
    """Earlier starts, spread evenly, and the dates after each: a year (two dates) or more before,
    half a year or more after, and no date of the programme."""
    before, after = len(panel.before), len(panel.after)
    first = max(FEWEST_BEFORE, min(panel.cycle, before // 2))
    last = before - max(1, min(after, panel.cycle // 2))
    dates = sorted(set(np.linspace(first, last, DATES).astype(int))) if last >= first else []
    return [(int(date), min(after, before - int(date))) for date in dates]


def _order(panel: Panel, groups: Groups) -> np.ndarray:
    """Neighbourhoods by their level in the year before the start, the highest first."""
    year = panel.before[panel.years[panel.before] >= -1 - 1e-9]
    total, exposure = panel.sums(groups.members, year if len(year) else panel.before[-1:])
    return np.argsort(-total / np.maximum(exposure, np.finfo(float).tiny), kind="stable")
