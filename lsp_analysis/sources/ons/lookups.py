"""Lookups: which area lies in which, or became which, in any of the ways the ONS writes them.

A lookup is told by its headings: codes of two levels or years (LSOA11CD, LAD22CD; lsoa21, oslaua in
postcode directories), and no numbers. So a lookup of next year's wards needs no new line here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import pandas as pd

from lsp_analysis.sources import reading
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable
from lsp_analysis.study.add.headings import roles_of

ONS = "Office for National Statistics, Open Geography Portal"
KIND, KIND_NAMES = "lookup", "msoa_names"
LEVEL = re.compile(r"(oa|lsoa|msoa|wd|ward|osward|lad|ltla|laua|oslaua)(\d\d)?(cd|nm)?")
LEVELS = {"ward": "wd", "osward": "wd", "ltla": "lad", "laua": "lad", "oslaua": "lad"}
POSTCODE = re.compile(r"pcd\w*|postcode")
MEASURED = {"period", "numerator", "denominator", "value"}
NAMES = Format(
    KIND_NAMES,
    Publication("MSOA names {year}", "House of Commons Library", licence="OPL"),
    {"code": r"msoa(?P<year>\d\d)cd", "local_name": r"msoa\d\dhclnm"},
    settle=lambda table, texts: {"year": 2000 + int(texts["year"])},
)

KIND_LISTS = "neighbourhood_lists"
LISTS = Format(
    KIND_LISTS,
    Publication("List of neighbourhoods", "not known"),
    {"area_code": r"lsoa(_?code|\d\dcd)", "name": r"\w*neighbourhood\w*name"},
    unless=r"definition|count|value|numerator|year|period",
)
A_LIST = (
    "a list of neighbourhoods: give yours with --neighbourhoods, in a file with the columns "
    "neighbourhood_code, neighbourhood_name, definition, is_pilot, member_code, code_vintage, "
    "weight, source"
)


def recognise_lookup(table: SourceTable) -> Found | None:
    """A lookup in `table`, its columns named ``lsoa11``, ``lsoa11_name``, ``lad``, ``wd17`` ...

    Several years of boroughs or wards beside one another count by the latest. None when the
    headings are another's.
    """
    if MEASURED & roles_of(table.headings, range(len(table.headings))).keys():
        return None
    columns: dict[str, int] = {}
    for at, heading in enumerate(table.headings):
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
    known = Format(KIND, Publication(f"Lookup of {said}", ONS), {})
    return Found(known, table, columns, {})


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
    narrow = Found(found.format, found.table, wanted, found.facts)
    rows = reading.read(narrow, codes, role=role, distinct=True)
    return rows.drop(columns="row").drop_duplicates(ignore_index=True)


def is_best_fit(found: Found) -> bool:
    """Whether a lookup of wards has a row for each small area, not for each part of one."""
    return not any(re.fullmatch(r"oa\d*|postcode", name) for name in found.columns)


def read_names(found: Found, codes: list[str]) -> pd.Series:
    """Names people use for these MSOAs, by code; those the Library has not named are left out."""
    rows = reading.read(found, codes, role="code")
    reading.refuse_repeats(rows, ["code"], found)
    return rows[rows["local_name"] != ""].set_index("code")["local_name"]
