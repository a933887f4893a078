"""What an estimate warns of, as its data and its placebos show."""

from __future__ import annotations

import math

import numpy as np

from lsp_analysis import wording
from lsp_analysis.effects.one_area.earlier_dates import too_many
from lsp_analysis.effects.one_area.history import COUNT
from lsp_analysis.effects.one_area.placebo_rank import Judgement
from lsp_analysis.effects.result import FalseAlarms
from lsp_analysis.study.question import Question

FEW_EVENTS = 10
FAR = 0.5  # standard deviations of placebos' levels to the nearest of them
ALONE = 2.0  # times by which the critical placebo strays farther than the next
PULL = 0.25  # of the half-width of the interval, by which one area may move the expectation


def cautions_of(question: Question, found: Judgement) -> list[str]:
    """Every caution that follows from the question and the judgement."""
    told = [*_missing(question), *_placebos(question, found), *_reach(question, found)]
    return [caution for applies, caution in told if applies]


def _missing(question: Question) -> list[tuple[bool, str]]:
    """Values that are missing, and a past that is short."""
    gaps = int((~question.known.all(axis=1) & ~question.treated).sum())
    left_out = wording.capital(wording.counted(gaps, "comparison area"))
    return [
        (gaps > 0, f"{left_out} with missing values {'was' if gaps == 1 else 'were'} left out."),
        (
            not question.known[question.treated].all(),
            "Some of the treated areas' values are missing; the others stand for them.",
        ),
        (
            question.at < question.cycle // 2,
            f"Only {wording.counted(question.at, 'period')} before the start, less than half a "
            "year: how bad the neighbourhood usually is can hardly be known, and its usual level "
            "may be taken for an effect.",
        ),
    ]


def _placebos(question: Question, found: Judgement) -> list[tuple[bool, str]]:
    """How many placebos there are, how they were found, and what they touch."""
    groups, alpha, near = found.groups, 1 - found.level, question.neighbours
    n, finest = groups.n_placebos, 1 / (groups.n_placebos + 1)
    return [
        (
            near is None,
            "No neighbours were given: the comparison includes areas next door, which may share "
            "the effect, and placebos of several areas are not in one piece.",
        ),
        (
            near is not None and not near.nnz,
            "The neighbours that were given join no two areas of the panel: the comparison may "
            "include areas next door, which may share the effect.",
        ),
        (
            near is not None and not groups.contiguous,
            "The treated areas do not form one piece, and neither do the placebos.",
        ),
        (
            groups.beside,
            "There are so few areas that the comparison includes those next door, which may share "
            "the effect.",
        ),
        (
            finest > alpha + 1e-9,
            f"With {wording.counted(n, 'placebo')} the smallest possible p-value is "
            f"{wording.number(finest)}: no effect of any size could be found at the "
            f"{100 * alpha:.3g}% level.",
        ),
        (
            groups.disjoint < n,
            f"The {wording.number(n)} placebos overlap; {wording.number(groups.disjoint)} share no "
            "area with one another.",
        ),
        (
            not groups.listed,
            "They are a sample of more that could not all be listed, so p is known to within "
            f"{wording.number(found.margin)}{_too_near(found)}.",
        ),
    ]


def _too_near(found: Judgement) -> str:
    """Words for a drawn p-value that may lie on either side of the level."""
    alpha = 1 - found.level
    if abs(found.p_value - alpha) >= found.margin:
        return ""
    return f": too near {wording.number(alpha)} for a verdict"


def _reach(question: Question, found: Judgement) -> list[tuple[bool, str]]:
    """Whether the expectation reaches beyond the placebos, rests on one, or on few events."""
    deciding, times = found.deciding
    levels = found.past.terms[:, 1]
    odd = int(np.argmax(np.abs(found.pulls)))
    half = found.critical / times * found.error[0]
    return [
        (
            np.abs(levels[1:] - levels[0]).min() > FAR * levels[1:].std() > 0,
            "No comparison neighbourhood looked like this one before the start; what was "
            "expected is an extrapolation, and the interval is wider for it.",
        ),
        (
            times > ALONE,
            f"One placebo, {_named(question, found, deciding)}, makes the interval "
            f"{wording.times(round(times, 1))} as wide as it would be without it.",
        ),
        (
            abs(found.pulls[odd]) > PULL * half,
            f"The estimate depends strongly on {_named(question, found, odd)}: without it "
            f"{_effect_without(found, float(found.pulls[odd]))}.",
        ),
        (
            found.panel.scale == COUNT and found.expected[0] < FEW_EVENTS,
            f"Only {wording.number(found.expected[0])} events were expected after the start: small "
            "counts say little.",
        ),
    ]


def _named(question: Question, found: Judgement, placebo: int) -> str:
    """Codes of a placebo's areas."""
    return wording.and_list(question.areas[found.groups.members[[placebo + 1]].indices])


def _effect_without(found: Judgement, pull: float) -> str:
    """What would have been found, in words, were one placebo left out of the regression."""
    effect = found.effects[0] - pull
    if not found.panel.multiplies:
        return f"the difference would be {wording.number(effect)}"
    size = wording.number(100 * abs(math.expm1(effect)), 0)
    return f"the outcome would be {size}% {'higher' if effect > 0 else 'lower'} than expected"


def heard_false_positives(alarms: FalseAlarms | None, level: float) -> str:
    """What has to be said first where the method finds too much in these data; else nothing."""
    if alarms is None or not too_many(alarms, level):
        return ""
    return (
        f"On these data the method found an effect {wording.times(alarms.alarms)} in "
        f"{wording.number(alarms.trials)} trials at dates before anything began, and should in "
        f"about {100 * (1 - level):.3g}%: do not rely on its verdict alone."
    )
