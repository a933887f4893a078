"""Make reports in kernels that wait ready and warm: the way where ``fork`` is missing.

Each report gets a kernel of its own, so that none sees what another did; while it runs, the next
kernel starts and imports what the notebook will ask for.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import psutil
from jupyter_client import BlockingKernelClient, KernelManager

from lsp_analysis.errors import LspError, UnfinishedError
from lsp_analysis.reports.fork.preloading import imports_of
from lsp_analysis.reports.job.manifest import ReportRecord
from lsp_analysis.reports.job.request import Job
from lsp_analysis.reports.job.template import read_notebook
from lsp_analysis.reports.run.finishing import finish
from lsp_analysis.reports.run.judge import add_sentinel
from lsp_analysis.reports.run.kernel import end_kernel, execute_with, own_kernel, pid_of
from lsp_analysis.reports.run.log import start_log

READY_WITHIN = 60.0  # seconds a kernel has to come up
LOOK = 0.2
ENDED = "The run was ended before this report was made."


@dataclass
class _Kernel:
    manager: KernelManager
    folder: Path
    closing: contextlib.ExitStack


def make_in_kernels(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs` with papermill, `workers` at a time, each in a fresh warm kernel.

    Yields each job with its record, or with the reason why it could not be made, as they come.
    """
    supply = _Supply(imports_of(jobs[0].template), len(jobs), ahead=workers)
    with ThreadPoolExecutor(workers) as pool:
        try:
            supply.start()
            at_work = {pool.submit(_make, job, supply): job for job in jobs}
            for done in as_completed(at_work):
                yield at_work[done], done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            supply.stop()


def _make(job: Job, supply: _Supply) -> ReportRecord | str:
    """Make one report in the next kernel; the reason when it cannot be made."""
    start_log(job)
    began, token = time.monotonic(), secrets.token_hex(8)
    try:
        notebook = read_notebook(job.template, job.about["template"]["digest"])
        add_sentinel(notebook, token)
        with supply.next() as kernel:
            executed = execute_with(kernel.manager, notebook, job.values, job.limits, kernel.folder)
        return finish(job, executed, token, {"seconds": round(time.monotonic() - began, 2)})
    except LspError as error:
        return str(error)
    except Exception as error:  # whatever else papermill or a full disk may bring
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}."


class _Supply(threading.Thread):
    """Starts kernels ahead of need, so that each report finds one ready."""

    def __init__(self, imports: list[str], total: int, ahead: int) -> None:
        super().__init__(daemon=True)
        self._imports, self._total = imports, total
        self._ready: queue.Queue[_Kernel | Exception] = queue.Queue(ahead)
        self._over = threading.Event()
        self._at_work: set[KernelManager] = set()

    def run(self) -> None:
        """Start as many kernels as there are reports, a few at a time."""
        for _ in range(self._total):
            try:
                kernel: _Kernel | Exception = self._fresh()
            except Exception as error:  # the report that would have had it fails
                kernel = error
            while not self._offer(kernel):
                if self._over.is_set():
                    _close(kernel)
                    return

    @contextlib.contextmanager
    def next(self) -> Iterator[_Kernel]:
        """The next ready kernel, ended afterwards."""
        kernel = self._wait()
        if isinstance(kernel, Exception):
            raise kernel
        self._at_work.add(kernel.manager)
        try:
            if self._over.is_set():
                raise UnfinishedError(ENDED)
            yield kernel
        finally:
            self._at_work.discard(kernel.manager)
            _close(kernel)

    def _wait(self) -> _Kernel | Exception:
        """What comes next; UnfinishedError when no more will."""
        while not self._over.is_set():
            with contextlib.suppress(queue.Empty):
                return self._ready.get(timeout=LOOK)
        raise UnfinishedError(ENDED)

    def stop(self) -> None:
        """Start no more, and end those that wait and those at work."""
        self._over.set()
        for manager in list(self._at_work):
            end_kernel(manager)
        self.join()
        with contextlib.suppress(queue.Empty):
            while True:
                _close(self._ready.get_nowait())

    def _offer(self, kernel: _Kernel | Exception) -> bool:
        try:
            self._ready.put(kernel, timeout=LOOK)
        except queue.Full:
            return False
        return True

    def _fresh(self) -> _Kernel:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lsp-")))
            manager = stack.enter_context(own_kernel(folder))
            manager.start_kernel(cwd=str(folder))
            _warm(manager, self._imports)
            return _Kernel(manager, folder, stack.pop_all())


def _warm(manager: KernelManager, imports: list[str]) -> None:
    """Let a kernel import what its notebook will ask for."""
    client = BlockingKernelClient()
    client.load_connection_info(manager.get_connection_info())
    client.start_channels()
    try:
        _wait_until_ready(client, manager)
        home = "lsp_analysis.reports.fork.preloading"
        code = f"from {home} import run_imports as r; r({imports!r}); del r"
        client.execute_interactive(code, silent=True, timeout=READY_WITHIN)
    finally:
        client.stop_channels()


def _wait_until_ready(client: BlockingKernelClient, manager: KernelManager) -> None:
    """Wait for a kernel's first answer; RuntimeError when its process has ended, or after a minute.

    The client takes a kernel for dead that misses a heartbeat, as a busy machine's does.
    """
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            return client.wait_for_ready(timeout=max(1.0, until - time.monotonic()))
        except RuntimeError:
            if time.monotonic() > until or not psutil.pid_exists(pid_of(manager)):
                raise


def _close(kernel: _Kernel | Exception) -> None:
    if isinstance(kernel, _Kernel):
        kernel.closing.close()
