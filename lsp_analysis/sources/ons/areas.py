"""The tables `areas`, `area_members` and `populations`: small areas, and what they make up.

What a larger area is made of is known in one year's codes of small areas and translated to the
others, so that a ward is the same place in every edition of the Indices. The partnership's own
neighbourhoods stand in a small CSV file that any borough can write, one row per neighbourhood and
member; a neighbourhood of several definitions (the estate itself, the estate and its surroundings)
has one code and name for each. Mid-year estimates have an LSOA code, a total, and one column per
age ("0" to "89" and "90+"), or one for each sex and age, and are added up to five-year bands.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.sources.formats import Found, refuse_gaps, refuse_rows
from lsp_analysis.sources.ons.geography import Geography, read_lookup, small_years, whole_lookup
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import open_grids
from lsp_analysis.study.add.places import Places, links_between, shared_out
from lsp_analysis.study.add.rows import read_rows
from lsp_analysis.study.areas import fold_name

NATIONAL_CODE = "E"  # ward codes of the old form, 00BLGB, start with a digit
MEMBERS = ["area_code", "member_code", "weight"]
COLUMNS = (
    "neighbourhood_code",  # short, lower case, with hyphens
    "neighbourhood_name",
    "definition",  # core or wide
    "is_pilot",  # true where the programme runs
    "member_code",  # code of a small area (LSOA)
    "code_vintage",  # vintage of that code: 2001 or 2011
    "weight",  # share of the member inside, above 0 and up to 1
    "source",  # who says so
)
DEFINITIONS = {"core": "core", "wide": "wide"}
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
OF_THE_NEIGHBOURHOOD = ["neighbourhood_name", "definition", "is_pilot"]
OLDEST, BAND = 90, 5
AGE = re.compile(r"(?P<sex>[fm]?) ?(?P<age>\d|[1-8]\d|90)\+?")
# Five-year band of each single year of age.
BANDS = {str(age): f"{age // BAND * BAND}-{age // BAND * BAND + BAND - 1}" for age in range(OLDEST)}
BANDS[f"{OLDEST}+"] = f"{OLDEST}+"
PEOPLE = ["area_code", "period", "sex", "age_band", "population"]


def make_areas(geography: Geography, *larger: pd.DataFrame) -> pd.DataFrame:
    """The table `areas`: small areas of all years, the borough, and the `larger` given.

    A larger area stands once, under the year of the small areas the study works with; what it is
    made of in each year, `area_members` says. ``other_name`` is a second name it is known by.

    Raises
    ------
    SourceError
        A code is that of two areas of one year, such as a neighbourhood named like a ward.
    """
    code, year = geography.code, geography.vintage
    borough = pd.DataFrame([{"area_code": code, "area_name": geography.name}])
    parts = [
        geography.small_areas.assign(area_type="lsoa"),
        *(part.sort_values("area_code").assign(code_vintage=year) for part in larger if len(part)),
        borough.assign(area_type="borough", code_vintage=year),
    ]
    areas = pd.concat(parts, ignore_index=True).assign(borough_code=code)
    areas["is_pilot"] = areas["is_pilot"].eq(True) if "is_pilot" in areas else False
    for again in areas.loc[areas.duplicated(["area_code", "code_vintage"]), "area_code"]:
        raise SourceError(f"{again} is the code of two areas. Give the neighbourhood another.")
    return areas


def make_members(geography: Geography, *members: pd.DataFrame) -> pd.DataFrame:
    """The table `area_members` in every year of small areas there is.

    Parameters
    ----------
    members : DataFrames with `MEMBERS` and ``code_vintage``; a year that an area lacks is made
        from the one it has, that of the study first.
    """
    own = geography.small_areas.rename(columns={"area_code": "member_code"})
    whole = own[["member_code", "code_vintage"]].assign(area_code=geography.code, weight=1.0)
    given = pd.concat([whole, *members], ignore_index=True)
    made = [given]
    for there in geography.years:
        lacking = set(given["area_code"]) - set(given["area_code"][given["code_vintage"] == there])
        for here in geography.years:
            rows = given[(given["code_vintage"] == here) & given["area_code"].isin(lacking)]
            if here != there and not rows.empty:
                moved = _translated(rows[MEMBERS], geography, here, there)
                made.append(moved.assign(code_vintage=there))
                lacking -= set(moved["area_code"])
    table = pd.concat(made, ignore_index=True)
    return table.sort_values(["area_code", "code_vintage", "member_code"], ignore_index=True)


def _translated(
    members: pd.DataFrame, geography: Geography, from_vintage: int, to_vintage: int
) -> pd.DataFrame:
    """Members in the codes of another year: inside by the share of their residents who are."""
    links = links_between(geography.lookup, to_vintage, from_vintage, geography.residents)
    links = links.rename(columns={"weight": "share", "to_code": "member_code"})
    joined = members.merge(links[["from_code", "member_code", "share"]], on="member_code")
    joined = joined.assign(
        weight=joined["weight"] * joined["share"], member_code=joined["from_code"]
    )
    summed = joined.groupby(["area_code", "member_code"], as_index=False)["weight"].sum()
    return summed.round({"weight": 6})


def make_msoas(
    lookups: Sequence[Found], names: Sequence[Found], geography: Geography, register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """MSOAs with the names people use for them, their official names second, and their members.

    In the codes of the study, or of the nearest year for which a lookup says.
    """
    for year in geography.years:
        small, msoa = (f"{level}{year % 100:02d}" for level in ("lsoa", "msoa"))
        codes = geography.codes[year]
        rows = whole_lookup(lookups, [small, msoa], [f"{msoa}_name"], codes, register)
        if rows is not None:
            break
    else:
        register.note("No lookup of LSOA to MSOA was found, so the study has no MSOAs.")
        return pd.DataFrame(), pd.DataFrame()
    members = pd.DataFrame({"member_code": rows[small], "area_code": rows[msoa]})
    own = members["area_code"].to_frame().assign(other_name=rows.get(f"{msoa}_name", rows[msoa]))
    areas = own.drop_duplicates("area_code").sort_values("area_code", ignore_index=True)

    def local_names(found: Found) -> pd.DataFrame:
        known = found.rows(areas["area_code"].tolist())
        found.refuse_repeats(known)
        return known[known["local_name"] != ""]  # some have none

    local = register.first_copy(names, local_names)
    known = {} if local is None else dict(zip(local["area_code"], local["local_name"], strict=True))
    called = zip(areas["area_code"], areas["other_name"], strict=True)
    areas = areas.assign(area_name=[known.get(*pair) for pair in called], area_type="msoa")
    return areas, members.assign(code_vintage=year, weight=1.0)


def make_wards(
    lookups: Sequence[Found], geography: Geography, register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wards of one year and the small areas each fits best, from the best lookup there is.

    National ward codes before old ones, then small areas of the study's year, then later wards.
    """
    ranked = []
    for found in lookups:
        ward = max((n for n in found.columns if re.fullmatch(r"wd\d*", n)), default="")
        years = [year for year in geography.years if year in small_years(found)]
        # A lookup of best fit has a row for each small area, not for each part of one.
        of_parts = any(re.fullmatch(r"oa\d*|postcode", name) for name in found.columns)
        if not ward or not years or of_parts:
            continue
        with register.guard(found.place):
            year, role = years[0], f"lsoa{years[0] % 100:02d}"
            rows = read_lookup(found, [ward, f"{ward}_name"], geography.codes[year], role)
            if rows.empty:
                continue
            table = pd.DataFrame({"member_code": rows[role], "area_code": rows[ward]})
            table["area_name"] = rows.get(f"{ward}_name", rows[ward])
            national = rows[ward].str.startswith(NATIONAL_CODE).all()
            ranked.append(((national, -abs(year - geography.vintage), ward), found, year, table))
            register.unused[found.place] = "a better lookup of wards was used"
    if not ranked:
        register.note(
            "No lookup of LSOA to ward was found for this borough, so the study has no wards."
        )
        return pd.DataFrame(), pd.DataFrame()
    _, found, year, table = max(ranked, key=lambda candidate: candidate[0])
    register.use_file(found.grid.path, found.title, found.layout)
    areas = table[["area_code", "area_name"]].drop_duplicates("area_code").assign(area_type="ward")
    return areas, table[["area_code", "member_code"]].assign(weight=1.0, code_vintage=year)


def make_neighbourhoods(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The partnership's neighbourhoods, and their members in the year or years given."""
    named = rows.rename(
        columns={"neighbourhood_code": "area_code", "neighbourhood_name": "area_name"}
    )
    areas = named.drop_duplicates("area_code")[["area_code", "area_name", "is_pilot"]]
    return areas.assign(area_type="neighbourhood"), named[[*MEMBERS, "code_vintage"]]


def read_neighbourhoods(path: Path, geography: Geography) -> pd.DataFrame:
    """Rows of a neighbourhood file, checked against the borough's small areas.

    Returns
    -------
    DataFrame with `COLUMNS` and ``row``; ``is_pilot`` is a flag, vintage and weight are numbers.

    Raises
    ------
    SourceError
        The file is missing, a column is, or a cell says what cannot be; the message has the row.
    """
    rows = _read_rows(path)
    vintages = {str(vintage): vintage for vintage in geography.codes}
    weight = pd.to_numeric(rows["weight"].replace("", "1"), errors="coerce")
    wanted = {
        "is_pilot": (rows["is_pilot"].str.casefold().map(FLAGS), "true or false"),
        "weight": (weight.where((weight > 0) & (weight <= 1)), "a number above 0 and up to 1"),
        "code_vintage": (rows["code_vintage"].map(vintages), " or ".join(vintages)),
        "definition": (rows["definition"].map(DEFINITIONS), "core or wide"),
        "neighbourhood_code": (rows["neighbourhood_code"].replace("", None), "a short code"),
        "neighbourhood_name": (rows["neighbourhood_name"].replace("", None), "a name"),
    }

    def refuse(wrong: pd.Series, said: str, among: pd.DataFrame = rows) -> None:
        refuse_rows(among[wrong], path.name, f": {said}", "line")

    for column, (made, what) in wanted.items():
        refuse(made.isna(), f'{column} is "{{{column}}}" and should be {what}.')
        rows[column] = made
    _refuse_strangers(path, rows, geography)
    refuse(
        rows.duplicated(["neighbourhood_code", "member_code", "code_vintage"]),
        "{member_code} is in {neighbourhood_code} already. Delete the repeat.",
    )
    places = rows.drop_duplicates(["neighbourhood_code", *OF_THE_NEIGHBOURHOOD])
    refuse(
        places.duplicated("neighbourhood_code"),
        "{neighbourhood_code} has another name, definition or is_pilot than above. Say the same on "
        "each of its rows.",
        places,
    )
    refuse(
        places["neighbourhood_name"].map(fold_name).duplicated(),
        '"{neighbourhood_name}" is the name of another neighbourhood too. Give each definition a '
        "name of its own.",
        places,
    )
    return rows


def _read_rows(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SourceError(
            f"There is no neighbourhood file {path}. Correct the path, or leave it out."
        )
    [grid, *_] = open_grids(path)
    written = ((number, row) for number, row in enumerate(grid.head(), start=1) if any(row))
    header, headings = next(written, (1, []))
    missing = [name for name in COLUMNS if name not in headings]
    if missing:
        raise SourceError(
            f"The neighbourhood file {path.name} has no column {', '.join(missing)}. "
            f"Its first row should be {','.join(COLUMNS)}."
        )

    def code_of(number: int, row: list[str]) -> str:
        if len(row) != len(headings):
            raise SourceError(
                f"{path.name}, line {number} has not one cell for each of the {len(headings)} "
                "headings. Quote a name that has a comma in it."
            )
        return "wanted"

    columns = {name: headings.index(name) for name in COLUMNS}
    rows, _ = read_rows(grid, header, len(headings), columns, code_of)
    if rows.empty:
        raise SourceError(f"The neighbourhood file {path.name} has no rows. Add one per member.")
    return rows.drop(columns="code").rename_axis("row").reset_index()


def _refuse_strangers(path: Path, rows: pd.DataFrame, geography: Geography) -> None:
    """Stop at a member that is not a small area of the borough in the vintage given."""
    codes = geography.codes
    for row in rows.itertuples():
        if row.member_code not in codes[row.code_vintage]:
            others = [vintage for vintage, known in codes.items() if row.member_code in known]
            remedy = did_you_mean(row.member_code, codes[row.code_vintage], n=1)
            if others:
                remedy = f" It is a code of {others[0]}: correct code_vintage."
            raise SourceError(
                f'{path.name}, line {row.row}: "{row.member_code}" is not an LSOA of '
                f"{row.code_vintage} in {geography.name} ({geography.code}).{remedy}"
            )


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

    def in_bands(found: Found) -> pd.DataFrame:
        bands = _read_ages(found, geography, places, register).T.groupby(BANDS, sort=False).sum().T
        bands = bands.rename_axis("area_code").reset_index()
        rows = bands.melt("area_code", var_name="age_band", value_name="population")
        return rows.assign(period=str(found.year), sex="all")[PEOPLE]

    parts = []
    for year in sorted({found.year for found in founds}):
        copies = [found for found in founds if found.year == year]
        rows = register.first_copy(copies, in_bands, ["area_code", "age_band"], "population")
        parts += [] if rows is None else [rows]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PEOPLE)


def _read_ages(
    found: Found, geography: Geography, places: Places, register: Register
) -> pd.DataFrame:
    """Residents by area and single year of age; SourceError where they are not the total."""
    found = replace(found, columns={**found.columns, **_age_columns(found)})
    text = found.rows({code for codes in geography.codes.values() for code in codes})
    if text.empty:
        return pd.DataFrame(columns=[*BANDS])
    vintage = places.vintage_of(text["area_code"], found.place)
    refuse_gaps(text["area_code"], geography.codes[vintage], found.named)
    found.refuse_repeats(text)
    single = {role: found.numbers(text, role) for role in found.columns if role != "area_code"}
    total = single.pop("total")
    ages = pd.DataFrame(single).T.groupby(lambda role: role.lstrip("fm")).sum(min_count=1).T
    said = ": the ages do not add up to the total, so the row is damaged. Download the file again."
    refuse_rows(text[ages.sum(axis=1) != total], found.place, said)
    ages = ages[[*BANDS]].set_index(text["area_code"])
    if vintage == geography.vintage:
        return ages
    links = links_between(geography.lookup, vintage, geography.vintage, geography.residents)
    register.note(
        f"{found.place}: residents on codes of {vintage} were carried over to "
        f"{geography.vintage}; {(links['weight'] < 1).sum()} areas share an older or newer one's."
    )
    return shared_out(ages.reset_index(), links, sums=[*BANDS]).round()


def _age_columns(found: Found) -> dict[str, int]:
    """The columns of single years of age, as 17 or, where sexes stand apart, f17 and m17."""
    matches = enumerate(map(AGE.fullmatch, found.headings))
    ages = {f"{m['sex']}{m['age']}{'+' * (m['age'] == '90')}": at for at, m in matches if m}
    sexes = {role.strip("0123456789+") for role in ages}
    missing = [f"{sex}{age}" for sex in sorted(sexes) for age in BANDS if sex + age not in ages]
    if missing:
        raise SourceError(
            f"{found.place} has no column for the ages {', '.join(missing[:5])}. Download the file "
            "again."
        )
    return ages
