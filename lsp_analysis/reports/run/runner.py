"""Make one report, or hand many to an engine: forks of a warm parent, kernels, a Dask cluster."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsp_analysis.disclosure.profiles import AUDIENCES, INTERNAL, warn_internal
from lsp_analysis.disclosure.release import refuse_other_pages, release_study
from lsp_analysis.durable import as_interrupts
from lsp_analysis.errors import ParameterError, UnfinishedError, check_one_of
from lsp_analysis.reports.fork.forked import can_fork, make_forked
from lsp_analysis.reports.fork.kept import KeptStudy
from lsp_analysis.reports.fork.process import check_address_space
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.manifest import FAILED, ReportRecord, whole
from lsp_analysis.reports.job.request import Job, JobMaker, Limits
from lsp_analysis.reports.job.selection import Entry, jobs_of
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.resources import study_path
from lsp_analysis.study.store import open_study

ENGINES = ("fork", "kernel")
SHOWING = 5.0  # seconds that a shared folder may take to show a file made elsewhere


def run_report(
    study: str | Path,
    entry: Entry,
    *,
    out: str | Path = "reports/rendered",
    limits: Limits | None = None,
    engine: str = "",
    audience: str = "",
) -> ReportRecord:
    """Make the report on one area: an HTML page, the executed notebook, the numbers of each figure.

    Parameters
    ----------
    study : folder of the study, or the name of one that ships with the package.
    entry : the area, the report notebook, its parameters and the formats.
    out : folder in which the report gets a folder of its own, named after the area.
    limits : seconds and megabytes above which the report is stopped.
    engine, audience : see `Workers` and `batch.run_reports`.

    Returns
    -------
    ReportRecord: what was made, and where.

    Raises
    ------
    ParameterError, AreaError, StudyError
        The request cannot be answered; nothing was started.
    ReportError
        The template is missing or damaged, or the folder cannot be written; nothing was started.
    UnfinishedError, a ReportError
        The notebook did not run whole. Nothing half-written is left behind.
    KeyboardInterrupt
        The run was interrupted or asked to end (SIGTERM, SIGHUP). Nothing it started goes on.
    """
    workers = Workers(1, engine)
    if not workers.scheduler:
        check_address_space()
    maker, jobs = prepare(study, [entry], out=out, limits=limits, audience=audience)
    if len(jobs) != 1:
        raise ParameterError(f"The entry asks for {len(jobs)} reports. Make them by run_reports.")
    manifest.make_ready(maker.out, jobs)
    with as_interrupts(), closing(make_reports(jobs, workers)) as results:
        [(job, result)] = results
    if isinstance(result, str):
        raise UnfinishedError(manifest.record_of(job, status=FAILED, reason=result).sentence())
    return result


def prepare(
    study: str | Path,
    entries: Sequence[Entry],
    *,
    out: str | Path,
    limits: Limits | None,
    audience: str,
) -> tuple[JobMaker, list[Job]]:
    """The reports that `entries` ask for, of a study that may be shown to the audience.

    Without an audience it is that which all their templates name. LspError when one of the reports
    cannot be made; what can be checked is checked before a protected copy is written.
    """
    full = open_study(study)
    for entry in entries:
        entry.areas_in(full)
    named = {load_template(entry.template).audience for entry in entries}
    if not audience and len(named) > 1:
        raise ParameterError(
            "The templates of this batch are for different audiences. Say which it is for "
            "(--audience), or make two batches."
        )
    audience = audience or next(iter(named), "")
    shown = study_for(audience, study, out, _common_parameters(entries))
    maker = JobMaker(shown, out=out, limits=limits or Limits())
    return maker, jobs_of(entries, maker)


def _common_parameters(entries: Sequence[Entry]) -> Mapping[str, Any]:
    """The parameters that have one value in all `entries`."""
    first, *others = [entry.parameters for entry in entries]
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def study_for(
    audience: str, study: str | Path, out: str | Path, parameters: Mapping[str, Any] | None
) -> Path:
    """The study folder to make reports from: `study`, or its protected copy in `out`.

    Parameters
    ----------
    audience : ``internal``, ``partners`` or ``public``; ``internal`` when empty.
    study : the study with its full counts.
    out : folder of the reports.
    parameters : those of the reports; effects are estimated on the full counts from their ``start``
        and ``level``.

    Raises
    ------
    ParameterError, StudyError
        There is no such audience or study.
    DisclosureError
        The study may not be shown to the audience, or `out` holds pages for another.
    """
    audience = audience or INTERNAL
    check_one_of(audience, AUDIENCES, "audience")
    path, target = study_path(study), Path(out).absolute()
    full = open_study(path)
    if audience == INTERNAL:
        refuse_other_pages(target, audience)
        warn_internal(full)
        return path
    from lsp_analysis.effects.outcomes.programme_page import effects_to_publish

    given = {name: v for name, v in (parameters or {}).items() if name in ("start", "level")}
    return release_study(
        KeptStudy(full), target, audience, effects=lambda one: effects_to_publish(one, **given)
    )


@dataclass(frozen=True)
class Workers:
    """Who makes the reports of a batch.

    Parameters
    ----------
    number : reports at work at a time; 0 for as many as this process may use processors.
    engine : ``fork`` (forks of a warm process) or ``kernel`` (stock papermill); by default the
        first where the system can.
    scheduler : ``local``, or the address of a Dask scheduler such as ``tcp://host:8786``.
    shard : ``i/n``: only this part of the batch, for arrays of machines that share a folder.

    Raises
    ------
    ParameterError
        There is no such engine, this system cannot fork, or the number of workers is negative.
    """

    number: int = 0
    engine: str = ""
    scheduler: str = ""
    shard: str = ""

    def __post_init__(self) -> None:
        """Check what was asked for, and fill in what was left to this system."""
        if self.engine:
            check_one_of(self.engine, ENGINES, "engine")
        if self.engine == "fork" and not can_fork():
            raise ParameterError("The engine fork needs Linux. Leave it out, or take kernel.")
        if self.number < 0:
            raise ParameterError(f"The number of workers is 1 or more, not {self.number}.")
        object.__setattr__(self, "number", self.number or processors())
        object.__setattr__(self, "engine", self.engine or ("fork" if can_fork() else "kernel"))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_reports(jobs: Sequence[Job], workers: Workers) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs`; each comes with its record, or the reason why there is none.

    Whatever its maker says, a report is made when its files are seen here, whole. Close the
    iterator to stop; every process it started ends with it.
    """
    return _seen(_started(jobs, workers)) if jobs else iter(())


def _started(jobs: Sequence[Job], workers: Workers) -> Iterator[tuple[Job, ReportRecord | str]]:
    if workers.scheduler:
        from lsp_analysis.reports.run.cluster import make_on_cluster

        return make_on_cluster(jobs, workers.scheduler, workers.number)
    if workers.engine == "fork":
        return make_forked(jobs, workers.number)
    from lsp_analysis.reports.run.kernel import make_in_kernels

    return make_in_kernels(jobs, workers.number)


def _seen(results: Iterator[Any]) -> Iterator[tuple[Job, ReportRecord | str]]:
    with closing(results):
        for job, result in results:
            unseen = isinstance(result, ReportRecord) and not _appears(result)
            yield job, f"Its files are not in {job.folder} as they were made." if unseen else result


def _appears(record: ReportRecord) -> bool:
    """Whether a report is there, or comes within the time a shared folder may need to show it."""
    until = time.monotonic() + SHOWING
    while not whole(record):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True
