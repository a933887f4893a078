"""The borough's small areas of 2001, 2011 and 2021, what became of which, and what lies in what.

Everything else is read by the codes found here, because most publishers' files name no borough, or
name it by a code that has changed since. They come from lookups, in any of the ways the ONS writes
them: told by their headings, which are codes of two levels or years (LSOA11CD, LAD22CD; lsoa21,
oslaua in postcode directories), and no numbers. So a lookup of next year's wards needs no new line.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.sources.formats import Found, heading_rows, refuse_gaps
from lsp_analysis.sources.register import Register
from lsp_analysis.study.add.grids import Grid
from lsp_analysis.study.add.headings import roles_of
from lsp_analysis.study.add.layouts import Layout
from lsp_analysis.study.add.places import links_between

ONS = "Office for National Statistics, Open Geography Portal"
KIND_LOOKUP, KIND_NAMES = "lookup", "msoa_names"
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
SHOWN = 12
STEPS = ((2001, 2011), (2011, 2021))
VINTAGES = (2001, 2011, 2021)
LOOKUP = ["from_code", "to_code", "from_vintage", "to_vintage", "change", "weight"]


@dataclass(frozen=True)
class Borough:
    """A borough: its code and its name."""

    code: str
    name: str


@dataclass(frozen=True)
class Geography:
    """A borough, its small areas by year of their codes, and how these became one another."""

    borough: Borough
    small_areas: pd.DataFrame  # area_code, area_name, code_vintage
    lookup: pd.DataFrame  # as the table code_lookup
    vintage: int  # of the small areas the study works with
    residents: pd.Series | None = None

    @property
    def codes(self) -> Mapping[int, list[str]]:
        """Codes of the small areas, in order, by year of the code list."""
        by_vintage = self.small_areas.groupby("code_vintage")["area_code"]
        return {int(vintage): sorted(codes) for vintage, codes in by_vintage}

    @property
    def own(self) -> list[str]:
        """Codes of the small areas the study works with."""
        return self.codes[self.vintage]

    def translate(self, members: pd.DataFrame, from_vintage: int, to_vintage: int) -> pd.DataFrame:
        """Members (``area_code``, ``member_code``, ``weight``) in the codes of another year.

        An area lies inside by the share of its residents who do.
        """
        links = links_between(self.lookup, to_vintage, from_vintage, self.residents)
        joined = members.merge(
            links[["from_code", "to_code", "weight"]].rename(columns={"weight": "share"}),
            left_on="member_code",
            right_on="to_code",
        )
        joined["weight"] *= joined["share"]
        summed = joined.groupby(["area_code", "from_code"], as_index=False)["weight"].sum()
        return summed.rename(columns={"from_code": "member_code"}).round({"weight": 6})


def find_geography(
    lookups: Sequence[Found], borough: str, vintage: int, register: Register
) -> Geography:
    """The borough's small areas of every year there is a lookup for.

    Parameters
    ----------
    lookups : lookups found.
    borough : code of the borough, for example E08000001.
    vintage : year of the small areas the study is to work with: 2001, 2011 or 2021.
    register : gets the lookups used, and those that lack areas as problems.

    Raises
    ------
    SourceError
        No lookup is there, none lists the borough, or none has small areas of that year.
    """
    listing = _listing(lookups, borough, register)
    of_year = {
        year: rows
        for year in VINTAGES
        if (rows := _small_areas(listing, year, register)) is not None
    }
    changes = _changes(lookups, borough, of_year, register)
    for rows in changes:
        if rows["level"].iloc[0] != "lsoa":
            continue
        for side in ("from", "to"):
            year = int(rows[f"{side}_vintage"].iloc[0])
            named = rows[[f"{side}_code", f"{side}_name"]].set_axis(
                ["area_code", "area_name"], axis=1
            )
            of_year.setdefault(year, named.drop_duplicates("area_code"))
    if vintage not in of_year:
        known = " or ".join(map(str, sorted(of_year)))
        raise SourceError(
            f"No lookup in the folder says which LSOAs of {vintage} are in {borough}; it has those "
            f"of {known}. Add the ONS lookup of LSOA {vintage} to local authority district, or "
            f"choose another year with --vintage."
        )
    name = max(rows["lad_name"].iloc[0] for rows in listing.values())
    areas = [
        rows.sort_values("area_code").assign(code_vintage=year)
        for year, rows in sorted(of_year.items())
    ]
    small = pd.concat(areas, ignore_index=True)[["area_code", "area_name", "code_vintage"]]
    lookup = (
        pd.concat([c[LOOKUP] for c in changes], ignore_index=True)
        if changes
        else pd.DataFrame(columns=LOOKUP)
    )
    return Geography(Borough(borough, name or borough), small, lookup, vintage)


def _listing(lookups: Sequence[Found], borough: str, register: Register) -> dict[str, pd.DataFrame]:
    """By file, the rows of the lookups that list the borough.

    Postcode directories have the most rows: they come last, and are read only where the others do
    not know the borough.
    """
    known: dict[str, str] = {}
    listing: dict[str, pd.DataFrame] = {}
    for found in sorted(lookups, key=lambda one: ("postcode" in one.columns, one.place)):
        years = small_years(found)
        if "lad" not in found.columns or not years or (listing and "postcode" in found.columns):
            continue
        with register.guard(found.place):
            wanted = [f"lsoa{year % 100:02d}{end}" for year in years for end in ("", "_name")]
            rows = read_lookup(found, [*wanted, "lad_name"], None, "lad")
            rows["lad_name"] = rows.get("lad_name", "")
            known |= dict(zip(rows["lad"], rows["lad_name"], strict=True))
            if (rows["lad"] == borough).any():
                listing[found.place] = rows[rows["lad"] == borough]
    if not listing:
        raise _unknown_borough(known, borough)
    return listing


def _small_areas(
    listing: Mapping[str, pd.DataFrame], year: int, register: Register
) -> pd.DataFrame | None:
    """The borough's LSOAs of one year as the fullest lookup lists them; shorter ones are cut."""
    column = f"lsoa{year % 100:02d}"
    sets = {}
    for place, rows in listing.items():
        if column in rows:
            named = rows.reindex(columns=[column, f"{column}_name"], fill_value="")
            sets[place] = named[named[column] != ""]
    if not sets:
        return None
    most = max(sets, key=lambda place: (sets[place][column].nunique(), place))
    whole = set(sets[most][column])
    for place, rows in sets.items():
        with register.guard(place):
            refuse_gaps(rows[column], whole, place, why=f": {most} has more LSOAs of {year}")
    named = sets[most].set_axis(["area_code", "area_name"], axis=1)
    named = named.mask(named == "", named["area_code"], axis=0)
    return named.drop_duplicates("area_code")


def _unknown_borough(names: Mapping[str, str], borough: str) -> SourceError:
    if not names:
        return SourceError(
            "The folder has no lookup of LSOAs to boroughs, so the borough's areas are not known. "
            "Add the ONS lookup of LSOA 2011 to LSOA 2021 to local authority district."
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


def _changes(
    lookups: Sequence[Found],
    borough: str,
    of_year: Mapping[int, pd.DataFrame],
    register: Register,
) -> list[pd.DataFrame]:
    """How small areas of one year became those of the next, of each pair of years found."""
    made = []
    pairs = [(level, *years) for level in ("lsoa", "msoa") for years in STEPS]
    for level, older, newer in pairs:
        names = [f"{level}{year % 100:02d}" for year in (older, newer)]
        side = next((year for year in (newer, older) if year in of_year), None)
        if side is None:
            continue
        codes = of_year[side]["area_code"].tolist() if level == "lsoa" else [borough]
        role = "lad" if level == "msoa" else names[0] if side == older else names[1]
        first, *others = dict.fromkeys([role, *names, "change"])
        more = [f"{name}_name" for name in names]
        rows = whole_lookup(lookups, [first, *others], more, codes, register)
        if rows is not None:
            made.append(_as_lookup(rows, names, older, newer))
    return made


def _as_lookup(rows: pd.DataFrame, names: Sequence[str], older: int, newer: int) -> pd.DataFrame:
    """A lookup as the table `code_lookup`, a split area's residents shared alike for now."""
    rows = rows[(rows[names[0]] != "") & (rows[names[1]] != "")]
    made = pd.DataFrame({"from_code": rows[names[0]], "to_code": rows[names[1]]})
    for side, name in zip(("from", "to"), names, strict=True):
        own = rows[f"{name}_name"] if f"{name}_name" in rows else rows[name]
        made[f"{side}_name"] = own.mask(own == "", rows[name])
    change = rows["change"].str.upper()
    made = made.assign(from_vintage=older, to_vintage=newer, change=change).drop_duplicates()
    alike = made.groupby("from_code")["to_code"].transform("size")
    return made.assign(weight=1 / alike, level=names[0][:4]).reset_index(drop=True)


def share_by_residents(lookup: pd.DataFrame, residents: pd.Series | None) -> pd.DataFrame:
    """`lookup` with each older area's residents shared among the newer ones as they live there.

    Parameters
    ----------
    lookup : DataFrame, rows of `code_lookup`.
    residents : residents by code, the earliest there are; None, or unknown codes, share alike.
    """
    if residents is None or lookup.empty:
        return lookup
    size = lookup["to_code"].map(residents).astype("float64")
    by = [lookup["from_code"], lookup["to_vintage"]]
    total = size.groupby(by).transform("sum", min_count=1)
    known = size.notna().groupby(by).transform("all")
    return lookup.assign(weight=(size / total).where(known & (total > 0), lookup["weight"]))


def find_parents(
    lookups: Sequence[Found], geography: Geography, register: Register
) -> pd.DataFrame:
    """The MSOA of each small area (``area_code``, ``msoa_code``, ``msoa_name``, ``code_vintage``).

    In the codes of the study, or of the nearest year for which a lookup says; empty when none does.
    """
    columns = ["area_code", "msoa_code", "msoa_name"]
    for vintage in sorted(geography.codes, key=lambda year: abs(year - geography.vintage)):
        wanted = [f"{level}{vintage % 100:02d}" for level in ("lsoa", "msoa")]
        named = f"{wanted[1]}_name"
        codes = geography.codes[vintage]
        rows = whole_lookup(lookups, wanted, [named], codes, register)
        if rows is not None:
            made = rows.assign(**{named: rows.get(named, rows[wanted[1]])})[[*wanted, named]]
            return made.set_axis(columns, axis=1).assign(code_vintage=vintage)
    register.note("No lookup of LSOA to MSOA was found, so the study has no MSOAs.")
    return pd.DataFrame(columns=[*columns, "code_vintage"])


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
    layout = Layout(f"Lookup of {said}", ONS, kind=KIND_LOOKUP)
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
    return replace(found, columns=wanted).rows(codes, role, distinct=True).drop(columns="row")


def whole_lookup(
    lookups: Iterable[Found],
    roles: Sequence[str],
    more: Sequence[str],
    codes: Sequence[str],
    register: Register,
) -> pd.DataFrame | None:
    """Rows of the first lookup with columns of all `roles` that has the areas, or None.

    Parameters
    ----------
    roles, more : columns it must have, the first that of `codes`; and those it may have.
    codes : codes wanted, all of which it must have if any.
    register : gets the lookup used, and those that lack areas as problems.
    """

    def read(found: Found) -> pd.DataFrame:
        rows = read_lookup(found, [*roles, *more], codes, roles[0])
        if not rows.empty:
            refuse_gaps(rows[roles[0]], codes, found.named)
        return rows

    fit = [one for one in lookups if set(roles) <= one.columns.keys()]
    return register.first_copy([one for one in fit if one.place not in register.problems], read)


def is_best_fit(found: Found) -> bool:
    """Whether a lookup of wards has a row for each small area, not for each part of one."""
    return not any(re.fullmatch(r"oa\d*|postcode", name) for name in found.columns)


def read_names(found: Found, codes: list[str]) -> pd.DataFrame:
    """Names people use for these MSOAs; those the Library has not named are left out."""
    rows = found.rows(codes)
    found.refuse_repeats(rows)
    return rows[rows["local_name"] != ""]
