"""Codes of one vintage become those of another, and people are neither lost nor made."""

from __future__ import annotations

import pandas as pd
import pytest

from lsp_analysis.errors import AreaError
from lsp_analysis.study.add.vintages import deprivation_in, links_between, shared_out

LOOKUP = pd.DataFrame(
    [
        ("same", "same", "U", 1.0),
        ("old", "left", "S", 0.75),
        ("old", "right", "S", 0.25),
        ("one", "joined", "M", 1.0),
        ("two", "joined", "M", 1.0),
    ],
    columns=["from_code", "to_code", "change", "weight"],
).assign(from_vintage=2001, to_vintage=2011)

COUNTS = pd.DataFrame(
    {
        "area_code": ["same", "old", "one", "two"] * 2,
        "period": [2004] * 4 + [2005] * 4,
        "people": [10.0, 100.0, 30.0, 10.0, 11.0, 104.0, 31.0, 9.0],
        "rate": [1.0, 2.0, 3.0, 7.0, 1.0, 2.0, 3.0, 7.0],
    }
)


def translate(frame=COUNTS, **options):
    links = links_between(LOOKUP, 2001, 2011)
    made = shared_out(frame, links, **{"keys": ["period"]} | options)
    return made.reset_index()


def test_counts_are_shared_out_and_added_up():
    made = translate(sums=["people"]).query("period == 2004").set_index("area_code")
    assert made["people"].to_dict() == {"same": 10, "left": 75, "right": 25, "joined": 40}


def test_no_one_is_lost_or_made():
    made = translate(sums=["people"])
    assert made["people"].sum() == pytest.approx(COUNTS["people"].sum())


def test_rates_are_inherited_by_a_split_and_averaged_by_a_merger():
    made = translate(means=["rate"]).query("period == 2004").set_index("area_code")
    assert made["rate"].to_dict() == {"same": 1, "left": 2, "right": 2, "joined": 5}
    sized = translate(
        means=["rate"], size=COUNTS.query("period == 2004").set_index("area_code")["people"]
    ).query("period == 2004")
    assert sized.set_index("area_code")["rate"]["joined"] == pytest.approx((90 + 70) / 40)


def test_a_missing_part_makes_the_whole_missing():
    holed = COUNTS.assign(people=COUNTS["people"].mask(COUNTS["area_code"] == "one"))
    made = translate(holed, sums=["people"]).set_index("area_code")["people"]
    assert made["joined"].isna().all()
    assert made.drop("joined").notna().all()


def deprivation(code="old"):
    return pd.DataFrame(
        [
            ("same", 2001, 2004, 10, 60.0),
            (code, 2001, 2004, 90, 20.0),
            ("same", 2001, 2010, 12, 59.0),
            ("same", 2011, 2010, 13, 58.0),
        ],
        columns=["area_code", "code_vintage", "edition", "rank", "score"],
    )


def test_an_edition_published_in_the_newer_codes_is_taken_as_it_is():
    made = deprivation_in(deprivation(), 2011, LOOKUP)
    assert made.query("edition == 2010")["rank"].tolist() == [13]
    assert made.query("edition == 2004")["area_code"].tolist() == ["left", "right", "same"]
    assert set(made["code_vintage"]) == {2011}


def test_an_edition_that_would_lose_areas_is_refused():
    with pytest.raises(AreaError, match="has none for 1 areas with ranks, first gone"):
        deprivation_in(deprivation("gone"), 2011, LOOKUP)
    with pytest.raises(AreaError, match="from codes of 2001 to 2021 has none for 2 areas"):
        deprivation_in(deprivation(), 2021, LOOKUP)
