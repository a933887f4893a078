"""How often does looking at many outcomes find something where nothing happened, and how fast?

Boroughs of 177 areas x 60 months have several outcomes that go together: each shares half of the
events of a common one. The neighbourhood was picked for looking worst on that. Nothing was done.
Printed: how often one outcome at the least stands out by itself, once all are allowed for, and by
the omnibus test; how often an effect on one is found with all allowed for; and the seconds taken.

    OMP_NUM_THREADS=1 python benchmarks/many_outcomes.py --sims 200 --outcomes 12 --jobs 2
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))
from demo.boroughs import Counts, SimulatedBorough, simulate_borough
from demo.graph import planar_graph

from lsp_analysis import Question
from lsp_analysis.effects.outcomes.many import ManyOutcomes, many_outcomes

ALPHA = 0.05 + 1e-12
FALL = 0.5
SEEDS_APART = 1_000_003


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, simulate, and print the rates and the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=200, help="boroughs")
    parser.add_argument("--outcomes", type=int, default=12, help="outcomes of each")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other boroughs")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    work = partial(looked_at, count=options.outcomes, seed=options.seed * SEEDS_APART)
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = pd.DataFrame(pool.map(work, range(options.sims), chunksize=2))
    shares = rows.drop(columns="seconds").mean()
    error = np.sqrt(shares * (1 - shares) / len(rows))
    print(f"{len(rows)} boroughs of {options.outcomes} outcomes, seed {options.seed}")
    print(pd.DataFrame({"per cent": 100 * shares, "error": 100 * error}).round(1).to_string())
    print(f"{rows['seconds'].median():.2f} s for {options.outcomes} outcomes (median)")
    last = looked_at(0, count=80, seed=options.seed * SEEDS_APART)
    print(f"{last['seconds']:.2f} s for 80 outcomes")


def looked_at(number: int, *, count: int, seed: int) -> dict[str, float]:
    """What is found in one borough, without an effect and with one on the last outcome."""
    rng = np.random.default_rng(seed + number)
    common = simulate_borough(AREAS, Counts(8.0), start=36, seed=seed + number)
    panels = [_outcome(common, rng, k) for k in range(count)]
    begun = time.process_time()
    found = ask(common, panels)
    seconds = time.process_time() - begun
    table = found.table
    treated = panels[-1]["area_code"].isin(common.treated) & (panels[-1]["period"] >= common.start)
    lowered = np.where(treated, rng.binomial(panels[-1]["count"], FALL), panels[-1]["count"])
    changed = ask(common, [*panels[:-1], panels[-1].assign(count=lowered)]).table
    return {
        "one or more alone": float((table["p_value"] <= ALPHA).any()),
        "the primary one": float(table["p_value"].iloc[0] <= ALPHA),
        "one or more, all allowed for": float((table["p_adjusted"] <= ALPHA).any()),
        "omnibus": float(found.omnibus_p <= ALPHA),
        "a halving of one found, all allowed for": float(changed["p_adjusted"].iloc[-1] <= ALPHA),
        "seconds": seconds,
    }


def _outcome(common: SimulatedBorough, rng: np.random.Generator, k: int) -> pd.DataFrame:
    own = simulate_borough(AREAS, start=36, seed=int(rng.integers(2**31)) + k)
    shared = rng.binomial(common.panel["count"], 0.5)
    return common.panel.assign(count=shared + own.panel["count"].to_numpy())


def ask(borough: SimulatedBorough, panels: Sequence[pd.DataFrame]) -> ManyOutcomes:
    """All outcomes, the first being the primary one."""
    questions = [
        Question.from_frame(
            panel.rename(columns={"count": f"outcome {k}"}), outcome=f"outcome {k}",
            population="population", treated=borough.treated, start=borough.start,
            neighbours=borough.neighbours,
        )
        for k, panel in enumerate(panels)
    ]  # fmt: skip
    return many_outcomes(questions, "outcome 0")


AREAS = planar_graph(177, seed=7)

if __name__ == "__main__":
    main()
