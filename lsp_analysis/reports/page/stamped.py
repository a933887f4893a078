"""Make an executed notebook say what it is about, and nothing that differs between two runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

LONGEST = 100_000  # characters that a cell printed and its notebook keeps
VOLATILE = ("papermill", "execution", "ExecuteTime", "widgets")


def stamp(notebook: NotebookNode, about: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Record `about` and the injected `parameters` in `notebook`; drop times and random names.

    Of what a cell printed the first `LONGEST` characters stay: readers see none of it.
    """
    for part in [notebook, *notebook.cells]:
        for key in VOLATILE:
            part.metadata.pop(key, None)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":  # warnings name temporary files; the log has them
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
            for output in cell.outputs:
                if output.output_type == "stream":
                    output.text = shortened(output.text, LONGEST)
        cell["id"] = hashlib.sha256(f"{place}\n{cell.source}".encode()).hexdigest()[:8]
    notebook.metadata["language_info"] = {"name": "python"}
    own = dict(notebook.metadata.get("lsp", {}))
    notebook.metadata["lsp"] = {**own, "report": dict(about), "parameters": dict(parameters)}


def shortened(text: str, most: int) -> str:
    """The first `most` characters of `text`, and how many there were more."""
    more = len(text) - most
    return text if more <= 0 else f"{text[:most]}\n[{more:,} characters more]\n"
