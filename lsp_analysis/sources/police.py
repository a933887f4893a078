"""Street-level crime of data.police.uk: monthly files of a force, and tables of points from them.

A force's file says in which LSOA each crime is; a copy cut down to points is placed by the
borough's boundaries. Points are anonymised: each is moved to the nearest of a fixed list of anchor
points, so a crime near the edge of a small area may be counted next door.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import SourceError
from lsp_analysis.sources import reading
from lsp_analysis.sources.boundaries import NATIONAL_GRID
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable
from lsp_analysis.sources.geography import Geography
from lsp_analysis.sources.lookups import NEW
from lsp_analysis.sources.register import Register

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

KIND, KIND_POINTS = "police", "police_points"
TITLE = "Street-level crime"
PUBLISHER = "data.police.uk"
MONTH = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])")
LONGITUDE_LATITUDE = "EPSG:4326"
COVERING = 0.5  # least share of a borough's areas with a crime for a force to be the borough's own
UNPLACED = 0.01  # share of a month's crimes without a place above which the month is not used

ALWAYS = {"month": "month", "crime_type": "crime[ .]type"}
POINT = {"longitude": "longitude", "latitude": "latitude"}
CODED = {"area_code": "lsoa[ .]code"}
REST = {
    "crime_id": "crime[ .]id",
    "force": "falls[ .]within",
    "area_name": "lsoa[ .]name",
}
# What identifies a crime that has no Crime ID, as anti-social behaviour has none.
CELLS = ["month", "crime_type", "force", "longitude", "latitude", "area_code"]


def _refuse(table: SourceTable, texts: dict[str, str]) -> dict[str, int]:
    """Stop at a street file that lacks a column; other tables of data.police.uk have no outcome."""
    wanted = {
        "Month": ALWAYS["month"],
        "Crime type": ALWAYS["crime_type"],
        "LSOA code": "lsoa.code",
    }
    lacking = [
        name
        for name, pattern in wanted.items()
        if not any(re.fullmatch(pattern, heading) for heading in table.headings)
    ]
    raise SourceError(
        f"{table.place} is a street file of data.police.uk without its column "
        f"{' and '.join(lacking)}. Download it again, or move it out of the folder."
    )


FORMATS = (
    Format(KIND, Publication(TITLE, PUBLISHER), {**ALWAYS, **CODED}, {**POINT, **REST}),
    Format(
        KIND_POINTS,
        Publication(f"{TITLE}, points", f"{PUBLISHER}, by way of another copy", native=False),
        {**ALWAYS, **POINT},
        REST,
    ),
    Format(
        KIND,
        Publication(TITLE, PUBLISHER),
        {"outcome": "last[ .]outcome[ .]category", "place": "location"},
        settle=_refuse,
    ),
)


def read_crimes(
    founds: Sequence[Found],
    geography: Geography,
    shapes: GeoDataFrame | None,
    register: Register,
) -> pd.DataFrame:
    """Crimes in the borough from all files, each once.

    Parameters
    ----------
    founds : tables found, of both kinds.
    geography : its borough and small areas of 2011.
    shapes : polygons of those areas, ``area_code`` and geometry in EPSG:27700; None if none.
    register : gets the files used, and a note on all that was not.

    Returns
    -------
    DataFrame with ``month`` (YYYY-MM), ``crime_type``, ``area_code`` and ``points``, whether it
    comes from a table of points; empty when no file has the borough.
    """
    parts = [_read(found, geography, register) for found in _in_order(founds)]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if rows.empty:
        return pd.DataFrame(columns=["month", "crime_type", "area_code", "points"])
    rows["given_code"] = rows["area_code"]
    rows["area_code"] = rows["area_code"].mask(rows["to_place"], _place(rows, shapes))
    _note_points(rows, shapes, register)
    rows = _of_own_forces(rows, geography.codes[NEW], register)
    rows = _without_unplaced(rows, register)
    for found in founds:
        if found.table.path in set(rows["path"]):
            register.use(found)
    return _once(rows, register)[["month", "crime_type", "area_code", "points"]]


def _in_order(founds: Sequence[Found]) -> list[Found]:
    """Files that give codes before tables of points, then by name."""
    return sorted(founds, key=lambda found: (found.kind != KIND, found.table.place))


def _read(found: Found, geography: Geography, register: Register) -> pd.DataFrame:
    """Rows that are in the borough or may be; those ``to_place`` have no code of its areas."""
    text = reading.read(found, role="month")
    if text.empty:
        register.note(
            f"{found.table.place} holds no crimes: its month counts as missing, not as zero."
        )
        return pd.DataFrame()
    wrong = text[~text["month"].map(lambda month: bool(MONTH.fullmatch(month)))]
    if not wrong.empty:
        raise SourceError(
            f'{found.table.place}, row {wrong["row"].iloc[0]}: "{wrong["month"].iloc[0]}" is not '
            "a month such as 2019-06. Correct the cell, or download the file again."
        )
    for column in (*CODED, *REST):
        if column not in text:
            text[column] = ""
    points = found.kind == KIND_POINTS
    inside = text["area_code"].isin(geography.codes[NEW])
    named = text["area_name"].str.fullmatch(rf"{re.escape(geography.borough.name)} \d{{3}}[A-Z]")
    text["to_place"] = ~inside & (points | named | (text["area_code"] == ""))
    rows = text[inside | text["to_place"]].assign(path=found.table.path, points=points)
    for column in POINT:
        rows[column] = reading.numbers(rows, column, found) if column in rows else float("nan")
    blank = rows[rows["crime_type"] == ""]
    if not blank.empty:
        raise SourceError(
            f"{found.table.place}, row {blank['row'].iloc[0]} has no crime type. Correct the cell, "
            "or download the file again."
        )
    return rows


def _place(rows: pd.DataFrame, shapes: GeoDataFrame | None) -> pd.Series:
    """Code of the small area that each row's point lies in; missing where it lies in none."""
    wanted = rows[rows["to_place"] & rows["longitude"].notna() & rows["latitude"].notna()]
    if shapes is None or wanted.empty:
        return pd.Series(index=rows.index, dtype="object")
    import geopandas

    anchors = wanted[[*POINT]].drop_duplicates(ignore_index=True)
    points = geopandas.GeoDataFrame(
        anchors,
        geometry=geopandas.points_from_xy(anchors["longitude"], anchors["latitude"]),
        crs=LONGITUDE_LATITUDE,
    ).to_crs(NATIONAL_GRID)
    inside = points.sjoin(shapes[["area_code", "geometry"]], predicate="intersects")
    # A point on the edge of two areas belongs to the first by code.
    first = inside.sort_values("area_code").drop_duplicates([*POINT]).set_index([*POINT])
    keys = pd.MultiIndex.from_frame(wanted[[*POINT]])
    codes = first["area_code"].reindex(keys).to_numpy()
    return pd.Series(codes, index=wanted.index, dtype="object").reindex(rows.index)


def _note_points(rows: pd.DataFrame, shapes: GeoDataFrame | None, register: Register) -> None:
    """Say of each table of points how many of them lie in no small area of the borough."""
    for path, part in rows[rows["points"]].groupby("path"):
        if shapes is None:
            register.note(
                f"{path.name} gives points without codes, which cannot be placed without the "
                "borough's boundaries: it was not used."
            )
            continue
        outside = int(part["area_code"].isna().sum())
        blank = int(part[[*POINT]].isna().any(axis=1).sum())
        register.note(
            f"{path.name}: {len(part) - outside:,} of {len(part):,} points were placed in LSOAs by "
            f"the boundaries; {outside - blank:,} lie outside the borough and {blank:,} have no "
            "coordinates."
        )


def _of_own_forces(rows: pd.DataFrame, codes: Sequence[str], register: Register) -> pd.DataFrame:
    """Rows of the forces that police the borough, not of one next door with a few crimes in it."""
    inside = rows[rows["area_code"].notna()]
    reach = inside.groupby(["points", "force"])["area_code"].agg(["size", "nunique"])
    for (points, force), found in reach.iterrows():
        if found["nunique"] < COVERING * len(codes):
            whose = "Tables of points" if points else (force or "Files that name no force")
            crimes = wording.counted(int(found["size"]), "crime")
            register.note(
                f"{whose}: {crimes} in {found['nunique']} of the borough's "
                f"{len(codes)} small areas, too few areas for files that cover the borough. "
                "They were not counted."
            )
    own = reach.index[reach["nunique"] >= COVERING * len(codes)]
    return rows[pd.MultiIndex.from_frame(rows[["points", "force"]]).isin(own)]


def _without_unplaced(rows: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Rows that have a small area; what has none, and months that lack too many, are told."""
    streets = rows[rows["to_place"] & ~rows["points"]]
    placed = int(streets["area_code"].notna().sum())
    if placed:
        register.note(
            "Crimes without a code of the borough's LSOAs of 2011, placed by the boundaries: "
            f"{placed:,}."
        )
    lost = streets[streets["area_code"].isna()]
    nowhere = int(lost["area_name"].eq("").sum())
    if nowhere:
        register.note(
            "Crimes of the whole force without an LSOA or a point in the borough, of which those "
            f"in the borough are not counted: {nowhere:,}."
        )
    lost = lost[lost["area_name"] != ""]
    kept = rows[rows["area_code"].notna()]
    if lost.empty:
        return kept
    register.note(
        "Crimes in the borough by name with a code that is none of its LSOAs of 2011 (first "
        f"{lost['given_code'].iloc[0]}) and no point inside the boundaries, not counted: "
        f"{len(lost):,}."
    )
    # An area whose code changed would be at zero in a month whose crimes cannot be placed.
    share = lost["month"].value_counts() / rows[~rows["points"]]["month"].value_counts()
    beyond = share.index[share > UNPLACED]
    if len(beyond):
        register.note(
            f"Months left out, as more than {UNPLACED:.0%} of their crimes could not be placed: "
            f"{', '.join(sorted(beyond))}. Add the boundaries of the LSOAs of 2011."
        )
    return kept[kept["points"] | ~kept["month"].isin(beyond)]


def _once(rows: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Each crime once, though files overlap.

    By Crime ID where there is one. Crimes without one are alike in all they say, several times
    rightly so, as anchor points are shared: they count as often as in the file with most of them.
    """
    rows = rows.sort_values("month", kind="stable")
    known = rows[rows["crime_id"] != ""].drop_duplicates("crime_id")
    alike = rows[rows["crime_id"] == ""]
    again = alike.groupby(["path", *CELLS], dropna=False).cumcount()
    alike = alike[~alike.assign(again=again).duplicated([*CELLS, "again"])]
    kept = pd.concat([known, alike], ignore_index=True)
    if len(kept) < len(rows):
        register.note(
            f"{len(rows) - len(kept):,} crimes stood in the police files more than once and were "
            "counted once."
        )
    return kept
