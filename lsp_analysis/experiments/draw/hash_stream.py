"""Random draws that anyone can repeat: SHA-256 in counter mode and a Fisher-Yates shuffle.

NumPy may change its streams between versions; a hash will not. Every draw here is a function of
a key alone, in whole numbers, so it comes out the same on every machine and in every language
that has SHA-256.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

WORD_BYTES = 4
WORD_RANGE = 1 << (8 * WORD_BYTES)
WORDS_PER_BLOCK = 32 // WORD_BYTES  # a digest has 32 bytes


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
        self._words = _words(key, draw)

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


def _words(key: str, draw: int) -> Iterator[int]:
    """Words of 32 bits without end."""
    block = 0
    while True:
        digest = _digest(key, draw, block)
        for start in range(0, len(digest), WORD_BYTES):
            yield int.from_bytes(digest[start : start + WORD_BYTES], "big")
        block += 1


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
