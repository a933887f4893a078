"""Simulated boroughs for the tests of one neighbourhood's effect; drawn once, then kept."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from demo.boroughs import Counts, SimulatedBorough, simulate_borough
from demo.graph import AreaGraph, planar_graph

from lsp_analysis import Question
from lsp_analysis.effects.checks.asked import Asked, ask

N_AREAS = 80


@cache
def small_map(n_areas: int = N_AREAS) -> AreaGraph:
    return planar_graph(n_areas, seed=7)


@cache
def borough(
    seed: int = 1, *, effect: float = 0.0, group_size: int = 1, n_areas: int = N_AREAS, **settings
):
    """A borough of 80 areas x 48 months whose neighbourhood was picked for looking worst."""
    options = {"n_periods": 48, "start": 30, "mean_count": 6.0, **settings}
    return simulated(
        areas=small_map(n_areas), effect=effect, group_size=group_size, seed=seed, **options
    )


def simulated(**settings: Any) -> SimulatedBorough:
    """A borough whose counts arise as the `settings` say that are fields of `Counts`."""
    names = {field.name for field in fields(Counts)} & settings.keys()
    counts = Counts(**{name: settings.pop(name) for name in names})
    return simulate_borough(counts=counts, **settings)


def asked(made: SimulatedBorough) -> dict:
    """Keywords of a question about a simulated borough of counts."""
    return {
        "outcome": "count",
        "population": "population",
        "treated": list(made.treated),
        "start": made.start,
        "neighbours": made.neighbours,
    }


def question_of(made: SimulatedBorough, **changes: Any) -> Question:
    return Question.from_frame(made.panel, **asked(made) | changes)


def asked_of(made: SimulatedBorough, **changes: Any) -> Asked:
    return ask(question_of(made, **changes))


def times(question: Question, areas: np.ndarray, when: np.ndarray, factor: float) -> Question:
    """The question with the outcome of some areas at some dates multiplied."""
    outcome = question.outcome.copy()
    outcome[np.ix_(areas, when)] = np.round(outcome[np.ix_(areas, when)] * factor)
    return replace(question, outcome=outcome)


def score_question(unit: str = "score", **options: Any) -> Question:
    panel, given = scores(**options)
    return Question.from_frame(panel, **given).named(unit=unit)


@cache
def scores(seed: int = 1, *, effect: float = 0.0, n_areas: int = N_AREAS, n_periods: int = 16):
    """A yearly score, area by area, and the keywords that ask after area A000 from 2000 on."""
    rng = np.random.default_rng(seed)
    start = n_periods * 3 // 4
    level = rng.normal(50, 8, (n_areas, 1))
    score = level + rng.normal(0, 1, n_periods) + rng.normal(0, 2, (n_areas, n_periods))
    score[0, start:] += effect
    periods = pd.period_range(str(2000 - start), periods=n_periods, freq="Y")
    codes = [f"A{i:03d}" for i in range(n_areas)]
    panel = pd.DataFrame(
        {
            "area_code": np.repeat(codes, n_periods),
            "period": periods.take(np.tile(np.arange(n_periods), n_areas)),
            "score": score.ravel(),
        }
    )
    ring = [(codes[i], codes[(i + 1) % n_areas]) for i in range(n_areas)]
    question = {"outcome": "score", "treated": ["A000"], "start": "2000", "neighbours": ring}
    return panel, question
