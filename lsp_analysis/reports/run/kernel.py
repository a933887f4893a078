"""Execute a notebook with stock papermill: the reference, and the way where ``fork`` is missing.

The kernel is this interpreter, whatever kernels are installed elsewhere, and needs no writable
home folder. A watch outside the kernel ends it when it takes too long or too much memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.memory import megabytes_of
from lsp_analysis.reports.job.request import Limits
from lsp_analysis.reports.job.template import AS_PYTHON
from lsp_analysis.reports.run.environment import process_environment

KERNEL = "lsp-report"
LONGEST_SOCKET = 80  # characters of a path that still leave room for a socket's name
LOOK = 0.2  # seconds between two looks at a kernel's memory


def execute_in_kernel(
    notebook: NotebookNode, parameters: Mapping[str, Any], limits: Limits
) -> NotebookNode:
    """Execute `notebook` with papermill in a kernel of its own and return it executed.

    A cell that fails leaves its error in the notebook. A kernel that dies, hangs or grows too
    large raises ReportError with the reason.
    """
    with tempfile.TemporaryDirectory(prefix="lsp-") as scratch, own_kernel(Path(scratch)) as kernel:
        return execute_with(kernel, notebook, parameters, limits, Path(scratch))


def execute_with(
    kernel: KernelManager,
    notebook: NotebookNode,
    parameters: Mapping[str, Any],
    limits: Limits,
    scratch: Path,
) -> NotebookNode:
    """Execute `notebook` in `kernel`, started already or not; see `execute_in_kernel`."""
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    result = scratch / "executed.ipynb"
    with _watch(kernel, limits) as watch:
        try:
            return execute_notebook(
                notebook,
                str(result).replace("{", "{{").replace("}", "}}"),
                dict(parameters),
                **AS_PYTHON,
                progress_bar=False,
                km=kernel,
                record_timing=False,
                request_save_on_cell_execute=False,
                resources={"metadata": {"path": str(scratch)}},
            )
        except PapermillExecutionError:
            return _read(result)
        except (DeadKernelError, RuntimeError) as error:
            raise ReportError(watch.reason or _died(error)) from error


@contextlib.contextmanager
def own_kernel(scratch: Path) -> Iterator[KernelManager]:
    """A manager for one kernel of this interpreter, with all its files in `scratch`."""
    spec = scratch / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    command += ["--log-level=40"]
    about = {"argv": command, "display_name": KERNEL, "language": "python"}
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
        end_kernel(manager)
        _end_strays(scratch)


def _read(path: Path) -> NotebookNode:
    import nbformat
    from papermill.execute import remove_error_markers

    return remove_error_markers(nbformat.read(path, as_version=4))


def _died(error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return f"The kernel that ran the notebook died ({first.rstrip('.')})."


class _Watch(threading.Thread):
    """Ends a kernel that passes its limits, and keeps the reason."""

    def __init__(self, manager: KernelManager, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.reason = ""
        self._manager, self._limits = manager, limits
        self._until = time.monotonic() + limits.seconds
        self._done = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.reason and not self._done.wait(LOOK):
            pid = pid_of(self._manager)
            if time.monotonic() > self._until:
                self.reason = self._limits.over_time()
            elif pid and (held := megabytes_of(pid)) > self._limits.megabytes:
                self.reason = self._limits.over_memory(held)
        if self.reason:
            end_kernel(self._manager)

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()


@contextlib.contextmanager
def _watch(manager: KernelManager, limits: Limits) -> Iterator[_Watch]:
    watch = _Watch(manager, limits)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def pid_of(manager: KernelManager) -> int:
    """Number of the kernel's process, 0 when it has none."""
    return getattr(manager.provisioner, "pid", None) or 0


def end_kernel(manager: KernelManager) -> None:
    """Kill the kernel and all that it started."""
    pid = pid_of(manager)
    with contextlib.suppress(psutil.Error):
        kernel = psutil.Process(pid) if pid else None
        for one in [*kernel.children(recursive=True), kernel] if kernel else []:
            with contextlib.suppress(psutil.Error):
                one.kill()


def _end_strays(scratch: Path) -> None:
    """Kill what a kernel started and let go of, known by the settings it has from the kernel."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if one.environ().get("JUPYTER_RUNTIME_DIR") == str(scratch):
                one.kill()
