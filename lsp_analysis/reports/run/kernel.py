"""Make reports with stock papermill: the reference, and the way where ``fork`` is missing.

Each report has a kernel of its own, so that none sees what another did. The kernel is this
interpreter, whatever kernels are installed elsewhere, and needs no writable home folder. A watch
outside the kernel ends it when it takes too long or too much memory, or the run is over.
"""

import contextlib
import json
import logging
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from lsp_analysis.errors import LspError, ReportError
from lsp_analysis.reports.fork.process import megabytes_of, process_environment
from lsp_analysis.reports.job.manifest import ReportRecord
from lsp_analysis.reports.job.request import Job, Limits
from lsp_analysis.reports.job.template import AS_PYTHON, read_notebook
from lsp_analysis.reports.run.finishing import add_sentinel, finish
from lsp_analysis.reports.run.log import start_log

KERNEL = "lsp-report"
LONGEST_SOCKET = 80  # characters of a path that still leave room for a socket's name
LOOK = 0.2  # seconds between two looks at a kernel's memory
READY_WITHIN = 120  # seconds a kernel has to come up
ENDED = "The run was ended before this report was made."


def make_in_kernels(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs`, `workers` at a time, each in a kernel of its own.

    Yields each job with its record, or with the reason why it could not be made, as they come.
    """
    over = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        try:
            at_work = {pool.submit(_make, job, over): job for job in jobs}
            for done in as_completed(at_work):
                yield at_work[done], done.result()
        finally:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _make(job: Job, over: threading.Event) -> ReportRecord | str:
    """Make one report; the reason when it cannot be made."""
    start_log(job)
    began, token = time.monotonic(), secrets.token_hex(8)
    try:
        notebook = read_notebook(job.template, job.about["template"]["digest"])
        add_sentinel(notebook, token)
        executed = execute_in_kernel(notebook, job.values, job.limits, over)
        return finish(job, executed, token, {"seconds": round(time.monotonic() - began, 2)})
    except LspError as error:
        return str(error)
    except Exception as error:  # whatever else papermill or a full disk may bring
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}."


def execute_in_kernel(
    notebook: NotebookNode,
    parameters: Mapping[str, Any],
    limits: Limits,
    over: threading.Event | None = None,
) -> NotebookNode:
    """Execute `notebook` with papermill in a kernel of its own and return it executed.

    A cell that fails leaves its error in the notebook. A kernel that dies, hangs or grows too
    large, or is at work when `over` is set, raises ReportError with the reason.
    """
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import remove_error_markers

    for name in ("papermill", "traitlets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="lsp-") as scratch,
        _own_kernel(Path(scratch)) as kernel,
        _watched(kernel, limits, over or threading.Event()) as reasons,
    ):
        result = Path(scratch, "executed.ipynb")
        try:
            return execute_notebook(
                notebook,
                str(result).replace("{", "{{").replace("}", "}}"),
                dict(parameters),
                **AS_PYTHON,
                progress_bar=False,
                km=kernel,
                start_timeout=READY_WITHIN,
                record_timing=False,
                request_save_on_cell_execute=False,
                resources={"metadata": {"path": scratch}},
            )
        except PapermillExecutionError:
            return remove_error_markers(nbformat.read(result, as_version=4))
        except (DeadKernelError, RuntimeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            died = f"The kernel that ran the notebook died ({first})."
            raise ReportError(reasons[0] if reasons else died) from error


@contextlib.contextmanager
def _own_kernel(scratch: Path) -> Iterator[KernelManager]:
    """A manager for one kernel of this interpreter, with all its files in `scratch`."""
    spec = scratch / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
    about = {"argv": [sys.executable, *launch], "display_name": KERNEL, "language": "python"}
    spec.write_text(json.dumps({**about, "env": process_environment(scratch)}), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(spec.parent.parent)], ensure_native_kernel=False)
    manager = KernelManager(kernel_name=KERNEL, kernel_spec_manager=specs)
    manager.client_class = "jupyter_client.asynchronous.AsyncKernelClient"  # as nbclient wants it
    manager.connection_file = str(scratch / "connection.json")
    if sys.platform != "win32" and len(str(scratch)) < LONGEST_SOCKET:
        manager.transport, manager.ip = "ipc", str(scratch / "kernel")  # no port others can reach
    try:
        yield manager
    finally:
        _end_kernel(manager)
        for one in psutil.process_iter():  # what it started and let go of has its settings
            with contextlib.suppress(psutil.Error, OSError):
                if one.environ().get("JUPYTER_RUNTIME_DIR") == str(scratch):
                    one.kill()


@contextlib.contextmanager
def _watched(kernel: KernelManager, limits: Limits, over: threading.Event) -> Iterator[list[str]]:
    """End the kernel when it passes its limits or all is over; the reason is the first of a list
    that is empty until then."""
    reasons: list[str] = []
    done, until = threading.Event(), time.monotonic() + limits.seconds

    def look() -> None:
        while not done.wait(LOOK):
            pid = _pid_of(kernel)
            if over.is_set():
                reasons.append(ENDED)
            elif time.monotonic() > until:
                reasons.append(limits.over_time())
            elif pid and (held := megabytes_of(pid)) > limits.megabytes:
                reasons.append(limits.over_memory(held))
            if reasons:
                _end_kernel(kernel)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield reasons
    finally:
        done.set()
        watch.join()


def _pid_of(manager: KernelManager) -> int:
    """Number of the kernel's process, 0 when it has none."""
    return getattr(manager.provisioner, "pid", None) or 0


def _end_kernel(manager: KernelManager) -> None:
    """Kill the kernel and all that it started."""
    with contextlib.suppress(psutil.Error):
        if pid := _pid_of(manager):
            kernel = psutil.Process(pid)
            for one in [*kernel.children(recursive=True), kernel]:
                with contextlib.suppress(psutil.Error):
                    one.kill()
