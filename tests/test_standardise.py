"""Direct and indirect standardisation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.standardise import (
    ESP2013,
    directly_standardised,
    indirectly_standardised,
)


def by_age(observed: list[float], population: list[float], area: str = "a") -> pd.DataFrame:
    return pd.DataFrame(
        {"area": area, "age": range(len(observed)), "observed": observed, "population": population}
    )


def test_the_european_standard_has_nineteen_bands_and_a_hundred_thousand_people():
    assert len(ESP2013) == 19
    assert ESP2013.sum() == 100_000


def test_an_area_with_the_standards_ages_has_its_crude_rate():
    counts = by_age([30, 70], [600, 400]).assign(standard=[6000, 4000])
    row = directly_standardised(counts, by="area").loc["a"]
    assert row["value"] == pytest.approx(100_000 * 100 / 1000)


def test_a_constant_rate_is_itself_under_any_standard():
    counts = by_age([50, 10, 40], [500, 100, 400]).assign(standard=[1, 7, 2])
    assert directly_standardised(counts, by="area")["value"]["a"] == pytest.approx(10_000)


def test_few_events_and_empty_bands_give_no_rate_and_say_why():
    few = by_age([4, 5], [100, 100], "few").assign(standard=1)
    empty = by_age([40, 0], [100, 0], "empty").assign(standard=1)
    table = directly_standardised(pd.concat([few, empty]), by="area")
    assert table[["value", "low", "high"]].isna().all(axis=None)
    assert table["note"].to_dict() == {
        "few": "fewer than 10 events",
        "empty": "an age band without people",
    }


def test_groups_are_kept_apart():
    both = pd.concat([by_age([30, 70], [600, 400], area) for area in "ab"]).assign(standard=1)
    table = directly_standardised(both, by="area")
    assert table.loc["a"].equals(table.loc["b"])


def test_the_dobson_interval_covers_a_known_rate():
    rng = np.random.default_rng(5)
    people = np.array([900, 1100, 700, 300])
    risk = np.array([0.002, 0.006, 0.02, 0.06])
    standard = np.array([40, 30, 20, 10])
    truth = 100_000 * (standard * risk).sum() / 100
    draws = [
        by_age(rng.poisson(people * risk), people, f"{i}").assign(standard=standard)
        for i in range(500)
    ]
    table = directly_standardised(pd.concat(draws), by="area")
    covered = (table["low"] <= truth) & (truth <= table["high"])
    assert 0.92 <= covered.mean() <= 0.985


def test_no_events_at_all_have_a_ratio_of_nought_with_an_upper_limit():
    reference = by_age([100, 300], [10_000, 10_000]).drop(columns="area")
    row = indirectly_standardised(by_age([0, 0], [100, 100]), reference, by="area").loc["a"]
    assert row["ratio"] == 0
    assert row["ratio_low"] == 0
    assert row["ratio_high"] == pytest.approx(-np.log(0.025) / 4)


def test_an_age_band_without_reference_is_refused():
    reference = by_age([100], [10_000]).drop(columns="area")
    with pytest.raises(PanelError, match="no age band '1'"):
        indirectly_standardised(by_age([1, 2], [100, 100]), reference, by="area")
