"""Make reports on a Dask cluster of one machine or many, which share no output folder.

The files of a report come back with a worker's answer, and whoever asked puts them in place. The
study and the template must be at the same path on every machine. Dask's workers have threads, so
they do not fork themselves: each thread keeps a warm parent process that does. Dask moves the
reports of lost workers and stragglers to others.
"""

import atexit
import contextlib
import logging
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsp_analysis.errors import LspError, ReportError
from lsp_analysis.reports.fork.forked import WarmParent, can_fork, make_with
from lsp_analysis.reports.job.digests import made_with
from lsp_analysis.reports.job.manifest import ReportRecord
from lsp_analysis.reports.job.request import Job
from lsp_analysis.reports.run.finishing import put_in_place
from lsp_analysis.reports.run.kernel import make_in_kernels
from lsp_analysis.study.schema import DESCRIPTOR

LOCAL = "local"
TRIES = 3  # of workers that may be lost over one report, before it has failed
CONNECTING = "10s"
LOOK = 0.05  # seconds between two looks at what is done
ASK = 5.0  # seconds between two questions whether there are workers
LONELY = 600.0  # seconds without a worker, which may have to queue for its machine


def make_on_cluster(
    jobs: Sequence[Job], scheduler: str, workers: int
) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs` on the cluster of `scheduler`, as they come.

    Parameters
    ----------
    jobs : reports to make; their study and template must be at the same path on every machine.
    scheduler : ``local`` for `workers` processes of this machine, or an address such as
        ``tcp://host:8786``.
    workers : processes of a local cluster.

    Raises
    ------
    ReportError
        Dask is not installed, the scheduler does not answer, or a worker has other versions;
        nothing was started.
    """
    results = _made(jobs, scheduler, workers)
    next(results)  # it is connected
    return results


def _made(jobs: Sequence[Job], scheduler: str, workers: int) -> Iterator[Any]:
    """First nothing, when there is a cluster, and then what `make_on_cluster` promises."""
    try:
        import distributed
    except ImportError as error:
        raise ReportError(
            "A scheduler needs Dask. Install it: pip install lsp-analysis[batch]."
        ) from error
    with contextlib.ExitStack() as stack:
        client = _connected(distributed, scheduler, workers, stack)
        _check_versions(client)
        yield
        by_key = {f"report-{job.name}-{secrets.token_hex(4)}": job for job in jobs}
        futures = [
            client.submit(make_on_worker, job, key=key, retries=0, pure=False)
            for key, job in by_key.items()
        ]
        done = distributed.as_completed(futures)
        for future in _as_they_come(client, done):
            job = by_key.pop(future.key)
            yield job, _result(future, job)
            future.release()
        lonely = f"No Dask worker was at {scheduler} for {LONELY / 60:g} minutes. "
        for job in by_key.values():
            yield job, f"{lonely}Start some with `dask worker`, and take --resume."


def _as_they_come(client: Any, done: Any) -> Iterator[Any]:
    """Futures that are `done`, until all are or there have been no workers for too long."""
    asked = met = time.monotonic()
    while not done.is_empty():
        if done.has_ready():
            yield from done.next_batch(block=False)
            continue
        time.sleep(LOOK)
        now = time.monotonic()
        if now > asked + ASK:
            asked = now
            with contextlib.suppress(OSError, TimeoutError):  # busy, or lost: then the futures tell
                met = now if client.nthreads() else met
            if now > met + LONELY:
                return


def _connected(distributed: Any, scheduler: str, workers: int, stack: contextlib.ExitStack) -> Any:
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # results tell what is lost
    if scheduler == LOCAL:
        import dask

        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": TRIES}))
        options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        cluster = stack.enter_context(distributed.LocalCluster(**options))
        return stack.enter_context(distributed.Client(cluster))
    try:
        return stack.enter_context(distributed.Client(scheduler, timeout=CONNECTING))
    except (OSError, ValueError, TimeoutError) as error:
        raise ReportError(
            f"No Dask scheduler answers at {scheduler} ({' '.join(str(error).split())[:200]}). "
            "Start one with `dask scheduler`, or leave --scheduler out."
        ) from error


def _check_versions(client: Any) -> None:
    """Refuse workers that would make another report than this process would."""
    try:
        client.get_versions(check=True)
        found = client.run(made_with)
    except Exception as error:  # of whatever type the worker's own fault is
        said = " ".join(str(error).split())[:300]
        raise ReportError(
            f"The workers cannot make these reports: {said}. Install the same versions of Python, "
            "Dask and lsp_analysis on every machine."
        ) from error
    ours = made_with()
    for address, theirs in found.items():
        if names := [name for name in {**ours, **theirs} if theirs.get(name) != ours.get(name)]:
            raise ReportError(
                f"The worker {address} differs from this process in {', '.join(names)}. "
                "Install the same on every machine."
            )


def make_on_worker(job: Job) -> tuple[ReportRecord | str, dict[str, bytes], bytes]:
    """Make the report of `job`: its record, or the reason why not, the report's files by their
    paths in its own folder, and its log."""
    for what, path in (("study", Path(job.study, DESCRIPTOR)), ("template", Path(job.template))):
        if not path.exists():
            reason = (
                f"The worker at {socket.gethostname()} has no {what} at {path}. It must be at the "
                "same path on every machine."
            )
            return reason, {}, b""
    with tempfile.TemporaryDirectory(prefix="lsp-") as scratch:
        own = replace(job, out=scratch, log=str(Path(scratch, "log")) if job.log else "")
        made = make_with(_warm_parent(own), [own], 1) if can_fork() else make_in_kernels([own], 1)
        [(_, result)] = made
        files, log = {}, b""
        if isinstance(result, ReportRecord):
            start = f"{job.name}/"
            files = {f.removeprefix(start): (own.folder / f).read_bytes() for f in result.files}
        elif "was changed (" in result:
            result += f" Or the worker at {socket.gethostname()} has another copy of it."
        with contextlib.suppress(OSError):
            log = Path(own.log).read_bytes()
        return result, files, log


_THREAD = threading.local()


def _warm_parent(job: Job) -> WarmParent:
    """The warm parent of this thread of a worker; it ends with the worker's process.

    It holds the study as it was read, so a study that has changed gets another.
    """
    about = (job.template, job.study, job.about["study"]["digest"])
    if getattr(_THREAD, "about", about) != about:
        _THREAD.parent.close()
        del _THREAD.parent
    if not hasattr(_THREAD, "parent"):
        _THREAD.about, _THREAD.parent = about, WarmParent([job.template], job.study)
        atexit.register(_THREAD.parent.close)
    return _THREAD.parent


def _result(future: Any, job: Job) -> ReportRecord | str:
    """What a worker said, its files put where they were asked for, or how it was lost."""
    if future.status == "cancelled":
        return "The Dask scheduler was lost, or took the report back before it was made."
    if future.status != "finished":
        error = future.exception()
        said = " ".join(str(error).split())[:300].rstrip(".")
        if type(error).__name__ == "KilledWorker":
            return f"The workers that tried it were lost ({said})."
        return f"Its worker failed with {type(error).__name__}: {said}."
    result, files, log = future.result()
    if log and job.log:
        with contextlib.suppress(OSError):
            Path(job.log).parent.mkdir(parents=True, exist_ok=True)
            Path(job.log).write_bytes(log)
    if isinstance(result, str):
        return result
    record = replace(result, out=job.folder)
    try:
        put_in_place(job, files, record)
    except LspError as error:
        return str(error)
    return record
