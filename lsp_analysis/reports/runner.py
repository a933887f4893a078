"""Make one report: check the request, execute the notebook, judge it, write page and notebook."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lsp_analysis.errors import ParameterError, ReportError, did_you_mean
from lsp_analysis.reports import files
from lsp_analysis.reports.job import Job, JobMaker, Limits
from lsp_analysis.reports.manifest import ReportRecord
from lsp_analysis.reports.template import DEFAULT, load_template

ENGINES = ("fork", "kernel")


def run_report(
    study: str | Path,
    area: str,
    *,
    template: str | Path = DEFAULT,
    out: str | Path = "reports/rendered",
    parameters: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("html",),
    timeout: float = Limits.seconds,
    memory: float = Limits.megabytes,
    engine: str = "",
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
    memory : megabytes above which the report is stopped.
    engine : ``fork`` (a fork of a warm process) or ``kernel`` (stock papermill); by default the
        first where the system can.

    Returns
    -------
    ReportRecord: what was made, and where.

    Raises
    ------
    ParameterError, AreaError, StudyError
        The request cannot be answered; nothing was started.
    ReportError
        The template is missing or damaged, the folder cannot be written, or the notebook did not
        run whole. Nothing half-written is left behind.
    """
    notebook = load_template(template)
    maker = JobMaker(study, out=out, formats=formats, limits=Limits(timeout, memory))
    job = maker.make(area, notebook, parameters)
    files.check_writable(job.folder)
    files.sweep(job.folder)
    return make_report(job)


def checked_engine(engine: str) -> str:
    """The engine of that name, or the best this system has; ParameterError for no such engine."""
    if engine and engine not in ENGINES:
        raise ParameterError(
            f"There is no engine {engine!r}.{did_you_mean(engine, ENGINES)} "
            f"There are {' and '.join(ENGINES)}."
        )
    return engine or "kernel"


def make_report(job: Job) -> ReportRecord:
    """Make the report of `job` in this process, with stock papermill and a kernel of its own.

    Raises
    ------
    ReportError
        It could not be made, in a sentence; an earlier report stays as it was.
    """
    from lsp_analysis.reports.finish import finish
    from lsp_analysis.reports.judge import add_sentinel
    from lsp_analysis.reports.kernel import execute_in_kernel

    began, token = time.monotonic(), secrets.token_hex(8)
    notebook = read_notebook(job.template)
    add_sentinel(notebook, token)
    executed = execute_in_kernel(notebook, job.values, job.limits)
    return finish(job, executed, token, {"seconds": round(time.monotonic() - began, 2)})


def read_notebook(path: str | Path):
    """The notebook file at `path`, brought to the newest format; ReportError when it is damaged."""
    import nbformat

    try:
        return nbformat.v4.upgrade(nbformat.read(path, as_version=4))
    except Exception as error:
        raise ReportError(f"The template {path} is damaged. Restore it from a copy.") from error
