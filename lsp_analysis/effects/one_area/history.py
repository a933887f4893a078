"""A question's data by area and date, summed over windows before the start and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from lsp_analysis.study.question import Question

COUNT, LOG, LINEAR = "count", "log", "linear"
AREAS_PER_TERM = 5  # placebos for each column of the regression
LEAST_SPREAD = 0.02  # squared coefficient of variation between areas, at the least
OFFSET = 0.05  # of the median of values above zero: keeps the log of a share of zero finite
NEWTON_STEPS = 8
ROUNDING = 1e-9


@dataclass(frozen=True)
class Panel:
    """Totals and exposures by area and date, and the scale on which areas are compared.

    Attributes
    ----------
    total, exposure : float arrays (n, t)
        Counts and population, or values times weight and weight; 0 where missing.
    years : float array (t,)
        Calendar time from the start in years; below 0 before it.
    cycle : int
        Periods in a year.
    scale : str
        "count": effects multiply and counts have Poisson noise. "log": effects multiply. "linear":
        effects add.
    neighbours : sparse array (n, n), optional
        Areas that share a boundary.
    """

    total: np.ndarray
    exposure: np.ndarray
    years: np.ndarray
    cycle: int
    scale: str
    neighbours: sparse.csr_array | None = None

    @property
    def multiplies(self) -> bool:
        """Whether effects are ratios."""
        return self.scale != LINEAR

    @property
    def before(self) -> np.ndarray:
        """Positions of the dates before the start."""
        return np.flatnonzero(self.years < -ROUNDING)

    @property
    def after(self) -> np.ndarray:
        """Positions of the dates from the start on."""
        return np.flatnonzero(self.years >= -ROUNDING)

    def sums(self, members: sparse.csr_array, dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Total and exposure of each group over some dates; two arrays (groups,)."""
        total, exposure = (table[:, dates].sum(axis=1) for table in (self.total, self.exposure))
        return members @ total, members @ exposure

    def compared(self, total: np.ndarray, exposure: np.ndarray, offset: float = 0.0) -> np.ndarray:
        """Values, or their logs with `offset` added to values; NaN where nothing is known."""
        value = total / np.where(exposure > 0, exposure, np.nan)
        return np.log(value + offset) if self.multiplies else value

    def shifted(self, total: np.ndarray, exposure: np.ndarray, by: np.ndarray) -> np.ndarray:
        """Totals once an effect is added to their means, or to their logs."""
        return total * np.exp(by) if self.multiplies else total + by * exposure

    def started(self, date: int, length: int) -> Panel:
        """The panel as if something had begun at position `date`, with `length` dates after it."""
        kept = slice(0, date + length)
        years = self.years[kept] - self.years[date]
        return replace(
            self, total=self.total[:, kept], exposure=self.exposure[:, kept], years=years
        )

    def differs(self, members: sparse.csr_array) -> bool:
        """Whether all groups are known, and placebos differ, on both sides of the start."""
        sides = [self.sums(members, dates) for dates in (self.before, self.after)]
        return all(e.all() and _differs(t[1:] / e[1:]) for t, e in sides)


def read_panel(question: Question) -> Panel:
    """The data of a question. Its kind decides the scale: events are counts; stocks, shares and
    other rates are compared as logs; means and scores, and anything with values below zero, as they
    are."""
    values = question.outcome[question.known]
    scale = LINEAR if question.kind == "mean" or (values < 0).any() else LOG
    if scale == LOG and question.kind == "events" and (values % 1 == 0).all():
        scale = COUNT
    years = question.event_time / question.cycle
    return Panel(
        question.total, question.exposure, years, question.cycle, scale, question.neighbours
    )


def windows(panel: Panel, most: int) -> list[np.ndarray]:
    """Dates before the start in up to three windows, the last first: half a year (or the last
    period), in which a neighbourhood may have been picked; the year and a half before; the rest.

    Parameters
    ----------
    most : int
        Windows at the most; one holds all dates.
    """
    before, years = panel.before, panel.years
    recent = before[years[before] >= -max(0.5, 1 / panel.cycle) - ROUNDING]
    recent = before[-int(np.clip(len(recent), 1, max(len(before) // 2, 1))) :]
    older = before[: -len(recent)]
    if most == 1 or not len(older):
        return [before]
    middle = older[years[older] >= -2 - ROUNDING]
    middle = middle if len(middle) else older[-1:]
    if most == 2 or len(middle) == len(older):
        return [recent, older]
    return [recent, middle, older[: -len(middle)]]


def year_blocks(panel: Panel) -> tuple[list[np.ndarray], int]:
    """Dates before the start by year, counted back from it and overlapping where they span several,
    and how many years they span: as many as after the start, a third of those before at the most.

    An incomplete first year is left out; a single year is cut in halves. Editions that are years
    apart count as years.
    """
    before, after = panel.before, panel.years[panel.after]
    year = np.ceil(-panel.years[before] - ROUNDING)
    blocks = [before[year == one] for one in np.unique(year)]
    if len(blocks) > 1 and len(blocks[-1]) < max(map(len, blocks)) / 2:
        blocks = blocks[:-1]
    if len(blocks) == 1:
        half = len(before) // 2
        blocks = [before[half:], before[:half]]
    span = int(np.clip(len(np.unique(np.floor(after + ROUNDING))), 1, max(len(blocks) // 3, 1)))
    joined = [np.concatenate(blocks[i : i + span]) for i in range(len(blocks) - span + 1)]
    return joined, span


@dataclass(frozen=True)
class Past:
    """What is known of each neighbourhood before the start; row 0 is the treated one.

    Attributes
    ----------
    terms : float array (1 + B, p)
        1; the level over all dates before the start, shrunk where counts are small; how far the
        last windows were above it. All but the first are centred on the placebos.
    steps, chance : float arrays (B, steps)
        Placebos' moves from each year, or span of years, to the next, centred, and their Poisson
        variance.
    offset : float
        What is added to values before their logarithm is taken.
    """

    terms: np.ndarray
    steps: np.ndarray
    chance: np.ndarray
    offset: float


def read_past(panel: Panel, members: sparse.csr_array, disjoint: int) -> Past:
    """Terms of the regression on the past, and moves from year to year that show its noise."""
    most = int(np.clip(disjoint // AREAS_PER_TERM - 1, 1, 3))
    held = [panel.sums(members, dates) for dates in windows(panel, most)]
    blocks, span = year_blocks(panel)
    years = [panel.sums(members[1:], dates) for dates in blocks]
    total, exposure = panel.sums(members, panel.before)
    rate, offset = total / exposure, 0.0
    if panel.scale == COUNT:
        usual = total[1:].sum() / exposure[1:].sum()
        by_chance = np.mean(1 / (exposure[1:] * usual))
        spread = max(rate[1:].var() / usual**2 - by_chance, LEAST_SPREAD)
        level = shrunken_level(total, exposure * usual, spread)
        mean = usual * np.exp(level)
        above = [np.log((t + 1 / spread) / (e * mean + 1 / spread)) for t, e in held]
        values = [2 * np.sqrt(t) / np.sqrt(e * mean[1:]) for t, e in years]
        chance = np.column_stack([1 / (e * mean[1:]) for _, e in years])
    else:
        positive = rate[1:][rate[1:] > 0]
        offset = OFFSET * float(np.median(positive)) if panel.scale == LOG else 0.0
        level = panel.compared(total, exposure, offset)
        above = [np.nan_to_num(panel.compared(t, e, offset) - level) for t, e in held]
        values = [panel.compared(t, e, offset) for t, e in years]
        chance = np.zeros((len(rate) - 1, len(years)))
    changes = [change for change in above[: len(held) - 1] if _differs(change[1:])]
    terms = np.column_stack([level if _differs(level[1:]) else 0 * level, *changes])
    values = np.column_stack(values)
    steps = values[:, :-span] - values[:, span:]
    return Past(
        terms=np.column_stack([np.ones(len(rate)), terms - terms[1:].mean(axis=0)]),
        steps=steps - steps.mean(axis=0),
        chance=chance[:, :-span] + chance[:, span:],
        offset=offset,
    )


def _differs(column: np.ndarray) -> bool:
    """Whether values differ by more than rounding."""
    return bool(np.ptp(column) > ROUNDING * max(np.abs(column).max(), np.finfo(float).tiny))


def shrunken_level(count: np.ndarray, expected: np.ndarray, spread: float) -> np.ndarray:
    """Log of each true rate over the usual one, given a count and what the usual rate would make.

    Counts are Poisson and rates log-normal with squared coefficient of variation `spread`; this is
    the log of their posterior mean, by Laplace's approximation about the mode (Clayton and Kaldor
    1987, Biometrics 43:671). The lower a count, the more of its distance from the mean goes.
    """
    variance = np.log1p(spread)
    mode = np.log((count + 1 / spread) / (expected + 1 / spread))
    for _ in range(NEWTON_STEPS):
        mean = expected * np.exp(mode)
        slope = count - mean - (mode + variance / 2) / variance
        mode = mode + slope / (mean + 1 / variance)
    return mode + 0.5 / (expected * np.exp(mode) + 1 / variance)
