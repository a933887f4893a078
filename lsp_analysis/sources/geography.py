"""The borough's small areas of 2001 and 2011, what became of which, and what lies in what.

Everything else is read by the codes found here, for most publishers' files name no borough, or name
it by a code that has changed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.sources import choice, files, lookups
from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.lookups import NEW, OLD
from lsp_analysis.sources.register import Register

SHOWN = 12
READERS = {
    "code_lookup": lookups.read_code_lookup,
    "msoa_lookup": lookups.read_msoa_lookup,
    "later_lookup": lookups.read_later_lookup,
}


@dataclass(frozen=True)
class Borough:
    """A borough: its code and its name."""

    code: str
    name: str


@dataclass(frozen=True)
class Geography:
    """A borough, its small areas by vintage, and how the codes of 2001 became those of 2011."""

    borough: Borough
    small_areas: pd.DataFrame  # area_code, area_name, code_vintage
    lookup: pd.DataFrame  # as the table code_lookup, with shares of residents as weights

    @property
    def codes(self) -> Mapping[int, list[str]]:
        """Codes of the small areas, in order, by vintage."""
        by_vintage = self.small_areas.groupby("code_vintage")["area_code"]
        return {int(vintage): sorted(codes) for vintage, codes in by_vintage}

    def with_lookup(self, lookup: pd.DataFrame) -> Geography:
        """The same geography with other shares in its lookup."""
        return replace(self, lookup=lookup)

    def translate(self, members: pd.DataFrame, vintage: int) -> pd.DataFrame:
        """Members (``area_code``, ``member_code``, ``weight``) in the codes of the other vintage.

        An area of 2001 lies inside by the share of its residents who do. One of 2011 made of
        several lies inside by the share of its parents that do, each parent counting alike.
        """
        here, there = ("to_code", "from_code") if vintage == OLD else ("from_code", "to_code")
        pairs = self.lookup.rename(columns={here: "member_code", "weight": "share"})
        joined = members.merge(pairs[["member_code", there, "share"]], on="member_code")
        joined["weight"] *= joined["share"]
        if vintage == NEW:
            joined["weight"] /= joined[there].map(self.lookup.groupby("to_code")["weight"].sum())
        columns = ["area_code", there]
        summed = joined.groupby(columns, as_index=False)["weight"].sum()
        return summed.rename(columns={there: "member_code"}).round({"weight": 6})


def find_geography(
    founds: Mapping[str, Sequence[Found]], borough: str, register: Register
) -> tuple[Geography, pd.DataFrame]:
    """The borough's geography, and its small areas of 2011 with their MSOAs.

    Parameters
    ----------
    founds : tables found, by kind.
    borough : code of the borough, for example E08000001.
    register : gets the lookups used, and a note on what could not be made without one.

    Raises
    ------
    SourceError
        No lookup is there, none lists the borough, or two disagree on which areas are its.
    """
    listing = _lookups_listing(founds, borough)
    place, newer = _small_areas_of(listing, borough)
    codes = newer["area_code"].tolist()
    for kind in ("code_lookup", "msoa_lookup"):
        if kind not in listing:
            listing |= _lookup_of_areas(founds, kind, codes)
    lookup = _code_lookup(listing.get("code_lookup"), codes, register)
    parents = _parents(listing.get("msoa_lookup"), codes, register)
    older = lookup[["from_code", "from_name"]].set_axis(["area_code", "area_name"], axis=1)
    vintages = [older.drop_duplicates().assign(code_vintage=OLD), newer.assign(code_vintage=NEW)]
    small_areas = pd.concat(vintages, ignore_index=True)
    return Geography(place, small_areas, _changes(lookup)), parents


def _lookups_listing(
    founds: Mapping[str, Sequence[Found]], borough: str
) -> dict[str, tuple[Found, pd.DataFrame]]:
    """By kind, the first lookup that lists the borough, with its rows of all boroughs.

    Postcode directories have the most columns and rows: they come last, and the lookup of later
    boroughs is read only for a borough that the others do not know.
    """
    known: dict[str, str] = {}
    listing: dict[str, tuple[Found, pd.DataFrame]] = {}
    for kind, reader in READERS.items():
        if kind == "later_lookup" and listing:
            break
        for found in choice.preferred(founds.get(kind, ())):
            rows = reader(found)
            known |= dict(zip(rows["borough_code"], rows["borough_name"], strict=True))
            if (rows["borough_code"] == borough).any():
                listing[kind] = found, rows
                break
    if not listing:
        raise _unknown_borough(known, borough)
    return listing


def _lookup_of_areas(
    founds: Mapping[str, Sequence[Found]], kind: str, codes: list[str]
) -> dict[str, tuple[Found, pd.DataFrame]]:
    """The first lookup with any of these areas, whatever borough it puts them in; by kind."""
    for found in choice.preferred(founds.get(kind, ())):
        rows = READERS[kind](found)
        if rows["area_code"].isin(codes).any():
            return {kind: (found, rows)}
    return {}


def _small_areas_of(
    listing: Mapping[str, tuple[Found, pd.DataFrame]], borough: str
) -> tuple[Borough, pd.DataFrame]:
    """The borough and its small areas of 2011, on which the lookups that list it must agree."""
    mine = [(found, rows[rows["borough_code"] == borough]) for found, rows in listing.values()]
    first, rows = mine[0]
    codes = set(rows["area_code"])
    for other, other_rows in mine[1:]:
        if set(other_rows["area_code"]) != codes:
            _refuse_disagreement((first, codes), (other, set(other_rows["area_code"])), borough)
    named = rows[["area_code", "area_name"]].drop_duplicates("area_code").sort_values("area_code")
    return Borough(borough, rows["borough_name"].iloc[0]), named


def _refuse_disagreement(
    one: tuple[Found, set[str]], other: tuple[Found, set[str]], borough: str
) -> None:
    (fewer, few), (more, many) = sorted((one, other), key=lambda pair: len(pair[1]))
    raise SourceError(
        f"{fewer.table.place} lists {len(few)} LSOAs of 2011 under {borough} and "
        f"{more.table.place} lists {len(many)}; {len(many - few)} are in the second only. The "
        f"first is cut or trimmed. {files.AGAIN}"
    )


def _unknown_borough(names: Mapping[str, str], borough: str) -> SourceError:
    if not names:
        return SourceError(
            "The folder has no lookup of LSOAs to boroughs, so the borough's areas are not known. "
            "Add the ONS lookup of LSOA 2001 to LSOA 2011 to local authority district."
        )
    by_name = {name.casefold(): code for code, name in names.items()}
    code = by_name.get(borough.casefold())
    hint = f' Did you mean "{code}"?' if code else did_you_mean(borough, sorted(names))
    listed = [f"{code} {names[code]}" for code in sorted(names)]
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return SourceError(
        f'No lookup in the folder lists a borough with code "{borough}".{hint} '
        f"Those listed are {', '.join(listed[:SHOWN])}{more}."
    )


def _code_lookup(
    listed: tuple[Found, pd.DataFrame] | None, codes: list[str], register: Register
) -> pd.DataFrame:
    """Rows of the lookup of 2001 to 2011 that lead to the borough's areas, if any."""
    columns = ["from_code", "from_name", "to_code", "to_name", "change"]
    rows = pd.DataFrame(columns=columns)
    if listed is not None:
        found, all_rows = listed
        rows = all_rows[all_rows["area_code"].isin(codes)]
        rows = rows.rename(columns={"area_code": "to_code", "area_name": "to_name"})[columns]
    if rows.empty:
        register.note(
            "No lookup of LSOA 2001 to LSOA 2011 for this borough was found in the folder, so the "
            "Indices of 2004, 2007 and 2010, which are on codes of 2001, are left out."
        )
    else:
        choice.refuse_gaps(rows["to_code"], codes, found)
        register.use(found)
    return rows


def _parents(
    listed: tuple[Found, pd.DataFrame] | None, codes: list[str], register: Register
) -> pd.DataFrame:
    """The MSOA of each small area of 2011; empty when no lookup says."""
    columns = ["area_code", "area_name", "msoa_code", "msoa_name"]
    rows = pd.DataFrame(columns=columns)
    if listed is not None:
        found, all_rows = listed
        rows = all_rows[all_rows["area_code"].isin(codes)][columns]
    if rows.empty:
        register.note("No lookup of LSOA to MSOA was found, so the study has no MSOAs.")
    else:
        choice.refuse_gaps(rows["area_code"], codes, found)
        register.use(found)
    return rows


def _changes(lookup: pd.DataFrame) -> pd.DataFrame:
    """The lookup as the table `code_lookup`, a split area's residents shared alike for now."""
    return pd.DataFrame(
        {
            "from_code": lookup["from_code"],
            "to_code": lookup["to_code"],
            "from_vintage": OLD,
            "to_vintage": NEW,
            "change": lookup["change"].str.upper(),
            "weight": 1 / lookup.groupby("from_code")["to_code"].transform("size"),
        }
    ).reset_index(drop=True)


def share_by_residents(lookup: pd.DataFrame, residents: pd.Series | None) -> pd.DataFrame:
    """`lookup` with each older area's residents shared among the newer ones as they live there.

    Parameters
    ----------
    lookup : DataFrame, rows of `code_lookup`.
    residents : residents of the newer areas by code, the earliest there are; None shares alike.
    """
    if residents is None or lookup.empty:
        return lookup
    size = lookup["to_code"].map(residents).astype("float64")
    total = size.groupby(lookup["from_code"]).transform("sum")
    return lookup.assign(weight=(size / total).fillna(lookup["weight"]))
