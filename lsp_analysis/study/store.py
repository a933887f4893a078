"""Open a study, and ask it for its areas, indicators, panels and questions."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import (
    AreaError,
    LevelError,
    PanelError,
    StudyError,
    UnknownNameError,
    check_one_of,
    did_you_mean,
)
from lsp_analysis.resources import study_path
from lsp_analysis.study import areas as area_rules
from lsp_analysis.study import notebook, schema
from lsp_analysis.study.add.vintages import deprivation_in
from lsp_analysis.study.areas import Area, Gazetteer, closed_name
from lsp_analysis.study.asking.around import boroughs_around
from lsp_analysis.study.descriptor import read_descriptor, version_of
from lsp_analysis.study.folder import Folder, mended, note_read
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.panel import tidy_panel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.axes import Axes

    from lsp_analysis.figures.tables import Table
    from lsp_analysis.study.question import Question
    from lsp_analysis.wording import Sentence

T = TypeVar("T")
MOST_PARTS = 8  # studies of some boroughs that `keep_open` keeps, the last ones


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
    if folder in _KEPT:
        return _KEPT[folder]
    version = version_of(folder)
    return Study(folder, read_descriptor(folder), version)


def keep_open(study: Study) -> None:
    """Let `open_study` give `study` for its folder from now on, in this process and its forks.

    Of a study of some boroughs (`Study.around`) the larger one that is kept so takes note.
    For processes that do nothing but make pages of one study as it is now; see `kept.KeptStudy`.
    """
    if study.boroughs and study.path in _KEPT:
        study._whole = whole = _KEPT[study.path]
        parts = {key: part for key, part in whole._parts.items() if key != study.boroughs}
        whole._parts = dict([*parts.items()][1 - MOST_PARTS :]) | {study.boroughs: study}
    else:
        _KEPT[study.path] = study
    for file, digest in study.digests.items():
        note_read(file, digest)


def kept_open(path: str | Path) -> Study | None:
    """The study that `keep_open` was given for the folder `path`."""
    return _KEPT.get(Path(path))


_KEPT: dict[Path, Study] = {}


def _called(indicators: pd.DataFrame) -> list[tuple[str, str]]:
    """What each indicator may be called: its id and its name."""
    return list(indicators[["indicator_id", "name"]].fillna("").itertuples(index=False, name=None))


def _no_indicator(wanted: str, indicators: pd.DataFrame) -> str:
    """That there is no such indicator, and what may have been meant."""
    choices = [called for pair in _called(indicators) for called in pair if called]
    nearest = did_you_mean(wanted, choices)
    listed = (
        "" if nearest else f" There are {wording.and_list(indicators['indicator_id'].head(20))}."
    )
    return (
        f'This study has no indicator "{wanted}".{nearest}{listed} '
        "The table `indicators` lists them."
    )


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

    def sentence(self) -> Sentence:
        """How many indicators, areas and years it has, and which tables it lacks."""
        return notebook.study_sentence(self)

    def plot(self) -> Axes:
        """Map of its small areas; StudyError when it has no boundaries."""
        return notebook.study_map(self)

    def shown_table(self) -> Table:
        """Its indicators with their units and dates."""
        return notebook.study_table(self)

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
        key = boroughs_around(whole, place, fewest, before)
        if key in ((), self.boroughs):
            return whole if not key else self
        if key not in whole._parts:
            whole._parts[key] = whole._part(key)
        return whole._parts[key]

    def _part(self, boroughs: tuple[str, ...]) -> Study:
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

    @cached_property
    def small_area_type(self) -> str:
        """Type of the areas the panels are of: the descriptor's, or LSOA, or the smallest type."""
        given = self.descriptor.get("lsp:small_area_type")
        kinds = set(self._areas["area_type"].dropna())
        if given or not kinds:
            return str(given or "lsoa")
        order = ["lsoa", *schema.AREA_TYPES, *sorted(kinds)]
        return next(kind for kind in order if kind in kinds)

    @cached_property
    def code_vintage(self) -> int:
        """Vintage of codes the study works in: the descriptor's, or that of most small areas."""
        given = self.descriptor.get("lsp:code_vintage")
        if given:
            if not re.fullmatch("[0-9]{4}", str(given)):
                raise StudyError(
                    f"{self.path / schema.DESCRIPTOR} has {given!r} as lsp:code_vintage. "
                    "Write the year of the code list there, for example 2011."
                )
            return int(given)
        of_type = self._areas["area_type"] == self.small_area_type
        counts = self._areas.loc[of_type, "code_vintage"].value_counts()
        if counts.empty:
            raise StudyError(
                f"The study {self.path} has no areas of type {self.small_area_type}. "
                "Add its small areas to the table `areas`."
            )
        return int(max(counts[counts == counts.max()].index))

    def small_areas(self) -> pd.DataFrame:
        """Rows of `areas` that are small areas of the study's vintage, sorted by code."""
        found = self._areas[
            (self._areas["area_type"] == self.small_area_type)
            & (self._areas["code_vintage"] == self.code_vintage)
        ]
        return found.sort_values("area_code", ignore_index=True)

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
        rows = self._indicators
        wanted = getattr(name, "indicator_id", name)
        if not isinstance(wanted, str):
            raise UnknownNameError(
                f"An indicator is given by its id or its name, and this is "
                f"{wording.a_type(wanted)}. {_no_indicator('', rows).partition('. ')[2]}"
            )
        found = rows[rows["indicator_id"] == wanted]
        if found.empty:
            folded = area_rules.fold_name(wanted)
            found = rows[[folded in map(area_rules.fold_name, pair) for pair in _called(rows)]]
        if len(found) != 1:
            raise UnknownNameError(_no_indicator(wanted, rows))
        row = found.iloc[0].dropna()
        given = {name: row[name] for name in Indicator.__dataclass_fields__ if name in row}
        return Indicator(**{"name": row["indicator_id"], "unit": "", "value_type": ""} | given)

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
        vintage = int(row["code_vintage"])
        name = row["area_name"] if pd.notna(row["area_name"]) else row["area_code"]
        return Area(
            code=row["area_code"],
            name=closed_name(name),
            area_type=row["area_type"],
            code_vintage=vintage,
            borough_code=row["borough_code"] if pd.notna(row["borough_code"]) else row["area_code"],
            members=self._members(row["area_code"], row["area_type"], vintage),
            is_pilot=bool(row["is_pilot"]),
            study=self,
        )

    @cached_property
    def _gazetteer(self) -> Gazetteer:
        return Gazetteer(self._areas, self.read("areas")["area_name"])

    def boroughs_of(self, vintage: int) -> dict[str, str]:
        """The borough of each small area of a vintage, by code."""
        if vintage not in self._makeup:
            self._makeup[vintage] = self._made_of(vintage)
        return self._makeup[vintage][0]

    def _members(self, code: str, area_type: str, vintage: int) -> tuple[str, ...]:
        boroughs, parts = self.boroughs_of(vintage), self._makeup[vintage][1]
        if area_type == "borough":
            return tuple(code_ for code_, borough in boroughs.items() if borough == code)
        return area_rules.small_members(code, parts, boroughs)

    def _made_of(self, vintage: int) -> tuple[dict[str, str], dict[str, list[str]]]:
        """The borough of each small area of a vintage, by code, and the parts of every whole."""
        small = self._areas[
            (self._areas["area_type"] == self.small_area_type)
            & (self._areas["code_vintage"] == vintage)
        ].sort_values("area_code")
        boroughs = dict(zip(small["area_code"], small["borough_code"], strict=True))
        if not self.has("area_members"):
            return boroughs, {}
        members = self.read("area_members", where={"code_vintage": vintage})
        return boroughs, area_rules.parts_of_wholes(members)

    def rest_of_borough(self, area: Area) -> list[str]:
        """Codes of the borough's other small areas, the comparator of every gap."""
        return area_rules.rest_of_borough(self.small_areas(), area)

    def similarly_deprived(self, area: Area, *, before: object, n: int = 10) -> list[str]:
        """Codes of the `n` other small areas of the borough nearest in deprivation.

        Matched on the last edition of the Indices older than `before` (a Period, date or year),
        in the codes of the area's vintage where the study can translate.
        """
        edition, rows = self.indices_before(before, area.code_vintage)
        borough = {*self.rest_of_borough(area), *area.members}
        return area_rules.similarly_deprived(
            rows[rows["area_code"].isin(borough)], area, edition=edition, n=n
        )

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
        `vintages.deprivation_in`.
        """
        rows = self.read("deprivation", where={} if edition is None else {"edition": edition})
        if code_vintage is None:
            return rows
        return deprivation_in(rows, code_vintage, self.read("code_lookup"))

    def panel(
        self, indicator_id: str, *, freq: str | None = None, level: str | None = None
    ) -> pd.DataFrame:
        """Areas of one type by period; see `panel.tidy_panel` for its columns.

        `level` is an area type such as ``msoa`` or ``ward``; by default the small areas.
        """
        indicator = self.indicator(indicator_id)
        rows = self.read("observations", where={"indicator_id": indicator.indicator_id})
        kind = level or self.small_area_type
        wanted = set(self._areas.loc[self._areas["area_type"] == kind, "area_code"])
        own = rows[rows["area_code"].isin(wanted)]
        if own.empty and len(rows):
            others = self._areas["area_code"].isin(rows["area_code"])
            found = pd.unique(self._areas.loc[others, "area_type"])
            error = LevelError(
                f"{indicator.name} is given by {' and '.join(map(str, found))} only, not by {kind}."
            )
            error.levels = tuple(map(str, found))
            raise error
        return tidy_panel(own, indicator, freq=freq)

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
        known = set(self.indicators()["indicator_id"])
        programmes = self.read("interventions") if self.has("interventions") else pd.DataFrame()
        recorded = programmes.get("primary_outcome", pd.Series(dtype=object))
        named = [name for name in recorded if name in known]
        if not named:
            rows = self.read("observations", ["indicator_id", "area_code"])
            small = area_rules.is_among(rows["area_code"], self.small_areas()["area_code"].tolist())
            named = [*rows.loc[small, "indicator_id"].head(1)]
        return str([*named, *self.indicators()["indicator_id"]][0])

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
        return self.once("surroundings", self._look_around)

    def _look_around(self) -> dict[str, Any]:
        known: dict[str, Any] = {}
        if self.has(schema.GEOMETRY):
            known["neighbours"] = self.neighbours()
            known["geometry"] = self.geometry(self.small_areas()["area_code"])
        tables = {name: self.read(name) for name in ("interventions", "events") if self.has(name)}
        codes = {code for table in tables.values() for code in table["area_code"].dropna()}
        return known | tables | {"members": {code: self.area(code).members for code in codes}}

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
