"""Which allocations a randomisation could have given: counted, listed, drawn, and tested against.

An allocation is a row of whole numbers, one per unit in the order of `units`: the position of the
unit's arm in `arms`. In a stepped wedge the arms are the steps at which clusters start.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.hash_stream import HashStream, shuffled_many

MOST_LISTED = 200_000  # allocations up to which they are listed rather than sampled
MANY = 1_000_000  # beyond which their number is not spelt out
KIND = np.int16
Groups = tuple[tuple[int, ...], ...]  # of arms, by position; units may swap within a group


@dataclass(frozen=True)
class Scheme(ABC):
    """What was randomised and how; the reference set of every randomisation test.

    Attributes
    ----------
    units : tuple of str
        What is randomised, in the order of every allocation.
    arms : tuple of str
        Arms, the control first; in a stepped wedge, the steps in order.
    blocks : array of int, one per unit
        Units of one number were randomised among themselves; analyses adjust for it.
    """

    units: tuple[str, ...]
    arms: tuple[str, ...]
    blocks: np.ndarray = field(repr=False, compare=False)

    @property
    @abstractmethod
    def size(self) -> int:
        """How many allocations are possible."""

    @property
    def listable(self) -> bool:
        """Whether all allocations are alike likely and few enough to list."""
        return self.size <= MOST_LISTED

    @abstractmethod
    def every(self) -> np.ndarray:
        """All allocations, a row each."""

    @abstractmethod
    def many(self, draws: int, key: str) -> np.ndarray:
        """Allocations drawn independently with `key`, a row each; the first is ``draw(key)``."""

    def draw(self, key: str) -> np.ndarray:
        """The allocation that `key` gives."""
        return self.many(1, key)[0]

    @abstractmethod
    def holds(self, allocation: np.ndarray) -> bool:
        """Whether `allocation` is one of those possible."""

    @abstractmethod
    def given(self, allocation: np.ndarray, groups: Groups) -> Scheme:
        """The same scheme with units moving only among the arms of their own group of arms.

        It is the reference set for comparing some arms of several: units of arms in no group stay
        where `allocation` has them.
        """

    def group_of(self, allocation: np.ndarray, groups: Groups) -> np.ndarray:
        """Position in `groups` of each unit's group of arms; -1 for units of none."""
        found = np.full(len(allocation), -1)
        for number, arms in enumerate(groups):
            found[np.isin(allocation, arms)] = number
        return found

    @property
    @abstractmethod
    def mirrored(self) -> bool:
        """Whether every allocation has a mirror image, so that two-sided p-values come in twos."""

    def attainable_level(self, alpha: float = 0.05) -> float:
        """The largest size, at most `alpha`, that a two-sided randomisation test can have."""
        step = 2 if self.mirrored else 1
        return math.floor(alpha * self.size / step + 1e-9) * step / self.size

    @property
    def finest_p(self) -> float:
        """The smallest two-sided p-value that the allocations allow, when all are listed."""
        return min(1.0, (2 if self.mirrored else 1) / self.size)

    def how_many(self) -> str:
        """How many allocations there are, in words."""
        many = wording.number(self.size) if self.size <= MANY else f"more than {MANY:,}"
        return f"The scheme allows {many} allocations"

    def sentence(self, alpha: float = 0.05) -> wording.Sentence:
        """How many allocations there are, and what a test at `alpha` can do with them."""
        reach = self.attainable_level(alpha)
        if reach == 0:
            return wording.Sentence(
                f"{self.how_many()}, too few: the smallest p-value is {self.finest_p:.3f}, so a "
                f"test at {_percent(alpha)} can never find an effect, however large. Randomise "
                "more units, or in larger blocks."
            )
        return wording.Sentence(
            f"{self.how_many()}; a test at {_percent(alpha)} finds an effect where "
            f"there is none in at most {reach:.1%} of experiments."
        )


@dataclass(frozen=True)
class Permuted(Scheme):
    """Fixed numbers of units per arm within each block: complete, blocked, paired, stepped wedge.

    Attributes
    ----------
    labels : array of int, one per unit
        Any possible allocation: it says how many of each block go to each arm.
    """

    labels: np.ndarray = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Product over blocks of the ways to share their units out."""
        ways = 1
        for places in self._places():
            ways *= math.factorial(len(places))
            for count in np.unique(self.labels[places], return_counts=True)[1]:
                ways //= math.factorial(int(count))
        return ways

    def every(self) -> np.ndarray:
        """All allocations, a row each; refuses beyond `MOST_LISTED`."""
        _check_listable(self)
        rows = np.zeros((1, len(self.units)), KIND)
        for places in self._places():
            ways = _arrangements(np.sort(self.labels[places]))
            rows = np.repeat(rows, len(ways), axis=0)
            rows[:, places] = np.tile(ways, (len(rows) // len(ways), 1))
        return rows

    def many(self, draws: int, key: str) -> np.ndarray:
        """Each block's labels shuffled, block by block, by a stream of their own."""
        rows = np.zeros((draws, len(self.units)), KIND)
        for number, places in enumerate(self._places()):
            own = np.sort(self.labels[places]).tolist()
            rows[:, places] = shuffled_many(own, f"{key}:{number}", draws)
        return rows

    def holds(self, allocation: np.ndarray) -> bool:
        """Whether each block has its number of units in each arm."""
        return all(
            np.array_equal(np.sort(allocation[places]), np.sort(self.labels[places]))
            for places in self._places()
        )

    def given(self, allocation: np.ndarray, groups: Groups) -> Permuted:
        """Blocks are split by group; a unit of no group is a block of its own and cannot move."""
        return _split(self, self.blocks, allocation, groups)

    @property
    def mirrored(self) -> bool:
        """Whether two arms swap places with equal numbers in every block that can move."""
        arms = set()
        for places in self._places():
            values, counts = np.unique(self.labels[places], return_counts=True)
            if len(values) > 1:
                arms.update(values.tolist())
                if len(set(counts.tolist())) > 1:
                    return False
        return len(arms) == 2

    def _places(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.blocks == block) for block in np.unique(self.blocks)]


@dataclass(frozen=True)
class Simple(Scheme):
    """Each unit by itself, as by a coin; draws that leave an arm empty are drawn again.

    Attributes
    ----------
    shares : tuple of int, one per arm
        Chances of the arms are in this proportion.
    fixed : array of int, one per unit
        The arm of units that cannot move, and -1 for the others.
    """

    shares: tuple[int, ...]
    fixed: np.ndarray = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Allocations that leave no arm empty, by inclusion and exclusion."""
        free, arms = int((self.fixed < 0).sum()), len(self._open)
        return sum((-1) ** j * math.comb(arms, j) * (arms - j) ** free for j in range(arms))

    @property
    def listable(self) -> bool:
        """Not where arms have unequal chances: allocations are then not alike likely."""
        return self.size <= MOST_LISTED and len({self.shares[a] for a in self._open}) == 1

    def every(self) -> np.ndarray:
        """All allocations, a row each; refuses beyond `MOST_LISTED`."""
        _check_listable(self)
        free = np.flatnonzero(self.fixed < 0)
        ways = np.array(list(product(self._open, repeat=len(free))), KIND)
        full = np.all([(ways == arm).any(axis=1) for arm in self._open], axis=0)
        rows = np.tile(self.fixed.astype(KIND), (int(full.sum()), 1))
        rows[:, free] = ways[full]
        return rows

    def many(self, draws: int, key: str) -> np.ndarray:
        """Coin by coin, in the order of the units."""
        return np.array([self._toss(HashStream(key, d)) for d in range(draws)], KIND)

    def _toss(self, stream: HashStream) -> np.ndarray:
        lots = [arm for arm in self._open for _ in range(self.shares[arm])]
        free = np.flatnonzero(self.fixed < 0)
        row = self.fixed.copy()
        while True:
            row[free] = [lots[stream.below(len(lots))] for _ in free]
            if set(self._open) <= set(row[free].tolist()):
                return row

    def holds(self, allocation: np.ndarray) -> bool:
        """Whether no arm is empty and no fixed unit moved."""
        stay = self.fixed >= 0
        moved = allocation[~stay]
        return bool(
            np.array_equal(allocation[stay], self.fixed[stay])
            and set(moved.tolist()) == set(self._open)
        )

    def given(self, allocation: np.ndarray, groups: Groups) -> Scheme:
        """Units of no group are fixed; with several groups, so are the numbers in each arm."""
        if len(groups) > 1:
            return _split(self, self.blocks, allocation, groups)
        fixed = np.where(self.group_of(allocation, groups) >= 0, -1, allocation)
        return Simple(self.units, self.arms, self.blocks, self.shares, fixed)

    @property
    def mirrored(self) -> bool:
        """Whether there are two arms to toss for."""
        return len(self._open) == 2

    @property
    def _open(self) -> list[int]:
        """Arms that units still move between: those that are not all fixed."""
        closed = set(self.fixed[self.fixed >= 0].tolist())
        return [arm for arm in range(len(self.arms)) if arm not in closed]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _split(scheme: Scheme, blocks: np.ndarray, allocation: np.ndarray, groups: Groups) -> Permuted:
    """Units permuted within their block and group, in the numbers that `allocation` has."""
    group = scheme.group_of(allocation, groups)
    own = blocks * len(groups) + group
    alone = own.max() + 1 + np.arange(len(own))
    return Permuted(scheme.units, scheme.arms, np.where(group >= 0, own, alone), allocation)


def _arrangements(labels: np.ndarray) -> np.ndarray:
    """Every order of `labels`, which may repeat, once; a row each."""
    values, counts = np.unique(labels, return_counts=True)
    n, first = len(labels), int(counts[0])
    if len(values) == 1:
        return np.full((1, n), values[0], KIND)
    places = np.array(list(combinations(range(n), first)))
    rest = _arrangements(labels[labels != values[0]])
    left = np.ones((len(places), n), dtype=bool)
    left[np.arange(len(places))[:, None], places] = False
    others = np.nonzero(left)[1].reshape(len(places), n - first)
    rows = np.full((len(places), len(rest), n), values[0], KIND)
    here = np.arange(len(places))[:, None, None], np.arange(len(rest))[None, :, None]
    rows[(*here, others[:, None, :])] = rest[None, :, :]
    return rows.reshape(-1, n)


def _check_listable(scheme: Scheme) -> None:
    if not scheme.listable:
        raise DesignError(
            f"The scheme allows {scheme.size:.3g} allocations, more than the {MOST_LISTED:,} that "
            "can be listed (or not all alike likely). Draw a sample of them with `many` instead."
        )
