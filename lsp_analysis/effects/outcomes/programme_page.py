"""A programme's effect on every outcome of a study, one of them named in advance; every programme
on record and what may be said of it, one line each; and what may be published of effects that were
estimated on full counts.

Published are the effect as a share of what was expected, its interval, its p-value and its
cautions; never counts or the paths of counts. They are worked out when a protected copy of a study
is made, kept beside it, and read from there by the pages.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.disclosure.release import EFFECTS, LEFT_OUT, on_record, released
from lsp_analysis.effects.one_area.single_area import estimate
from lsp_analysis.effects.outcomes.many import romano_wolf
from lsp_analysis.effects.outcomes.programme import Programme, programme_in
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import AreaError, LspError, StudyError
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown, carries_note
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

# What a protected copy of a study keeps of an effect.
NUMBERS = ("relative", "relative_low", "relative_high", "p_value", "finest_p", "level")
NUMBERS += ("smallest_relative",)
BASIS = "Estimated on the full counts, which are not published."
TOO_FEW = "the effect is withheld, because small counts could be worked out from it."
NOT_READY = "This effect was not estimated when the study was made ready for publication."


@dataclass(frozen=True)
class IndicatorEffect(Shown):
    """The effect on one indicator, or why there is none to give.

    Attributes
    ----------
    effect : EffectEstimate or None
        Adjusted for the past (`estimate`).
    placebo_date : bool
        Whether the start is a date at which nothing began, because the data do not reach back to
        the programme's.
    cautions : tuple of str
        What was left out, or that the start is a placebo date.
    instead : str
        Why there is no estimate; or all that is said of one that a protected copy of a study holds.
    """

    indicator: Indicator
    effect: EffectEstimate | None = None
    placebo_date: bool = False
    cautions: tuple[str, ...] = ()
    instead: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether there is an estimate of the programme itself: placebo dates are not."""
        return self.effect is not None and not self.placebo_date

    def sentence(self) -> wording.Sentence:
        """The effect in one line, after what makes it no finding about the programme; or the
        reason why there is none."""
        if self.effect is None or self.instead:
            return wording.Sentence(self.instead)
        said = self.effect.sentence()
        told = [*self.cautions, said] if self.placebo_date else [said, *self.cautions]
        return wording.Sentence(" ".join(told))


@dataclass(frozen=True)
class ProgrammeEffects(Shown):
    """A programme's effect on every outcome of a study, one of them named as primary."""

    programme: Programme
    primary: IndicatorEffect
    others: tuple[IndicatorEffect, ...] = field(repr=False)

    def next_step(self, worth_having: float = 0.1) -> wording.Sentence:
        """How many neighbourhoods would have to be treated alike to see an effect worth having."""
        effect, name = self.primary.effect, wording.inside(self.primary.indicator.name)
        if effect is None or wording.is_missing(effect.smallest_relative):
            return wording.Sentence(
                "Before the next phase, decide which outcome counts, and record it before and "
                "after in every small area."
            )
        smallest, fall = effect.smallest_relative, f"a fall of {100 * worth_having:.0f}%"
        if smallest <= worth_having:
            said = f"On {name} one neighbourhood is enough: {fall} would have been seen."
            return wording.Sentence(said)
        needed = int(np.ceil((np.log1p(-min(smallest, 0.99)) / np.log1p(-worth_having)) ** 2))
        return wording.Sentence(
            f"In one neighbourhood a fall in {name} of {100 * smallest:.0f}% or more would be "
            f"found four times in five; {fall} takes about {wording.number(needed)} such "
            "neighbourhoods, drawn at random and treated alike."
        )

    def estimates(self) -> list[IndicatorEffect]:
        """Outcomes with an estimate of the programme itself, the primary first."""
        return [found for found in (self.primary, *self.others) if found.is_judged]

    def summary_frame(self) -> pd.DataFrame:
        """One row per outcome with an estimate, under its name."""
        found = [(one.effect.summary_frame(), one.indicator.name) for one in self.estimates()]
        rows = [row.assign(name=name) for row, name in found]
        return pd.concat(rows).set_index("name") if rows else pd.DataFrame()

    def sentence(self) -> wording.Sentence:
        """How many outcomes stand out, or why there are none to look at."""
        found, seen = self.estimates(), self.stand_out()
        if not found:
            said = "No outcome of this study can show what the programme did."
            if self.programme.start is None:
                said = "Without a programme to judge there are no effects to set side by side."
            return wording.Sentence(said)
        names = wording.and_list(wording.inside(one.indicator.name) for one in seen)
        stand = wording.counted(len(seen), "stands", "stand") if seen else "none stands"
        return wording.Sentence(
            f"{wording.counted(len(found), 'outcome').capitalize()} looked at; {stand} out at the "
            f"{1 - found[0].effect.level:.0%} level{f' ({names})' if names else ''}. {self.rule()}"
        )

    def stand_out(self) -> list[IndicatorEffect]:
        """The primary outcome if it moved by more than chance, and others that did so with all
        outcomes allowed for (`romano_wolf`, as in `outcomes_of`).

        Others only where all outcomes have the same placebos, which a protected copy has not.
        """
        found = self.estimates()
        placebos = [one.effect.placebos for one in found]
        shared = all(len(one) and one["areas"].equals(placebos[0]["areas"]) for one in placebos)
        allowed = np.full(len(found), np.nan)
        if found and shared:
            allowed = romano_wolf(np.column_stack([one.effect.statistics for one in found]))
        return [
            one
            for one, p in zip(found, allowed, strict=True)
            if (one.effect.p_value if one is self.primary else p) <= 1 - one.effect.level + 1e-12
        ]

    def rule(self) -> str:
        """How the outcomes are judged, in a sentence to print once."""
        return (
            f"{wording.capital(wording.inside(self.primary.indicator.name))} is judged by itself; "
            "the others with all of them allowed for, as chance moves some of many (Romano and "
            "Wolf)."
        )


def indicator_effect(
    study: Study, indicator_id: str, programme: Programme, *, level: float = 0.95,
    checks: bool = True,
) -> IndicatorEffect:  # fmt: skip
    """What a programme did to one indicator of a study.

    Parameters
    ----------
    checks : bool
        Whether to measure the false positive rate and to add difference-in-differences.
    """
    indicator = study.indicator(indicator_id)
    if programme.start is None:
        return IndicatorEffect(indicator)
    try:
        question = study.question(indicator_id, programme.area, programme.start, level)
        effect = estimate(question, checks=checks)
    except LspError as error:
        said = str(error)
        named = said if said.startswith(indicator.name) else f"{indicator.name}: {said}"
        return IndicatorEffect(indicator, instead=named)
    return IndicatorEffect(indicator, effect, question.placebo_date, question.cautions)


@carries_note
def programme_effects(
    study: Study, programme: Programme, *, primary: str, level: float = 0.95
) -> ProgrammeEffects:
    """Estimate what a programme did to every indicator of a study.

    An indicator that cannot be estimated stays in the list, with the reason.

    Parameters
    ----------
    programme : Programme
        See `programme_in`.
    primary : str
        The outcome named before looking; it alone gets the false positive rate.
    """
    names = [primary, *(name for name in study.indicators()["indicator_id"] if name != primary)]
    if released(study):
        asked = programme.area.code, str(programme.start)
        rows = {
            row["indicator_id"]: row
            for row in on_record(study, EFFECTS)
            if (row["area_code"], row["start"]) == asked and abs(row["level"] - level) < 1e-9
        }
        found = [_effect(study, programme, name, rows.get(name)) for name in names]
    else:
        found = [
            indicator_effect(study, name, programme, level=level, checks=name == primary)
            for name in names
        ]
    return ProgrammeEffects(programme, found[0], tuple(found[1:]))


def _effect(
    study: Study, programme: Programme, indicator_id: str, row: dict[str, Any] | None
) -> IndicatorEffect:
    """An effect as a protected copy of a study holds it."""
    indicator = study.indicator(indicator_id)
    if row is None or LEFT_OUT in row:
        said = NOT_READY if row is None else f"{indicator.name}: {TOO_FEW}"
        return IndicatorEffect(indicator, instead="" if programme.start is None else said)
    effect = EffectEstimate(
        **{name: math.nan if row[name] is None else row[name] for name in NUMBERS},
        outcome=indicator_id,
        method="",
        estimate=float(row["relative"]),
        label=wording.inside(indicator.name),
        area=programme.area.name,
        polarity="" if indicator.polarity == "none" else indicator.polarity,
        multiplicative=True,
        start=programme.start,
        n_placebos=row["n_placebos"],
        n_disjoint=row["n_disjoint"],
        warnings=tuple(row["cautions"]),
        paths=pd.DataFrame({"period": [pd.Period(row["last"])]}),
    )
    said = " ".join([row["sentence"], BASIS, *row["cautions"]])
    return IndicatorEffect(indicator, effect, instead=said)


HARMLESS = r"\d[\d.,]*%|\b(?:19|20)\d\d\b|\bp\s*[=<]\s*[\d.]+"  # shares, years, p-values


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
    numbers = {name: float(getattr(effect, name)) for name in NUMBERS}
    text = f"{effect.short_sentence()} ({wording.p_value(effect.p_value)})".replace(". (", " (")
    return {
        "indicator_id": one.indicator.indicator_id,
        # JSON has no missing number and no open limit
        **{name: round(x, 4) if math.isfinite(x) else None for name, x in numbers.items()},
        "n_placebos": int(effect.n_placebos),
        "n_disjoint": int(effect.n_disjoint),
        "last": str(effect.paths["period"].iloc[-1]),
        "sentence": f"{text}.",
        "cautions": [
            str(w) for w in effect.warnings if not re.search(r"\d", re.sub(HARMLESS, "", w))
        ],
    }


NOT_NAMED = "No outcome was named in advance, so it is not judged here."
TOO_EARLY = "These data begin too late to judge it."


@dataclass(frozen=True)
class Programmes(Shown):
    """Programmes of a study, each with the effect on the outcome named for it, if one was."""

    found: tuple[tuple[Programme, IndicatorEffect | None], ...] = field(repr=False)

    def judged(self) -> list[tuple[Programme, IndicatorEffect]]:
        """The programmes whose named outcome has an effect."""
        return [one for one in self.found if one[1] is not None and one[1].is_judged]

    def sentence(self) -> wording.Sentence:
        """How many programmes there are, and of how many anything can be said."""
        if not self.found:
            return wording.Sentence("No programme is on record, so none can be judged.")
        judged = len(self.judged())
        return wording.Sentence(
            f"{wording.counted(len(self.found), 'programme').capitalize()} on record, "
            f"{wording.in_words(judged)} with an outcome that can be judged."
        )

    def shown_table(self) -> Table:
        """Programmes with place, start, outcome and verdict."""
        rows = [
            (one.name, one.area.name, wording.period(one.start), one.known, _verdict(effect))
            for one, effect in self.found
        ]
        columns = ["Programme", "Where", "Began", "How that is known", "What may be said"]
        table = pd.DataFrame(rows, columns=columns if rows else None)
        return figures.table(table, caption="Programmes, and what may be said of them")

    table = shown_table


def _verdict(effect: IndicatorEffect | None) -> str:
    if effect is None:
        return NOT_NAMED
    if effect.placebo_date:
        return TOO_EARLY
    return effect.instead if effect.effect is None else str(effect.effect.short_sentence())


@carries_note
def programmes(study: Study, *, start: str = "2008-04", level: float = 0.95) -> Programmes:
    """Judge every programme of a study on the outcome named for it.

    Parameters
    ----------
    start : str
        Month assumed for a pilot whose start the study does not record.
    """
    found = []
    for code in _places(study):
        programme = programme_in(study, study.area(code), start=start)
        effect = None
        if programme.start is not None and programme.primary_outcome:
            effect = indicator_effect(
                study, programme.primary_outcome, programme, level=level, checks=False
            )
        found.append((programme, effect))
    return Programmes(tuple(found))


def _places(study: Study) -> list[str]:
    """Codes of the areas a programme worked in: as recorded, else those marked as pilots."""
    if study.has("interventions"):
        return list(pd.unique(study.read("interventions")["area_code"]))
    areas = study.areas()
    pilot = areas["is_pilot"].fillna(False).astype(bool)
    pilots = areas[pilot & (areas["code_vintage"] == study.code_vintage)]
    larger = pilots[pilots["area_type"] != study.small_area_type]
    return list((larger if len(larger) else pilots)["area_code"])
