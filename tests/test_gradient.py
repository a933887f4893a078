"""The slope of an outcome over deprivation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE, SHARE, codes, measured_of, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.inequality.gradient import shared_out, slope, slopes, tenths

N = 60


def ranks() -> pd.DataFrame:
    areas = codes(*range(N))
    return pd.DataFrame({"area_code": areas, "edition": 2007, "rank": np.arange(1, N + 1)})


def sloping(first: float, last: float) -> pd.DataFrame:
    """Rates per 1,000 that fall by `first`, later by `last`, from most to least deprived."""
    rng = np.random.default_rng(3)
    place = (np.arange(N) + 0.5) / N
    rates = np.column_stack([50 - first * place, 50 - last * place]) + rng.normal(0, 0.3, (N, 2))
    return panel_of(1000 * rates, [[1_000_000]] * N, multiplier=1000)


def asked(panel: pd.DataFrame, ranked: pd.DataFrame, indicator=RATE):
    """The burglary of a borough with these ranks, as `slope` and the others ask for it."""
    study = SimpleNamespace(indices_before=lambda *_: (2007, ranked))
    brief = SimpleNamespace(
        study=study, start="2008-04", area=SimpleNamespace(code_vintage=2001), level=0.95,
        measured=lambda _: measured_of(panel, indicator),
    )  # fmt: skip
    return brief, "burglary"


def test_the_slope_is_the_difference_planted_and_positive_among_the_most_deprived():
    found = slope(*asked(sloping(20, 20), ranks()))
    assert found.sii == pytest.approx(20, abs=1.5)
    assert found.sii_low < found.sii < found.sii_high


def test_a_slope_that_flattens_is_a_gap_that_narrows():
    found = slopes(*asked(sloping(20, 8), ranks()))
    assert found.change().direction == "narrowed"
    assert slopes(*asked(sloping(8, 20), ranks())).change().direction == "widened"


def test_groups_are_of_equal_number_and_in_order():
    groups = tenths(sloping(20, 20), ranks().set_index("area_code")["rank"])
    assert [len(codes) for codes in groups.values()] == [6] * 10
    assert groups[1][0] == "A00"


def test_more_among_the_most_deprived_is_a_negative_index():
    steep, level = (shared_out(*asked(sloping(x, x), ranks())).table for x in (40, 0))
    fifths = [np.interp(0.2, *curve.to_numpy().T) for curve in (steep, level)]
    assert fifths[0] > 0.25
    assert fifths[1] == pytest.approx(0.2, abs=0.005)


def test_too_few_ranks_are_refused():
    with pytest.raises(PanelError, match="need 20"):
        slope(*asked(sloping(9, 9), ranks().head(12)))


def test_a_share_is_fitted_on_logits_and_told_in_percentage_points():
    found = slope(*asked(*steep_shares(), SHARE))
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
