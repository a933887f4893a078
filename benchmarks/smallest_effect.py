"""Is the smallest effect that `estimate` names found four times in five, as it says?

In boroughs of every world of ``worlds.csv`` the effect that `estimate` names is planted, as a fall
and, where a rise is good, as a rise, and looked for. Printed per world: what it named (median, per
cent of what was expected), and how often that was found, with its Monte Carlo standard error.

    OMP_NUM_THREADS=1 python benchmarks/smallest_effect.py --sims 100 --jobs 2
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.study.simulation.boroughs import SimulatedBorough, World, read_worlds

LEVEL = 0.95
SEEDS_APART = 1_000_003
SIDES = {"fall": ("low_is_good", -1), "rise": ("high_is_good", 1)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, plant the effects, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=100, help="boroughs per world")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other boroughs")
    parser.add_argument("--only", default="", help="worlds whose name holds this text")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    worlds = read_worlds(Path(__file__).with_name("worlds.csv"))
    trials = product([w for w in worlds if options.only in w.name], range(options.sims))
    with ProcessPoolExecutor(options.jobs) as pool:
        work = partial(planted, seed=options.seed * SEEDS_APART)
        parts = pool.map(work, trials, chunksize=5)
    rows = pd.DataFrame([row for part in parts for row in part])
    print(f"{options.sims} boroughs a world, seed {options.seed}; per cent (standard error)")
    print(power_table(rows).to_string())


def planted(trial: tuple[World, int], *, seed: int) -> list[dict[str, object]]:
    """What was named and whether it was found, for a fall and a rise in one borough."""
    world, number = trial
    rows = []
    for side, (polarity, sign) in SIDES.items():
        named = ask(world.simulate(seed=seed + number), polarity).smallest_relative
        if np.isfinite(named):
            effect = float(np.log1p(sign * named))
            found = ask(world.simulate(seed=seed + number, effect=effect), polarity)
            rows.append(
                {"world": world.name, "side": side, "named": named,
                 "found": found.p_value <= 1 - LEVEL + 1e-12}
            )  # fmt: skip
    return rows


def ask(borough: SimulatedBorough, polarity: str) -> EffectEstimate:
    """`estimate`, its core alone."""
    return estimate(
        borough.panel, outcome="count", population="population", treated=borough.treated,
        start=borough.start, neighbours=borough.neighbours, level=LEVEL, checks=False,
        polarity=polarity,
    )  # fmt: skip


def power_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Median of what was named, and how often it was found, by world and side."""
    groups = rows.groupby(["world", "side"], sort=False)
    share, count = groups["found"].mean(), groups["found"].size()
    error = np.sqrt(share * (1 - share) / count)
    table = pd.DataFrame({"named": (100 * groups["named"].median()).round(0)})
    table["found"] = [f"{100 * p:.0f} ({100 * e:.0f})" for p, e in zip(share, error, strict=True)]
    return table


if __name__ == "__main__":
    main()
