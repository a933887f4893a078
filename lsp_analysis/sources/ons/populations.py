"""ONS mid-year population estimates of LSOAs by single year of age, added up to five-year bands.

Headings are an LSOA code, a total, and one column per age ("0" to "89" and "90+"), as in the sheets
of the Small Area Population Estimates and in copies whose other columns a distributor renamed.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources.formats import Found, refuse_gaps
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.places import Places, links_between, shared_out

KIND = "populations"
OLDEST = 90
BAND = 5
AGE = re.compile(r"(?P<sex>[fm]?) ?(?P<age>\d|[1-8]\d|90)\+?")
AGES = [*map(str, range(OLDEST)), f"{OLDEST}+"]
COLUMNS = ["area_code", "period", "sex", "age_band", "population"]


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
    founds: Sequence[Found], geography: Geography, places: Places, register: Register
) -> pd.DataFrame:
    """All years in the folder as rows of the table `populations`, both sexes together.

    Parameters
    ----------
    founds : tables of population estimates that were found.
    geography, places : the borough; estimates on codes of another year are carried over.
    register : gets the files used, and a note on residents that were shared out.
    """
    parts = [pd.DataFrame(columns=COLUMNS)]
    for year in sorted({found.year for found in founds}):
        rows = register.first_copy(
            (found for found in founds if found.year == year),
            lambda found: _in_bands(_read_ages(found, geography, places, register), found.year),
            ["area_code", "age_band"],
            "population",
        )
        parts += [] if rows is None else [rows]
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def _read_ages(
    found: Found, geography: Geography, places: Places, register: Register
) -> pd.DataFrame:
    """Residents by area and single year of age; SourceError where they are not the total."""
    every = {code for codes in geography.codes.values() for code in codes}
    found = replace(found, columns={**found.columns, **_age_columns(found)})
    text = found.rows(every)
    if text.empty:
        return pd.DataFrame(columns=AGES, index=pd.Index([], name="area_code"))
    vintage = places.vintage_of(text["area_code"], found.place)
    refuse_gaps(text["area_code"], geography.codes[vintage], found.named)
    found.refuse_repeats(text)
    single = {role: found.numbers(text, role) for role in found.columns if role != "area_code"}
    total = single.pop("total")
    ages = pd.DataFrame(single).T.groupby(lambda role: role.lstrip("fm")).sum(min_count=1).T
    ages = ages.reindex(columns=AGES)
    wrong = text[ages.sum(axis=1) != total]
    if not wrong.empty:
        raise SourceError(
            f"{found.place}, row {wrong['row'].iloc[0]}: the ages do not add up to the "
            "total, so the row is damaged. Download the file again."
        )
    ages = ages.set_index(text["area_code"])
    if vintage == geography.vintage:
        return ages
    links = links_between(geography.lookup, vintage, geography.vintage, geography.residents)
    register.note(
        f"{found.place}: residents on codes of {vintage} were carried over to "
        f"{geography.vintage}; {(links['weight'] < 1).sum()} areas share an older or newer one's."
    )
    return shared_out(ages.reset_index(), links, sums=AGES).round()


def _age_columns(found: Found) -> dict[str, int]:
    """The columns of single years of age, as 17 or, where sexes stand apart, f17 and m17."""
    matches = enumerate(map(AGE.fullmatch, found.headings))
    ages = {f"{m['sex']}{m['age']}{'+' * (m['age'] == '90')}": at for at, m in matches if m}
    sexes = {role.strip("0123456789+") for role in ages}
    missing = [f"{sex}{age}" for sex in sorted(sexes) for age in AGES if sex + age not in ages]
    if missing:
        raise SourceError(
            f"{found.place} has no column for the ages {', '.join(missing[:5])}. Download the file "
            "again."
        )
    return ages


def _in_bands(ages: pd.DataFrame, year: int) -> pd.DataFrame:
    bands = ages.T.groupby([age_band(age) for age in ages], sort=False).sum().T
    rows = bands.melt(
        ignore_index=False, var_name="age_band", value_name="population"
    ).reset_index()
    return rows.assign(period=str(year), sex="all")[COLUMNS]
