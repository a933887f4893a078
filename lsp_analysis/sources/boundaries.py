"""Polygons of LSOAs, MSOAs and wards: ONS Open Geography files, or UK-GeoJSON copies of them.

Recognised by the names of their properties (LSOA11CD, MSOA11CD, WD13CD). Polygons that cross
themselves are repaired and put on the National Grid (EPSG:27700).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import files
from lsp_analysis.sources.formats import Publication
from lsp_analysis.sources.register import Register

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

NATIONAL_GRID = "EPSG:27700"
LONGITUDE_LATITUDE = "OGC:CRS84"  # what GeoJSON means when it names no other
GREAT_BRITAIN = (0, 0, 700_000, 1_300_000)  # metres on the National Grid
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

    @property
    def publication(self) -> Publication:
        """Title and publisher, for the record of sources."""
        title = f"{TITLES[self.level]} boundaries {self.year}"
        return Publication(title, PORTAL if self.native else COPY)


def find_boundaries(folder: Path) -> list[BoundaryFile]:
    """Every file of LSOA, MSOA or ward polygons below `folder`, the Portal's own first."""
    recognised = [_recognise(path) for path in files.find_files(folder, files.BOUNDARY_SUFFIXES)]
    found = [file for file in recognised if file is not None]
    return sorted(found, key=lambda file: (not file.native, file.path.name))


def _recognise(path: Path) -> BoundaryFile | None:
    """What areas a file holds, told by the first property that is a code; None when by none."""
    properties = _properties(path)
    codes = [match for match in map(CODE.fullmatch, properties) if match]
    kinds = {match[1].lower(): match for match in codes}
    smallest = next((kinds[kind] for kind in ("oa", *LEVELS) if kind in kinds), None)
    if smallest is None or smallest[1].lower() == "oa":
        return None
    native = bool(PORTAL_PROPERTIES & {name.casefold() for name in properties})
    level, year = LEVELS[smallest[1].lower()], 2000 + int(smallest[2])
    return BoundaryFile(path, level, year, smallest[0], native)


def _properties(path: Path) -> list[str]:
    """Names of properties, from the first features or the file's own list of fields."""
    if path.suffix.lower() in (".geojson", ".json"):
        head = files.first_bytes(path).decode("utf-8", errors="replace")
        return PROPERTY.findall(head) if "FeatureCollection" in head else []
    import pyogrio

    try:
        return [str(name) for name in pyogrio.read_info(path)["fields"]]
    except pyogrio.errors.DataSourceError as error:
        raise SourceError(
            f"{path.name} is not boundaries that can be opened. {files.AGAIN}"
        ) from error


def import_boundaries(
    found: Sequence[BoundaryFile],
    level: str,
    codes: Sequence[str],
    register: Register,
    year: int | None = None,
) -> GeoDataFrame | None:
    """Polygons of these areas from the first file that has them; None when no file has any.

    Parameters
    ----------
    found : from `find_boundaries`, in order of preference.
    level : lsoa, msoa or ward.
    codes : areas wanted.
    register : gets the file used, and how many polygons were repaired.
    year : take files of this vintage only.

    Returns
    -------
    GeoDataFrame with ``area_code`` and valid polygons in EPSG:27700, one row per area.

    Raises
    ------
    SourceError
        A file is damaged, or has some of the areas but not all.
    """
    for file in found:
        if file.level != level or year not in (None, file.year):
            continue
        rows = _read(file, set(codes))
        if rows.empty:
            continue
        _refuse_repeats_and_gaps(rows["area_code"].tolist(), codes, file)
        rows = _on_national_grid(rows, file)
        valid, repaired = _repair(rows)
        note = f"polygons repaired for crossing themselves: {repaired}" if repaired else ""
        register.use_file(file.path, file.publication.title, file.publication, note)
        register.use_ordnance_survey()
        return valid.sort_values("area_code", ignore_index=True)
    return None


def _read(file: BoundaryFile, codes: Collection[str]) -> GeoDataFrame:
    if file.path.suffix.lower() in (".geojson", ".json"):
        return _read_geojson(file, codes)
    import geopandas

    rows = geopandas.read_file(file.path, columns=[file.code_property])
    rows = rows[rows[file.code_property].isin(list(codes))]
    return rows.rename(columns={file.code_property: "area_code"})


def _read_geojson(file: BoundaryFile, codes: Collection[str]) -> GeoDataFrame:
    """Features of these codes, read by json so that a cut file is always noticed."""
    import geopandas
    import shapely

    try:
        with files.open_text(file.path) as text:
            content = json.load(text)
        features = [
            feature
            for feature in content["features"]
            if feature["properties"].get(file.code_property) in codes
        ]
        shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise SourceError(
            f"{file.path.name} is not whole GeoJSON: it breaks off or a feature is damaged "
            f"({error}). {files.AGAIN}"
        ) from error
    names = [feature["properties"][file.code_property] for feature in features]
    return geopandas.GeoDataFrame({"area_code": names}, geometry=shapes, crs=_crs_of(content))


def _crs_of(content: dict[str, Any]) -> str:
    named = content.get("crs") or {}
    return (named.get("properties") or {}).get("name") or LONGITUDE_LATITUDE


def _refuse_repeats_and_gaps(have: list[str], wanted: Sequence[str], file: BoundaryFile) -> None:
    missing = sorted(set(wanted) - set(have))
    if missing:
        raise SourceError(
            f"{file.path.name} has no polygon for {len(missing)} of the {len(wanted)} areas of "
            f"this kind in the borough: {', '.join(missing[:5])}. "
            f"The file is cut or trimmed. {files.AGAIN}"
        )
    if len(have) > len(set(have)):
        repeated = next(code for code in have if have.count(code) > 1)
        raise SourceError(
            f"{file.path.name} has more than one polygon for {repeated}. Keep one per area, as a "
            "multipolygon if it has parts."
        )


def _on_national_grid(rows: GeoDataFrame, file: BoundaryFile) -> GeoDataFrame:
    """`rows` in EPSG:27700; SourceError where that does not put them in Great Britain."""
    if rows.crs is None:
        raise SourceError(f"{file.path.name} does not say which coordinates it is in. Add its CRS.")
    placed = rows[["area_code", "geometry"]].to_crs(NATIONAL_GRID)
    west, south, east, north = placed.total_bounds
    inside = GREAT_BRITAIN[0] <= west <= east <= GREAT_BRITAIN[2]
    if not (inside and GREAT_BRITAIN[1] <= south <= north <= GREAT_BRITAIN[3]):
        raise SourceError(
            f"The polygons of {file.path.name}, taken as {rows.crs.to_string()}, are not in Great "
            "Britain. Correct the coordinate reference system (CRS) the file names."
        )
    return placed


def _repair(rows: GeoDataFrame) -> tuple[GeoDataFrame, int]:
    """`rows` with valid polygons, and how many were not."""
    broken = ~rows.geometry.is_valid
    repaired = rows.geometry.make_valid(method="structure", keep_collapsed=False)
    return rows.set_geometry(rows.geometry.mask(broken, repaired)), int(broken.sum())
