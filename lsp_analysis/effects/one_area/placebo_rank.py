"""How far every neighbourhood lies from what was expected, and what that allows to be said of the
treated one: its rank among the placebos, the effects its rank does not rule out, and the smallest
effect that would have been found; and how often the method finds effects before anything began."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import binom, norm

from lsp_analysis.effects.one_area.neighbourhoods import COUNT, LINEAR, Groups, Panel, disjoint_rows
from lsp_analysis.effects.one_area.regression_on_past import Expectation, expect
from lsp_analysis.effects.result import FalseAlarms

ROUNDING = 1e-9
POWER = 0.8
SURE = 0.99  # that a drawn p-value lies on the side of the level it is said to


@dataclass(frozen=True)
class Judgement(Expectation):
    """Every neighbourhood after the start, row 0 being the treated one.

    Each is held against two expectations, that of the regression and that without regression to the
    mean, and judged by the one it is nearer to. An area at the end of the range is regressed by a
    slope learnt from less extreme ones, which may be wrong there; a real effect is far from both.
    """

    groups: Groups
    level: float

    @cached_property
    def error(self) -> np.ndarray:
        """Standard errors: of the log ratio where effects multiply, else of the difference."""
        return np.sqrt(self.chance + self.shock + self.reach)

    @cached_property
    def statistic(self) -> np.ndarray:
        """Distance from the nearer expectation in standard errors; 0 between the two."""
        first, second = (self._distance(mean) for mean in (self.expected, self.without))
        nearer = np.where(np.abs(first) < np.abs(second), first, second)
        return np.where(first * second > 0, nearer, 0.0)

    def _distance(self, mean: np.ndarray) -> np.ndarray:
        """Distances from expected totals in standard errors.

        Counts of mean m and variance m + d m^2 are made even by the inverse hyperbolic sine of
        their root (Anscombe 1948), other ratios by the logarithm.
        """
        scale = self.panel.scale
        if scale == LINEAR:
            return (self.observed - mean) / self.exposure / self.error
        if scale == COUNT:
            root = np.sqrt(self.shock + self.reach)
            return _even(self.observed, root) - _even(mean, root)
        ratio = (self.observed + self.base) / (mean + self.base)
        return np.log(np.maximum(ratio, np.finfo(float).tiny)) / self.error

    @cached_property
    def room(self) -> float:
        """Factor on the treated one's error for placebos that overlap: a scale learnt from D that
        are disjoint is as unsure as Student's t on D degrees of freedom: variance D / (D - 2)."""
        disjoint = self.groups.disjoint
        if disjoint == self.groups.n_placebos:
            return 1.0
        return math.sqrt(disjoint / (disjoint - 2)) if disjoint > 2 else math.inf

    @property
    def p_value(self) -> float:
        """Rank of the treated among the placebos, (b + 1) / (B + 1), b being at least as far."""
        return self.rank_of(0)

    def rank_of(self, row: int) -> float:
        """p-value of any row among all placebos but itself."""
        sizes = np.abs(self.statistic)
        others = np.delete(sizes, [0, row])
        farther = ~(others < sizes[row] / self.room * (1 - ROUNDING))
        return float((farther.sum() + 1) / (len(others) + 1))

    @cached_property
    def margin(self) -> float:
        """What the p-value of drawn placebos has to lie below the level, to be surely below it."""
        error = math.sqrt((1 - self.level) * self.level / self.groups.n_placebos)
        return 0.0 if self.groups.listed else float(norm.ppf((1 + SURE) / 2)) * error

    @cached_property
    def critical(self) -> float:
        """Largest distance that is not significant; infinite with too few placebos."""
        alpha = 1 - self.level - self.margin
        allowed = math.floor(alpha * (self.groups.n_placebos + 1) + ROUNDING) - 1
        if allowed < 0 or not math.isfinite(self.room):
            return math.inf
        return float(np.abs(self.statistic[1 + self._by_size[allowed]])) * self.room

    @cached_property
    def _by_size(self) -> np.ndarray:
        """Placebos by the size of their statistics, the largest first."""
        return np.argsort(-np.abs(self.statistic[1:]), kind="stable")

    @property
    def deciding(self) -> tuple[int, float]:
        """The placebo whose statistic is the critical value, and its ratio to the next."""
        sizes = np.abs(self.statistic[1:])[self._by_size]
        if not math.isfinite(self.critical):
            return int(self._by_size[0]), 1.0
        at = int(np.argmin(np.abs(self.room * sizes - self.critical)))
        following = self.room * sizes[min(at + 1, len(sizes) - 1)]
        return int(self._by_size[at]), float(self.critical / max(following, ROUNDING))

    @cached_property
    def effects(self) -> tuple[float, float, float]:
        """Effect on the treated neighbourhood and the ends of its interval: a log ratio, or a
        difference of means."""
        means = self.expected[0], self.without[0]
        ends = [end for mean in means for end in self._ends(mean)]
        return self._effect(means[0]), min(ends), max(ends)

    def _effect(self, mean: float) -> float:
        if self.panel.scale == LINEAR:
            return float((self.observed[0] - mean) / self.exposure[0])
        return math.log(self.observed[0] / mean) if self.observed[0] > 0 else -math.inf

    def _ends(self, mean: float) -> tuple[float, float]:
        """Effects at which the treated neighbourhood would lie `critical` from `mean`; what was
        seen is between them, also where small counts are skew."""
        seen, critical = self._effect(mean), self.critical
        if not math.isfinite(critical):
            return -math.inf, math.inf
        if self.panel.scale == LINEAR:
            half = critical * float(self.error[0])
            return seen - half, seen + half
        totals = [self._away(self.observed[0], by) for by in (-critical, critical)]
        low, high = (math.log(total / mean) if total > 0 else -math.inf for total in totals)
        return min(low, seen), max(high, seen)

    def _away(self, total: float, distance: float) -> float:
        """The total so many of the treated one's errors above a total, on the scale of ratios."""
        if self.panel.scale == COUNT:
            root = math.sqrt(self.shock[0] + self.reach[0])
            even = max(float(_even(total, root)) + distance, 0.0)
            return (math.sinh(even * root / 2) / root) ** 2
        base = float(self.base[0])
        return (total + base) * math.exp(distance * float(self.error[0])) - base

    def smallest(self, rise: bool) -> float:
        """Size of the smallest fall, or rise, that would have been found with 80% power; a log
        ratio or a difference of means, infinite where none would.

        From the middle of the two expectations it has to reach `critical` from the farther one in
        its direction, and as much more as the placebos move with probability 0.8.
        """
        side = 1 if rise else -1
        strays = float(np.quantile(-side * self.statistic[1:], POWER))
        distance = self.critical + max(strays, 0.0)
        if not math.isfinite(distance):
            return math.inf
        mean, other = float(self.expected[0]), float(self.without[0])
        if self.panel.scale == LINEAR:
            return distance * float(self.error[0]) + abs(other - mean) / self.exposure[0] / 2
        total = self._away(mean, side * distance)
        apart = abs(math.log(other / mean)) / 2
        return apart + abs(math.log(total / mean)) if total > 0 else math.inf


def _even(total: np.ndarray | float, root: np.ndarray | float) -> np.ndarray:
    """Counts so transformed that their standard deviation is 1; `root` squared is their relative
    variance beyond that of Poisson counts."""
    return 2 / root * np.arcsinh(root * np.sqrt(np.maximum(total, 0.0)))


def judge(panel: Panel, groups: Groups, level: float) -> Judgement:
    """Hold the treated neighbourhood and its placebos against what was expected of them."""
    found = expect(panel, groups.members, groups.disjoint)
    return Judgement(**vars(found), groups=groups, level=level)


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
