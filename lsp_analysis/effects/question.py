"""One outcome of one programme, as every estimator and check is asked about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import Case, open_case
from lsp_analysis.effects.checks.lasting import Persistence, persistence
from lsp_analysis.effects.checks.sensitivity import check_case
from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.effects.outcomes.one_indicator import PERSON_PERIODS, compared, dated
from lsp_analysis.effects.periods import as_period
from lsp_analysis.effects.result import CheckResult, EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError
from lsp_analysis.wording import Sentence

if TYPE_CHECKING:
    from lsp_analysis.study.areas import Area
    from lsp_analysis.study.store import Study


@dataclass(frozen=True)
class Question:
    """Did `outcome` change in the treated areas from `start` on?

    Attributes
    ----------
    name : str
        Indicator, or any name of the outcome.
    panel : DataFrame
        Columns ``area_code``, ``period``, `outcome`, `population` and, as an option, ``note``.
    outcome, population, treated, start, neighbours, level, seed
        As for `estimate`.
    unit, label, area, per
        How sentences and charts speak of it, as for `estimate`.
    kind : str
        "outcome", or "behaviour" for what people do that is meant to lead there.
    caution : str
        What was left out, or that the start is a placebo date; empty when nothing.
    polarity : str
        "low_is_good" or "high_is_good"; empty where neither is better.
    placebo_date : bool
        Whether nothing began at `start`, because the data begin too late.
    person_periods : bool
        Whether counts are of person-periods, as for `estimate`.
    context : mapping
        Keywords of `check_case` that the study has an answer to: geometry, interventions, events,
        members.
    """

    name: str
    panel: pd.DataFrame = field(repr=False, compare=False)
    outcome: str
    treated: tuple[str, ...]
    start: pd.Period
    population: str | None = None
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = field(
        default=None, repr=False, compare=False
    )
    level: float = 0.95
    seed: int = 0
    unit: str = ""
    label: str = ""
    area: str = ""
    per: float = 1000
    kind: str = "outcome"
    caution: str = ""
    polarity: str = ""
    placebo_date: bool = False
    person_periods: bool = False
    context: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def asked(self) -> dict[str, Any]:
        """Keywords that `estimate`, `check_all` and `open_case` share."""
        names = ("outcome", "treated", "start", "population", "neighbours", "level", "seed")
        return {name: getattr(self, name) for name in names}

    def case(self) -> Case:
        """The case laid out, for single checks."""
        return open_case(
            self.panel, **self.asked, unit=self.unit, person_periods=self.person_periods
        )

    def estimate(self, *, checks: bool = True) -> EffectEstimate:
        """The effect by the method for the common case."""
        return estimate(
            self.panel, **self.asked, checks=checks, unit="" if self.population else self.unit,
            label=self.label, area=self.area, per=self.per, polarity=self.polarity,
            person_periods=self.person_periods,
        )  # fmt: skip

    def answer(self, effect: EffectEstimate, worth_having: float | None = None) -> Sentence:
        """The effect in plain words, after what makes it no finding about the programme.

        Parameters
        ----------
        worth_having : float, optional
            Smallest effect worth having, as a positive share of what was expected.
        """
        worth = worth_having
        if worth is not None and not effect.multiplicative:
            worth = abs(worth * effect.counterfactual) or None
        said = effect.sentence(worth_having=worth)
        order = (self.caution, said) if self.placebo_date else (said, self.caution)
        return Sentence(" ".join(filter(None, order)))

    def persistence(self, funding_ends: pd.Period | str | None = None) -> Persistence:
        """Whether the effect lasted, also beyond the last period with funding."""
        return persistence(
            self.panel, **self.asked, unit=self.unit, person_periods=self.person_periods,
            funding_ends=funding_ends,
        )  # fmt: skip

    def checks(self) -> tuple[CheckResult, ...]:
        """Everything that could fool us, looked at."""
        notes = self.panel[["period", "note"]] if "note" in self.panel else None
        return check_case(self.case(), notes=notes, **self.context)


def pose(
    study: Study,
    indicator_id: str,
    *,
    area: str | Area,
    start: pd.Period | str,
    kind: str = "outcome",
    level: float = 0.95,
    seed: int = 0,
    like: Question | None = None,
) -> Question:
    """The question what a programme in `area` did to one indicator of a study.

    Parameters
    ----------
    area : str or Area
        Name or code.
    start : Period or str
        When the programme began. A period of the data that began before and ended after is left
        out; where the data begin too late, a placebo date takes its place and `caution` says so.

    like : Question, optional
        Another question of the same study, whose neighbours and context serve again.

    Raises
    ------
    StudyError, AreaError, PanelError
        The study has no such indicator or area, or its data end before the start.
    """
    indicator = study.indicator(indicator_id)
    place = study.area(area) if isinstance(area, str) else area
    try:
        rows, first, placebo_date, dropped = dated(study.panel(indicator_id), begun(start))
    except PanelError as error:
        raise PanelError(f"{indicator.name}: {error}") from error
    if placebo_date:
        dropped = (
            f"{wording.capital(wording.period(first))} is a placebo date, for these data begin too "
            "late to judge what began in "
            f"{wording.period(begun(start))}: nothing here is about the programme."
        )
    rows, outcome, population = compared(rows, indicator)
    if like is not None:
        neighbours, context = like.neighbours, like.context
    else:
        neighbours = study.neighbours() if study.has("geometry") else None
        context = _context(study)
    return Question(
        name=indicator_id,
        panel=rows,
        outcome=outcome,
        treated=tuple(place.members),
        start=first,
        population=population,
        neighbours=neighbours,
        level=level,
        seed=seed,
        unit=indicator.unit,
        label=wording.inside(indicator.name),
        area=place.name,
        per=indicator.multiplier,
        kind=kind,
        polarity="" if indicator.polarity == "none" else indicator.polarity,
        caution=dropped,
        placebo_date=placebo_date,
        person_periods=indicator.value_type == PERSON_PERIODS,
        context=context,
    )


def pose_all(
    study: Study,
    *,
    area: str | Area,
    start: pd.Period | str,
    behaviours: Collection[str] = (),
    level: float = 0.95,
    seed: int = 0,
) -> list[Question]:
    """A question for every indicator whose data reach to both sides of `start`.

    Parameters
    ----------
    behaviours : indicators that measure what people do; the others measure what comes of it.
    area, start, level, seed
        As for `pose`.
    """
    questions: list[Question] = []
    for indicator_id in study.indicators()["indicator_id"]:
        try:
            question = pose(
                study, indicator_id, area=area, start=start, level=level, seed=seed,
                kind="behaviour" if indicator_id in behaviours else "outcome",
                like=questions[0] if questions else None,
            )  # fmt: skip
        except PanelError:
            continue
        if not question.placebo_date:
            questions.append(question)
    return questions


def begun(start: pd.Period | str) -> pd.Period:
    """When the programme began, as a Period; ParameterError for what says no such thing."""
    try:
        found = as_period(start)
    except (ValueError, TypeError):
        found = pd.NaT
    if found is pd.NaT:
        raise ParameterError(
            f"start={start!r} is not a month, quarter or year. Write it as 2008-04, 2008Q2 or 2008."
        )
    return found


def _context(study: Study) -> dict[str, Any]:
    """What a study knows of boundaries and of other programmes."""
    known: dict[str, Any] = {}
    if study.has("geometry"):
        known["geometry"] = study.geometry(study.small_areas()["area_code"])
    for table in ("interventions", "events"):
        if study.has(table):
            known[table] = study.read(table)
    codes = {code for table in known.values() if "name" in table or "label" in table
             for code in table["area_code"].dropna()}  # fmt: skip
    known["members"] = {code: study.area(code).members for code in codes}
    return known
