"""A question's data by area and date, summed over windows before the start and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from lsp_analysis.study.question import Question

COUNT, LOG, LINEAR = "count", "log", "linear"
AREAS_PER_TERM = 5  # placebos for each column of the regression
LEAST_SPREAD = 0.02  # squared coefficient of variation between areas, at the least
OFFSET = 0.05  # of the median value: keeps the log of a share of zero finite
NEWTON_STEPS = 8
ROUNDING = 1e-10


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
        return np.flatnonzero(self.years < -1e-9)

    @property
    def after(self) -> np.ndarray:
        """Positions of the dates from the start on."""
        return np.flatnonzero(self.years >= -1e-9)

    def sums(self, members: sparse.csr_array, dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Total and exposure of each group over some dates; two arrays (groups,)."""
        return (
            members @ self.total[:, dates].sum(axis=1),
            members @ self.exposure[:, dates].sum(axis=1),
        )

    def started(self, date: int, length: int) -> Panel:
        """The panel as if something had begun at position `date`, with `length` dates after it."""
        kept = slice(0, date + length)
        return replace(
            self,
            total=self.total[:, kept],
            exposure=self.exposure[:, kept],
            years=self.years[kept] - self.years[date],
        )


def read_panel(question: Question) -> Panel:
    """The data of a question. Its kind decides the scale: events are counts; stocks, shares and
    other rates are compared as logs; means and scores, and anything with values below zero, as they
    are."""
    values = question.outcome[question.known]
    scale = LINEAR if question.kind == "mean" or (values < 0).any() else LOG
    if scale == LOG and question.kind == "events" and (values % 1 == 0).all():
        scale = COUNT
    return Panel(
        total=question.total,
        exposure=question.exposure,
        years=question.event_time / question.cycle,
        cycle=question.cycle,
        scale=scale,
        neighbours=question.neighbours,
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
    recent = before[years[before] >= -max(0.5, 1 / panel.cycle) - 1e-9]
    recent = before[-int(np.clip(len(recent), 1, max(len(before) // 2, 1))) :]
    older = before[: -len(recent)]
    if most == 1 or not len(older):
        return [before]
    middle = older[years[older] >= -2 - 1e-9]
    middle = middle if len(middle) else older[-1:]
    if most == 2 or len(middle) == len(older):
        return [recent, older]
    return [recent, middle, older[: -len(middle)]]


def year_blocks(panel: Panel) -> list[np.ndarray]:
    """Dates before the start year by year, counted back from it; two halves of a single year.

    An incomplete first year is left out. Editions that are years apart stand alone.
    """
    before = panel.before
    year = np.ceil(-panel.years[before] - 1e-9)
    blocks = [before[year == one] for one in np.unique(year)]
    if len(blocks) > 1 and len(blocks[-1]) < max(map(len, blocks)) / 2:
        blocks = blocks[:-1]
    if len(blocks) == 1:
        half = len(before) // 2
        blocks = [before[half:], before[:half]]
    return blocks


@dataclass(frozen=True)
class Past:
    """What is known of each neighbourhood before the start; row 0 is the treated one.

    Attributes
    ----------
    terms : float array (1 + B, p)
        1; the level over all dates before the start, shrunk where counts are small; how far the
        last windows were above it. All but the first are centred on the placebos.
    steps, chance : float arrays (B, years - 1)
        Placebos' change from each year to the next, centred, and its Poisson variance.
    offset : float
        What is added to values before their logarithm is taken.
    """

    terms: np.ndarray
    steps: np.ndarray
    chance: np.ndarray
    offset: float


def read_past(panel: Panel, members: sparse.csr_array, disjoint: int) -> Past:
    """Terms of the regression on the past, and year-on-year steps that show its noise."""
    most = int(np.clip(disjoint // AREAS_PER_TERM - 1, 1, 3))
    held = [panel.sums(members, dates) for dates in windows(panel, most)]
    years = [panel.sums(members[1:], dates) for dates in year_blocks(panel)]
    total, exposure = panel.sums(members, panel.before)
    rate, offset = total / exposure, 0.0
    if panel.scale == COUNT:
        usual = total[1:].sum() / exposure[1:].sum()
        chance = np.mean(1 / (exposure[1:] * usual))
        spread = max(rate[1:].var() / usual**2 - chance, LEAST_SPREAD)
        level = shrunken_level(total, exposure * usual, spread)
        mean = usual * np.exp(level)
        above = [np.log((t + 1 / spread) / (e * mean + 1 / spread)) for t, e in held]
        roots = [(2 * np.sqrt(t + 3 / 8), e * mean[1:]) for t, e in years]
        values = np.column_stack([root / np.sqrt(expected) for root, expected in roots])
        noise = np.column_stack([1 / expected for _, expected in roots])
    else:
        if panel.scale == LOG:
            offset = OFFSET * float(np.median(rate[1:]))
        level = _compared(total, exposure, panel, offset)
        above = [np.nan_to_num(_compared(t, e, panel, offset) - level) for t, e in held]
        values = np.column_stack([_compared(t, e, panel, offset) for t, e in years])
        noise = np.zeros_like(values)
    columns = [level, *above[: len(held) - 1]]
    centred = [column - column[1:].mean() for column in columns]
    steps = values[:, :-1] - values[:, 1:]
    return Past(
        terms=np.column_stack([np.ones(len(rate)), *(c for c in centred if _differs(c[1:]))]),
        steps=steps - steps.mean(axis=0),
        chance=noise[:, :-1] + noise[:, 1:],
        offset=offset,
    )


def _compared(total: np.ndarray, exposure: np.ndarray, panel: Panel, offset: float) -> np.ndarray:
    """Values, or their logs with `offset` added; NaN where nothing is known."""
    value = total / np.where(exposure > 0, exposure, np.nan)
    return np.log(value + offset) if panel.scale == LOG else value


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
