"""A folder of publishers' files into a study of one borough: find, read, check, write whole."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import SourceError
from lsp_analysis.sources import deprivation, files
from lsp_analysis.sources.fetch import RECORD
from lsp_analysis.sources.formats import Found, layouts, recognise
from lsp_analysis.sources.ons import boundaries, populations
from lsp_analysis.sources.ons.geography import (
    A_LIST,
    KIND_LISTS,
    KIND_LOOKUP,
    KIND_NAMES,
    Geography,
    find_geography,
    find_parents,
    recognise_lookup,
    share_by_residents,
)
from lsp_analysis.sources.ons.larger import (
    make_areas,
    make_members,
    make_msoas,
    make_neighbourhoods,
    make_wards,
    read_neighbourhoods,
)
from lsp_analysis.sources.police import street
from lsp_analysis.sources.police.crime import import_crime
from lsp_analysis.sources.register import Register
from lsp_analysis.sources.tables import import_tables, read_tables
from lsp_analysis.study.add.grids import Grid, open_grids
from lsp_analysis.study.add.layouts import Account, Layout, OwnTable
from lsp_analysis.study.add.places import Places
from lsp_analysis.study.areas import slug
from lsp_analysis.study.write import refuse_if_not_a_study, write_study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

NOTES = "IMPORT.md"
NOT_NEEDED = "not needed beside the others, or nothing in it is of this borough"
NOT_USED = {KIND_LOOKUP: "another lookup was used", KIND_LISTS: A_LIST}
NOT_USED["deprivation_denominators"] = (
    "people by which the Indices divide, no measures of their own"
)
OTHER_ENDING = "its name does not end as that of a table or of boundaries, such as .csv or .xlsx"
NO_POLYGONS = ("no boundaries of LSOAs, MSOAs or wards", "not needed, or none of this borough")
HEADS = ("file", "rows", "areas", "period", "kind")
POLICE = {"": (street.KIND, street.KIND_POINTS), street.STOPS: (street.KIND_STOPS,)}
POLICE["Outcome"] = (street.KIND_OUTCOMES,)


@dataclass(frozen=True)
class Imported:
    """A study made from a folder, and what became of each file; a path to the study by itself.

    Attributes
    ----------
    path : folder of the study.
    accounts : what was read from which file and sheet, and what was left out.
    problems : by file, why it could not be read, and what to do.
    spare : by file, why it was not needed.
    notes : what a reader should know.
    """

    path: Path
    accounts: tuple[Account, ...]
    problems: dict[str, str]
    spare: dict[str, str]
    notes: tuple[str, ...]
    used: tuple[str, ...] = field(default=(), repr=False)

    def __fspath__(self) -> str:
        """The study's folder."""
        return str(self.path)

    def sentence(self) -> str:
        """The same as a table for a terminal, what could not be read last."""
        lines = []
        if self.accounts:
            table = [HEADS, *(account.cells() for account in self.accounts)]
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
            for row, account in zip(table, (None, *self.accounts), strict=True):
                line = "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True))
                lines.append(line.rstrip())
                lines += [f"    {note}" for note in (account.notes if account else ())]
        lines += [f"used: {place}" for place in self.used]
        lines += [f"not needed: {place}: {why}" for place, why in self.spare.items()]
        lines += [f"NOT READ: {place}: {why}" for place, why in self.problems.items()]
        count = len(self.problems)
        said = "every file was read or is not needed" if not count else f"{count} could not be read"
        return "\n".join([*lines, f"The study is in {self.path}; {said}. {NOTES} there says more."])

    __str__ = sentence


def import_study(
    folder: str | Path,
    *,
    borough: str,
    out: str | Path,
    neighbourhoods: str | Path | None = None,
    vintage: int = 2011,
) -> Imported:
    """Make a study of one borough from the publishers' files below `folder`.

    Files are recognised by their headings, whatever they are called and wherever they lie, and may
    hold many boroughs; archives are unpacked. Tables on codes of another year are carried over. A
    file that cannot be read is told and the rest is imported.

    Parameters
    ----------
    folder : folder of native files; it is read and never changed.
    borough : code of the borough, for example E08000001.
    out : folder of the study; a study that is there is replaced whole, anything else is left alone.
    neighbourhoods : CSV file of the partnership's own neighbourhoods, see `larger.COLUMNS`.
    vintage : year of the small areas (LSOAs) the study works with: 2001, 2011 or 2021.

    Raises
    ------
    SourceError
        There is no folder, no lookup lists the borough, or the neighbourhood file has a mistake.
        Nothing is written.
    StudyError
        `out` is something other than a study, or cannot be written.
    """
    folder, out = (durable.settled(path, SourceError) for path in (folder, out))
    refuse_if_not_a_study(out)
    if not folder.is_dir():
        raise SourceError(
            f"There is no folder {folder}. Give the folder the publishers' files are in."
        )
    register = Register()
    with tempfile.TemporaryDirectory() as unpacked:
        found = _find(folder, Path(unpacked), register)
        return _import(found, borough.strip().upper(), vintage, out, neighbourhoods, register)


@dataclass
class _Found:
    """What a folder holds: tables of known formats by kind, polygons, and other tables."""

    tables: dict[str, list[Found]]
    polygons: list[boundaries.BoundaryFile]
    others: list[Path]


def _find(folder: Path, unpacked: Path, register: Register) -> _Found:
    paths = [(path, folder) for path in files.find_files(folder, files.DATA_SUFFIXES)]
    paths = [(path, root) for path, root in paths if path.name != RECORD]
    for path in files.find_files(folder, ("",)):
        if not path.name.lower().endswith((*files.DATA_SUFFIXES, *files.BESIDE_SHAPES, ".zip")):
            register.spare[path.name] = OTHER_ENDING
    for archive in files.find_files(folder, (".zip",)):
        with register.guard(archive.name):
            paths += [(path, unpacked) for path in files.unpack(archive, unpacked)]
    found = _Found(defaultdict(list), [], [])
    for path, root in paths:
        with register.guard(path.name):
            if path.name.lower().endswith(files.BOUNDARY_SUFFIXES):
                polygons = boundaries.recognise_boundaries(path)
                found.polygons += polygons
                register.unused[path.name] = NO_POLYGONS[bool(polygons)]
                continue
            folders = tuple(reversed(path.relative_to(root).parts[:-1]))
            known = [one for grid in open_grids(path) if (one := _known(grid, folders))]
            for one in known:
                found.tables[one.kind].append(one)
                register.unused[one.place] = NOT_USED.get(one.kind, NOT_NEEDED)
            if not known:
                found.others.append(path)
    return found


def _known(grid: Grid, folders: tuple[str, ...]) -> Found | None:
    """The table of a known format in a grid: a publisher's, or a lookup."""
    of_kind = [layout for layout in layouts() if layout.kind]
    return recognise(grid, folders, of_kind) or recognise_lookup(grid)


def _import(
    found: _Found,
    borough: str,
    vintage: int,
    out: Path,
    neighbourhoods: str | Path | None,
    register: Register,
) -> Imported:
    tables = found.tables
    geography = find_geography(tables[KIND_LOOKUP], borough, vintage, register)
    areas, members = _areas(tables, geography, neighbourhoods, register)
    places = Places(areas, geography.lookup, geography.vintage)
    people = populations.import_populations(tables[populations.KIND], geography, places, register)
    read = read_tables(found.others, places, register)
    shared = {"residents": _earliest(people, read)}
    shared["lookup"] = share_by_residents(geography.lookup, shared["residents"])
    geography, places = replace(geography, **shared), replace(places, **shared)
    shapes = _boundaries(found.polygons, areas, geography, register)
    ranks = deprivation.import_deprivation(
        [*tables[deprivation.KIND], *tables[deprivation.KIND_ADJUSTED]], geography.codes, register
    )
    domains = [*tables[deprivation.KIND], *tables[deprivation.KIND_DOMAINS]]
    indicators, observations = import_tables(read, domains, places, geography, register)
    lsoas = None if shapes is None else shapes[shapes["area_code"].isin(geography.own)]
    for what, kinds in POLICE.items():
        mine = [one for kind in kinds for one in tables[kind]]
        made, rows = import_crime(mine, geography, lsoas, people, register, what)
        indicators = pd.concat([indicators, pd.DataFrame(made)], ignore_index=True)
        observations = pd.concat([observations, rows], ignore_index=True)
    made = {
        "areas": areas,
        "indicators": indicators,
        "observations": _carried_forward(observations, register),
        "deprivation": ranks,
        "area_members": make_members(geography, *members),
        "code_lookup": geography.lookup,
        "populations": people,
    }
    place = geography.borough
    title = f"{place.name}: published statistics of small areas"
    done = Imported(
        out,
        tuple(register.accounts),
        dict(sorted(register.problems.items())),
        register.not_needed(),
        tuple(register.notes),
        tuple(register.used_elsewhere()),
    )
    write_study(
        out,
        {
            name: table
            for name, table in made.items()
            if not table.empty or name in ("observations", "indicators")
        },
        shapes,
        about={
            "name": slug(place.name, fallback=place.code),
            "title": title,
            "licenses": register.licences,
            "sources": register.sources,
            "lsp:simulated": False,
            "lsp:attribution": register.attribution,
            "lsp:code_vintage": geography.vintage,
            "lsp:small_area_type": "lsoa",
        },
        extra_files={NOTES: _notes(title, done, register)},
    )
    return done


def _earliest(people: pd.DataFrame, read: Sequence[tuple[Path, OwnTable]]) -> pd.Series | None:
    """Residents by area of the earliest estimate or panel, to share split areas by."""
    counts = {}
    if not people.empty:
        first = people[people["period"] == people["period"].min()]
        counts[str(first["period"].iloc[0])] = first.groupby("area_code")["population"].sum()
    for _, table in read:
        if table.layout and table.layout.carried_forward:
            cells = table.cells.set_index("area_code")
            number = pd.to_numeric(cells["denominator"], errors="coerce")
            alone = number[~number.index.duplicated()]  # a repeated row is told when it is taken
            counts.setdefault(cells["period_start"].iloc[0][:4], alone)
    return counts[min(counts)] if counts else None


def _areas(
    tables: dict[str, list[Found]],
    geography: Geography,
    neighbourhoods: str | Path | None,
    register: Register,
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The table `areas`, and what its larger areas are made of in the years given."""
    known = tables[KIND_LOOKUP]
    parents = find_parents(known, geography, register)
    larger = [
        make_msoas(parents, tables[KIND_NAMES], geography, register),
        make_wards(known, geography, register),
    ]
    if neighbourhoods is not None:
        path = Path(neighbourhoods)
        rows = read_neighbourhoods(path, geography)
        larger.append(make_neighbourhoods(rows))
        said = "; ".join(dict.fromkeys(text for text in rows["source"] if text))
        own = Layout("Neighbourhoods", "the partnership", licence="")
        register.use_file(path, own.title, own, said)
    areas, members = zip(*larger, strict=True)
    return make_areas(geography, *areas), list(members)


def _boundaries(
    found: list[boundaries.BoundaryFile],
    areas: pd.DataFrame,
    geography: Geography,
    register: Register,
) -> GeoDataFrame | None:
    """Polygons of the study's small areas, and of MSOAs and wards where a file has them all."""
    year = geography.vintage
    shapes = [boundaries.import_boundaries(found, "lsoa", geography.own, register, year=year)]
    if shapes[0] is None:
        register.note(
            f"No boundaries of this borough's LSOAs of {year} were found in the folder: maps and "
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


def _carried_forward(observations: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Mark years whose denominators are, in every area, those of the year before, as estimated."""
    made = observations
    for layout in layouts():
        if not layout.carried_forward or made.empty:
            continue
        name = layout.indicator["indicator_id"]
        rows = made[made["indicator_id"] == name]
        table = rows.pivot_table("denominator", "period_start", "area_code")
        again = [
            later for one, later in pairwise(table.index) if table.loc[one].equals(table.loc[later])
        ]
        if again:
            years = ", ".join(str(start)[:4] for start in again)
            register.note(
                f"{layout.title}: the denominators of {years} repeat those of the year before; "
                'these rates carry the note "estimated".'
            )
            late = (made["indicator_id"] == name) & made["period_start"].isin(again)
            made = made.assign(note=made["note"].mask(late, "estimated"))
    return made


def _notes(title: str, done: Imported, register: Register) -> str:
    """What was read, left out and why, as Markdown."""
    table = []
    if done.accounts:
        rows = [(*HEADS, "columns", "notes"), ("---",) * (len(HEADS) + 2)]
        rows += [(*a.cells(), a.columns, "; ".join(a.notes)) for a in done.accounts]
        lines = ["| " + " | ".join(c.replace("|", "/") for c in row) + " |" for row in rows]
        table = ["## Tables read", "", *lines, ""]
    lists = {
        f"# {title}\n\nMade by `lsp-analysis import` from the files below.": [
            f"{source['title']}: `{source['path']}`, {source['publisher']}"
            + (f" ({source['note']})" if "note" in source else "")
            for source in register.sources
        ],
        "## What to know": done.notes,
        "## Not read": [f"`{place}`: {why}" for place, why in done.problems.items()],
        "## Not needed": [f"`{place}`: {why}" for place, why in done.spare.items()],
    }
    parts = [[head, "", *(f"- {one}" for one in said), ""] for head, said in lists.items() if said]
    lines = [line for part in (*parts[:1], table, *parts[1:]) for line in part]
    return "\n".join([*lines, register.attribution, ""])
