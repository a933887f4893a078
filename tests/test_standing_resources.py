"""Where the money goes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from standing_panels import place_with

from lsp_analysis.standing.agencies.agenda import spending

MONEY = pd.DataFrame(
    {
        "stream": ["Area Based Grant", "Area Based Grant", "NRF", "NRF", "NRF"],
        "theme": ["Safe", "Safe", "Healthy", "Safe", "Healthy"],
        "agency": ["Council", "Police", "PCT", "PCT", "PCT"],
        "area_code": ["N1", "B07", None, "N1", "N1"],
        "period": ["2008/09", "2008/09", "2008/09", "2008/09", "2007/08"],
        "amount_gbp": [8000.0, 30_000.0, 100_000.0, 2000.0, 500.0],
    }
)


def spent(money: pd.DataFrame = MONEY, people: float = 1000, **keywords: object):
    return spending(place_with(money, people=people, elsewhere=9 * people), **keywords)


def test_every_pound_is_counted_once():
    table = spent().table
    assert table[["area", "elsewhere", "untied"]].to_numpy().sum() == MONEY["amount_gbp"].sum()
    assert table.loc["NRF"].loc[["area", "untied"]].tolist() == [2500, 100_000]


def test_groupings_can_be_changed():
    table = spent(by="theme").table
    assert table.loc["Safe", "area"] == 10_000
    assert table.loc["Healthy", "area"] == 500


def test_amounts_per_head_use_each_sides_own_people():
    row = spent().table.loc["Area Based Grant"]
    assert row["area_per_head"] == pytest.approx(8)
    assert row["elsewhere_per_head"] == pytest.approx(30_000 / 9000)
    assert row["share_of_money"] == pytest.approx(100 * 8 / 38)
    assert row["share_of_people"] == pytest.approx(10)


def test_money_tied_to_no_area_has_no_share():
    untied = MONEY.assign(area_code=None)
    found = spent(untied, people=10)
    assert np.isnan(found.table["share_of_money"]).all()
    assert "£140,500 is not tied to an area" in found.sentence()


def test_no_money_at_all_says_so():
    assert spent(MONEY[:0]).sentence() == "No spending is recorded."
