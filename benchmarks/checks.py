"""Does each check find what it looks for, and does it leave sound data alone?

Boroughs of 177 areas x 60 months and twenty events a month are simulated: sound ones, whose area
was taken at random, and ones in which a fault was planted, mostly beside a fall of 40% in the area
that looked worst. Printed per check: how often it does not pass where nothing is wrong, without and
with an effect, and what it says where its own fault was planted.

    OMP_NUM_THREADS=1 python benchmarks/checks.py --sims 40 --jobs 2
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from demo.boroughs import Counts, SimulatedBorough, simulate_borough

from lsp_analysis import Question
from lsp_analysis.effects import check_all

FALL = float(np.log(0.6))
SOUND = Counts(mean_count=20.0, overdispersion=0.05)
SEEDS_APART = 1_000_003
Planted = tuple[SimulatedBorough, dict[str, Any]]
"""A borough, and what is known besides (interventions)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, plant the faults, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=40, help="boroughs per fault")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other boroughs")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    trials = list(product([*SOUND_CASES, *FAULTS], range(options.sims)))
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(statuses, seed=options.seed * SEEDS_APART)
        rows = pd.concat(pool.map(work, trials, chunksize=4), ignore_index=True)
    print(f"{options.sims} boroughs a row, seed {options.seed}; per cent of them")
    print("\nNothing wrong", sound_table(rows).to_string(), sep="\n")
    print("\nA fault planted", fault_table(rows).to_string(), sep="\n")


def statuses(trial: tuple[str, int], *, seed: int) -> pd.DataFrame:
    """What every check says of one borough: one row per check."""
    name, number = trial
    made, known = ({**SOUND_CASES, **FAULTS}[name])(seed + number)
    question = Question.from_frame(
        made.panel, outcome="count", population="population", treated=made.treated,
        start=made.start, neighbours=made.neighbours,
    )  # fmt: skip
    checks = check_all(replace(question, context=known))
    told = [(name, check.name, check.status) for check in checks]
    return pd.DataFrame(told, columns=["planted", "check", "status"])


def sound_table(rows: pd.DataFrame) -> pd.DataFrame:
    """How often each check does not pass where nothing is wrong."""
    sound = rows[rows["planted"].isin(SOUND_CASES)]
    order = list(dict.fromkeys(rows["check"]))
    parts = {
        name: _shares(sound[sound["planted"] == name], "check").loc[order].drop(columns="passed")
        for name in SOUND_CASES
    }
    return pd.concat(parts, axis=1)


def fault_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What the check that looks for a fault says where it was planted."""
    kept = [rows[(rows["planted"] == name) & (rows["check"] == LOOKED_FOR[name])]
            for name in FAULTS]  # fmt: skip
    shares = _shares(pd.concat(kept), "planted").loc[list(FAULTS)]
    shares.insert(0, "looked for by", LOOKED_FOR)
    return shares


def _shares(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    shares = pd.crosstab(rows[by], rows["status"], normalize="index")
    shares = shares.reindex(columns=["passed", "failed", "too little to tell"], fill_value=0)
    return (100 * shares).round().astype(int)


def _borough(
    seed: int, effect: float = FALL, counts: Counts = SOUND, **settings: int
) -> SimulatedBorough:
    return simulate_borough(counts=counts, seed=seed, effect=effect, start=36, **settings)


def _times(
    made: SimulatedBorough, ratio: np.ndarray | float, rows: np.ndarray, seed: int
) -> SimulatedBorough:
    """The borough with the expected counts of some rows multiplied: thinned, or added to."""
    rng = np.random.default_rng(seed)
    count = made.panel["count"].to_numpy(copy=True)
    ratio = np.broadcast_to(np.asarray(ratio, dtype=float), count.shape)[rows]
    own = count[rows]
    fewer = rng.binomial(own, np.minimum(ratio, 1))
    count[rows] = np.where(ratio < 1, fewer, own + rng.poisson(own * np.maximum(ratio - 1, 0)))
    return replace(made, panel=made.panel.assign(count=count))


def _here(made: SimulatedBorough) -> np.ndarray:
    return made.panel["area_code"].isin(made.treated).to_numpy()


def _after(made: SimulatedBorough, months: int = 0) -> np.ndarray:
    return (made.panel["period"] >= made.start + months).to_numpy()


def _next_door(made: SimulatedBorough) -> np.ndarray:
    near = {b for pair in made.neighbours for a, b in (pair, pair[::-1]) if a in made.treated}
    return made.panel["area_code"].isin(near - set(made.treated)).to_numpy()


def _alike(made: SimulatedBorough, count: int) -> list[str]:
    """Areas whose level before the start was nearest the neighbourhood's, not next door."""
    rows = made.panel[~_after(made) & ~_next_door(made)]
    sums = rows.groupby("area_code")[["count", "population"]].sum()
    rate = sums["count"] / sums["population"]
    away = (rate - rate[list(made.treated)].mean()).abs().drop(list(made.treated))
    return away.nsmallest(count).index.tolist()


def drift(seed: int) -> Planted:
    """It fell by a quarter every half year, from two years before the start on."""
    made = _borough(seed, 0.0)
    since = (made.panel["period"].astype("int64") - made.start.ordinal + 24).clip(0) // 6
    return _times(made, 0.75 ** since.to_numpy(), _here(made), seed), {}


def picked_on_noise(seed: int) -> Planted:
    """Rare events, picked on half a year."""
    rare = Counts(mean_count=1.0, overdispersion=0.3, level_sd=0.2)
    return _borough(seed, 0.0, rare, selection_window=6), {}


def spread(seed: int) -> Planted:
    """The effect next door too."""
    made = _borough(seed)
    return _times(made, 0.6, _next_door(made) & _after(made), seed), {}


def moved(seed: int) -> Planted:
    """A rise by half next door."""
    made = _borough(seed)
    return _times(made, 1.5, _next_door(made) & _after(made), seed), {}


def early(seed: int) -> Planted:
    """The effect began half a year before the start."""
    made = _borough(seed)
    return _times(made, 0.6, _here(made) & _after(made, -6) & ~_after(made), seed), {}


def _programmes(codes: Sequence[str], start: str) -> dict[str, Any]:
    table = {"name": "Another programme", "area_code": list(codes), "start": start}
    return {"interventions": pd.DataFrame(table)}


def treated_elsewhere(seed: int) -> Planted:
    """Another programme halved the outcome in the forty areas most alike."""
    made = _borough(seed)
    codes = _alike(made, 40)
    there = made.panel["area_code"].isin(codes).to_numpy()
    return _times(made, 0.5, there & _after(made), seed), _programmes(codes, str(made.start))


def something_else_here(seed: int) -> Planted:
    """Another programme began here half a year after the start."""
    made = _borough(seed)
    return made, _programmes(made.treated, str(made.start + 6))


def one_wild_area(seed: int) -> Planted:
    """Thirty areas, of which the one most alike trebled."""
    made = _borough(seed, areas=30)
    there = (made.panel["area_code"] == _alike(made, 1)[0]).to_numpy()
    return _times(made, 5.0, there & _after(made), seed), {}


def half_the_borough_moved(seed: int) -> Planted:
    """The half of the areas that are most alike fell as the neighbourhood did."""
    made = _borough(seed)
    there = made.panel["area_code"].isin(_alike(made, 44)).to_numpy()
    return _times(made, 0.5, there & _after(made), seed), {}


def recorded_otherwise(seed: int) -> Planted:
    """A third more was recorded everywhere from two months before the start."""
    made = _borough(seed)
    return _times(made, 1.33, _after(made, -2), seed), {}


def hardly_any_events(seed: int) -> Planted:
    """One event in five years."""
    return _borough(seed, counts=replace(SOUND, mean_count=0.02)), {}


def gone_missing(seed: int) -> Planted:
    """One in six of the neighbourhood's months after the start is missing."""
    made = _borough(seed)
    months = made.panel["period"].dt.month.isin([3, 9]).to_numpy()
    return replace(made, panel=made.panel[~(_here(made) & _after(made) & months)]), {}


def sound(seed: int, effect: float = 0.0) -> Planted:
    """An area taken at random, and an effect planted in it."""
    made = _borough(seed, 0.0)
    codes = made.panel["area_code"].unique()
    made = replace(made, treated=(str(codes[seed % len(codes)]),))
    made = _times(made, np.exp(effect), _here(made) & _after(made), seed)
    return made, _programmes(["none of these"], "2004-01")


SOUND_CASES: dict[str, Callable[[int], Planted]] = {
    "no effect": sound,
    "a fall of 40%": partial(sound, effect=FALL),
}
FAULTS = {
    one.__name__.replace("_", " "): one
    for one in (
        picked_on_noise, drift, early, spread, moved, something_else_here, treated_elsewhere,
        one_wild_area, half_the_borough_moved, recorded_otherwise, hardly_any_events, gone_missing,
    )
}  # fmt: skip
LOOKED_FOR = dict(
    zip(
        FAULTS,
        ("Regression to the mean", "Pre-trends", "Anticipation", "Spillover", "Displacement",
         "Contaminated comparators", "Contaminated comparators", "Leave one comparator out",
         "Comparison pool", "Series breaks", "Small counts and dispersion", "Missing data"),
        strict=True,
    )
)  # fmt: skip

if __name__ == "__main__":
    main()
