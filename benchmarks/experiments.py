"""Do experiments keep their word? Size, coverage, power and headline error of the registered tests.

Printed tables, one a claim:

- **tests**: for each scheme, 8 to 40 clusters: how often the test finds an effect where there is
  none (skewed outcomes, a tenth of the cells missing), beside the largest size that its allocations
  allow; how often a true effect of every unit is covered; and how often it finds one where effects
  vary from unit to unit around zero;
- **received**: coverage of the effect per programme received, four in ten of the treated getting
  none and a tenth of the cells missing;
- **power**: as printed with a design, and as found in experiments drawn and tested one by one;
- **headline**: how often anything is found where nothing works, by the adjusted p-values of two
  arms beside the control, two outcomes, a look, and all of these together.

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/experiments.py --sims 5000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from small_experiment import a_trial, design, with_rows

from lsp_analysis.experiments.analysis.boundaries import adjusted_p, bounds_of
from lsp_analysis.experiments.analysis.comparison import (
    cell_values,
    registered_test,
    simulated_power,
)
from lsp_analysis.experiments.analysis.randomisation_test import Redraws, redraws
from lsp_analysis.experiments.analysis.trial import Trial
from lsp_analysis.experiments.draw.methods import (
    blocked_scheme,
    constrain,
    simple_scheme,
    wedge_scheme,
)
from lsp_analysis.experiments.draw.scheme import Scheme

ALPHA, DRAWS, BATCH, PERIODS = 0.05, 499, 25, 5
PARTS = ("tests", "received", "power", "headline")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=5_000, help="experiments per row")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    options = parser.parse_args(arguments)
    for part in options.only:
        began = time.perf_counter()
        table = globals()[f"table_of_{part}"](options.sims)
        print(f"\n{part} ({time.perf_counter() - began:.0f} s)")
        print(table.to_string(index=False), flush=True)


def schemes() -> dict[str, Scheme]:
    """Schemes of every kind, from 8 to 40 clusters."""
    found: dict[str, Scheme] = {}
    for n in (8, 16, 40):
        units, arms = [f"u{i}" for i in range(n)], ("control", "programme")
        found[f"simple, {n}"] = simple_scheme(units, arms)
        found[f"complete, {n}"] = blocked_scheme(units, arms)
        found[f"blocked by four, {n}"] = blocked_scheme(units, arms, blocks=np.arange(n) // 4)
        found[f"pairs, {n // 2}"] = blocked_scheme(units, arms, blocks=np.arange(n) // 2)
        found[f"wedge, {n} in 4 steps"] = wedge_scheme(units, [n // 4] * 4)
        if n > 8:
            past = np.random.default_rng(n).normal(size=(n, 2))
            found[f"constrained, {n}"] = constrain(blocked_scheme(units, arms), past, key=f"{n}")
            found[f"three arms, {n}"] = blocked_scheme(units, ("control", "one", "two"))
    for few, many in ((2, 6), (8, 16), (8, 32)):
        units = [f"u{i}" for i in range(few + many)]
        found[f"complete, {few} against {many}"] = blocked_scheme(units, "ct", [many, few])
    return found


def prepare(
    scheme: Scheme, drawn: np.ndarray, past: np.ndarray, missing: np.ndarray
) -> tuple[Redraws, np.ndarray, Scheme]:
    """The registered test with cells missing, the observed exposure, and its reference set."""
    if scheme.arms[0] == "step 1":
        n = len(drawn)
        grid = (np.arange(PERIODS) >= np.arange(1, 5)[:, None]).astype(float)
        unit, period = np.repeat(np.arange(n), PERIODS), np.tile(np.arange(PERIODS), n)
        terms = np.hstack([np.eye(n)[unit], np.eye(PERIODS)[period]])
        used = (~missing).astype(float)
        made = redraws(scheme, drawn, exposure=grid, adjust=terms, weights=used, draws=DRAWS)
        return made, grid[drawn].ravel(), scheme
    reach = scheme.given(drawn, ((0, 1),))
    used = (~missing & (scheme.group_of(drawn, ((0, 1),)) >= 0)).astype(float)
    kinds = np.unique(scheme.blocks[used > 0])
    terms = np.column_stack([past, scheme.blocks[:, None] == kinds[None, 1:]]).astype(float)
    exposure = [float(arm == 1) for arm in range(len(scheme.arms))]
    made = redraws(reach, drawn, exposure=exposure, adjust=terms, weights=used, draws=DRAWS)
    return made, (drawn == 1).astype(float), reach


def noise(scheme: Scheme, past: np.ndarray, rng: np.random.Generator, sims: int) -> np.ndarray:
    """Outcomes without a programme, cells x sims: skewed, and related to the covariate."""
    n = len(past)
    if scheme.arms[0] == "step 1":
        level = rng.normal(size=(n, 1, sims)) + rng.normal(size=(1, PERIODS, sims))
        return (level + rng.exponential(size=(n, PERIODS, sims))).reshape(n * PERIODS, sims)
    return past[:, None] + rng.lognormal(0, 0.75, (n, sims))


def table_of_tests(sims: int) -> pd.DataFrame:
    """One row per scheme."""
    rows = []
    for number, (name, scheme) in enumerate(schemes().items()):
        rng = np.random.default_rng([1, number])
        found, reach = [], 0.0
        for batch in range(-(-sims // BATCH)):
            drawn = scheme.many(1, f"{name}:{batch}")[0]
            past = rng.normal(size=len(scheme.units))
            cells = len(past) * (PERIODS if scheme.arms[0] == "step 1" else 1)
            made, exposure, part = prepare(scheme, drawn, past, rng.random(cells) < 0.1)
            reach = part.attainable_level(ALPHA)
            plain = noise(scheme, past, rng, BATCH)
            effects = rng.normal(size=(len(past), BATCH))
            effects = np.repeat(effects - effects.mean(axis=0), cells // len(past), axis=0)
            if made.df < 1 or not np.isfinite(made.squares[0]):
                continue
            varying = made.p_values(plain + effects * exposure[:, None])
            found.append(np.column_stack([made.p_values(plain), varying]) <= ALPHA + 1e-12)
        size, size_varying = 100 * np.vstack(found).mean(axis=0)
        rows.append((name, 100 * reach, size, 100 - size, size_varying))
    columns = ["scheme", "attainable %", "size %", "covered %", "size, varying %"]
    return pd.DataFrame(rows, columns=columns).round(1)


def table_of_power(sims: int) -> pd.DataFrame:
    """Power as printed with the design, and of experiments drawn and tested one by one."""
    rows = []
    for number, (name, scheme) in enumerate(schemes().items()):
        rng = np.random.default_rng([3, number])
        past = rng.normal(size=len(scheme.units))
        cells = len(past) * (PERIODS if scheme.arms[0] == "step 1" else 1)
        none = np.zeros(cells, bool)
        example, *_ = prepare(scheme, scheme.draw("example"), past, none)
        effect = 2.5 / np.sqrt(float(np.median(example.squares)))
        told = simulated_power(example, effect, 1.0, level=1 - ALPHA, sims=4_000)
        found = []
        for batch in range(-(-min(sims, 2_000) // BATCH)):
            drawn = scheme.many(1, f"power:{name}:{batch}")[0]
            made, exposure, _ = prepare(scheme, drawn, past, none)
            shown = rng.normal(size=(cells, BATCH)) + effect * exposure[:, None]
            found.append(made.p_values(shown) <= ALPHA + 1e-12)
        rows.append((name, 100 * told, 100 * np.mean(found)))
    table = pd.DataFrame(rows, columns=["scheme", "printed %", "found %"])
    return table.assign(difference=table["printed %"] - table["found %"]).round(1)


def table_of_received(sims: int) -> pd.DataFrame:
    """Coverage of the effect of the programme received; many get none, and cells are missing."""
    rows = []
    for number, (name, scheme) in enumerate(schemes().items()):
        rng, found, ended = np.random.default_rng([4, number]), [], []
        cells = len(scheme.units) * (PERIODS if scheme.arms[0] == "step 1" else 1)
        for batch in range(sims):
            drawn = scheme.many(1, f"received:{name}:{batch}")[0]
            past = rng.normal(size=len(scheme.units))
            made, exposure, _ = prepare(scheme, drawn, past, rng.random(cells) < 0.1)
            if made.df < 1 or not np.isfinite(made.squares[0]):
                continue
            complies = np.repeat(rng.random(len(past)) < 0.6, cells // len(past))
            got = np.where(complies, exposure, 0.0) + 0.1 * rng.random(cells)
            shown = noise(scheme, past, rng, 1)[:, 0] + 2.0 * got
            test = made.test(shown, exposure=got)
            found.append(test.low <= 2.0 <= test.high)
            ended.append(np.isfinite(test.low) and np.isfinite(test.high))
        rows.append((name, len(found), 100 * np.mean(found), 100 * np.mean(ended)))
    columns = ["scheme", "trials", "covered %", "interval has ends %"]
    return pd.DataFrame(rows, columns=columns).round(1)


LOOK = (
    "[stopping]",
    '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]',
)
HOLM = ("level = 0.95", 'level = 0.95\nmultiplicity = "holm"')
NO_MODELS = ('models = ["ols"]', "models = []")
FEWER_DRAWS = ("draws = 9999", "draws = 999")
N_AREAS = 30


def null_trial(swaps: tuple[tuple[str, str], ...], seed: int, missing: float) -> Trial:
    """A trial whose units are drawn, a share of the areas without outcomes; two outcomes."""
    trial = a_trial(*swaps, NO_MODELS, FEWER_DRAWS, n=N_AREAS, seed=seed)
    rng = np.random.default_rng(seed)
    rows = trial.rows.assign(burglaries=1.0)
    rows.loc[rng.random(N_AREAS) < missing, ["incidents", "burglaries"]] = np.nan
    return with_rows(trial, rows)


def null_outcomes(trial: Trial, seed: int) -> list[np.ndarray]:
    """Areas x trials in which nothing works: primary outcome, secondary, and primary at the look.

    What is seen at the look is half of what is seen later: with as much noise again.
    """
    rng = np.random.default_rng([5, seed])
    level = 0.5 * trial.units["rate_before"].to_numpy()[:, None]
    primary = level + rng.normal(0, 4, (N_AREAS, BATCH))
    secondary = rng.normal(size=(N_AREAS, BATCH))
    return [primary, secondary, primary + rng.normal(0, 4, (N_AREAS, BATCH))]


def p_values_of(trial: Trial, seed: int) -> np.ndarray:
    """P-values of the registered tests: comparisons x (two outcomes, the look) x trials."""
    outcome, found = trial.design.outcome, []
    shown = null_outcomes(trial, seed)
    for one in trial.design.comparisons():
        made, _ = registered_test(trial, outcome, one, cell_values(trial, outcome, one))
        found.append([made.p_values(values) for values in shown])
    return np.array(found)


def table_of_headline(sims: int) -> pd.DataFrame:
    """Trials in which nothing works, from the look to the adjusted p-values of the headline."""
    from test_analyse import SECOND, THREE_ARMS

    cases = {
        "two arms against the control": (THREE_ARMS,),
        "two arms, two outcomes": (THREE_ARMS, SECOND),
        "two arms, two outcomes, Holm over all": (THREE_ARMS, SECOND, HOLM),
        "two arms, two outcomes, a look": (THREE_ARMS, SECOND, LOOK),
        "one arm, a look at half the outcomes": (LOOK,),
    }
    rows = []
    for name, swaps in cases.items():
        plan, found = design(*swaps), []
        looks = (0.5,) if LOOK in swaps else ()
        bound = bounds_of(plan, looks).z[-1] if looks else np.inf
        names = [one.name for one in plan.comparisons()]
        for seed in range(-(-sims // BATCH)):
            trial = null_trial(tuple(one for one in swaps if one == THREE_ARMS), seed, 0.1)
            for primary, second, early in p_values_of(trial, seed).transpose(2, 1, 0):
                crossed = (norm.isf(early / 2) >= bound).any()
                side = pd.DataFrame({"arm": names, "p_value": second})
                side = side if plan.secondary else side.iloc[:0]
                adjusted, others = adjusted_p(plan, pd.Series(primary), side, looks)
                at_end = (adjusted <= ALPHA).any() or (others <= ALPHA).any()
                found.append((crossed or at_end, crossed))
        share = np.mean(found, axis=0)
        error = np.sqrt(share[0] * (1 - share[0]) / len(found))
        rows.append((name, len(found), 100 * share[0], 100 * error, 100 * share[1]))
    columns = ["nothing works, a tenth of outcomes missing", "trials", "something found %"]
    return pd.DataFrame(rows, columns=[*columns, "standard error", "at the look %"]).round(1)


if __name__ == "__main__":
    main()
