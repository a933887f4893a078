"""Did the report succeed? Only what is there counts, never what papermill's metadata says."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from lsp_analysis.reports.fork.shell import SKIPPED
from lsp_analysis.reports.page.content import Content
from lsp_analysis.wording import counted

SENTINEL = "lsp-sentinel"


def add_sentinel(notebook: NotebookNode, token: str) -> None:
    """Add a last cell that shows that those before it ran to their end, and what they read."""
    home = "lsp_analysis.study.folder"
    source = f"__import__({home!r}, fromlist=['proof']).proof({token!r})"
    cell = new_code_cell(source, metadata={"tags": [SENTINEL]}, id=SENTINEL)
    notebook.cells.append(cell)


def fault_of_run(notebook: NotebookNode, token: str) -> str:
    """Why the execution of `notebook` does not count, in one sentence; empty when it does."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or SKIPPED in cell.metadata.get("tags", []):
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                return _of_error(cell, output)
        if cell.source.strip() and not isinstance(cell.execution_count, int):
            return f"{_named(cell)} never ran."
    return "" if _proof(notebook)[0] == token else "It stopped before its last cell was done."


def _proof(notebook: NotebookNode) -> tuple[str, str]:
    """The token that the last cell shows, and the files that the cells read, as JSON."""
    last = notebook.cells[-1]
    if SENTINEL not in last.metadata.get("tags", []) or len(last.get("outputs", [])) != 1:
        return "", ""
    try:
        shown = ast.literal_eval(last.outputs[0].get("data", {}).get("text/plain", ""))
        token, _, read = shown.partition(" ")
    except (SyntaxError, ValueError, AttributeError):
        return "", ""
    return token, read


def take_sentinel(notebook: NotebookNode) -> dict[str, str]:
    """Remove the cell that `add_sentinel` added; the SHA-256 of the files that were read."""
    read = json.loads(_proof(notebook)[1])
    notebook.cells = [c for c in notebook.cells if SENTINEL not in c.metadata.get("tags", [])]
    return read


def fault_of_content(content: Content, expect: Mapping[str, Any]) -> str:
    """What a whole report would show and this one does not; empty when all is there.

    Parameters
    ----------
    content : what the executed notebook shows.
    expect : least number of ``figures``, ``tables`` and ``sentences``, as the template declares.
    """
    for plural, least in expect.items():
        kind = plural.removesuffix("s")
        found = content.count(kind)
        if found < least:
            return f"It shows {counted(found, kind)}, and its template expects {least} or more."
    if not any(content.count(kind) for kind in ("figure", "table", "sentence")):
        return "It shows no figure, no table and no sentence."
    for block in content.blocks:
        if block.kind == "figure" and not block.alt:
            return (
                f"Its figure {block.number} has no text for readers who cannot see it. "
                'Show it with lsp_analysis.show(figure, alt="...").'
            )
    return ""


def _of_error(cell: NotebookNode, output: NotebookNode) -> str:
    said = " ".join(str(output.evalue).split())
    if output.ename == "SystemExit":
        return f"{_named(cell)} left early (SystemExit{f': {said}' if said else ''})."
    if output.ename == "MemoryError":
        return f"{_named(cell)} needed more memory than the report may have."
    told = f"{output.ename}: {said}" if said else str(output.ename)
    return f"{_named(cell)} failed with {told[:400].rstrip('.')}."


def _named(cell: NotebookNode) -> str:
    if SENTINEL in cell.metadata.get("tags", []):
        return "The check after its last cell"
    lines = [line.strip() for line in cell.source.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return f'The cell that begins "{first[:60]}"'
