"""The tables `areas` and `area_members`: small areas, and what they make up.

What a larger area is made of is known in one vintage of small areas and translated to the other, so
that a ward is the same place in every edition of the Indices.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice, lookups
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.geography import Geography
from lsp_analysis.sources.lookups import NEW, OLD
from lsp_analysis.sources.register import Register

NATIONAL_CODE = "E"  # ward codes of the old form, 00BLGB, start with a digit
MEMBERS = ["area_code", "member_code", "weight"]


def make_areas(geography: Geography, *larger: pd.DataFrame) -> pd.DataFrame:
    """The table `areas`: small areas of both vintages, the borough, and the `larger` given.

    A larger area stands once, under the vintage of small areas the study works with; what it is
    made of in each vintage, `area_members` says.

    Raises
    ------
    SourceError
        A code is that of two areas of one vintage, such as a neighbourhood named like a ward.
    """
    place = geography.borough
    borough = pd.DataFrame([{"area_code": place.code, "area_name": place.name}])
    parts = [
        geography.small_areas.assign(area_type="lsoa"),
        *(part.sort_values("area_code").assign(code_vintage=NEW) for part in larger if len(part)),
        borough.assign(area_type="borough", code_vintage=NEW),
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
    """The table `area_members` in every vintage of small areas there is.

    Parameters
    ----------
    members : DataFrames with `MEMBERS` and ``code_vintage``; a vintage that an area lacks is made
        from the one it has.
    """
    place = geography.borough.code
    whole = [
        pd.DataFrame(
            {"area_code": place, "member_code": codes, "weight": 1.0, "code_vintage": vintage}
        )
        for vintage, codes in geography.codes.items()
    ]
    given = pd.concat([*whole, *members], ignore_index=True)
    made = [given]
    for here, there in ((NEW, OLD), (OLD, NEW)):
        known, lacking = (
            set(given.loc[given["code_vintage"] == v, "area_code"]) for v in (here, there)
        )
        rows = given[(given["code_vintage"] == here) & given["area_code"].isin(known - lacking)]
        if not rows.empty and there in geography.codes:
            made.append(geography.translate(rows[MEMBERS], there).assign(code_vintage=there))
    table = pd.concat(made, ignore_index=True)
    return table.sort_values(["area_code", "code_vintage", "member_code"], ignore_index=True)


def make_msoas(
    parents: pd.DataFrame, names: Sequence[Found], register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """MSOAs of 2011 with the names people use for them, and their members."""
    own = parents.drop_duplicates("msoa_code").set_index("msoa_code")["msoa_name"].sort_index()
    codes = own.index.tolist()
    for found in choice.preferred(names):
        local = lookups.read_msoa_names(found, codes)
        if not local.empty:
            register.use(found)
            own = local.reindex(own.index).fillna(own)
            break
    areas = own.rename("area_name").rename_axis("area_code").reset_index()
    members = parents.rename(columns={"area_code": "member_code", "msoa_code": "area_code"})
    return (
        areas.assign(area_type="msoa"),
        members[["area_code", "member_code"]].assign(weight=1.0, code_vintage=NEW),
    )


def make_wards(
    founds: Sequence[Found], geography: Geography, register: Register
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Wards of one year and the small areas each fits best, from the best lookup there is.

    National ward codes before old ones, then small areas of 2011 before 2001, then later years.
    """
    ranked = []
    for found in founds:
        codes = geography.codes.get(found.facts["vintage"], [])
        rows = lookups.read_ward_lookup(found, codes)
        if not rows.empty:
            choice.refuse_gaps(rows["area_code"], codes, found)
            national = rows["ward_code"].str.startswith(NATIONAL_CODE).all()
            ranked.append(((national, found.facts["vintage"], found.facts["year"]), found, rows))
    if not ranked:
        register.note(
            "No lookup of LSOA to ward was found for this borough, so the study has no wards."
        )
        return pd.DataFrame(), pd.DataFrame()
    _, found, rows = max(ranked, key=lambda candidate: candidate[0])
    register.use(found)
    wards = rows.rename(columns={"area_code": "member_code", "ward_code": "area_code"})
    names = wards.rename(columns={"ward_name": "area_name"})[["area_code", "area_name"]]
    areas = names.drop_duplicates("area_code").assign(area_type="ward")
    members = wards[["area_code", "member_code"]]
    return areas, members.assign(weight=1.0, code_vintage=found.facts["vintage"])


def make_neighbourhoods(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The partnership's neighbourhoods, and their members in the vintage or vintages given."""
    named = rows.rename(
        columns={"neighbourhood_code": "area_code", "neighbourhood_name": "area_name"}
    )
    areas = named.drop_duplicates("area_code")[["area_code", "area_name", "is_pilot"]]
    return areas.assign(area_type="neighbourhood"), named[[*MEMBERS, "code_vintage"]]
