"""One question to the data: did this outcome change in these areas from this date on?

Built once, by a study or from a tidy table, checked once, and taken by every estimator, check and
chart. Time is a date throughout: dates are true periods, and may have gaps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError, check_one_of
from lsp_analysis.showing import Shown
from lsp_analysis.study import notebook
from lsp_analysis.study.asking.refusals import (
    check_enough,
    check_population,
    check_sides,
    check_values,
)
from lsp_analysis.study.asking.table import (
    check_level,
    dated,
    listed,
    pairs_matrix,
    read_rows,
    starts,
    treated_codes,
    wide,
)
from lsp_analysis.study.indicator import COUNTED, KINDS, MONTHS_OF_UNIT, Indicator, months_in

UNIT_OF_KIND = {"events": ("per_1000", 1000.0), "share": ("percent", 100.0)}
UNIT_OF_KIND["stock"] = UNIT_OF_KIND["events"]
PART_OF_MONTH = {"W": 84 / 365.25, "D": 12 / 365.25, "B": 12 / 260, "h": 12 / 8766}
CYCLE = {"M": 12, "Q": 4, "W": 52, "D": 365, "B": 260}  # periods in a year; others are years


@dataclass(frozen=True, eq=False)
class Question(Shown):
    """Did `outcome` change in the treated areas from `start` on?

    Build it with `study.question` or `Question.from_frame`; change it with `dataclasses.replace`.

    Attributes
    ----------
    areas : Index (n,)
        Codes of the areas.
    dates : PeriodIndex (t,)
        True periods in order; gaps are allowed.
    outcome : float array (n, t)
        Counts where the indicator's kind is events, stock or share and there is a `population`;
        otherwise values. NaN where missing.
    treated : bool array (n,)
    start : Period
        First period counted as after the start of the programme.
    population : float array (n, t), optional
        People at risk; the base of a share; the weight of a mean.
    neighbours : scipy.sparse bool array (n, n), optional
        Areas that share a boundary.
    first_treated : PeriodIndex (n,), optional
        Each area's own start, for a programme that is rolled out; NaT where it never began.
    indicator : Indicator
        Name, unit, multiplier and polarity of the outcome.
    kind : str
        events, stock, share, mean, standardised or published.
    place : str
        What the treated neighbourhood is called.
    level : float
        Coverage of intervals; tests are at ``1 - level``.
    cautions : tuple of str
        What was left out, or that `start` is a placebo date.
    placebo_date : bool
        Whether nothing began at `start`, because the data begin too late.
    covariates : mapping of name to float array (n, t)
    context : mapping
        What a study knows besides: geometry, interventions, events, members, notes.
    """

    areas: pd.Index
    dates: pd.PeriodIndex
    outcome: np.ndarray = field(repr=False)
    treated: np.ndarray = field(repr=False)
    start: pd.Period
    population: np.ndarray | None = field(default=None, repr=False)
    neighbours: sparse.csr_array | None = field(default=None, repr=False)
    first_treated: pd.PeriodIndex | None = field(default=None, repr=False)
    indicator: Indicator = field(
        default_factory=lambda: Indicator("outcome", "", "", "", kind="mean")
    )
    kind: str = "mean"
    place: str = ""
    level: float = 0.95
    cautions: tuple[str, ...] = ()
    placebo_date: bool = False
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked, in one place for every estimator."""
        check_level(self.level)
        check_one_of(self.kind, KINDS, "kind")
        check_values(self)
        check_sides(self)
        if self.population is not None:
            check_population(self)

    @property
    def note(self) -> str:
        """What every figure must say of the data; empty when nothing."""
        return str(self.context.get("note", ""))

    _note = note

    @property
    def chart_name(self) -> str:
        """The outcome in words."""
        return wording.capital(self.label)

    sentence = notebook.question_sentence
    plot = notebook.question_chart
    shown_table = notebook.question_table

    def __repr__(self) -> str:
        """The question in one line."""
        place = self.place or " + ".join(map(str, self.areas[self.treated][:3]))
        return (
            f"Question: did {self.label} ({self.kind}) change in {place} from {self.start} on? "
            f"{int(self.treated.sum())} treated of {len(self.areas)} areas, {len(self.dates)} "
            f"periods from {self.dates[0]} to {self.dates[-1]}."
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        outcome: str,
        treated: str | Collection[Any],
        start: Any,
        population: str | None = None,
        neighbours: pd.DataFrame | Iterable[tuple[Any, Any]] | None = None,
        kind: str = "",
        covariates: Collection[str] = (),
    ) -> Question:
        """A question to a tidy table.

        Parameters
        ----------
        frame : DataFrame, one row per area and period
            Columns ``area_code``, ``period`` (Periods, dates, years, or text such as 2008-04) and
            those named below; ``note`` is read if it is there.
        outcome : str
            Column of counts (with `population`) or of values.
        treated : list of area codes, or the name of a column that marks them with 1 or true
        start : Period, date, year or text; or a mapping of area code to one of these
            First period of the programme. One that began before and ended after it is left out. A
            mapping is for a programme that is rolled out area by area.
        population : str, optional
            Column of people at risk, of the base of a share, or of weights of a mean.
        neighbours : DataFrame of two columns, or pairs of codes, optional
            Areas that share a boundary.
        kind : str, optional
            events, stock, share, mean, standardised or published. When not given: events for whole
            numbers over a population, otherwise mean.
        covariates : list of str
            Other columns that some methods match or adjust for.

        Raises
        ------
        PanelError, AreaError, ParameterError
            What was found, where, and what to do next.
        """
        names = [outcome, *([population] if population is not None else []), *listed(covariates)]
        if population is not None and population == outcome:
            raise ParameterError(
                f"{outcome!r} is given as both outcome and population, so its rate is 1 everywhere."
                " Name the column of people at risk, or leave out `population`."
            )
        rows, marks = read_rows(frame, names, treated)
        codes = treated_codes(rows, treated, start, marks)
        values = wide(rows, outcome)
        areas, dates = values.index, pd.PeriodIndex(values.columns)
        counted = population is not None
        if not kind:
            whole = counted and (values.to_numpy() % 1 == 0)[values.notna()].all()
            kind = "events" if whole else "mean"
        check_one_of(kind, KINDS, "kind")
        unit, per = UNIT_OF_KIND.get(kind, ("", 1.0)) if counted else ("", 1.0)
        begun, own = starts(start, areas, dates)
        kept, first, cautions = dated(dates, begun, fewest_before=1)
        arrays = {name: wide(rows, name).to_numpy()[:, kept] for name in names}
        return cls(
            areas=areas,
            dates=dates[kept],
            outcome=arrays[outcome],
            treated=areas.isin(codes),
            start=first,
            population=arrays[population] if counted else None,
            neighbours=pairs_matrix(areas, neighbours),
            first_treated=own,
            indicator=Indicator(str(outcome), "", unit, "", multiplier=per, kind=kind),
            kind=kind,
            cautions=cautions,
            covariates={name: arrays[name] for name in listed(covariates)},
            context={"notes": rows[["area_code", "period", "note"]]} if "note" in rows else {},
        )

    def named(
        self, label: str = "", unit: str = "", place: str = "", polarity: str = ""
    ) -> Question:
        """The same question with words for sentences and charts; those not given stay."""
        for name, text in (("label", label), ("unit", unit), ("place", place)):
            if not isinstance(text, str):
                raise ParameterError(f"{name}={text!r} is not text. Write it in quotation marks.")
        check_one_of(polarity, ("", "none", "low_is_good", "high_is_good"), "polarity")
        given = {"name": label, "unit": unit, "polarity": polarity}
        changed = {name: text for name, text in given.items() if text}
        indicator = replace(self.indicator, **changed)
        return replace(self, indicator=indicator, place=place or self.place)

    # What the estimators ask -----------------------------------------------------------------

    @property
    def label(self) -> str:
        """The outcome in words, as it stands inside a sentence."""
        return wording.inside(self.indicator.name) or self.indicator.indicator_id.replace("_", " ")

    @property
    def polarity(self) -> str:
        """ "low_is_good" or "high_is_good"; empty where neither is better."""
        return "" if self.indicator.polarity == "none" else self.indicator.polarity

    @property
    def counted(self) -> bool:
        """Whether the outcome is a count over its population, so that effects multiply."""
        return self.kind in COUNTED and self.population is not None

    @property
    def per(self) -> float:
        """What a count over its population is multiplied by: people of the unit and, for events,
        periods in the period of the unit; 1 where values are compared as they are."""
        if not self.counted:
            return 1.0
        months = MONTHS_OF_UNIT.get(self.indicator.unit_period) if self.kind == "events" else None
        if not months:
            return float(self.indicator.multiplier)
        freq = self.dates.freq
        part = freq.n * PART_OF_MONTH.get(freq.base.freqstr[0], 0) or months_in(freq.freqstr)
        return float(self.indicator.multiplier) * (months / part)

    @property
    def unit(self) -> str:
        """Unit of what is compared: a code of the study folder, or words ("per 1,000 a year")."""
        named = self.indicator
        return named.per if self.kind in ("events", "stock") and self.counted else named.unit

    @property
    def at(self) -> int:
        """Number of dates before the start."""
        return int((self.dates < self.start).sum())

    @property
    def cycle(self) -> int:
        """Periods in a year."""
        return CYCLE.get(self.dates.freqstr.split("-")[0], 1)

    @cached_property
    def event_time(self) -> np.ndarray:
        """Periods from the start to each date, counted by the calendar; int array (t,)."""
        return self.dates.asi8 - self.start.ordinal

    def just_before(self, periods: int) -> np.ndarray:
        """Dates in the last `periods` calendar periods that the data have before the start; bool
        array (t,)."""
        times = self.event_time
        return (times < 0) & (times > times[times < 0].max() - max(periods, 1))

    @cached_property
    def known(self) -> np.ndarray:
        """Where the outcome, and its population if there is one, is known; bool array (n, t)."""
        known = np.isfinite(self.outcome)
        return known if self.population is None else known & np.isfinite(self.population)

    @cached_property
    def exposure(self) -> np.ndarray:
        """Population, or 1 without one; 0 where the outcome is missing; float array (n, t)."""
        weight = np.ones_like(self.outcome) if self.population is None else self.population
        return np.where(self.known, weight, 0.0)

    @cached_property
    def total(self) -> np.ndarray:
        """Counts, or values times `exposure`; 0 where missing; float array (n, t)."""
        values = np.where(self.known, self.outcome, 0.0)
        return values if self.counted else values * self.exposure

    @cached_property
    def compared(self) -> np.ndarray:
        """What is compared: rates in `unit`, or values as they are; float array (n, t)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.known, self.per * self.total / self.exposure, np.nan)

    def level_of(self, areas: np.ndarray) -> np.ndarray:
        """Value of some areas taken together, by date; float array (t,), NaN where none is known.

        Parameters
        ----------
        areas : bool array (n,)
        """
        total, exposure = self.total[areas].sum(axis=0), self.exposure[areas].sum(axis=0)
        return self.per * total / np.where(exposure > 0, exposure, np.nan)

    @cached_property
    def ring(self) -> np.ndarray:
        """Untreated areas next to treated ones; bool array (n,)."""
        if self.neighbours is None:
            return np.zeros(len(self.areas), dtype=bool)
        return (self.neighbours @ self.treated.astype(float) > 0) & ~self.treated

    @cached_property
    def comparison(self) -> np.ndarray:
        """Areas with a value at every date, neither treated nor next to treated ones; bool (n,)."""
        return self.known.all(axis=1) & ~self.treated & ~self.ring

    def need(self, before: int = 1, comparisons: int = 1, complete: bool = False) -> None:
        """Raise PanelError unless there are so many dates before and areas to compare with.

        Parameters
        ----------
        complete : bool
            Whether the treated areas must have a value at every date.
        """
        check_enough(self, before, comparisons, complete)

    def among(self, areas: np.ndarray) -> Question:
        """The same question to some of the areas only; `areas` is a bool array (n,)."""
        by_area = ("outcome", "treated", "areas", "population", "first_treated")
        held = {name: getattr(self, name) for name in by_area}
        changed = {name: array[areas] for name, array in held.items() if array is not None}
        if self.neighbours is not None:
            changed["neighbours"] = self.neighbours[areas][:, areas]
        changed["covariates"] = {name: array[areas] for name, array in self.covariates.items()}
        return replace(self, **changed)

    def during(self, dates: np.ndarray, start: pd.Period | None = None) -> Question:
        """The same question to some of the dates only, if wanted with another start.

        Parameters
        ----------
        dates : bool array (t,)
        """
        return replace(
            self,
            dates=self.dates[dates],
            outcome=self.outcome[:, dates],
            population=None if self.population is None else self.population[:, dates],
            covariates={name: array[:, dates] for name, array in self.covariates.items()},
            start=self.start if start is None else start,
        )

    def frame(self) -> pd.DataFrame:
        """One row per area and date: area_code, period, value, outcome, population, treated."""
        n, t = self.outcome.shape
        population = np.full((n, t), np.nan) if self.population is None else self.population
        return pd.DataFrame(
            {
                "area_code": np.repeat(self.areas, t),
                "period": self.dates.take(np.tile(np.arange(t), n)),
                "value": self.compared.ravel(),
                "outcome": self.outcome.ravel(),
                "population": population.ravel(),
                "treated": np.repeat(self.treated, t),
            }
            | {name: array.ravel() for name, array in self.covariates.items()}
        )
