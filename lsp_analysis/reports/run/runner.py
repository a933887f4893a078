"""Make one report: check the request, execute the notebook, judge it, write page and notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from lsp_analysis.durable import as_interrupts
from lsp_analysis.errors import UnfinishedError
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.audience import study_for
from lsp_analysis.reports.job.manifest import FAILED, ReportRecord
from lsp_analysis.reports.job.request import JobMaker, Limits, limits_for
from lsp_analysis.reports.job.template import DEFAULT, load_template
from lsp_analysis.reports.run.engines import checked_way, make_reports
from lsp_analysis.study.store import open_study


def run_report(
    study: str | Path,
    area: str,
    *,
    template: str | Path = DEFAULT,
    out: str | Path = "reports/rendered",
    parameters: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("html",),
    timeout: float = Limits.seconds,
    memory: float | None = None,
    engine: str = "",
    audience: str = "",
) -> ReportRecord:
    """Make the report on `area`: one HTML page, the executed notebook, the numbers of each figure.

    Parameters
    ----------
    study : folder of the study, or the name of one that ships with the package.
    area : name or code of the area.
    template : name of a report notebook that ships with the package, or a path ending ``.ipynb``.
    out : folder in which the report gets a folder of its own, named after the area.
    parameters : values for parameters the notebook declares; text is converted to their types.
    formats : ``html``, which is always made, and ``pdf``.
    timeout : seconds after which the report is stopped.
    memory : megabytes above which the report is stopped; by default they follow the study's size.
    engine : ``fork`` (a fork of a warm process) or ``kernel`` (stock papermill); by default the
        first where the system can.
    audience : ``internal`` (marked as not for publication), ``partners`` or ``public``: made from a
        copy of the study without small counts, which is kept in the folder ``_release`` of `out`.
        By default ``internal``, or what the template says it is for.

    Returns
    -------
    ReportRecord: what was made, and where.

    Raises
    ------
    ParameterError, AreaError, StudyError
        The request cannot be answered; nothing was started.
    ReportError
        The template is missing or damaged, or the folder cannot be written; nothing was started.
    UnfinishedError, a ReportError
        The notebook did not run whole. Nothing half-written is left behind.
    KeyboardInterrupt
        The run was interrupted or asked to end (SIGTERM, SIGHUP). Nothing it started goes on.
    """
    way = checked_way(engine, workers=1)
    notebook = load_template(template)
    open_study(study).area(area)
    study = study_for(audience or notebook.audience, study, out, parameters)
    limits = limits_for(study, timeout, memory)
    maker = JobMaker(study, out=out, formats=formats, limits=limits)
    job = maker.make(area, notebook, parameters)
    manifest.make_ready(job.folder, [job])
    with as_interrupts(), closing(make_reports([job], way)) as results:
        [(_, result)] = results
    if isinstance(result, str):
        raise UnfinishedError(manifest.record_of(job, status=FAILED, reason=result).sentence())
    return result
