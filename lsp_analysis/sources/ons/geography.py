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

ONS = "Office for National Statistics, Open Geography Portal"
KIND_LOOKUP = "lookup"
LEVEL = re.compile(r"(oa|lsoa|msoa|wd|ward|osward|lad|ltla|laua|oslaua)(\d\d)?(cd|nm)?")
LEVELS = {"ward": "wd", "osward": "wd", "ltla": "lad", "laua": "lad", "oslaua": "lad"}
OTHER_HEADING = re.compile(r"(?P<change>chn?gind)|(?P<postcode>pcd\w*|postcode)")
MEASURED = {"period", "numerator", "denominator", "value"}
SHOWN = 12
STEPS = ((2001, 2011), (2011, 2021))
VINTAGES = (2001, 2011, 2021)
LOOKUP = ["from_code", "to_code", "from_vintage", "to_vintage", "change", "weight"]


@dataclass(frozen=True)
class Geography:
    """A borough, its small areas by year of their codes, and how these became one another."""

    code: str
    name: str
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

    @property
    def years(self) -> list[int]:
        """Years of the code lists, that of the study first, then those nearest to it."""
        return sorted(self.codes, key=lambda year: abs(year - self.vintage))


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
    listed = {year: _small_areas(listing, year, register) for year in VINTAGES}
    of_year = {year: rows for year, rows in listed.items() if rows is not None}
    changes = _changes(lookups, borough, of_year, register)
    for rows in changes:
        for side in ("from", "to") if rows["level"].iloc[0] == "lsoa" else ():
            named = rows[[f"{side}_code", f"{side}_name"]].drop_duplicates(f"{side}_code")
            year = int(rows[f"{side}_vintage"].iloc[0])
            of_year.setdefault(year, named.set_axis(["area_code", "area_name"], axis=1))
    if vintage not in of_year:
        known = " or ".join(map(str, sorted(of_year)))
        raise SourceError(
            f"No lookup in the folder says which LSOAs of {vintage} are in {borough}; it has those "
            f"of {known}. Add the ONS lookup of LSOA {vintage} to local authority district, or "
            f"choose another year with --vintage."
        )
    name = max(rows["lad_name"].iloc[0] for rows in listing.values())
    areas = [rows.sort_values("area_code").assign(code_vintage=y) for y, rows in of_year.items()]
    small = pd.concat(areas)[["area_code", "area_name", "code_vintage"]]
    small = small.sort_values("code_vintage", kind="stable", ignore_index=True)
    lookup = pd.concat(changes, ignore_index=True) if changes else pd.DataFrame(columns=LOOKUP)
    return Geography(borough, name or borough, small, lookup[LOOKUP], vintage)


def _listing(lookups: Sequence[Found], borough: str, register: Register) -> dict[str, pd.DataFrame]:
    """By file, the rows of the lookups that list the borough.

    Postcode directories have the most rows: they come last, and are read only where the others do
    not know the borough.
    """
    names: dict[str, str] = {}
    listing: dict[str, pd.DataFrame] = {}
    for found in sorted(lookups, key=lambda one: ("postcode" in one.columns, one.place)):
        years = small_years(found)
        if "lad" not in found.columns or not years or (listing and "postcode" in found.columns):
            continue
        with register.guard(found.place):
            wanted = [f"lsoa{year % 100:02d}{end}" for year in years for end in ("", "_name")]
            rows = read_lookup(found, [*wanted, "lad_name"], None, "lad")
            rows["lad_name"] = rows.get("lad_name", "")
            names |= dict(zip(rows["lad"], rows["lad_name"], strict=True))
            if (rows["lad"] == borough).any():
                listing[found.place] = rows[rows["lad"] == borough]
    if listing:
        return listing
    if not names:
        raise SourceError(
            "The folder has no lookup of LSOAs to boroughs, so the borough's areas are not known. "
            "Add the ONS lookup of LSOA 2011 to LSOA 2021 to local authority district."
        )
    by_name = {name.casefold(): code for code, name in names.items()}
    code = by_name.get(borough.casefold())
    hint = f' Did you mean "{code}"?' if code else did_you_mean(borough, sorted(names))
    known = [f"{code} {names[code]}" for code in sorted(names)]
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    raise SourceError(
        f'No lookup in the folder lists a borough with code "{borough}".{hint} '
        f"Those listed are {', '.join(known[:SHOWN])}{more}."
    )


def _small_areas(
    listing: Mapping[str, pd.DataFrame], year: int, register: Register
) -> pd.DataFrame | None:
    """The borough's LSOAs of one year as the fullest lookup lists them; shorter ones are cut."""
    column = f"lsoa{year % 100:02d}"
    sets = {
        place: rows.reindex(columns=[column, f"{column}_name"], fill_value="")[rows[column] != ""]
        for place, rows in listing.items()
        if column in rows
    }
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


def _changes(
    lookups: Sequence[Found],
    borough: str,
    of_year: Mapping[int, pd.DataFrame],
    register: Register,
) -> list[pd.DataFrame]:
    """How areas of one year became those of the next, as `code_lookup` with names and level.

    A split area's residents are shared alike for now.
    """
    made = []
    for level, (older, newer) in [(level, step) for level in ("lsoa", "msoa") for step in STEPS]:
        side = next((year for year in (newer, older) if year in of_year), None)
        if side is None:
            continue
        names = {"from": f"{level}{older % 100:02d}", "to": f"{level}{newer % 100:02d}"}
        codes, role = [borough], "lad"
        if level == "lsoa":
            codes = of_year[side]["area_code"].tolist()
            role = names["from" if side == older else "to"]
        roles = [*dict.fromkeys([role, *names.values(), "change"])]
        more = [f"{name}_name" for name in names.values()]
        rows = whole_lookup(lookups, roles, more, codes, register)
        if rows is None or (rows := rows[(rows[[*names.values()]] != "").all(axis=1)]).empty:
            continue
        change = pd.DataFrame({f"{side}_code": rows[name] for side, name in names.items()})
        for side, name in names.items():
            own = rows.get(f"{name}_name", rows[name])
            change[f"{side}_name"] = own.mask(own == "", rows[name])
        change = change.assign(
            from_vintage=older, to_vintage=newer, change=rows["change"].str.upper(), level=level
        ).drop_duplicates()
        alike = change.groupby("from_code")["to_code"].transform("size")
        made.append(change.assign(weight=1 / alike))
    return made


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
    by = size.groupby([lookup["from_code"], lookup["to_vintage"]])
    total = by.transform("sum", min_count=1)
    known = by.transform("count") == by.transform("size")
    return lookup.assign(weight=(size / total).where(known & (total > 0), lookup["weight"]))


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
        if match := LEVEL.fullmatch(heading):
            level = LEVELS.get(match[1], match[1])
            year = "" if level == "lad" else match[2] or ""
            columns.setdefault(f"{level}{year}{'_name' if match[3] == 'nm' else ''}", at)
        elif match := OTHER_HEADING.fullmatch(heading):
            columns[match.lastgroup] = at
    codes = [re.fullmatch(r"(oa|lsoa|msoa|wd|lad)(\d*)", name) for name in columns]
    codes = [code for code in codes if code]
    if len(codes) < 2 or not any(code[2] for code in codes if code[1] in ("lsoa", "msoa")):
        return None
    said = ", ".join(f"{one[1].upper()} {one[2] and f'20{one[2]}'}".strip() for one in codes)
    layout = Layout(f"Lookup of {said}", ONS, kind=KIND_LOOKUP)
    return Found(layout, grid, number, tuple(headings), columns)


def small_years(found: Found) -> list[int]:
    """Years of the LSOA codes a lookup has, newest first."""
    years = [int(name[4:]) for name in found.columns if re.fullmatch(r"lsoa\d\d", name)]
    return sorted((2000 + year for year in years), reverse=True)


def read_lookup(
    found: Found, columns: Collection[str], codes: Collection[str] | None, role: str
) -> pd.DataFrame:
    """Distinct rows of some columns of a lookup; those of `codes` in the column `role`, or none.

    Raises
    ------
    SourceError
        It has some of the codes but not all, or is damaged.
    """
    wanted = {name: at for name, at in found.columns.items() if name in columns or name == role}
    rows = replace(found, columns=wanted).rows(codes, role, distinct=True, whole=True)
    return rows.drop(columns="row")


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
    fit = [one for one in lookups if {*roles} <= one.columns.keys()]
    return register.first_copy(
        [one for one in fit if one.place not in register.problems],
        lambda found: read_lookup(found, [*roles, *more], codes, roles[0]),
    )
