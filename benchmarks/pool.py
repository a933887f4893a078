"""Does an estimate keep its size where a small borough takes in others?

``python benchmarks/pool.py``.

Worlds without an effect: a borough of 30 areas whose worst-looking area was picked, alone and with
two more boroughs, which may drift apart from it after the start. Prints the false positive rate at
5% and the median minimum detectable effect.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "data"), str(ROOT / "tests")]
from boroughs import simulated, small_map  # noqa: E402

from lsp_analysis import Question  # noqa: E402
from lsp_analysis.effects import estimate  # noqa: E402

WORLDS = ((30, 1, 0.0), (30, 3, 0.0), (30, 3, 0.05), (30, 3, 0.1), (177, 1, 0.0))


def question(seed: int, size: int, boroughs: int, drift: float) -> Question:
    """One world: `boroughs` of `size` areas, the first with the treated one."""
    rng = np.random.default_rng(10_000 + seed)
    panels, pairs = [], []
    for number in range(boroughs):
        made = simulated(
            areas=small_map(size), seed=10 * seed + number, n_periods=48, start=30, mean_count=6.0
        )
        panel = made.panel.assign(area_code=[f"{number}-{c}" for c in made.panel["area_code"]])
        if number:
            moved = np.round(panel["count"] * np.exp(rng.normal(0, drift)))
            panel["count"] = panel["count"].where(panel["period"] < made.start, moved)
        else:
            treated, start = [f"0-{code}" for code in made.treated], made.start
        panels.append(panel)
        pairs += [(f"{number}-{one}", f"{number}-{other}") for one, other in made.neighbours]
    return Question.from_frame(
        pd.concat(panels, ignore_index=True), outcome="count", population="population",
        treated=treated, start=start, neighbours=pairs,
    )  # fmt: skip


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description="Size of an estimate among several boroughs.")
    parser.add_argument("--worlds", type=int, default=150)
    worlds = parser.parse_args().worlds
    for size, boroughs, drift in WORLDS:
        found = [
            estimate(question(seed, size, boroughs, drift), checks=False) for seed in range(worlds)
        ]
        rate = np.mean([one.p_value <= 0.05 + 1e-9 for one in found])
        least = np.median([one.smallest_relative for one in found])
        print(
            f"{boroughs} of {size} areas, drift {drift:.0%}: false positives {rate:.1%}, "
            f"minimum detectable effect {least:.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
