"""One log per report: what it printed, warned of and failed with, for those who mend templates."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_analysis.reports.job.request import Job
from lsp_analysis.reports.page.stamped import shortened

if TYPE_CHECKING:
    from nbformat import NotebookNode

LONGEST = 1_000_000  # characters of one output; a loop gone wild must not fill the disk
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def start_log(job: Job) -> None:
    """Begin the log of `job` anew."""
    _write(job.log, f"{job.about['area']['name']}\n{job.template}\n{job.values}\n", "w")


def add_to_log(path: str, text: str) -> None:
    """Add a line to the log at `path`; none is kept when `path` is empty."""
    _write(path, f"{text}\n", "a")


def add_cells(path: str, notebook: NotebookNode) -> None:
    """Add what the cells of an executed `notebook` printed and how they failed."""
    for cell in notebook.cells if path else []:
        said = "".join(_said(output) for output in cell.get("outputs", []))
        if said:
            add_to_log(path, f"[{cell.execution_count}] {cell.source}\n{said}")


def _said(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return shortened(output.text, LONGEST)
    if output.output_type == "error":
        return _COLOUR.sub("", shortened("\n".join(output.traceback), LONGEST)) + "\n"
    return ""


def _write(path: str, text: str, mode: str) -> None:
    """A log that cannot be written must not cost the report."""
    if not path:
        return
    with contextlib.suppress(OSError):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode, encoding="utf-8", errors="replace") as file:
            file.write(text)
