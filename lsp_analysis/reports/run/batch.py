"""Make many reports unattended: choose, skip what is up to date, make, record, and index."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lsp_analysis.durable import as_interrupts
from lsp_analysis.errors import LspError, RepairNotice, ReportError
from lsp_analysis.reports.fork.process import check_address_space
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.manifest import FAILED, KEPT, ReportRecord
from lsp_analysis.reports.job.request import Job, JobMaker, Limits, with_log
from lsp_analysis.reports.job.selection import Entry, shard_of
from lsp_analysis.reports.page import pdf
from lsp_analysis.reports.page.index import write_index
from lsp_analysis.reports.run.log import add_to_log
from lsp_analysis.reports.run.runner import Workers, make_reports, prepare
from lsp_analysis.wording import counted


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
        kept = sum(record.status == KEPT for record in self.records)
        made = len(self.records) - kept - len(self.failed)
        said = [f"{counted(made, 'report').capitalize()} made in {self.seconds:.0f} seconds"]
        if kept:
            said.append(f"{kept} already up to date")
        if self.failed:
            said.append(f"{len(self.failed)} failed")
        reasons = [f"{record.label}: {record.reason}" for record in self.failed[:5]]
        more = [f"and {len(self.failed) - 5} more"] if len(self.failed) > 5 else []
        where = self.unindexed or f"Index: {self.index}"
        lines = [f"{', '.join(said)}. {where}", *reasons, *more]
        unkept = [why for record in self.records if (why := record.run.get("unkept"))]
        if unkept:
            lines.append(
                f"{counted(len(unkept), 'report')} read the study anew, as it could not be kept in "
                f"memory: {unkept[0]}"
            )
        lines += [self.differences] if self.differences else []
        return "\n".join([*lines, self.remark] if self.remark else lines)


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
    kept = {job.name: record for job in jobs if (record := _kept(job, known))}
    waiting = [with_log(job) for job in jobs if job.name not in kept]
    if told := manifest.made_anew(waiting, known):
        warnings.warn(told, RepairNotice, stacklevel=3)
    results = make_reports(waiting, workers)
    done = list(kept.values())
    with as_interrupts():
        try:
            for record in _recorded(results, len(waiting), progress):
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


def _kept(job: Job, known: Mapping[str, ReportRecord]) -> ReportRecord | None:
    """The record of a report that need not be made again."""
    record = known.get(job.name)
    if not manifest.is_up_to_date(record, job.key, job.formats):
        return None
    return replace(record, status=KEPT)


def _recorded(
    results: Iterator[tuple[Job, ReportRecord | str]], total: int, tell: Callable[[str], None]
) -> Iterator[ReportRecord]:
    """The record of each report, told and logged; a failure is written to the manifest first."""
    count = Progress(total)
    for job, result in results:
        record = _failure(job, result) if isinstance(result, str) else result
        add_to_log(job.log, record.sentence())
        tell(f"{count.step(failed=record.failed)}: {record.label}")
        yield record


def _failure(job: Job, reason: str) -> ReportRecord:
    record = manifest.record_of(job, status=FAILED, reason=reason)
    try:
        manifest.append_record(record, job.claim)
    except (OSError, ReportError) as error:
        why = getattr(error, "strerror", None) or error
        unwritten = f" Nor could the manifest be written ({why})."
        return replace(record, reason=reason + unwritten)
    return record


class Progress:
    """Counts reports as they are done."""

    def __init__(self, total: int) -> None:
        """Start the clock on `total` reports."""
        self.total, self.done, self.failed = total, 0, 0
        self._began = time.monotonic()

    def step(self, *, failed: bool) -> str:
        """Count one report and say how things stand, in one line."""
        self.done += 1
        self.failed += failed
        parts = [f"{self.done} of {self.total}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.done < self.total:
            parts.append(f"{_duration(self._left())} left")
        return ", ".join(parts)

    def _left(self) -> float:
        spent = time.monotonic() - self._began
        return spent / self.done * (self.total - self.done)


def _duration(seconds: float) -> str:
    """A time to come, no more exact than it is known."""
    if seconds < 90:
        return "less than a minute" if seconds < 45 else "a minute"
    if seconds < 5400:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")
