"""Small experiments for tests: a folder on disk, and trials whose truth is known."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lsp_analysis.experiments.analysis.trial import Trial, check_rows
from lsp_analysis.experiments.draw.methods import scheme_of
from lsp_analysis.experiments.protocol.design import Design
from lsp_analysis.experiments.protocol.reading import example, new_experiment, parse_design
from lsp_analysis.experiments.record.registration import draw_allocation, register_design

DESIGN = example("design.toml")
TEXT = "Lottery of 13 February 2010: 4 16 20 25 38 45"
NO_MODELS = ('models = ["ols"]', "models = []")
FEW = ("draws = 9999", "draws = 999")


def at(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, 9, 0, tzinfo=dt.UTC)


def changed(text: str, *swaps: tuple[str, str]) -> str:
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new)
    return text


def registered(folder: Path, *swaps: tuple[str, str]) -> Path:
    new_experiment(folder)
    file = folder / "design.toml"
    file.write_text(changed(DESIGN, *swaps), encoding="utf-8", newline="\n")
    register_design(folder, now=at(2010, 2, 1))
    return folder


def drawn(folder: Path, *swaps: tuple[str, str]) -> Path:
    draw_allocation(registered(folder, *swaps), text=TEXT, now=at(2010, 2, 15))
    return folder


def outcomes_of(folder: Path, name: str = "outcomes.csv", seed: int = 0) -> Path:
    units = pd.read_csv(folder / "units.csv")
    rng = np.random.default_rng(seed)
    incidents = rng.poisson(units["rate_before"] * units["residents"] / 1000)
    table = pd.DataFrame(
        {"unit": units["unit"], "incidents": incidents, "residents": units["residents"]}
    )
    table.to_csv(folder / name, index=False)
    return folder / name


def design(*swaps: tuple[str, str]) -> Design:
    return parse_design(changed(DESIGN, *swaps))


def a_trial(
    *swaps: tuple[str, str],
    n: int = 24,
    effect: float = 0.0,
    people: int = 0,
    spread: float = 4.0,
    seed: int = 0,
) -> Trial:
    """A trial of `n` units with an additive `effect`; with `people`, a row per person."""
    rng = np.random.default_rng(seed)
    swaps = swaps if people == 0 else (*swaps, ('denominator = "residents"', 'denominator = ""'))
    plan = design(*swaps)
    units = pd.DataFrame(
        {
            "unit": [f"area-{i:02d}" for i in range(n)],
            "district": np.where(np.arange(n) < n // 2, "north", "south"),
            "rate_before": rng.normal(60, 8, n).round(2),
        }
    )
    scheme = scheme_of(plan, units, key="a trial")
    allocation = scheme.draw(f"seed {seed}")
    level = 0.5 * units["rate_before"].to_numpy() + rng.normal(0, spread, n) + effect * allocation
    if people:
        unit = np.repeat(units["unit"].to_numpy(), people)
        values = np.repeat(level, people) + rng.normal(0, 10, n * people)
        rows = pd.DataFrame({"unit": unit, "incidents": values})
    else:
        rows = pd.DataFrame(
            {"unit": units["unit"], "incidents": 1.5 * level, "residents": np.full(n, 1500)}
        )
    return Trial(plan, units, scheme, allocation, rows)


def with_rows(trial: Trial, rows: pd.DataFrame) -> Trial:
    return replace(trial, rows=check_rows(rows, trial.design, trial.scheme))
