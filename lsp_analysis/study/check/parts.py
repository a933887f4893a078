"""Check large tables one borough, or a few, after the other, so that no more of them is held.

They lie in parts by borough, or, as older versions wrote them, in one Parquet file.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lsp_analysis.study import schema
from lsp_analysis.study.check.areas import check_areas
from lsp_analysis.study.check.geometry import check_geometry
from lsp_analysis.study.check.keys import check_keys
from lsp_analysis.study.check.kinds import check_kinds
from lsp_analysis.study.check.periods import check_periods
from lsp_analysis.study.check.problems import Problem, Sheet, look_up
from lsp_analysis.study.check.text import load_sheet
from lsp_analysis.study.check.values import check_values
from lsp_analysis.study.descriptor import files_of
from lsp_analysis.study.write import homes_of

LARGE = 1_000_000  # rows of one file
SHARED = ("indicators", "interventions")  # tables that every borough's rows are held against


def check_parts(
    folder: Path,
    resources: list[dict[str, Any]],
    sheets: Mapping[str, Sheet],
    today: pd.Timestamp,
) -> list[Problem]:
    """What is wrong with tables in parts, and with boundaries in parts.

    Parameters
    ----------
    sheets : tables that lie in one file, which have been checked by themselves.
    """
    boroughs: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for resource in resources:
        for part in files_of(resource) if not isinstance(resource["path"], str) else []:
            if (folder / part["path"]).is_file():
                boroughs[part.get("borough", "")][resource["name"]].append(part["path"])
    if not boroughs:
        return []
    areas = sheets["areas"].typed if "areas" in sheets else pd.DataFrame(columns=["area_code"])
    homes = homes_of(areas) if "areas" in sheets else pd.Series(dtype="str")
    problems: list[Problem] = []
    kinds: Counter[Problem] = Counter()
    for borough, tables in boroughs.items():
        inside = look_up(areas["area_code"], homes).isin([borough, ""])
        own = {name: sheets[name] for name in SHARED if name in sheets}
        if "areas" in sheets:
            whole = sheets["areas"]
            own["areas"] = replace(whole, text=whole.text[inside], typed=whole.typed[inside])
        for path in tables.pop(schema.GEOMETRY, []):
            found = check_geometry(folder / path, own["areas"].typed if "areas" in own else None)
            problems += [replace(one, file=path) for one in found]
        for table, paths in tables.items():
            sheet, starts, found = _joined(folder, table, paths, borough, homes)
            problems += found
            if sheet is not None:
                found = _checked(own | {table: sheet}, sheet.file, today, kinds)
                problems += [_in_its_part(one, starts) for one in found]
    return problems + [one for one, times in kinds.items() if 2 * times > len(boroughs)]


def is_large(path: Path) -> bool:
    """Whether a file is a Parquet table of more rows about areas than are to be held at once."""
    try:
        about = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # no Parquet file, or damaged: who reads it says so
        return False
    return about.num_rows > LARGE and "area_code" in about.schema.names


def check_large(
    path: Path, table: str, sheets: Mapping[str, Sheet], today: pd.Timestamp
) -> list[Problem]:
    """What is wrong with a large table in one Parquet file, which `is_large`."""
    own = {name: sheets[name] for name in (*SHARED, "areas") if name in sheets}
    homes = homes_of(own["areas"].typed) if "areas" in own else pd.Series(dtype="str")
    met = pq.read_table(path, columns=["area_code"])["area_code"].value_counts()
    codes = pd.Series(met.field(0).to_pylist(), dtype=object)
    rows = pd.Series(met.field(1).to_numpy())
    home = look_up(codes, homes).fillna("")
    turns = look_up(home, rows.groupby(home).sum().cumsum() // LARGE)
    problems: list[Problem] = []
    kinds: Counter[Problem] = Counter()
    for _, areas in codes.groupby(turns):
        sheet, found = load_sheet(path, table, areas.tolist())
        problems += found
        if sheet is not None:
            problems += _checked(own | {table: sheet}, sheet.file, today, kinds)
    return problems + [one for one, times in kinds.items() if 2 * times > turns.nunique()]


def _checked(
    own: dict[str, Sheet], file: str, today: pd.Timestamp, kinds: Counter[Problem]
) -> list[Problem]:
    """What is wrong with the rows of some boroughs; what is with their kinds is counted."""
    kinds.update(check_kinds(own))
    found = check_keys(own) + check_areas(own) + check_periods(own) + check_values(own, today)
    return [problem for problem in found if problem.file == file]


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
