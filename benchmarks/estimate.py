"""How long one effect takes on 177 areas x 60 months: ``python benchmarks/estimate.py``.

Run it from the root of the checkout. The core of `estimate` (estimate, interval, p-value) is
allowed 0.1 s, with its false positive rate 2 s, and all checks 4 s, for one treated area and for
four that adjoin. Each is the fastest of two runs on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from lsp_analysis import Question, effects

AREAS, MONTHS, COLUMNS = 177, 60, 15
START = pd.Period("2012-01", "M")


def borough(seed: int = 0) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Counts that differ by area and season, and neighbours on a grid of streets."""
    rng = np.random.default_rng(seed)
    codes = [f"E0100{4_000 + i}" for i in range(AREAS)]
    people = rng.integers(1_000, 2_500, AREAS)
    season = 0.2 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    rate = np.exp(-4.5 + rng.normal(0, 0.4, (AREAS, 1)) + season)
    panel = pd.DataFrame(
        {
            "area_code": np.repeat(codes, MONTHS),
            "period": np.tile(pd.period_range(START - 36, periods=MONTHS, freq="M"), AREAS),
            "people": np.repeat(people, MONTHS),
            "crimes": rng.poisson(rate * people[:, None]).ravel(),
        }
    )
    beside = [(i, i + 1) for i in range(AREAS - 1) if (i + 1) % COLUMNS]
    below = [(i, i + COLUMNS) for i in range(AREAS - COLUMNS)]
    return panel, [(codes[i], codes[j]) for i, j in beside + below]


def fastest(work: Callable[[], object], repeats: int = 2) -> float:
    """Seconds of the fastest of a few runs."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print the table."""
    panel, neighbours = borough()
    codes = list(panel["area_code"].unique())
    rows = []
    for treated in ([codes[80]], [codes[i] for i in (80, 81, 95, 96)]):
        asked = Question.from_frame(panel, "crimes", treated, START, "people", neighbours)
        calls = {
            "estimate, its core": (partial(effects.estimate, asked, checks=False), 0.1),
            "estimate with its false positive rate": (partial(effects.estimate, asked), 2.0),
            "everything that could fool us": (partial(effects.check_all, asked), 4.0),
        }
        rows += [
            (f"{name}, {len(treated)} treated", fastest(call), allowed)
            for name, (call, allowed) in calls.items()
        ]
    table = pd.DataFrame(rows, columns=["what", "seconds", "allowed"])
    table["within"] = table["seconds"] <= table["allowed"]
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
