"""A programme's effect on every outcome of a study, one of them named beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.outcomes.one_indicator import (
    IndicatorEffect,
    indicator_effect,
)
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.effects.outcomes.programme import Programme
    from lsp_analysis.study.store import Study


@dataclass(frozen=True)
class ProgrammeEffects(Shown):
    """A programme's effect on every outcome of a study, one of them named as primary."""

    programme: Programme
    primary: IndicatorEffect
    others: tuple[IndicatorEffect, ...] = field(repr=False)

    def headline(self, standing: str = "") -> wording.Sentence:
        """`standing`, and after it what may be said of the primary outcome, in a line."""
        found = self.primary
        if found.effect is None or found.placebo_date:
            said = (
                ""
                if self.programme.start is None
                else "What the programme did cannot be told from these data."
            )
        else:
            said = str(found.effect.short_sentence())
        return wording.Sentence(" ".join(filter(None, [str(standing), said])))

    def next_step(self, worth_having: float = 0.1) -> wording.Sentence:
        """How many neighbourhoods would have to be treated alike to see an effect worth having."""
        effect = self.primary.effect
        if effect is None or wording.is_missing(effect.smallest_relative):
            return wording.Sentence(
                "Before the next phase, decide which outcome counts, and record it before and "
                "after in every small area."
            )
        smallest = effect.smallest_relative
        name = wording.inside(self.primary.indicator.name)
        if smallest <= worth_having:
            return wording.Sentence(
                f"On {name} one neighbourhood is enough: a fall of {100 * worth_having:.0f}% "
                "would have been seen."
            )
        needed = int(np.ceil((np.log1p(-min(smallest, 0.99)) / np.log1p(-worth_having)) ** 2))
        return wording.Sentence(
            f"One neighbourhood shows a fall in {name} of {100 * smallest:.0f}% or more four "
            "times in five. To see one of "
            f"{100 * worth_having:.0f}%, about {wording.number(needed)} neighbourhoods like it "
            "would have to be treated alike, as a "
            "design experiment that draws them by lot could do: error shrinks with the square "
            "root of their number."
        )

    def estimates(self) -> list[IndicatorEffect]:
        """Outcomes with an estimate of the programme itself, the primary first; placebo dates are
        not."""
        every = [self.primary, *self.others]
        return [found for found in every if found.effect is not None and not found.placebo_date]

    def summary_frame(self) -> pd.DataFrame:
        """One row per outcome with an estimate, under its name."""
        rows = [
            found.summary_frame().assign(name=found.indicator.name) for found in self.estimates()
        ]
        if not rows:
            return pd.DataFrame()
        return pd.concat(rows).set_index("name")

    def sentence(self) -> wording.Sentence:
        """How many outcomes stand out, and how many would by chance alone."""
        found = self.estimates()
        if not found:
            return wording.Sentence(
                "No outcome of this study can show what the programme did."
                if self.programme.start is not None
                else "Without a programme to judge there are no effects to set side by side."
            )
        level = found[0].effect.level
        seen = [one for one in found if one.effect.p_value <= 1 - level + 1e-12]
        chance = (1 - level) * len(found)
        names = wording.and_list(wording.inside(one.indicator.name) for one in seen)
        stand = wording.counted(len(seen), "stands", "stand") if seen else "none stands"
        finest = max(one.effect.finest_p for one in found)
        out_of_reach = finest * len(found) > 1 - level
        text = (
            f"{wording.counted(len(found), 'outcome').capitalize()} looked at, {self._first()}; "
            f"{stand} out at the {1 - level:.0%} level"
            f"{f' ({names})' if names else ''}, where chance alone would make about "
            f"{wording.number(chance, 1)} do so."
        )
        if out_of_reach:
            text += (
                f" With p-values no finer than {wording.number(finest)}, no single outcome could "
                "stand out once all "
                f"{len(found)} are allowed for (Holm), so the others are pointers, not findings."
            )
        return wording.Sentence(text)

    def _first(self) -> str:
        name = wording.inside(self.primary.indicator.name)
        if self.programme.primary_outcome == self.primary.indicator.indicator_id:
            return f"{name} named beforehand as the one that counts"
        return f"none named beforehand as the one that counts ({name} is shown in full)"

    def plot(self, ax: Axes | None = None) -> Axes:
        """All effects that are shares of their counterfactual, on one scale."""
        rows = [
            {
                "label": one.indicator.name,
                "estimate": 100 * one.effect.relative,
                "low": 100 * one.effect.relative_low,
                "high": 100 * one.effect.relative_high,
            }
            for one in self.estimates()
            if one.effect.multiplicative
        ]
        frame = pd.DataFrame(rows, columns=["label", "estimate", "low", "high"])
        frame = frame.replace([np.inf, -np.inf], np.nan)
        return figures.draw_forest(frame, unit="% of what was expected", ax=ax)


def programme_effects(
    study: Study,
    programme: Programme,
    *,
    primary: str,
    panels: Mapping[str, pd.DataFrame] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> ProgrammeEffects:
    """Estimate what a programme did to every indicator of a study.

    An indicator that cannot be estimated stays in the list, with the reason.

    Parameters
    ----------
    programme : Programme
        See `programme.programme_in`.
    primary : str
        The outcome named before looking; it alone gets the false-alarm rate and
        difference-in-differences.
    panels : mapping of indicator_id to panel, optional
        If they are at hand.
    """
    panels = panels or {}
    neighbours = study.neighbours() if study.has("geometry") else None
    names = [primary, *(i for i in study.indicators()["indicator_id"] if i != primary)]
    found = [
        indicator_effect(
            study, name, programme=programme, panel=panels.get(name),
            neighbours=neighbours, level=level, checks=name == primary, seed=seed,
        )
        for name in names
    ]  # fmt: skip
    return ProgrammeEffects(programme, found[0], tuple(found[1:]))
