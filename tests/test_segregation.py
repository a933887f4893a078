"""Indices of segregation."""

from __future__ import annotations

import pytest

from lsp_analysis.standing.inequality.space import segregation


def test_segregation_does_not_depend_on_how_large_the_areas_are_drawn():
    whole = segregation([20, 60], [100, 100])
    split = segregation([10, 10, 30, 30], [50, 50, 50, 50])
    assert whole.to_numpy() == pytest.approx(split.to_numpy())


def test_segregation_leaves_empty_areas_out():
    assert segregation([20, 60, 0], [100, 100, 0]).equals(segregation([20, 60], [100, 100]))


def test_a_place_says_how_unevenly_those_counted_live_in_its_borough():
    from conftest import ROOT

    from lsp_analysis import open_study, standing

    place = open_study(ROOT / "data" / "bolton_demo").area("Hall i' th' Wood")
    found = standing.segregation(place, "child_poverty")
    assert 0.2 < found.table.loc["dissimilarity", "value"] < 0.5
    assert "would have to live in another small area" in found.sentence()
    assert not standing.segregation(place, "burglary")
