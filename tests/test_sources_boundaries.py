"""Boundaries: whose file is used, where its polygons are, and what is done with broken ones."""

import json

import geopandas
import native_files as native
import pytest

from lsp_analysis.sources.formats import BOUNDARY_SUFFIXES, find_files
from lsp_analysis.sources.ons.boundaries import import_boundaries, recognise_boundaries
from lsp_analysis.sources.register import Register


def find_boundaries(folder):
    paths = find_files(folder, BOUNDARY_SUFFIXES)
    return [layer for path in paths for layer in recognise_boundaries(path)]


@pytest.fixture
def portal(tmp_path):
    return native.write_boundaries(tmp_path)


def taken(folder, codes=native.NEW, level="lsoa", register=None):
    return import_boundaries(find_boundaries(folder), level, codes, register or Register(), 2011)


def change(path, to, edit):
    content = json.loads(path.read_text())
    edit(content)
    (path.parent / to).write_text(json.dumps(content))


def test_longitude_and_latitude_become_metres_and_crossed_polygons_valid(portal):
    register = Register()
    shapes = taken(portal.parent, register=register)
    assert shapes.crs.to_epsg() == 27700
    assert shapes.is_valid.all()
    assert shapes.area.iloc[0] == pytest.approx(250_000, rel=1e-3)
    assert shapes.area.iloc[-1] == pytest.approx(
        125_000, rel=1e-3
    )  # the crossed square's two halves
    assert register.sources[0]["note"] == "polygons repaired for crossing themselves: 1"


def test_the_portal_comes_before_a_copy_whatever_they_are_called(portal):
    def strip(content):
        for feature in content["features"]:
            del feature["properties"]["GlobalID"]

    change(portal, "a-copy.json", strip)
    register = Register()
    taken(portal.parent, register=register)
    assert register.sources[0]["path"] == "areas.geojson"


def test_a_geopackage_gives_the_same_polygons_as_geojson(portal, tmp_path):
    geopandas.read_file(portal).to_file(tmp_path / "gpkg.gpkg", layer="areas")
    expected = taken(tmp_path)
    portal.unlink()
    made = taken(tmp_path)
    assert made.geom_equals_exact(expected, tolerance=0.01).all()


def test_a_file_of_other_areas_or_of_output_areas_is_passed_over(portal):
    assert taken(portal.parent, codes=native.OTHERS) is None

    def smaller(content):
        for feature in content["features"]:
            feature["properties"]["OA11CD"] = "E00099999"

    change(portal, portal.name, smaller)
    assert find_boundaries(portal.parent) == []


def test_metres_said_to_be_degrees_are_refused(portal):
    def drop(content):
        content["features"] = content["features"][:6]
        for feature in content["features"]:
            feature["geometry"] = {
                "type": "Polygon",
                "coordinates": [[[50, 50], [51, 50], [51, 51], [50, 50]]],
            }

    change(portal, portal.name, drop)
    register = Register()
    assert taken(portal.parent, register=register) is None
    assert "are not in Great Britain" in register.problems[portal.name]


def test_two_polygons_of_one_area_are_refused(portal):
    change(portal, portal.name, lambda content: content["features"].append(content["features"][0]))
    register = Register()
    assert taken(portal.parent, register=register) is None
    assert "more than one polygon for E01090001" in register.problems[portal.name]


def test_both_copies_of_the_real_boundaries_agree_but_for_how_they_are_generalised(shared):
    found = find_boundaries(shared("real") / "boundaries")
    portal_path = next(file.path for file in found if file.native)
    features = json.loads(portal_path.read_text())["features"]
    codes = [feature["properties"]["LSOA11CD"] for feature in features]
    lsoas = sorted((f for f in found if f.level == "lsoa"), key=lambda file: not file.native)
    portal, copy = (import_boundaries([file], "lsoa", codes, Register()) for file in lsoas)
    apart = portal.geometry.symmetric_difference(copy.geometry).area / portal.area
    assert len(portal) == 177
    assert apart.median() < 0.001
    assert apart.max() < 0.03


def in_metres(portal):
    shapes = geopandas.read_file(portal)[["LSOA11CD", "geometry"]]
    return shapes.to_crs("EPSG:27700")


def test_metres_in_geojson_that_names_no_coordinates_are_told_by_their_size(portal):
    expected = taken(portal.parent)
    content = json.loads(in_metres(portal).to_json(drop_id=True))
    content.pop("crs", None)
    portal.write_text(json.dumps(content))
    register = Register()
    made = taken(portal.parent, register=register)
    assert made.geom_equals_exact(expected, tolerance=0.01).all()
    assert "by their size they are metres" in register.notes[0]


def test_a_shapefile_without_its_projection_is_told_by_its_size(portal):
    expected = taken(portal.parent)
    in_metres(portal).to_file(portal.parent / "areas.shp")
    portal.unlink()
    (portal.parent / "areas.prj").unlink()
    made = taken(portal.parent).normalize()
    assert made.geom_equals_exact(expected.normalize(), tolerance=0.01).all()


def test_any_layer_of_a_geopackage_may_hold_the_areas(portal):
    expected = taken(portal.parent)
    path = portal.parent / "all.gpkg"
    regions = in_metres(portal).rename(columns={"LSOA11CD": "RGN11CD"})
    regions.to_file(path, layer="regions")
    in_metres(portal).to_file(path, layer="small", mode="a")
    portal.unlink()
    assert taken(path.parent).geom_equals_exact(expected, tolerance=0.01).all()
