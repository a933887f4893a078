"""How fast areas are compared with their borough, and how far the intervals can be trusted.

Run it from the root of the checkout: ``python benchmarks/standing.py``. The target is 33,000 small
areas x 40 indicators, each with an interval and a comparison with all the others, in 2 seconds on
two cores. The second table draws worlds whose truth is known and counts how often intervals that
claim 95% hold it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis.standing.change.gap_forecast import gap_trend
from lsp_analysis.standing.change.gaps import Gap
from lsp_analysis.standing.comparison.baseline import compare_each
from lsp_analysis.standing.comparison.contrast import (
    difference_of_proportions,
    difference_of_rates,
    ratio_of_rates,
)
from lsp_analysis.standing.comparison.funnels import funnel
from lsp_analysis.standing.comparison.intervals import (
    exact_poisson_limits,
    poisson_limits,
    rates,
    wilson_limits,
)
from lsp_analysis.standing.comparison.smoothing import empirical_bayes
from lsp_analysis.study.indicator import Indicator

AREAS, INDICATORS, TARGET = 33_000, 40, 2.0
RATE = Indicator("rate", "A rate", "per_1000", "rate", 1000.0, "low_is_good")
SHARE = Indicator("share", "A proportion", "percent", "proportion", 100.0, "low_is_good")


def one_period(rng: np.random.Generator, n: int, risk: float, indicator: Indicator) -> pd.DataFrame:
    """A panel of one period, with areas of 1,000 to 3,000 people."""
    people = rng.integers(1000, 3000, n)
    events = rng.binomial(people, risk * rng.gamma(10, 0.1, n).clip(max=5))
    return pd.DataFrame(
        {
            "area_code": np.char.add("E01", np.arange(n).astype(str)),
            "period": pd.PeriodIndex(["2008"] * n, freq="Y"),
            "numerator": events,
            "denominator": people,
            "value": indicator.multiplier * events / people,
            "note": "",
        }
    )


def best_of(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of a few runs: what the machine can do when left alone."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def speed_table(rng: np.random.Generator) -> pd.DataFrame:
    """Seconds for the whole country's small areas, by task."""
    kinds = [RATE, SHARE] * (INDICATORS // 2)
    panels = [one_period(rng, AREAS, rng.uniform(0.002, 0.2), kind) for kind in kinds]
    pairs = list(zip(panels, kinds, strict=True))
    counts = np.concatenate([panel["numerator"] for panel in panels]).astype(float)
    people = np.concatenate([panel["denominator"] for panel in panels]).astype(float)
    tasks = {
        "intervals and comparison with the rest": lambda: [
            compare_each(panel, indicator=kind) for panel, kind in pairs
        ],
        "intervals alone": lambda: [rates(panel, indicator=kind) for panel, kind in pairs],
        "funnel classification": lambda: [funnel(panel, indicator=kind) for panel, kind in pairs],
        "Poisson limits": lambda: poisson_limits(counts),
        "Wilson limits": lambda: wilson_limits(counts, people),
        "empirical Bayes smoothing": lambda: empirical_bayes(counts, people),
    }
    seconds = {task: best_of(work) for task, work in tasks.items()}
    rows = AREAS * INDICATORS
    table = pd.DataFrame({"seconds": seconds})
    table["million rows a second"] = rows / 1e6 / table["seconds"]
    table["target (s)"] = [TARGET, *[np.nan] * (len(table) - 1)]
    return table


def peer_table(rng: np.random.Generator, rows: int = 2000) -> pd.DataFrame:
    """Seconds a million rows, for the same limits from SciPy row by row."""
    people = rng.integers(1000, 3000, rows).astype(float)
    events = rng.binomial(people.astype(int), 0.05)
    work = {
        ("Wilson", "here"): lambda: wilson_limits(events, people),
        ("Wilson", "scipy binomtest"): lambda: [
            stats.binomtest(int(x), int(n)).proportion_ci(method="wilson")
            for x, n in zip(events, people, strict=True)
        ],
        ("exact Poisson", "here"): lambda: exact_poisson_limits(events),
        ("exact Poisson", "scipy chi2"): lambda: [
            (stats.chi2.ppf(0.025, 2 * x) / 2, stats.chi2.ppf(0.975, 2 * x + 2) / 2) for x in events
        ],
    }
    seconds: dict[str, dict[str, float]] = {}
    for (limits, whose), todo in work.items():
        seconds.setdefault(whose, {})[limits] = best_of(todo) * 1e6 / rows
    return pd.DataFrame(seconds)


def coverage_table(rng: np.random.Generator, draws: int = 20_000) -> pd.DataFrame:
    """Share of 95% intervals that hold the truth, per cent, and how often they miss each side."""
    rows = []
    for risk, here, there in ((0.002, 1500, 270_000), (0.02, 1500, 270_000), (0.2, 1500, 270_000)):
        people = (rng.binomial(here, 1.5 * risk, draws), here)
        people += (rng.binomial(there, risk, draws), there)
        events = (rng.poisson(here * 1.5 * risk, draws), here)
        events += (rng.poisson(there * risk, draws), there)
        found = {
            "difference of proportions": (difference_of_proportions(*people), 0.5 * risk),
            "difference of rates": (difference_of_rates(*events), 0.5 * risk),
            "ratio of rates": (ratio_of_rates(*events), 1.5),
        }
        for name, (contrast, truth) in found.items():
            rows.append(_coverage(name, f"{here * risk * 1.5:g} events", contrast, truth))
    return pd.DataFrame(rows)


def _coverage(name: str, of: str, contrast: object, truth: float) -> dict[str, object]:
    above, below = np.mean(contrast.low > truth), np.mean(contrast.high < truth)
    shares = {"held": 1 - above - below, "all above": above, "all below": below}
    return {"interval": name, "of": of, **{k: 100 * v for k, v in shares.items()}}


def gap_trend_table(draws: int = 100, ahead: int = 3) -> pd.DataFrame:
    """Coverage of a gap's slope and of its forecast, by length of series and autocorrelation."""
    rows = []
    for n in (8, 12, 20):
        for autocorrelation in (0.0, 0.5, 0.8):
            held = [_slope_and_forecast(n, autocorrelation, ahead, seed) for seed in range(draws)]
            slope, forecast = 100 * np.mean(held, axis=0)
            rows.append(
                {
                    "gaps": n,
                    "autocorrelation": autocorrelation,
                    "slope held": slope,
                    f"forecast {ahead} ahead held": forecast,
                }
            )
    return pd.DataFrame(rows)


def _slope_and_forecast(n: int, autocorrelation: float, ahead: int, seed: int) -> list[bool]:
    rng = np.random.default_rng(seed)
    error = np.zeros(n + ahead)
    error[0] = rng.normal() / np.sqrt(1 - autocorrelation**2)
    for t in range(1, n + ahead):
        error[t] = autocorrelation * error[t - 1] + rng.normal()
    gaps = 15 - 0.3 * np.arange(n + ahead) + error
    periods = pd.period_range("2000", periods=n, freq="Y")
    limits = {"low": gaps[:n] - 1, "high": gaps[:n] + 1}
    frame = pd.DataFrame({"period": periods, "gap": gaps[:n], **limits})
    known = Gap("x", "x", "per_1000", "low_is_good", "here", "there", 0.95, frame)
    found = gap_trend(known, ahead=ahead)
    last = found.frame.iloc[-1]
    return [found.slope_low < -0.3 < found.slope_high, last["low"] < gaps[-1] < last["high"]]


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(2009)
    tables = {
        f"{AREAS:,} areas x {INDICATORS} indicators (best of three)": speed_table(rng),
        "The same limits by others: seconds a million rows": peer_table(rng),
        "Intervals that claim 95%: per cent that hold the truth": coverage_table(rng),
        "Trend of a gap, 95%: per cent that hold the truth": gap_trend_table(),
    }
    for title, table in tables.items():
        print(f"\n{title}\n")
        print(table.to_string(float_format=lambda x: f"{x:.2f}", na_rep=""))


if __name__ == "__main__":
    main()
