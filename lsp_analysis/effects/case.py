"""A programme's case laid out once, so that every check can ask it again in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.eligible import eligible_areas
from lsp_analysis.effects.given import check_level, check_seed, plain_codes
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.expectation import judge
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.one_area.surroundings import Carried
from lsp_analysis.effects.one_area.windows import Ledger, read_ledger, start_position, treated_rows
from lsp_analysis.effects.options import check_words
from lsp_analysis.effects.people import check_population

PASSED, FAILED, UNSURE = "passed", "failed", "too little to tell"
COUNTED = {False: "events", True: "person-periods"}
POWER = 0.8


@dataclass(frozen=True)
class Case:
    """A treated neighbourhood, its placebos and their data, as `estimate` sees them.

    Attributes
    ----------
    ledger : Ledger
    treated : bool array (areas,)
    eligible : bool array (areas,)
        Areas with a value in every period, the treated ones apart.
    adjacency : bool array (areas, areas), optional
    start : int
        Position of the first period after the start.
    pool : PlaceboPool
    unit : str
        Unit of the outcome where effects add; where they multiply they are given in per cent.
    person_periods : bool
        Whether counts are of person-periods, which are not independent of one another.
    """

    ledger: Ledger
    treated: np.ndarray
    eligible: np.ndarray
    adjacency: np.ndarray | None
    start: int
    pool: PlaceboPool
    level: float = 0.95
    seed: int = 0
    unit: str = ""
    person_periods: bool = False

    @property
    def counted(self) -> str:
        """What a count counts, in words."""
        return COUNTED[self.person_periods]

    @property
    def stop(self) -> int:
        """One past the last period."""
        return len(self.ledger.periods)

    @property
    def half_year(self) -> int:
        """Periods in half a year; one at the least."""
        return max(1, self.ledger.cycle // 2)

    @property
    def step_name(self) -> str:
        """What `half_year` periods are called: "half year", or the period itself if longer."""
        names = {"Y": "year", "Q": "quarter", "M": "month", "W": "week", "D": "day"}
        freq = str(getattr(self.ledger.periods, "freqstr", "")).split("-")[0]
        return names.get(freq, "period") if self.ledger.cycle < 4 else "half year"

    @cached_property
    def found(self) -> Judgement:
        """The judgement of `estimate`: everything after the start, all comparison areas."""
        return judge(self.ledger, self.pool, start=self.start)

    def judged(
        self,
        start: int | None = None,
        stop: int | None = None,
        *,
        pool: PlaceboPool | None = None,
        carried: Carried | None = None,
    ) -> Judgement:
        """Judge other periods after another start, or another pool."""
        return judge(
            self.ledger,
            self.pool if pool is None else pool,
            start=self.start if start is None else start,
            stop=stop,
            carried=carried,
        )

    def later(self, first: int, stop: int | None = None) -> Judgement:
        """Judge periods `first` to `stop` by the past before the start, leaving out the rest."""
        kept = np.r_[0 : self.start, first : self.stop if stop is None else stop]
        ledger = replace(
            self.ledger,
            total=self.ledger.total[:, kept],
            exposure=self.ledger.exposure[:, kept],
            periods=self.ledger.periods[kept],
            year=self.ledger.cycle,
        )
        return judge(ledger, self.pool, start=self.start)

    def seen(self, first: int, last: int) -> bool:
        """Whether the neighbourhood has a value in periods `first` to `last`, the latter left
        out."""
        return bool(self.ledger.exposure[self.treated, first:last].any())

    def rate(self, areas: np.ndarray, first: int, last: int) -> float:
        """Level of some areas taken together over periods `first` to `last`."""
        total, exposure = self.ledger.sums(first, last)
        return float(total[areas].sum() / max(exposure[areas].sum(), 1e-12))


@dataclass(frozen=True)
class Sized:
    """An effect with its interval as it is shown: per cent where effects multiply.

    `statistic` and `p_value` come from the ranking among placebos.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    statistic: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def row(self, label: str) -> dict[str, object]:
        """A row of a table that `figures.draw_forest` draws."""
        row = {"label": label, "estimate": self.estimate, "low": self.low, "high": self.high}
        return row | {"p_value": self.p_value}


def open_case(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: Sequence[str],
    start: pd.Period | str,
    population: str | None = None,
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "",
    person_periods: bool = False,
) -> Case:
    """Lay out a panel; parameters and errors as for `estimate`."""
    check_level(level)
    check_seed(seed)
    check_words(unit=unit)
    check_population(outcome, population)
    ledger = read_ledger(
        panel, outcome=outcome, population=population, person_periods=person_periods
    )
    position = start_position(ledger, start)
    rows = treated_rows(ledger, plain_codes(treated))
    eligible, _ = eligible_areas(ledger, rows, position, outcome)
    adjacency = placebo.adjacency_matrix(ledger.codes, neighbours)
    pool = placebo.draw_pool(rows, eligible=eligible, adjacency=adjacency, seed=seed)
    return Case(
        ledger,
        rows,
        eligible,
        adjacency,
        position,
        pool,
        level,
        seed,
        unit,
        bool(person_periods),
    )


def sized(case: Case, found: Judgement) -> Sized:
    """Effect, interval and p-value of a judgement."""
    critical = placebo.critical_value(found.statistic[1:], case.level)
    with np.errstate(divide="ignore"):
        if case.ledger.counts:
            size = np.log(found.total[0] / found.expected[0])
        else:
            size = (found.total[0] - found.expected[0]) / found.exposure[0]
    low, high = (float(shown(case, end)) for end in found.interval(critical))
    statistic = float(found.statistic[0])
    p_value = placebo.rank_p_value(statistic, found.statistic[1:])
    return Sized(float(shown(case, size)), low, high, p_value, statistic)


def smallest_found(found: Judgement, critical: float, *, rise: bool = False) -> float:
    """Size, in units of effect, of the smallest effect found with 80% power: a fall, or a rise."""
    placebos = -found.statistic[1:] if rise else found.statistic[1:]
    distance = critical + float(np.quantile(placebos, POWER))
    if not rise or not found.scale.relative or not np.isfinite(distance):
        return found.detectable(distance)
    scale, exposure = found.scale, found.exposure[:1]
    centre = scale.centre(found.expected[:1], exposure)
    raised = centre + distance * float(found.errors[0]) * scale.slope(centre)
    return float(np.log(max(scale.expected(raised, exposure)[0] / found.expected[0], 1.0)))


def detectable(case: Case, found: Judgement) -> float:
    """Size of the smallest fall that a judgement would have found with 80% power, as shown."""
    size = smallest_found(found, placebo.critical_value(found.statistic[1:], case.level))
    if not case.ledger.counts or not np.isfinite(size):
        return size
    return 100 * -math.expm1(-size)


def shown(case: Case, effect: float | np.ndarray) -> float | np.ndarray:
    """An effect in its own units (log, for counts) as it is shown: per cent, or the outcome's."""
    with np.errstate(over="ignore"):
        return 100 * np.expm1(effect) if case.ledger.counts else effect


def shown_unit(case: Case) -> str:
    """Axis label or unit code of shown effects."""
    return "% of what was expected" if case.ledger.counts else case.unit


def span(case: Case, first: int, last: int) -> str:
    """Periods `first` to `last`, the latter left out, in words."""
    ends = [wording.period(case.ledger.periods[at]) for at in (first, last - 1)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def during(case: Case, first: int, last: int) -> str:
    """When, for periods `first` to `last`, the latter left out: "in 2008", "from 2008 to 2010"."""
    return f"{'in' if last - first == 1 else 'from'} {span(case, first, last)}"


def in_words(case: Case, size: float) -> str:
    """A shown effect in words: "12% lower", "2.1 points higher"."""
    return percent(size) if case.ledger.counts else wording.compared(size, case.unit)


def percent(size: float) -> str:
    """A per cent difference in words: "12% lower", "the same"."""
    if wording.is_missing(size):
        return "not measurable"
    if math.isinf(size):
        return "without limit"
    text = wording.number(abs(size), 0 if abs(size) >= 10 else 1)
    if float(text.replace(",", "")) == 0:
        return "the same"
    return f"{text}% {'higher' if size > 0 else 'lower'}"


def as_size(case: Case, size: float) -> str:
    """A shown effect without its sign: "12%", "2.1 points"."""
    if not case.ledger.counts:
        size_of = wording.difference(abs(size), case.unit).removeprefix("+")
        return size_of if size else "next to nothing"
    if math.isinf(size):
        return "no limit"
    if abs(size) < 0.1:
        return "less than 0.1%"
    return f"{wording.number(abs(size), 0 if abs(size) >= 10 else 1)}%"


def between(case: Case, found: Sized) -> str:
    """An interval of shown effects in words."""
    if case.ledger.counts:
        return percents(found.low, found.high, case.level)
    return wording.interval(found.low, found.high, case.unit, case.level, of_change=True)


def percents(low: float, high: float, level: float) -> str:
    """An interval of per cent differences in words."""
    return f"{100 * level:.4g}% interval {percent(low)} to {percent(high)}"
