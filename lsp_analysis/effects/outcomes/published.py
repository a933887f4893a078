"""What may be published of effects that were estimated on full counts.

The effect as a share of what was expected, its interval, its p-value and its cautions; never counts
or the paths of counts. They are worked out when a protected copy of a study is made, kept beside
it, and read from there by the pages.
"""

from __future__ import annotations

import re
from typing import Any

from lsp_analysis import wording
from lsp_analysis.effects.outcomes.programme import programme_in
from lsp_analysis.effects.outcomes.programme_page import (
    NUMBERS,
    IndicatorEffect,
    programme_effects,
)
from lsp_analysis.errors import AreaError, StudyError
from lsp_analysis.study.store import Study
from lsp_analysis.wording import is_missing

_HARMLESS = re.compile(r"\d[\d.,]*%|\b(?:19|20)\d\d\b|\bp\s*[=<]\s*[\d.]+")


def effects_to_publish(
    study: Study, *, start: str = "2008-04", level: float = 0.95
) -> list[dict[str, Any]]:
    """What may be published of the effect of every programme of a study, in every area it covers.

    Parameters
    ----------
    study : the study with its full counts.
    start : month assumed for a pilot whose start the study does not record.
    level : coverage of the intervals.

    Returns
    -------
    list of dict, one per area and outcome that can be estimated: ``area_code``, ``start``,
    ``indicator_id``, shares of what was expected, ``p_value``, ``sentence`` and ``cautions``.
    """
    made: list[dict[str, Any]] = []
    known: dict[Any, list[dict[str, Any]]] = {}
    for code in study.areas()["area_code"].drop_duplicates():
        try:
            programme = programme_in(study, study.area(code), start=start)
        except (AreaError, StudyError):
            continue
        if programme.start is None:
            continue
        first = programme.primary_outcome or str(study.indicators()["indicator_id"].iloc[0])
        key = (programme.area.members, programme.start, first)
        if key not in known:
            effects = programme_effects(study, programme, primary=first, level=level)
            found = [one for one in effects.estimates() if one.effect.multiplicative]
            known[key] = [_published(one) for one in found]
        about = {"area_code": str(code), "start": str(programme.start)}
        made += [about | row for row in known[key]]
    return made


def _published(one: IndicatorEffect) -> dict[str, Any]:
    effect = one.effect
    numbers = {name: getattr(effect, name) for name in NUMBERS}
    text = f"{effect.short_sentence()} ({wording.p_value(effect.p_value)})".replace(". (", " (")
    return {
        "indicator_id": one.indicator.indicator_id,
        **{name: None if is_missing(x) else round(float(x), 4) for name, x in numbers.items()},
        "n_placebos": int(effect.n_placebos),
        "n_disjoint": int(effect.n_disjoint),
        "last": str(effect.paths["period"].iloc[-1]),
        "sentence": f"{text}.",
        "cautions": [caution for caution in map(str, effect.warnings) if _has_no_count(caution)],
    }


def _has_no_count(caution: str) -> bool:
    """Whether a caution names no number but shares, years and p-values."""
    return not re.search(r"\d", _HARMLESS.sub("", caution))
