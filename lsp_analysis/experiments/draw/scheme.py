"""Which allocations a randomisation could have given: counted, listed, drawn, and tested against.

An allocation is a row of whole numbers, one per unit in the order of `units`: the position of the
unit's arm in `arms`. In a stepped wedge the arms are the steps at which clusters start.

Draws can be repeated by anyone: they are made by SHA-256 in counter mode and a Fisher-Yates
shuffle. NumPy may change its streams between versions; a hash will not. Every draw is a function of
a key alone, in whole numbers, so it comes out the same on every machine and in every language that
has SHA-256.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, count, product

import numpy as np

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.protocol.design import MOST_ROWS

WORD_RANGE = 1 << 32
WORDS_PER_BLOCK = 8  # of 32 bits; a digest has 32 bytes


def seed_of(entry_hash: str, public_text: str) -> str:
    """The key of a draw: a hash of what was registered and of a text the other party gave later.

    Neither party can choose the outcome: who registered did not know the text, and who gave the
    text could not change what was registered.
    """
    return hashlib.sha256(f"{entry_hash}\n{public_text.strip()}".encode()).hexdigest()


class HashStream:
    """Whole numbers below a bound, from the words SHA-256(key, draw, block), with no modulo bias.

    Parameters
    ----------
    key : str
        Any text; for an allocation, `seed_of`.
    draw : int
        Number of the draw: draws of one key do not share a word.
    """

    def __init__(self, key: str, draw: int = 0) -> None:
        """Start at the first word."""
        digests = (_digest(key, draw, block) for block in count())
        self._words = (word for digest in digests for (word,) in struct.iter_unpack(">I", digest))

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound - 1``, all alike likely.

        Words in the last, incomplete stretch of length `bound` are thrown away, so that no
        remainder is more likely than another.
        """
        limit = WORD_RANGE - WORD_RANGE % bound
        return next(word for word in self._words if word < limit) % bound

    def shuffled(self, items: Sequence) -> list:
        """`items` in a random order, by Fisher and Yates, from the last place to the first."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


def shuffled_many(items: Sequence[int], key: str, draws: int, first: int = 0) -> np.ndarray:
    """Many shuffles at once: row d is ``HashStream(key, first + d).shuffled(items)``.

    Returns
    -------
    array of int64, draws x items
    """
    n = len(items)
    mixed = np.tile(np.asarray(items, dtype=np.int64), (draws, 1))
    if n < 2:
        return mixed
    words = _word_table(key, first, draws, n - 1)
    rows = np.arange(draws)
    rejected = np.zeros(draws, dtype=bool)
    for step, last in enumerate(range(n - 1, 0, -1)):
        other = words[:, step] % (last + 1)
        rejected |= words[:, step] >= WORD_RANGE - WORD_RANGE % (last + 1)
        swapped = mixed[rows, other]
        mixed[rows, other] = mixed[:, last]
        mixed[:, last] = swapped
    for row in np.flatnonzero(rejected):  # a refused word moves all that follow it in its row
        mixed[row] = HashStream(key, first + int(row)).shuffled(items)
    return mixed


@lru_cache(maxsize=64)  # an analysis asks for one and the same sample dozens of times
def _word_table(key: str, first: int, draws: int, n_words: int) -> np.ndarray:
    """The first words of `draws` streams in a row, a stream a row; not to be written into."""
    blocks = -(-n_words // WORDS_PER_BLOCK)
    digests = b"".join(
        [_digest(key, d, block) for d in range(first, first + draws) for block in range(blocks)]
    )
    table = np.frombuffer(digests, dtype=">u4").astype(np.int64)
    return table.reshape(draws, blocks * WORDS_PER_BLOCK)[:, :n_words]


def _digest(key: str, draw: int, block: int) -> bytes:
    return hashlib.sha256(b"%s:%d:%d" % (key.encode(), draw, block)).digest()


MOST_LISTED = MOST_ROWS  # allocations up to which they are listed rather than sampled
MANY = 1_000_000  # beyond which their number is not spelt out
KIND = np.int16
Groups = tuple[tuple[int, ...], ...]  # of arms, by position; units may swap within a group


@dataclass(frozen=True)
class Scheme:
    """What was randomised and how; the reference set of every randomisation test.

    Each kind of scheme has ``size`` (how many allocations are possible); ``every()`` (all of them,
    a row each); ``many(draws, key)`` (allocations drawn independently with `key`, a row each);
    ``holds(allocation)`` (whether it is possible); ``mirrored`` (whether every allocation has a
    mirror image, so that two-sided p-values come in twos); and ``given(allocation, groups)``: the
    same scheme with units moving only among the arms of their own group of arms, those of arms in
    no group staying where they are. It is the reference set for comparing some arms of several.

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
    def listable(self) -> bool:
        """Whether all allocations are alike likely and few enough to list."""
        return self.size <= MOST_LISTED

    def draw(self, key: str) -> np.ndarray:
        """The allocation that `key` gives."""
        return self.many(1, key)[0]

    def group_of(self, allocation: np.ndarray, groups: Groups) -> np.ndarray:
        """Position in `groups` of each unit's group of arms; -1 for units of none."""
        number = {arm: place for place, arms in enumerate(groups) for arm in arms}
        return np.array([number.get(arm, -1) for arm in allocation.tolist()])

    def attainable_level(self, alpha: float = 0.05) -> float:
        """The largest size, at most `alpha`, that a two-sided randomisation test can have."""
        step = 1 + self.mirrored
        return math.floor(alpha * self.size / step + 1e-9) * step / self.size

    @property
    def finest_p(self) -> float:
        """The smallest two-sided p-value that the allocations allow, when all are listed."""
        return min(1.0, (1 + self.mirrored) / self.size)

    def how_many(self) -> str:
        """How many allocations there are, in words."""
        many = wording.number(self.size) if self.size <= MANY else f"more than {MANY:,}"
        return f"The scheme allows {many} allocations"

    def sentence(self, alpha: float = 0.05) -> wording.Sentence:
        """How many allocations there are, and what a test at `alpha` can do with them."""
        reach, test = self.attainable_level(alpha), f"a test at {100 * alpha:.3g}%"
        if reach == 0:
            return wording.Sentence(
                f"{self.how_many()}, too few: the smallest p-value is {self.finest_p:.3f}, so "
                f"{test} can never find an effect, however large. Randomise more units, or in "
                "larger blocks."
            )
        return wording.Sentence(
            f"{self.how_many()}; {test} finds an effect where there is none in at most "
            f"{reach:.1%} of experiments."
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
            counts = np.bincount(self.labels[places]).tolist()
            ways *= math.factorial(len(places)) // math.prod(map(math.factorial, counts))
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
        return _split(self, allocation, groups)

    @property
    def mirrored(self) -> bool:
        """Whether two arms swap places with equal numbers in every block that can move."""
        found = [np.unique(self.labels[p], return_counts=True) for p in self._places()]
        moving = [(arms, counts) for arms, counts in found if len(arms) > 1]
        even = all(counts.min() == counts.max() for _, counts in moving)
        return even and len({arm for arms, _ in moving for arm in arms.tolist()}) == 2

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
        unmoved = np.array_equal(allocation[stay], self.fixed[stay])
        return unmoved and set(allocation[~stay].tolist()) == set(self._open)

    def given(self, allocation: np.ndarray, groups: Groups) -> Scheme:
        """Units of no group are fixed; with several groups, so are the numbers in each arm."""
        if len(groups) > 1:
            return _split(self, allocation, groups)
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


def _split(scheme: Scheme, allocation: np.ndarray, groups: Groups) -> Permuted:
    """Units permuted within their block and group, in the numbers that `allocation` has."""
    group = scheme.group_of(allocation, groups)
    own = scheme.blocks * len(groups) + group
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
