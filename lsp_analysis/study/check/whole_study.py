"""Check a study folder and report every problem at once: file, row, column, value, remedy.

Large tables lie in parts by borough or, as older versions wrote them, in one Parquet file. They
are checked some boroughs after the others, so that no more of them is held.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lsp_analysis.errors import StudyError, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.geometry import check_geometry
from lsp_analysis.study.check.problems import Problem, Sheet, look_up, problems_frame, render
from lsp_analysis.study.check.rows import check_rows
from lsp_analysis.study.check.series import check_kinds
from lsp_analysis.study.check.text import load_sheet
from lsp_analysis.study.folder import files_of, mended, read_descriptor
from lsp_analysis.study.write import file_facts, homes_of

__all__ = ["Problem", "check_study", "problems_frame", "render"]

SHARED = ("indicators", "interventions")  # tables that every borough's rows are held against
LARGE = 1_000_000  # rows of one file from which it is checked some boroughs at a time
KINDS_OF_FILE = (".csv", ".parquet", ".geojson", ".gpkg")
RESTORE = "Restore it from a copy."
Resource = dict[str, Any]
# A part of a study that is checked by itself: its name, its areas where they are fewer, a table if
# it could be read, what is to be taken off the rows of each of its files, and what is wrong so far.
Turn = tuple[str, dict[str, Sheet], Sheet | None, dict[str, int], list[Problem]]


def check_study(path: str | Path, *, today: str | pd.Timestamp | None = None) -> list[Problem]:
    """All problems of the study folder `path`; an empty list when there are none.

    A file that cannot be read is one problem, and the others are still checked.

    Parameters
    ----------
    path : folder of the study.
    today : date after which data count as from the future; by default the day of the check.

    Raises
    ------
    StudyError
        There is no such folder.
    """
    folder = mended(path)
    if not folder.is_dir():
        raise StudyError(f"There is no study folder {folder}. Check the path.")
    now = pd.Timestamp.now() if today is None else pd.Timestamp(today)
    descriptor, problems = _descriptor(folder)
    resources = descriptor["resources"]
    for resource in resources:
        for part in files_of(resource):
            found = check_file(folder / part["path"], part)
            problems += [replace(one, file=part["path"]) for one in found]
    files = {r["name"]: folder / r["path"] for r in resources if isinstance(r["path"], str)}
    sheets: dict[str, Sheet] = {}
    large = {}
    for table in [table for table in schema.TABLES if isfile(files.get(table, ""))]:
        if _is_large(files[table]):
            large[table] = files[table]
            continue
        sheet, found = load_sheet(files[table], table)
        problems += found
        if sheet is not None:
            sheets[table] = sheet
    problems += check_rows(sheets, now)
    problems += check_kinds(sheets)
    # A table with its hash on record is told by it when it lost its rows; else it was written so,
    # as by an import that found no measures.
    recorded = {item["name"] for item in resources if item.get("hash")}
    for table in sheets.keys() & set(schema.REQUIRED_TABLES) - recorded:
        if sheets[table].text.empty:
            remedy = "Add its rows, or restore the file from a copy."
            problems.append(Problem(sheets[table].file, "The table has no rows.", remedy))
    whole = sheets.get("areas")
    areas = whole.typed if whole else None
    homes = homes_of(areas) if whole else pd.Series(dtype="str")
    if whole:
        problems += _worked_in(descriptor, areas)
    if isfile(files.get(schema.GEOMETRY, "")):
        problems += check_geometry(files[schema.GEOMETRY], areas)
    own = {name: sheets[name] for name in (*SHARED, "areas") if name in sheets}
    for table, path in large.items():
        problems += _check_in_turns(_turns_of_file(path, table, homes), own, now)
    parts = _turns_of_parts(folder, resources, whole, homes)
    problems += _check_in_turns(parts, own, now)
    return sorted(dict.fromkeys(problems), key=lambda item: (item.file, item.row, item.column))


def _descriptor(folder: Path) -> tuple[Resource, list[Problem]]:
    """The descriptor, with the resources that the files' names tell when it cannot be read; of
    these the first of each known name whose files lie in the study folder."""
    known, problems = [*schema.TABLES, schema.GEOMETRY], []
    try:
        descriptor = read_descriptor(folder)
    except StudyError as error:
        remedy = "Restore it from a copy, or write the study again."
        reason = str(error.__cause__ or error).replace(f"{folder / schema.DESCRIPTOR}", "It")
        problem = f"{reason} So the tables that it lists are not known for certain."
        if not (folder / schema.DESCRIPTOR).is_file():
            problem = "The study has no such file, which lists its tables."
        problems.append(Problem(schema.DESCRIPTOR, problem, remedy))
        files = sorted(file for file in folder.iterdir() if file.stem in known)
        listed = [{"name": f.stem, "path": f.name} for f in files if f.suffix in KINDS_OF_FILE]
        descriptor = {"resources": listed}
    resources = descriptor["resources"]
    kept: dict[str, Resource] = {}
    for resource in resources:
        name, paths = resource["name"], [part["path"] for part in files_of(resource)]
        outside = next((path for path in paths if not _stays_inside(folder, path)), None)
        if outside is not None:
            problem = f"The path of {name} is absolute or leads outside the study folder."
            remedy = "Copy the file into the study folder, and write its name there as the path."
            problems.append(Problem(schema.DESCRIPTOR, problem, remedy, 0, "path", outside))
        elif name in kept:
            problem = "The study lists this table twice."
            remedy = "Keep the entry of the file that is meant."
            problems.append(Problem(schema.DESCRIPTOR, problem, remedy, 0, "name", name))
        else:
            kept[name] = resource
    all_inside = not any(problem.column == "path" for problem in problems)
    for table in schema.REQUIRED_TABLES:
        if all_inside and table not in kept:
            problem = f"The study has no table {table} ({schema.TABLES[table].about})."
            problems.append(Problem(schema.DESCRIPTOR, problem, "Add the table."))
    for name in kept:
        if name not in known and (hint := did_you_mean(name, known, n=1)):
            problem = f"A study has no table of this name.{hint}"
            problems.append(Problem(schema.DESCRIPTOR, problem, "Rename it.", 0, "name", name))
    problems += _unlisted(folder, resources)
    inside = [resource for name, resource in kept.items() if name in known]
    return descriptor | {"resources": inside}, problems


def _stays_inside(folder: Path, path: str) -> bool:
    """Whether `path` of a descriptor is relative and, links followed, leads below `folder`."""
    if Path(path).is_absolute():
        return False
    try:
        return (folder / path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a path no system takes; a link to itself
        return True


def _unlisted(folder: Path, resources: list[Resource]) -> Iterator[Problem]:
    """Files named as tables that the descriptor does not list, and that nothing would read."""
    names = {*(resource["name"] for resource in resources), *schema.REQUIRED_TABLES}
    paths = {part["path"] for resource in resources for part in files_of(resource)}
    problem = f"The file is not listed in {schema.DESCRIPTOR}, so nothing reads it."
    remedy = "List it there as a resource, or take it out of the folder."
    for file in sorted(folder.iterdir()) if resources else ():
        unknown = file.stem not in names and file.name not in paths
        if unknown and file.suffix in (".csv", ".parquet") and file.stem in schema.TABLES:
            yield Problem(file.name, problem, remedy)


def check_file(path: Path, resource: Resource) -> Iterator[Problem]:
    """Whether the file is there, whole, and the one the descriptor records."""
    if not isfile(path):
        problem = f"The file is listed in {schema.DESCRIPTOR} but missing."
        yield Problem(path.name, problem, RESTORE)
        return
    facts = file_facts(path)
    if resource.get("hash") in (None, "", facts["hash"]):
        return
    size, before = facts["bytes"], resource.get("bytes", 0)
    problem = f"The file was changed after its hash was recorded in {schema.DESCRIPTOR}."
    remedy = "If the change was meant, remove this file's hash and bytes there; else restore it."
    if size < before and not path.read_bytes().endswith((b"\n", b"\r", b"}")):
        problem = f"The file seems cut short: it has {size:,} of {before:,} bytes."
        remedy = RESTORE
    yield Problem(path.name, problem, remedy)


def _worked_in(descriptor: Resource, areas: pd.DataFrame) -> Iterator[Problem]:
    """The type of area and the code list that the descriptor says the study works in."""
    for key, column in (("small_area_type", "area_type"), ("code_vintage", "code_vintage")):
        given = descriptor.get(f"lsp:{key}")
        known = sorted(areas[column].dropna().unique())
        if given is not None and known and given not in known:
            problem = f"No row of the table areas has this {column}."
            named = [value if isinstance(value, str) else f"{value:.0f}" for value in known]
            remedy = f"Write one of {', '.join(named)}."
            yield Problem(schema.DESCRIPTOR, problem, remedy, 0, f"lsp:{key}", str(given))


def _check_in_turns(
    turns: Iterable[Turn], own: Mapping[str, Sheet], today: pd.Timestamp
) -> list[Problem]:
    """What is wrong with tables that are held a part at a time, beside `own` of one file each; of
    a kind of indicator, what most of the turns say."""
    problems: list[Problem] = []
    kinds: Counter[Problem] = Counter()
    named = set()
    for turn, areas, sheet, starts, found in turns:
        named.add(turn)
        problems += found
        if sheet is not None:
            together = {**own, **areas, sheet.table: sheet}
            kinds.update(check_kinds(together))
            rows = check_rows(together, today)
            problems += [_in_its_part(one, starts) for one in rows if one.file == sheet.file]
    return problems + [one for one, times in kinds.items() if 2 * times > len(named)]


def _is_large(path: Path) -> bool:
    """Whether a file is a Parquet table of more rows about areas than are to be held at once."""
    try:
        about = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # no Parquet file, or damaged: who reads it says so
        return False
    return about.num_rows > LARGE and "area_code" in about.schema.names


def _turns_of_file(path: Path, table: str, homes: pd.Series) -> Iterator[Turn]:
    """A large table in one Parquet file, some boroughs after the others."""
    met = pq.read_table(path, columns=["area_code"])["area_code"].to_pandas()
    rows = met.value_counts(dropna=False)
    home = look_up(rows.index.to_series(), homes).fillna("").to_numpy()
    turns = (rows.groupby(home).sum().cumsum() // LARGE).reindex(home).to_numpy()
    for turn, areas in rows.groupby(turns):
        codes = [None if pd.isna(code) else code for code in areas.index]
        sheet, found = load_sheet(path, table, codes)
        yield str(turn), {}, sheet, {path.name: 0}, found


def _turns_of_parts(
    folder: Path, resources: list[Resource], whole: Sheet | None, homes: pd.Series
) -> Iterator[Turn]:
    """Tables and boundaries in parts, one borough after the other."""
    boroughs: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for resource in resources:
        for part in files_of(resource) if not isinstance(resource["path"], str) else []:
            if (folder / part["path"]).is_file():
                boroughs[part.get("borough", "")][resource["name"]].append(part["path"])
    for borough, tables in boroughs.items():
        areas = {}
        if whole:
            inside = look_up(whole.typed["area_code"], homes).isin([borough, ""])
            own = replace(whole, text=whole.text[inside], typed=whole.typed[inside])
            areas = {"areas": own}
        for path in tables.pop(schema.GEOMETRY, []):
            found = check_geometry(folder / path, own.typed if whole else None)
            yield borough, areas, None, {}, [replace(one, file=path) for one in found]
        for table, paths in tables.items():
            yield borough, areas, *_joined(folder, table, paths, borough, homes)


def _joined(
    folder: Path, table: str, paths: list[str], borough: str, homes: pd.Series
) -> tuple[Sheet | None, dict[str, int], list[Problem]]:
    """All parts of one borough as one sheet, its rows counted on from part to part, and what is to
    be taken off the rows of each."""
    loaded: list[list[pd.DataFrame]] = []
    starts: dict[str, int] = {}
    problems, start = [], 0
    for path in paths:
        sheet, found = load_sheet(folder / path, table)
        problems += [replace(problem, file=path) for problem in found]
        if sheet is None:
            continue
        home = look_up(sheet.typed["area_code"], homes)
        apart = home.notna() & (home != borough)
        said = "The file is of another borough than the area, so no page of the area finds the row."
        sheet = replace(sheet, file=path)
        problems += sheet.flag(apart, "area_code", said, "Write the study again.")
        frames = [frame[~apart] for frame in (sheet.text, sheet.typed)]
        loaded.append([frame.set_axis(frame.index + start) for frame in frames])
        starts[path] = start
        start += len(sheet.text)
    if not loaded:
        return None, starts, problems
    text, typed = (pd.concat(frames) for frames in zip(*loaded, strict=True))
    return Sheet(table, f"{table} of {borough}", text, typed), starts, problems


def _in_its_part(problem: Problem, starts: Mapping[str, int]) -> Problem:
    """A problem of a joined sheet with the file and the row that a person finds it in."""

    def place(row: int) -> tuple[str, int]:
        file = next(name for name in reversed(starts) if row >= starts[name] + 2 or not row)
        return file, row - starts[file] if row else 0

    def named(row: re.Match[str]) -> str:
        there, number = place(int(row[1]))
        return f"that of row {number}{'' if there == file else f' of {there}'}"

    file, row = place(problem.row)
    said = re.sub(r"that of row (\d+)", named, problem.problem)
    return replace(problem, file=file, row=row, problem=said)
