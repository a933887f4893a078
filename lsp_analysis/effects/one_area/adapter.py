"""`estimate` on a Question by the core of this room; on a panel, until nobody asks so, by the old
one."""

from __future__ import annotations

from typing import Any

from lsp_analysis.effects.one_area.estimation import estimate as estimate_panel
from lsp_analysis.effects.one_area.single_area import estimate as estimate_question
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.showing import carries_note
from lsp_analysis.study.question import Question


@carries_note
def estimate(question: Question, *, checks: bool = True, **options: Any) -> EffectEstimate:
    """Effect of a programme on the neighbourhood it treated, ranked among placebo neighbourhoods.

    See `lsp_analysis.effects.one_area.single_area.estimate`.
    """
    if not isinstance(question, Question):
        return estimate_panel(question, checks=checks, **options)
    return estimate_question(question, checks=checks, **options)
