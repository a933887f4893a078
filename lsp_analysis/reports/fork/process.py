"""A process that runs notebooks: its settings, and how much memory it and all it started hold."""

import contextlib
import os
import sys
from pathlib import Path

from lsp_analysis.errors import ReportError

LEAST_SPACE = 900.0  # MB of address space; short of it Arrow's threads wait for each other for ever


def megabytes_of(pid: int) -> float:
    """Resident memory of process `pid` and its descendants, in MB; 0 when it is gone."""
    if sys.platform.startswith("linux"):
        return sum(_resident(one) for one in family(pid)) / 1e6
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total / 1e6


def check_address_space() -> None:
    """ReportError where processes started here may not have the address space a report needs.

    Asked before SciPy is loaded, whose OpenBLAS may try for ever where there is too little.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY and most / 1e6 < LEAST_SPACE:
        raise ReportError(
            f"Each process started here may have {most / 1e6:,.0f} MB of address space "
            f"(ulimit -v), and a report needs {LEAST_SPACE:,.0f} MB or more. Raise it, for "
            "example by ulimit -v unlimited; --memory limits what a report may really use."
        )


def family(pid: int) -> list[int]:
    """Process `pid` and its descendants, parents first (Linux)."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def children(pid: int) -> list[int]:
    """Processes that `pid` is the parent of, ended ones it has not waited for included (Linux)."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/children").read_text()
            found += [int(child) for child in text.split()]
    return found


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


INLINE = "module://matplotlib_inline.backend_inline"  # pyplot's figures go into the notebook
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def process_environment(scratch: Path) -> dict[str, str]:
    """Environment variables for a process whose own files go to the folder `scratch`."""
    settings = {
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # jemalloc keeps a thread, which no fork takes along
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch),
        # What a process frees it keeps, as it lives for seconds, and need not ask for again.
        "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
        "MALLOC_TOP_PAD_": str(16 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
        "MPLBACKEND": INLINE,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(scratch),
        **dict.fromkeys(THREADS, "1"),
    }
    if not os.access(os.path.expanduser("~/."), os.W_OK):  # there is a home to write to
        settings |= {"HOME": str(scratch), "MPLCONFIGDIR": str(scratch / "matplotlib")}
    return settings
