"""Check a study folder and report every problem at once: file, row, column, value, remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis.errors import StudyError, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.areas import check_areas
from lsp_analysis.study.check.geometry import check_geometry
from lsp_analysis.study.check.keys import check_keys
from lsp_analysis.study.check.kinds import check_kinds
from lsp_analysis.study.check.parts import check_large, check_parts, is_large
from lsp_analysis.study.check.periods import check_periods
from lsp_analysis.study.check.problems import Problem, Sheet, problems_frame, render
from lsp_analysis.study.check.text import load_sheet
from lsp_analysis.study.check.values import check_values
from lsp_analysis.study.descriptor import files_of, read_descriptor
from lsp_analysis.study.folder import mended
from lsp_analysis.study.write import file_facts

__all__ = ["Problem", "check_study", "problems_frame", "render"]


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
    resources, problems = listed_resources(folder)
    for resource in resources:
        for part in files_of(resource):
            found = check_file(folder / part["path"], part)
            problems += [replace(one, file=part["path"]) for one in found]
    files = {r["name"]: folder / r["path"] for r in resources if isinstance(r["path"], str)}
    large = {name: path for name, path in files.items() if is_file(path) and is_large(path)}
    sheets, unread = load_sheets({name: files[name] for name in files.keys() - large.keys()})
    problems += unread + check_keys(sheets) + check_areas(sheets)
    problems += check_periods(sheets) + check_values(sheets, now)
    problems += check_kinds(sheets)
    problems += without_rows(sheets, {item["name"] for item in resources if item.get("hash")})
    if "areas" in sheets:
        problems += check_worked_in(folder, sheets["areas"].typed)
    if schema.GEOMETRY in files and is_file(files[schema.GEOMETRY]):
        areas = sheets["areas"].typed if "areas" in sheets else None
        problems += check_geometry(files[schema.GEOMETRY], areas)
    for name, path in large.items():
        problems += check_large(path, name, sheets, now)
    problems += check_parts(folder, resources, sheets, now)
    return sorted(dict.fromkeys(problems), key=lambda item: (item.file, item.row, item.column))


def listed_resources(folder: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Resources of the descriptor, or those the files' names tell when it cannot be read."""
    try:
        resources = read_descriptor(folder)["resources"]
        problems = []
    except StudyError as error:
        remedy = "Restore it from a copy, or write the study again."
        reason = str(error.__cause__ or error).replace(f"{folder / schema.DESCRIPTOR}", "It")
        problem = f"{reason} So the tables that it lists are not known for certain."
        if not (folder / schema.DESCRIPTOR).is_file():
            problem = "The study has no such file, which lists its tables."
        problems = [Problem(schema.DESCRIPTOR, 0, "", "", problem, remedy)]
        names = [*schema.TABLES, schema.GEOMETRY]
        files = sorted(file for file in folder.iterdir() if file.stem in names)
        kinds = {".csv", ".parquet", ".geojson", ".gpkg"}
        resources = [{"name": f.stem, "path": f.name} for f in files if f.suffix in kinds]
    inside, outside = _inside(folder, resources)
    return _known(inside, problems + outside + _unlisted(folder, resources))


def _inside(
    folder: Path, resources: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Resources whose files lie in the study folder, the first of each name, and the others."""
    kept: dict[str, dict[str, Any]] = {}
    problems = []
    for resource in resources:
        name, paths = resource["name"], [part["path"] for part in files_of(resource)]
        outside = next((path for path in paths if not stays_inside(folder, path)), None)
        if outside is not None:
            problem = f"The path of {name} is absolute or leads outside the study folder."
            remedy = "Copy the file into the study folder, and write its name there as the path."
            problems.append(Problem(schema.DESCRIPTOR, 0, "path", outside, problem, remedy))
        elif name in kept:
            problem = "The study lists this table twice."
            remedy = "Keep the entry of the file that is meant."
            problems.append(Problem(schema.DESCRIPTOR, 0, "name", name, problem, remedy))
        else:
            kept[name] = resource
    return list(kept.values()), problems


def stays_inside(folder: Path, path: str) -> bool:
    """Whether `path` of a descriptor is relative and, links followed, leads below `folder`."""
    if Path(path).is_absolute():
        return False
    try:
        return (folder / path).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a path no system takes; a link to itself
        return True


def _unlisted(folder: Path, resources: list[dict[str, Any]]) -> list[Problem]:
    """Files named as tables that the descriptor does not list, and that nothing would read."""
    names = {*(resource["name"] for resource in resources), *schema.REQUIRED_TABLES}
    paths = {part["path"] for resource in resources for part in files_of(resource)}
    return [
        Problem(
            file.name,
            0,
            "",
            "",
            f"The file is not listed in {schema.DESCRIPTOR}, so nothing reads it.",
            "List it there as a resource, or take it out of the folder.",
        )
        for file in sorted(folder.iterdir())
        if file.suffix in (".csv", ".parquet") and file.stem in schema.TABLES
        if resources and file.stem not in names and file.name not in paths
    ]


def _known(
    resources: list[dict[str, Any]], problems: list[Problem]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    names = [resource["name"] for resource in resources]
    known = [*schema.TABLES, schema.GEOMETRY]
    outside = {problem.value for problem in problems if problem.column == "path"}
    for table in schema.REQUIRED_TABLES:
        if table not in names and not outside:
            problem = f"The study has no table {table} ({schema.TABLES[table].about})."
            problems.append(Problem(schema.DESCRIPTOR, 0, "", "", problem, "Add the table."))
    for name in names:
        if name not in known and did_you_mean(name, known):
            problem = f"A study has no table of this name.{did_you_mean(name, known, n=1)}"
            problems.append(Problem(schema.DESCRIPTOR, 0, "name", name, problem, "Rename it."))
    return [resource for resource in resources if resource["name"] in known], problems


def check_file(path: Path, resource: dict[str, Any]) -> list[Problem]:
    """Whether the file is there, whole, and the one the descriptor records."""
    if not is_file(path):
        problem = f"The file is listed in {schema.DESCRIPTOR} but missing."
        return [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]
    recorded = resource.get("hash")
    facts = file_facts(path)
    if not recorded or recorded == facts["hash"]:
        return []
    size, before = facts["bytes"], resource.get("bytes")
    before = before if isinstance(before, int) else 0
    if size < before and not path.read_bytes().endswith((b"\n", b"\r", b"}")):
        problem = f"The file seems cut short: it has {size:,} of {before:,} bytes."
        return [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]
    problem = f"The file was changed after its hash was recorded in {schema.DESCRIPTOR}."
    remedy = "If the change was meant, remove this file's hash and bytes there; else restore it."
    return [Problem(path.name, 0, "", "", problem, remedy)]


def is_file(path: Path) -> bool:
    """Whether there is such a file; a path that no system takes names none."""
    try:
        return path.is_file()
    except OSError:
        return False


def load_sheets(files: dict[str, Path]) -> tuple[dict[str, Sheet], list[Problem]]:
    """Every table that can be read, by name, and what is wrong with the text of the files."""
    sheets, problems = {}, []
    for table in schema.TABLES:
        if table in files and is_file(files[table]):
            sheet, found = load_sheet(files[table], table)
            problems += found
            if sheet is not None:
                sheets[table] = sheet
    return sheets, problems


def without_rows(sheets: dict[str, Sheet], recorded: set[str]) -> list[Problem]:
    """Required tables that have a header and nothing below it.

    One of those `recorded` with their hash is told by it when it lost its rows; else it was written
    so, as by an import that found no measures.
    """
    remedy = "Add its rows, or restore the file from a copy."
    return [
        problem
        for table in schema.REQUIRED_TABLES
        if table in sheets and table not in recorded and sheets[table].text.empty
        for problem in sheets[table].flag_whole("", "The table has no rows.", remedy)
    ]


def check_worked_in(folder: Path, areas: pd.DataFrame) -> list[Problem]:
    """The type of area and the code list that the descriptor says the study works in."""
    try:
        descriptor = read_descriptor(folder)
    except StudyError:  # told already
        return []
    problems = []
    for key, column in (("small_area_type", "area_type"), ("code_vintage", "code_vintage")):
        given = descriptor.get(f"lsp:{key}")
        known = sorted(areas[column].dropna().unique())
        if given is not None and known and given not in known:
            problem = f"No row of the table areas has this {column}."
            named = [value if isinstance(value, str) else f"{value:.0f}" for value in known]
            remedy = f"Write one of {', '.join(named)}."
            problems.append(
                Problem(schema.DESCRIPTOR, 0, f"lsp:{key}", str(given), problem, remedy)
            )
    return problems
