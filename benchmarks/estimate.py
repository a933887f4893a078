"""How long one effect takes on 177 areas x 60 months: ``python benchmarks/estimate.py``.

Run it from the root of the checkout. The core of `estimate` (estimate, interval, p-value) is
allowed 0.1 s and all of it with its checks 2 s, for one treated area and for four that adjoin; ten
thousand randomisation draws on 177 x 48 are allowed 0.3 s. Each is the fastest of five runs on one
core.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from lsp_analysis import effects
from lsp_analysis.effects.checks.sensitivity import check_all

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


def fastest(work: Callable[[], object], repeats: int = 5) -> float:
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
    short = panel[panel["period"] >= START - 24]
    rows = []
    for treated in ([codes[80]], [codes[i] for i in (80, 81, 95, 96)]):
        asked = {"outcome": "crimes", "treated": treated, "start": START, "population": "people"}
        asked |= {"neighbours": neighbours, "seed": 1}
        size = f"{len(treated)} treated"
        rows += [
            (
                f"estimate, its core, {size}",
                fastest(lambda asked=asked: effects.estimate(panel, checks=False, **asked)),
                0.1,
            ),
            (
                f"estimate with its false-alarm rate, {size}",
                fastest(lambda asked=asked: effects.estimate(panel, **asked)),
                2.0,
            ),
            (
                f"estimate and everything that could fool us, {size}",
                fastest(
                    lambda asked=asked: (
                        effects.estimate(panel, **asked),
                        check_all(panel, **asked),
                    ),
                    repeats=2,
                ),
                2.0,
            ),
        ]
    draws = {"outcome": "crimes", "treated": codes[:8], "start": START}
    rows.append(
        (
            "10,000 randomisation draws, 177 x 48",
            fastest(lambda: effects.randomisation_inference(short, **draws)),
            0.3,
        )
    )
    table = pd.DataFrame(rows, columns=["what", "seconds", "allowed"])
    table["within"] = table["seconds"] <= table["allowed"]
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3f}"))


if __name__ == "__main__":
    main()
