"""One report to be made: asked for, checked, and described so that any process can make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from lsp_analysis import durable, errors
from lsp_analysis.reports.job import digests
from lsp_analysis.reports.job.template import DEFAULT, Template, check_parameters
from lsp_analysis.study.areas import Area, slug
from lsp_analysis.study.folder import read_descriptor
from lsp_analysis.study.schema import NAME_PRECEDENCE
from lsp_analysis.study.store import Study, open_study

FORMATS = ("html", "pdf")
LARGEST_LIMIT = 1e9
LEAST_MEMORY = 2048.0  # megabytes that a report of any study may hold
GROWTH = 8.0  # megabytes of memory a report may hold for each of its study's files beyond the rest
KINDS = {"lsoa": "LSOA", "msoa": "MSOA", "oa": "Output area"}


@dataclass(frozen=True)
class Limits:
    """What one report may take before it is stopped; ParameterError for what is no limit.

    Without a limit of its memory a report may hold as much as the size of its study asks for.
    """

    seconds: float = 600.0
    megabytes: float | None = None

    def __post_init__(self) -> None:
        """Refuse zero, less, and what is no number."""
        for what, limit in (("seconds", self.seconds), ("megabytes", self.megabytes)):
            if limit is not None and not 0 < limit < LARGEST_LIMIT:
                raise errors.ParameterError(
                    f"The limit in {what} is a number above 0 and below {LARGEST_LIMIT:,.0f}, "
                    f"not {limit:g}."
                )

    def of_study(self, study: Study) -> Limits:
        """These limits, that of the memory following the size of `study` where it is not given."""
        if self.megabytes is not None:
            return self
        size = sum(path.stat().st_size for path in digests.study_files(study) if path.exists())
        return replace(self, megabytes=LEAST_MEMORY + GROWTH * size / 1e6)

    def over_time(self) -> str:
        """Why a report that ran too long was stopped."""
        return f"It was stopped after {self.seconds:g} seconds, its deadline."

    def over_memory(self, held: float) -> str:
        """Why a report that held so many megabytes was stopped."""
        return (
            f"It was stopped when it held {held:,.0f} MB; {self.megabytes:,.0f} MB are its memory "
            "limit (--memory allows more)."
        )


@dataclass(frozen=True)
class Job:
    """A checked request for one report; all of it is plain data."""

    name: str  # of its folder and files
    study: str
    template: str  # path of the notebook
    parameters: dict[str, Any]  # as given, each of its declared type
    out: str
    formats: tuple[str, ...]
    about: dict[str, Any] = field(repr=False)  # what the page says of itself
    expect: dict[str, int] = field(repr=False)
    key: str = ""
    limits: Limits = Limits(megabytes=LEAST_MEMORY)
    log: str = ""  # path, empty for none
    sources: dict[str, list[int]] = field(default_factory=dict, repr=False)  # see `changed`
    files: dict[str, str] = field(default_factory=dict, repr=False)  # SHA-256 of the study's
    made_with: dict[str, str] = field(default_factory=dict, repr=False)  # see `digests`

    @property
    def claim(self) -> dict[str, str]:
        """Which study the report is of: its name, folder and fingerprint."""
        about = self.about["study"]
        return {"name": about["name"], "path": self.study, "digest": about["digest"]}

    @property
    def folder(self) -> Path:
        """The output folder, in which the report has a folder of its own."""
        return Path(self.out)

    @property
    def values(self) -> dict[str, Any]:
        """What papermill injects: the parameters, the study and the area, as data."""
        return {**self.parameters, "study": self.study, "area": self.about["area"]["code"]}


def changed(job: Job, read: Mapping[str, str]) -> str:
    """Whether a report was made of another study or template than `job` asked for, and which.

    `read` has the SHA-256 of the files of studies that its cells read, by path. Cells may have
    read others without the package, so all are looked at again: contents decide; sizes and times
    only whether to look at them, and a copy on another machine may have its own times.
    """
    other = [path for path, digest in read.items() if job.files.get(path, digest) != digest]
    if other:
        return f"The study was changed ({Path(other[0]).name}) before it was read. Make it again."
    if digests.states_of(map(Path, job.sources)) == job.sources:
        return ""
    try:
        study = Study(Path(job.study), read_descriptor(Path(job.study)))
        same_study = digests.study_digests(study) == job.files
        same_template = digests.digest_of_file(job.template) == job.about["template"]["digest"]
    except (errors.LspError, OSError):
        return "The study or the template was removed while the report was being made."
    if same_study and same_template:
        return ""
    what = "template" if same_study else "study"
    return f"The {what} was changed while the report was being made. Make it again."


class JobMaker:
    """Turns areas of one study into jobs, with names that no two areas share."""

    def __init__(self, study: str | Path, *, out: str | Path, limits: Limits = Limits()) -> None:
        """Open and fingerprint the study; StudyError when it cannot be."""
        self.study = open_study(study)
        self.out = durable.settled(out, errors.ReportError)
        if self.out.is_relative_to(self.study.path):
            raise errors.ReportError(
                f"The folder {self.out} lies inside the study {self.study.path}, which is put in "
                "place anew when a table is added. Choose a folder outside it (--out)."
            )
        self.limits = limits.of_study(self.study)
        self._sources = digests.states_of(digests.study_files(self.study))
        self._with: dict[str, dict[str, list[int]]] = {}
        self._files = digests.study_digests(self.study)
        base = self.study.path
        files = {Path(file).relative_to(base).as_posix(): d for file, d in self._files.items()}
        self.digest = digests.digest_of(sorted(files.items()))
        self._owners = _owners(self.study)
        self._small = set(self.study.small_areas()["area_code"])
        if any(self._files[path] != digest for path, digest in self.study.digests.items()):
            raise errors.StudyError(f"The study {self.study.path} was changed just now. Try again.")

    def make(
        self,
        area: str,
        template: Template,
        parameters: Mapping[str, Any] | None = None,
        *,
        formats: Sequence[str] = ("html",),
        suffix: str = "",
    ) -> Job:
        """The job of reporting on `area`; AreaError or ParameterError when it cannot be done."""
        values = check_parameters(parameters or {}, template.parameters, template.name)
        place = self.study.area(area)
        self._check_vintage(place)
        about = self._about(place, template, values)
        made_with = digests.made_with()
        for name in formats:
            errors.check_one_of(name, FORMATS, "format")
        path = str(template.path)
        if path not in self._with:  # one mapping for all jobs of a template
            self._with[path] = self._sources | template.state
        return Job(
            name=self._name(place, template, suffix),
            study=str(self.study.path),
            template=path,
            parameters=values,
            out=str(self.out),
            formats=tuple(dict.fromkeys(["html", *formats])),
            about=about,
            expect=template.expect,
            key=digests.digest_of([about, values, made_with]),
            limits=self.limits,
            sources=self._with[path],
            files=self._files,
            made_with=made_with,
        )

    def _check_vintage(self, area: Area) -> None:
        """Refuse an area that is not made of the study's own small areas: nothing would match."""
        if area.members and self._small.issuperset(area.members):
            return
        became: set[str] = set()
        if self.study.has("code_lookup"):
            rows = self.study.read("code_lookup", where={"from_code": area.code})
            became = self._small & set(rows["to_code"])
        now = f" In those it is {' and '.join(sorted(became))}." if became else ""
        raise errors.AreaError(
            f"{area.name} ({area.code}, codes of {area.code_vintage}) has no small areas among "
            f"those of this study, whose codes are of {self.study.code_vintage}."
            f"{now} Check its code, or its rows in the table area_members."
        )

    def _about(self, area: Area, template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {p.name: p.default for p in template.parameters.values()}
        shown = {**defaults, **values, "area": area.name}
        shown.pop("study")
        told = ("name", "title", "note", "attribution")
        return {
            "area": {
                "name": area.name,
                "code": area.code,
                "kind": KINDS.get(area.area_type, area.area_type.capitalize()),
                "members": list(area.members),
                "vintage": str(area.code_vintage),
            },
            "study": {name: getattr(self.study, name) for name in told} | {"digest": self.digest},
            "template": {name: getattr(template, name) for name in ("name", "digest", "house")},
            "parameters": shown,
            "restricted": self.study.restricted,
        }

    def _name(self, area: Area, template: Template, suffix: str) -> str:
        bare = self._owners.get(area.slug) == area.code
        own = area.slug if bare else f"{area.slug}-{slug(area.code)}"
        kind = "" if template.name == DEFAULT else template.name
        return "--".join(part for part in (own, kind, suffix) if part)


def _owners(study: Study) -> dict[str, str]:
    """Code of the one area that bears each slug bare; others of that slug add their code.

    Areas of different types may share a name; it stays with the type that the name stands for.
    """
    areas = study.areas()
    codes = areas["area_code"]
    order = {kind: place for place, kind in enumerate(NAME_PRECEDENCE)}
    rank = areas["area_type"].map(order).fillna(len(order))
    slugs = list(map(slug, areas["area_name"].fillna(codes), codes))
    claims = pd.DataFrame({"code": codes, "rank": rank, "slug": slugs})
    first = claims[claims["rank"] == claims.groupby("slug")["rank"].transform("min")]
    alone = first.drop_duplicates(["slug", "code"]).drop_duplicates("slug", keep=False)
    return dict(zip(alone["slug"], alone["code"], strict=True))
