"""From executed notebook to finished report: judged, rendered, and put in place whole.

Only what is there counts, never what papermill's metadata says.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from lsp_analysis import durable
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.shell import SKIPPED
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.digests import other_versions
from lsp_analysis.reports.job.request import Job, changed
from lsp_analysis.reports.page import content, pdf
from lsp_analysis.reports.page.exporter import render_page
from lsp_analysis.reports.run.log import add_cells, stamp
from lsp_analysis.wording import counted

SENTINEL = "lsp-sentinel"  # tag of the cell that shows that those before it ran


def finish(
    job: Job, notebook: NotebookNode, token: str, run: dict[str, Any]
) -> manifest.ReportRecord:
    """Judge the executed `notebook`, write the report and its line of the manifest.

    Parameters
    ----------
    job : what was asked for.
    notebook : as it was executed, with the sentinel cell that shows `token`.
    run : what differs between two runs, such as ``seconds``; kept in the manifest alone.

    Raises
    ------
    ReportError
        The notebook did not run whole, does not show what its template expects, its study or
        template has changed meanwhile, or the report cannot be written. An earlier report then
        stays as it was.
    """
    add_cells(job.log, notebook)
    if fault := fault_of_run(notebook, token):
        raise ReportError(fault)
    read = take_sentinel(notebook)
    stamp(notebook, job.about, job.values)
    shown = content.read_content(notebook)
    if fault := fault_of_content(shown, job.expect):
        raise ReportError(fault)
    written = _files(job, notebook, shown)
    if fault := changed(job, read):
        raise ReportError(fault)
    if other := other_versions(job.made_with):
        raise ReportError(
            f"The process that made it has {other}. Install the same where reports are asked for "
            "and where they are made."
        )
    told = (content.plain_text(block.html) for block in shown.blocks if block.kind == "sentence")
    counts = {f"{kind}s": shown.count(kind) for kind in ("figure", "table", "sentence")}
    marking = job.about["restricted"]
    record = manifest.record_of(
        job,
        status=manifest.MADE,
        headline=shown.headline or next(told, ""),
        **counts,
        facts=dict(shown.facts) | ({"restricted": marking} if marking else {}),
        files={f"{job.name}/{p}": hashlib.sha256(d).hexdigest() for p, d in written.items()},
        run=run,
    )
    put_in_place(job, written, record)
    return record


def _files(job: Job, notebook: NotebookNode, shown: content.Content) -> dict[str, bytes]:
    """Content of each file of the report, by its path in the report's folder."""
    page = render_page(notebook)
    written = {
        f"{job.name}.html": page.encode(),
        f"{job.name}.ipynb": nbformat.writes(notebook).encode() + b"\n",
    }
    if "pdf" in job.formats and not pdf.missing():
        written[f"{job.name}.pdf"] = pdf.render_pdf(page)
    marking = job.about["restricted"]
    numbers = {b.name: content.marked_csv(b.csv, marking) for b in shown.blocks if b.csv}
    return written | {
        f"tables/{name}.csv": content.spreadsheet(text) for name, text in numbers.items()
    }


def put_in_place(job: Job, written: dict[str, bytes], record: manifest.ReportRecord) -> None:
    """Write the files of a report and its line of the manifest: all of it, or nothing.

    Raises
    ------
    ReportError
        They cannot be written; an earlier report is as it was.
    """
    try:
        with (
            durable.locked(job.folder, job.name, error=ReportError),
            manifest.announced(record, job.claim),
        ):
            durable.replace_folder(
                job.folder,
                job.name,
                written,
                then=lambda: manifest.append_record(record, job.claim),
            )
    except OSError as error:
        raise ReportError(
            f"It could not be written to {job.folder} ({error.strerror or error}). "
            "Make room there, or choose another output folder."
        ) from error


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


def fault_of_content(shown: content.Content, expect: Mapping[str, Any]) -> str:
    """What a whole report would show and this one does not; empty when all is there.

    Parameters
    ----------
    shown : what the executed notebook shows.
    expect : least number of ``figures``, ``tables`` and ``sentences``, as the template declares.
    """
    for plural, least in expect.items():
        kind = plural.removesuffix("s")
        found = shown.count(kind)
        if found < least:
            return f"It shows {counted(found, kind)}, and its template expects {least} or more."
    if not any(shown.count(kind) for kind in ("figure", "table", "sentence")):
        return "It shows no figure, no table and no sentence."
    for block in shown.blocks:
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
