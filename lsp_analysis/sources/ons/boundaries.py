"""Polygons of LSOAs, MSOAs and wards: ONS Open Geography files, or UK-GeoJSON copies of them.

Recognised by the names of their properties (LSOA11CD, MSOA11CD, WD13CD). Polygons that cross
themselves are repaired and put on the National Grid (EPSG:27700).
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import refuse_gaps
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import AGAIN, first_bytes, open_text
from lsp_analysis.study.add.layouts import Layout

NATIONAL_GRID = "EPSG:27700"
LONGITUDE_LATITUDE = "OGC:CRS84"  # what GeoJSON means when it names no other
GREAT_BRITAIN = (5_000, 5_000, 660_000, 1_225_000)  # metres on the National Grid
IN_DEGREES = (-9, 49, 3, 62)  # the same in degrees
GEOJSON = (".geojson", ".json")
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
PROPERTY = re.compile(r'"(\w+)"\s*:')
CODE = re.compile(r"(oa|lsoa|msoa|wd)(\d\d)cd", re.IGNORECASE)
LEVELS = {"lsoa": "lsoa", "msoa": "msoa", "wd": "ward"}
TITLES = {"lsoa": "LSOA", "msoa": "MSOA", "ward": "Ward"}
# Files of the Open Geography Portal carry one of these; copies for the web do not.
PORTAL_PROPERTIES = {"fid", "objectid", "globalid", "bng_e"}
PORTAL = "Office for National Statistics, Open Geography Portal"
COPY = "Office for National Statistics, by way of UK-GeoJSON or another copy"


@dataclass(frozen=True)
class BoundaryFile:
    """A file of polygons: which areas, of which year, in which property their code is."""

    path: Path
    level: str  # lsoa, msoa or ward
    year: int
    code_property: str
    native: bool
    layer: str | None = None


def recognise_boundaries(path: Path) -> list[BoundaryFile]:
    """What areas each layer of a file holds, told by the property of the smallest areas' code.

    Raises
    ------
    SourceError
        The file cannot be opened.
    """
    found = []
    for layer, properties in _properties(path):
        kinds = {match[1].lower(): match for match in map(CODE.fullmatch, properties) if match}
        smallest = next((kinds[kind] for kind in LEVELS if kind in kinds), None)
        if smallest and "oa" not in kinds:
            native = bool(PORTAL_PROPERTIES & {name.casefold() for name in properties})
            level, year = LEVELS[smallest[1].lower()], 2000 + int(smallest[2])
            found.append(BoundaryFile(path, level, year, smallest[0], native, layer))
    return found


def _properties(path: Path) -> list[tuple[str | None, list[str]]]:
    """Names of properties by layer, from the first features or the file's own list of fields."""
    if path.suffix.lower() in GEOJSON:
        head = first_bytes(path).decode("utf-8", errors="replace")
        return [(None, PROPERTY.findall(head) if "FeatureCollection" in head else [])]
    import pyogrio

    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        return [(one, [*map(str, pyogrio.read_info(path, layer=one)["fields"])]) for one in layers]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError(f"{path.name} is not boundaries that can be opened. {AGAIN}") from error


def import_boundaries(
    found: Sequence[BoundaryFile],
    level: str,
    codes: Sequence[str],
    register: Register,
    year: int | None = None,
) -> pd.DataFrame | None:
    """Polygons of these areas from the first file that has them; None when no file has any.

    Parameters
    ----------
    found : from `recognise_boundaries`; the Portal's own come first, then those of `year`.
    level : lsoa, msoa or ward.
    codes : areas wanted.
    register : gets the file used, and how many polygons were repaired.
    year : the year of the codes; another year's polygons serve if they have all of these codes.

    Returns
    -------
    GeoDataFrame with ``area_code`` and valid polygons in EPSG:27700, one row per area.

    A file that is damaged, or has some of the areas but not all, is told in `register` and passed
    over.
    """
    ranked = sorted(
        (file for file in found if file.level == level),
        key=lambda file: (year not in (None, file.year), not file.native, file.path.name),
    )
    for file in ranked:
        name = file.path.name
        with register.guard(name):
            rows = _read(file, set(codes))
            if rows.empty:
                continue
            if year not in (None, file.year) and set(codes) - set(rows["area_code"]):
                register.spare[name] = f"its codes are of {file.year}"
                continue
            refuse_gaps(rows["area_code"], codes, name, what="polygon")
            for code in rows.loc[rows["area_code"].duplicated(), "area_code"]:
                raise SourceError(
                    f"{name} has more than one polygon for {code}. Keep one per area, as a "
                    "multipolygon if it has parts."
                )
            rows = _on_national_grid(rows, file, register)
            broken = ~rows.geometry.is_valid
            repaired = rows.geometry.make_valid(method="structure", keep_collapsed=False)
            rows = rows.set_geometry(rows.geometry.mask(broken, repaired))
            said = f"polygons repaired for crossing themselves: {broken.sum()}"
            title = f"{TITLES[level]} boundaries {file.year}"
            source = Layout(title, PORTAL if file.native else COPY)
            register.use_file(file.path, title, source, said if broken.any() else "")
            register.attributions.add("OS")  # boundaries carry Ordnance Survey data
            return rows.sort_values("area_code", ignore_index=True)
    return None


def _read(file: BoundaryFile, codes: Collection[str]) -> pd.DataFrame:
    """The polygons of these codes; GeoJSON read by json so that a cut file is always noticed."""
    import geopandas
    import shapely

    name = file.code_property
    if file.path.suffix.lower() not in GEOJSON:
        rows = geopandas.read_file(file.path, layer=file.layer, columns=[name])
        return rows[rows[name].isin(list(codes))].rename(columns={name: "area_code"})
    try:
        with open_text(file.path) as text:
            content = json.load(text)
        features = [one for one in content["features"] if one["properties"].get(name) in codes]
        shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
        crs = ((content.get("crs") or {}).get("properties") or {}).get("name")
    except (*MALFORMED, shapely.errors.ShapelyError) as error:
        raise SourceError(
            f"{file.path.name} is not whole GeoJSON: it breaks off or a feature is damaged "
            f"({error}). {AGAIN}"
        ) from error
    names = [feature["properties"][name] for feature in features]
    return geopandas.GeoDataFrame({"area_code": names}, geometry=shapes, crs=crs)


def _on_national_grid(rows: pd.DataFrame, file: BoundaryFile, register: Register) -> pd.DataFrame:
    """`rows` in EPSG:27700; SourceError where that does not put them in Great Britain.

    Coordinates that no file names are degrees or metres, as their size tells.
    """
    rows = rows[["area_code", "geometry"]]
    if rows.crs is None:
        geojson = file.path.suffix.lower() in GEOJSON
        degrees = _within(rows, IN_DEGREES) or (geojson and not _within(rows, GREAT_BRITAIN))
        rows = rows.set_crs(LONGITUDE_LATITUDE if degrees else NATIONAL_GRID)
        if not degrees:
            register.note(
                f"{file.path.name} does not name its coordinates; by their size they are metres of "
                "the National Grid (EPSG:27700)."
            )
    placed = rows.to_crs(NATIONAL_GRID)
    if not _within(placed, GREAT_BRITAIN):
        raise SourceError(
            f"The polygons of {file.path.name}, taken as {rows.crs.to_string()}, are not in Great "
            "Britain. Correct the coordinate reference system (CRS) the file names."
        )
    return placed


def _within(rows: pd.DataFrame, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = rows.total_bounds
    return bool(box[0] <= west <= east <= box[2] and box[1] <= south <= north <= box[3])
