"""Open a study, and ask it for its areas, indicators, panels and questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import AreaError, LevelError, PanelError, StudyError, check_one_of
from lsp_analysis.resources import study_path
from lsp_analysis.showing import Absent
from lsp_analysis.study import areas as area_rules
from lsp_analysis.study import notebook
from lsp_analysis.study.add.places import deprivation_in
from lsp_analysis.study.areas import Area, Gazetteer, closed_name
from lsp_analysis.study.folder import Folder, mended, read_descriptor, version_of
from lsp_analysis.study.indicator import Indicator, find_indicator, tidy_panel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from lsp_analysis.study.question import Question

T = TypeVar("T")


def open_study(path: str | Path | Study) -> Study:
    """Open a study; only its ``datapackage.json`` is read.

    Parameters
    ----------
    path : folder of the study, or the name of one that ships with the package (``bolton_demo``);
        a study that is open already is given back.

    Raises
    ------
    StudyError
        There is no such folder, or it is no study, or its descriptor is damaged.
    ParameterError
        Papermill gave the notebook that asks a parameter that it does not have.
    """
    if isinstance(path, Study):
        return path
    if not isinstance(path, str | os.PathLike):
        raise StudyError(
            f"A study is opened by its folder or its name, and this is {wording.a_type(path)}. "
            'Write open_study("bolton_demo"), or the path of a folder.'
        )
    notebook.refuse_unknown_parameters()
    folder = mended(study_path(path))
    version = version_of(folder)
    return KEPT.get(folder) or Study(folder, read_descriptor(folder), version)


KEPT: dict[Path, Study] = {}  # studies that `open_study` gives for their folders


class Study(Folder):
    """One study folder. Frames it returns are the caller's own to change.

    In a notebook it shows what it holds: indicators, dates, areas, and which tables it lacks.
    """

    def __init__(
        self, path: Path, descriptor: Mapping[str, Any], version: tuple[int, ...] = ()
    ) -> None:
        """Use `open_study`, which reads the descriptor."""
        super().__init__(path, descriptor, version)
        self._parts: dict[tuple[str, ...], Study] = {}  # by their boroughs
        self._whole: Study | None = None
        self._makeup: dict[int, tuple[dict[str, str], dict[str, list[str]]]] = {}  # by vintage

    sentence = notebook.study_sentence
    plot = notebook.study_map
    shown_table = notebook.study_table

    def around(self, place: str | Area, fewest: int = 0, before: object = None) -> Study:
        """The boroughs that `place` lies in as a study of their own, which reads nothing else.

        So the same is said of a place whatever its study holds beside its borough.

        Parameters
        ----------
        place : name, code or Area
        fewest : small areas beside those of `place`
            Where its boroughs have less, the boroughs nearest to them in deprivation are taken in
            too until there are so many, those of their region where `area_members` tells it.
        before : Period, date or year
            Deprivation is that of the last edition of the Indices before it.
        """
        whole = self if not self.boroughs else self._whole or open_study(self.path)
        key = area_rules.boroughs_around(whole, place, fewest, before)
        if key in ((), self.boroughs):
            return whole if not key else self
        if key not in whole._parts:
            whole._parts[key] = whole._part(key)
        return whole._parts[key]

    def _part(self, boroughs: tuple[str, ...]) -> Study:
        """A study of some of its boroughs; one that remembers gives one that remembers."""
        part = Study(self.path, self.descriptor, self.version)
        part.boroughs, part._whole = boroughs, self
        return part

    def __getstate__(self) -> dict[str, Any]:
        """All but the larger study it is a part of, and its own parts."""
        return self.__dict__ | {"_parts": {}, "_whole": None}

    def areas(self, area_type: str | None = None) -> pd.DataFrame:
        """The table `areas`, or its rows of one type, in every code vintage."""
        if area_type is None:
            return self._areas.copy()
        kinds = self._areas["area_type"]
        check_one_of(area_type, sorted(kinds.dropna().unique()), "type of area")
        return self._areas[kinds == area_type].reset_index(drop=True)

    @cached_property
    def _areas(self) -> pd.DataFrame:
        return area_rules.told_apart(self.read("areas"))

    def small_areas(self) -> pd.DataFrame:
        """Rows of `areas` that are small areas of the study's vintage, sorted by code."""
        return self._small(self.code_vintage).reset_index(drop=True)

    def _small(self, vintage: int) -> pd.DataFrame:
        areas = self._areas[self._areas["code_vintage"] == vintage]
        return areas[areas["area_type"] == self.small_area_type].sort_values("area_code")

    def indicators(self) -> pd.DataFrame:
        """The table `indicators`."""
        return self._indicators.copy()

    @cached_property
    def _indicators(self) -> pd.DataFrame:
        return self.read("indicators")

    def indicator(self, name: str | Indicator) -> Indicator:
        """One indicator, by its indicator_id or its name for people, in any case.

        UnknownNameError, a StudyError, with the nearest names when there is no such one.
        """
        return find_indicator(self._indicators, name)

    def area(self, name_or_code: str | Area) -> Area:
        """The area of that code or name, or the area itself.

        Where several have the name, a neighbourhood comes before an MSOA, a ward and an LSOA.

        Raises
        ------
        AreaError
            No area, or more than one, has that name; the message has the nearest names.
        """
        if isinstance(name_or_code, Area) and name_or_code.study in (self, None):
            return name_or_code
        name_or_code = getattr(name_or_code, "code", name_or_code)
        if not isinstance(name_or_code, str):
            raise AreaError(
                f"An area is given by its name or code, and this is "
                f"{wording.a_type(name_or_code)}. Write one name or code as text, such as "
                '"E01004802"; several areas treated at once are given to Question.from_frame.'
            )
        row = self._gazetteer.find(name_or_code, code_vintage=self.code_vintage)
        code, kind, vintage = row["area_code"], row["area_type"], int(row["code_vintage"])
        boroughs, parts = self._made_of(vintage)
        members = area_rules.small_members(code, parts, boroughs)
        if kind == "borough":
            members = tuple(one for one, borough in boroughs.items() if borough == code)
        own = [row["area_name"], row["borough_code"]]
        name, borough = (code if pd.isna(given) else given for given in own)
        pilot = bool(row["is_pilot"])
        return Area(code, closed_name(name), kind, vintage, borough, members, pilot, study=self)

    @cached_property
    def _gazetteer(self) -> Gazetteer:
        return Gazetteer(self._areas, self.read("areas")["area_name"])

    def boroughs_of(self, vintage: int) -> dict[str, str]:
        """The borough of each small area of a vintage, by code."""
        return self._made_of(vintage)[0]

    def _made_of(self, vintage: int) -> tuple[dict[str, str], dict[str, list[str]]]:
        """The borough of each small area of a vintage, by code, and the parts of every whole."""
        if vintage not in self._makeup:
            small, parts = self._small(vintage), {}
            boroughs = dict(zip(small["area_code"], small["borough_code"], strict=True))
            if self.has("area_members"):
                members = self.read("area_members", where={"code_vintage": vintage})
                parts = area_rules.parts_of_wholes(members)
            self._makeup[vintage] = boroughs, parts
        return self._makeup[vintage]

    def rest_of_borough(self, area: Area) -> list[str]:
        """Codes of the borough's other small areas, the comparator of every gap."""
        return area_rules.rest_of_borough(self.small_areas(), area)

    def similarly_deprived(self, area: Area, *, before: object, n: int = 10) -> list[str]:
        """Codes of the `n` other small areas of the borough nearest in deprivation.

        Matched on the last edition of the Indices older than `before` (a Period, date or year),
        in the codes of the area's vintage where the study can translate.
        """
        edition, rows = self.indices_before(before, area.code_vintage)
        rows = rows[rows["area_code"].isin([*self.rest_of_borough(area), *area.members])]
        return area_rules.similarly_deprived(rows, area, edition=edition, n=n)

    def indices_before(self, before: object, vintage: int) -> tuple[int, pd.DataFrame]:
        """The last edition of the Indices older than `before` (a Period, date or year), its rows.

        In the codes of `vintage` where the study can translate. StudyError without the table,
        AreaError without an edition old enough.
        """
        editions = self.read("deprivation", columns=["edition"])["edition"].dropna().unique()
        edition = area_rules.last_edition_before(editions, before)
        vintage = vintage if self.has("code_lookup") else None
        return edition, self.deprivation(edition, code_vintage=vintage)

    def deprivation(
        self, edition: int | None = None, *, code_vintage: int | None = None
    ) -> pd.DataFrame:
        """The table `deprivation`, or one edition of it.

        In the codes it was published in, or, with `code_lookup`, in those of `code_vintage`; see
        `places.deprivation_in`.
        """
        rows = self.read("deprivation", where={} if edition is None else {"edition": edition})
        if code_vintage is None:
            return rows
        return deprivation_in(rows, code_vintage, self.read("code_lookup"))

    def panel(self, indicator_id: str, *, level: str | None = None) -> pd.DataFrame:
        """Areas of one type by period; see `indicator.tidy_panel` for its columns.

        `level` is an area type such as ``msoa`` or ``ward``; by default the small areas.
        """
        indicator = self.indicator(indicator_id)
        rows = self.read("observations", where={"indicator_id": indicator.indicator_id})
        kind = level or self.small_area_type
        wanted = set(self._areas.loc[self._areas["area_type"] == kind, "area_code"])
        own = rows[rows["area_code"].isin(wanted)]
        if own.empty and len(rows):
            others = self._areas["area_code"].isin(rows["area_code"])
            found = tuple(map(str, pd.unique(self._areas.loc[others, "area_type"])))
            error = LevelError(
                f"{indicator.name} is given by {' and '.join(found)} only, not by {kind}."
            )
            error.levels = found
            raise error
        return tidy_panel(own, indicator)

    def main_area(self, wanted: str = "") -> Area:
        """The area `wanted`; where none is, the pilot's, or the first neighbourhood or other area.

        Raises
        ------
        AreaError
            The study has no area of that name or code.
        """
        if wanted:
            return self.area(wanted)
        areas = self.areas()
        pilot = areas["is_pilot"].fillna(False).astype(bool)
        kinds = ("neighbourhood", "msoa", "ward", self.small_area_type)
        wide = areas["area_type"].map({kind: at for at, kind in enumerate(kinds)})
        order = pd.DataFrame({"pilot": ~pilot, "wide": wide.fillna(len(kinds))})
        first = order.sort_values(["pilot", "wide"], kind="stable").index[0]
        return self.area(areas.loc[first, "area_code"])

    def main_outcome(self, wanted: str = "") -> str:
        """The indicator_id of `wanted`; where none is, of the outcome recorded for a programme.

        Where none is recorded, of the first indicator that has values for small areas.
        """
        if wanted:
            return self.indicator(wanted).indicator_id
        known = list(self.indicators()["indicator_id"])
        programmes = self.read("interventions") if self.has("interventions") else pd.DataFrame()
        named = [name for name in programmes.get("primary_outcome", ()) if name in known]
        if not named:
            rows = self.read("observations", ["indicator_id", "area_code"])
            small = area_rules.is_among(rows["area_code"], self.small_areas()["area_code"].tolist())
            named = [*rows.loc[small, "indicator_id"].head(1)]
        return str([*named, *known][0])

    def question(
        self,
        indicator_id: str,
        place: str | Area,
        start: object,
        level: float = 0.95,
        *,
        needed: bool = True,
    ) -> Question | Absent:
        """The question what a programme in `place` did to one indicator, for every estimator.

        Parameters
        ----------
        indicator_id : str
        place : str or Area
            Name or code of an area; its small areas are the treated ones.
        start : Period, date, year or text such as 2008-04
            When the programme began. A period of the data that began before and ended after is
            left out; where the data begin too late, a placebo date takes its place and `cautions`
            says so.
        level : float
            Coverage of intervals.
        needed : bool
            False returns an `Absent` with the reason where the data cannot answer, and makes the
            estimators do so as well, so that a notebook reads on in any study.

        Raises
        ------
        StudyError, AreaError, PanelError
            The study has no such indicator or area, or its data end before the start.
        """
        from lsp_analysis.study.asking.from_study import of_study

        try:
            found = of_study(self, indicator_id, place, start, level)
        except PanelError as error:
            if needed:
                raise
            return Absent(str(error))
        found.context["needed"] = needed
        return found

    @cached_property
    def surroundings(self) -> dict[str, Any]:
        """What questions share: neighbours, geometry, interventions, events, and the small areas
        (members) of the areas those two name; each only where the study has it."""
        from lsp_analysis.study.asking.from_study import look_around

        return self.once("surroundings", lambda: look_around(self))

    def geometry(self, codes: Collection[str] | None = None) -> GeoDataFrame:
        """Boundaries in metres (EPSG:27700): ``area_code``, ``geometry``; of `codes` if given."""
        shapes = self._shapes
        if codes is not None:
            shapes = shapes[shapes["area_code"].isin(set(codes))]
        return shapes.sort_values("area_code", ignore_index=True)

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What `make` gives for `what`, alike for all areas of this study as it is stored.

        Made each time, save by a study that remembers; see `kept.KeptStudy`.
        """
        return make()

    def neighbours(self) -> pd.DataFrame:
        """Small areas that share a boundary: ``area_code``, ``neighbour_code``, both directions."""
        return area_rules.adjacency(self.geometry(self.small_areas()["area_code"]))
