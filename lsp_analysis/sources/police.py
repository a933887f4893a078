"""Monthly indicators of recorded crime by small area, from the files of data.police.uk.

A force's file says in which LSOA each crime is; a copy cut down to points is placed by the
borough's boundaries. A month counts for the borough if its force's files hold it: then areas
without a crime have zero. A month that no file holds, or only part of, is left out and told.
"""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import MISSING, Found, refuse_rows
from lsp_analysis.sources.ons.boundaries import NATIONAL_GRID
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.sources.register import Register
from lsp_analysis.study.areas import slug

STOPS = "Stop and search"
KIND, POINTS, KIND_STOPS = "police", "police_points", "police_stops"
# What files are of, put before the name of each type, and their kinds.
KINDS = {"": (KIND, POINTS), STOPS: (KIND_STOPS,), "Outcome": ("police_outcomes",)}
LONDON = "Europe/London"
MONTH = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])"
LONGITUDE_LATITUDE = "EPSG:4326"
COVERING = 0.5  # least share of a borough's areas with a crime for a force to be the borough's own
DECIMALS = 4  # of a degree, about ten metres; the publisher gives six
UNPLACED = 0.01  # share of a month's crimes without a place above which the month is not used
PER = 1_000.0
EVERY_TYPE = "All crime and anti-social behaviour"
WHOLE = 1 / 3  # a month with less than this share of the median month is part of one
USUAL = 10  # a type with as many in its median month is not at zero by chance (1 in 20,000)
PER_AREA = 1  # least crimes of a type per small area, over all months, for an indicator

NEEDED = {"month": "Month", "crime_type": "Crime type", "area_code": "LSOA code"}
POINT = ["longitude", "latitude"]
REST = ["area_code", "crime_id", "force", "area_name", *POINT]
# What identifies a crime that has no Crime ID, as anti-social behaviour has none.
CELLS = ["month", "crime_type", "force", "longitude", "latitude", "area_code"]
NONE = pd.DataFrame()
AGAIN = "Correct the cell, or download the file again."


def import_crime(
    founds: Sequence[Found],
    geography: Geography,
    shapes: pd.DataFrame | None,
    people: pd.DataFrame,
    register: Register,
    what: str = "",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the tables `indicators` and `observations`; none when no file has the borough.

    Parameters
    ----------
    founds : street files and tables of points that were found.
    geography : its borough and small areas of the study.
    shapes : polygons of those areas in EPSG:27700, to place points by; None if there are none.
    people : rows of the table `populations`; without any, the indicators are counts.
    register : gets the files used, and notes on months, types and points that were not.
    what : what the files are of, if not of recorded crime: put before the name of each type.
    """
    crimes = _read_crimes(founds, geography, shapes, register)
    if crimes.empty:
        return NONE, NONE
    months = _covered(crimes, register)
    crimes = crimes.merge(months, on=["month", "crime_type", "points"])
    indicators, parts, rare = [], [], []
    for crime_type, rows, held in _by_type(crimes, months, together=not what):
        if len(rows) < PER_AREA * len(geography.own):
            rare.append(f"{crime_type} ({len(rows):,})")
            continue
        name = f"{what}: {crime_type}" if what not in ("", crime_type) else crime_type
        indicators.append(_indicator(name, founds[0].layout.indicator, rates=not people.empty))
        # Every area in every month, zero where there are no crimes.
        every = pd.MultiIndex.from_product([held, geography.own], names=["month", "area_code"])
        counts = rows.groupby(["month", "area_code"]).size().reindex(every, fill_value=0)
        counts = counts.rename("numerator").reset_index()
        parts.append(counts.assign(indicator_id=indicators[-1]["indicator_id"]))
    if rare:
        register.note(
            "Crime types with fewer than one crime per small area in all months together are no "
            f"indicator: {', '.join(sorted(rare))}."
        )
    if not parts:
        return NONE, NONE
    coverage = crimes.groupby("month")["coverage"].mean()
    made = pd.concat(parts, ignore_index=True)
    made["coverage"] = made["month"].map(coverage).round(4)
    least = coverage.min()
    if least < 1:
        register.note(
            f"Of the rows in these files, {least:.1%} or more a month have a place; those without "
            "are of no area. The share stands beside each observation (column coverage)."
        )
    return pd.DataFrame(indicators), _as_observations(made, people, register)


def _indicator(name: str, about: dict[str, object], *, rates: bool) -> dict[str, object]:
    """A row of the table `indicators`; a count when not `rates`."""
    per = "per 1,000 residents, " if rates else ""
    return {
        **about,
        "indicator_id": slug(name).replace("-", "_"),
        "name": f"{name} (monthly)",
        "definition": str(about["definition"]).format(name=name, per=per),
        "unit": "per_1000" if rates else "count",
        "value_type": "rate" if rates else "count",
        "multiplier": PER if rates else 1.0,
    }


def _read_crimes(
    founds: Sequence[Found], geography: Geography, shapes: pd.DataFrame | None, register: Register
) -> pd.DataFrame:
    """Crimes in the borough from all files, each once.

    A DataFrame with ``month`` (YYYY-MM), ``crime_type``, ``area_code``, ``points``, whether it
    comes from a table of points, and ``coverage``, the share of all rows of the month in the files
    of the borough's forces that have a place; empty when no file has the borough.
    """
    parts = [NONE]
    # Files that give codes before tables of points, then by name.
    for found in sorted(founds, key=lambda found: (found.layout.kind != KIND, found.place)):
        with register.guard(found.place):
            parts.append(_read(found, geography, register))
    rows = pd.concat(parts, ignore_index=True)
    if rows.empty:
        return NONE
    rows["given_code"] = rows["area_code"]
    rows["area_code"] = rows["area_code"].mask(rows["to_place"], _place(rows, shapes))
    _note_points(rows, shapes, register)
    rows = _of_own_forces(rows, geography.own, register)
    files = rows.drop_duplicates(["path", "month", "force"])
    months = files.groupby(["points", "month"])[["placed", "total"]].sum()
    share = months["placed"] / months["total"]
    rows["coverage"] = share.reindex(pd.MultiIndex.from_frame(rows[["points", "month"]])).to_numpy()
    rows = _without_unplaced(rows, register, geography.vintage)
    for found in founds:
        if found.grid.path in set(rows["path"]):
            register.use_file(found.grid.path, found.title, found.layout)
    return _once(rows, register)[["month", "crime_type", "area_code", "points", "coverage"]]


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
        return NONE
    text = text.assign(**{column: "" for column in REST if column not in text})
    if found.layout.kind == KIND_STOPS:
        when = pd.to_datetime(text["month"], format="ISO8601", utc=True, errors="coerce")
        named = when.dt.tz_convert(LONDON).dt.strftime("%Y-%m")
        text = text.assign(month=named.fillna(text["month"]), crime_type=STOPS)
    wrong = text[~text["month"].str.fullmatch(MONTH)]
    refuse_rows(wrong, found.place, f': "{{month}}" is not a month such as 2019-06. {AGAIN}')
    points = found.layout.kind in (POINTS, KIND_STOPS)
    inside = text["area_code"].isin(geography.own)
    named = text["area_name"].str.fullmatch(rf"{re.escape(geography.name)} \d{{3}}[A-Z]")
    text["to_place"] = ~inside & (points | named | (text["area_code"] == ""))
    somewhere = text["area_code"].ne("") | ~text["longitude"].str.casefold().isin(MISSING)
    by = somewhere.groupby([text["month"], text["force"]])
    text = text.assign(placed=by.transform("sum"), total=by.transform("size"))
    if points:
        _refuse_rounded(text["latitude"], found)
    rows = text[inside | text["to_place"]].assign(path=found.grid.path, points=points)
    for column in POINT:
        rows[column] = found.numbers(rows, column)
    refuse_rows(rows[rows["crime_type"] == ""], found.place, f" has no crime type. {AGAIN}")
    return rows


def _refuse_rounded(degrees: pd.Series, found: Found) -> None:
    """Stop at points that are too coarse to say in which small area they lie."""
    decimals = degrees[degrees.str.contains(r"\d")].str.partition(".")[2].str.len()
    if decimals.mean() < DECIMALS:
        raise SourceError(
            f"{found.place} has coordinates of {decimals.mean():.0f} decimals, which do not say in "
            "which small area a point lies. Download it again, and do not save it in a spreadsheet."
        )


def _place(rows: pd.DataFrame, shapes: pd.DataFrame | None) -> pd.Series:
    """Code of the small area that each row's point lies in; missing where it lies in none."""
    wanted = rows[rows["to_place"] & rows[POINT].notna().all(axis=1)]
    if shapes is None or wanted.empty:
        return pd.Series(index=rows.index, dtype="object")
    import geopandas

    anchors = wanted[POINT].drop_duplicates(ignore_index=True)
    shape = geopandas.points_from_xy(*anchors.to_numpy().T, crs=LONGITUDE_LATITUDE)
    points = geopandas.GeoDataFrame(anchors, geometry=shape).to_crs(NATIONAL_GRID)
    inside = points.sjoin(shapes[["area_code", "geometry"]], predicate="intersects")
    # A point on the edge of two areas belongs to the first by code.
    first = inside.sort_values("area_code").drop_duplicates(POINT).set_index(POINT)
    codes = first["area_code"].reindex(pd.MultiIndex.from_frame(wanted[POINT])).to_numpy()
    return pd.Series(codes, index=wanted.index, dtype="object").reindex(rows.index)


def _note_points(rows: pd.DataFrame, shapes: pd.DataFrame | None, register: Register) -> None:
    """Say of each table of points how many of them lie in no small area of the borough."""
    for path, part in rows[rows["points"]].groupby("path"):
        outside = int(part["area_code"].isna().sum())
        blank = int(part[POINT].isna().any(axis=1).sum())
        register.note(
            f"{path.name} gives points without codes, which cannot be placed without the "
            "borough's boundaries: it was not used."
            if shapes is None
            else f"{path.name}: {len(part) - outside:,} of {len(part):,} points were placed in "
            f"LSOAs by the boundaries; {outside - blank:,} lie outside the borough and {blank:,} "
            "have no coordinates."
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
        register.note(
            f"{whose}: {wording.counted(int(found['size']), 'crime')} in {found['nunique']} of the "
            f"borough's {len(codes)} small areas, too few areas for files that cover the borough. "
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


def _covered(crimes: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Each month and crime type that the files hold, and whether points give it.

    Street files before tables of points, which may be of the same crimes.
    """
    held = [
        _months(rows, register).assign(points=points) for points, rows in crimes.groupby("points")
    ]
    months = pd.concat(held, ignore_index=True).sort_values("points", kind="stable")
    months = months.drop_duplicates(["month", "crime_type"])
    have = pd.PeriodIndex(sorted(months["month"].unique()), freq="M")
    lacking = pd.period_range(have[0], have[-1], freq="M").difference(have)
    if len(lacking):
        register.note(
            f"Recorded crime has no file of the borough for {', '.join(map(str, lacking))}."
        )
    register.note(f"Recorded crime covers {have[0]} to {have[-1]} (months: {len(have)}).")
    return months


def _months(rows: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Months by crime types that are wholly in the files of one kind."""
    table = pd.crosstab(rows["month"], rows["crime_type"])
    total = table.sum(axis=1)
    partly = total < WHOLE * total.median()
    for month in total.index[partly]:
        register.note(
            f"Recorded crime of {month} has {total[month]:,} crimes where a month usually has "
            f"{total.median():,.0f}: part of a month, left out."
        )
    table = table[~partly]
    # The median of months that have any, so that a type renamed half-way is not at zero before.
    lacking = table.eq(0) & table.where(table > 0).median().ge(USUAL)
    for crime_type in lacking.columns[lacking.any()]:
        found = ", ".join(table.index[lacking[crime_type]])
        register.note(f"{crime_type}: no crime at all in {found}, taken as missing, not as zero.")
    held = lacking.melt(ignore_index=False, value_name="lacking").reset_index()
    held["complete"] = held["month"].isin(table.index[~lacking.any(axis=1)])
    return held.loc[~held["lacking"], ["month", "crime_type", "complete"]]


def _by_type(
    crimes: pd.DataFrame, months: pd.DataFrame, *, together: bool
) -> Iterator[tuple[str, pd.DataFrame, list[str]]]:
    """Crimes and months of each type, commonest first, after those of all types together.

    All together only from street files of several types, in months that lack none.
    """
    if together and len(set(months.loc[~months["points"], "crime_type"])) > 1:
        held = months[months["complete"] & ~months["points"]]["month"].unique()
        yield EVERY_TYPE, crimes[crimes["month"].isin(held) & ~crimes["points"]], sorted(held)
    for crime_type in crimes["crime_type"].value_counts().index:
        held = months.loc[months["crime_type"] == crime_type, "month"]
        yield crime_type, crimes[crimes["crime_type"] == crime_type], sorted(held)


def _as_observations(
    counts: pd.DataFrame, people: pd.DataFrame, register: Register
) -> pd.DataFrame:
    period = pd.PeriodIndex(counts["month"], freq="M")
    made = counts.drop(columns="month").assign(
        period_start=period.start_time.strftime("%Y-%m-%d"),
        period_end=period.end_time.strftime("%Y-%m-%d"),
    )
    if people.empty:
        register.note("No mid-year populations were found: recorded crime is in counts, not rates.")
        return made.assign(value=made["numerator"])
    residents = people.groupby(["period", "area_code"])["population"].sum()
    estimates = sorted(map(int, people["period"].unique()))
    # The nearest estimate, of two as near the earlier.
    nearest = {
        year: min(estimates, key=lambda one, year=year: abs(one - year))
        for year in sorted(set(period.year))
    }
    said = ", ".join(f"{year} over mid-{used}" for year, used in nearest.items())
    register.note(f"Recorded crime is over residents of the nearest estimate: {said}.")
    keys = [period.year.map(nearest).astype("str"), made["area_code"]]
    made["denominator"] = residents.reindex(keys).to_numpy(dtype="float64")
    return made.assign(value=made["numerator"] / made["denominator"] * PER)
