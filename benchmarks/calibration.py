"""False positive rate, coverage and power of `estimate` in worlds whose truth is known.

Boroughs are simulated from every world of ``worlds.csv``, with one neighbourhood picked for having
looked worst: once without an effect, and once more with a fall of a quarter (of a tenth of the
middle for means). Per cent, with Monte Carlo standard errors, beside a plain placebo rank: the same
placebos ranked by the residuals of an ordinary regression on the last year and the time before it.

    OMP_NUM_THREADS=1 python benchmarks/calibration.py --sims 200 --jobs 2
    OMP_NUM_THREADS=1 python benchmarks/calibration.py --sims 100 --ablation
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from worlds import World, read_worlds

from lsp_analysis import Question
from lsp_analysis.effects.one_area import neighbourhoods, regression_on_past
from lsp_analysis.effects.one_area.neighbourhoods import Groups, find_groups
from lsp_analysis.effects.one_area.placebo_rank import Judgement, judge

LEVEL, FALL = 0.95, -0.25
ALPHA = 1 - LEVEL + 1e-9
SEEDS_APART = 1_000_003


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, simulate, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=200, help="boroughs a world")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other boroughs")
    parser.add_argument("--only", default="", help="worlds whose names hold this text")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--ablation", action="store_true", help="each part left out in turn")
    options = parser.parse_args(arguments)
    trials = list(product(read_worlds(options.only), range(options.sims)))
    work = partial(
        try_borough, seed=options.seed * SEEDS_APART, ways=WAYS if options.ablation else WAYS[:2]
    )
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = pd.DataFrame(row for some in pool.map(work, trials, chunksize=5) for row in some)
    print(f"{options.sims} boroughs a world, seed {options.seed}; per cent (standard error)\n")
    for way in rows["way"].unique():
        own = rows[rows["way"] == way]
        if not options.ablation:
            print(way, table(own).to_string(), sep="\n", end="\n\n")
        by_world = own.groupby("world", sort=False)[list(MEASURES)].mean() * 100
        false = by_world["false positives"]
        print(
            f"{way}: false positives {false.mean():.1f} on average, {false.max():.1f} at the most, "
            f"within 6.5 in {(false <= 6.5).sum()} of {len(false)} worlds; coverage "
            f"{by_world['coverage'].mean():.1f}, {by_world['coverage'].min():.1f} at the least; "
            f"power {by_world['power'].mean():.1f}"
        )


MEASURES = ("false positives", "coverage", "power")


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per world: false positives, coverage and power with errors, and the median width."""
    by_world = rows.groupby("world", sort=False)
    shares = {
        name: (100 * by_world[name].mean()).round(1).astype(str)
        + " ("
        + (100 * by_world[name].sem()).round(1).astype(str)
        + ")"
        for name in MEASURES
    }
    return pd.DataFrame(shares | {"width": by_world["width"].median().round(2)})


def try_borough(
    trial: tuple[World, int], *, seed: int, ways: Sequence[str]
) -> list[dict[str, object]]:
    """All ways on one borough, without and with an effect: a row of numbers each."""
    world, number = trial
    none, some = (world.simulate(seed + number, fall) for fall in (0.0, FALL))
    groups, rows = find_groups(none), []
    for way in ways:
        row: dict[str, object] = {"world": world.name, "way": way}
        for question, truth in ((none, 0.0), (some, world.effect(FALL))):
            p, low, high = answers(way, question, groups)
            found = "power" if truth else "false positives"
            row |= {found: p <= ALPHA, "coverage": low <= truth <= high, "width": high - low}
        rows.append(row)
    return rows


WAYS = (
    "estimate",
    "plain placebo rank",
    "no variance by level",
    "variance may fall towards the treated end",
    "one expectation",
    "level not shrunk",
    "no surroundings",
    "overlapping placebos counted as separate",
    "ten areas a term",
    "no moves before the start",
    "counts without their Poisson part",
    "shares and stocks as means",
    "one window",
    "gamma prior",
)


def answers(way: str, question: Question, groups: Groups) -> tuple[float, float, float]:
    """p-value and interval by one way."""
    if way == "plain placebo rank":
        return plain_rank(question, groups), np.nan, np.nan
    found = judged(way, question, groups)
    _, low, high = found.effects
    p = found.p_value if found.p_value <= ALPHA - found.margin else max(found.p_value, 2 * ALPHA)
    return p, low, high


def judged(way: str, question: Question, groups: Groups) -> Judgement:
    """The judgement of `estimate`, or what is left of it without one part."""
    panel = neighbourhoods.read_panel(question)
    core, past = regression_on_past, neighbourhoods
    if way == "no surroundings":
        panel = replace(panel, neighbours=None)
    if way == "overlapping placebos counted as separate":
        groups = replace(groups, disjoint=groups.n_placebos)
    if way == "counts without their Poisson part" and panel.scale == past.COUNT:
        panel = replace(panel, scale=past.LOG)
    if way == "shares and stocks as means" and panel.scale == past.LOG:
        panel = replace(panel, scale=past.LINEAR)
    changes = {
        "no variance by level": (core, "variance_slope", lambda *_: 0.0),
        "variance may fall towards the treated end": (core, "NARROWEST", -np.inf),
        "level not shrunk": (past, "shrunken_level", lambda n, m, _: np.log((n + 0.5) / m)),
        "ten areas a term": (past, "AREAS_PER_TERM", 10),
        "no moves before the start": (core, "read_past", without_moves),
        "one window": (past, "windows", lambda panel, _: [panel.before]),
        "gamma prior": (past, "shrunken_level", lambda n, m, s: np.log((n + 1 / s) / (m + 1 / s))),
    }
    if way in changes:
        with patch.object(*changes[way]):
            return judge(panel, groups, LEVEL)
    found = judge(panel, groups, LEVEL)
    if way == "one expectation":
        found = replace(found, without=found.expected)
    return found


def without_moves(*arguments: Any) -> neighbourhoods.Past:
    """The past without its moves from year to year."""
    past = neighbourhoods.read_past(*arguments)
    return replace(past, steps=past.steps[:, :0], chance=past.chance[:, :0])


def plain_rank(question: Question, groups: Groups) -> float:
    """Rank of the treated one's residual among placebos', each scaled by its leverage."""
    panel = neighbourhoods.read_panel(question)
    year = panel.before[panel.years[panel.before] >= -1 - 1e-9]
    windows = [panel.after, year, np.setdiff1d(panel.before, year)]
    values = []
    for dates in windows:
        if len(dates):
            total, exposure = panel.sums(groups.members, dates)
            rate = (total + 0.5 * (panel.scale == neighbourhoods.COUNT)) / exposure
            low = (
                0.0
                if panel.scale == neighbourhoods.COUNT
                else neighbourhoods.OFFSET * np.median(rate[1:])
            )
            values.append(np.log(rate + low) if panel.multiplies else rate)
    terms = np.column_stack([np.ones(len(values[0])), *values[1:]])
    inverse = np.linalg.pinv(terms[1:].T @ terms[1:])
    rest = values[0] - terms @ (inverse @ terms[1:].T @ values[0][1:])
    leverage = np.einsum("gi,ij,gj->g", terms, inverse, terms)
    rest[1:] /= np.maximum(1 - leverage[1:], 0.1)
    return float(((np.abs(rest[1:]) >= abs(rest[0])).sum() + 1) / len(rest))


if __name__ == "__main__":
    main()
