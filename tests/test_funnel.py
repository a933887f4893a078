"""Funnels of small areas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from standing_panels import RATE, SCORE, SHARE, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.funnels import funnel, winsorised_dispersion


@pytest.mark.parametrize("indicator", [RATE, SHARE])
def test_by_chance_alone_few_areas_lie_outside(indicator):
    rng = np.random.default_rng(8)
    people = rng.integers(800, 3000, 1500)
    panel = panel_of(rng.binomial(people, 0.05)[:, None], people[:, None], multiplier=1)
    found = funnel(panel, indicator=indicator)
    outside = found.points["verdict"] != "Not significant"
    assert 0.03 < outside.mean() < 0.07
    assert found.dispersion == pytest.approx(0.8, abs=0.15)  # winsorised scores lose their ends


def test_areas_that_differ_by_more_than_chance_are_said_to():
    rng = np.random.default_rng(9)
    people = rng.integers(800, 3000, 1500)
    events = rng.poisson(people * 0.05 * rng.gamma(25, 0.04, 1500))
    found = funnel(panel_of(events[:, None], people[:, None], multiplier=1000), indicator=RATE)
    assert (found.points["verdict"] != "Not significant").mean() > 0.3
    assert found.dispersion > 1.5
    assert "limits that allow for it" in found.sentence()


def test_winsorising_keeps_one_outlier_from_widening_everything():
    z = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    with_outlier = np.append(z, 200.0)
    assert winsorised_dispersion(with_outlier) == pytest.approx(winsorised_dispersion(z), abs=0.01)


def test_averages_have_no_funnel():
    panel = panel_of([[30.0], [12.0]], 1000, multiplier=1000)
    with pytest.raises(PanelError, match="counts of events or of people"):
        funnel(panel, indicator=SCORE)


def test_values_without_counts_make_no_funnel():
    panel = pd.DataFrame(
        {
            "area_code": ["a", "b"],
            "period": pd.Period("2011", "Y"),
            "numerator": np.nan,
            "denominator": np.nan,
            "value": [1.0, 2.0],
        }
    )
    with pytest.raises(PanelError, match="has none in 2011"):
        funnel(panel, indicator=RATE)
