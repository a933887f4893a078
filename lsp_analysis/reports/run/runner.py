"""Make reports unattended: choose, skip what is up to date, make, record, and index.

An engine makes them: forks of a warm parent, kernels, or a Dask cluster.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsp_analysis.disclosure.profiles import AUDIENCES, INTERNAL, warn_internal
from lsp_analysis.disclosure.release import refuse_other_pages, release_study
from lsp_analysis.durable import as_interrupts
from lsp_analysis.errors import (
    LspError,
    ParameterError,
    RepairNotice,
    ReportError,
    UnfinishedError,
    check_one_of,
)
from lsp_analysis.reports.fork.forked import can_fork, make_forked
from lsp_analysis.reports.fork.kept import KeptStudy
from lsp_analysis.reports.fork.process import check_address_space
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.manifest import FAILED, KEPT, ReportRecord
from lsp_analysis.reports.job.request import Job, JobMaker, Limits
from lsp_analysis.reports.job.selection import Entry, jobs_of, shard_of
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.page import pdf
from lsp_analysis.reports.page.index import write_index
from lsp_analysis.reports.run.log import add_to_log
from lsp_analysis.resources import study_path
from lsp_analysis.study.store import open_study
from lsp_analysis.wording import counted

ENGINES = ("fork", "kernel")
SHOWING = 5.0  # seconds that a shared folder may take to show a file made elsewhere


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
    engine, audience : see `Workers` and `run_reports`.

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


@dataclass(frozen=True)
class Batch:
    """What one run made, kept and could not make."""

    out: Path
    records: tuple[ReportRecord, ...]
    seconds: float
    remark: str = ""  # what was asked for and this machine cannot do
    unindexed: str = ""  # why the index could not be written
    differences: str = ""  # between what is on record in the folder and what lies there

    @property
    def failed(self) -> list[ReportRecord]:
        """Reports that could not be made."""
        return [record for record in self.records if record.failed]

    @property
    def index(self) -> Path:
        """The page that leads to all reports in the folder."""
        return self.out / "index.html"

    def sentence(self) -> str:
        """How it went, in a few plain sentences."""
        kept, failed = sum(record.status == KEPT for record in self.records), self.failed
        made = counted(len(self.records) - kept - len(failed), "report").capitalize()
        said = f"{made} made in {self.seconds:.0f} seconds"
        said += f", {kept} already up to date" if kept else ""
        said += f", {len(failed)} failed" if failed else ""
        lines = [f"{said}. {self.unindexed or f'Index: {self.index}'}"]
        lines += [f"{record.label}: {record.reason}" for record in failed[:5]]
        lines += [f"and {len(failed) - 5} more"] if len(failed) > 5 else []
        if unkept := [why for record in self.records if (why := record.run.get("unkept"))]:
            lines.append(
                f"{counted(len(unkept), 'report')} read the study anew, as it could not be kept in "
                f"memory: {unkept[0]}"
            )
        return "\n".join([*lines, *filter(None, (self.differences, self.remark))])


def run_reports(
    study: str | Path,
    entries: Sequence[Entry],
    *,
    out: str | Path = "reports/rendered",
    workers: Workers | None = None,
    limits: Limits | None = None,
    audience: str = "",
    resume: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Batch:
    """Make a report for each of many areas, an index of them and a manifest.

    Parameters
    ----------
    study : folder of the study, or the name of one that ships with the package.
    entries : which areas, by which report notebooks, with which parameters: ``[Entry(decile=1)]``,
        or `selection.read_batch_file` of a YAML file.
    out : folder for the reports, ``index.html``, ``manifest.jsonl`` and ``logs``.
    workers : how many reports are made at a time, by which engine, and where.
    limits : seconds and megabytes above which one report is stopped.
    audience : ``internal`` (marked as not for publication), ``partners`` or ``public``: made from a
        copy of the study without small counts, which is kept in the folder ``_release`` of `out`.
        By default ``internal``, or what the templates say they are for.
    resume : leave alone the reports that are up to date by their fingerprints and still whole.
    progress : called with one line after each report.

    Returns
    -------
    Batch: one report's failure never stops the others, so look at ``failed``, and at
    ``unindexed`` in case the disk was full.

    Raises
    ------
    LspError
        The request cannot be answered as it stands; nothing was started.
    KeyboardInterrupt
        The run was interrupted or asked to end (SIGTERM, SIGHUP). What is done stays, indexed.
    """
    workers = workers or Workers()
    if not workers.scheduler:
        check_address_space()
    maker, jobs = prepare(study, entries, out=out, limits=limits, audience=audience)
    jobs = shard_of(jobs, workers.shard)
    manifest.make_ready(maker.out, jobs)
    began = time.monotonic()
    known = manifest.read_records(maker.out) if resume else {}
    up_to_date = [
        job.name
        for job in jobs
        if manifest.is_up_to_date(known.get(job.name), job.key, job.formats)
    ]
    done = [replace(known[name], status=KEPT) for name in up_to_date]
    logs, left_alone = maker.out / "logs", set(up_to_date)
    waiting = [
        replace(job, log=str(logs / f"{job.name}.log"))
        for job in jobs
        if job.name not in left_alone
    ]
    if told := manifest.made_anew(waiting, known):
        warnings.warn(told, RepairNotice, stacklevel=3)
    failed, started = 0, time.monotonic()
    results = make_reports(waiting, workers)
    with as_interrupts():
        try:
            for number, (job, result) in enumerate(results, start=1):
                record = _failure(job, result) if isinstance(result, str) else result
                add_to_log(job.log, record.sentence())
                failed += record.failed
                spent = time.monotonic() - started
                progress(f"{progress_line(number, len(waiting), failed, spent)}: {record.label}")
                done.append(record)
        except BaseException:
            results.close()
            _index(maker)
            raise
        unindexed, differences = _index(maker)
    remark = pdf.missing() if any("pdf" in job.formats for job in jobs) else ""
    seconds = time.monotonic() - began
    return Batch(maker.out, tuple(done), seconds, remark, unindexed, differences)


def _index(maker: JobMaker) -> tuple[str, str]:
    """Write the index, or say why it cannot be; and where record and folder differ."""
    try:
        return "", write_index(maker.out, maker.study).sentence()
    except LspError as error:
        return str(error), ""


def _failure(job: Job, reason: str) -> ReportRecord:
    """The record of a report that failed, in the manifest where that can be written."""
    record = manifest.record_of(job, status=FAILED, reason=reason)
    try:
        manifest.append_record(record, job.claim)
    except (OSError, ReportError) as error:
        why = getattr(error, "strerror", None) or error
        return replace(record, reason=f"{reason} Nor could the manifest be written ({why}).")
    return record


def progress_line(done: int, total: int, failed: int, spent: float) -> str:
    """How things stand after `spent` seconds; the time left is told no more exactly than known."""
    said = f"{done} of {total}" + (f", {failed} failed" if failed else "")
    if done == total:
        return said
    seconds = spent / done * (total - done)
    if seconds < 90:
        left = "less than a minute" if seconds < 45 else "a minute"
    elif seconds < 5400:
        left = counted(round(seconds / 60), "minute")
    else:
        left = counted(round(seconds / 3600), "hour")
    return f"{said}, {left} left"


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
    first, *others = [entry.parameters for entry in entries] or [{}]
    common = {n: v for n, v in first.items() if all(n in one and one[n] == v for one in others)}
    shown = study_for(audience, study, out, common)
    maker = JobMaker(shown, out=out, limits=limits or Limits())
    return maker, jobs_of(entries, maker)


def study_for(
    audience: str, study: str | Path, out: str | Path, parameters: Mapping[str, Any]
) -> Path:
    """The study folder to make reports from: `study`, or its protected copy in `out`.

    Parameters
    ----------
    audience : ``internal``, ``partners`` or ``public``; ``internal`` when empty.
    study : the study with its full counts.
    out : folder of the reports.
    parameters : those that all reports have; effects are estimated on the full counts from their
        ``start`` and ``level``.

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

    given = {name: v for name, v in parameters.items() if name in ("start", "level")}
    return release_study(
        KeptStudy(full), target, audience, effects=lambda one: effects_to_publish(one, **given)
    )


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
    if not jobs:
        return iter(())
    if workers.scheduler:
        from lsp_analysis.reports.run.cluster import make_on_cluster

        return _seen(make_on_cluster(jobs, workers.scheduler, workers.number))
    if workers.engine == "fork":
        return _seen(make_forked(jobs, workers.number))
    from lsp_analysis.reports.run.kernel import make_in_kernels

    return _seen(make_in_kernels(jobs, workers.number))


def _seen(results: Iterator[Any]) -> Iterator[tuple[Job, ReportRecord | str]]:
    """`results`, where a report is there, or comes in the time a shared folder needs to show it."""
    with closing(results):
        for job, result in results:
            until = time.monotonic() + SHOWING
            while isinstance(result, ReportRecord) and not manifest.whole(result):
                time.sleep(0.1)
                if time.monotonic() > until:
                    result = f"Its files are not in {job.folder} as they were made."
            yield job, result
