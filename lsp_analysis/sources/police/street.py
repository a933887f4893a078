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
from lsp_analysis.sources.formats import MISSING, Found
from lsp_analysis.sources.ons.boundaries import NATIONAL_GRID
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.sources.register import Register

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

KIND, KIND_POINTS = "police", "police_points"
KIND_OUTCOMES, KIND_STOPS = "police_outcomes", "police_stops"
STOPS = "Stop and search"
LONDON = "Europe/London"
MONTH = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])")
LONGITUDE_LATITUDE = "EPSG:4326"
COVERING = 0.5  # least share of a borough's areas with a crime for a force to be the borough's own
DECIMALS = 4  # of a degree, about ten metres; the publisher gives six
UNPLACED = 0.01  # share of a month's crimes without a place above which the month is not used

NEEDED = {"month": "Month", "crime_type": "Crime type", "area_code": "LSOA code"}
POINT = ["longitude", "latitude"]
REST = ["area_code", "crime_id", "force", "area_name"]
# What identifies a crime that has no Crime ID, as anti-social behaviour has none.
CELLS = ["month", "crime_type", "force", "longitude", "latitude", "area_code"]


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
    geography : its borough and small areas of the study.
    shapes : polygons of those areas, ``area_code`` and geometry in EPSG:27700; None if none.
    register : gets the files used, and a note on all that was not.

    Returns
    -------
    DataFrame with ``month`` (YYYY-MM), ``crime_type``, ``area_code``, ``points``, whether it comes
    from a table of points, and ``coverage``, the share of all rows of the month in the files of
    the borough's forces that have a place; empty when no file has the borough.
    """
    parts = []
    # Files that give codes before tables of points, then by name.
    for found in sorted(founds, key=lambda found: (found.kind != KIND, found.place)):
        with register.guard(found.place):
            parts.append(_read(found, geography, register))
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if rows.empty:
        return pd.DataFrame(columns=["month", "crime_type", "area_code", "points", "coverage"])
    rows["given_code"] = rows["area_code"]
    rows["area_code"] = rows["area_code"].mask(rows["to_place"], _place(rows, shapes))
    _note_points(rows, shapes, register)
    rows = _of_own_forces(rows, geography.own, register)
    rows["coverage"] = _coverage(rows)
    rows = _without_unplaced(rows, register, geography.vintage)
    for found in founds:
        if found.path in set(rows["path"]):
            register.use_file(found.path, found.title, found.layout)
    return _once(rows, register)[["month", "crime_type", "area_code", "points", "coverage"]]


def _coverage(rows: pd.DataFrame) -> pd.Series:
    """Share of a month's rows, in all of the files that hold it, which have a place."""
    files = rows.drop_duplicates(["path", "month", "force"])
    months = files.groupby(["points", "month"])[["placed", "total"]].sum()
    share = months["placed"] / months["total"]
    return share.reindex(pd.MultiIndex.from_frame(rows[["points", "month"]])).set_axis(rows.index)


def _read(found: Found, geography: Geography, register: Register) -> pd.DataFrame:
    """Rows that are in the borough or may be; those ``to_place`` have no code of its areas."""
    lacking = [heading for role, heading in NEEDED.items() if role not in found.columns]
    if lacking and "outcome" in found.columns:
        raise SourceError(
            f"{found.place} is a street file of data.police.uk without its column "
            f"{' and '.join(lacking)}. Download it again, or move it out of the folder."
        )
    text = found.rows(role="month")
    if text.empty:
        register.note(f"{found.place} holds no crimes: its month counts as missing, not as zero.")
        return pd.DataFrame()
    if found.kind == KIND_STOPS:
        when = pd.to_datetime(text["month"], format="ISO8601", utc=True, errors="coerce")
        named = when.dt.tz_convert(LONDON).dt.strftime("%Y-%m")
        text = text.assign(month=named.fillna(text["month"]), crime_type=STOPS)
    wrong = text[~text["month"].map(lambda month: bool(MONTH.fullmatch(month)))]
    if not wrong.empty:
        raise SourceError(
            f'{found.place}, row {wrong["row"].iloc[0]}: "{wrong["month"].iloc[0]}" is not '
            "a month such as 2019-06. Correct the cell, or download the file again."
        )
    for column in REST:
        if column not in text:
            text[column] = ""
    points = found.kind in (KIND_POINTS, KIND_STOPS)
    inside = text["area_code"].isin(geography.own)
    named = text["area_name"].str.fullmatch(rf"{re.escape(geography.borough.name)} \d{{3}}[A-Z]")
    text["to_place"] = ~inside & (points | named | (text["area_code"] == ""))
    somewhere = text["area_code"].ne("")
    if "longitude" in text:
        somewhere |= ~text["longitude"].str.casefold().isin(MISSING)
    by = [text["month"], text["force"]]
    text["placed"] = somewhere.groupby(by).transform("sum")
    text["total"] = somewhere.groupby(by).transform("size")
    if points:
        _refuse_rounded(text["latitude"], found)
    rows = text[inside | text["to_place"]].assign(path=found.path, points=points)
    for column in POINT:
        rows[column] = found.numbers(rows, column) if column in rows else float("nan")
    blank = rows[rows["crime_type"] == ""]
    if not blank.empty:
        raise SourceError(
            f"{found.place}, row {blank['row'].iloc[0]} has no crime type. Correct the cell, "
            "or download the file again."
        )
    return rows


def _refuse_rounded(degrees: pd.Series, found: Found) -> None:
    """Stop at points that are too coarse to say in which small area they lie."""
    decimals = degrees[degrees.str.contains(r"\d")].str.partition(".")[2].str.len()
    if decimals.mean() < DECIMALS:
        raise SourceError(
            f"{found.place} has coordinates of {decimals.mean():.0f} decimals, which do not say in "
            "which small area a point lies. Download it again, and do not save it in a spreadsheet."
        )


def _place(rows: pd.DataFrame, shapes: GeoDataFrame | None) -> pd.Series:
    """Code of the small area that each row's point lies in; missing where it lies in none."""
    wanted = rows[rows["to_place"] & rows["longitude"].notna() & rows["latitude"].notna()]
    if shapes is None or wanted.empty:
        return pd.Series(index=rows.index, dtype="object")
    import geopandas

    anchors = wanted[POINT].drop_duplicates(ignore_index=True)
    points = geopandas.GeoDataFrame(
        anchors,
        geometry=geopandas.points_from_xy(anchors["longitude"], anchors["latitude"]),
        crs=LONGITUDE_LATITUDE,
    ).to_crs(NATIONAL_GRID)
    inside = points.sjoin(shapes[["area_code", "geometry"]], predicate="intersects")
    # A point on the edge of two areas belongs to the first by code.
    first = inside.sort_values("area_code").drop_duplicates(POINT).set_index(POINT)
    keys = pd.MultiIndex.from_frame(wanted[POINT])
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
        blank = int(part[POINT].isna().any(axis=1).sum())
        register.note(
            f"{path.name}: {len(part) - outside:,} of {len(part):,} points were placed in LSOAs by "
            f"the boundaries; {outside - blank:,} lie outside the borough and {blank:,} have no "
            "coordinates."
        )


def _of_own_forces(rows: pd.DataFrame, codes: Sequence[str], register: Register) -> pd.DataFrame:
    """Rows of the forces that police the borough, not of one next door with a few crimes in it."""
    inside = rows["area_code"].notna()
    # Searches are too few to reach most areas, even of the borough's own force.
    rare = rows["crime_type"].eq(STOPS).all() and inside.mean() >= UNPLACED
    reach = rows[inside].groupby(["points", "force"])["area_code"].agg(["size", "nunique"])
    few = (reach["nunique"] < COVERING * len(codes)) & (not rare)
    for (points, force), found in reach[few].iterrows():
        whose = "Tables of points" if points else (force or "Files that name no force")
        crimes = wording.counted(int(found["size"]), "crime")
        register.note(
            f"{whose}: {crimes} in {found['nunique']} of the borough's "
            f"{len(codes)} small areas, too few areas for files that cover the borough. "
            "They were not counted."
        )
    return rows[pd.MultiIndex.from_frame(rows[["points", "force"]]).isin(reach.index[~few])]


def _without_unplaced(rows: pd.DataFrame, register: Register, vintage: int) -> pd.DataFrame:
    """Rows that have a small area; what has none, and months that lack too many, are told."""
    streets = rows[rows["to_place"] & ~rows["points"]]
    placed = int(streets["area_code"].notna().sum())
    if placed:
        register.note(
            f"Crimes without a code of the borough's LSOAs of {vintage}, placed by the boundaries: "
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
        f"Crimes in the borough by name with a code that is none of its LSOAs of {vintage} (first "
        f"{lost['given_code'].iloc[0]}) and no point inside the boundaries, not counted: "
        f"{len(lost):,}."
    )
    # An area whose code changed would be at zero in a month whose crimes cannot be placed.
    share = lost["month"].value_counts() / rows[~rows["points"]]["month"].value_counts()
    beyond = share.index[share > UNPLACED]
    if len(beyond):
        register.note(
            f"Months left out, as more than {UNPLACED:.0%} of their crimes could not be placed: "
            f"{', '.join(sorted(beyond))}. Add the boundaries of the LSOAs of {vintage}."
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
