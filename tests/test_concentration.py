"""How an outcome is shared out."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.standing.inequality.gradient import concentration


def test_equal_shares_lie_on_the_line_and_all_with_the_poorest_at_its_end():
    even = concentration([1, 2, 3, 4], [5, 5, 5, 5], [10, 10, 10, 10])
    assert even[0] == pytest.approx(0)
    poorest = concentration([1, 2, 3, 4], [20, 0, 0, 0], [10, 10, 10, 10])
    assert poorest[0] == pytest.approx(-0.75)
    richest = concentration([4, 3, 2, 1], [20, 0, 0, 0], [10, 10, 10, 10])
    assert richest[0] == pytest.approx(0.75)


def test_the_concentration_index_is_twice_the_covariance_with_rank():
    # Kakwani, Wagstaff and van Doorslaer (1997), equation 2, for groups of equal size.
    outcome = np.array([9.0, 7, 8, 3, 2])
    rank = (np.arange(5) + 0.5) / 5
    expected = 2 * np.cov(outcome, rank, ddof=0)[0, 1] / outcome.mean()
    assert concentration(range(5), outcome, [10] * 5)[0] == pytest.approx(expected)


def test_the_curve_gives_the_share_of_the_poorest_fifth():
    _, curve = concentration(range(5), [6, 1, 1, 1, 1], [10] * 5)
    assert np.interp(0.2, *curve.to_numpy().T) == pytest.approx(0.6)
