"""Ways to estimate one effect, and what each must be given before it can be trusted with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsp_analysis.effects.regressions.differences import did
from lsp_analysis.effects.regressions.errors_of_fit import FEWEST_TREATED_CLUSTERS
from lsp_analysis.effects.regressions.event_studies import event_study
from lsp_analysis.effects.regressions.rollout import rollout_effect
from lsp_analysis.effects.regressions.series import interrupted_series
from lsp_analysis.effects.regressions.structural import structural_effect
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.synthetic.calibrated import calibrated_effect
from lsp_analysis.effects.synthetic.control import synthetic_control
from lsp_analysis.effects.synthetic.sdid import synthetic_did
from lsp_analysis.errors import LspError, PanelError
from lsp_analysis.study.question import Question

Run = Callable[[Question], EffectEstimate]
Unsuitable = Callable[[Question], str]
OFF_LEVEL = 0.1  # of its level before the start, by which a synthetic control may be off
BLOCKS = (6, 3, 2, 1)  # of dates before the start, each matched exactly, tried in turn


def needs(before: int, *, years: int = 0, after: int = 1) -> Unsuitable:
    """A rule that asks for so many dates before the start (or years) and after it."""

    def rule(question: Question) -> str:
        fewest = max(before, years * question.cycle)
        since = len(question.dates) - question.at
        if question.at < fewest:
            return f"{question.at} periods before the start, and it needs {fewest}"
        if since < after:
            return f"{since} periods after the start, and it needs {after}"
        if not question.known[question.treated].all():
            return "values of the neighbourhood are missing"
        return ""

    return rule


def one_start(question: Question) -> str:
    """Why methods for staggered starts have nothing to add."""
    if question.first_treated is not None:
        return ""
    return "all treated areas began at once, so it is plain difference-in-differences"


def too_few_clusters(question: Question) -> str:
    """Why errors clustered by area are no use."""
    count = int(question.treated.sum())
    if count >= FEWEST_TREATED_CLUSTERS:
        return ""
    areas = f"{count} treated area{'' if count == 1 else 's'}"
    return f"with {areas} its p-value is far too small (see the calibration benchmark)"


def yearly_event_study(question: Question) -> EffectEstimate:
    """Event study in years from the start (half years if there are few)."""
    cycle = question.cycle
    return event_study(question, width=cycle if question.at >= 3 * cycle else max(1, cycle // 2))


def matched_exactly(question: Question) -> EffectEstimate:
    """Calibrated weights on as many blocks of dates before the start as can be met."""
    for blocks in BLOCKS:
        try:
            return calibrated_effect(question, block=max(1, question.at // blocks))
        except PanelError as error:
            refused = error
    raise refused


def out_of_reach(question: Question) -> str:
    """Why no weighted average of other areas will do for the neighbourhood."""
    lacking = needs(8)(question)
    if lacking:
        return lacking
    try:
        found = synthetic_control(question)
    except LspError as error:
        return str(error)
    withheld = next((said for said in found.warnings if "matched exactly" in said), "")
    if withheld:
        return withheld.rstrip(".")
    own, other = (found.paths[name][: question.at].mean() for name in ("treated", "comparison"))
    off = (other - own) / abs(own) if own else np.inf
    if abs(off) <= OFF_LEVEL:
        return ""
    side = "below" if off < 0 else "above"
    return f"no average of other areas reaches its level before the start: {abs(off):.0%} {side} it"


CANDIDATES: dict[str, tuple[Run, Unsuitable]] = {
    "Difference-in-differences": (lambda q: did(q, inference="placebo"), needs(2)),
    "Event study": (yearly_event_study, needs(4)),
    "Interrupted series, alone": (
        lambda q: interrupted_series(q, change="level"), needs(8, years=2, after=4)),
    "Interrupted series, controlled": (
        lambda q: interrupted_series(q, change="level", controlled=True),
        needs(8, years=2, after=4)),
    "Structural forecast": (structural_effect, needs(10, years=2)),
    "Synthetic control": (synthetic_control, out_of_reach),
    "Synthetic difference-in-differences": (synthetic_did, needs(4)),
    "Calibrated weights": (matched_exactly, needs(4)),
    "Two-way fixed effects, errors clustered by area": (
        lambda q: did(q, inference="clustered"), too_few_clusters),
    "Staggered starts": (rollout_effect, one_start),
}  # fmt: skip
