"""ONS mid-year population estimates of LSOAs by single year of age, added up to five-year bands.

Headings are an LSOA code, a total, and one column per age ("0" to "89" and "90+"), as in the sheets
of the Small Area Population Estimates and in copies whose other columns a distributor renamed.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice, formats, reading
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable
from lsp_analysis.sources.register import Register

KIND = "populations"
OLDEST = 90
BAND = 5
AGES = [*map(str, range(OLDEST)), f"{OLDEST}+"]
COLUMNS = ["area_code", "period", "sex", "age_band", "population"]


def _year(table: SourceTable, texts: dict[str, str]) -> dict[str, int] | None:
    """Year of the estimate; None for a sheet of one sex, for the persons' sheet holds both."""
    if {"males", "females"} & set(table.sheet.casefold().split()):
        return None
    return {"year": formats.year_of(table)}


BY_AGE = {age: age.replace("+", r"\+") for age in AGES}
TITLE = "LSOA mid-year population estimates {year}"
ONS = "Office for National Statistics"
FORMATS = (
    Format(
        KIND,
        Publication(TITLE, ONS),
        {
            "area_code": r"lsoa code|area codes|lsoa 2011 code|lsoa11cd",
            "total": "all ages|total",
            **BY_AGE,
        },
        settle=_year,
    ),
    Format(
        KIND,
        Publication(TITLE, f"{ONS}, by way of the R package demographr", native=False),
        {"area_code": "lsoa11_code", "total": "total_population", **BY_AGE},
        settle=_year,
    ),
)


def age_band(age: str) -> str:
    """Five-year band of a single year of age.

    >>> age_band("17"), age_band("90+")
    ('15-19', '90+')
    """
    if age.endswith("+"):
        return age
    first = int(age) // BAND * BAND
    return f"{first}-{first + BAND - 1}"


def import_populations(
    founds: Sequence[Found], codes: Sequence[str], register: Register
) -> pd.DataFrame:
    """All years in the folder as rows of the table `populations`, both sexes together.

    Parameters
    ----------
    founds : tables of population estimates that were found.
    codes : the borough's small areas of 2011.
    register : gets the files used.
    """
    parts = [pd.DataFrame(columns=COLUMNS)]
    for year in sorted({found.facts["year"] for found in founds}):
        copies = []
        for found in choice.preferred(f for f in founds if f.facts["year"] == year):
            ages = _read_ages(found, codes)
            if not ages.empty:
                choice.refuse_gaps(ages.index, codes, found)
                copies.append((found, _in_bands(ages, year)))
        if copies:
            parts.append(_settle(copies, register))
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def _read_ages(found: Found, codes: Sequence[str]) -> pd.DataFrame:
    """Residents by area and single year of age; SourceError where they are not the total."""
    text = reading.read(found, codes)
    reading.refuse_repeats(text, ["area_code"], found)
    ages = pd.DataFrame({age: reading.numbers(text, age, found) for age in AGES})
    total = reading.numbers(text, "total", found)
    wrong = text[ages.sum(axis=1) != total]
    if not wrong.empty:
        raise SourceError(
            f"{found.table.place}, row {wrong['row'].iloc[0]}: the ages do not add up to the "
            "total, so the row is damaged. Download the file again."
        )
    return ages.set_index(text["area_code"])


def _in_bands(ages: pd.DataFrame, year: int) -> pd.DataFrame:
    bands = ages.T.groupby([age_band(age) for age in ages], sort=False).sum().T
    rows = bands.melt(
        ignore_index=False, var_name="age_band", value_name="population"
    ).reset_index()
    return rows.assign(period=str(year), sex="all")[COLUMNS]


def _settle(copies: list[tuple[Found, pd.DataFrame]], register: Register) -> pd.DataFrame:
    """The copy to use, judged by its areas' totals and bands."""
    keyed = [
        (found, rows.assign(key=rows["area_code"] + ", ages " + rows["age_band"]))
        for found, rows in copies
    ]
    return choice.settle_copies(keyed, "key", "population", register)[1][COLUMNS]
