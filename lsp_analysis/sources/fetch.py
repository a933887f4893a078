"""Download what a borough's study needs from the publishers' open endpoints.

Addresses stand in one table that a user can copy and edit. `pooch` keeps what was fetched; a file
is taken only when it is whole, of the kind expected, and has the headings expected.
"""

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd

from lsp_analysis import durable, untrusted
from lsp_analysis.errors import LspError, SourceError, did_you_mean
from lsp_analysis.sources.download import AGAIN_LATER, Client
from lsp_analysis.study.add.grids import HTML
from lsp_analysis.study.write import file_facts

PIECE = 1 << 16
BOROUGH = re.compile(r"[EWNS]\d{8}")
PAGE = 2_000  # records an answer of ArcGIS
CELLS = 25_000  # cells an answer of Nomis, cut without a word
CODES_AT_ONCE = 100
MONTHS = 12
SPLITS = 4  # times an area with too many crimes is cut in four
RECORD = "downloads.csv"


@dataclass(frozen=True)
class Address:
    """One data set: where it is, under which licence, and what its file must hold."""

    name: str
    title: str
    publisher: str
    licence: str
    kind: str  # file, arcgis, geojson, nomis or police
    url: str
    query: str
    file: str
    expects: str
    size: str
    note: str

    def fault(self) -> str:
        """What is wrong with it in a sentence, or an empty string."""
        if self.kind not in ("file", *MAKERS):
            return f'kind is "{self.kind}". It should be one of file, {", ".join(MAKERS)}.'
        if self.url and not re.match(r"https?://\S+$", self.url):
            return f'"{self.url}" is no address that begins with https://.'
        parts = PurePosixPath(self.file).parts
        if not parts or parts[0] == "/" or ".." in parts or "\\" in self.file or ":" in self.file:
            return f'file is "{self.file}". Give a path within the folder, such as census/a.csv.'
        return ""


@dataclass(frozen=True)
class Fetched:
    """What was downloaded, what was there already, and what could not be had and why."""

    out: Path
    files: dict[str, Path]
    problems: dict[str, str]

    def sentence(self) -> str:
        """The same in lines for a terminal."""
        lines = [f"{name}: {path}" for name, path in self.files.items()]
        lines += [f"NOT FETCHED: {name}: {why}" for name, why in self.problems.items()]
        lines.append(f"Next: lsp-analysis import {self.out} --borough ... --out STUDY")
        return "\n".join(lines)


def read_addresses(path: str | Path | None = None) -> list[Address]:
    """The table of addresses that comes with the package, or a copy that a user edited.

    Raises
    ------
    SourceError
        The file is missing or lacks a column.
    """
    if path is None:
        text = (resources.files("lsp_analysis.sources") / "addresses.csv").read_text("utf-8")
    else:
        try:
            text = untrusted.read_text(Path(path))
        except LspError as error:
            raise SourceError(f"{error} It should be a table of addresses.") from error
    reader = csv.DictReader(io.StringIO(text))
    names = [one.name for one in fields(Address)]
    missing = [name for name in names if name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(
            f"{path} has no column {', '.join(missing)}. It needs {', '.join(names)}."
        )
    listed = [Address(**{name: (row[name] or "").strip() for name in names}) for row in reader]
    for number, one in enumerate(listed, start=2):
        if wrong := one.fault():
            raise SourceError(f"The table of addresses, row {number} ({one.name}): {wrong}")
    return listed


def addresses_frame(addresses: Sequence[Address]) -> pd.DataFrame:
    """Name, title, publisher, licence, size and note of each data set."""
    shown = ["name", "title", "publisher", "licence", "size", "note"]
    return pd.DataFrame([{name: getattr(one, name) for name in shown} for one in addresses])


def fetch_borough(
    borough: str,
    out: str | Path,
    *,
    addresses: str | Path | None = None,
    only: Sequence[str] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Download what a study of `borough` needs into the folder `out`.

    What is there already is left alone; delete a file to fetch it anew. One data set that cannot be
    had does not stop the others. One command at a time fills a folder; others wait.
    ``downloads.csv`` records address, date, licence and hash.

    Parameters
    ----------
    borough : code of the borough, for example E08000001.
    out : folder to fill.
    addresses : an edited copy of the table of addresses.
    only : names of data sets; all of them when empty.
    progress : told one line about each data set.

    Raises
    ------
    SourceError
        The table of addresses is damaged, or has no data set of a name in `only`.
    """
    listed = read_addresses(addresses)
    known = [one.name for one in listed]
    for name in only:
        if name not in known:
            raise SourceError(f'There is no data set "{name}".{did_you_mean(name, known)}')
    borough = borough.strip().upper()
    if not BOROUGH.fullmatch(borough):
        raise SourceError(f'"{borough}" is no code of a borough. Give one such as E08000001.')
    out = durable.settled(out, SourceError)
    client = Client()
    done: dict[str, Path] = {}
    problems: dict[str, str] = {}
    try:
        with durable.locked(out.parent, out.name, error=SourceError):
            for one in listed:
                if only and one.name not in only:
                    continue
                try:
                    progress(f"{one.name}: {one.title} ({one.size})")
                    done[one.name] = _fetch(one, borough, out, client)
                except SourceError as error:
                    problems[one.name] = str(error)
    except OSError as error:
        raise SourceError(f"{out} cannot be written: {error.strerror or error}.") from error
    return Fetched(out, done, problems)


def _fetch(one: Address, borough: str, out: Path, client: Client) -> Path:
    """One data set's file, from the folder if it is there."""
    import pooch

    target = out / one.file
    if not one.url and not target.is_file():
        raise SourceError(f"{one.title} has {one.note or 'no address'}. Save it as {target}.")

    def download(url: str, output: str, _: Any) -> None:
        if one.kind == "file":
            client.whole_file(url, one.title, target.with_suffix(".part"), Path(output))
        else:
            text = MAKERS[one.kind](one, borough, out, client)
            Path(output).write_text(text, encoding="utf-8")
        _refuse_other(one, Path(output))

    pooch.get_logger().setLevel("ERROR")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            pooch.retrieve(
                one.url, None, fname=target.name, path=target.parent, downloader=download
            )
        _record(one, target, out)
    except OSError as error:
        raise SourceError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _record(one: Address, target: Path, out: Path) -> None:
    """Add a line on one file to the record beside the downloads, unless it stands there."""
    record = out / RECORD
    facts = [one.name, one.file, one.url, time.strftime("%Y-%m-%d"), one.publisher, one.licence]
    there = record.read_text("utf-8").splitlines() if record.exists() else []
    if any(line.startswith(f"{one.name},{one.file},") for line in there):
        return
    with record.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not there:
            writer.writerow(["name", "file", "address", "date", "publisher", "licence", "sha256"])
        writer.writerow([*facts, file_facts(target)["hash"].removeprefix("sha256:")])


def _codes(out: Path, year: str) -> list[str]:
    """Codes of the borough's LSOAs of one year, from the lookups fetched before."""
    for path in sorted((out / "lookups").glob("*.csv")):
        rows = pd.read_csv(path, dtype="str", encoding="utf-8-sig")
        column = f"LSOA{year}CD"
        if column in rows:
            return sorted(rows[column].dropna().unique())
    raise SourceError(f"The lookup with the LSOAs of 20{year} was not fetched, which this needs.")


def _queries(one: Address, borough: str, out: Path) -> Iterator[str]:
    """The query of one data set, once for every hundred codes where it lists codes."""
    listed = re.search(r"\{codes(\d\d)\}", one.query)
    if not listed:
        yield one.query.replace("{borough}", borough)
        return
    codes = [f"{code}" if one.kind == "nomis" else f"'{code}'" for code in _codes(out, listed[1])]
    for at in range(0, len(codes), CODES_AT_ONCE):
        yield one.query.replace(listed[0], ",".join(codes[at : at + CODES_AT_ONCE]))


def _pages(one: Address, borough: str, out: Path, client: Client) -> str:
    """All records of a layer, page by page."""
    features: list[dict[str, Any]] = []
    form = "geojson" if one.kind == "geojson" else "json"
    expected = 0
    for where in _queries(one, borough, out):
        counted = {"where": where, "returnCountOnly": "true", "f": "json"}
        count = int(client.json("POST", one.url, one.title, data=counted).get("count", 0))
        expected += count
        offset = 0
        while offset < count:
            asked = {"where": where, "outFields": "*", "f": form, "resultOffset": offset}
            asked |= {"resultRecordCount": PAGE, "returnGeometry": str(form == "geojson").lower()}
            some = client.json("POST", one.url, one.title, data=asked).get("features")
            if not some:
                break
            features += some
            offset += len(some)
    if not features:
        raise SourceError(f"{one.title}: the publisher has no record of {borough}. Check the code.")
    if len(features) != expected:
        raise SourceError(
            f"{one.title}: {len(features):,} records came and the publisher has {expected:,}. "
            f"{AGAIN_LATER}"
        )
    if form == "geojson":
        return json.dumps({"type": "FeatureCollection", "features": features})
    return pd.DataFrame([feature["attributes"] for feature in features]).to_csv(index=False)


def _nomis(one: Address, borough: str, out: Path, client: Client) -> str:
    """All rows of a Nomis query: an answer of the most rows allowed is followed by the next."""
    header, lines = "", []
    for query in _queries(one, borough, out):
        some, offset = None, 0
        while some is None or len(some) >= CELLS:
            asked = dict(parse_qsl(query)) | {"RecordLimit": CELLS, "RecordOffset": offset}
            text = client.ask("GET", one.url, one.title, params=asked).text
            _refuse_web_page(one, text.encode())
            head, *some = text.splitlines() or [""]
            if header and head != header:
                raise SourceError(f"{one.title}: the answers have different columns.")
            header = head
            lines += some
            offset += len(some)
    return "\n".join([header, *lines, ""])


def _police(one: Address, borough: str, out: Path, client: Client) -> str:
    """Crimes of the last months inside the borough's outline, as a table of points."""
    import geopandas

    shapes = sorted((out / "boundaries").glob("lsoa*.geojson"))
    if not shapes:
        raise SourceError(f"{one.title} needs the borough's boundaries, which were not fetched.")
    outline = geopandas.read_file(shapes[0]).union_all().convex_hull
    dates = client.json("GET", one.url.rsplit("/", 2)[0] + "/crimes-street-dates", one.title)
    months = sorted((row["date"] for row in dates), reverse=True)[:MONTHS]
    found: dict[Any, dict[str, Any]] = {}
    for month in months:
        for crime in _crimes(one, client, outline, month, SPLITS):
            found[crime.get("id") or json.dumps(crime, sort_keys=True)] = crime
    rows = [
        {
            "Crime ID": crime.get("persistent_id", ""), "Month": crime["month"],
            "Crime type": crime["category"].replace("-", " ").capitalize(),
            "Longitude": crime["location"]["longitude"], "Latitude": crime["location"]["latitude"],
        }
        for crime in found.values() if crime.get("location")
    ]  # fmt: skip
    return pd.DataFrame(rows).to_csv(index=False)


def _crimes(
    one: Address, client: Client, outline: Any, month: str, splits: int
) -> list[Mapping[str, Any]]:
    """Crimes of one month inside an outline; one with too many for an answer is cut in four."""
    from shapely.geometry import box

    edge = ":".join(f"{y:.5f},{x:.5f}" for x, y in outline.exterior.coords)
    try:
        return client.json("POST", one.url, one.title, data={"poly": edge, "date": month})
    except SourceError as error:
        if "answered 503" not in str(error) or not splits:
            raise
    west, south, east, north = outline.bounds
    x, y = (west + east) / 2, (south + north) / 2
    corners = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
    parts = [outline.intersection(box(*corner)) for corner in corners]
    return [
        crime
        for part in parts
        if part.geom_type == "Polygon" and not part.is_empty
        for crime in _crimes(one, client, part, month, splits - 1)
    ]


MAKERS = {"arcgis": _pages, "geojson": _pages, "nomis": _nomis, "police": _police}


def _refuse_web_page(one: Address, head: bytes) -> None:
    if HTML.match(head):
        raise SourceError(
            f"{one.title}: a web page came in place of the data. The address may have moved: "
            "correct it in a copy of the table of addresses."
        )


def _refuse_other(one: Address, path: Path) -> None:
    """Stop at a file that is a web page, damaged, or has other columns than expected."""
    with path.open("rb") as file:
        head = file.read(PIECE)
    _refuse_web_page(one, head)
    packed = {".zip": b"PK\x03\x04", ".xlsx": b"PK\x03\x04"}.get(Path(one.file).suffix)
    if not head or (packed and not head.startswith(packed)):
        raise SourceError(f"{one.title}: what came is not a {Path(one.file).suffix} file.")
    text = head.decode("utf-8", errors="replace")
    missing = [word for word in one.expects.split(";") if word and word.strip() not in text]
    if missing and not packed:
        raise SourceError(
            f"{one.title}: the columns have changed: there is no {', '.join(missing)}. Look at the "
            "publisher's page, and correct the table of addresses."
        )
