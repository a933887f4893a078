"""Draws by hash: the same everywhere, and fair."""

import hashlib
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_analysis.experiments.draw import scheme as draw
from lsp_analysis.experiments.draw.scheme import HashStream, seed_of, shuffled_many


def test_the_stream_is_the_documented_one():
    # SHA-256("key:draw:block") cut into words of 32 bits, most significant byte first.
    words = b"".join(hashlib.sha256(b"k:3:%d" % block).digest() for block in range(2))
    first = [int.from_bytes(words[i : i + 4], "big") for i in range(0, 64, 4)]
    stream = HashStream("k", 3)
    assert [stream.below(2**32) for _ in first] == first


def test_a_shuffle_is_known_once_and_for_all():
    assert HashStream("the same on every machine").shuffled(range(10)) == KNOWN


KNOWN = [6, 9, 0, 4, 1, 5, 2, 3, 7, 8]


def test_the_seed_needs_both_parties():
    assert seed_of("a" * 64, " 4 16 20 \n") == hashlib.sha256(b"a" * 64 + b"\n4 16 20").hexdigest()
    assert seed_of("a" * 64, "x") != seed_of("b" * 64, "x") != seed_of("b" * 64, "y")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 3), st.text(max_size=5))
def test_many_shuffles_are_the_single_ones(n, first, key):
    items = list(range(n))
    together = shuffled_many(items, key, 4, first)
    assert together.tolist() == [HashStream(key, first + d).shuffled(items) for d in range(4)]


def test_a_word_in_the_last_incomplete_stretch_is_refused(monkeypatch):
    # Words of 0 to 9 for a bound of 4: 8 and 9 would favour the remainders 0 and 1.
    monkeypatch.setattr(draw, "WORD_RANGE", 10)
    stream = HashStream("k")
    stream._words = iter([9, 8, 7, 3])
    assert [stream.below(4), stream.below(4)] == [3, 3]


def test_a_refused_word_moves_the_rest_of_its_row(monkeypatch):
    # With few words to choose from, refusals are common and both ways must still agree.
    monkeypatch.setattr(draw, "WORD_RANGE", 11)
    monkeypatch.setattr(draw, "_digest", lambda key, d, block: _small_words(key, d, block))
    together = shuffled_many(range(6), "k", 50)
    assert together.tolist() == [HashStream("k", d).shuffled(range(6)) for d in range(50)]


def _small_words(key, d, block):
    plain = hashlib.sha256(b"%s:%d:%d" % (key.encode(), d, block)).digest()
    return b"".join((byte % 11).to_bytes(4, "big") for byte in plain[:8])


def test_every_order_comes_equally_often():
    counts = Counter(map(tuple, shuffled_many([0, 1, 2, 3], "fair", 24_000).tolist()))
    assert set(counts) == set(permutations(range(4)))
    chi_squared = sum((n - 1000) ** 2 / 1000 for n in counts.values())
    assert chi_squared < 49.7  # 99.9% point for 23 degrees of freedom


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 1000])
def test_numbers_stay_below_their_bound(bound):
    stream = HashStream("below")
    assert {stream.below(bound) for _ in range(50)} <= set(range(bound))
