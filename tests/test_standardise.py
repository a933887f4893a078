"""Direct standardisation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import RATE

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.intervals import group_limits
from lsp_analysis.standing.comparison.measured import ESP2013, directly_standardised


def rates_of(events, people, standard) -> pd.DataFrame:
    """Standardised rates of rows of bands, with their limits."""
    made = pd.DataFrame(directly_standardised(events, people, standard=standard))
    low, high = group_limits(made, indicator=RATE, level=0.95)
    return made.assign(low=low, high=high)


def test_the_european_standard_has_nineteen_bands_and_a_hundred_thousand_people():
    assert len(ESP2013) == 19
    assert ESP2013.sum() == 100_000


def test_an_area_with_the_standards_ages_has_its_crude_rate():
    found = rates_of([[30, 70]], [[600, 400]], [6000, 4000])
    assert found["value"][0] == pytest.approx(100_000 * 100 / 1000)


def test_a_constant_rate_is_itself_under_any_standard():
    found = rates_of([[50, 10, 40]], [[500, 100, 400]], [1, 7, 2])
    assert found["value"][0] == pytest.approx(10_000)


def test_few_events_and_empty_bands_give_no_rate_and_say_why():
    bands = [[4, 5], [40, 0], [40, np.nan]], [[100, 100], [100, 0], [100, 100]]
    table = rates_of(*bands, [1, 1])
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert table["note"].to_list() == [
        "fewer than 10 events",
        "an age band without people",
        "an age band without a count",
    ]


def test_a_negative_count_is_refused():
    with pytest.raises(PanelError, match="negative"):
        directly_standardised([[30, -1]], [[600, 400]], standard=[1, 1])


def test_groups_are_kept_apart():
    table = rates_of([[30, 70]] * 2, [[600, 400]] * 2, [1, 1])
    assert table.loc[0].equals(table.loc[1].rename(0))


def test_the_dobson_interval_covers_a_known_rate():
    rng = np.random.default_rng(5)
    people = np.array([900, 1100, 700, 300])
    risk = np.array([0.002, 0.006, 0.02, 0.06])
    standard = np.array([40, 30, 20, 10])
    truth = 100_000 * (standard * risk).sum() / 100
    table = rates_of(rng.poisson(people * risk, (500, 4)), np.tile(people, (500, 1)), standard)
    covered = (table["low"] <= truth) & (truth <= table["high"])
    assert 0.92 <= covered.mean() <= 0.985
