"""Indices of segregation."""

from __future__ import annotations

import pytest

from lsp_analysis.standing.inequality.uneven import segregation


def test_segregation_does_not_depend_on_how_large_the_areas_are_drawn():
    whole = segregation([20, 60], [100, 100])
    split = segregation([10, 10, 30, 30], [50, 50, 50, 50])
    assert whole.to_numpy() == pytest.approx(split.to_numpy())


def test_segregation_leaves_empty_areas_out():
    assert segregation([20, 60, 0], [100, 100, 0]).equals(segregation([20, 60], [100, 100]))
