"""The one-page profile of an area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import CLAIMS, COUNT, RATE, SCORE, SHARE, compare, panel_of

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.comparison.measured import Measured
from lsp_analysis.standing.comparison.profiles import profile
from lsp_analysis.study.indicator import Indicator

CODES = [f"A{i:02}" for i in range(40)]
HERE, ELSEWHERE, ALIKE = CODES[:3], CODES[3:], CODES[3:9]
REST, SIMILAR = "the rest of the borough", "similarly deprived areas"


def made(indicator: Indicator, factor: float = 1.0, seed: int = 0, n_years: int = 6):
    rng = np.random.default_rng(seed)
    people = rng.integers(1000, 2500, (40, 1))
    risk = np.full((40, n_years), 0.06)
    risk[:3] *= factor
    return panel_of(rng.poisson(people * risk), people, multiplier=indicator.multiplier)


def profiled(panels: dict, *indicators: Indicator, area: list[str] = HERE, **keywords: object):
    nothing = made(SHARE)[:0]
    measured = {}
    for one in indicators:
        panel = panels.get(one.indicator_id, nothing)
        measured[one.indicator_id] = Measured(one.seen_in(panel), panel, panel)
    return profile(measured, area, {REST: ELSEWHERE, SIMILAR: ALIKE}, **keywords)


def test_a_row_is_the_comparison_it_stands_for():
    panels = {"burglary": made(RATE, 2.0), "smoking": made(SHARE, seed=1)}
    row = profiled(panels, RATE, SHARE).table.loc["burglary"]
    one = compare(panels["burglary"], area=HERE, comparator=ELSEWHERE, indicator=RATE)
    assert row["value"] == one.value
    assert row["difference_high"] == one.difference_high
    assert row["verdict"] == "worse"
    assert row[f"{SIMILAR}: verdict"] == "worse"


@pytest.mark.slow
def test_adjusted_verdicts_are_fewer_and_the_page_says_that_they_are_adjusted():
    names = [f"i{k}" for k in range(60)]
    indicators = [Indicator(n, n, "per_1000", "rate", 1000.0, "low_is_good") for n in names]
    panels = {n: made(RATE, seed=k) for k, n in enumerate(names)}
    found = profiled(panels, *indicators)
    table = found.table
    assert (table["p_value"] < 0.05).sum() >= 1
    assert (table["verdict"] == "no clear difference").all()
    assert (table["change_p_value"] < 0.05).sum() >= 1
    assert (table["change_verdict"] == "no clear difference").all()
    assert "Benjamini and Hochberg" in found.sentence()


def test_rank_one_is_the_worst_for_either_polarity():
    good = Indicator("work", "In work", "percent", "proportion", 100.0, "high_is_good")
    panels = {"burglary": made(RATE, 3.0), "work": made(good, 0.2)}
    table = profiled(panels, RATE, good).table
    assert table["rank"].tolist() == [1, 1]
    assert table["decile"].tolist() == [1, 1]
    assert table["of"].tolist() == [38, 38]
    assert table.loc["burglary", "worst"] > table.loc["burglary", "best"]
    assert table.loc["work", "worst"] < table.loc["work", "best"]


def test_what_changed_since_the_period_before_is_said():
    panel = made(RATE)
    last = panel["period"] == panel["period"].max()
    panel.loc[last & panel["area_code"].isin(HERE), ["numerator", "value"]] *= 2
    found = profiled({"burglary": panel}, RATE)
    row = found.table.loc["burglary"]
    assert row["previous_period"] == pd.Period("2008")
    assert row["change_low"] > 0
    assert row["change_verdict"] == "worse"
    assert "Burglary rose by" in found.changed()


def test_a_trend_is_worded_and_monthly_panels_use_the_same_month():
    rng = np.random.default_rng(5)
    people = rng.integers(1000, 2500, (40, 1))
    season = 1 + 0.8 * np.sin(2 * np.pi * np.arange(72) / 12)
    monthly = panel_of(rng.poisson(people * 0.02 * season), people, multiplier=1000)
    monthly["period"] = np.tile(pd.period_range("2004-01", periods=72, freq="M"), 40)
    table = profiled({"burglary": monthly}, RATE).table
    assert table.loc["burglary", "trend"] == "No significant change"


def test_an_indicator_without_data_keeps_its_row():
    elsewhere_only = made(SHARE)[lambda p: ~p["area_code"].isin(HERE)]
    table = profiled({"smoking": elsewhere_only}, RATE, SHARE).table
    assert table["caution"].tolist() == ["no data for this area"] * 2
    assert table["verdict"].tolist() == ["not comparable"] * 2


@pytest.mark.parametrize("area", [HERE, CODES[:1]])
def test_every_kind_of_number_has_a_row_and_none_fails(area, recwarn):
    kinds = (RATE, SHARE, CLAIMS, SCORE, COUNT)
    panels = {one.indicator_id: made(one, 1.5) for one in kinds}
    panels["score"] = panels["score"].assign(numerator=np.nan, denominator=np.nan)
    found = profiled(panels, *kinds, area=area)
    assert len(found.table) == 5
    assert found.table["value"].notna().all()
    assert found.table.loc["fires", "verdict"] == "not comparable"
    assert found.sentence()
    assert not recwarn.list


def test_areas_of_zero_counts_have_a_profile():
    panel = made(RATE).assign(numerator=0.0, value=0.0)
    row = profiled({"burglary": panel}, RATE).table.loc["burglary"]
    assert row["value"] == 0
    assert row["verdict"] == "too few to say"
    assert row["high"] > 0


def test_standing_out_is_in_order_of_the_ratio():
    panels = {
        name: made(RATE, factor, seed=9)
        for name, factor in (("two", 2.0), ("four", 4.0), ("three", 3.0))
    }
    indicators = [Indicator(n, n, "per_1000", "rate", 1000.0, "low_is_good") for n in panels]
    found = profiled(panels, *indicators)
    assert found.standing_out("worse", 2)["name"].tolist() == ["four", "three"]
    assert "Worse by most: four" in found.sentence()


def test_a_profile_needs_a_comparator():
    with pytest.raises(PanelError, match="needs a comparator"):
        profile({}, HERE, {})
