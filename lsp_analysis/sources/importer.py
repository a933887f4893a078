"""A folder of publishers' files into a study of one borough: find, read, check, write whole."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import SourceError
from lsp_analysis.sources import (
    boundaries,
    census,
    claimants,
    crime,
    deprivation,
    files,
    fuel_poverty,
    lookups,
    places,
    police,
    populations,
)
from lsp_analysis.sources.formats import Found, Publication, find_tables
from lsp_analysis.sources.geography import Geography, find_geography, share_by_residents
from lsp_analysis.sources.lookups import NEW
from lsp_analysis.sources.neighbourhoods import read_neighbourhoods
from lsp_analysis.sources.register import Register
from lsp_analysis.study.areas import slug
from lsp_analysis.study.write import refuse_if_not_a_study, write_study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

FORMATS = (
    *lookups.FORMATS,
    *deprivation.FORMATS,
    *claimants.FORMATS,
    *populations.FORMATS,
    *census.FORMATS,
    *fuel_poverty.FORMATS,
    *police.FORMATS,
)
NOTES = "IMPORT.md"


def import_study(
    folder: str | Path,
    *,
    borough: str,
    out: str | Path,
    neighbourhoods: str | Path | None = None,
) -> Path:
    """Make a study of one borough from the publishers' files below `folder`.

    Files are recognised by their headings, whatever they are called and wherever they lie, and may
    hold many boroughs. The study gets areas of the code vintages 2001 and 2011 and what they make
    up, the lookup between them, Indices of Deprivation, the claimant panel, tables of the censuses,
    fuel poverty, street-level crime, populations and boundaries, as far as they are there;
    ``IMPORT.md`` in it says what was used and what was not.

    Parameters
    ----------
    folder : folder of native files; it is read and never changed.
    borough : code of the borough, for example E08000001.
    out : folder of the study; a study that is there is replaced whole, anything else is left alone.
    neighbourhoods : CSV file of the partnership's own neighbourhoods, see `neighbourhoods.COLUMNS`.

    Raises
    ------
    SourceError
        No file is of a known format, the borough is unknown, or a file is damaged, cut or disagrees
        with another. Nothing is written.
    StudyError
        `out` is something other than a study, or cannot be written.
    """
    folder, out = (durable.settled(path, SourceError) for path in (folder, out))
    refuse_if_not_a_study(out)
    tables, polygons = _find(folder)
    register = Register()
    geography, parents = find_geography(tables, borough.strip().upper(), register)
    people = populations.import_populations(
        tables[populations.KIND], geography.codes[NEW], register
    )
    panel = claimants.import_claimants(tables[claimants.KIND], geography.codes[NEW], register)
    geography = _with_shares(geography, people, panel)
    areas, members = _areas(tables, geography, parents, neighbourhoods, register)
    shapes = _boundaries(polygons, areas, register)
    indicators, observations = _observations(tables, geography, people, panel, shapes, register)
    made = {
        "areas": areas,
        "indicators": indicators,
        "observations": observations,
        "deprivation": deprivation.import_deprivation(
            [*tables[deprivation.KIND], *tables[deprivation.KIND_ADJUSTED]],
            geography.codes,
            register,
        ),
        "area_members": members,
        "code_lookup": geography.lookup,
        "populations": people,
    }
    place = geography.borough
    title = f"{place.name}: published statistics of small areas"
    return write_study(
        out,
        {name: table for name, table in made.items() if not table.empty or name == "observations"},
        shapes,
        name=slug(place.name, fallback=place.code),
        title=title,
        sources=register.sources,
        licences=register.licences,
        attribution=register.attribution,
        code_vintage=NEW,
        small_area_type="lsoa",
        extra_files={NOTES: _notes(title, register, _unused(folder, tables, register))},
    )


def _find(folder: Path) -> tuple[dict[str, list[Found]], list[boundaries.BoundaryFile]]:
    """Tables by kind and files of boundaries below `folder`; SourceError when there are none."""
    if not folder.is_dir():
        raise SourceError(
            f"There is no folder {folder}. Give the folder the publishers' files are in."
        )
    tables: dict[str, list[Found]] = defaultdict(list)
    for found in find_tables(folder, FORMATS):
        tables[found.kind].append(found)
    if not tables:
        seen = files.find_files(folder, files.TEXT_SUFFIXES + files.WORKBOOK_SUFFIXES)
        raise SourceError(
            f"None of the {len(seen)} tables in {folder} is of a format "
            "known here: ONS code lookups, Indices of Deprivation, the claimant panel, census "
            "tables, fuel poverty, street-level crime, mid-year populations. Put the publishers' "
            "own files there, with their headings."
        )
    return tables, boundaries.find_boundaries(folder)


def _with_shares(geography: Geography, people: pd.DataFrame, panel: pd.DataFrame) -> Geography:
    """Shares of split areas by residents, from the earliest count of them there is."""
    counts = []
    if not people.empty:
        counts.append(people.groupby(["period", "area_code"])["population"].sum())
    if not panel.empty:
        year = panel["period_start"].str[:4].rename("period")
        counts.append(panel.groupby([year, "area_code"])["denominator"].sum())
    if not counts:
        return geography
    earliest = min(counts, key=lambda count: count.index[0][0])
    residents = earliest.xs(earliest.index[0][0])
    return geography.with_lookup(share_by_residents(geography.lookup, residents))


def _observations(
    tables: dict[str, list[Found]],
    geography: Geography,
    people: pd.DataFrame,
    panel: pd.DataFrame,
    shapes: GeoDataFrame | None,
    register: Register,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `indicators` and `observations`, the claimant panel first."""
    codes = geography.codes[NEW]
    residents = None
    if not people.empty:
        latest = people[people["period"] == people["period"].max()]
        residents = latest.groupby("area_code")["population"].sum()
    counted, shares = census.import_census(tables, codes, residents, register)
    poverty = fuel_poverty.import_fuel_poverty(tables[fuel_poverty.KIND], codes, register)
    modelled = [] if poverty.empty else [fuel_poverty.indicator()]
    lsoas = None if shapes is None else shapes[shapes["area_code"].isin(codes)]
    recorded, crimes = crime.import_crime(
        [*tables[police.KIND], *tables[police.KIND_POINTS]], geography, lsoas, people, register
    )
    indicators = pd.DataFrame([claimants.indicator(), *counted, *modelled, *recorded])
    found = [part for part in (panel, shares, poverty, crimes) if not part.empty]
    return indicators, pd.concat(found, ignore_index=True) if found else panel


def _areas(
    tables: dict[str, list[Found]],
    geography: Geography,
    parents: pd.DataFrame,
    neighbourhoods: str | Path | None,
    register: Register,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `areas` and `area_members`."""
    larger = [
        places.make_msoas(parents, tables["msoa_names"], register),
        places.make_wards(tables["ward_lookup"], geography, register),
    ]
    if neighbourhoods is not None:
        path = Path(neighbourhoods)
        rows = read_neighbourhoods(path, geography)
        larger.append(places.make_neighbourhoods(rows))
        said = "; ".join(dict.fromkeys(text for text in rows["source"] if text))
        own = Publication("Neighbourhoods", "the partnership", licence="")
        register.use_file(path, own.title, own, said)
    areas, members = zip(*larger, strict=True)
    return places.make_areas(geography, *areas), places.make_members(geography, *members)


def _boundaries(
    found: list[boundaries.BoundaryFile], areas: pd.DataFrame, register: Register
) -> GeoDataFrame | None:
    """Polygons of the small areas of 2011, and of MSOAs and wards where a file has them all."""
    small = areas[areas["area_type"].eq("lsoa") & areas["code_vintage"].eq(NEW)]["area_code"]
    shapes = [boundaries.import_boundaries(found, "lsoa", small.tolist(), register, year=NEW)]
    if shapes[0] is None:
        register.note(
            "No boundaries of this borough's LSOAs of 2011 were found in the folder: maps and "
            "neighbouring areas are unavailable."
        )
        return None
    for level in ("msoa", "ward"):
        codes = areas.loc[areas["area_type"] == level, "area_code"].tolist()
        shapes.append(boundaries.import_boundaries(found, level, codes, register))
    import geopandas

    return pd.concat([part for part in shapes if part is not None], ignore_index=True).pipe(
        geopandas.GeoDataFrame, crs=boundaries.NATIONAL_GRID
    )


def _unused(folder: Path, tables: dict[str, list[Found]], register: Register) -> list[str]:
    """The other data files below `folder`, each with why; those the notes speak of are left out."""
    used = {source["path"] for source in register.sources}
    known = {found.table.path for alike in tables.values() for found in alike}
    lines = []
    suffixes = files.TEXT_SUFFIXES + files.WORKBOOK_SUFFIXES + files.BOUNDARY_SUFFIXES
    for path in files.find_files(folder, (*suffixes, ".zip")):
        if path.name in used or any(path.name in note for note in register.notes):
            continue
        if path.name.lower().endswith(".zip"):
            why = "unpack it first"
        elif path.name.lower().endswith(files.BOUNDARY_SUFFIXES):
            why = "not needed, or it has no boundaries of this borough that can be read"
        elif path in known:
            why = "not needed beside the others, or nothing in it is of this borough"
        else:
            why = "its headings are of no format known here"
        lines.append(f"- `{path.relative_to(folder).as_posix()}`: {why}")
    return lines


def _notes(title: str, register: Register, unused: list[str]) -> str:
    """What was used and what a reader should know, as Markdown."""
    lines = [f"# {title}", "", "Made by `lsp-analysis import` from the files below.", ""]
    for source in register.sources:
        note = f" ({source['note']})" if "note" in source else ""
        lines.append(f"- {source['title']}: `{source['path']}`, {source['publisher']}{note}")
    lines += ["", "## What to know", "", *(f"- {note}" for note in register.notes)]
    if unused:
        lines += ["", "## Not used", "", *unused]
    return "\n".join([*lines, "", register.attribution, ""])
