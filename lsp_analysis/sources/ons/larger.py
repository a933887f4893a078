"""The tables `areas` and `area_members`: small areas, and what they make up.

What a larger area is made of is known in one year's codes of small areas and translated to the
others, so that a ward is the same place in every edition of the Indices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.sources.ons.lookups import is_best_fit, read_lookup, read_names, small_years
from lsp_analysis.sources.register import Register

NATIONAL_CODE = "E"  # ward codes of the old form, 00BLGB, start with a digit
MEMBERS = ["area_code", "member_code", "weight"]


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
    known = own
    for found in choice.preferred(names):
        with register.guard(found.place):
            local = read_names(found, own.index.tolist())
            if not local.empty:
                register.use(found)
                known = local.reindex(own.index).fillna(own)
                break
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
            choice.refuse_gaps(rows[role], codes, found.named)
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
    register.use(found)
    areas = table[["area_code", "area_name"]].drop_duplicates("area_code").assign(area_type="ward")
    return areas, table[["area_code", "member_code"]].assign(weight=1.0, code_vintage=year)


def make_neighbourhoods(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The partnership's neighbourhoods, and their members in the year or years given."""
    named = rows.rename(
        columns={"neighbourhood_code": "area_code", "neighbourhood_name": "area_name"}
    )
    areas = named.drop_duplicates("area_code")[["area_code", "area_name", "is_pilot"]]
    return areas.assign(area_type="neighbourhood"), named[[*MEMBERS, "code_vintage"]]
