"""The ways to make reports: forks of a warm parent, kernels, or a Dask cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lsp_analysis.errors import ParameterError, check_one_of
from lsp_analysis.reports.fork.forked import can_fork, make_forked
from lsp_analysis.reports.job.manifest import ReportRecord, whole
from lsp_analysis.reports.job.request import Job

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
