"""Indicators given for MSOAs or wards only are compared at their own level, recounted by hand."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from lsp_analysis import area_brief, compare, open_study, standing
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.place.other_areas import compare_larger, levels_of
from lsp_analysis.study import write_study

SMALL = [f"E010000{n:02d}" for n in range(1, 13)]
MSOAS = [f"E020000{n:02d}" for n in range(1, 5)]  # of three small areas each
COUNTS = dict(zip(MSOAS, [90, 30, 33, 27], strict=True))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Twelve small areas in four MSOAs and one ward; two indicators are given by MSOA only."""
    codes = {**dict.fromkeys(SMALL, "lsoa"), **dict.fromkeys(MSOAS, "msoa"), "N1": "neighbourhood"}
    areas = pd.DataFrame(
        {"area_code": [*codes, "E08000099"], "area_type": [*codes.values(), "borough"]}
    ).assign(code_vintage=2011, borough_code="E08000099", is_pilot=False)
    areas["area_name"] = "Place " + areas["area_code"].str[-2:]
    within = [(MSOAS[at // 3], code) for at, code in enumerate(SMALL)]
    within += [("N1", SMALL[0]), ("N1", SMALL[1]), *(("E08000099", code) for code in SMALL)]
    members = pd.DataFrame(within, columns=["area_code", "member_code"])
    facts = {"unit": "percent", "value_type": "proportion", "multiplier": 100.0}
    names = {"smoking": "Smoking", "asthma": "Asthma", "price": "Price"}
    indicators = pd.DataFrame({"indicator_id": list(names), "name": list(names.values())}).assign(
        **facts, polarity="low_is_good"
    )
    indicators.loc[indicators["name"] == "Price", ["unit", "value_type", "multiplier"]] = [
        "mean", "mean", 1.0,
    ]  # fmt: skip
    year = {"period_start": "2019-01-01", "period_end": "2019-12-31"}
    parts = [
        pd.DataFrame({"area_code": SMALL, "numerator": 10.0}).assign(indicator_id="smoking"),
        pd.DataFrame({"area_code": MSOAS, "numerator": list(COUNTS.values())}).assign(
            indicator_id="asthma"
        ),
        pd.DataFrame({"area_code": MSOAS, "value": [4.0, 3.0, 2.0, 1.0]}).assign(
            indicator_id="price"
        ),
    ]
    rows = pd.concat(parts, ignore_index=True).assign(**year, sex="all", age="all", group="all")
    rows["denominator"] = rows["numerator"].where(rows["numerator"].isna(), 300.0)
    tables = {
        "areas": areas, "indicators": indicators, "observations": rows,
        "area_members": members.assign(weight=1.0, code_vintage=2011),
    }  # fmt: skip
    path = tmp_path_factory.mktemp("wider") / "study"
    about = {"name": "wider", "title": "Wider", "lsp:code_vintage": 2011}
    write_study(path, tables, about={**about, "lsp:small_area_type": "lsoa"})
    return open_study(path)


@pytest.mark.parametrize(
    ("place", "msoa"), [("N1", MSOAS[0]), (SMALL[4], MSOAS[1]), (MSOAS[3], MSOAS[3])]
)
def test_a_place_has_the_value_of_its_msoa_beside_the_boroughs_others(study, place, msoa):
    found = standing.larger_areas(study.area(place))
    row = found.summary_frame().loc["asthma"]
    others = [count for code, count in COUNTS.items() if code != msoa]
    assert row["value"] == pytest.approx(100 * COUNTS[msoa] / 300)
    assert row["comparator_value"] == pytest.approx(100 * sum(others) / 900)
    assert row["rank"] == 1 + sum(count > COUNTS[msoa] for count in others)
    assert row["of"] == len(MSOAS)
    assert row["verdict"] == ("worse" if msoa == MSOAS[0] else "better")
    assert compare(study.area(place), "asthma").value == row["value"]


def test_a_value_without_counts_keeps_its_place_and_says_why_it_has_no_verdict(study):
    found = standing.larger_areas(study.area("N1"))
    row = found.summary_frame().loc["price"]
    assert (row["value"], row["rank"], row["verdict"]) == (4.0, 1, "not comparable")
    assert "of a single area" in found.shown_table().note
    assert "asthma" in str(found.sentence())
    assert "smoking" not in found.summary_frame().index


def test_a_place_outside_every_msoa_is_told_so(study):
    apart = levels_of(study, replace(study.area("N1"), members=("E01000099",)))
    assert list(apart) == []
    with pytest.raises(PanelError, match="no observations for small areas, MSOAs or wards"):
        compare_larger(area_brief(study, "N1"), "smoking")
