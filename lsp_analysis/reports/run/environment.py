"""Settings of processes that run notebooks: repeatable, one thread, free of the home folder."""

from __future__ import annotations

import os
from pathlib import Path

INLINE = "module://matplotlib_inline.backend_inline"  # pyplot's figures go into the notebook
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# A process that lives for seconds does better to keep what it frees than to ask for it again.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TOP_PAD_": str(16 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
}


def process_environment(scratch: Path) -> dict[str, str]:
    """Environment variables for a process whose own files go to the folder `scratch`."""
    settings = {
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # jemalloc keeps a thread, which no fork takes along
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch),
        **KEEP_MEMORY,
        "MPLBACKEND": INLINE,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(scratch),
        **dict.fromkeys(THREADS, "1"),
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
