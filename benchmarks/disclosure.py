"""Attack protected tables with a linear program that sees only what was published, and time them.

python benchmarks/disclosure.py --tables 1000 --seed 1    # the attack, and against the optimum
python benchmarks/disclosure.py --speed 40                 # 177 areas x 40 indicators x 20 periods
"""

from __future__ import annotations

import argparse
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.optimize import linprog

from lsp_analysis.disclosure.deduction import sum_matrix, with_margins
from lsp_analysis.disclosure.profiles import find_profile
from lsp_analysis.disclosure.suppression import audited, withhold

SHAPES = [(5, 4), (6, 3), (4, 3, 2), (3, 12)]  # the last: three areas by months, with the year
PROFILES = ["ons_3", "ons_5", "tre_10", "nhs"]
MEANS = [6.0, 12.0, 25.0]


def attack(full, hidden, sums, profile):
    """The width of the range of each withheld count, and whether it is narrower than allowed."""
    equations = np.zeros((len(sums), len(full)))
    for line, (total, parts) in enumerate(sums):
        equations[line, parts] += 1.0
        equations[line, total] -= 1.0
    totals, bounds = {total for total, _ in sums}, []
    for cell, value in enumerate(full):
        shown = profile.base * math.floor(value / profile.base + 0.5)
        if hidden[cell]:
            small = profile.base > 1 and cell not in totals
            bounds.append((1, profile.hidden_to if small else None))
        elif shown == 0:
            bounds.append((0, 0))
        else:
            low, high = shown - profile.base // 2, shown + (profile.base - 1) // 2
            bounds.append((max(low, profile.hidden_to + 1), high))
    narrow = 0
    right = np.zeros(len(sums))
    for cell in np.flatnonzero(hidden):
        aim = np.zeros(len(full))
        aim[cell] = 1.0
        least = linprog(aim, A_eq=equations, b_eq=right, bounds=bounds)
        most = linprog(-aim, A_eq=equations, b_eq=right, bounds=bounds)
        high = -most.fun if most.status == 0 else math.inf
        protects = profile.base > 1 and least.fun > profile.hidden_to
        narrow += not protects and high - least.fun < profile.width - 1e-6
    return narrow


def one_table(seed):
    """Protect and attack one random table, every third one in two releases."""
    rng = np.random.default_rng([7, seed])
    profile = find_profile(PROFILES[seed % len(PROFILES)])
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    mean = rng.choice(MEANS)
    counts = rng.negative_binomial(1, 1 / (1 + mean), size=shape).astype(float)
    full, sums = with_margins(counts)
    matrix = sum_matrix(len(full), sums)
    found = withhold(full, matrix, profile, exact=False)
    result = {"profile": profile.name, "withheld": int(found.sum())}
    result["narrow"] = attack(full, found, sums, profile)
    small = profile.is_small(full)
    if profile.base > 1:  # what rounding alone would leave
        result["rounding alone"] = attack(full, small, sums, profile)
    elif len(full) <= 50 and small.sum() <= 8:
        best = withhold(full, matrix, profile, exact=True)
        result |= {name: int((one & ~small).sum()) for name, one in
                   (("greedy", found), ("optimum", best))}  # fmt: skip
    if seed % 3 == 0 and len(shape) == 2:  # a later release with one period more
        later = np.column_stack([counts, rng.integers(profile.hidden_to + 1, 60, len(counts))])
        next_full, next_sums = with_margins(later)
        size = (shape[0] + 1, shape[1] + 2)
        before, shown = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        first = found.reshape(shape[0] + 1, shape[1] + 1)[:, :-1]
        before[:, : shape[1]], shown[:, : shape[1]] = first, ~first
        both = withhold(
            next_full,
            sum_matrix(len(next_full), next_sums),
            profile,
            before=before.ravel(),
            shown_before=shown.ravel(),
        )
        known = both & ~shown.ravel()  # what neither release shows
        result["narrow"] += attack(next_full, known, next_sums, profile)
        result["withheld"] += int(known.sum())
    return result


def one_indicator(seed):
    """Protect and audit 177 areas, 35 groups and the borough over 20 periods, with all totals.

    How many counts are withheld, how many of them to protect others, and processor seconds.
    """
    began = time.process_time()
    rng = np.random.default_rng([9, seed])
    mean = [100.0, 40.0, 20.0, 10.0][seed % 4]
    profile = find_profile(["nhs", "ons_5"][seed // 4 % 2])
    people = rng.lognormal(0, 0.4, 177)
    table = rng.poisson(mean * people[:, None] * np.ones((177, 20))).astype(float)
    full, sums = with_margins(table)
    grid = np.arange(178 * 21).reshape(178, 21)
    totals = []
    for group in np.array_split(np.arange(177), 35):
        for column in range(21):
            sums.append((len(full) + len(totals), grid[group, column].tolist()))
            totals.append(full[grid[group, column]].sum())
    full = np.concatenate([full, totals])
    matrix = sum_matrix(len(full), sums)
    found = withhold(full, matrix, profile)
    assert not audited(full, found, matrix, profile)
    beyond = int((found & ~profile.is_small(full)).sum())
    return int(found.sum()), beyond, time.process_time() - began


def main() -> None:
    """Read the command line, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=0)
    parser.add_argument("--speed", type=int, default=0, metavar="INDICATORS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    with ProcessPoolExecutor(given.workers) as pool:
        if given.tables:
            seeds = range(given.seed * 100_000, given.seed * 100_000 + given.tables)
            rows = list(pool.map(one_table, seeds, chunksize=5))
            total = lambda name: sum(row.get(name, 0) for row in rows)  # noqa: E731
            compared = sum("optimum" in row for row in rows)
            alone = sum(row.get("rounding alone", 0) > 0 for row in rows)
            rounded = sum("rounding alone" in row for row in rows)
            print(f"{len(rows)} tables, {total('withheld')} counts withheld and attacked")
            print(f"narrower than allowed: {total('narrow')}")
            print(
                f"withheld beyond the small ones: greedy {total('greedy')}, optimum "
                f"{total('optimum')}, ratio {total('greedy') / max(total('optimum'), 1):.2f} "
                f"({compared} tables)"
            )
            print(f"tables that rounding alone would not protect: {alone} of {rounded}")
        if given.speed:
            began = time.monotonic()
            rows = list(pool.map(one_indicator, range(given.speed)))
            withheld, beyond, busy = (sum(column) for column in zip(*rows, strict=True))
            print(
                f"{given.speed} indicators x 177 areas x 20 periods with totals: "
                f"{time.monotonic() - began:.0f} s on {given.workers} processors, of which they "
                f"worked {busy / given.workers:.0f} s each; {withheld} withheld, {beyond} of them "
                "beyond the small ones"
            )


if __name__ == "__main__":
    main()
