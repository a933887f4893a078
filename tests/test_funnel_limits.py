"""Control limits of funnels."""

from __future__ import annotations

import numpy as np
import pytest

from lsp_analysis.standing.comparison.funnels import (
    classify_proportions,
    classify_rates,
    classify_ratios,
    expected_at_limits,
    proportion_limits,
    rate_limits,
)


def test_limits_of_shares_stay_inside_and_small_areas_are_flagged():
    limits = proportion_limits([20, 2000], 0.1)
    assert limits["lower998"].tolist()[0] == 0
    assert limits["small"].tolist() == [True, False]
    assert limits["upper95"][1] == pytest.approx(0.1 + 1.959964 * np.sqrt(0.09 / 2000), rel=1e-6)


def test_rate_limits_lead_back_to_the_counts_they_come_from():
    at = expected_at_limits([8, 60])
    for name in ("lower95", "upper95", "lower998", "upper998"):
        limits = rate_limits(at[name])
        assert limits[name].to_numpy() * at[name].to_numpy() == pytest.approx([8, 60], rel=1e-3)


def test_limits_close_in_as_areas_grow():
    limits = rate_limits(np.geomspace(5, 5000, 30))
    width = limits["upper95"] - limits["lower95"]
    assert width.is_monotonic_decreasing
    assert limits["upper998"].gt(limits["upper95"]).all()


def test_no_events_is_low_only_where_many_were_expected():
    assert classify_ratios([0, 0, 0], [1, 5, 9]).tolist() == [
        "Not significant",
        "Low (0.025)",
        "Low (0.001)",
    ]


def test_missing_and_empty_areas_have_no_word_and_do_not_move_the_average():
    words = classify_rates([20, 40, np.nan, 3], [1000, 1000, 1000, 0])
    assert words[2:].tolist() == ["Not known", "Not known"]
    assert words[:2].tolist() == classify_rates([20, 40], [1000, 1000]).tolist()
    assert classify_proportions([5, np.nan], [100, 100])[1] == "Not known"
