"""What is kept of what a report's cells said: all in its log, for those who mend templates, and in
its notebook what readers may see and no two runs differ in."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_analysis.reports.job.request import Job

if TYPE_CHECKING:
    from nbformat import NotebookNode

IN_LOG = 1_000_000  # characters of one output; a loop gone wild must not fill the disk
IN_NOTEBOOK = 100_000  # characters that a cell printed
VOLATILE = ("papermill", "execution", "ExecuteTime", "widgets")
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
        return shortened(output.text, IN_LOG)
    if output.output_type == "error":
        return _COLOUR.sub("", shortened("\n".join(output.traceback), IN_LOG)) + "\n"
    return ""


def _write(path: str, text: str, mode: str) -> None:
    """A log that cannot be written must not cost the report."""
    if not path:
        return
    with contextlib.suppress(OSError):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, mode, encoding="utf-8", errors="replace") as file:
            file.write(text)


def stamp(notebook: NotebookNode, about: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Record `about` and the injected `parameters` in `notebook`; drop times and random names.

    Of what a cell printed the first `IN_NOTEBOOK` characters stay: readers see none of it.
    """
    for part in [notebook, *notebook.cells]:
        for key in VOLATILE:
            part.metadata.pop(key, None)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":  # warnings name temporary files; the log has them
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.text = shortened(output.text, IN_NOTEBOOK)
        cell["id"] = hashlib.sha256(f"{place}\n{cell.source}".encode()).hexdigest()[:8]
    notebook.metadata["language_info"] = {"name": "python"}
    own = dict(notebook.metadata.get("lsp", {}))
    notebook.metadata["lsp"] = {**own, "report": dict(about), "parameters": dict(parameters)}


def shortened(text: str, most: int) -> str:
    """The first `most` characters of `text`, and how many there were more."""
    more = len(text) - most
    return text if more <= 0 else f"{text[:most]}\n[{more:,} characters more]\n"
