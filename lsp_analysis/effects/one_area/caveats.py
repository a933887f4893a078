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
    lists = (_missing(question), _placebos(question, found), _reach(question, found))
    return [caution for some in lists for caution in some]


def _missing(question: Question) -> list[str]:
    """Values that are missing, and a past that is short."""
    cautions = []
    gaps = int((~question.known.all(axis=1) & ~question.treated).sum())
    if gaps:
        cautions.append(
            f"{wording.capital(wording.counted(gaps, 'comparison area'))} with missing values "
            f"{'was' if gaps == 1 else 'were'} left out."
        )
    if not question.known[question.treated].all():
        cautions.append("Some of the treated areas' values are missing; the others stand for them.")
    if question.at < question.cycle // 2:
        cautions.append(
            f"Only {wording.counted(question.at, 'period')} before the start, less than half a "
            "year: how bad the neighbourhood usually is can hardly be known, and its usual level "
            "may be taken for an effect."
        )
    return cautions


def _placebos(question: Question, found: Judgement) -> list[str]:
    """How many placebos there are, how they were found, and what they touch."""
    cautions, groups, alpha = [], found.groups, 1 - found.level
    if question.neighbours is None:
        cautions.append(
            "No neighbours were given: areas next door, which may share the effect, are compared "
            "with, and placebos of several areas are not in one piece."
        )
    elif not question.neighbours.nnz:
        cautions.append(
            "The neighbours that were given join no two areas of the panel: areas next door, which "
            "may share the effect, are compared with if there are any."
        )
    elif not groups.contiguous:
        cautions.append("The treated areas do not form one piece, and neither do the placebos.")
    if groups.beside:
        cautions.append(
            "With so few areas those next door, which may share the effect, are compared with."
        )
    finest = 1 / (groups.disjoint + 1)
    if finest > alpha + 1e-9:
        cautions.append(
            f"With {wording.counted(groups.disjoint, 'separate placebo')} the finest p-value is "
            f"{wording.number(finest)}: no effect of any size could be found at the "
            f"{100 * alpha:.3g}% level."
        )
    elif groups.disjoint < groups.n_placebos:
        cautions.append(
            f"The {wording.number(groups.n_placebos)} placebos overlap; "
            f"{wording.number(groups.disjoint)} share no area with one another."
        )
    if alpha - found.margin < found.p_value <= alpha + found.margin:
        cautions.append(
            f"The placebos were drawn from more than could be listed, so p is known to within "
            f"{wording.number(found.margin)} only: too near {wording.number(alpha)} to be called "
            "significant or not."
        )
    return cautions


def _reach(question: Question, found: Judgement) -> list[str]:
    """Whether the expectation reaches beyond the placebos, rests on one, or on few events."""
    cautions, known = [], found.expectation
    levels = known.past.terms[:, 1]
    spread = float(levels[1:].std())
    if spread > 0 and np.abs(levels[1:] - levels[0]).min() > FAR * spread:
        cautions.append(
            "No comparison neighbourhood looked like this one before the start; the expectation "
            "reaches beyond what was seen, and the interval is wider for it."
        )
    if math.isfinite(found.critical):
        deciding, times = found.deciding
        half, odd = found.critical / times * found.error[0], int(np.argmax(np.abs(known.pulls)))
        if times > ALONE:
            cautions.append(
                f"The interval is as wide as it is because of {_named(question, found, deciding)}, "
                f"which strayed {wording.times(round(times, 1))} as far as any but the most odd "
                "placebos: without it the interval would be narrower in that ratio."
            )
        if abs(known.pulls[odd]) > PULL * half:
            cautions.append(
                f"The estimate rests much on {_named(question, found, odd)}: without it "
                f"{_effect_without(found, float(known.pulls[odd]))}."
            )
    if known.panel.scale == COUNT and known.expected[0] < FEW_EVENTS:
        cautions.append(
            f"Only {wording.number(known.expected[0])} events were expected after the start: small "
            "counts say little."
        )
    return cautions


def _named(question: Question, found: Judgement, placebo: int) -> str:
    """Codes of a placebo's areas."""
    return wording.and_list(question.areas[found.groups.members[[placebo + 1]].indices])


def _effect_without(found: Judgement, pull: float) -> str:
    """What would have been found, in words, were one placebo left out of the regression."""
    effect = found.effects[0] - pull
    if not found.expectation.panel.multiplies:
        return f"the difference would be {wording.number(effect)}"
    share = math.expm1(effect)
    size = wording.number(100 * abs(share), 0)
    return f"the outcome would be {size}% {'higher' if share > 0 else 'lower'} than expected"


def heard_false_positives(alarms: FalseAlarms | None, level: float) -> str:
    """What has to be said first where the method finds too much in these data; else nothing."""
    if alarms is None or not too_many(alarms, level):
        return ""
    return (
        f"On these data the method found an effect {wording.times(alarms.alarms)} in "
        f"{wording.number(alarms.trials)} trials at dates before anything began, and should in "
        f"about {100 * (1 - level):.3g}%: do not rely on its verdict alone."
    )
