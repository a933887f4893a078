"""Codes of one vintage become those of another, and people are neither lost nor made."""

from __future__ import annotations

import pandas as pd
import pytest

from lsp_analysis.errors import AreaError
from lsp_analysis.study.add.places import (
    Places,
    carry_over,
    deprivation_in,
    links_between,
    shared_out,
)

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


# What became of five areas of 2001: one the same, one split twice, two merged, one split and made
# one again, and one whose change was complex.
STEPS = {
    (2001, 2011): [
        ("a", "a", "U"), ("b", "b1", "S"), ("b", "b2", "S"), ("c", "cd", "M"), ("d", "cd", "M"),
        ("e", "e1", "S"), ("e", "e2", "S"), ("x", "x1", "U"),
    ],
    (2011, 2021): [
        ("a", "a", "U"), ("b1", "b1", "U"), ("b2", "b3", "S"), ("b2", "b4", "S"), ("cd", "cd", "U"),
        ("e1", "e9", "M"), ("e2", "e9", "M"), ("x1", "x2", "X"),
    ],
}  # fmt: skip
YEARS = (2001, 2011, 2021)


def places(vintage):
    rows = []
    for (older, newer), steps in STEPS.items():
        parts = pd.Series([one for one, *_ in steps]).value_counts()
        rows += [(a, b, older, newer, kind, 1 / parts[a]) for a, b, kind in steps]
    names = ["from_code", "to_code", "from_vintage", "to_vintage", "change", "weight"]
    codes = {2001: {a for a, *_ in STEPS[2001, 2011]}, 2021: {b for _, b, _ in STEPS[2011, 2021]}}
    codes[2011] = {b for _, b, _ in STEPS[2001, 2011]}
    areas = [(code, year, "lsoa") for year in YEARS for code in sorted(codes[year])]
    frame = pd.DataFrame(areas, columns=["area_code", "code_vintage", "area_type"])
    return Places(frame, pd.DataFrame(rows, columns=names), vintage), codes


def recounted(numbers, years, there):
    """Numbers of one year's areas on another's, walked step by step without the package."""
    while years != there:
        later = there > years
        step = next(pair for pair in STEPS if years in pair and (pair[1] > years) == later)
        forth = step[0] == years
        pairs = [(a, b) if forth else (b, a) for a, b, _ in STEPS[step]]
        made = {}
        for one, other in pairs:
            shared = numbers[one] / sum(a == one for a, _ in pairs)
            made[other] = made.get(other, 0.0) + shared
        numbers, years = made, step[1] if forth else step[0]
    return numbers


@pytest.mark.parametrize("own", YEARS)
@pytest.mark.parametrize("theirs", YEARS)
def test_a_table_on_any_codes_comes_to_a_study_on_any_others(own, theirs):
    known, codes = places(own)
    numbers = {code: 12.0 * (3 + at) for at, code in enumerate(sorted(codes[theirs]))}
    cells = pd.DataFrame({"area_code": list(numbers), "numerator": map(str, numbers.values())})
    cells = cells.assign(
        period_start="2019", period_end="2019", indicator_name="n", note="", denominator="100"
    )
    notes = []
    made = carry_over(cells, known, "own.csv", notes).set_index("area_code")
    wanted = recounted(numbers, theirs, own)
    complex_between = 2021 in (own, theirs) and own != theirs
    assert set(made.index) == set(wanted)
    for code, number in wanted.items():
        if code.startswith("x") and complex_between:
            assert made.loc[code, ["numerator", "note"]].tolist() == ["", "break"]
        else:
            assert float(made.loc[code, "numerator"]) == pytest.approx(number)
    assert bool(notes) == (own != theirs)


def test_counts_and_scores_of_one_table_are_each_carried_over_by_their_own_rule():
    own, _ = places(2011)
    year = {"period_start": "2004-01-01", "period_end": "2004-12-31", "note": ""}
    rows = [
        (area, name, value, name == "people")
        for name, values in (("people", "1 2 3 4 5 6"), ("score", "10 20 30 40 50 60"))
        for area, value in zip("abcdex", values.split(), strict=True)
    ]
    cells = pd.DataFrame(rows, columns=["area_code", "indicator_name", "value", "is_count"])
    made = carry_over(cells.assign(**year), own, "table.csv", [])
    merged = made[made["area_code"] == "cd"].set_index("indicator_name")["value"]
    assert merged.astype(float).to_dict() == {"people": 7, "score": 35}
    split = made[made["area_code"] == "b1"].set_index("indicator_name")["value"]
    assert split.astype(float).to_dict() == {"people": 1, "score": 20}
