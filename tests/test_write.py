"""A study is written whole or not at all, and twice the same."""

from __future__ import annotations

import json
import os

import geopandas as gpd
import pandas as pd
import pytest
from small_study import small_tables, squares, write_small_study

from lsp_analysis.errors import StudyError
from lsp_analysis.study import open_study, write_study
from lsp_analysis.study.write import whole_folder


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_tables_make_the_same_bytes(tmp_path):
    first = write_small_study(tmp_path / "a", small_tables(), record_hashes=True)
    second = write_small_study(tmp_path / "b", small_tables(), record_hashes=True)
    assert contents(first) == contents(second)


def test_csv_has_plain_newlines_and_utf8_without_mark(tmp_path):
    content = (write_small_study(tmp_path / "study", small_tables()) / "areas.csv").read_bytes()
    assert content.startswith(b"area_code,")
    assert b"\r" not in content
    assert "Hall i’ th’ Wood".encode() in content


def test_hash_and_size_are_those_of_the_file(tmp_path):
    import hashlib

    folder = write_small_study(tmp_path / "study", small_tables(), record_hashes=True)
    for resource in json.loads((folder / "datapackage.json").read_text("utf-8"))["resources"]:
        content = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_what_is_written_is_read_back(tmp_path):
    tables = small_tables()
    study = open_study(write_small_study(tmp_path / "study", tables))
    for name, frame in tables.items():
        back = study.read(name, columns=list(frame))
        for column in frame:
            given = frame[column].reset_index(drop=True)
            if back[column].dtype.kind == "M":
                given = pd.to_datetime(given)
            pd.testing.assert_series_equal(back[column], given, check_dtype=False)


def test_codes_keep_their_zeros(tmp_path):
    tables = small_tables()
    tables["events"]["event_id"] = ["007"]
    study = open_study(write_small_study(tmp_path / "study", tables))
    assert study.read("events").loc[0, "event_id"] == "007"
    assert study.read("events", where={"event_id": "007"}).shape[0] == 1
    assert study.read("events", where={"event_id": "7"}).empty


def test_a_large_table_becomes_parquet_and_reads_the_same(tmp_path, monkeypatch):
    as_csv = open_study(write_small_study(tmp_path / "csv", small_tables()))
    monkeypatch.setattr("lsp_analysis.study.write.PARQUET_FROM_ROWS", 10)
    as_parquet = open_study(write_small_study(tmp_path / "parquet", small_tables()))
    assert (tmp_path / "parquet" / "observations.parquet").is_file()
    assert not (tmp_path / "parquet" / "observations.csv").exists()
    for where in ({}, {"indicator_id": "health"}, {"note": "suppressed"}):
        pd.testing.assert_frame_equal(
            as_csv.read("observations", where=where), as_parquet.read("observations", where=where)
        )


def test_a_failure_leaves_the_older_study_and_nothing_half_written(tmp_path):
    folder = write_small_study(tmp_path / "study", small_tables())
    before = contents(folder)
    tables = small_tables()
    tables["observations"] = tables["observations"].drop(columns="period_end")
    with pytest.raises(StudyError, match="Table observations has no column period_end"):
        write_small_study(folder, tables)
    assert contents(folder) == before
    assert os.listdir(tmp_path) == ["study"]


def test_a_failure_of_any_kind_leaves_nothing(tmp_path):
    def write_half():
        with whole_folder(tmp_path / "study") as folder:
            (folder / "file").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert os.listdir(tmp_path) == []


def test_files_of_their_own_are_carried_over(tmp_path):
    folder = write_small_study(tmp_path / "study", small_tables())
    (folder / "notes.txt").write_text("mine")
    (folder / "papers").mkdir()
    (folder / "papers" / "minutes.txt").write_text("agreed")
    tables = small_tables()
    del tables["plan"]
    write_small_study(folder, tables)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "papers" / "minutes.txt").read_text() == "agreed"
    assert not (folder / "plan.csv").exists()


def test_something_else_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("meow")
    with pytest.raises(StudyError, match="left alone"):
        write_small_study(tmp_path / "photos", small_tables())
    (tmp_path / "file").write_text("text")
    with pytest.raises(StudyError, match="is a file"):
        write_small_study(tmp_path / "file", small_tables())
    assert sorted(os.listdir(tmp_path)) == ["file", "photos"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(StudyError, match="cannot be written"):
        write_small_study(tmp_path / "file" / "study", small_tables())


def test_unknown_tables_and_wrong_types_are_refused(tmp_path):
    tables = small_tables()
    with pytest.raises(StudyError, match=r'no table "plans".* Did you mean "plan"'):
        write_small_study(tmp_path / "a", tables | {"plans": tables["plan"]})
    del tables["areas"]
    with pytest.raises(StudyError, match="needs the tables areas"):
        write_small_study(tmp_path / "b", tables)
    tables = small_tables()
    tables["populations"]["population"] = "many"
    with pytest.raises(StudyError, match="population of table populations should hold number"):
        write_small_study(tmp_path / "c", tables)


def test_defaults_fill_what_is_left_out(tmp_path):
    rows = open_study(write_small_study(tmp_path / "study", small_tables())).read("observations")
    assert (rows[["sex", "age", "group"]] == "all").all(axis=None)


def test_columns_of_their_own_are_kept_as_text(tmp_path):
    tables = small_tables()
    tables["areas"]["housing_office"] = "01"
    study = open_study(write_small_study(tmp_path / "study", tables))
    assert set(study.areas()["housing_office"]) == {"01"}


def test_boundaries_are_stored_in_metres_to_the_centimetre(tmp_path):
    folder = write_small_study(tmp_path / "study", geometry=squares().to_crs(4326))
    shapes = gpd.read_file(folder / "geometry.geojson")
    assert shapes.crs.to_epsg() == 27700
    assert shapes.geom_equals_exact(squares(), tolerance=0.02).all()


def test_boundaries_without_crs_are_refused(tmp_path):
    shapes = squares().set_crs(None, allow_override=True)
    with pytest.raises(StudyError, match="coordinate reference system"):
        write_small_study(tmp_path / "study", geometry=shapes)
    assert os.listdir(tmp_path) == []


def test_further_files_are_written_with_the_study(tmp_path):
    folder = write_study(
        tmp_path / "study",
        small_tables(),
        about={"lsp:simulated": True, "lsp:attribution": "Contains data."},
        extra_files={"truth.json": "{}"},
    )
    study = open_study(folder)
    assert (folder / "truth.json").read_text() == "{}"
    assert study.simulated
    assert study.note == "Simulated data"
    assert study.attribution == "Contains data."
