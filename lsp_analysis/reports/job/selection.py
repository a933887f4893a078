"""Which reports a batch makes: areas, templates and parameters, from a command or a YAML file."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lsp_analysis import untrusted
from lsp_analysis.errors import LspError, ParameterError, did_you_mean
from lsp_analysis.reports.job.request import Job, JobMaker
from lsp_analysis.reports.job.template import DEFAULT, TRUE, load_template
from lsp_analysis.study.store import Study


def _in_decile(study: Study, decile: int) -> list[str]:
    if not 1 <= decile <= 10:
        raise ParameterError(f"A decile is from 1, the most deprived, to 10, not {decile}.")
    small = set(study.small_areas()["area_code"])
    rows = study.deprivation().loc[lambda rows: rows["area_code"].isin(small)]
    newest = rows["edition"] == rows["edition"].max()
    found = sorted(rows.loc[newest & (rows["decile"] == decile), "area_code"])
    if not found:
        raise ParameterError(
            f"No small area of this study is in decile {decile} of the newest edition of the "
            "Indices of Deprivation it has. Choose another, or name areas."
        )
    return found


@dataclass(frozen=True)
class Entry:
    """One entry of a batch: which areas, by which report notebook, with which parameters.

    Parameters
    ----------
    areas : name or code of an area, or several.
    decile : also small areas in this tenth of the newest edition of the Indices; 1 is the most
        deprived.
    every_area : also every small area.
    template : name of a report notebook that ships with the package, or a path ending ``.ipynb``.
    parameters : values for parameters the notebook declares; text is converted to their types.
    formats : ``html``, which is always made, and ``pdf``.
    name : ends the names of the reports, so that two entries may report on one area.
    """

    areas: str | Sequence[str] = ()
    decile: int | None = None
    every_area: bool = False
    template: str | Path = DEFAULT
    parameters: Mapping[str, Any] = field(default_factory=dict)
    formats: Sequence[str] = ("html",)
    name: str = ""
    place: str = field(default="", repr=False)  # in a batch file, for messages

    def areas_in(self, study: Study) -> list[str]:
        """Names and codes of the areas asked for, each once: those named come first.

        Raises
        ------
        ParameterError
            Nothing is asked for, or the decile is not from 1 to 10 or has no small areas.
        """
        chosen = [self.areas] if isinstance(self.areas, str) else list(self.areas)
        if self.decile is not None:
            chosen += _in_decile(study, self.decile)
        if self.every_area:
            chosen += study.small_areas()["area_code"].tolist()
        if not chosen:
            raise ParameterError(
                "No areas are asked for. Name some (--areas), take a tenth (--decile 1) or all "
                "(--all)."
            )
        by_code: dict[str, str] = {}
        for name in chosen:
            by_code.setdefault(study.area(name).code, name)
        return list(by_code.values())


def jobs_of(entries: Sequence[Entry], maker: JobMaker) -> list[Job]:
    """The reports that `entries` ask for; LspError when one cannot be made, or is made twice."""
    jobs = []
    for entry in entries:
        with _said_of(entry.place):
            if not re.fullmatch(r"[a-z0-9-]{0,40}", entry.name):
                raise ParameterError(
                    f"The name {entry.name[:60]!r} goes into file names: use lower-case letters, "
                    "digits and -."
                )
            notebook = load_template(entry.template)
            asked = {"formats": entry.formats, "suffix": entry.name}
            jobs += [
                maker.make(area, notebook, entry.parameters, **asked)
                for area in entry.areas_in(maker.study)
            ]
    repeated = [name for name, times in Counter(job.name for job in jobs).items() if times > 1]
    if repeated:
        raise ParameterError(
            f"Two entries would both write the report {repeated[0]}. Give one of them a name."
        )
    return jobs


@contextmanager
def _said_of(place: str) -> Iterator[None]:
    """Errors begin with the `place` in a file where their cause stands."""
    try:
        yield
    except LspError as error:
        if not place:
            raise
        raise type(error)(f"{place}: {error}") from error


def read_batch_file(path: str | Path, formats: Sequence[str] = ("html",)) -> list[Entry]:
    """The entries of a YAML batch file, each a template with areas and parameters.

    All values are read as text, so ``007`` and ``2008-04`` stay as they are written::

        - template: report_area
          areas: [Hall i' th' Wood]
          decile: 1
          parameters: {start: 2008-04}
        - areas: [E01004802]
          parameters: {start: 2009-04}
          name: later-start

    Parameters
    ----------
    path : the file.
    formats : of all its reports.

    Raises
    ------
    ParameterError
        The file cannot be read, or an entry is not of this form; the message names the entry.
    """
    try:
        contents = untrusted.read_yaml_as_text(Path(path))
    except LspError as error:
        raise ParameterError(f"The batch file cannot be used: {error}") from error
    if not isinstance(contents, list) or not contents:
        raise ParameterError(
            f"The batch file {path} is no list of entries. Begin each with a dash: - areas: [...]"
        )
    entries = []
    for number, content in enumerate(contents, start=1):
        place = f"Entry {number} of {path}"
        with _said_of(place):
            entries.append(replace(_entry(content), formats=formats, place=place))
    return entries


def _entry(content: Any) -> Entry:
    known = untrusted.schema("batch")
    if fault := untrusted.fault_of(content, known):
        strange = [str(key) for key in content if key not in known["properties"]]
        raise ParameterError(
            f"{fault}.{did_you_mean(strange[0], known['properties']) if strange else ''} An entry "
            "says areas, a list such as [E01004802]; decile, from 1 to 10; all, true or false; "
            "template; parameters, as name: value; and a name of lower-case letters and digits."
        )
    return Entry(
        areas=content.get("areas", ()),
        decile=int(content["decile"]) if content.get("decile") else None,
        every_area=content.get("all", "").casefold() in TRUE,
        template=content.get("template") or DEFAULT,
        parameters=content.get("parameters", {}),
        name=content.get("name", ""),
    )


def shard_of(jobs: Sequence[Job], shard: str) -> list[Job]:
    """The part of `jobs` that ``shard`` = ``i/n`` stands for: every n-th, from the i-th on.

    The n parts have no report in common and together are all, in whatever order areas were given.
    """
    if not shard:
        return list(jobs)
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", shard.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ParameterError(f'A shard is i/n with i from 1 to n, such as 2/8, not "{shard[:40]}".')
    ordered = sorted(jobs, key=lambda job: job.name)
    return ordered[int(found[1]) - 1 :: int(found[2])]
