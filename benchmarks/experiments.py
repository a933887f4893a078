"""Do experiments keep their word? Size, coverage, predicted power, looks, and speed.

Printed tables, one a claim:

- **tests**: how often each scheme's test finds an effect where there is none, beside the largest
  level its allocations allow, and how often its interval covers a true effect, with 8 to 40
  clusters whose outcomes are skewed, unequal and related to a covariate;
- **power**: power predicted from the first half of simulated boroughs, and found in the second;
- **looks**: false alarms over all looks, for a Brownian motion and for trials of few clusters;
- **mixed**: the wedge's vectorised least squares beside MixedLM on the same data;
- **speed**: a power curve of stepped wedges, and 100,000 draws of a constrained randomisation.

    OMP_NUM_THREADS=1 python benchmarks/experiments.py --sims 5000 --boroughs 200 --jobs 2
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from lsp_analysis.experiments.analysis.boundaries import group_sequential_bounds
from lsp_analysis.experiments.analysis.randomisation_test import Redraws, redraws
from lsp_analysis.experiments.draw.constrained import constrain
from lsp_analysis.experiments.draw.methods import blocked_scheme, simple_scheme, wedge_scheme
from lsp_analysis.experiments.draw.scheme import Scheme
from lsp_analysis.experiments.power.curves import parallel_power, wedge_curve
from lsp_analysis.experiments.power.past import Grid, grid_of, windows
from lsp_analysis.experiments.power.rehearsal import rehearse
from lsp_analysis.experiments.power.stepped import simulate_wedge, wedge, wedge_estimates
from lsp_analysis.study.simulation.boroughs import simulate_borough

ALPHA, EFFECT, PERIODS, DRAWS = 0.05, 1.0, 5, 999
BATCH = 10  # experiments that share a draw and a past, and differ in their outcomes
FOLLOW_UPS = (6, 12)  # months
PARTS = ("tests", "power", "looks", "mixed", "speed")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and print the tables asked for."""
    options = _options(arguments)
    wanted = options.only or PARTS
    with ProcessPoolExecutor(options.jobs) as pool:
        for part in wanted:
            began = time.perf_counter()
            table = PRINTERS[part](options, pool)
            print(f"\n{part} ({time.perf_counter() - began:.0f} s)")
            print(table.to_string(index=False), flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=5_000, help="experiments per scheme")
    parser.add_argument("--boroughs", type=int, default=200, help="boroughs for predicted power")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART")
    return parser.parse_args(arguments)


# Size and coverage


def schemes() -> dict[str, Scheme]:
    """Schemes of every kind, from 8 to 40 clusters."""
    found: dict[str, Scheme] = {}
    for n in (8, 12, 16, 40):
        units, arms = [f"u{i}" for i in range(n)], ("control", "programme")
        found[f"simple, {n}"] = simple_scheme(units, arms)
        found[f"complete, {n}"] = blocked_scheme(units, arms)
        found[f"blocked by four, {n}"] = blocked_scheme(units, arms, blocks=np.arange(n) // 4)
        found[f"pairs, {n // 2}"] = blocked_scheme(units, arms, blocks=np.arange(n) // 2)
        found[f"wedge, {n} in 4 steps"] = wedge_scheme(units, [n // 4] * 4)
        if n > 8:
            past = np.random.default_rng(n).normal(size=(n, 2))
            base = blocked_scheme(units, arms)
            found[f"constrained, {n}"] = constrain(base, past, key=f"benchmark {n}")
            found[f"three arms, {n}"] = blocked_scheme(units, ("control", "one", "two"))
    found["pairs, 5"] = blocked_scheme(
        [f"u{i}" for i in range(10)], "ct", blocks=np.arange(10) // 2
    )
    return found


def table_of_tests(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """One row per scheme."""
    rows = []
    for name, scheme in schemes().items():
        share = -(-options.sims // (options.jobs * BATCH))
        seeds = [options.seed * 1_000_003 + job for job in range(options.jobs)]
        found = np.vstack(list(pool.map(partial(try_scheme, name, scheme, share), seeds)))
        reach = conditional(scheme, scheme.many(1, name)[0]).attainable_level(ALPHA)
        size, covered = found.mean(axis=0)
        rows.append((name, scheme.size, 100 * reach, 100 * size, 100 * covered))
        rows[-1] += ("ok" if size <= 0.057 and abs(size - reach) <= 0.01 else "LOOK",)
    columns = ["scheme", "allocations", "attainable %", "false alarms %", "covered %", "verdict"]
    return pd.DataFrame(rows, columns=columns).round(2)


def try_scheme(name: str, scheme: Scheme, batches: int, seed: int) -> np.ndarray:
    """Of each experiment: was something found where nothing is, was the true effect covered."""
    rng = np.random.default_rng([seed, len(name), scheme.size % 2**32])
    found = []
    for batch in range(batches):
        drawn = scheme.many(1, f"{name}:{seed}:{batch}")[0]
        past = rng.normal(size=len(scheme.units))
        prepared, exposure = prepare(name, scheme, drawn, past, key=f"{seed}:{batch}")
        for _ in range(BATCH):
            plain = outcomes(scheme, past, rng, periods=PERIODS if "wedge" in name else 1)
            null, shifted = prepared.test(plain), prepared.test(plain + EFFECT * exposure)
            found.append((null.p_value <= ALPHA + 1e-12, shifted.low <= EFFECT <= shifted.high))
    return np.array(found)


def outcomes(
    scheme: Scheme, past: np.ndarray, rng: np.random.Generator, *, periods: int
) -> np.ndarray:
    """Skewed outcomes, unequal spread, blocks and a past that foretells some of it."""
    n = len(scheme.units)
    level = 0.7 * past + rng.normal(size=n) + 0.5 * scheme.blocks
    noise = rng.lognormal(0, 0.8, (n, periods)) * np.exp(0.3 * past)[:, None]
    return (level[:, None] + noise + 0.2 * np.arange(periods)).ravel()


def prepare(
    name: str, scheme: Scheme, drawn: np.ndarray, past: np.ndarray, *, key: str
) -> tuple[Redraws, np.ndarray]:
    """The test of a scheme as `analyse` would run it, and who was exposed."""
    options = {"draws": DRAWS, "key": key}
    if "wedge" in name:
        grid = np.arange(PERIODS) >= np.arange(1, PERIODS)[:, None]
        levels = np.repeat(np.eye(len(drawn)), PERIODS, axis=0)
        periods = np.tile(np.eye(PERIODS), (len(drawn), 1))
        adjust = np.hstack([levels, periods])
        unit = np.repeat(np.arange(len(drawn)), PERIODS)
        prepared = redraws(
            scheme, drawn, exposure=grid.astype(float), cell_unit=unit, adjust=adjust, **options
        )
        return prepared, grid[drawn].ravel().astype(float)
    blocks = (scheme.blocks[:, None] == np.unique(scheme.blocks)[None, 1:]).astype(float)
    inside = np.isin(drawn, (0, 1))
    prepared = redraws(
        conditional(scheme, drawn),
        drawn,
        exposure=[0.0, 1.0, 0.0][: len(scheme.arms)],
        adjust=np.column_stack([past, blocks]) if inside.sum() > 10 else blocks,
        weights=inside.astype(float),
        **options,
    )
    return prepared, (drawn == 1).astype(float)


def conditional(scheme: Scheme, drawn: np.ndarray) -> Scheme:
    """The reference set of the first arm against the control."""
    return scheme if "step 1" in scheme.arms else scheme.given(drawn, (0, 1))


# Predicted power


def table_of_power(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """How far prediction and finding lie apart, by rehearsal and by formula."""
    seeds = range(options.seed * 10_000, options.seed * 10_000 + options.boroughs)
    found = pd.DataFrame(pool.map(try_borough, seeds, chunksize=4))
    rows = []
    for after in FOLLOW_UPS:
        truth = 100 * found[f"found {after}"]
        for name in ("rehearsal", "formula"):
            apart = 100 * found[f"{name} {after}"] - truth
            within = apart.abs().quantile(0.9)
            rows.append((after, name, len(apart), truth.mean(), apart.mean(), within))
    columns = ["months after", "predicted by", "boroughs", "mean power %", "mean error"]
    columns.append("nine in ten within")
    return pd.DataFrame(rows, columns=columns).round(1)


def try_borough(seed: int) -> dict[str, float]:
    """Predict power from thirty months of one borough; find it in the thirty that follow."""
    rng = np.random.default_rng(seed)
    world = {
        "mean_count": rng.uniform(2, 8),
        "overdispersion": rng.uniform(0.05, 0.2),
        "autocorrelation": rng.uniform(0.2, 0.7),
        "level_sd": rng.uniform(0.3, 0.6),
    }
    borough = simulate_borough(seed=seed, n_periods=60, **world)
    first, second = halves(borough.panel)
    effect = -float(rng.choice([0.15, 0.2, 0.25]))
    found = {}
    for after in FOLLOW_UPS:
        stretch = {"before": 12, "after": after}
        plan = {"effect": effect, "clusters_per_arm": 20, "n_sims": 2_000, **stretch}
        past = windows(first, **stretch)
        found[f"formula {after}"] = parallel_power(past, effect, plan["clusters_per_arm"])
        found[f"rehearsal {after}"] = rehearse(first, seed=seed, **plan).power
        found[f"found {after}"] = rehearse(second, seed=seed + 1, **plan).power
    return found


def halves(panel: pd.DataFrame) -> tuple[Grid, Grid]:
    """The first and the second half of a panel."""
    named = panel.rename(columns={"count": "numerator", "population": "denominator"})
    middle = np.sort(named["period"].unique())[named["period"].nunique() // 2]
    before = named["period"] < middle
    return grid_of(named[before], multiplier=1000.0), grid_of(named[~before], multiplier=1000.0)


# Looks


def table_of_looks(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """False alarms over all looks."""
    jobs = [
        (kind, looks, world)
        for kind in ("pocock", "obrien_fleming")
        for looks in (2, 3, 5)
        for world in ("Brownian motion", "10 clusters", "24 clusters")
    ]
    rates = pool.map(partial(try_looks, options.sims, options.seed), jobs)
    rows = [(*job, 100 * rate) for job, rate in zip(jobs, rates, strict=True)]
    return pd.DataFrame(rows, columns=["bounds", "looks", "statistics", "false alarms %"]).round(2)


def try_looks(sims: int, seed: int, job: tuple[str, int, str]) -> float:
    """Share of experiments without effect that cross a bound at some look."""
    kind, looks, world = job
    bounds = np.array(group_sequential_bounds(looks, kind, alpha=ALPHA).z)
    rng = np.random.default_rng([seed, looks, len(world)])
    if world == "Brownian motion":
        steps = rng.normal(size=(20 * sims, looks)).cumsum(axis=1)
        return float(
            (np.abs(steps) / np.sqrt(np.arange(1, looks + 1)) >= bounds).any(axis=1).mean()
        )
    n = int(world.split()[0])
    scheme = blocked_scheme([f"u{i}" for i in range(n)], "ct")
    crossed = []
    for batch in range(-(-sims // BATCH)):
        drawn = scheme.many(1, f"looks:{seed}:{batch}")[0]
        prepared = redraws(scheme, drawn, exposure=[0, 1], draws=DRAWS, key=f"{seed}:{batch}")
        for _ in range(BATCH):
            # clusters differ for good, people come in month by month
            so_far = 0.3 * rng.normal(size=(n, 1)) + rng.normal(size=(n, looks))
            so_far = so_far.cumsum(axis=1) / np.arange(1, looks + 1)
            z = norm.isf(prepared.p_values(so_far) / 2)
            crossed.append(bool((z >= bounds).any()))
    return float(np.mean(crossed))


# The mixed model and speed


def table_of_mixed(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Estimates and errors of twenty simulated wedges, by our engine and by MixedLM."""
    import statsmodels.api as sm

    design = wedge([4] * 4)
    known = {"effect": 0.3, "sigma": 1.0, "tau": 0.3, "n": 20}
    means = simulate_wedge(design, n_sims=20, seed=options.seed, **known)
    ours = wedge_estimates(means, design.treated)
    periods = np.tile(np.eye(design.n_periods), (design.n_clusters, 1))
    terms = np.column_stack([design.treated.ravel(), periods])
    groups = np.repeat(np.arange(design.n_clusters), design.n_periods)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variances at their edge of zero
        fits = [sm.MixedLM(one.ravel(), terms, groups=groups).fit(reml=True) for one in means]
    theirs = pd.DataFrame({"estimate": [f.fe_params[0] for f in fits]})
    theirs["error"] = [f.bse_fe[0] for f in fits]
    apart = (ours[["estimate", "error"]] - theirs) / theirs["error"].mean()
    rows = [(n, apart[n].mean(), apart[n].abs().max()) for n in ("estimate", "error")]
    columns = ["number", "mean difference, in errors", "largest"]
    return pd.DataFrame(rows, columns=columns).round(3)


def table_of_speed(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Seconds beside the seconds allowed."""
    units = [f"u{i}" for i in range(40)]
    past = np.random.default_rng(0).normal(size=(40, 4))
    designs = [wedge([k] * steps) for steps in (3, 4, 6) for k in (3, 6, 12)]
    jobs: list[tuple[str, float, Callable[[], object]]] = [
        (
            "stepped-wedge power, 9 designs x 1,000 simulations",
            20.0,
            lambda: wedge_curve(0.2, designs, sigma=1, tau=0.2, n=20, n_sims=1_000),
        ),
        (
            "100,000 draws of a constrained randomisation of 40 clusters",
            5.0,
            lambda: constrain(blocked_scheme(units, "ct"), past, key="speed", candidates=100_000),
        ),
    ]
    rows = []
    for name, allowed, work in jobs:
        began = time.perf_counter()
        work()
        rows.append((name, time.perf_counter() - began, allowed))
    return pd.DataFrame(rows, columns=["what", "seconds", "allowed"]).round(2)


PRINTERS: dict[str, Callable[[argparse.Namespace, ProcessPoolExecutor], pd.DataFrame]] = {
    "tests": table_of_tests,
    "power": table_of_power,
    "looks": table_of_looks,
    "mixed": table_of_mixed,
    "speed": table_of_speed,
}


if __name__ == "__main__":
    main()
