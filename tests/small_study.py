"""A small valid study of an invented borough, and ways to damage its files."""

from __future__ import annotations

import csv
import functools
import io
import json
import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely.geometry import box

from lsp_analysis.study import check_study, write_study

BOROUGH = "E08000099"
LSOAS = ["E01000001", "E01000002", "E01000003", "E01000004"]
MONTHS = pd.period_range("2008-01", "2008-12", freq="M")
YEARS = pd.period_range("2004", "2008", freq="Y-MAR")
OGL = {
    "name": "OGL-UK-3.0",
    "title": "Open Government Licence v3.0",
    "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}


def small_tables() -> dict[str, pd.DataFrame]:
    """Tables of the study, fresh each time."""
    return {
        "areas": areas(),
        "indicators": indicators(),
        "observations": pd.concat([burglary(), smoking(), health()], ignore_index=True),
        "deprivation": deprivation(),
        "area_members": members(),
        "code_lookup": pd.DataFrame(
            [
                ("E01000001", "E01000001", 2001, 2011, "U", 1.0),
                ("E01000002", "E01000002", 2001, 2011, "U", 1.0),
                ("E01000009", "E01000003", 2001, 2011, "S", 0.6),
                ("E01000009", "E01000004", 2001, 2011, "S", 0.4),
            ],
            columns=["from_code", "to_code", "from_vintage", "to_vintage", "change", "weight"],
        ),
        "populations": pd.DataFrame(
            {"area_code": LSOAS, "period": "2008", "population": [1500, 1400, 1600, 1300]}
        ),
        "plan": pd.DataFrame(
            {
                "measure_id": ["S1"],
                "indicator_id": ["burglary"],
                "theme": ["Safe"],
                "baseline_period": ["2006/07"],
                "baseline": [3.2],
                "target": [2.5],
                "due": ["2010/11"],
            }
        ),
        "interventions": pd.DataFrame(
            {
                "intervention_id": ["pilot"],
                "name": ["Pilot"],
                "area_code": ["N1"],
                "start": ["2008-04-01"],
                "theme": ["Safe"],
            }
        ),
        "events": pd.DataFrame(
            {
                "event_id": ["e1"],
                "area_code": ["N1"],
                "date": ["2008-04-01"],
                "kind": ["start"],
                "label": ["Pilot begins"],
                "intervention_id": ["pilot"],
            }
        ),
    }


def areas() -> pd.DataFrame:
    """Four small areas, the same ground in the codes of 2001, and what they make up."""
    rows = [
        (code, f"Anytown 001{letter}", "lsoa", 2011, BOROUGH, code == "E01000001")
        for code, letter in zip(LSOAS, "ABCD", strict=True)
    ]
    rows += [(code, None, "lsoa", 2001, BOROUGH, False) for code in (*LSOAS[:2], "E01000009")]
    rows += [
        ("E02000001", "Hall i' th' Wood", "msoa", 2011, BOROUGH, False),
        ("N1", "Hall i’ th’ Wood", "neighbourhood", 2011, BOROUGH, True),
        ("C1", "Rest of Anytown", "comparator", 2011, BOROUGH, False),
        (BOROUGH, "Anytown", "borough", 2011, None, False),
    ]
    columns = ["area_code", "area_name", "area_type", "code_vintage", "borough_code", "is_pilot"]
    made = pd.DataFrame(rows, columns=columns)
    return made.assign(area_name=made["area_name"].fillna("Anytown in 2001"))


def members() -> pd.DataFrame:
    """What the larger areas are made of."""
    parts = {"E02000001": LSOAS, "N1": LSOAS[:1], "C1": LSOAS[1:]}
    rows = [(whole, part, 2011, 1.0) for whole, codes in parts.items() for part in codes]
    return pd.DataFrame(rows, columns=["area_code", "member_code", "code_vintage", "weight"])


def indicators() -> pd.DataFrame:
    """A rate, a proportion, and a mean with intervals and no parts."""
    return pd.DataFrame(
        [
            ("burglary", "Burglary", "per_1000", "rate", 1000, "low_is_good"),
            ("smoking", "Adults who smoke", "percent", "proportion", 100, "low_is_good"),
            ("health", "Healthy life years", "percent", "proportion", 100, "high_is_good"),
        ],
        columns=["indicator_id", "name", "unit", "value_type", "multiplier", "polarity"],
    )


def _rows(indicator_id: str, code: str, periods: pd.PeriodIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "indicator_id": indicator_id,
            "area_code": code,
            "period_start": periods.start_time.normalize(),
            "period_end": periods.end_time.normalize(),
        }
    )


def burglary() -> pd.DataFrame:
    """Monthly counts of the small areas and of the borough they add up to."""
    frames = []
    for place, code in enumerate(LSOAS):
        numerator = [place + 1 + month % 3 for month in range(len(MONTHS))]
        frames.append(_rows("burglary", code, MONTHS).assign(numerator=numerator, denominator=1500))
    small = pd.concat(frames)
    whole = _rows("burglary", BOROUGH, MONTHS)
    sums = small.groupby("period_start")[["numerator", "denominator"]].sum()
    made = pd.concat([small, whole.join(sums, on="period_start")], ignore_index=True)
    return made.assign(value=made["numerator"] / made["denominator"] * 1000)


def smoking() -> pd.DataFrame:
    """Yearly proportions, one of them suppressed."""
    frames = [
        _rows("smoking", code, YEARS).assign(numerator=[300 + 10 * place - t for t in range(5)])
        for place, code in enumerate(LSOAS)
    ]
    made = pd.concat(frames, ignore_index=True).assign(denominator=1000.0, note=None)
    made["note"] = made["note"].astype("str")
    made.loc[2, ["numerator", "denominator"]] = None
    made.loc[2, "note"] = "suppressed"
    return made


def health() -> pd.DataFrame:
    """Yearly values that come with an interval and no parts."""
    frames = [
        _rows("health", code, YEARS).assign(value=60.0 + place) for place, code in enumerate(LSOAS)
    ]
    made = pd.concat(frames, ignore_index=True)
    return made.assign(lower95=made["value"] - 2.5, upper95=made["value"] + 2.5)


def deprivation() -> pd.DataFrame:
    """Two editions in the codes of 2001 and one in those of 2011."""
    rows = [
        (code, 2001, edition, rank, score)
        for edition, shift in ((2004, 0), (2007, -100))
        for code, rank, score in (
            ("E01000001", 1000 + shift, 52.4),
            ("E01000002", 5000 + shift, 35.0),
            ("E01000009", 1500 + shift, 49.0),
        )
    ]
    rows += [(code, 2011, 2015, 1000 * place, 50.0) for place, code in enumerate(LSOAS, start=1)]
    return pd.DataFrame(rows, columns=["area_code", "code_vintage", "edition", "rank", "score"])


def squares() -> gpd.GeoDataFrame:
    """The small areas as four squares of 1 km in a row, in metres."""
    shapes = [box(370_000 + 1000 * i, 410_000, 371_000 + 1000 * i, 411_000) for i in range(4)]
    return gpd.GeoDataFrame({"area_code": LSOAS}, geometry=shapes, crs="EPSG:27700")


@functools.cache
def as_written(record_hashes: bool) -> dict[str, bytes]:
    """The files of the study as it is, written once for all tests of this process."""
    with tempfile.TemporaryDirectory() as top:
        study = write_small_study(Path(top) / "study", small_tables(), record_hashes=record_hashes)
        return {file.name: file.read_bytes() for file in study.iterdir()}


def write_small_study(path: Path, tables: dict | None = None, **options) -> Path:
    """Write the study; hashes are left out so that damage is not also a changed file.

    Without `tables` it is the study as it is, which is written once and copied.
    """
    if tables is None and not options.keys() - {"record_hashes"} and not path.exists():
        path.mkdir(parents=True)
        for name, content in as_written(options.get("record_hashes", False)).items():
            (path / name).write_bytes(content)
        return path
    about = {"name": "anytown", "title": "Anytown", "licenses": [OGL], "lsp:code_vintage": 2011}
    settings = {"record_hashes": False, "geometry": squares()} | options
    settings["about"] = about | settings.get("about", {})
    return write_study(path, tables or small_tables(), **settings)


def read_rows(file: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))


def write_rows(file: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    file.write_text(text.getvalue(), encoding="utf-8", newline="")


def set_cell(folder: Path, table: str, row: int, column: str, value: str) -> None:
    """Write one cell; `row` is that of a spreadsheet, so the header is row 1."""
    file = folder / f"{table}.csv"
    rows = read_rows(file)
    rows[row - 1][rows[0].index(column)] = value
    write_rows(file, rows)


def row_of(folder: Path, table: str, **wanted: str) -> int:
    """The spreadsheet row of the first record with these cells."""
    rows = read_rows(folder / f"{table}.csv")
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(rows[0], row, strict=True))
        if all(cells[name] == value for name, value in wanted.items()):
            return number
    raise LookupError(wanted)


def change_descriptor(folder, table, **facts):
    file = folder / "datapackage.json"
    descriptor = json.loads(file.read_text(encoding="utf-8"))
    resources = {item["name"]: item for item in descriptor["resources"]}
    resources[table] |= facts
    file.write_text(json.dumps(descriptor), encoding="utf-8")


def add_column(folder, table, column):
    file = folder / f"{table}.csv"
    header, *rows = read_rows(file)
    write_rows(file, [[*header, column], *([*row, ""] for row in rows)])


def found(folder, **wanted):
    """Problems whose parts are as wanted; `problem` is matched as part of the sentence."""
    phrase = wanted.pop("problem", "")
    return [
        item
        for item in check_study(folder)
        if phrase in item.problem and all(getattr(item, k) == v for k, v in wanted.items())
    ]
