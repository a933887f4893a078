"""Do experiments keep their word? Size, coverage, power and headline error of the registered tests.

Printed tables, one a claim:

- **tests**: for each scheme, 8 to 40 clusters: how often the test finds an effect where there is
  none (skewed outcomes, a tenth of the cells missing), beside the largest size that its allocations
  allow; how often a true effect of every unit is covered; and how often it finds one where effects
  vary from unit to unit around zero;
- **models**: size of the CR2 t-test on people in clusters of unequal size;
- **power**: power as printed with a design, and as found in experiments drawn and tested one by one;
- **headline**: how often anything is found where nothing works, by the whole analysis of trials with
  two arms beside the control, two outcomes, or a look.

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/experiments.py --sims 5000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from small_experiment import a_trial, with_rows

from lsp_analysis.experiments.analysis.findings import analyse_trial
from lsp_analysis.experiments.analysis.looks import look_at
from lsp_analysis.experiments.analysis.models import robust_fit, t_test
from lsp_analysis.experiments.analysis.randomisation_test import Redraws, redraws
from lsp_analysis.experiments.draw.constrained import constrain
from lsp_analysis.experiments.draw.methods import blocked_scheme, simple_scheme, wedge_scheme
from lsp_analysis.experiments.draw.scheme import Scheme

ALPHA, DRAWS, BATCH, PERIODS = 0.05, 499, 25, 5
PARTS = ("tests", "models", "power", "headline")


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


def table_of_models(sims: int) -> pd.DataFrame:
    """CR2 with Satterthwaite: two arms of clusters, people of unequal number, effects zero."""
    rows = []
    for few, many in ((4, 4), (8, 8), (20, 20), (3, 12)):
        rng, found = np.random.default_rng([2, few, many]), []
        for _ in range(sims):
            sizes = rng.integers(5, 30, few + many)
            cluster = np.repeat(np.arange(few + many), sizes)
            treated = (cluster < few).astype(float)
            value = rng.normal(0, 0.5, few + many)[cluster] + rng.normal(size=len(cluster))
            fit = robust_fit(np.column_stack([np.ones(len(cluster)), treated]), value, cluster)
            found.append(t_test(fit, 1, 0.95)[3] <= ALPHA)
        rows.append((f"CR2, {few} against {many} clusters", 100 * np.mean(found)))
    return pd.DataFrame(rows, columns=["model", "size %"]).round(1)


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
        told = example.power(effect, 1.0, level=1 - ALPHA, sims=4_000)
        found = []
        for batch in range(-(-min(sims, 2_000) // BATCH)):
            drawn = scheme.many(1, f"power:{name}:{batch}")[0]
            made, exposure, _ = prepare(scheme, drawn, past, none)
            shown = rng.normal(size=(cells, BATCH)) + effect * exposure[:, None]
            found.append(made.p_values(shown) <= ALPHA + 1e-12)
        rows.append((name, 100 * told, 100 * np.mean(found)))
    table = pd.DataFrame(rows, columns=["scheme", "printed %", "found %"])
    return table.assign(difference=table["printed %"] - table["found %"]).round(1)


LOOK = (
    "[stopping]",
    '[looks]\ndates = ["2010-10-31", "2011-04-30"]\nboundary = "pocock"\n[stopping]',
)
FEWER_DRAWS = ("draws = 9999", "draws = 999")


def table_of_headline(sims: int) -> pd.DataFrame:
    """Whole analyses of trials in which nothing works, 24 areas an experiment."""
    from test_analyse import SECOND, THREE_ARMS

    no_models = ('models = ["ols"]', "models = []")
    cases = {
        "two arms against the control": (THREE_ARMS,),
        "two arms, two outcomes": (THREE_ARMS, SECOND),
        "one arm, a look at half the outcomes": (LOOK,),
    }
    rows = []
    for name, swaps in cases.items():
        found = []
        for seed in range(sims):
            trial = a_trial(*swaps, no_models, FEWER_DRAWS, n=24, seed=seed)
            rng = np.random.default_rng(seed)
            if SECOND in swaps:
                trial = with_rows(trial, trial.rows.assign(burglaries=rng.normal(size=24)))
            crossed = False
            if LOOK in swaps:
                final = trial.rows
                early = final.assign(
                    incidents=(final["incidents"] + rng.normal(0, 6, 24)).clip(lower=0)
                )
                seen = look_at(with_rows(trial, early), 1)
                crossed = bool(seen.table["crossed"].iloc[0])
                trial = replace(trial, looks=(0.5,))
            result = analyse_trial(trial)
            wrong = [one.kind in ("benefit", "harm") for one in result.effects]
            second = (result.secondary["p_adjusted"] <= ALPHA).any()
            found.append(crossed or any(wrong) or bool(second))
        rows.append((name, 100 * np.mean(found)))
    return pd.DataFrame(rows, columns=["trial in which nothing works", "something found %"]).round(
        1
    )


if __name__ == "__main__":
    main()
