"""The page that leads to all reports of a folder: searchable, sortable, and readable without."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lsp_analysis import durable
from lsp_analysis.errors import LspError, UnfinishedError
from lsp_analysis.reports.job.manifest import FAILED, MADE, Manifest, ReportRecord, read_manifest
from lsp_analysis.resources import resource
from lsp_analysis.study.store import Study

if TYPE_CHECKING:
    import shapely

INDEX = "index.html"
MAP_SIDE = 360  # units of the map's longer side
MOST_MEMBERS = 12  # small areas of an area that the map still marks: wards, not the borough
MOST_SHAPES = 2_000  # small areas above which a map this small shows nothing


@dataclass(frozen=True)
class Outline:
    """Boundaries of small areas as SVG paths, drawn small."""

    width: int
    height: int
    paths: dict[str, str]  # by code


def borough_outline(study: Study) -> Outline | None:
    """Boundaries of the small areas of `study` for a small map; None when it has none or too many.

    A study whose boundaries cannot be read still gets its index, without a map.
    """
    if not study.has("geometry"):
        return None
    small = study.small_areas()["area_code"]
    if not 1 <= len(small) <= MOST_SHAPES:
        return None
    try:
        shapes = study.geometry(set(small))
    except LspError:
        return None
    shapes = shapes[shapes.geometry.notna() & ~shapes.geometry.is_empty]
    if shapes.empty:
        return None
    left, bottom, right, top = shapes.total_bounds
    scale = MAP_SIDE / max(right - left, top - bottom)
    simple = shapes.geometry.simplify(0.5 / scale)
    paths = {
        code: _path(shape, left, top, scale)
        for code, shape in zip(shapes["area_code"], simple, strict=True)
    }
    return Outline(round((right - left) * scale), round((top - bottom) * scale), paths)


def _path(shape: shapely.Geometry, left: float, top: float, scale: float) -> str:
    rings = [
        [f"{(x - left) * scale:.1f} {(top - y) * scale:.1f}" for x, y in polygon.exterior.coords]
        for polygon in getattr(shape, "geoms", [shape])
        if polygon.geom_type == "Polygon" and not polygon.is_empty
    ]
    return "".join(f"M{'L'.join(ring[:-1])}Z" for ring in rings)


def write_index(out: Path, study: Study, outline: Outline | None) -> Manifest:
    """Write the index of all reports in `out`, in one step; what is on record there.

    Pages that are not on record are listed too, and reports whose page is gone as failures.

    Raises
    ------
    UnfinishedError
        It cannot be written; an earlier index stays as it was.
    """
    try:
        with durable.locked(out, INDEX, error=UnfinishedError):
            # From reading on, or a run that reads early writes last.
            found = read_manifest(out, mend=True)
            gone = {name: found.records[name] for name in found.gone}
            records = [*(found.records | {n: _gone(r) for n, r in gone.items()}).values()]
            records += [_unrecorded(out, name) for name in found.unrecorded]
            page = render_index(sorted(records, key=_place), study, outline)
            durable.replace_file(out / INDEX, page.encode())
    except OSError as error:
        raise UnfinishedError(
            f"The index of reports could not be written to {out} ({error.strerror or error})."
        ) from error
    return found


def _place(record: ReportRecord) -> tuple[str, str]:
    return record.area_name.casefold(), record.name


def _gone(record: ReportRecord) -> ReportRecord:
    return replace(record, status=FAILED, reason="Its page is no longer in the folder.")


def _unrecorded(out: Path, name: str) -> ReportRecord:
    files = {f"{name}/{name}.html": ""}
    said = "This page is in the folder and not on record."
    return ReportRecord(out, name, MADE, "", name, "", "", headline=said, files=files)


def render_index(records: Sequence[ReportRecord], study: Study, outline: Outline | None) -> str:
    """The index page of `records`."""
    from jinja2 import Environment, FileSystemLoader

    shown = resource("reports/template")
    style = "".join((shown / name).read_text("utf-8") for name in _STYLES)
    script = (shown / "index/index.js").read_text("utf-8")
    environment = Environment(
        loader=FileSystemLoader(shown / "index"), autoescape=True, keep_trailing_newline=True
    )
    return environment.get_template("index.html.j2").render(
        study=study,
        made=[_entry(record) for record in records if not record.failed],
        failed=[_entry(record) for record in records if record.failed],
        map=_map(records, outline),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
    )


_STYLES = ("lsp-page/page.css", "index/index.css")


def _entry(record: ReportRecord) -> dict[str, Any]:
    links = {"page": record.page, "pdf": record.pdf, "notebook": record.notebook}
    page = record.out / record.name / f"{record.name}.html"
    if record.failed and page.is_file():
        links["earlier"] = page
    return {
        "name": record.area_name,
        "kind": record.area_kind,
        "code": record.area_code,
        "template": record.template,
        "headline": record.headline,
        "reason": record.reason,
        "links": {
            kind: quote(path.relative_to(record.out).as_posix())
            for kind, path in links.items()
            if path
        },
    }


def _map(records: Sequence[ReportRecord], outline: Outline | None) -> dict[str, Any]:
    """The map's areas with what became of their reports."""
    if outline is None:
        return {}
    became = {
        code: "failed" if record.failed else "made"
        for record in records
        for code in record.members[:MOST_MEMBERS]
    }
    areas = [(path, became.get(code, "none")) for code, path in outline.paths.items()]
    shown = {kind for _, kind in areas}
    if not shown - {"none"}:
        return {}
    return {"width": outline.width, "height": outline.height, "areas": areas, "kinds": shown}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
