"""Check boundaries: their coordinate reference system, valid polygons, one for each area."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import untrusted
from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.schema import GEOMETRY

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

# Bounds of the British National Grid in metres, with room to spare.
GRID_BOUNDS = (-100_000, -100_000, 800_000, 1_400_000)
FULL_CIRCLE = 360.0
NATIONAL_GRID = "EPSG:27700"
RESTORE = "Restore the file from a copy."


def check_geometry(path: Path, areas: pd.DataFrame | None) -> Iterator[Problem]:
    """Everything about the boundaries in the file `path`."""
    import geopandas

    try:
        read = geopandas.read_parquet if path.suffix == ".parquet" else geopandas.read_file
        if path.suffix == ".parquet":
            untrusted.refuse_vast_parquet(path, path.read_bytes())
        shapes = read(path)
    except Exception as error:  # GDAL, pyarrow and shapely share no base class
        first = (str(error).splitlines() or [type(error).__name__])[0]
        first = first.replace(str(path), path.name)[:160]
        yield Problem(path.name, f"The boundaries cannot be read ({first}).", RESTORE)
        return
    if shapes.empty:
        yield Problem(path.name, "The file holds no boundaries.", RESTORE)
    elif "area_code" not in shapes:
        problem = "The boundaries have no column area_code."
        remedy = "Add the areas' codes as a column area_code."
        yield Problem(path.name, problem, remedy, column="area_code")
    else:
        for said in _wrong_crs(shapes):
            yield Problem(path.name, *said, column="geometry")
        yield from _wrong_shapes(path.name, shapes, areas)


def _wrong_crs(shapes: GeoDataFrame) -> Iterator[tuple[str, str]]:
    """A coordinate reference system that is missing or cannot be that of the coordinates, and the
    remedy."""
    if shapes.crs is None:
        problem = "The boundaries have no coordinate reference system (CRS)."
        yield problem, "Save them with the one they are in."
        return
    remedy = "Find out which CRS the coordinates are in and save the file with it."
    degrees = bool(abs(shapes.total_bounds).max() <= FULL_CIRCLE)
    named = f"the coordinate reference system (CRS) {shapes.crs.to_string()}"
    if degrees != bool(shapes.crs.is_geographic):
        found, said = ("degrees", "metres") if degrees else ("metres", "degrees")
        yield f"The coordinates look like {found} but {named} is in {said}.", remedy
        return
    west, south, east, north = shapes.to_crs(NATIONAL_GRID).total_bounds
    left, bottom, right, top = GRID_BOUNDS
    if not (left <= west <= east <= right and bottom <= south <= north <= top):
        yield f"With {named} the boundaries lie outside Great Britain.", remedy


def _wrong_shapes(file: str, shapes: GeoDataFrame, areas: pd.DataFrame | None) -> Iterator[Problem]:
    """Shapes that are missing, no polygons, or cross themselves; codes drawn twice or unknown, and
    areas of a drawn type that have no polygon."""
    shapes.index = pd.RangeIndex(2, len(shapes) + 2)
    codes, kinds = shapes["area_code"], shapes.geom_type
    sheet = Sheet(GEOMETRY, file, pd.DataFrame({"geometry": codes.astype("str")}), shapes)
    missing = shapes.geometry.isna() | shapes.geometry.is_empty
    other = ~missing & ~kinds.isin(["Polygon", "MultiPolygon"])
    broken = ~missing & ~other & ~shapes.is_valid
    reasons = shapes.geometry[broken].is_valid_reason()
    repair = "Repair it, for example with make_valid in GeoPandas or Fix geometries in QGIS."
    yield from sheet.flag(missing, "geometry", "The area has no shape.", "Add its polygon.")
    said = "The shape is a {} and no polygon.".format
    yield from sheet.flag(other, "geometry", kinds[other].map(said).get, "Give the area's outline.")
    said = "The polygon is not valid ({}).".format
    yield from sheet.flag(broken, "geometry", reasons.map(said).get, repair)
    if areas is None:
        return
    twice, unknown = codes.duplicated(), ~codes.isin(areas["area_code"])
    yield from sheet.flag(twice, "geometry", "The area is drawn twice.", "Keep one polygon.")
    said, remedy = "The table areas has no such code.", "Correct the code, or add the area."
    yield from sheet.flag(unknown, "geometry", said, remedy)
    remedy = "Add its polygon, or correct its code in the boundaries."
    for _, alike in areas.groupby("area_type"):
        drawn = alike["area_code"].isin(codes)
        count = drawn.groupby(alike["code_vintage"]).sum()
        best = count[(count == count.max()) & (count > 0)].index.max()  # the vintage drawn best
        for code in alike.loc[(alike["code_vintage"] == best) & ~drawn, "area_code"].dropna():
            yield Problem(file, "The area has no polygon.", remedy, column="area_code", value=code)
