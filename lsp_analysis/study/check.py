"""Check a study folder and report every problem at once: file, row, column, value, remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis.errors import StudyError, did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check_areas import check_areas
from lsp_analysis.study.check_geometry import check_geometry
from lsp_analysis.study.check_keys import check_keys
from lsp_analysis.study.check_periods import check_periods
from lsp_analysis.study.check_text import load_sheet
from lsp_analysis.study.check_values import check_values
from lsp_analysis.study.problems import Problem, Sheet, problems_frame, render
from lsp_analysis.study.store import read_descriptor
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
    folder = Path(path)
    if not folder.is_dir():
        raise StudyError(f"There is no study folder {folder}. Check the path.")
    now = pd.Timestamp.now() if today is None else pd.Timestamp(today)
    resources, problems = listed_resources(folder)
    files = {resource["name"]: folder / resource["path"] for resource in resources}
    for resource in resources:
        problems += check_file(folder / resource["path"], resource)
    sheets, unread = load_sheets(files)
    problems += unread + check_keys(sheets) + check_areas(sheets)
    problems += check_periods(sheets, now) + check_values(sheets)
    if schema.GEOMETRY in files and files[schema.GEOMETRY].is_file():
        areas = sheets["areas"].typed if "areas" in sheets else None
        problems += check_geometry(files[schema.GEOMETRY], areas)
    return sorted(dict.fromkeys(problems), key=lambda item: (item.file, item.row, item.column))


def listed_resources(folder: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Resources of the descriptor, or those the files' names tell when it cannot be read."""
    try:
        resources = read_descriptor(folder)["resources"]
        problems = []
    except StudyError as error:
        remedy = "Restore it from a copy, or write the study again."
        problems = [Problem(schema.DESCRIPTOR, 0, "", "", str(error), remedy)]
        names = [*schema.TABLES, schema.GEOMETRY]
        files = sorted(file for file in folder.iterdir() if file.stem in names)
        kinds = {".csv", ".parquet", ".geojson", ".gpkg"}
        resources = [{"name": f.stem, "path": f.name} for f in files if f.suffix in kinds]
    return _known(resources, problems)


def _known(
    resources: list[dict[str, Any]], problems: list[Problem]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    names = [resource["name"] for resource in resources]
    known = [*schema.TABLES, schema.GEOMETRY]
    for table in schema.REQUIRED_TABLES:
        if table not in names:
            problem = f"The study has no table {table} ({schema.TABLES[table].about})."
            problems.append(Problem(schema.DESCRIPTOR, 0, "", "", problem, "Add the table."))
    for name in names:
        if name not in known and did_you_mean(name, known):
            problem = f"A study has no table of this name.{did_you_mean(name, known, n=1)}"
            problems.append(Problem(schema.DESCRIPTOR, 0, "name", name, problem, "Rename it."))
    return [resource for resource in resources if resource["name"] in known], problems


def check_file(path: Path, resource: dict[str, Any]) -> list[Problem]:
    """Whether the file is there, whole, and the one the descriptor records."""
    if not path.is_file():
        problem = f"The file is listed in {schema.DESCRIPTOR} but missing."
        return [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]
    recorded = resource.get("hash")
    facts = file_facts(path)
    if not recorded or recorded == facts["hash"]:
        return []
    size, before = facts["bytes"], resource.get("bytes") or 0
    if size < before and not path.read_bytes().endswith((b"\n", b"\r", b"}")):
        problem = f"The file seems cut short: it has {size:,} of {before:,} bytes."
        return [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]
    problem = f"The file was changed after its hash was recorded in {schema.DESCRIPTOR}."
    remedy = "If the change was meant, remove this file's hash and bytes there; else restore it."
    return [Problem(path.name, 0, "", "", problem, remedy)]


def load_sheets(files: dict[str, Path]) -> tuple[dict[str, Sheet], list[Problem]]:
    """Every table that can be read, by name, and what is wrong with the text of the files."""
    sheets, problems = {}, []
    for table in schema.TABLES:
        if table in files and files[table].is_file():
            sheet, found = load_sheet(files[table], table)
            problems += found
            if sheet is not None:
                sheets[table] = sheet
    return sheets, problems
