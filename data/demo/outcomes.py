"""Draw what the measures count: the level of an area, shocks that pass, the programme's effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from demo.boroughs import log_normal_shocks
from demo.measures import MEASURES, PRIMARY, Measure
from demo.people import AGE_PROFILES, YEARS
from demo.place import SEED, Place

START = pd.Period("2008-04", "M")
LOOKED_AT = pd.period_range("2007-04", "2008-03", freq="M")
# How much of the recession is on, between these months in a straight line.
RECESSION = {"2003-01": 0.0, "2008-06": 0.0, "2009-09": 1.0, "2012-12": 0.85}


@dataclass(frozen=True)
class Drawn:
    """One measure's numbers, areas x periods (and sexes x bands for counts by age)."""

    measure: Measure
    periods: pd.PeriodIndex
    expected: np.ndarray  # with the effect
    without: np.ndarray  # without the effect
    shock: np.ndarray  # its part that passes, mean 1
    numerator: np.ndarray
    denominator: np.ndarray


def draw_until_worst(place: Place) -> tuple[Drawn, int]:
    """The primary outcome, its noise drawn again until the pilot's area looks worst before START.

    Only the twelve months before the start are looked at, and only who is worst in them.

    Returns
    -------
    The draw, and how many were made.
    """
    measure = next(measure for measure in MEASURES if measure.indicator_id == PRIMARY)
    seed = 0
    while True:
        seed += 1
        drawn = draw(place, measure, np.random.default_rng([SEED, seed]))
        if int(looked_at_rate(drawn).argmax()) == place.pilot:
            return drawn, seed


def looked_at_rate(drawn: Drawn) -> np.ndarray:
    """Observed rate of each area in the year a board would look at, in the measure's unit."""
    seen = drawn.periods.isin(LOOKED_AT)
    counted, out_of = drawn.numerator[:, seen].sum(axis=1), drawn.denominator[:, seen].sum(axis=1)
    return counted / out_of * drawn.measure.multiplier


def draw_others(place: Place) -> list[Drawn]:
    """Every other measure, each with a stream of its own."""
    others = [measure for measure in MEASURES if measure.indicator_id != PRIMARY]
    return [
        draw(place, measure, np.random.default_rng([SEED, 10_000 + number]))
        for number, measure in enumerate(others)
    ]


def draw(place: Place, measure: Measure, rng: np.random.Generator) -> Drawn:
    """One measure's expectations and counts."""
    periods = periods_of(measure)
    base = place.bases[measure.base][:, year_positions(periods)]
    shock = log_normal_shocks(
        rng,
        place.graph.spread(measure.spatial),
        len(periods),
        overdispersion=measure.overdispersion,
        autocorrelation=measure.autocorrelation,
    )
    ratio = effect_ratio(place, measure, periods)
    without = shares(place, measure, periods, shock)
    if measure.drawn == "poisson":
        without = without * base
        expected = without * ratio
        if measure.ages:
            return draw_by_age(place, measure, periods, without, ratio, shock, rng)
        count = rng.poisson(expected)
        return Drawn(measure, periods, expected, without, shock, count, base)
    expected = without * ratio
    if measure.drawn == "binomial":
        count = rng.binomial(base, expected)
    else:
        count = np.rint(expected * base).astype(np.int64)
    return Drawn(measure, periods, expected * base, without * base, shock, count, base)


def draw_by_age(
    place: Place,
    measure: Measure,
    periods: pd.PeriodIndex,
    without: np.ndarray,
    ratio: np.ndarray,
    shock: np.ndarray,
    rng: np.random.Generator,
) -> Drawn:
    """Counts by sex and band: the area's expectation shared out by who lives there.

    The borough's total stays what `without` adds up to; an area with more old people has more.
    """
    people = place.residents[:, year_positions(periods)]
    load = people * AGE_PROFILES[measure.ages]
    per_person = load / people.sum(axis=(2, 3), keepdims=True)
    scale = without.sum() / (without[:, :, None, None] * per_person).sum()
    cells = without[:, :, None, None] * per_person * scale
    summed = cells.sum(axis=(2, 3))
    count = rng.poisson(cells * ratio[:, :, None, None])
    return Drawn(measure, periods, summed * ratio, summed, shock, count, people)


def periods_of(measure: Measure) -> pd.PeriodIndex:
    """The measure's periods that lie wholly in 2003 to 2012."""
    ends = {"M": "2012-12", "Y": "2012", "Y-MAR": "2012"}
    starts = {"M": "2003-01", "Y": "2003", "Y-MAR": "2004"}
    frequency = measure.frequency
    return pd.period_range(starts[frequency], ends[frequency], freq=frequency)


def year_positions(periods: pd.PeriodIndex) -> np.ndarray:
    """Position in `people.YEARS` of the year each period begins in."""
    return periods.start_time.year.to_numpy() - YEARS[0]


def shares(
    place: Place, measure: Measure, periods: pd.PeriodIndex, shock: np.ndarray
) -> np.ndarray:
    """Expected share or rate per person, areas x periods, without the programme."""
    years = (periods.start_time - pd.Timestamp("2003-01-01")).days.to_numpy() / 365.25
    months = periods.start_time.month.to_numpy()
    course = measure.trend * (years - years.mean()) + measure.recession * recession(periods)
    if measure.frequency == "M":
        course = course + measure.season * np.cos(2 * np.pi * (months - measure.peak) / 12)
    if measure.break_in is not None:
        late = periods.start_time >= pd.Timestamp(measure.break_in.start)
        course = course + np.where(late, measure.break_in.shift, 0.0)
    gradient = measure.gradient * (1 - measure.narrowing * years)
    own = measure.own_sd * place.own_levels[measure.indicator_id]
    score = place.deprivation[:, None] * gradient + own[:, None] + course + np.log(shock)
    level = measure.level / measure.multiplier
    if measure.drawn == "binomial":
        return 1 / (1 + np.exp(-(score + np.log(level / (1 - level)))))
    return level * np.exp(score) / np.exp(score).mean()


def recession(periods: pd.PeriodIndex) -> np.ndarray:
    """How much of the recession is on in each period, 0 to 1."""
    known = [pd.Period(month, "M").ordinal for month in RECESSION]
    middle = (periods.start_time + (periods.end_time - periods.start_time) / 2).to_period("M")
    return np.interp(middle.asi8, known, list(RECESSION.values()))


def effect_ratio(place: Place, measure: Measure, periods: pd.PeriodIndex) -> np.ndarray:
    """What the programme multiplies the expectation by, areas x periods."""
    after = periods.start_time >= START.start_time
    log_ratio = np.zeros((len(place.graph.codes), len(periods)))
    log_ratio[np.ix_([place.pilot], np.flatnonzero(after))] = measure.effect.pilot
    log_ratio[np.ix_(place.next_door, np.flatnonzero(after))] = measure.effect.neighbours
    return np.exp(log_ratio)
