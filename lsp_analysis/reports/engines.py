"""The ways to make reports: forks of a warm parent, kernels, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lsp_analysis.errors import ParameterError, did_you_mean
from lsp_analysis.reports.forked import can_fork, make_forked
from lsp_analysis.reports.job import Job
from lsp_analysis.reports.manifest import ReportRecord

ENGINES = ("fork", "kernel")


@dataclass(frozen=True)
class Way:
    """How to make reports."""

    engine: str
    workers: int
    scheduler: str = ""


def checked_way(engine: str = "", workers: int = 0, scheduler: str = "") -> Way:
    """The way asked for, or the best this system has.

    Raises
    ------
    ParameterError
        There is no such engine, this system cannot fork, or the number of workers is negative.
    """
    if engine and engine not in ENGINES:
        raise ParameterError(
            f"There is no engine {engine!r}.{did_you_mean(engine, ENGINES)} "
            f"There are {' and '.join(ENGINES)}."
        )
    if engine == "fork" and not can_fork():
        raise ParameterError("The engine fork needs Linux. Leave it out, or take kernel.")
    if workers < 0:
        raise ParameterError(f"The number of workers is 1 or more, not {workers}.")
    best = "fork" if can_fork() else "kernel"
    return Way(engine or best, workers or processors(), scheduler)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_reports(jobs: Sequence[Job], way: Way) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs`; each comes with its record, or the reason why there is none.

    Close the iterator to stop; every process it started ends with it.
    """
    if not jobs:
        return iter_nothing()
    if way.scheduler:
        from lsp_analysis.reports.cluster import make_on_cluster

        return make_on_cluster(jobs, way.scheduler, way.workers)
    if way.engine == "fork":
        return make_forked(jobs, way.workers)
    from lsp_analysis.reports.kernels import make_in_kernels

    return make_in_kernels(jobs, way.workers)


def iter_nothing() -> Iterator[tuple[Job, ReportRecord | str]]:
    """No reports."""
    yield from ()
