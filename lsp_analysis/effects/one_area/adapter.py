"""`estimate` on a Question, by today's core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lsp_analysis.effects.one_area.estimation import estimate as estimate_panel
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.showing import carries_note
from lsp_analysis.study.question import Question


@carries_note
def estimate(question: Question, *, checks: bool = True, **options: Any) -> EffectEstimate:
    """Effect of a programme on the neighbourhood it treated, ranked among placebo neighbourhoods.

    Parameters
    ----------
    question : Question
    checks : bool
        Whether to measure the method's false positive rate on earlier placebo dates.
    """
    if not isinstance(question, Question):
        return estimate_panel(question, checks=checks, **options)
    pairs = None
    if question.neighbours is not None:
        links = question.neighbours.tocoo()
        pairs = list(zip(question.areas[links.row], question.areas[links.col], strict=True))
    counted = question.population is not None
    found = estimate_panel(
        question.frame(),
        outcome="outcome",
        population="population" if counted else None,
        treated=list(question.areas[question.treated]),
        start=question.start,
        neighbours=pairs,
        level=question.level,
        checks=checks,
        unit="" if counted else question.indicator.unit,
        label=question.label,
        area=question.place,
        per=question.per,
        polarity=question.polarity,
        person_periods=question.kind == "stock",
    )
    return replace(found, outcome=question.indicator.indicator_id)
