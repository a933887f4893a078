"""The page that leads to all reports of a folder: searchable, sortable, whole without script."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lsp_analysis import durable
from lsp_analysis.disclosure.release import FOLDER, audience_of
from lsp_analysis.errors import UnfinishedError
from lsp_analysis.figures.svg import draw
from lsp_analysis.reports.job.manifest import (
    FAILED,
    MADE,
    Manifest,
    ReportRecord,
    read_manifest,
    settled_manifest,
)
from lsp_analysis.reports.view.places import MOST_SHAPES, Outlines, borough_name, outlines
from lsp_analysis.resources import page_template, policy_digest, resource, stylesheet
from lsp_analysis.study.areas import slug
from lsp_analysis.study.store import Study, open_study
from lsp_analysis.wording import capital, counted, number, ordinal

INDEX = "index.html"
AREA_PAGE = "report_area"
KINDS = (
    ("worse", "Worse"),
    ("better", "Better"),
    ("close", "Close to it"),
    ("none", "No clear difference"),
    ("differs", "Higher or lower"),
    ("few", "Too few to say"),
    ("not", "Not comparable"),
)
ORDERS = (
    ("worse down", "Most worse first"),
    ("rank up", "Most deprived first"),
    ("name up", "Name"),
    ("value down", "The measure shown, highest first"),
)
STEPS = 5  # classes of the map
MANY = 5  # measures, on which an area is worse
BOROUGHS = "Areas worse than the rest of their borough on five or more measures"


def write_index(out: Path, study: Study) -> Manifest:
    """Write the index of all reports in `out`, in one step; what is on record there.

    Pages that are not on record are listed too, and reports whose page is gone as failures. More
    than 2,000 reports on areas of several boroughs are listed by borough, on a page for each.

    Raises
    ------
    UnfinishedError
        It cannot be written; an earlier index stays as it was.
    """
    try:
        with durable.locked(out, INDEX, error=UnfinishedError):
            # From reading on, or a run that reads early writes last.
            found = settled_manifest(out)
            files = _index_of(found, out, study)
            for name in sorted(files, key=INDEX.__eq__):  # the page that leads to the others last
                durable.replace_file(out / name, files[name])
            for old in set(out.glob("index-*.html")) - {out / name for name in files}:
                old.unlink()
    except OSError as error:
        raise UnfinishedError(
            f"The index of reports could not be written to {out} ({error.strerror or error})."
        ) from error
    return found


def index_as_made(out: Path) -> dict[str, bytes]:
    """The pages of the index for an audience by their names, as they were made; empty without."""
    if not (out / INDEX).is_file() or not audience_of(out) or not (out / FOLDER).is_dir():
        return {}
    return _index_of(read_manifest(out), out, open_study(out / FOLDER))


def _index_of(found: Manifest, out: Path, study: Study) -> dict[str, bytes]:
    gone = "Its page is no longer in the folder."
    records = [
        replace(record, status=FAILED, reason=gone) if name in found.gone else record
        for name, record in found.records.items()
    ]
    said = "This page is in the folder and not on record."
    for name in found.unrecorded:
        files = {f"{name}/{name}.html": ""}
        records.append(ReportRecord(out, name, MADE, "", name, "", "", headline=said, files=files))
    homes = study.boroughs_of(study.code_vintage) if len(records) > MOST_SHAPES else {}
    if len(set(homes.values())) > 1:
        return _by_borough(records, study, homes)
    return {INDEX: render_index(records, study).encode()}


def _by_borough(
    records: Sequence[ReportRecord], study: Study, homes: Mapping[str, str]
) -> dict[str, bytes]:
    """A page for each borough, and one that leads to them and finds every area."""
    groups: dict[str, list[ReportRecord]] = defaultdict(list)
    for record in records:
        inside = {str(homes.get(code, "")) for code in record.members}
        groups[inside.pop() if len(inside) == 1 and not _is_other(record) else ""].append(record)
    others, files, rows, shapes = groups.pop("", []), {}, [], []
    for borough, own in sorted(groups.items()):
        part = study.around(own[0].members[0])
        name = f"index-{slug(borough)}.html"
        files[name] = render_index(own, part, above=INDEX).encode()
        rows.append(_borough_row(borough, name, part, own))
        if part.has("geometry"):
            drawn = part.geometry([code for code in part.codes if homes.get(code) == borough])
            shapes.append({"area_code": borough, "geometry": drawn.union_all("coverage")})
    files[INDEX] = render_index(others, study, rows=rows, shapes=shapes).encode()
    return files


def _borough_row(
    borough: str, page: str, part: Study, records: Sequence[ReportRecord]
) -> dict[str, Any]:
    """One borough of the list: how its areas stand, and all that they may be looked for by."""
    own = [_row(record) for record in records if not record.failed]
    name, failed = borough_name(part), len(records) - len(own)
    more = f" {capital(counted(failed, 'report'))} could not be made." if failed else ""
    worse = sum(row["counts"]["worse"] >= MANY for row in own)
    return {
        "name": name, "report": page, "code": borough, "members": [borough], "rank": None,
        "about": f"{borough}, {counted(len(own), 'area')}", "themes": [], "spark": {},
        "links": {"page": page},
        "headline": f"{_verdict(own)}{more}".strip(), "pilot": any(row["pilot"] for row in own),
        "search": " ".join([name, *(row["search"] for row in own)]), "areas": own,
        "counts": dict.fromkeys(dict(KINDS), 0) | {"worse": worse},
    }  # fmt: skip


def render_index(
    records: Sequence[ReportRecord],
    study: Study,
    *,
    above: str = "",
    rows: Sequence[dict[str, Any]] = (),
    shapes: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The index page of `records`: one row an area, worst first, with a map where there is one.

    Parameters
    ----------
    above : address of the index that leads to this one.
    rows, shapes : boroughs to list and to draw in place of areas.
    """
    shown = resource("reports/template/index")
    style = "".join(map(stylesheet, ("page.css", "chart.css")))
    style += (shown / "index.css").read_text("utf-8")
    script = (shown / "index.js").read_text("utf-8")
    made = [record for record in records if not record.failed]
    boroughs, of = list(rows), "borough" if rows else "area"
    worst_first = [_row(record) for record in made if not _is_other(record)]
    worst_first.sort(key=lambda row: (-row["counts"]["worse"], row["rank"] or 10**9,
                                      row["name"].casefold(), row["report"]))  # fmt: skip
    rows = boroughs or worst_first
    areas = [area for row in boroughs for area in row["areas"]] or rows
    measure = _one_measure(rows)
    used = {kind for row in rows for kind, n in row["counts"].items() if n and not boroughs}
    title = f"{capital(borough_name(study))} neighbourhoods"
    return page_template("index.html.j2").render(
        draw=draw,
        study=study,
        title=f"{study.title}, by borough" if boroughs else title,
        above=above,
        listed=of,
        restricted=next((r.facts["restricted"] for r in made if r.facts.get("restricted")), ""),
        total=len(made) + sum(len(row["areas"]) for row in boroughs),
        rows=rows,
        counted=bool(used),
        kinds=[pair for pair in KINDS if pair[0] in used],
        verdict=_verdict(areas, "their" if boroughs else "the"),
        themes=_themes(areas),
        theme_names=sorted({theme for row in rows for theme in row["themes"]}),
        orders=ORDERS if used else [(key, word) for key, word in ORDERS if key == "name up"],
        measure=measure,
        elsewhere=[(r, _links(r)) for r in made if boroughs or _is_other(r)],
        failed=[(r, _links(r)) for r in sorted(records, key=_name) if r.failed],
        map=_map(rows, _drawn(shapes) if boroughs else outlines(study), of),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{policy_digest(style)}'; "
        f"script-src '{policy_digest(script)}'; img-src data:; base-uri 'none'; "
        "form-action 'none'",
    )


def _name(record: ReportRecord) -> tuple[str, str]:
    return record.area_name.casefold(), record.name


def _is_other(record: ReportRecord) -> bool:
    """Whether a page, by what it tells the index, is not one of an area."""
    return record.template != AREA_PAGE and bool(record.facts.keys() - {"restricted"})


def _row(record: ReportRecord) -> dict[str, Any]:
    """One area of the list, from what its page said of itself."""
    facts = record.facts
    name, rank, of = (facts.get(key) for key in ("name", "rank", "rank_of"))
    name = name or record.area_name
    more = "" if name == record.area_name else f"{record.area_name}, "
    template = "" if record.template == AREA_PAGE else f" · {record.template}"
    return {
        "name": name,
        "report": record.name,
        "code": record.area_code,
        "members": record.members,
        "about": f"{more}{record.area_code}{template}",
        "headline": record.headline,
        "search": f"{name} {record.area_name} {record.area_code}",
        "counts": {kind: int(facts.get("counts", {}).get(kind, 0)) for kind, _ in KINDS},
        "rank": rank,
        "rank_words": f"{ordinal(rank)} of {number(of)}" if rank and of else "",
        "themes": facts.get("themes", []),
        "pilot": facts.get("pilot", ""),
        "pilot_size": facts.get("pilot_size", 0),
        "spark": facts.get("spark") or {},
        "links": {"page": "", **_links(record)},
    }


def _one_measure(rows: list[dict[str, Any]]) -> str:
    """The measure that most rows show a value of; the values of others are taken out."""
    counts = Counter(name for row in rows if (name := row["spark"].get("name")))
    measure = max(counts, key=counts.__getitem__, default="")
    for row in rows:
        if row["spark"].get("name", "") != measure:
            row["spark"] = {}
    return measure


def _links(record: ReportRecord) -> dict[str, str]:
    links = {"page": record.page, "pdf": record.pdf, "notebook": record.notebook}
    page = record.out / record.name / f"{record.name}.html"
    if record.failed and page.is_file():
        links["earlier"] = page
    return {
        kind: quote(path.relative_to(record.out).as_posix()) for kind, path in links.items() if path
    }


def _verdict(rows: Sequence[Mapping[str, Any]], their: str = "the") -> str:
    """How the areas stand, in a sentence or two, beside the rest of `their` borough."""
    judged = [row["counts"]["worse"] for row in rows if any(row["counts"].values())]
    if not judged:
        return ""
    many, none = sum(n >= MANY for n in judged), judged.count(0)
    are = ["is" if n == 1 else "are" for n in (many, none)]
    return (
        f"{capital(counted(many, 'area'))} of {number(len(judged))} {are[0]} worse than the rest "
        f"of {their} borough on five or more measures. "
        f"{capital(counted(none, 'area'))} {are[1]} worse on none."
    )


def _themes(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    found = Counter(theme for row in rows for theme in row["themes"])
    if not found:
        return None
    bars = [{"name": t, "value": n, "words": number(n)} for t, n in found.most_common()]
    told = "; ".join(f"{bar['name']} {bar['words']}" for bar in bars)
    return {"type": "bars", "rows": bars, "label": f"Areas worse on something, by theme: {told}."}


def _drawn(shapes: Sequence[Mapping[str, Any]]) -> Outlines | None:
    if not shapes:
        return None
    from geopandas import GeoDataFrame

    return Outlines(GeoDataFrame(shapes))


def _map(
    rows: Sequence[Mapping[str, Any]], drawn: Outlines | None, of: str
) -> dict[str, Any] | None:
    """Small areas or boroughs, each a link, darker where more measures, or areas, are worse."""
    by_code = {row["members"][0]: row for row in rows if len(row["members"]) == 1}
    if drawn is None or not by_code:
        return None
    pilots = {code for row in rows if row["pilot"] for code in row["members"]}
    counts = {code: row["counts"]["worse"] for code, row in by_code.items()}
    edges = _edges(list(counts.values()))
    areas = []
    for code, path in sorted(drawn.paths.items(), key=lambda item: item[0] in pilots):
        if code not in by_code:
            areas.append({"path": path, "class": "land"})
            continue
        row, n = by_code[code], counts[code]
        step = next(i for i, (low, high) in enumerate(edges, 1) if low <= n <= high)
        told = counted(n, "area") if of == "borough" else f"worse on {n}"
        areas.append({
            "path": path, "class": f"step{step}" + (" outlined" if code in pilots else ""),
            "name": f"{row['name']}: {told}", "link": row["links"]["page"],
        })  # fmt: skip
    legend = []
    for i, (low, high) in enumerate(edges, 1):
        n = sum(low <= count <= high for count in counts.values())
        name = "none" if high == 0 else str(low) if low == high else f"{low} to {high}"
        legend.append({"class": f"step{i}", "words": f"{name} ({counted(n, of)})"})
    most = max((sum(row["counts"].values()) for row in rows), default=0)
    what, leads = ("small areas", "report") if of == "area" else ("boroughs", "areas")
    label = f"Map of {what}; each is a link to its {leads}, and all are in the list."
    return {
        "title": f"Measures clearly worse than the rest, of {most}" if of == "area" else BOROUGHS,
        "legend": legend,
        "chart": drawn.chart(areas, label),
        "note": f"Each {of} is a link." + (" Outlined: the pilot." if pilots else ""),
    }


def _edges(values: list[int]) -> list[tuple[int, int]]:
    """Classes of whole numbers, none apart and the rest evenly: (0, 0), (1, 2), (3, 4) ..."""
    most = max(values)
    if most == 0:
        return [(0, 0)]
    width = -(-most // (STEPS - 1))
    return [(0, 0), *((low, min(low + width - 1, most)) for low in range(1, most + 1, width))]
