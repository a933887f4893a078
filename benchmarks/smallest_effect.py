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

import numpy as np
import pandas as pd
from worlds import MEAN, World, read_worlds

from lsp_analysis import Question, estimate
from lsp_analysis.effects.result import EffectEstimate

ALPHA = 0.05 + 1e-9
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
    trials = product(read_worlds(options.only), range(options.sims))
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
        named = ask(world.simulate(seed + number), polarity)
        size = named.smallest_relative
        if world.kind == "mean":
            size = named.smallest_effect / (0.4 * MEAN)
        if np.isfinite(size):
            found = ask(world.simulate(seed + number, sign * size), polarity)
            rows.append(
                {"world": world.name, "side": side, "named": named.smallest_relative,
                 "found": found.p_value <= ALPHA}
            )  # fmt: skip
    return rows


def ask(question: Question, polarity: str) -> EffectEstimate:
    """The product's method."""
    return estimate(question.named(polarity=polarity), checks=False)


def power_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per world: median effect named, and how often it was found, as a fall and a rise."""
    by_world = rows.groupby(["side", "world"], sort=False)
    named = (100 * by_world["named"].median()).round(0)
    mean, error = 100 * by_world["found"].mean(), 100 * by_world["found"].sem()
    found = mean.round(0).astype(str) + " (" + error.round(0).astype(str) + ")"
    table = pd.DataFrame({"named": named, "found": found}).reset_index()
    return table.pivot_table(["named", "found"], "world", "side", aggfunc="first", sort=False)


if __name__ == "__main__":
    main()
