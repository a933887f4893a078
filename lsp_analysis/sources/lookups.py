"""ONS Open Geography lookups, and the House of Commons Library's names of MSOAs.

Which small area of 2001 became which of 2011, which MSOA and borough it lies in, which ward fits it
best. Boroughs are told by nine-character codes (E08000001), which the Indices of 2004 to 2010 lack.
"""

from __future__ import annotations

import pandas as pd

from lsp_analysis.sources import reading
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable

ONS = "Office for National Statistics, Open Geography Portal"
OLD, NEW = 2001, 2011


def _ward_year(table: SourceTable, texts: dict[str, str]) -> dict[str, int] | None:
    """Year of the wards and vintage of the small areas, from headings such as WD10CD, LSOA01CD."""
    if texts["ward_year"] != texts["name_year"]:
        return None
    return {"year": 2000 + int(texts["ward_year"]), "vintage": 2000 + int(texts["vintage"])}


FORMATS = (
    Format(
        "code_lookup",
        Publication("LSOA 2001 to LSOA 2011 to local authority district lookup", ONS),
        {
            "from_code": "lsoa01cd",
            "from_name": "lsoa01nm",
            "area_code": "lsoa11cd",
            "area_name": "lsoa11nm",
            "change": "chn?gind",
            "borough_code": r"lad\d\dcd",
            "borough_name": r"lad\d\dnm",
        },
    ),
    Format(
        "msoa_lookup",
        Publication("Output area to LSOA to MSOA to local authority district lookup", ONS),
        {
            "area_code": "lsoa11cd",
            "area_name": "lsoa11nm",
            "msoa_code": "msoa11cd",
            "msoa_name": "msoa11nm",
            "borough_code": r"lad(\d\d)?cd",
            "borough_name": r"lad(\d\d)?nm",
        },
    ),
    Format(
        "later_lookup",
        Publication("LSOA 2011 to LSOA 2021 to local authority district lookup", ONS),
        {
            "area_code": "lsoa11cd",
            "area_name": "lsoa11nm",
            "later_code": "lsoa21cd",
            "borough_code": r"lad\d\dcd",
            "borough_name": r"lad\d\dnm",
        },
    ),
    Format(
        "ward_lookup",
        Publication("LSOA to ward best-fit lookup {year}", ONS),
        {
            "area_code": r"lsoa(?P<vintage>01|11)cd",
            "ward_code": r"wd(?P<ward_year>\d\d)cd",
            "ward_name": r"wd(?P<name_year>\d\d)nm",
        },
        unless=r"oa\d\dcd|pcd\w*",  # one row per output area or postcode is no best fit
        settle=_ward_year,
    ),
    Format(
        "msoa_names",
        Publication("MSOA names", "House of Commons Library", licence="OPL"),
        {"msoa_code": "msoa11cd", "msoa_name": "msoa11nm", "local_name": "msoa11hclnm"},
    ),
)


def read_code_lookup(found: Found) -> pd.DataFrame:
    """Each small area of 2011 (``area_code``) beside that of 2001 it came from; all boroughs."""
    rows = reading.read(found)
    rows = rows[rows["area_code"] != ""]
    reading.refuse_repeats(rows, ["from_code", "area_code"], found)
    return rows


def read_later_lookup(found: Found) -> pd.DataFrame:
    """Each small area of 2011 once, with the borough of later years it is in; all boroughs."""
    rows = reading.read(found, distinct=True)
    return rows.drop_duplicates(["area_code", "borough_code"])


def read_later_codes(found: Found) -> pd.DataFrame:
    """Each small area of 2011 (``area_code``) beside each of 2021 it became; all boroughs."""
    rows = reading.read(found, distinct=True)
    return rows.loc[rows["later_code"] != "", ["area_code", "later_code"]].drop_duplicates()


def read_msoa_lookup(found: Found) -> pd.DataFrame:
    """Each 2011 small area once, with its MSOA and borough; all boroughs.

    The table has a row per output area, or per postcode: a small area repeats, always alike.
    """
    rows = reading.read(found, distinct=True)
    rows = rows[rows["area_code"] != ""]
    reading.refuse_repeats(rows, ["area_code"], found)
    return rows


def read_ward_lookup(found: Found, codes: list[str]) -> pd.DataFrame:
    """The best-fit ward of each of these small areas."""
    rows = reading.read(found, codes)
    reading.refuse_repeats(rows, ["area_code"], found)
    return rows


def read_msoa_names(found: Found, codes: list[str]) -> pd.Series:
    """Names people use for these MSOAs, by code; an MSOA the Library has not named is left out."""
    rows = reading.read(found, codes, role="msoa_code")
    reading.refuse_repeats(rows, ["msoa_code"], found)
    return rows[rows["local_name"] != ""].set_index("msoa_code")["local_name"]
