"""The check finds damage of whole files, of how they are written, and of boundaries."""

from __future__ import annotations

import json
import shutil

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Polygon
from small_study import (
    add_column,
    change_descriptor,
    found,
    read_rows,
    row_of,
    set_cell,
    small_tables,
    squares,
    write_rows,
    write_small_study,
)

from lsp_analysis.errors import StudyError
from lsp_analysis.study import check_study


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_small_study(tmp_path_factory.mktemp("sound") / "study")


@pytest.fixture
def study(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "study")


class TestEncoding:
    def test_cp1252_text_is_found_with_its_row(self, study):
        text = (study / "areas.csv").read_text(encoding="utf-8")
        (study / "areas.csv").write_bytes(text.encode("cp1252"))
        (problem,) = check_study(study)
        assert (problem.file, problem.row) == ("areas.csv", 10)
        assert "cp1252" in problem.problem

    def test_a_byte_order_mark_is_found(self, study):
        content = (study / "areas.csv").read_bytes()
        (study / "areas.csv").write_bytes(b"\xef\xbb\xbf" + content)
        (problem,) = check_study(study)
        assert (problem.file, problem.row) == ("areas.csv", 1)

    def test_utf16_is_found_and_read(self, study):
        text = (study / "areas.csv").read_text(encoding="utf-8")
        (study / "areas.csv").write_text(text, encoding="utf-16")
        (problem,) = check_study(study)
        assert "UTF-16" in problem.problem

    def test_lone_carriage_returns_and_blank_lines_do_not_shift_rows(self, study):
        set_cell(study, "observations", 5, "numerator", "-3")
        text = (study / "observations.csv").read_text(encoding="utf-8").splitlines()
        text.insert(2, "")
        (study / "observations.csv").write_text("\r\n".join(text), encoding="utf-8", newline="")
        assert found(study, row=6, column="numerator", problem="below zero")


class TestFiles:
    def test_a_missing_file_is_found(self, study):
        (study / "plan.csv").unlink()
        (problem,) = check_study(study)
        assert problem.file == "plan.csv"
        assert "missing" in problem.problem

    def test_a_damaged_descriptor_does_not_stop_the_check(self, study):
        text = (study / "datapackage.json").read_text(encoding="utf-8")
        (study / "datapackage.json").write_text(text[: len(text) // 2], encoding="utf-8")
        set_cell(study, "observations", 5, "numerator", "-3")
        assert {problem.file for problem in check_study(study)} == {
            "datapackage.json",
            "observations.csv",
        }

    def test_a_missing_required_table_is_found(self, study):
        descriptor = json.loads((study / "datapackage.json").read_text(encoding="utf-8"))
        kept = [item for item in descriptor["resources"] if item["name"] != "indicators"]
        text = json.dumps(descriptor | {"resources": kept})
        (study / "datapackage.json").write_text(text, encoding="utf-8")
        (problem,) = check_study(study)
        assert "no table indicators" in problem.problem

    def test_a_misspelt_table_is_found(self, study):
        text = (study / "datapackage.json").read_text(encoding="utf-8")
        text = text.replace('"name": "populations"', '"name": "population"')
        (study / "datapackage.json").write_text(text, encoding="utf-8")
        (problem,) = check_study(study)
        assert 'Did you mean "populations"' in problem.problem

    def test_a_missing_column_is_found_with_the_likely_misspelling(self, study):
        file = study / "areas.csv"
        text = file.read_text(encoding="utf-8").replace("area_name", "area name", 1)
        file.write_text(text, encoding="utf-8")
        (problem,) = check_study(study)
        assert (problem.row, problem.column) == (1, "area_name")
        assert 'Is it "area name"' in problem.problem

    @pytest.mark.parametrize("written", ["numerater", "Numerator"])
    def test_an_optional_column_that_nothing_reads_is_found(self, study, written):
        file = study / "observations.csv"
        text = file.read_text(encoding="utf-8").replace("numerator", written, 1)
        file.write_text(text, encoding="utf-8")
        (problem,) = found(study, column=written)
        assert (problem.row, problem.value) == (1, written)
        assert "Is it numerator" in problem.problem

    def test_a_column_of_the_analysts_own_is_no_problem(self, study):
        add_column(study, "observations", "checked_by")
        assert check_study(study) == []

    @pytest.mark.parametrize("column", ["area_code", "note"])
    def test_a_quotation_mark_never_closed_is_found_where_it_opens(self, study, column):
        file = study / "observations.csv"
        lines = file.read_text(encoding="utf-8").split("\n")
        cells = lines[9].split(",")
        cells[lines[0].split(",").index(column)] = '"' + cells[lines[0].split(",").index(column)]
        lines[9] = ",".join(cells)
        file.write_text("\n".join(lines), encoding="utf-8")
        assert found(study, file="observations.csv", row=10, problem="without its fellow")

    @pytest.mark.parametrize(
        ("damage", "phrase"),
        [
            (lambda content: content.replace(b",", b";"), "parted by semicolons"),
            (lambda content: content.replace(b",", b"\t"), "parted by tabs"),
            (lambda content: b"Areas of Anytown\n\n" + content, "header stands in row 3"),
            (lambda content: b"\n" + content, "header stands in row 2"),
            (lambda content: b"a,b\n1,2\n", "names no column of the table areas"),
            (lambda content: b"PK\x03\x04" + content, "is an Excel workbook"),
            (lambda content: content + b"x" * 200_000, "cannot be read (field larger"),
        ],
    )
    def test_a_file_of_another_form_is_one_problem(self, study, damage, phrase):
        file = study / "areas.csv"
        file.write_bytes(damage(file.read_bytes()))
        (problem,) = check_study(study)
        assert problem.file == "areas.csv"
        assert phrase in problem.problem

    @pytest.mark.parametrize("form", ["utf-16-le", "utf-16-be"])
    def test_utf16_without_a_mark_is_found_and_read(self, study, form):
        file = study / "areas.csv"
        file.write_bytes(file.read_text(encoding="utf-8").encode(form))
        (problem,) = check_study(study)
        assert "UTF-16" in problem.problem

    @pytest.mark.parametrize("table", ["areas", "indicators", "observations"])
    def test_a_required_table_without_rows_is_found(self, study, table):
        file = study / f"{table}.csv"
        file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
        assert found(study, file=file.name, problem="no rows")

    def test_a_study_written_without_observations_is_sound(self, tmp_path):
        tables = small_tables()
        tables["observations"] = tables["observations"].iloc[:0]
        assert check_study(write_small_study(tmp_path / "s", tables, record_hashes=True)) == []

    @pytest.mark.parametrize("path", ["../areas.csv", "/areas.csv", "link.csv"])
    def test_a_path_out_of_the_study_is_found_and_not_followed(self, study, path):
        shutil.copy(study / "areas.csv", study.parent / "areas.csv")
        (study / "link.csv").symlink_to(study.parent / "areas.csv")
        change_descriptor(study, "areas", path=path)
        (problem,) = check_study(study)
        assert (problem.file, problem.column, problem.value) == ("datapackage.json", "path", path)

    def test_a_path_no_system_takes_is_a_missing_file(self, study):
        change_descriptor(study, "plan", path="p" * 5000)
        assert [problem.problem for problem in check_study(study) if "missing" in problem.problem]

    def test_a_size_that_is_no_number_does_not_stop_the_check(self, study):
        change_descriptor(study, "plan", hash="sha256:0", bytes="many")
        (problem,) = check_study(study)
        assert "resources[7].bytes must be integer" in problem.problem

    def test_a_table_listed_twice_or_not_at_all_is_found(self, study):
        file = study / "datapackage.json"
        descriptor = json.loads(file.read_text(encoding="utf-8"))
        listed = [item for item in descriptor["resources"] if item["name"] != "plan"]
        descriptor["resources"] = [*listed, listed[0]]
        file.write_text(json.dumps(descriptor), encoding="utf-8")
        twice, unlisted = check_study(study)
        assert "twice" in twice.problem
        assert (unlisted.file, "not listed" in unlisted.problem) == ("plan.csv", True)

    @pytest.mark.parametrize(
        ("key", "given", "remedy"),
        [
            ("code_vintage", 1999, "Write one of 2001, 2011."),
            ("code_vintage", "new", "Write one of 2001, 2011."),
            ("small_area_type", "lsaa", "lsoa"),
        ],
    )
    def test_areas_the_descriptor_works_in_must_be_there(self, study, key, given, remedy):
        file = study / "datapackage.json"
        descriptor = json.loads(file.read_text(encoding="utf-8")) | {f"lsp:{key}": given}
        file.write_text(json.dumps(descriptor), encoding="utf-8")
        (problem,) = check_study(study)
        assert problem.value == str(given)
        assert remedy in problem.remedy

    def test_a_row_with_too_many_cells_is_found(self, study):
        rows = read_rows(study / "areas.csv")
        rows[2].append("more")
        write_rows(study / "areas.csv", rows)
        (problem,) = check_study(study)
        assert (problem.row, problem.problem) == (3, "The row has 7 cells, not 6.")

    def test_an_empty_file_is_found(self, study):
        (study / "plan.csv").write_text("")
        (problem,) = check_study(study)
        assert "empty" in problem.problem

    def test_an_edited_file_differs_from_its_hash(self, tmp_path):
        folder = write_small_study(tmp_path / "study", record_hashes=True)
        assert check_study(folder) == []
        row = row_of(folder, "areas", area_code="E01000002")
        set_cell(folder, "areas", row, "area_name", "Another name")
        (problem,) = check_study(folder)
        assert "changed after its hash" in problem.problem

    def test_a_file_cut_short_is_found(self, tmp_path):
        folder = write_small_study(tmp_path / "study", record_hashes=True)
        file = folder / "observations.csv"
        file.write_bytes(file.read_bytes()[:2000])
        assert found(folder, file="observations.csv", problem="cut short")

    def test_damage_in_parquet_is_found_in_its_row(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lsp_analysis.study.write.PARQUET_FROM_ROWS", 10)
        tables = small_tables()
        tables["observations"].loc[3, "numerator"] = -3
        folder = write_small_study(tmp_path / "study", tables)
        hits = found(folder, file="observations.parquet", row=5, column="numerator")
        assert [hit.value for hit in hits] == ["-3.0"]

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path):
        with pytest.raises(StudyError, match="no study folder"):
            check_study(tmp_path / "nowhere")


class TestGeometry:
    def redraw(self, folder, shapes, name="geometry.geojson"):
        (folder / "geometry.geojson").unlink()
        if name.endswith("gpkg"):
            text = (folder / "datapackage.json").read_text(encoding="utf-8")
            text = text.replace("geometry.geojson", name)
            (folder / "datapackage.json").write_text(text, encoding="utf-8")
        shapes.to_file(folder / name)

    @pytest.mark.filterwarnings("ignore:'crs' was not provided")
    def test_a_missing_crs_is_found(self, study):
        self.redraw(study, squares().set_crs(None, allow_override=True), "geometry.gpkg")
        (problem,) = check_study(study)
        assert "no coordinate reference system" in problem.problem

    @pytest.mark.parametrize(
        ("claimed", "phrase"),
        [("EPSG:4326", "look like metres"), ("EPSG:32633", "outside Great Britain")],
    )
    def test_a_wrong_crs_is_found(self, study, claimed, phrase):
        wrong = squares().set_crs(claimed, allow_override=True)
        self.redraw(study, wrong, "geometry.gpkg")
        (problem,) = check_study(study)
        assert phrase in problem.problem

    def test_degrees_called_metres_are_found(self, study):
        wrong = squares().to_crs(4326).set_crs(27700, allow_override=True)
        self.redraw(study, wrong, "geometry.gpkg")
        (problem,) = check_study(study)
        assert "look like degrees" in problem.problem

    def test_other_valid_crs_are_fine(self, study):
        self.redraw(study, squares().to_crs(4326))
        assert check_study(study) == []

    def test_an_invalid_polygon_is_found_in_its_row(self, study):
        shapes = squares()
        bow_tie = Polygon([(372e3, 41e4), (373e3, 411e3), (373e3, 41e4), (372e3, 411e3)])
        shapes.loc[2, "geometry"] = bow_tie
        self.redraw(study, shapes)
        (problem,) = check_study(study)
        assert (problem.row, problem.value) == (4, "E01000003")
        assert "Self-intersection" in problem.problem

    def test_points_and_missing_shapes_are_found(self, study):
        shapes = squares()
        shapes.loc[0, "geometry"] = shapes.geometry[0].centroid
        shapes.loc[1, "geometry"] = None
        self.redraw(study, shapes, "geometry.gpkg")
        assert [p.problem for p in check_study(study)] == [
            "The shape is a Point and no polygon.",
            "The area has no shape.",
        ]

    def test_an_area_without_polygon_is_found(self, study):
        self.redraw(study, squares().iloc[:3])
        (problem,) = check_study(study)
        assert (problem.file, problem.value) == ("geometry.geojson", "E01000004")

    def test_codes_drawn_twice_or_unknown_are_found(self, study):
        shapes = squares()
        more = shapes.iloc[[0, 1]].assign(area_code=["E01000001", "E01888888"])
        self.redraw(study, gpd.GeoDataFrame(pd.concat([shapes, more], ignore_index=True)))
        said = {(p.row, p.value, p.problem) for p in check_study(study)}
        assert said == {
            (6, "E01000001", "The area is drawn twice."),
            (7, "E01888888", "The table areas has no such code."),
        }

    def test_a_geometry_file_that_cannot_be_read_is_found(self, study):
        (study / "geometry.geojson").write_text('{"type": "Feat')
        (problem,) = check_study(study)
        assert "cannot be read" in problem.problem
