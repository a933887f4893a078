"""The store reads what is asked for, in the schema's types, and says plainly what is wrong."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from small_study import BOROUGH, LSOAS, set_cell, small_tables, squares, write_small_study

from lsp_analysis import open_study
from lsp_analysis.errors import AreaError, ParameterError, StudyError
from lsp_analysis.study.scan import csv_header


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("store") / "study", record_hashes=True)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "study")


@pytest.fixture(scope="module")
def study(folder):
    return open_study(folder)


class TestOpening:
    def test_only_the_descriptor_is_read(self, copy):
        for file in copy.iterdir():
            if file.name != "datapackage.json":
                file.unlink()
        study = open_study(copy)
        assert (study.name, study.title, study.simulated, study.note) == (
            "anytown",
            "Anytown",
            False,
            "",
        )
        assert study.attribution == "Open Government Licence v3.0"
        assert study.has("plan")
        assert not study.has("assets")

    def test_what_is_no_study_is_one_sentence(self, tmp_path):
        with pytest.raises(StudyError, match="There is no study folder"):
            open_study(tmp_path / "nowhere")
        with pytest.raises(StudyError, match=r"is not a study: it has no datapackage\.json"):
            open_study(tmp_path)

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "{}", '{"resources": 1}', '{"resources": [{"name": "areas"}]}']
    )
    def test_a_damaged_descriptor_is_one_sentence(self, copy, text):
        (copy / "datapackage.json").write_text(text)
        with pytest.raises(StudyError, match=r"datapackage\.json"):
            open_study(copy)

    def test_a_table_outside_the_folder_is_not_read(self, copy):
        text = (copy / "datapackage.json").read_text("utf-8").replace('"plan.csv"', '"../../x.csv"')
        (copy / "datapackage.json").write_text(text, "utf-8")
        with pytest.raises(StudyError, match="outside the study folder"):
            open_study(copy).read("plan")


class TestReading:
    def test_only_the_columns_and_rows_asked_for_come_back(self, study):
        made = study.read(
            "observations",
            columns=["value", "area_code"],
            where={"indicator_id": ["health", "burglary"], "area_code": LSOAS[1]},
        )
        assert list(made) == ["value", "area_code"]
        assert set(made["area_code"]) == {LSOAS[1]}
        assert len(made) == 12 + 5

    def test_rows_can_be_asked_for_by_date_number_and_flag(self, study):
        assert len(study.read("areas", where={"code_vintage": 2001})) == 3
        assert study.read("areas", where={"is_pilot": True})["area_code"].tolist() == [
            "E01000001",
            "N1",
        ]
        first = pd.Timestamp("2008-04-01")
        assert len(study.read("observations", where={"period_start": first})) == 5

    def test_a_default_is_there_to_read_and_to_ask_for(self, folder, copy):
        file = copy / "observations.csv"
        pd.read_csv(file, dtype="str").drop(columns="sex").to_csv(file, index=False)
        study = open_study(copy)
        assert (study.read("observations", columns=["sex"])["sex"] == "all").all()
        assert study.read("observations", where={"sex": "female"}).empty
        assert len(study.read("observations", where={"sex": "all"})) == len(
            open_study(folder).read("observations")
        )

    def test_types_are_those_of_the_schema(self, study):
        rows = study.read("observations")
        assert rows["area_code"].dtype == "str"
        assert rows["numerator"].dtype == np.float64
        assert rows["period_start"].dtype.kind == "M"
        assert rows["note"].isna().sum() == len(rows) - 1
        areas = study.areas()
        assert areas["code_vintage"].dtype == np.int64
        assert areas["is_pilot"].dtype == bool
        assert study.read("deprivation")["decile"].isna().all()

    def test_a_file_edited_by_hand_is_read(self, copy):
        set_cell(copy, "areas", 2, "area_name", "A much longer name than there was")
        assert open_study(copy).areas().loc[0, "area_name"].startswith("A much longer")

    def test_publishers_marks_are_missing(self, copy):
        for row, mark in enumerate(["*", "c", "-", ":", "<5"], start=2):
            set_cell(copy, "observations", row, "numerator", mark)
        assert open_study(copy).read("observations")["numerator"].head(5).isna().all()

    def test_text_with_newlines_quotes_and_marks_survives(self, tmp_path):
        tables = small_tables()
        tables["indicators"]["definition"] = ['one\ntwo "three", four', "-", "*"]
        study = open_study(write_small_study(tmp_path / "study", tables))
        assert study.read("indicators")["definition"].tolist() == [
            'one\ntwo "three", four',
            "-",
            "*",
        ]

    def test_a_byte_order_mark_is_passed_over(self, copy):
        content = (copy / "areas.csv").read_bytes()
        (copy / "areas.csv").write_bytes(b"\xef\xbb\xbf" + content)
        assert csv_header(copy / "areas.csv", (copy / "areas.csv").read_bytes())[0] == "area_code"
        assert len(open_study(copy).areas()) == 11

    def test_frames_are_the_callers_own(self, study):
        areas, indicators = study.areas(), study.indicators()
        areas["area_name"], indicators["name"] = "spoilt", "spoilt"
        assert "spoilt" not in set(study.areas()["area_name"])
        assert study.indicator("smoking").name == "Adults who smoke"


class TestWhatIsMissing:
    def test_a_missing_table_says_what_it_holds(self, study):
        with pytest.raises(StudyError, match=r"has no table assets \(buildings and points"):
            study.read("assets")
        with pytest.raises(StudyError, match='Did you mean "plan"'):
            study.read("plans")

    def test_a_missing_column_has_a_suggestion(self, study):
        with pytest.raises(StudyError, match=r'no column "area_cod".* Did you mean "area_code"'):
            study.read("areas", columns=["area_cod"])
        with pytest.raises(StudyError, match='no column "vintage"'):
            study.read("areas", where={"vintage": 2011})

    def test_a_missing_file_is_one_sentence(self, copy):
        (copy / "areas.csv").unlink()
        with pytest.raises(StudyError, match="but missing"):
            open_study(copy).areas()

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.77, 0.999])
    @pytest.mark.parametrize("table", ["areas", "observations", "deprivation"])
    def test_a_file_cut_short_is_one_sentence(self, copy, table, share):
        file = copy / f"{table}.csv"
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)].rstrip(b"\n"))
        with pytest.raises(StudyError, match=r"cut short|cannot be read|empty"):
            open_study(copy).read(table)

    def test_a_parquet_file_cut_short_is_one_sentence(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lsp_analysis.study.write.PARQUET_FROM_ROWS", 10)
        folder = write_small_study(tmp_path / "study", small_tables())
        file = folder / "observations.parquet"
        file.write_bytes(file.read_bytes()[:500])
        with pytest.raises(StudyError, match="cannot be read as table observations"):
            open_study(folder).read("observations")

    def test_a_wrong_encoding_is_one_sentence(self, copy):
        file = copy / "areas.csv"
        file.write_bytes(file.read_text("utf-8").encode("cp1252"))
        with pytest.raises(StudyError, match="lsp-analysis check"):
            open_study(copy).areas()

    def test_text_among_numbers_is_one_sentence(self, copy):
        set_cell(copy, "observations", 2, "numerator", "many")
        with pytest.raises(StudyError, match=r"cannot be read as table observations .Row #2.*many"):
            open_study(copy).panel("burglary")


class TestAreas:
    @pytest.mark.parametrize(
        "text",
        ["Hall i' th' Wood", "HALL I'TH'WOOD", "hall i‘ th’  wood", "Hall i`\u00a0th` Wood", "n1"],
    )
    def test_a_neighbourhood_comes_before_an_msoa_of_its_name(self, study, text):
        area = study.area(text)
        assert (area.code, area.area_type) == ("N1", "neighbourhood")
        assert area.members == ("E01000001",)
        assert area.is_pilot
        assert area.borough_code == BOROUGH
        assert area.slug == "hall-i-th-wood"

    def test_a_code_finds_what_a_name_does_not(self, study):
        assert study.area("E02000001").members == tuple(LSOAS)
        assert study.area(BOROUGH).members == tuple(LSOAS)
        assert study.area("E01000009").code_vintage == 2001

    def test_a_code_of_two_vintages_is_of_the_studys_own(self, study):
        area = study.area("e01000002")
        assert (area.code_vintage, area.name) == (2011, "Anytown 001B")
        assert area.members == ("E01000002",)

    def test_an_unknown_name_has_a_suggestion(self, study):
        with pytest.raises(AreaError, match='Did you mean "Hall i’ th’ Wood"'):
            study.area("Hall ith Wood")

    def test_areas_of_a_type_and_an_unknown_type(self, study):
        assert len(study.areas("lsoa")) == 7
        assert study.small_areas()["area_code"].tolist() == LSOAS
        with pytest.raises(ParameterError, match='Did you mean "lsoa"'):
            study.areas("lsao")

    def test_the_vintage_is_that_of_most_small_areas_unless_told(self, tmp_path):
        study = open_study(write_small_study(tmp_path / "study", about={"lsp:code_vintage": None}))
        assert (study.small_area_type, study.code_vintage) == ("lsoa", 2011)

    def test_the_rest_of_the_borough_leaves_the_area_out(self, study):
        assert study.rest_of_borough(study.area("N1")) == LSOAS[1:]
        with pytest.raises(AreaError, match="no rest of the borough"):
            study.rest_of_borough(study.area(BOROUGH))


class TestDeprivation:
    def test_comparators_are_chosen_on_the_last_edition_before_the_start(self, study):
        pilot = study.area("N1")
        assert study.similarly_deprived(pilot, before=pd.Period("2008-04"), n=2) == [
            "E01000003",
            "E01000004",
        ]
        assert study.similarly_deprived(pilot, before="2016-01", n=1) == ["E01000002"]
        with pytest.raises(AreaError, match="older than 2004"):
            study.similarly_deprived(pilot, before=2004)

    def test_editions_come_in_one_vintage_when_asked(self, study):
        made = study.deprivation(code_vintage=2011)
        assert made.groupby("edition")["area_code"].agg(list).tolist() == [LSOAS] * 3
        first = made[made["edition"] == 2004].set_index("area_code")["rank"]
        assert first["E01000003"] == first["E01000004"] == 1500
        assert set(study.deprivation(2004)["code_vintage"]) == {2001}


class TestGeometry:
    def test_boundaries_come_in_metres_for_the_codes_asked_for(self, study):
        shapes = study.geometry(["E01000002", "E01000001"])
        assert isinstance(shapes, gpd.GeoDataFrame)
        assert shapes.crs.to_epsg() == 27700
        assert shapes["area_code"].tolist() == LSOAS[:2]
        assert list(study.geometry()) == ["area_code", "geometry"]

    def test_neighbours_share_a_side_in_both_directions(self, study):
        pairs = set(study.neighbours().itertuples(index=False, name=None))
        chain = list(pairwise(LSOAS))
        assert pairs == {*chain, *((b, a) for a, b in chain)}

    def test_damaged_boundaries_are_one_sentence(self, copy):
        file = copy / "geometry.geojson"
        file.write_text(file.read_text()[:300])
        with pytest.raises(StudyError, match="cannot be read"):
            open_study(copy).geometry()

    @pytest.mark.filterwarnings("ignore:'crs' was not provided")
    def test_boundaries_without_crs_are_one_sentence(self, copy):
        shapes = squares().set_crs(None, allow_override=True)
        shapes.to_file(copy / "geometry.gpkg")
        text = (copy / "datapackage.json").read_text("utf-8")
        text = text.replace("geometry.geojson", "geometry.gpkg")
        (copy / "datapackage.json").write_text(text, "utf-8")
        with pytest.raises(StudyError, match="no coordinate reference system"):
            open_study(copy).geometry()

    def test_a_study_without_boundaries_says_so(self, tmp_path):
        study = open_study(write_small_study(tmp_path / "study", geometry=None))
        with pytest.raises(StudyError, match="no table geometry"):
            study.geometry()


class TestIndicators:
    def test_an_indicator_is_its_row(self, study):
        indicator = study.indicator("burglary")
        assert (indicator.unit, indicator.multiplier, indicator.theme) == ("per_1000", 1000, "")

    def test_an_unknown_indicator_has_a_suggestion(self, study):
        with pytest.raises(StudyError, match='Did you mean "burglary"'):
            study.indicator("burglery")

    def test_a_panel_is_of_small_areas_only(self, study):
        panel = study.panel("burglary")
        assert sorted(panel["area_code"].unique()) == LSOAS
        assert len(panel) == 48
        assert panel["period"].dtype == "period[M]"


def test_a_study_of_another_descriptor_reads_its_own_keys(copy):
    file = copy / "datapackage.json"
    descriptor = json.loads(file.read_text("utf-8"))
    descriptor |= {"lsp:code_vintage": 2001, "lsp:simulated": True, "name": None}
    file.write_text(json.dumps(descriptor), "utf-8")
    study = open_study(copy)
    assert study.small_areas()["area_code"].tolist() == ["E01000001", "E01000002", "E01000009"]
    assert study.note == "Simulated data"
    assert study.name == "study"
