"""Lookups: which area lies in which, or became which, in any of the ways the ONS writes them.

A lookup is told by its headings: codes of two levels or years (LSOA11CD, LAD22CD; lsoa21, oslaua in
postcode directories), and no numbers. So a lookup of next year's wards needs no new line here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd

from lsp_analysis.sources import formats
from lsp_analysis.sources.formats import Found, heading_rows
from lsp_analysis.study.add.grids import Grid
from lsp_analysis.study.add.headings import roles_of
from lsp_analysis.study.add.layouts import Layout

ONS = "Office for National Statistics, Open Geography Portal"
KIND, KIND_NAMES = "lookup", "msoa_names"
LEVEL = re.compile(r"(oa|lsoa|msoa|wd|ward|osward|lad|ltla|laua|oslaua)(\d\d)?(cd|nm)?")
LEVELS = {"ward": "wd", "osward": "wd", "ltla": "lad", "laua": "lad", "oslaua": "lad"}
POSTCODE = re.compile(r"pcd\w*|postcode")
MEASURED = {"period", "numerator", "denominator", "value"}
KIND_LISTS = "neighbourhood_lists"
A_LIST = (
    "a list of neighbourhoods: give yours with --neighbourhoods, in a file with the columns "
    "neighbourhood_code, neighbourhood_name, definition, is_pilot, member_code, code_vintage, "
    "weight, source"
)


def recognise_lookup(grid: Grid) -> Found | None:
    """A lookup in `grid`, its columns named ``lsoa11``, ``lsoa11_name``, ``lad``, ``wd17`` ...

    Several years of boroughs or wards beside one another count by the latest. None when the
    headings are another's.
    """
    return next((one for row in heading_rows(grid) if (one := _lookup(grid, *row[:2]))), None)


def _lookup(grid: Grid, number: int, headings: Sequence[str]) -> Found | None:
    if MEASURED & roles_of(headings, range(len(headings))).keys():
        return None
    columns: dict[str, int] = {}
    for at, heading in enumerate(headings):
        match = LEVEL.fullmatch(heading)
        if match:
            level = LEVELS.get(match[1], match[1])
            year = "" if level == "lad" else match[2] or ""
            columns.setdefault(f"{level}{year}{'_name' if match[3] == 'nm' else ''}", at)
        elif heading in ("chgind", "chngind"):
            columns["change"] = at
        elif POSTCODE.fullmatch(heading):
            columns["postcode"] = at
    small = [name for name in columns if re.fullmatch(r"[lm]soa\d\d", name)]
    codes = [name for name in columns if re.fullmatch(r"(oa|lsoa|msoa|wd|lad)\d*", name)]
    if not small or len(codes) < 2:
        return None
    said = ", ".join(f"{name.rstrip('0123456789').upper()} {_year(name)}".strip() for name in codes)
    layout = Layout(f"Lookup of {said}", ONS, kind=KIND)
    return Found(layout, grid, number, tuple(headings), columns)


def _year(name: str) -> str:
    digits = name[-2:]
    return f"20{digits}" if digits.isdecimal() else ""


def small_years(found: Found) -> list[int]:
    """Years of the LSOA codes a lookup has, newest first."""
    years = [int(name[4:]) for name in found.columns if re.fullmatch(r"lsoa\d\d", name)]
    return sorted((2000 + year for year in years), reverse=True)


def read_lookup(
    found: Found, columns: Collection[str], codes: Collection[str] | None, role: str
) -> pd.DataFrame:
    """Distinct rows of some columns of a lookup, those with one of `codes` in the column `role`."""
    wanted = {name: at for name, at in found.columns.items() if name in columns or name == role}
    rows = formats.read(replace(found, columns=wanted), codes, role=role, distinct=True)
    return rows.drop(columns="row").drop_duplicates(ignore_index=True)


def is_best_fit(found: Found) -> bool:
    """Whether a lookup of wards has a row for each small area, not for each part of one."""
    return not any(re.fullmatch(r"oa\d*|postcode", name) for name in found.columns)


def read_names(found: Found, codes: list[str]) -> pd.Series:
    """Names people use for these MSOAs, by code; those the Library has not named are left out."""
    rows = formats.read(found, codes, role="code")
    formats.refuse_repeats(rows, ["code"], found)
    return rows[rows["local_name"] != ""].set_index("code")["local_name"]
