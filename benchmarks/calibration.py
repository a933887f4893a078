"""Does the method cry wolf as often as it says, cover what it should, and see what is there?

Boroughs of 177 areas x 60 months are simulated from every world of ``worlds.csv``, with one
neighbourhood picked for having looked worst: once without a programme, and once more with a fall
of a quarter. Printed for each world, with Monte Carlo standard errors:

- how often `estimate` finds an effect where there is none, beside the level its placebos allow,
  how often its interval covers the true fall, and how often it finds it;
- the same false alarms of two-way fixed effects with errors clustered by area, of
  difference-in-differences ranked among placebos, and of a 20-line analysis of covariance;
- how much more often than the best of those that keep their size `estimate` finds the fall, on
  the same boroughs.

    OMP_NUM_THREADS=1 python benchmarks/calibration.py --sims 1000 --seed 1 --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.effects.case import open_case
from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.regressions.placebo_did import placebo_difference_in_differences
from lsp_analysis.study.simulation.boroughs import SimulatedBorough, World, read_worlds

LEVEL = 0.95
ALPHA = 1 - LEVEL + 1e-12
FALL = -0.25
MOST_ALARMS = 0.065
METHODS = ("estimate", "placebo DiD", "clustered TWFE", "20 lines")
SEEDS_APART = 1_000_003  # between the boroughs of one --seed and those of the next


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, simulate, and print the table."""
    options = _options(arguments)
    worlds = [world for world in read_worlds(options.worlds) if options.only in world.name]
    trials = list(product(worlds, range(options.sims)))
    work = partial(try_borough, seed=options.seed * SEEDS_APART, light=options.light)
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = pd.DataFrame(pool.map(work, trials, chunksize=5))
    print(f"{options.sims} boroughs a world, seed {options.seed}; per cent (standard error)")
    print("\nestimate", own_table(rows).to_string(), sep="\n")
    if not options.light:
        print("\nfalse alarms, all methods", rival_table(rows, "null").to_string(), sep="\n")
        print("\nfound with a fall of 25%", rival_table(rows, "fall").to_string(), sep="\n")
        print("\nfound more often than", margin_table(rows).to_string(), sep="\n")
    print()
    for line in verdicts(rows):
        print(line)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).parent
    parser.add_argument("--sims", type=int, default=200, help="boroughs per world")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other boroughs")
    parser.add_argument("--worlds", type=Path, default=here / "worlds.csv", help="table of worlds")
    parser.add_argument("--only", default="", help="worlds whose name holds this text")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--light", action="store_true", help="`estimate` alone, not its rivals")
    return parser.parse_args(arguments)


def try_borough(trial: tuple[World, int], *, seed: int, light: bool) -> dict[str, object]:
    """All methods on one borough, without and with an effect: one row of numbers."""
    world, number = trial
    row: dict[str, object] = {"world": world.name}
    for name, effect in (("null", 0.0), ("fall", float(np.log1p(FALL)))):
        borough = world.simulate(seed=seed + number, effect=effect)
        found = by_estimate(borough)
        row |= {f"{name} estimate": found.p_value}
        row |= {"placebos": found.n_placebos, "disjoint": found.n_disjoint}
        row[f"{name} covered"] = found.relative_low <= np.expm1(effect) <= found.relative_high
        row[f"{name} width"] = np.log1p(found.relative_high) - np.log1p(found.relative_low)
        if not light:
            rates = borough.panel.assign(rate=borough.panel["count"] / borough.panel["population"])
            row[f"{name} placebo DiD"] = by_placebo_did(rates, borough)
            row[f"{name} clustered TWFE"] = by_clusters(rates, borough)
            row[f"{name} 20 lines"] = by_twenty_lines(borough)
    return row


def by_estimate(borough: SimulatedBorough):
    """The product's method."""
    return estimate(
        borough.panel, outcome="count", population="population", treated=borough.treated,
        start=borough.start, neighbours=borough.neighbours, level=LEVEL, checks=False,
    )  # fmt: skip


def by_placebo_did(rates: pd.DataFrame, borough: SimulatedBorough) -> float:
    """p-value of difference-in-differences ranked among placebo neighbourhoods."""
    return placebo_difference_in_differences(
        rates, outcome="rate", treated=borough.treated, start=borough.start,
        neighbours=borough.neighbours, level=LEVEL,
    ).p_value  # fmt: skip


def by_clusters(rates: pd.DataFrame, borough: SimulatedBorough) -> float:
    """p-value that two-way fixed effects with clustered errors would print, had it not been
    withheld."""
    fit = difference_in_differences(
        rates, outcome="rate", treated=list(borough.treated), start=borough.start
    )
    df = rates["area_code"].nunique() - 1
    return float(2 * stats.t.sf(abs(fit.estimate / fit.se), df))


def by_twenty_lines(borough: SimulatedBorough) -> float:
    """p-value of the mark to beat: log rate after on three years before, like placebos weighed
    most."""
    case = open_case(
        borough.panel, outcome="count", population="population", treated=borough.treated,
        start=borough.start, neighbours=borough.neighbours,
    )  # fmt: skip
    groups = case.pool.members.astype(float)
    years = [(max(0, case.start - 12 * back), case.start - 12 * (back - 1)) for back in (1, 2, 3)]
    windows = [(case.start, case.stop), *(year for year in years if year[1] > 0)]
    sums = [case.ledger.sums(*window) for window in windows]
    logs = [np.log((groups @ total + 0.5) / (groups @ people)) for total, people in sums]
    level = np.mean(logs[1:], axis=0)
    weight = np.exp(-0.5 * ((level - level[0]) / level[1:].std()) ** 2)
    terms = np.column_stack([np.ones(len(groups)), *logs[1:]])
    root = np.sqrt(weight[1:])
    fit = np.linalg.lstsq(terms[1:] * root[:, None], logs[0][1:] * root, rcond=None)[0]
    rest = np.abs(logs[0] - terms @ fit)
    return float((weight[1:] @ (rest[1:] >= rest[0]) + weight[0]) / weight.sum())


def own_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per world: what `estimate` claims and does."""
    shares = {
        "false alarms": rows["null estimate"] <= ALPHA,
        "covers no effect": rows["null covered"],
        "covers -25%": rows["fall covered"],
        "finds -25%": rows["fall estimate"] <= ALPHA,
    }
    by_world = rows.groupby("world", sort=False)
    told = in_per_cent(pd.DataFrame(shares), rows["world"])
    told.insert(0, "placebos", by_world["placebos"].median().astype(int))
    told.insert(1, "apart", by_world["disjoint"].median().astype(int))
    allowed = attainable(rows["placebos"]).groupby(rows["world"], sort=False).mean()
    told.insert(3, "attainable", (100 * allowed).round(2))
    return told


def rival_table(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One row per world, one column per method: how often each finds an effect."""
    shares = {name: rows[f"{kind} {name}"] <= ALPHA for name in METHODS}
    return in_per_cent(pd.DataFrame(shares), rows["world"])


def margin_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per world: the best rival that keeps its size, and by how much `estimate` finds the
    fall more often on the same boroughs."""
    found = {}
    for world, own in rows.groupby("world", sort=False):
        sized = [m for m in METHODS[1:] if (own[f"null {m}"] <= ALPHA).mean() <= MOST_ALARMS]
        hits = {m: (own[f"fall {m}"] <= ALPHA).astype(float) for m in ("estimate", *sized)}
        best = max(sized, key=lambda m: hits[m].mean(), default=None)
        more = 100 * (hits["estimate"] - hits[best]) if best else pd.Series([np.nan])
        found[world] = (best or "none keeps its size", f"{more.mean():.1f} ({more.sem():.1f})")
    return pd.DataFrame(found, index=["best rival", "points more"]).T


def in_per_cent(shares: pd.DataFrame, world: pd.Series) -> pd.DataFrame:
    """Means by world and their standard errors, as text."""
    by_world = shares.astype(float).groupby(world, sort=False)
    mean, error = (100 * by_world.mean()).round(1), (100 * by_world.sem()).round(1)
    return mean.astype(str) + " (" + error.astype(str) + ")"


def attainable(placebos: pd.Series) -> pd.Series:
    """False-alarm rate that so many placebos allow: floor(0.05 (B + 1)) / (B + 1)."""
    return np.floor((1 - LEVEL) * (placebos + 1) + 1e-9) / (placebos + 1)


def verdicts(rows: pd.DataFrame) -> Iterable[str]:
    """Whether all worlds together, and each, keep to what is asked of `estimate`."""
    alarm = (rows["null estimate"] <= ALPHA).groupby(rows["world"], sort=False).mean()
    allowed = attainable(rows["placebos"]).groupby(rows["world"], sort=False).mean()
    covered = rows.groupby("world", sort=False)["fall covered"].mean()
    yield f"all worlds: false alarms {alarm.mean():.1%}, coverage {covered.mean():.1%}"
    for world in alarm.index:
        too_often = alarm[world] > MOST_ALARMS or abs(alarm[world] - allowed[world]) > 0.015
        if too_often or not 0.93 <= covered[world] <= 0.97:
            yield (
                f"outside the marks: {world}: false alarms {alarm[world]:.1%} "
                f"(attainable {allowed[world]:.1%}), coverage {covered[world]:.1%}"
            )


if __name__ == "__main__":
    main()
