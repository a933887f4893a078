"""Execute a notebook with stock papermill: the reference, and the way where ``fork`` is missing.

The kernel is this interpreter, whatever kernels are installed elsewhere, and needs no writable
home folder. A watch outside the kernel ends it when it takes too long or too much memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job import Limits

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
    kernel: AsyncKernelManager,
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
def own_kernel(scratch: Path) -> Iterator[AsyncKernelManager]:
    """A manager for one kernel of this interpreter, with all its files in `scratch`."""
    spec = scratch / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    command += ["--log-level=40"]
    about = {"argv": command, "display_name": KERNEL, "language": "python"}
    spec.write_text(json.dumps({**about, "env": kernel_environment(scratch)}), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(spec.parent.parent)], ensure_native_kernel=False)
    manager = AsyncKernelManager(kernel_name=KERNEL, kernel_spec_manager=specs)
    manager.connection_file = str(scratch / "connection.json")
    if sys.platform != "win32" and len(str(scratch)) < LONGEST_SOCKET:
        manager.transport, manager.ip = "ipc", str(scratch / "kernel")  # no port others can reach
    try:
        yield manager
    finally:
        _end(manager)


def kernel_environment(scratch: Path) -> dict[str, str]:
    """Settings that make a kernel repeatable, single-threaded and free of the user's home."""
    settings = {
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch),
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    if not _home_is_writable():
        settings |= {"HOME": str(scratch), "MPLCONFIGDIR": str(scratch / "matplotlib")}
    return settings


def _home_is_writable() -> bool:
    try:
        home = Path.home()
    except RuntimeError:
        return False
    return home.is_dir() and os.access(home, os.W_OK)


def _read(path: Path) -> NotebookNode:
    import nbformat
    from papermill.execute import remove_error_markers

    return remove_error_markers(nbformat.read(path, as_version=4))


def _died(error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return f"The kernel that ran the notebook died ({first.rstrip('.')})."


class _Watch(threading.Thread):
    """Ends a kernel that passes its limits, and keeps the reason."""

    def __init__(self, manager: AsyncKernelManager, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.reason = ""
        self._manager, self._limits = manager, limits
        self._until = time.monotonic() + limits.seconds
        self._done = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.reason and not self._done.wait(LOOK):
            process = _process(self._manager)
            if time.monotonic() > self._until:
                self.reason = over_time(self._limits)
            elif process and megabytes_of(process) > self._limits.megabytes:
                self.reason = over_memory(self._limits)
        if self.reason:
            _end(self._manager)

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()


@contextlib.contextmanager
def _watch(manager: AsyncKernelManager, limits: Limits) -> Iterator[_Watch]:
    watch = _Watch(manager, limits)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def over_time(limits: Limits) -> str:
    """Why a report that ran too long was stopped."""
    return f"It was stopped after {limits.seconds:g} seconds, its deadline."


def over_memory(limits: Limits) -> str:
    """Why a report that grew too large was stopped."""
    return f"It was stopped for needing more than {limits.megabytes:,.0f} MB of memory, its limit."


def megabytes_of(process: psutil.Process) -> float:
    """Memory that `process` and what it started hold, in MB."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total / 1e6


def _process(manager: AsyncKernelManager) -> psutil.Process | None:
    number = getattr(manager.provisioner, "pid", None)
    with contextlib.suppress(psutil.Error):
        return psutil.Process(number) if number else None
    return None


def _end(manager: AsyncKernelManager) -> None:
    """Kill the kernel and all that it started."""
    process = _process(manager)
    if process is None:
        return
    with contextlib.suppress(psutil.Error):
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                one.kill()
