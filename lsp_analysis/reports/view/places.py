"""Names of places as people say them, and small maps of a borough for its pages."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lsp_analysis.errors import ReportError, StudyError
from lsp_analysis.study.areas import Area
from lsp_analysis.study.store import Study

if TYPE_CHECKING:
    import geopandas as gpd

SIDE = 640.0  # units of a map's width
MOST_SHAPES = 2_000  # small areas above which a map as small as this shows nothing
_NUMBERED = re.compile(r".*\d[A-Z]?$")  # "Bolton 010", "Bolton 010A": a code in words
_LETTER = re.compile(r".*\d([A-Z])$")
_METRES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def local_names(study: Study) -> dict[str, str]:
    """Name of every small area as people would say it, by code.

    That of the middle-layer area it lies in, where that has a name of its own, with the letter of
    the small area: "Hall i' th' Wood B" for Bolton 010B. Otherwise its own name.
    """

    def named() -> dict[str, str]:
        small = study.small_areas()
        names = dict(zip(small["area_code"], small["area_name"].astype(str), strict=True))
        for _, parent, inside in _groups(study, "msoa"):
            for code in [] if _NUMBERED.match(parent) else inside:
                if letter := _LETTER.match(names.get(code, "")):
                    names[code] = f"{parent} {letter[1]}"
        return names

    return study.once("local names", named)


def _groups(study: Study, kind: str) -> list[tuple[str, str, list[str]]]:
    """Code, name and small areas of every area of a larger kind, as far as the study knows."""
    if not study.has("area_members"):
        return []
    members = study.read("area_members").groupby("area_code")["member_code"].agg(list)
    areas = study.areas().drop_duplicates("area_code").query("area_type == @kind")
    return [
        (code, str(name), members.get(code, []))
        for code, name in zip(areas["area_code"], areas["area_name"], strict=True)
    ]


def name_of(study: Study, area: Area) -> str:
    """An area's name as people would say it."""
    return local_names(study).get(area.code, area.name)


def parents(study: Study, area: Area) -> list[str]:
    """Names of the wards and middle-layer areas that hold all of an area, the larger kind first."""
    own, found = set(area.members), []
    for kind, said in (("ward", "{} ward"), ("msoa", "{}")):
        for code, name, inside in _groups(study, kind):
            other = code != area.code and name != area.name
            if other and own <= set(inside) and not _NUMBERED.match(name):
                found.append(said.format(name))
    return found


class Outlines:
    """Boundaries of a study's small areas, drawn small, in units of a map `SIDE` wide."""

    def __init__(self, shapes: gpd.GeoDataFrame) -> None:
        """Draw `shapes`, which have a column ``area_code`` and are in metres."""
        left, bottom, right, top = shapes.total_bounds
        self.scale = SIDE / max(right - left, 1e-9)
        self.width, self.height = SIDE, (top - bottom) * self.scale
        self._left, self._top = left, top
        simple = shapes.geometry.simplify(1.2 / self.scale, preserve_topology=True)
        codes = shapes["area_code"]
        self.paths = {c: self._path(s) for c, s in zip(codes, simple, strict=True)}
        points = shapes.geometry.representative_point()
        self.points = {c: self.at(p.x, p.y) for c, p in zip(codes, points, strict=True)}

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place in metres lies on the map."""
        return (x - self._left) * self.scale, (self._top - y) * self.scale

    def _path(self, shape: Any) -> str:
        rings = []
        for polygon in getattr(shape, "geoms", [shape]):
            if polygon.geom_type != "Polygon" or polygon.is_empty:
                continue
            xs, ys = np.asarray(polygon.exterior.coords)[:-1].T
            steps = [f"{a:.1f} {b:.1f}" for a, b in zip(*self.at(xs, ys), strict=True)]
            rings.append(f"M{'L'.join(steps)}Z")
        return "".join(rings)

    def chart(
        self, areas: Sequence[Mapping[str, Any]], label: str, places: Sequence[dict] = ()
    ) -> dict[str, Any]:
        """The map of `areas` (path, class, name, link) with names of `places` and a scale bar."""
        fitting = [m for m in _METRES if m * self.scale <= 0.3 * self.width]
        metres = max(fitting, default=_METRES[0])
        words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
        return {
            "type": "map", "width": self.width, "height": self.height, "areas": areas,
            "places": places, "scale": [metres * self.scale, words], "label": label,
        }  # fmt: skip

    def dark(self, codes: Collection[str], label: str, places: Sequence[dict]) -> dict[str, Any]:
        """The map with the areas of `codes` dark and all others pale."""
        shapes = {"land": "", "here-area": ""}
        for code, path in self.paths.items():
            shapes["here-area" if code in codes else "land"] += path
        areas = [{"path": path, "class": name} for name, path in shapes.items()]
        return self.chart(areas, label, places)


def outlines(study: Study) -> Outlines | None:
    """Outlines of the small areas, or None where there are no boundaries or too many areas."""
    if not study.has("geometry"):
        return None
    small = study.small_areas()["area_code"]
    if not 1 <= len(small) <= MOST_SHAPES:
        return None

    def make() -> Outlines | None:
        try:
            shapes = study.geometry(set(small))
        except StudyError:
            return None
        return None if shapes.empty else Outlines(shapes)

    return study.once("outlines of small areas", make)


def locator(study: Study, area: Area) -> dict[str, Any] | None:
    """Where an area lies in its borough, with a few names for bearings and a scale."""
    drawn = outlines(study)
    own = [code for code in area.members if drawn and code in drawn.paths]
    if drawn is None or not own or len(own) == len(drawn.paths):
        return None
    x, y = np.mean([drawn.points[code] for code in own], axis=0)
    name = name_of(study, area)
    me = {"name": name, "me": True, "x": float(x), "y": float(max(y - 34, 24))}
    side = "north" if y < drawn.height / 2 else "south"
    across = "west" if x < drawn.width / 2 else "east"
    told = f"Map of {borough_name(study)}: {name} lies in its {side}-{across}."
    return drawn.dark(set(own), told, [*_bearings(study, drawn, np.array([x, y])), me])


def _bearings(study: Study, drawn: Outlines, away: np.ndarray, most: int = 4) -> list[dict]:
    """Names of parts of the borough that are far from one another and from the area itself."""
    kinds = (_groups(study, kind) for kind in ("ward", "msoa", "neighbourhood"))
    spots = {
        name: np.mean(points, axis=0)
        for _, name, inside in next(filter(None, kinds), [])
        if not _NUMBERED.match(name)
        and (points := [drawn.points[code] for code in inside if code in drawn.points])
    }
    chosen: list[dict] = []
    taken = [away]
    while spots and len(chosen) < most:
        far = {n: min(np.hypot(*(p - t)) for t in taken) for n, p in spots.items()}
        name = max(far, key=far.__getitem__)
        if far[name] < 90:
            break
        taken.append(spots.pop(name))
        chosen.append({"name": name, "x": float(taken[-1][0]), "y": float(taken[-1][1])})
    return chosen


def borough_name(study: Study) -> str:
    """Name of the study's borough; "the borough" where it has none or several."""
    boroughs = study.areas("borough")["area_name"].unique()
    return str(boroughs[0]) if len(boroughs) == 1 else "the borough"


def refuse_part(study: Study, area: str, template: str) -> None:
    """ReportError where a page on a whole borough is asked for of less; an empty `area` is all."""
    if not area:
        return
    place = study.area(area)
    missing = len(set(study.small_areas()["area_code"]) - set(place.members))
    if missing:
        raise ReportError(
            f"{template} is about the whole borough, and {place.name} leaves out {missing} of its "
            f"small areas. For {place.name} use the template report_area; for this one give "
            f"--area {borough_name(study)}."
        )


def deprivation_places(study: Study, area: Area) -> dict[int, tuple[int, int]]:
    """Place of one small area among the borough's, 1 the most deprived, and of how many, by edition
    of the Indices; none for larger areas."""
    if len(area.members) != 1 or not study.has("deprivation"):
        return {}
    table = study.read("deprivation").dropna(subset="rank")
    table = table[table["area_code"].isin(study.small_areas()["area_code"])]
    found = {}
    for edition, rows in table.groupby("edition"):
        ranks = rows.set_index("area_code")["rank"]
        if (own := ranks.get(area.members[0])) is not None:
            found[int(edition)] = int((ranks < own).sum()) + 1, len(ranks)
    return found


def next_door(study: Study, area: Area) -> list[dict[str, str]]:
    """Small areas that touch an area, each with the address of its page."""
    if not study.has("geometry"):
        return []
    pairs = study.neighbours()
    own = set(area.members)
    around = sorted(set(pairs.loc[pairs["area_code"].isin(own), "neighbour_code"]) - own)
    names = local_names(study)
    return [{"name": names[c], "link": f"../index.html#{c}"} for c in around if c in names]
