"""The treated neighbourhood and its placebos, groups of untreated areas as large; and what is known
of each before the start and after it.

Placebos are fixed by the data alone: all of them where they can be listed, otherwise drawn in an
order that the values of the areas give, so that neither names nor the order of rows nor a seed
matter.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lsp_analysis.effects.parts import fewest_for
from lsp_analysis.errors import PanelError
from lsp_analysis.study.question import Question

MOST_GROUPS = 2_000  # listed or drawn; the Monte Carlo error of a drawn p of 5% is then 0.5 points
ROUNDS = 60  # times that a group is grown from every area before drawing ends


@dataclass(frozen=True)
class Groups:
    """The treated neighbourhood and its placebos.

    Attributes
    ----------
    members : sparse float array (1 + B, n)
        Row 0 is the treated neighbourhood; the others are its placebos.
    disjoint : int
        How many placebos share no area with one another (counted greedily, so a lower bound).
    listed : bool
        Whether the placebos are all there are; otherwise they were drawn.
    contiguous : bool
        Whether treated neighbourhood and placebos are each in one piece.
    beside : bool
        Whether areas next to the treated ones are among the placebos, which would be too few
        without them.
    """

    members: sparse.csr_array
    disjoint: int
    listed: bool = True
    contiguous: bool = True
    beside: bool = False

    @property
    def n_placebos(self) -> int:
        """Number of placebo neighbourhoods, B."""
        return self.members.shape[0] - 1


def placebo_groups(question: Question) -> np.ndarray:
    """Placebo neighbourhoods of a question; bool array (B, n).

    Single areas where one is treated; otherwise groups of as many areas, in one piece where the
    treated ones are and neighbours are known.

    Raises
    ------
    PanelError
        When no placebo of the treated one's size is left.
    """
    return find_groups(question).members[1:].toarray() > 0


def find_groups(question: Question, placebos: np.ndarray | None = None) -> Groups:
    """The treated neighbourhood with its placebos, found or given as a bool array (B, n)."""
    if placebos is not None:
        members = sparse.csr_array(np.vstack([question.treated, placebos]).astype(float))
        return Groups(members, count_disjoint(members[1:]))
    size = int(question.treated.sum())
    everyone = question.known.all(axis=1) & ~question.treated
    few = question.comparison.sum() < fewest_for(question.level) <= everyone.sum()
    beside = size == 1 and bool(few)  # a rank among areas beyond the ring could not reach the level
    allowed = everyone if beside else question.comparison
    order, contiguous, listed = np.flatnonzero(allowed), True, True
    groups = {(row,) for row in range(len(order))}
    if size > 1:  # in an order that only the areas' values decide
        order = order[np.lexsort(np.hstack([question.total, question.exposure])[order].T)]
        contiguous = _in_one_piece(question)
        groups, listed = (_contiguous if contiguous else _scattered)(question, order, size)
    if not groups:
        raise PanelError(
            f"No comparison is left: {int(allowed.sum())} areas with a value in every period lie "
            "outside the treated neighbourhood and its neighbours, and none of them form a group "
            f"of {size}. Give a panel with more areas, or fewer treated ones."
        )
    areas = [np.flatnonzero(question.treated), *(order[list(group)] for group in sorted(groups))]
    columns, rows = np.concatenate(areas), np.repeat(np.arange(len(areas)), [*map(len, areas)])
    shape = len(areas), len(question.areas)
    members = sparse.csr_array((np.ones(len(columns)), (rows, columns)), shape=shape)
    return Groups(members, count_disjoint(members[1:]), listed, contiguous, beside)


def _in_one_piece(question: Question) -> bool:
    if question.neighbours is None:
        return False
    own = question.neighbours[question.treated][:, question.treated]
    return connected_components(own, directed=False, return_labels=False) == 1


def _contiguous(
    question: Question, order: np.ndarray, size: int
) -> tuple[set[tuple[int, ...]], bool]:
    """Groups of `size` allowed areas in one piece, as positions in `order`, and whether they are
    all there are."""
    inside = question.neighbours.tocsr()[order][:, order]
    near = [set(row) for row in np.split(inside.indices, inside.indptr[1:-1])]
    groups = {(row,) for row in range(len(order))}
    for _ in range(size - 1):
        wider = set()
        for group in groups:
            for area in set().union(*(near[row] for row in group)).difference(group):
                wider.add(tuple(sorted((*group, area))))
            if len(wider) > MOST_GROUPS:
                return _grown(near, size), False
        groups = wider
    return groups, True


def _grown(near: list[set[int]], size: int) -> set[tuple[int, ...]]:
    """Groups grown from every area in turn by neighbours at random, until there are enough."""
    rng = random.Random(1)
    grown: set[tuple[int, ...]] = set()
    for _ in range(ROUNDS):
        for first in range(len(near)):
            group, border = [first], set(near[first])
            while len(group) < size and border:
                group.append(rng.choice(sorted(border)))
                border |= near[group[-1]]
                border.difference_update(group)
            if len(group) == size:
                grown.add(tuple(sorted(group)))
        if len(grown) >= MOST_GROUPS:
            break
    return grown


def _scattered(_: Question, order: np.ndarray, size: int) -> tuple[set[tuple[int, ...]], bool]:
    """Random groups of `size` allowed areas, for areas that are not in one piece: never all."""
    rng, draws = np.random.default_rng(1), MOST_GROUPS if len(order) >= size else 0
    drawn = (rng.choice(len(order), size, replace=False) for _ in range(draws))
    return {tuple(sorted(group)) for group in drawn}, False


def disjoint_rows(
    members: sparse.csr_array, order: Iterable[int], most: float = math.inf
) -> list[int]:
    """Rows in that order that share no area with those taken before, up to so many."""
    taken = np.zeros(members.shape[1], dtype=bool)
    rows: list[int] = []
    for row in order:
        areas = members.indices[members.indptr[row] : members.indptr[row + 1]]
        if not taken[areas].any():
            taken[areas] = True
            rows.append(int(row))
        if len(rows) >= most:
            break
    return rows


def count_disjoint(members: sparse.csr_array) -> int:
    """How many rows can be taken that share no area, those that overlap least first."""
    busy = members @ np.asarray(members.sum(axis=0)).ravel()
    return len(disjoint_rows(members, np.argsort(busy, kind="stable")))


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

    def started(self, date: int, length: int) -> Panel:
        """The panel as if something had begun at position `date`, with `length` dates after it."""
        kept = slice(0, date + length)
        years = self.years[kept] - self.years[date]
        total, exposure = self.total[:, kept], self.exposure[:, kept]
        return replace(self, total=total, exposure=exposure, years=years)

    def differs(self, members: sparse.csr_array) -> bool:
        """Whether all groups are known, and placebos differ, on both sides of the start."""
        sides = [self.sums(members, dates) for dates in (self.before, self.after)]
        return all(e.all() and _differs(t[1:] / e[1:]) for t, e in sides)


def read_panel(question: Question) -> Panel:
    """The data of a question. Its kind decides the scale: events are counts; stocks, shares and
    other rates are compared as logs; means and scores, and anything with values below zero, as they
    are."""
    values, years = question.outcome[question.known], question.event_time / question.cycle
    scale = COUNT if question.kind == "events" and (values % 1 == 0).all() else LOG
    if question.kind == "mean" or (values < 0).any():
        scale = LINEAR
    data = question.total, question.exposure, years
    return Panel(*data, question.cycle, scale, question.neighbours)


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
    middle = older[-max(1, int((years[older] >= -2 - ROUNDING).sum())) :]
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
    return [np.concatenate(blocks[i : i + span]) for i in range(len(blocks) - span + 1)], span


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
