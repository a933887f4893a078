"""What the reports of one run are made from: the study as it is, or a copy fit for an audience."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsp_analysis.disclosure.register import INTERNAL, check_audience, warn_internal
from lsp_analysis.disclosure.release import refuse_other_pages, release_study
from lsp_analysis.resources import study_path
from lsp_analysis.study.kept import KeptStudy
from lsp_analysis.study.store import Study, open_study


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
    audience = check_audience(audience or INTERNAL)
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
    from lsp_analysis.effects.outcomes.published import effects_to_publish

    given = {name: parameters[name] for name in ("start", "level") if name in parameters}
    return effects_to_publish(study, **given)
