"""Do measures meet their targets as often as the forecast says? A reliability table.

Yearly measures of 8 to 20 values are simulated with a level that wanders, a drift, and noise of
every relative size; each has a target one to four years ahead, near enough to be in doubt. Printed
are, by the probability that was given, how many met theirs.

    python benchmarks/target_forecasts.py --sims 5000 --seed 1
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from lsp_analysis.standing.agencies.plan import target_forecast

BANDS = [0, 0.02, 0.1, 0.25, 0.4, 0.6, 0.75, 0.85, 0.98, 1]


def main() -> None:
    """Simulate, and print the reliability table and how often 77 to 83% came about."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=5000, help="measures")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other measures")
    options = parser.parse_args()
    draw = np.random.default_rng(options.seed)
    rows = pd.DataFrame([one_measure(draw) for _ in range(options.sims)])
    bands = rows.groupby(pd.cut(rows["given"], BANDS), observed=True)["met"]
    table = bands.agg(["size", "mean", "sem"]).assign(
        given=rows.groupby(pd.cut(rows["given"], BANDS), observed=True)["given"].mean()
    )
    print((100 * table[["given", "mean", "sem"]]).round(1).assign(measures=table["size"]))
    near = rows[rows["given"].between(0.75, 0.85)]
    print(
        f"given 75 to 85% ({near['given'].mean():.1%} on average): "
        f"met {near['met'].mean():.1%} of {len(near)}"
    )
    print(f"80% intervals hold {rows['inside'].mean():.1%}")


def one_measure(draw: np.random.Generator) -> dict[str, float]:
    """The probability that was given to one measure, and whether it met its target."""
    n, steps = int(draw.integers(8, 21)), int(draw.integers(1, 5))
    wander = draw.choice([0.0, 0.1, 0.3, 1.0, 3.0])
    drift = draw.normal(0, 0.5)
    level = np.cumsum(draw.normal(0, wander, n + steps)) + drift * np.arange(n + steps)
    values = 50 + level + draw.normal(0, 1, n + steps)
    series = pd.Series(values[:n], pd.period_range("2000", periods=n, freq="Y"))
    size = np.sqrt(1 + steps * wander**2 + (0.3 * steps) ** 2)
    target = values[n - 1] + drift * steps + draw.normal(0, 1.3) * size
    higher = bool(draw.integers(2))
    found = target_forecast(
        series, target=target, due=series.index[-1] + steps, higher_is_better=higher
    )
    end = values[-1]
    return {
        "given": found.probability,
        "met": float(end >= target if higher else end <= target),
        "inside": float(found.paths["low"].iloc[-1] <= end <= found.paths["high"].iloc[-1]),
    }


if __name__ == "__main__":
    main()
