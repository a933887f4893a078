"""What the simulation knows and an analyst does not, for ``truth.json``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from demo.boundaries import BOROUGH_CODE
from demo.observations import SUPPRESSED
from demo.outcomes import LOOKED_AT, START, Drawn, looked_at_rate
from demo.place import PILOT, SEED, Place

NOTE = (
    "Simulated data. Nothing here was observed in Bolton; only the map is true. Effects are those "
    "built into the simulation: ratios of the expected count with the programme to that without."
)


def truth_text(place: Place, drawn: list[Drawn], n_draws: int) -> str:
    """The content of ``truth.json``: seeds, effects, levels, break, suppressed cell."""
    primary = drawn[0]
    truth = {
        "note": NOTE,
        "seed": SEED,
        "borough": BOROUGH_CODE,
        "pilot": {"area_code": PILOT, "start": str(START)},
        "primary_outcome": primary.measure.indicator_id,
        "selection": selection(place, primary, n_draws),
        "effects": {one.measure.indicator_id: effects(place, one) for one in drawn},
        "break": [break_of(one) for one in drawn if one.measure.break_in is not None],
        "suppressed": suppressed_cell(place, drawn),
    }
    return json.dumps(truth, indent=2, ensure_ascii=False) + "\n"


def selection(place: Place, primary: Drawn, n_draws: int) -> dict[str, Any]:
    """How the pilot's area came to look worst, and how bad it is in truth."""
    observed, lasting = looked_at_rate(primary), lasting_rate(primary)
    return {
        "rule": f"noise of the primary outcome drawn again until {PILOT} had the highest observed "
        f"rate of all areas from {LOOKED_AT[0]} to {LOOKED_AT[-1]}",
        "draws": n_draws,
        "observed_rate_in_that_year": rounded(observed[place.pilot]),
        "observed_rank": 1 + int((observed > observed[place.pilot]).sum()),
        "true_lasting_rate": rounded(lasting[place.pilot]),
        "true_lasting_rank": 1 + int((lasting > lasting[place.pilot]).sum()),
        "areas": len(observed),
        "unit": primary.measure.unit,
        "true_lasting_rates": dict(zip(place.graph.codes, rounded(lasting), strict=True)),
    }


def lasting_rate(one: Drawn) -> np.ndarray:
    """Rate of each area in the year looked at, without its shocks and without chance."""
    seen = one.periods.isin(LOOKED_AT)
    smooth = (one.without / one.shock)[:, seen].sum(axis=1)
    return smooth / one.denominator[:, seen].sum(axis=1) * one.measure.multiplier


def effects(place: Place, one: Drawn) -> dict[str, Any]:
    """The programme's effect on one measure, where, from when, in which unit."""
    measure = one.measure
    after = one.periods.start_time >= START.start_time
    made = {
        "kind": measure.kind,
        "unit": measure.unit,
        "frequency": measure.frequency,
        "first_period": str(one.periods[after][0]),
        "pilot": {
            "relative": rounded(np.expm1(measure.effect.pilot)),
            "absolute": mean_change(one, [place.pilot], after),
        },
        "neighbours": {
            "relative": rounded(np.expm1(measure.effect.neighbours)),
            "absolute": mean_change(one, place.next_door, after),
        },
    }
    if measure.effect.neighbours:
        made["neighbours"]["area_codes"] = [place.graph.codes[at] for at in place.next_door]
    return made


def mean_change(one: Drawn, areas: list[int] | np.ndarray, after: np.ndarray) -> float:
    """Mean change of the areas' expected value per period, in the measure's unit."""
    at = np.ix_(areas, np.flatnonzero(after))
    base = one.denominator
    if base.ndim > 2:
        base = base.sum(axis=(2, 3))
    change = (one.expected - one.without)[at].sum() / base[at].sum()
    return rounded(change * one.measure.multiplier)


def break_of(one: Drawn) -> dict[str, Any]:
    """The series break of one measure."""
    found = one.measure.break_in
    return {
        "indicator_id": one.measure.indicator_id,
        "start": found.start,
        "relative": rounded(np.expm1(found.shift)),
        "areas": "all",
        "reason": found.reason,
    }


def suppressed_cell(place: Place, drawn: list[Drawn]) -> dict[str, Any]:
    """The withheld cell and the count behind it."""
    indicator_id, code, start = SUPPRESSED
    one = next(one for one in drawn if one.measure.indicator_id == indicator_id)
    when = one.periods.get_loc(pd.Period(start, one.periods.freqstr))
    count = one.numerator[place.graph.codes.index(code), when]
    return {
        "indicator_id": indicator_id,
        "area_code": code,
        "period_start": start,
        "numerator": int(count),
    }


def rounded(value: np.ndarray | float) -> Any:
    """Six decimals: enough to compare with, and the same on every machine."""
    return np.round(value, 6).tolist() if np.ndim(value) else round(float(value), 6)
