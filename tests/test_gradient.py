"""The slope of an outcome over deprivation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.gradient import shared_out, slope, slopes, tenths

N = 60


def ranks(edition: int = 2007) -> pd.DataFrame:
    codes = [f"A{i:02}" for i in range(N)]
    return pd.DataFrame({"area_code": codes, "edition": edition, "rank": np.arange(1, N + 1)})


def sloping(first: float, last: float) -> pd.DataFrame:
    """Rates per 1,000 that fall by `first`, later by `last`, from most to least deprived."""
    rng = np.random.default_rng(3)
    place = (np.arange(N) + 0.5) / N
    rates = np.column_stack([50 - first * place, 50 - last * place]) + rng.normal(0, 0.3, (N, 2))
    return panel_of(1000 * rates, [[1_000_000]] * N, multiplier=1000)


def test_the_slope_is_the_difference_planted_and_positive_among_the_most_deprived():
    found = slope(sloping(20, 20), ranks(), indicator=RATE)
    assert found.sii == pytest.approx(20, abs=1.5)
    assert found.sii_low < found.sii < found.sii_high


def test_a_slope_that_flattens_is_a_gap_that_narrows():
    found = slopes(sloping(20, 8), ranks(), indicator=RATE)
    assert found.change().direction == "narrowed"
    assert slopes(sloping(8, 20), ranks(), indicator=RATE).change().direction == "widened"


def test_groups_are_of_equal_number_and_in_order():
    groups = tenths(sloping(20, 20), ranks(), 10)
    assert [len(codes) for codes in groups.values()] == [6] * 10
    assert groups[1][0] == "A00"


def test_more_among_the_most_deprived_is_a_negative_index():
    assert shared_out(sloping(40, 40), ranks(), indicator=RATE).index < 0
    assert abs(shared_out(sloping(0, 0), ranks(), indicator=RATE).index) < 0.005


def test_two_editions_or_too_few_ranks_are_refused():
    with pytest.raises(PanelError, match="2 editions"):
        slope(sloping(9, 9), pd.concat([ranks(), ranks(2010)]), indicator=RATE)
    with pytest.raises(PanelError, match="need 20"):
        slope(sloping(9, 9), ranks().head(12), indicator=RATE)
