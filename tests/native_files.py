"""Small files in publishers' own formats, of a borough that does not exist, for tests of `sources`.

Ambleford (E07000901) has six LSOAs of 2001 and six of 2011: one split, two merged, three unchanged.
Its files also hold a neighbour, Otherham, as national files would; headings are the publishers'.
"""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path

BOROUGH, NEIGHBOUR = "E07000901", "E07000902"
OLD = [f"E0109000{n}" for n in range(1, 7)]
NEW = ["E01090001", "E01090002", "E01090006", "E01095001", "E01095002", "E01095003"]
CHANGES = [
    ("E01090001", "E01090001", "U"),
    ("E01090002", "E01090002", "U"),
    ("E01090003", "E01095003", "M"),
    ("E01090004", "E01095003", "M"),
    ("E01090005", "E01095001", "S"),
    ("E01090005", "E01095002", "S"),
    ("E01090006", "E01090006", "U"),
]
NAMES = {code: f"Ambleford 00{1 + place // 3}{'ABC'[place % 3]}" for place, code in enumerate(NEW)}
NAMES |= {
    "E01090003": "Ambleford 002D",
    "E01090004": "Ambleford 002E",
    "E01090005": "Ambleford 002F",
}
MSOA = {code: f"E0209000{1 + place // 3}" for place, code in enumerate(NEW)}
WARD = {code: f"E0509000{1 + place % 2}" for place, code in enumerate(NEW)}
OTHERS = ["E01080001", "E01080002"]
RANKS = {
    code: 1_000 * (place + 1) + 234 for place, code in enumerate(sorted({*OLD, *NEW, *OTHERS}))
}
RESIDENTS = {code: 1_200 + 100 * place for place, code in enumerate([*NEW, *OTHERS])}
AGES = [*map(str, range(90)), "90+"]


def write_rows(path: Path, rows: list[list[object]], encoding: str = "utf-8") -> Path:
    """A CSV file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows(rows)
    return path


def write_workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """An xlsx workbook with these sheets."""
    from openpyxl import Workbook

    path.parent.mkdir(parents=True, exist_ok=True)
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def write_lookups(folder: Path) -> None:
    """ONS lookups of old codes, output areas and wards, and the Commons Library's names."""
    place = [BOROUGH, "Ambleford", ""]
    other = [NEIGHBOUR, "Otherham", ""]
    authority = ["LAD11CD", "LAD11NM", "LAD11NMW", "FID"]
    heading = ["LSOA01CD", "LSOA01NM", "LSOA11CD", "LSOA11NM", "CHGIND", *authority]
    rows = [[a, NAMES[a], b, NAMES[b], change, *place, 1] for a, b, change in CHANGES]
    rows += [[code, "Otherham 001A", code, "Otherham 001A", "U", *other, 2] for code in OTHERS]
    write_rows(folder / "codes.csv", [heading, *rows], encoding="utf-8-sig")
    heading = ["OA11CD", "LSOA11CD", "LSOA11NM", "MSOA11CD", "MSOA11NM", *authority]
    rows = [
        [f"E0009{n}{code[-4:]}", code, NAMES[code], msoa, f"Ambleford 00{msoa[-1]}", *place, n]
        for code, msoa in MSOA.items()
        for n in (1, 2)
    ]
    write_rows(folder / "output areas.csv", [heading, *rows])
    heading = ["LSOA11CD", "LSOA11NM", "WD15CD", "WD15NM", "WD15NMW", "LAD15CD", "LAD15NM", "FID"]
    rows = [
        [code, NAMES[code], ward, f"Ward {ward[-1]}", "", *place[:2], 1]
        for code, ward in WARD.items()
    ]
    write_rows(folder / "wards.csv", [heading, *rows])
    heading = ["msoa11cd", "msoa11nm", "msoa11nmw", "msoa11hclnm", "msoa11hclnmw", "Laname"]
    rows = [["E02090001", "Ambleford 001", "", "Mill End", "", "Ambleford"]]
    write_rows(folder / "names.csv", [heading, *rows])


def early_rows(
    *first: str, rank: str = "RANK OF IMD (where 1 is most deprived)"
) -> list[list[object]]:
    """Headings and rows of an early workbook of the Indices; `first` are its first headings."""
    heading = [*first, "LA NAME", "GOR CODE", "GOR NAME", "IMD SCORE", rank]
    blank = [""] * (len(first) - 1)
    return [heading] + [
        [code, *blank, "King’s Ambleford", "J", "South", 20.5, RANKS[code]]
        for code in [*OLD, *OTHERS]
    ]


def later_rows(authorities: int, *, score: bool, thousands: bool) -> list[list[object]]:
    """Headings and rows of a File 1 or File 7 of the later Indices."""
    heading = [
        "LSOA code (2011)",
        "LSOA name (2011)",
        f"Local Authority District code ({authorities})",
        f"Local Authority District name ({authorities})",
        *(["Index of Multiple Deprivation (IMD) Score"] if score else []),
        "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)",
        "Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)",
    ]
    rows = []
    for code in [*NEW, *OTHERS]:
        rank = f"{RANKS[code]:,}" if thousands else RANKS[code]
        tenth = -(-10 * RANKS[code] // 32_844)
        rows.append([code, "", BOROUGH, "", *([30.25] if score else []), rank, tenth])
    return [heading, *rows]


def write_indices(folder: Path) -> None:
    """Indices of Deprivation 2004 to 2019, each in a form it was published in."""
    rank_2010 = "RANK OF IMD SCORE (where 1 is most deprived)"
    write_workbook(folder / "a.xlsx", {"Notes": [["Read me"]], "IMD": early_rows("SOA", "LA CODE")})
    write_rows(folder / "b.csv", early_rows("LSOA", "LA CODE"), encoding="cp1252")
    first = ("LSOA CODE", "PRE 2009 LA CODE", "PRE 2009 LA NAME", "POST 2009 LA CODE")
    write_workbook(folder / "c.xlsx", {"IMD 2010": early_rows(*first, rank=rank_2010)})
    write_rows(folder / "d.csv", later_rows(2013, score=True, thousands=False))
    write_rows(
        folder / "e.csv", later_rows(2019, score=False, thousands=True), encoding="utf-8-sig"
    )


def write_claimants(folder: Path, years: tuple[int, ...] = (2014, 2015)) -> None:
    """The claimant panel, one folder per year; residents of the last year repeat those before."""
    for year in years:
        rows = [["area_code", "area_name", "pop", "claimant_rate", "claimant_count"]]
        for code, residents in RESIDENTS.items():
            count = 5 * (year - 2000) * (1 + int(code[-1]))
            rows.append([code, "", residents, count / residents, count])
        write_rows(folder / str(year) / "claimants.csv", rows)


def write_population(folder: Path) -> None:
    """Mid-year estimates as the ONS workbook has them: title rows, one sheet per sex."""
    heading = ["Area Codes", "Area Names", "", "All Ages", *AGES]
    rows = [
        [code, "", NAMES.get(code, ""), len(AGES), *[1] * len(AGES)] for code in [*NEW, *OTHERS]
    ]
    title = [["Table SAPE20DT1: Mid-2014 population estimates"], [], ["Persons"], []]
    sheets = {
        f"Mid-2014 {sex}": [*title, heading, *rows] for sex in ("Persons", "Males", "Females")
    }
    write_workbook(folder / "ages.xlsx", sheets)


def write_boundaries(folder: Path) -> Path:
    """LSOAs of 2011 as squares of 500 metres in a row, one of them crossing itself."""
    import geopandas
    from shapely.geometry import Polygon, box

    shapes = [box(400_000 + 500 * n, 300_000, 400_500 + 500 * n, 300_500) for n in range(len(NEW))]
    west, south, east, north = shapes[-1].bounds
    shapes[-1] = Polygon([(west, south), (east, north), (east, south), (west, north)])
    frame = geopandas.GeoDataFrame(
        {"LSOA11CD": NEW, "GlobalID": "x"}, geometry=shapes, crs="EPSG:27700"
    )
    path = folder / "areas.geojson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(json.loads(frame.to_crs("EPSG:4326").to_json())))
    return path


def write_all(folder: Path) -> Path:
    """A folder with all of the above, in folders of its own making."""
    write_lookups(folder / "geography")
    write_indices(folder / "indices" / "all")
    write_claimants(folder)
    write_population(folder)
    write_boundaries(folder / "maps")
    return folder


LATER = ["E01090001", "E01096001", "E01096002", "E01096003", "E01095002", "E01095003"]
LATER_CHANGES = [
    ("E01090001", "E01090001", "U"),
    ("E01090002", "E01096001", "S"),
    ("E01090002", "E01096002", "S"),
    ("E01090006", "E01096003", "M"),
    ("E01095001", "E01096003", "M"),
    ("E01095002", "E01095002", "U"),
    ("E01095003", "E01095003", "U"),
]


def write_later_lookup(folder: Path) -> None:
    """ONS lookup of LSOA 2011 to LSOA 2021: one area split, two merged."""
    place = [BOROUGH, "Ambleford", "", 1]
    names = ["LSOA11CD", "LSOA11NM", "LSOA21CD", "LSOA21NM", "CHGIND"]
    heading = [*names, "LAD22CD", "LAD22NM", "LAD22NMW", "ObjectId"]
    rows = [[a, "", b, "", change, *place] for a, b, change in LATER_CHANGES]
    rows += [[code, "", code, "", "U", NEIGHBOUR, "Otherham", "", 2] for code in OTHERS]
    write_rows(folder / "codes of 2021.csv", [heading, *rows], encoding="utf-8-sig")


def write_census(folder: Path) -> None:
    """Census tables: general health of 2021, and central heating of 2011 with Nomis' title rows."""
    topic = "General health: "
    answers = ["Very good health", "Good health", "Fair health", "Bad health", "Very bad health"]
    heading = ["date", "geography", "geography code", f"{topic}Total: All usual residents"]
    heading += [topic + answer for answer in answers]
    rows = [
        [2021, "", code, 1_000 + n, 500, 300, 150 + n, 40, 10 + n]
        for n, code in enumerate([*LATER, *OTHERS])
    ]
    write_rows(folder / "health.csv", [heading, *rows])
    titles = [["QS415UK - Central heating"], ["ONS Crown Copyright Reserved"], []]
    titles += [["Population :", "All household spaces"], ["Date       :", "2011"], []]
    everything = "All categories: Type of central heating in household"
    heading = ["Area", "mnemonic", everything, "No central heating", "Gas central heating"]
    rows = [["", code, 400, 10 * n, 400 - 10 * n] for n, code in enumerate([*NEW, *OTHERS])]
    write_rows(folder / "heating.csv", [*titles, heading, *rows])


def write_fuel_poverty(folder: Path) -> None:
    """The sub-regional tables of one year: a sheet of districts and a sheet of LSOAs."""
    counts = ["Number of households", "Number of households in fuel poverty"]
    heading = [
        "LSOA Code",
        "LSOA Name",
        "LA Code",
        *counts,
        "Proportion of households fuel poor (%)",
    ]
    rows = [
        [code, "", BOROUGH, 500, 50 + 10 * n, (50 + 10 * n) / 5]
        for n, code in enumerate([*NEW, *OTHERS])
    ]
    title = [["Table 3: Fuel Poverty by LSOA [Note A], 2020 [Notes 3 and 4]"], []]
    districts = [["Table 2"], [], ["Area Codes", "Area names", *counts, heading[-1]]]
    write_workbook(
        folder / "fuel.xlsx", {"Table 2": districts, "Table 3": [*title, heading, *rows]}
    )


STREET_HEADING = [
    "Crime ID",
    "Month",
    "Reported by",
    "Falls within",
    "Longitude",
    "Latitude",
    "Location",
    "LSOA code",
    "LSOA name",
    "Crime type",
    "Last outcome category",
    "Context",
]


@functools.cache
def anchor_point(code: str) -> tuple[float, float]:
    """Longitude and latitude of a point well inside a small area of `write_boundaries`."""
    from pyproj import Transformer

    grid = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    lon, lat = grid.transform(400_100 + 500 * NEW.index(code), 300_250)
    return round(lon, 6), round(lat, 6)


def street_row(
    month: str, crime_type: str, code: str, crime_id: str = "", *, force: str = "Mid Police"
) -> list[object]:
    """A crime as the police publish it; anti-social behaviour has no Crime ID."""
    point = anchor_point(code) if code in NEW else ("", "")
    place = ["On or near High Street", code, NAMES.get(code, "Otherham 001A")]
    return [crime_id, month, force, force, *point, *place, crime_type, "", ""]


def write_street(folder: Path, month: str, rows: list[list[object]], force: str = "mid") -> Path:
    """One force's street file of one month, in the folder of its month."""
    return write_rows(folder / month / f"{month}-{force}-street.csv", [STREET_HEADING, *rows])


def street_month(month: str, each: int = 2) -> list[list[object]]:
    """`each` burglaries and twice as much anti-social behaviour in every area but the last."""
    rows = []
    for code in NEW[:-1]:
        rows += [street_row(month, "Burglary", code, f"{month}{code}{n}") for n in range(each)]
        rows += [street_row(month, "Anti-social behaviour", code) for _ in range(2 * each)]
    return rows
