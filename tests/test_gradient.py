"""The slope of an outcome over deprivation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, SHARE, codes, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.inequality.gradient import shared_out, slope, slopes, tenths

N = 60


def ranks(edition: int = 2007) -> pd.DataFrame:
    areas = codes(*range(N))
    return pd.DataFrame({"area_code": areas, "edition": edition, "rank": np.arange(1, N + 1)})


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
    groups = tenths(sloping(20, 20), ranks())
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


def test_a_share_is_fitted_on_logits_and_told_in_percentage_points():
    found = slope(*steep_shares(), indicator=SHARE)
    assert found.transform == "logit"
    assert found.line["fitted"].between(0, 100).all()
    assert found.line["value"].max() == pytest.approx(95, abs=1)
    ends = found.line["fitted"].iloc[[0, -1]]
    assert ends.iloc[0] - ends.iloc[1] < found.sii < 100  # the line's ends lie beyond the groups
    assert found.rii > 1


def steep_shares():
    """Twenty areas whose share falls from 97% among the most deprived to 5%."""
    shares = np.linspace(0.97, 0.05, 20)
    panel = panel_of((1000 * shares).round()[:, None].tolist(), [[1000]] * 20, multiplier=100)
    ranks = pd.DataFrame({"area_code": codes(*range(20)), "edition": 2007, "rank": range(1, 21)})
    return panel, ranks
