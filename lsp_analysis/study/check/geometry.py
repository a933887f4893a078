"""Check boundaries: their coordinate reference system, valid polygons, one for each area."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lsp_analysis import untrusted
from lsp_analysis.study.check.problems import Problem

# Bounds of the British National Grid in metres, with room to spare.
GRID_BOUNDS = (-100_000, -100_000, 800_000, 1_400_000)
FULL_CIRCLE = 360.0
NATIONAL_GRID = "EPSG:27700"


def check_geometry(path: Path, areas: pd.DataFrame | None) -> list[Problem]:
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
        problem = f"The boundaries cannot be read ({first})."
        return [_whole(path, "", problem, "Restore the file from a copy.")]
    if shapes.empty:
        problem = "The file holds no boundaries."
        return [_whole(path, "", problem, "Restore the file from a copy.")]
    if "area_code" not in shapes:
        remedy = "Add the areas' codes as a column area_code."
        return [_whole(path, "area_code", "The boundaries have no column area_code.", remedy)]
    shapes.index = pd.RangeIndex(2, len(shapes) + 2)
    problems = check_crs(path, shapes) + check_polygons(path, shapes)
    return problems if areas is None else problems + check_codes(path, shapes["area_code"], areas)


def check_crs(path: Path, shapes: object) -> list[Problem]:
    """A coordinate reference system that is missing or cannot be that of the coordinates."""
    if shapes.crs is None:
        problem = "The boundaries have no coordinate reference system (CRS)."
        return [_whole(path, "geometry", problem, "Save them with the one they are in.")]
    west, south, east, north = shapes.total_bounds
    degrees = max(abs(west), abs(south), abs(east), abs(north)) <= FULL_CIRCLE
    remedy = "Find out which CRS the coordinates are in and save the file with it."
    if degrees != bool(shapes.crs.is_geographic):
        found, named = ("degrees", "metres") if degrees else ("metres", "degrees")
        problem = (
            f"The coordinates look like {found} but the coordinate reference system (CRS) "
            f"{shapes.crs.to_string()} is in {named}."
        )
        return [_whole(path, "geometry", problem, remedy)]
    bounds = shapes.to_crs(NATIONAL_GRID).total_bounds
    low, high = GRID_BOUNDS[:2], GRID_BOUNDS[2:]
    inside = all(low[i % 2] <= bound <= high[i % 2] for i, bound in enumerate(bounds))
    if not inside:
        problem = (
            f"With the coordinate reference system (CRS) {shapes.crs.to_string()} the boundaries "
            "lie outside Great Britain."
        )
        return [_whole(path, "geometry", problem, remedy)]
    return []


def check_polygons(path: Path, shapes: object) -> list[Problem]:
    """Shapes that are missing, no polygons, or cross themselves."""
    problems = []
    missing = shapes.geometry.isna() | shapes.geometry.is_empty
    polygon = shapes.geom_type.isin(["Polygon", "MultiPolygon"])
    reasons = shapes.geometry[~missing & polygon & ~shapes.is_valid].is_valid_reason()
    for row, code in shapes.loc[missing, "area_code"].items():
        problems.append(_at(path, row, code, "The area has no shape.", "Add its polygon."))
    for row, code in shapes.loc[~missing & ~polygon, "area_code"].items():
        problem = f"The shape is a {shapes.geom_type[row]} and no polygon."
        problems.append(_at(path, row, code, problem, "Give the area's outline."))
    for row, reason in reasons.items():
        problem = f"The polygon is not valid ({reason})."
        remedy = "Repair it, for example with make_valid in GeoPandas or Fix geometries in QGIS."
        problems.append(_at(path, row, shapes.loc[row, "area_code"], problem, remedy))
    return problems


def check_codes(path: Path, codes: pd.Series, areas: pd.DataFrame) -> list[Problem]:
    """Codes drawn twice or unknown, and areas of a drawn type that have no polygon."""
    problems = []
    for row, code in codes[codes.duplicated()].items():
        problems.append(_at(path, row, code, "The area is drawn twice.", "Keep one polygon."))
    for row, code in codes[~codes.isin(areas["area_code"])].items():
        problem = "The table areas has no such code."
        problems.append(_at(path, row, code, problem, "Correct the code, or add the area."))
    for code in _undrawn(codes, areas):
        problem = "The area has no polygon."
        remedy = "Add its polygon, or correct its code in the boundaries."
        problems.append(Problem(path.name, 0, "area_code", code, problem, remedy))
    return problems


def _undrawn(codes: pd.Series, areas: pd.DataFrame) -> list[str]:
    """Codes without a polygon, of each type and vintage that is drawn best."""
    drawn = areas["area_code"].isin(codes)
    missing: list[str] = []
    for _, alike in areas.assign(drawn=drawn).groupby("area_type"):
        count = alike.groupby("code_vintage")["drawn"].sum()
        if count.max() > 0:
            best = count[count == count.max()].index.max()
            rows = alike[(alike["code_vintage"] == best) & ~alike["drawn"]]
            missing += rows["area_code"].dropna().tolist()
    return missing


def _whole(path: Path, column: str, problem: str, remedy: str) -> Problem:
    return Problem(path.name, 0, column, "", problem, remedy)


def _at(path: Path, row: int, code: object, problem: str, remedy: str) -> Problem:
    return Problem(path.name, int(row), "geometry", str(code), problem, remedy)
