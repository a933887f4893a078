"""Make one report: check the request, execute the notebook, judge it, write page and notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from lsp_analysis.disclosure.profiles import AUDIENCES, INTERNAL, warn_internal
from lsp_analysis.disclosure.release import refuse_other_pages, release_study
from lsp_analysis.durable import as_interrupts
from lsp_analysis.errors import ParameterError, UnfinishedError, check_one_of
from lsp_analysis.reports.fork.kept import KeptStudy
from lsp_analysis.reports.fork.memory import check_address_space
from lsp_analysis.reports.job import manifest
from lsp_analysis.reports.job.manifest import FAILED, ReportRecord
from lsp_analysis.reports.job.request import Job, JobMaker, Limits
from lsp_analysis.reports.job.selection import Entry, jobs_of
from lsp_analysis.reports.job.template import load_template
from lsp_analysis.reports.run.engines import Workers, make_reports
from lsp_analysis.resources import study_path
from lsp_analysis.study.store import Study, open_study


def run_report(
    study: str | Path,
    entry: Entry,
    *,
    out: str | Path = "reports/rendered",
    limits: Limits | None = None,
    engine: str = "",
    audience: str = "",
) -> ReportRecord:
    """Make the report on one area: an HTML page, the executed notebook, the numbers of each figure.

    Parameters
    ----------
    study : folder of the study, or the name of one that ships with the package.
    entry : the area, the report notebook, its parameters and the formats.
    out : folder in which the report gets a folder of its own, named after the area.
    limits : seconds and megabytes above which the report is stopped.
    engine, audience : see `Workers` and `batch.run_reports`.

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
    workers = Workers(1, engine)
    if not workers.scheduler:
        check_address_space()
    maker, jobs = prepare(study, [entry], out=out, limits=limits, audience=audience)
    if len(jobs) != 1:
        raise ParameterError(f"The entry asks for {len(jobs)} reports. Make them by run_reports.")
    manifest.make_ready(maker.out, jobs)
    with as_interrupts(), closing(make_reports(jobs, workers)) as results:
        [(job, result)] = results
    if isinstance(result, str):
        raise UnfinishedError(manifest.record_of(job, status=FAILED, reason=result).sentence())
    return result


def prepare(
    study: str | Path,
    entries: Sequence[Entry],
    *,
    out: str | Path,
    limits: Limits | None,
    audience: str,
) -> tuple[JobMaker, list[Job]]:
    """The reports that `entries` ask for, of a study that may be shown to the audience.

    Without an audience it is that which all their templates name. LspError when one of the reports
    cannot be made; what can be checked is checked before a protected copy is written.
    """
    full = open_study(study)
    for entry in entries:
        entry.areas_in(full)
    named = {load_template(entry.template).audience for entry in entries}
    if not audience and len(named) > 1:
        raise ParameterError(
            "The templates of this batch are for different audiences. Say which it is for "
            "(--audience), or make two batches."
        )
    audience = audience or next(iter(named), "")
    shown = study_for(audience, study, out, _common_parameters(entries))
    maker = JobMaker(shown, out=out, limits=limits or Limits())
    return maker, jobs_of(entries, maker)


def _common_parameters(entries: Sequence[Entry]) -> Mapping[str, Any]:
    """The parameters that have one value in all `entries`."""
    first, *others = [entry.parameters for entry in entries]
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def study_for(
    audience: str, study: str | Path, out: str | Path, parameters: Mapping[str, Any] | None
) -> Path:
    """The study folder to make reports from: `study`, or its protected copy in `out`.

    Parameters
    ----------
    audience : ``internal``, ``partners`` or ``public``; ``internal`` when empty.
    study : the study with its full counts.
    out : folder of the reports.
    parameters : those of the reports; effects are estimated on the full counts from their ``start``
        and ``level``.

    Raises
    ------
    ParameterError, StudyError
        There is no such audience or study.
    DisclosureError
        The study may not be shown to the audience, or `out` holds pages for another.
    """
    audience = audience or INTERNAL
    check_one_of(audience, AUDIENCES, "audience")
    path, target = study_path(study), Path(out).absolute()
    full = open_study(path)
    if audience == INTERNAL:
        refuse_other_pages(target, audience)
        warn_internal(full)
        return path
    return release_study(
        KeptStudy(full), target, audience, effects=lambda one: _effects(one, parameters or {})
    )


def _effects(study: Study, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    from lsp_analysis.effects.outcomes.programme_page import effects_to_publish

    given = {name: parameters[name] for name in ("start", "level") if name in parameters}
    return effects_to_publish(study, **given)
