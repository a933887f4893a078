"""Every programme on record and what may be said of it, one line each."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.outcomes.programme import Programme, programme_in
from lsp_analysis.effects.outcomes.programme_page import IndicatorEffect, indicator_effect
from lsp_analysis.figures.tables import Table
from lsp_analysis.showing import Shown, carries_note
from lsp_analysis.study.store import Study

NOT_NAMED = "No outcome was named in advance, so it is not judged here."
TOO_EARLY = "These data begin too late to judge it."


@dataclass(frozen=True)
class Programmes(Shown):
    """Programmes of a study, each with the effect on the outcome named for it, if one was."""

    found: tuple[tuple[Programme, IndicatorEffect | None], ...] = field(repr=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row per programme with an estimate, under its name."""
        rows = [
            effect.summary_frame().assign(name=programme.name)
            for programme, effect in self.judged()
        ]
        return pd.concat(rows).set_index("name") if rows else pd.DataFrame()

    def judged(self) -> list[tuple[Programme, IndicatorEffect]]:
        """The programmes whose named outcome has an effect."""
        return [
            (programme, effect)
            for programme, effect in self.found
            if effect is not None and effect.effect is not None and not effect.placebo_date
        ]

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
            {
                "Programme": programme.name,
                "Where": programme.area.name,
                "Began": wording.MISSING
                if programme.start is None
                else wording.period(programme.start),
                "How that is known": programme.known,
                "What may be said": _verdict(effect),
            }
            for programme, effect in self.found
        ]
        return figures.table(pd.DataFrame(rows), caption="Programmes, and what may be said of them")

    table = shown_table


def _verdict(effect: IndicatorEffect | None) -> str:
    if effect is None:
        return NOT_NAMED
    if effect.placebo_date:
        return TOO_EARLY
    return effect.reason if effect.effect is None else str(effect.effect.short_sentence())


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
    pilots = areas[areas["is_pilot"].fillna(False).astype(bool)]
    pilots = pilots[pilots["code_vintage"] == study.code_vintage]
    larger = pilots[pilots["area_type"] != study.small_area_type]
    return list((larger if len(larger) else pilots)["area_code"])
