"""The tables `areas` and `area_members`: small areas, and what they make up.

What a larger area is made of is known in one year's codes of small areas and translated to the
others, so that a ward is the same place in every edition of the Indices. The partnership's own
neighbourhoods stand in a small CSV file that any borough can write, one row per neighbourhood and
member; a neighbourhood of several definitions (the estate itself, the estate and its surroundings)
has one code and name for each.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.sources.formats import Found, refuse_gaps
from lsp_analysis.sources.ons.geography import (
    Geography,
    is_best_fit,
    read_lookup,
    read_names,
    small_years,
)
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import open_grids
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
DEFINITIONS = ("core", "wide")
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
OF_THE_NEIGHBOURHOOD = ["neighbourhood_name", "definition", "is_pilot"]


def make_areas(geography: Geography, *larger: pd.DataFrame) -> pd.DataFrame:
    """The table `areas`: small areas of all years, the borough, and the `larger` given.

    A larger area stands once, under the year of the small areas the study works with; what it is
    made of in each year, `area_members` says. ``other_name`` is a second name it is known by.

    Raises
    ------
    SourceError
        A code is that of two areas of one year, such as a neighbourhood named like a ward.
    """
    place, year = geography.borough, geography.vintage
    borough = pd.DataFrame([{"area_code": place.code, "area_name": place.name}])
    parts = [
        geography.small_areas.assign(area_type="lsoa"),
        *(part.sort_values("area_code").assign(code_vintage=year) for part in larger if len(part)),
        borough.assign(area_type="borough", code_vintage=year),
    ]
    areas = pd.concat(parts, ignore_index=True).assign(borough_code=place.code)
    areas["is_pilot"] = areas["is_pilot"].eq(True) if "is_pilot" in areas else False
    repeated = areas[areas.duplicated(["area_code", "code_vintage"])]
    if not repeated.empty:
        raise SourceError(
            f"{repeated['area_code'].iloc[0]} is the code of two areas. "
            "Give the neighbourhood another."
        )
    return areas


def make_members(geography: Geography, *members: pd.DataFrame) -> pd.DataFrame:
    """The table `area_members` in every year of small areas there is.

    Parameters
    ----------
    members : DataFrames with `MEMBERS` and ``code_vintage``; a year that an area lacks is made
        from the one it has, that of the study first.
    """
    place = geography.borough.code
    whole = [
        pd.DataFrame(
            {"area_code": place, "member_code": codes, "weight": 1.0, "code_vintage": year}
        )
        for year, codes in geography.codes.items()
    ]
    given = pd.concat([*whole, *members], ignore_index=True)
    made = [given]
    years = sorted(geography.codes, key=lambda year: abs(year - geography.vintage))
    for there in years:
        lacking = set(given["area_code"]) - set(
            given.loc[given["code_vintage"] == there, "area_code"]
        )
        for here in years:
            rows = given[(given["code_vintage"] == here) & given["area_code"].isin(lacking)]
            if here != there and not rows.empty:
                moved = geography.translate(rows[MEMBERS], here, there)
                made.append(moved.assign(code_vintage=there))
                lacking -= set(moved["area_code"])
    table = pd.concat(made, ignore_index=True)
    return table.sort_values(["area_code", "code_vintage", "member_code"], ignore_index=True)


def make_msoas(
    parents: pd.DataFrame, names: Sequence[Found], geography: Geography, register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """MSOAs with the names people use for them, their official names second, and their members."""
    own = parents.drop_duplicates("msoa_code").set_index("msoa_code")["msoa_name"].sort_index()
    local = register.first_copy(names, lambda found: read_names(found, own.index.tolist()))
    known = own
    if local is not None:
        known = local.set_index("area_code")["local_name"].reindex(own.index).fillna(own)
    areas = pd.DataFrame(
        {"area_code": own.index, "area_name": known.to_numpy(), "other_name": own.to_numpy()}
    )
    members = parents.rename(columns={"area_code": "member_code", "msoa_code": "area_code"})
    return (
        areas.assign(area_type="msoa"),
        members[["area_code", "member_code", "code_vintage"]].assign(weight=1.0),
    )


def make_wards(
    lookups: Sequence[Found], geography: Geography, register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wards of one year and the small areas each fits best, from the best lookup there is.

    National ward codes before old ones, then small areas of the study's year, then later wards.
    """
    ranked = []
    for found in lookups:
        ward = max((n for n in found.columns if re.fullmatch(r"wd\d*", n)), default="")
        years = [year for year in small_years(found) if year in geography.codes]
        if not ward or not years or not is_best_fit(found):
            continue
        with register.guard(found.place):
            year = min(years, key=lambda one: abs(one - geography.vintage))
            codes, role = geography.codes[year], f"lsoa{year % 100:02d}"
            rows = read_lookup(found, [ward, f"{ward}_name"], codes, role)
            if rows.empty:
                continue
            refuse_gaps(rows[role], codes, found.named)
            national = rows[ward].str.startswith(NATIONAL_CODE).all()
            name = rows[f"{ward}_name"] if f"{ward}_name" in rows else rows[ward]
            table = pd.DataFrame(
                {"member_code": rows[role], "area_code": rows[ward], "area_name": name}
            )
            ranked.append(((national, -abs(year - geography.vintage), ward), found, year, table))
            register.unused[found.place] = "a better lookup of wards was used"
    if not ranked:
        register.note(
            "No lookup of LSOA to ward was found for this borough, so the study has no wards."
        )
        return pd.DataFrame(), pd.DataFrame()
    _, found, year, table = max(ranked, key=lambda candidate: candidate[0])
    register.use_file(found.path, found.title, found.layout)
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
        "definition": (
            rows["definition"].where(rows["definition"].isin(DEFINITIONS)),
            "core or wide",
        ),
        "neighbourhood_code": (rows["neighbourhood_code"].replace("", None), "a short code"),
        "neighbourhood_name": (rows["neighbourhood_name"].replace("", None), "a name"),
    }
    for column, (made, what) in wanted.items():
        _refuse(path, rows[made.isna()], f'{column} is "{{{column}}}" and should be {what}.')
        rows[column] = made
    _refuse_strangers(path, rows, geography)
    repeated = rows.duplicated(["neighbourhood_code", "member_code", "code_vintage"])
    _refuse(
        path, rows[repeated], "{member_code} is in {neighbourhood_code} already. Delete the repeat."
    )
    places = rows.drop_duplicates(["neighbourhood_code", *OF_THE_NEIGHBOURHOOD])
    _refuse(
        path,
        places[places.duplicated("neighbourhood_code")],
        "{neighbourhood_code} has another name, definition or is_pilot than above. Say the same on "
        "each of its rows.",
    )
    _refuse(
        path,
        places[places["neighbourhood_name"].map(fold_name).duplicated()],
        '"{neighbourhood_name}" is the name of another neighbourhood too. Give each definition a '
        "name of its own.",
    )
    return rows


def _refuse(path: Path, wrong: pd.DataFrame, said: str) -> None:
    """Stop at the first of these rows; `said` has columns in braces."""
    for row in wrong.head(1).to_dict("records"):
        raise SourceError(f"{path.name}, line {row['row']}: {said.format(**row)}")


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
    place = f"{geography.borough.name} ({geography.borough.code})"
    for row in rows.itertuples():
        if row.member_code not in codes[row.code_vintage]:
            others = [vintage for vintage, known in codes.items() if row.member_code in known]
            remedy = (
                f" It is a code of {others[0]}: correct code_vintage."
                if others
                else did_you_mean(row.member_code, codes[row.code_vintage], n=1)
            )
            raise SourceError(
                f'{path.name}, line {row.row}: "{row.member_code}" is not an LSOA of '
                f"{row.code_vintage} in {place}.{remedy}"
            )
