"""Names fold as people read them, slugs are safe, comparators leave the area out."""

from __future__ import annotations

import json
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import Polygon, box
from small_study import write_small_study

from lsp_analysis import open_study
from lsp_analysis.errors import AreaError
from lsp_analysis.study.areas import (
    Area,
    Gazetteer,
    adjacency,
    closed_name,
    fold_name,
    is_among,
    last_edition_before,
    parts_of_wholes,
    rest_of_borough,
    similarly_deprived,
    slug,
    small_members,
)


def table(*rows):
    columns = ["area_code", "area_name", "area_type", "code_vintage"]
    return pd.DataFrame(rows, columns=columns)


def area(*members, borough="B1"):
    return Area("N1", "Here", "neighbourhood", 2011, borough, members)


class TestNames:
    def test_names_fold_as_the_reference_says(self, shared):
        path = shared("gold") / "indicators" / "area_name_match.json"
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            given, expected = case["input"], case["expected"]["match"]
            assert (fold_name(given["a"]) == fold_name(given["b"])) is expected, given

    @pytest.mark.parametrize("mark", list("'\u2018\u2019\u201b\u02bb\u02bc\u2032\u00b4`\uff07"))
    def test_every_apostrophe_is_one(self, mark):
        assert fold_name(f"Hall i{mark} th{mark} Wood") == "hall i'th'wood"

    @pytest.mark.parametrize("blank", ["  ", "\u00a0", "\u2009", "\t", "\u3000", " \u200b"])
    def test_every_run_of_blanks_is_one(self, blank):
        assert fold_name(f" Moses{blank}Gate ") == "moses gate"

    def test_other_names_stay_other_names(self):
        names = ["Hall ith Wood", "Hall in the Wood", "Hall i th Wood", "Hall i' th' Woods"]
        assert len({fold_name(name) for name in [*names, "Hall i' th' Wood"]}) == 5

    @given(st.text())
    def test_folding_twice_is_folding_once(self, name):
        assert fold_name(fold_name(name)) == fold_name(name)


class TestSlugs:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Hall i\u2019 th\u2019 Wood", "hall-i-th-wood"),
            ("Hall i' th' Wood", "hall-i-th-wood"),
            ("HALL I'TH'WOOD", "hall-i-th-wood"),
            ("../../etc/passwd", "etc-passwd"),
            ("<script>alert(1)</script>", "script-alert-1-script"),
            ("\u202eBolton\u202c", "bolton"),
            ("Ynys Môn", "ynys-mon"),
            ("CON", "area-con"),
            ("lpt1", "area-lpt1"),
            ("a" * 300, "a" * 60),
        ],
    )
    def test_a_hostile_name_becomes_a_safe_part_of_a_path(self, name, expected):
        assert slug(name) == expected

    @pytest.mark.parametrize("name", ["", "   ", "...", "東京", "$%&"])
    def test_a_name_with_nothing_left_gives_its_code(self, name):
        assert slug(name, fallback="E01004802") == "e01004802"
        assert slug(name) == "area"
        assert slug(name, fallback="???") == "area"

    @given(st.text(), st.text())
    def test_a_slug_is_always_plain_short_and_not_empty(self, name, fallback):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(name, fallback))
        assert len(slug(name, fallback)) <= 65

    def test_names_that_fold_alike_have_one_slug(self):
        for mark in "'\u2018\u2019\u02bc`\u00b4":
            assert slug(f"Hall i{mark} th{mark} Wood") == "hall-i-th-wood"


class TestFinding:
    def test_a_type_comes_before_another(self):
        areas = table(
            ("E3", "Kearsley", "lsoa", 2011),
            ("E2", "Kearsley", "ward", 2011),
            ("E1", "Kearsley", "msoa", 2011),
        )
        assert Gazetteer(areas).find("KEARSLEY")["area_code"] == "E1"
        assert Gazetteer(areas.iloc[:2]).find("Kearsley")["area_code"] == "E2"

    def test_two_areas_of_one_type_and_name_are_refused_with_their_codes(self):
        areas = table(("E1", "Central", "ward", 2011), ("E2", "Central", "ward", 2011))
        with pytest.raises(AreaError, match="more than one area: E1, E2"):
            Gazetteer(areas).find("central")

    def test_the_vintage_asked_for_comes_before_the_latest(self):
        areas = table(("E1", "Here", "lsoa", 2001), ("E1", "Here", "lsoa", 2021))
        assert Gazetteer(areas).find("E1")["code_vintage"] == 2021
        assert Gazetteer(areas).find("E1", code_vintage=2001)["code_vintage"] == 2001

    @pytest.mark.parametrize("text", ["", "   ", "Farnworth", "x" * 5000, "'; drop table", None])
    def test_what_is_no_area_is_one_short_sentence(self, text):
        with pytest.raises(AreaError, match="No area of this study") as raised:
            Gazetteer(table(("E1", "Bolton 001A", "lsoa", 2011))).find(text)
        assert len(str(raised.value)) < 250

    def test_the_nearest_names_are_offered_whatever_their_case(self):
        areas = table(("E1", "Hall i’ th’ Wood", "ward", 2011), ("E2", "Harper Green", "ward", 1))
        with pytest.raises(AreaError, match='Did you mean "Hall i’ th’ Wood"'):
            Gazetteer(areas).find("HALL ITH WOOD")

    def test_areas_without_a_name_are_found_by_code(self):
        areas = table(("E1", None, "lsoa", 2011), ("E2", "Two", "lsoa", 2011))
        assert Gazetteer(areas).find("e1")["area_code"] == "E1"


class TestMembers:
    MEMBERS = pd.DataFrame(
        [
            ("borough", "ward", 1.0),
            ("ward", "b", 1.0),
            ("ward", "a", 0.7),
            ("ward", "c", 0.3),
            ("loop", "loop2", 1.0),
            ("loop2", "loop", 1.0),
        ],
        columns=["area_code", "member_code", "weight"],
    )
    PARTS = parts_of_wholes(MEMBERS)

    def test_wholes_are_taken_apart_to_small_areas(self):
        assert small_members("ward", self.PARTS, {"a", "b", "c"}) == ("a", "b")
        assert small_members("borough", self.PARTS, {"a", "b", "c"}) == ("a", "b")

    def test_a_small_area_is_its_own_member(self):
        assert small_members("a", self.PARTS, {"a"}) == ("a",)

    def test_a_circle_ends(self):
        assert small_members("loop", self.PARTS, {"a"}) == ()


class TestComparators:
    SMALL = pd.DataFrame({"area_code": list("abcdx"), "borough_code": ["B1"] * 4 + ["B2"]})
    RANKS = pd.DataFrame(
        {"area_code": list("abcde"), "edition": 2007, "rank": [100, 150, 40, 900, 110]}
    )

    def test_the_area_is_never_among_its_own_comparators(self):
        assert rest_of_borough(self.SMALL, area("b", "d")) == ["a", "c"]
        chosen = similarly_deprived(self.RANKS, area("a"), edition=2007, n=10)
        assert chosen == ["e", "b", "c", "d"]

    def test_an_area_of_several_has_their_mean_rank(self):
        assert similarly_deprived(self.RANKS, area("b", "d"), edition=2007, n=1) == ["e"]

    def test_a_missing_rank_is_one_sentence(self):
        with pytest.raises(AreaError, match=r"2007 edition .* has no rank for Here"):
            similarly_deprived(self.RANKS, area("z"), edition=2007)

    @pytest.mark.parametrize(
        "start", [pd.Period("2008-04"), "2008-04", 2008, pd.Timestamp(2008, 1, 1)]
    )
    def test_the_edition_is_older_than_the_start(self, start):
        assert last_edition_before([2004, 2007, 2010, 2008], start) == 2007

    def test_no_edition_before_the_start_is_refused(self):
        with pytest.raises(AreaError, match="older than 2003"):
            last_edition_before([2004], 2003)


class TestAdjacency:
    def grid(self, n=4, shift=0.0):
        cells = [(row, column) for row in range(n) for column in range(n)]
        shapes = [
            translate(box(0, 0, 100, 100), 100 * column + shift * column, 100 * row)
            for row, column in cells
        ]
        codes = [f"{row}{column}" for row, column in cells]
        return gpd.GeoDataFrame({"area_code": codes}, geometry=shapes, crs=27700)

    def test_a_grid_has_its_rook_neighbours(self):
        pairs = adjacency(self.grid())
        assert len(pairs) == 2 * 2 * 4 * 3
        near = pairs.query("area_code == '11'")["neighbour_code"].tolist()
        assert near == ["01", "10", "12", "21"]

    @pytest.mark.parametrize("shift", [-0.4, 0.4])
    def test_slivers_within_the_tolerance_do_not_part_neighbours(self, shift):
        expected = adjacency(self.grid())
        pd.testing.assert_frame_equal(adjacency(self.grid(shift=shift)), expected)

    def test_a_gap_beyond_the_tolerance_parts_them(self):
        pairs = adjacency(self.grid(n=2, shift=5.0))
        assert pairs["neighbour_code"].tolist() == ["10", "11", "00", "01"]
        assert len(adjacency(self.grid(n=2, shift=5.0), tolerance_m=6)) == 8

    def test_an_island_has_no_neighbour(self):
        apart = gpd.GeoDataFrame(
            {"area_code": ["a", "b"]}, geometry=[box(0, 0, 1, 1), box(9, 9, 10, 10)], crs=27700
        )
        assert adjacency(apart).empty

    def test_bolton_is_in_one_piece(self, shared):
        path = shared("real") / "boundaries" / "lsoa_2011_bolton_E08000001.json"
        shapes = gpd.read_file(path).rename(columns={"LSOA11CD": "area_code"}).to_crs(27700)
        pairs = adjacency(shapes)
        codes = sorted(shapes["area_code"])
        assert set(pairs["area_code"]) == set(codes)
        assert not (pairs["area_code"] == pairs["neighbour_code"]).any()
        reached, waiting = set(), [codes[0]]
        near = pairs.groupby("area_code")["neighbour_code"].agg(list)
        while waiting:
            code = waiting.pop()
            if code not in reached:
                reached.add(code)
                waiting += near[code]
        assert reached == set(codes)
        assert 4 < len(pairs) / len(codes) < 7
        assert np.array_equal(
            pairs.to_numpy(),
            pairs[["neighbour_code", "area_code"]]
            .sort_values(["neighbour_code", "area_code"])
            .to_numpy(),
        )

    def test_crossed_and_missing_outlines_do_not_stop_the_others(self):
        shapes = self.grid()
        shapes.loc[0, "geometry"] = Polygon([(0, 0), (50, 50), (50, 0), (0, 50)])
        shapes.loc[15, "geometry"] = None
        pairs = adjacency(shapes)
        assert "33" not in set(pairs["area_code"])
        assert pairs.query("area_code == '11'")["neighbour_code"].tolist() == [
            "01",
            "10",
            "12",
            "21",
        ]


@pytest.mark.parametrize("dtype", ["str", object, "category"])
def test_areas_are_found_among_codes_as_pandas_finds_them(dtype):
    column = pd.Series(["E1", None, "E2", "E3", "E1"], dtype=dtype)
    for codes in (["E1", "E3"], ["E9"], [], ["E1", None]):
        assert is_among(column, codes).tolist() == column.isin(codes).tolist()


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Hall i' th' Wood", ""),
        ("\u202eolleh", "\u202c"),
        ("\u202eolleh\u202c", ""),
        ("\u2067a\u202bb", "\u202c\u2069"),
        ("a\u202c", ""),
    ],
)
def test_a_name_closes_what_it_turns_round(name, more):
    assert closed_name(name) == name + more
    assert closed_name(closed_name(name)) == name + more


def test_a_name_that_no_file_could_hold_is_refused_like_any_other(tmp_path):
    study = open_study(write_small_study(tmp_path / "study"))
    for name in ("\ud800", "E01\udfff", "\x00"):
        with pytest.raises(AreaError, match="No area of this study"):
            study.area(name)
