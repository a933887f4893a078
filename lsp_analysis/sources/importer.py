"""A folder of publishers' files into a study of one borough: find, read, check, write whole."""

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import SourceError
from lsp_analysis.sources import deprivation, formats, police
from lsp_analysis.sources.fetch import RECORD
from lsp_analysis.sources.formats import Found, layouts
from lsp_analysis.sources.ons import areas as larger
from lsp_analysis.sources.ons import boundaries, geography
from lsp_analysis.sources.register import Register
from lsp_analysis.sources.tables import import_tables, read_tables
from lsp_analysis.study.add.grids import open_grids
from lsp_analysis.study.add.layouts import Account, Layout, OwnTable
from lsp_analysis.study.add.places import Places
from lsp_analysis.study.areas import slug
from lsp_analysis.study.write import refuse_if_not_a_study, write_study

NOTES = "IMPORT.md"
NOT_NEEDED = "not needed beside the others, or nothing in it is of this borough"
NOT_USED = {
    geography.KIND_LOOKUP: "another lookup was used",
    "neighbourhood_lists": "a list of neighbourhoods: give yours with --neighbourhoods, in a file "
    f"with the columns {', '.join(larger.COLUMNS)}",
    "deprivation_denominators": "people by which the Indices divide, no measures of their own",
    "deprivation_adjusted": "its ranks are worked out by others: the published edition is read",
}
OTHER_ENDING = "its name does not end as that of a table or of boundaries, such as .csv or .xlsx"
NO_POLYGONS = ("no boundaries of LSOAs, MSOAs or wards", "not needed, or none of this borough")
HEADS = ("file", "rows", "areas", "period", "kind")


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
        rows = [(HEADS, []), *((account.cells(), account.notes) for account in self.accounts)]
        widths = [max(map(len, column)) for column in zip(*(row for row, _ in rows), strict=True)]
        lines = []
        for row, notes in rows if self.accounts else ():
            lines.append("  ".join(map(str.ljust, row, widths)).rstrip())
            lines += [f"    {note}" for note in notes]
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
    paths = {
        path: folder
        for path in formats.find_files(folder, formats.DATA_SUFFIXES)
        if path.name != RECORD
    }
    known = (*formats.DATA_SUFFIXES, *formats.BESIDE_SHAPES, ".zip")
    for path in formats.find_files(folder, ("",)):
        if not path.name.lower().endswith(known):
            register.spare[path.name] = OTHER_ENDING
    for archive in formats.find_files(folder, (".zip",)):
        with register.guard(archive.name):
            paths |= dict.fromkeys(formats.unpack(archive, unpacked), unpacked)
    found = _Found(defaultdict(list), [], [])
    of_kind = [layout for layout in layouts() if layout.kind]
    for path, root in paths.items():
        with register.guard(path.name):
            if path.name.lower().endswith(formats.BOUNDARY_SUFFIXES):
                polygons = boundaries.recognise_boundaries(path)
                found.polygons += polygons
                register.unused[path.name] = NO_POLYGONS[bool(polygons)]
                continue
            folders = tuple(reversed(path.relative_to(root).parts[:-1]))
            tables = [
                formats.recognise(grid, folders, of_kind) or geography.recognise_lookup(grid)
                for grid in open_grids(path)
            ]
            tables = list(filter(None, tables))
            for table in tables:
                found.tables[table.layout.kind].append(table)
                register.unused[table.place] = NOT_USED.get(table.layout.kind, NOT_NEEDED)
            found.others += [] if tables else [path]
    return found


def _import(
    found: _Found,
    borough: str,
    vintage: int,
    out: Path,
    neighbourhoods: str | Path | None,
    register: Register,
) -> Imported:
    tables = found.tables
    place = geography.find_geography(tables[geography.KIND_LOOKUP], borough, vintage, register)
    areas, members = _areas(tables, place, neighbourhoods, register)
    places = Places(areas, place.lookup, vintage)
    people = larger.import_populations(tables["populations"], place, places, register)
    read = read_tables(found.others, places, register)
    residents = _earliest(people, read)
    shared = {"residents": residents}
    shared["lookup"] = geography.share_by_residents(place.lookup, residents)
    place, places = replace(place, **shared), replace(places, **shared)
    shapes = _boundaries(found.polygons, areas, place, register)
    indices = tables[deprivation.KIND]
    ranks = deprivation.import_deprivation(indices, place.codes, register)
    domains = [*indices, *tables[deprivation.KIND_DOMAINS]]
    made = [import_tables(read, domains, place.codes, places, register)]
    lsoas = None if shapes is None else shapes[shapes["area_code"].isin(place.own)]
    for what, kinds in police.KINDS.items():
        mine = [one for kind in kinds for one in tables[kind]]
        made.append(police.import_crime(mine, place, lsoas, people, register, what))
    indicators, observations = (
        pd.concat(parts, ignore_index=True) for parts in zip(*made, strict=True)
    )
    written = {
        "areas": areas,
        "deprivation": ranks,
        "area_members": larger.make_members(place, *members),
        "code_lookup": place.lookup,
        "populations": people,
    }
    written = {name: table for name, table in written.items() if not table.empty}
    written["indicators"] = indicators
    written["observations"] = _carried_forward(observations, register)
    title = f"{place.name}: published statistics of small areas"
    done = Imported(
        out,
        tuple(register.accounts),
        dict(sorted(register.problems.items())),
        register.not_needed(),
        tuple(register.notes),
        tuple(register.used_elsewhere()),
    )
    about = {
        "name": slug(place.name, fallback=place.code),
        "title": title,
        "licenses": register.licences,
        "sources": register.sources,
        "lsp:simulated": False,
        "lsp:attribution": register.attribution,
        "lsp:code_vintage": vintage,
        "lsp:small_area_type": "lsoa",
    }
    notes = {NOTES: _notes(title, done, register)}
    write_study(out, written, shapes, about=about, extra_files=notes)
    return done


def _earliest(people: pd.DataFrame, read: Sequence[tuple[Path, OwnTable]]) -> pd.Series | None:
    """Residents by area of the earliest estimate or panel, to share split areas by."""
    counts = {}
    if not people.empty:
        first = people["period"].min()
        own = people[people["period"] == first]
        counts[str(first)] = own.groupby("area_code")["population"].sum()
    for _, table in read:
        if table.layout and table.layout.carried_forward:
            number = pd.to_numeric(table.cells["denominator"], errors="coerce")
            number.index = table.cells["area_code"]
            alone = number[~number.index.duplicated()]  # a repeated row is told when it is taken
            counts.setdefault(table.cells["period_start"].iloc[0][:4], alone)
    return counts[min(counts)] if counts else None


def _areas(
    tables: dict[str, list[Found]],
    place: geography.Geography,
    neighbourhoods: str | Path | None,
    register: Register,
) -> tuple[pd.DataFrame, Sequence[pd.DataFrame]]:
    """The table `areas`, and what its larger areas are made of in the years given."""
    lookups = tables[geography.KIND_LOOKUP]
    made = [
        larger.make_msoas(lookups, tables["msoa_names"], place, register),
        larger.make_wards(lookups, place, register),
    ]
    if neighbourhoods is not None:
        path = Path(neighbourhoods)
        rows = larger.read_neighbourhoods(path, place)
        made.append(larger.make_neighbourhoods(rows))
        said = "; ".join(dict.fromkeys(text for text in rows["source"] if text))
        own = Layout("Neighbourhoods", "the partnership", licence="")
        register.use_file(path, own.title, own, said)
    areas, members = zip(*made, strict=True)
    return larger.make_areas(place, *areas), members


def _boundaries(
    found: list[boundaries.BoundaryFile],
    areas: pd.DataFrame,
    place: geography.Geography,
    register: Register,
) -> pd.DataFrame | None:
    """Polygons of the study's small areas, and of MSOAs and wards where a file has them all."""
    year = place.vintage
    shapes = [boundaries.import_boundaries(found, "lsoa", place.own, register, year=year)]
    if shapes[0] is None:
        register.note(
            f"No boundaries of this borough's LSOAs of {year} were found in the folder: maps and "
            "neighbouring areas are unavailable."
        )
        return None
    for level in ("msoa", "ward"):
        codes = areas.loc[areas["area_type"] == level, "area_code"].tolist()
        shapes.append(boundaries.import_boundaries(found, level, codes, register))
    return pd.concat([part for part in shapes if part is not None], ignore_index=True)


def _carried_forward(observations: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Mark years whose denominators are, in every area, those of the year before, as estimated."""
    made = observations
    for layout in layouts():
        mine = made["indicator_id"] == layout.indicator.get("indicator_id")
        if not layout.carried_forward or not mine.any():
            continue
        table = made[mine].pivot_table("denominator", "period_start", "area_code")
        again = [
            later for one, later in pairwise(table.index) if table.loc[one].equals(table.loc[later])
        ]
        if again:
            years = ", ".join(str(start)[:4] for start in again)
            register.note(
                f"{layout.title}: the denominators of {years} repeat those of the year before; "
                'these rates carry the note "estimated".'
            )
            late = mine & made["period_start"].isin(again)
            made = made.assign(note=made["note"].mask(late, "estimated"))
    return made


def _notes(title: str, done: Imported, register: Register) -> str:
    """What was read, left out and why, as Markdown."""
    parts = {
        f"# {title}\n\nMade by `lsp-analysis import` from the files below.": [
            f"- {source['title']}: `{source['path']}`, {source['publisher']}"
            + (f" ({source['note']})" if "note" in source else "")
            for source in register.sources
        ],
        "## Tables read": [],
        "## What to know": [f"- {note}" for note in done.notes],
        "## Not read": [f"- `{place}`: {why}" for place, why in done.problems.items()],
        "## Not needed": [f"- `{place}`: {why}" for place, why in done.spare.items()],
    }
    if done.accounts:
        rows = [(*HEADS, "columns", "notes"), ("---",) * (len(HEADS) + 2)]
        rows += [(*a.cells(), a.columns, "; ".join(a.notes)) for a in done.accounts]
        cells = ([cell.replace("|", "/") for cell in row] for row in rows)
        parts["## Tables read"] = [f"| {' | '.join(row)} |" for row in cells]
    lines = [line for head, said in parts.items() if said for line in (head, "", *said, "")]
    return "\n".join([*lines, register.attribution, ""])
