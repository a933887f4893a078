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

from lsp_analysis.standing.change.gaps import Gap, gap_trend
from lsp_analysis.standing.comparison.exact import compare_rates, compare_shares
from lsp_analysis.standing.comparison.funnels import funnel
from lsp_analysis.standing.comparison.intervals import (
    empirical_bayes,
    exact_poisson_limits,
    poisson_limits,
    row_limits,
    wilson_limits,
)
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
        "exact comparison of rates with the rest": lambda: compare_rates(
            counts, people, counts.sum() - counts, people.sum() - people
        ),
        "intervals": lambda: [row_limits(p, indicator=kind, level=0.95) for p, kind in pairs],
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


def coverage_table(rng: np.random.Generator, draws: int = 2000) -> pd.DataFrame:
    """Share of 95% intervals that hold the truth, per cent, and how often they miss each side."""
    rows = []
    for risk, here, there in ((0.002, 1500, 270_000), (0.02, 1500, 270_000), (0.2, 1500, 15_000)):
        sizes = (np.full(draws, here), np.full(draws, there))
        risks = (1.5 * risk, risk)
        counts = {
            "shares": [rng.binomial(n, p) for n, p in zip(sizes, risks, strict=True)],
            "rates": [rng.poisson(n * p) for n, p in zip(sizes, risks, strict=True)],
        }
        for name, (own, other) in counts.items():
            compare = compare_shares if name == "shares" else compare_rates
            found = compare(own, sizes[0], other, sizes[1])
            for what, truth in (("difference", 0.5 * risk), ("ratio", 1.5)):
                above = 100 * np.mean(found[f"{what}_low"] > truth)
                below = 100 * np.mean(found[f"{what}_high"] < truth)
                of = f"{here * risk * 1.5:g} cases here, {there * risk:g} there"
                held = {"held": 100 - above - below, "all above": above, "all below": below}
                rows.append({"interval": f"{what} of {name}", "of": of, **held})
    return pd.DataFrame(rows)


def size_table(rng: np.random.Generator, draws: int = 40_000) -> pd.DataFrame:
    """False positive rate of the contrast test at 5%, per cent, by expected events and dispersion.

    The area has the expected events; the rest of the borough 176 times as many people at the same
    rate. With overdispersion (variance over mean) the area's events are negative binomial. Shares
    are of 20 to 2,000 people.
    """
    rows = []
    for expected in (0.2, 0.5, 1.0, 2.0, 5.0, 20.0):
        row = {"expected events": expected}
        for dispersion in (1.0, 1.2, 2.0):
            own = rng.poisson(expected, draws)
            if dispersion > 1:
                own = rng.negative_binomial(expected / (dispersion - 1), 1 / dispersion, draws)
            other = rng.poisson(176 * expected, draws)
            found = compare_rates(own, np.ones(draws), other, np.full(draws, 176.0))
            row[f"rates, dispersion {dispersion:g}"] = 100 * np.mean(found["p_value"] < 0.05)
        few = draws // 20
        people = np.full(few, round(max(20, 20 * expected)))
        share = expected / people[0]
        own, other = rng.binomial(people, share), rng.binomial(176 * people, share)
        found = compare_shares(own, people, other, 176 * people)
        row["shares"] = 100 * np.mean(found["p_value"] < 0.05)
        rows.append(row)
    return pd.DataFrame(rows)


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
        "One test for two groups at 5%: per cent of false positives": size_table(rng),
        "Intervals that claim 95%: per cent that hold the truth": coverage_table(rng),
        "Trend of a gap, 95%: per cent that hold the truth": gap_trend_table(),
    }
    for title, table in tables.items():
        print(f"\n{title}\n")
        print(table.to_string(float_format=lambda x: f"{x:.2f}", na_rep=""))


if __name__ == "__main__":
    main()
