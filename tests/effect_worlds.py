"""Panels whose true effect is known, for the tests of the estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import Question

START = pd.Period("2009-01", "M")


def codes(n: int) -> list[str]:
    return [f"E{i:03d}" for i in range(n)]


def panel(
    *,
    n_areas: int = 30,
    n_periods: int = 24,
    n_treated: int = 8,
    effect: float = 0.0,
    noise: float = 1.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Area and period effects, independent noise, and an effect from the middle period on."""
    rng = np.random.default_rng(seed)
    periods = pd.period_range(START - n_periods // 2, periods=n_periods, freq="M")
    outcome = 50 + rng.normal(0, 3, (n_areas, 1)) + rng.normal(0, 2, n_periods)
    outcome = outcome + rng.normal(0, noise, (n_areas, n_periods))
    outcome[:n_treated, n_periods // 2 :] += effect
    return pd.DataFrame(
        {
            "area_code": np.repeat(codes(n_areas), n_periods),
            "period": np.tile(periods, n_areas),
            "rate": outcome.ravel(),
            "x": rng.normal(size=n_areas * n_periods),
            "people": np.repeat(rng.integers(800, 2_500, n_areas), n_periods),
        }
    )


def counts(*, rate_ratio: float = 1.0, seed: int = 0, **options: int) -> pd.DataFrame:
    """As `panel`, with a column of Poisson counts whose rate changes by `rate_ratio`."""
    frame = panel(seed=seed, **options)
    n_treated = options.get("n_treated", 8)
    on = frame["area_code"].isin(codes(n_treated)) & (frame["period"] >= START)
    expected = frame["people"] * 0.004 * np.exp((frame["rate"] - 50) / 10) * rate_ratio**on
    return frame.assign(events=np.random.default_rng(seed + 1).poisson(expected))


def changed_areas(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The same panel under other area codes."""
    return frame.assign(area_code=frame["area_code"].map(names))


def two_factors(
    *,
    n_areas: int = 20,
    n_periods: int = 24,
    start_at: int = 16,
    effect: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Areas that load on two common factors; the first is a mixture of the next three."""
    rng = np.random.default_rng(seed)
    loads = rng.uniform(0, 1, (n_areas, 2))
    loads[0] = loads[1:4].mean(axis=0)
    factors = rng.normal(0, 1, (2, n_periods)).cumsum(axis=1)
    outcome = 20 + loads @ factors + rng.normal(0, 0.05, (n_areas, n_periods))
    outcome[0, start_at:] += effect
    return pd.DataFrame(
        {
            "area_code": np.repeat(codes(n_areas), n_periods),
            "period": np.tile(np.arange(1990, 1990 + n_periods), n_areas),
            "rate": outcome.ravel(),
            "load": np.repeat(loads[:, 0], n_periods),
        }
    )


def question(frame: pd.DataFrame, n_treated: int = 8, **changes: Any) -> Question:
    """What a programme did to the rate in the first areas of a panel."""
    given = {"outcome": "rate", "treated": codes(n_treated), "start": START} | changes
    return Question.from_frame(frame, **given)


def counted(frame: pd.DataFrame, n_treated: int = 8, **changes: Any) -> Question:
    """The same of the events over people."""
    return question(frame, n_treated, outcome="events", population="people", **changes)
