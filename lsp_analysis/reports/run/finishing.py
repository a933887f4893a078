"""From executed notebook to finished report: judged, rendered, and put in place whole."""

from __future__ import annotations

import hashlib
from typing import Any

import nbformat
from nbformat import NotebookNode

from lsp_analysis import durable
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.digests import other_versions
from lsp_analysis.reports.job.request import Job, changed
from lsp_analysis.reports.page import pdf
from lsp_analysis.reports.page.clean import marked_csv, spreadsheet
from lsp_analysis.reports.page.content import Content, plain_text, read_content
from lsp_analysis.reports.page.exporter import render_page
from lsp_analysis.reports.run.judge import fault_of_content, fault_of_run, take_sentinel
from lsp_analysis.reports.run.log import add_cells, stamp


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
    content = read_content(notebook)
    if fault := fault_of_content(content, job.expect):
        raise ReportError(fault)
    written = _files(job, notebook, content)
    if fault := changed(job, read):
        raise ReportError(fault)
    if other := other_versions(job.made_with):
        raise ReportError(
            f"The process that made it has {other}. Install the same where reports are asked for "
            "and where they are made."
        )
    record = manifest.record_of(
        job,
        status=manifest.MADE,
        headline=content.headline or _first_sentence(content),
        figures=content.count("figure"),
        tables=content.count("table"),
        sentences=content.count("sentence"),
        facts=_facts(job, content),
        files={f"{job.name}/{path}": _sha(data) for path, data in written.items()},
        run=run,
    )
    put_in_place(job, written, record)
    return record


def _facts(job: Job, content: Content) -> dict[str, Any]:
    """What the index tells of the page, and for whom the page is."""
    marking = job.about["restricted"]
    return {**content.facts, "restricted": marking} if marking else dict(content.facts)


def _files(job: Job, notebook: NotebookNode, content: Content) -> dict[str, bytes]:
    """Content of each file of the report, by its path in the report's folder."""
    page = render_page(notebook)
    written = {
        f"{job.name}.html": page.encode(),
        f"{job.name}.ipynb": nbformat.writes(notebook).encode() + b"\n",
    }
    if "pdf" in job.formats and not pdf.missing():
        written[f"{job.name}.pdf"] = pdf.render_pdf(page)
    marking = job.about["restricted"]
    numbers = {b.name: marked_csv(b.csv, marking) for b in content.blocks if b.csv}
    return written | {f"tables/{name}.csv": spreadsheet(text) for name, text in numbers.items()}


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


def _first_sentence(content: Content) -> str:
    return next((plain_text(b.html) for b in content.blocks if b.kind == "sentence"), "")


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
