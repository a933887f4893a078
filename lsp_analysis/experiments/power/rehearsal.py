"""Power by rehearsal: run the experiment many times on the user's own past, and count.

Each rehearsal picks a stretch of the past, picks the areas that take part, draws who is treated,
puts the effect into the treated areas' follow-up and runs the registered test. Nothing about the
distribution of the outcome is assumed: shocks, seasons and likeness are the past's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.absent import Absent
from lsp_analysis.errors import ParameterError
from lsp_analysis.experiments.analysis.randomisation_test import ROUNDING, redraws
from lsp_analysis.experiments.draw.methods import blocked_scheme
from lsp_analysis.experiments.power.past import Grid, split_points
from lsp_analysis.showing import Shown

ALPHA = 0.05
BATCH = 10  # rehearsals that share a stretch of the past and its areas
REDRAWS = 499  # allocations of each rehearsed test; the finest p-value is then 0.002


@dataclass(frozen=True)
class Rehearsal(Shown):
    """Power found by rehearsal.

    Attributes
    ----------
    power : float
        Share of rehearsals in which the effect was found.
    error : float
        Standard error of `power` from the number of rehearsals; those of one batch are alike.
    estimates : array
        Effect found in each, in units of the outcome.
    truths : array
        Effect put in, in the same units: the mean over the areas treated.
    """

    power: float
    error: float
    n_sims: int
    estimates: np.ndarray = field(repr=False)
    truths: np.ndarray = field(repr=False)

    def summary_frame(self) -> pd.DataFrame:
        """One row."""
        names = ["power", "error", "n_sims"]
        return pd.DataFrame({name: [getattr(self, name)] for name in names})

    def sentence(self) -> wording.Sentence:
        """How often the effect was found, and how sure that share is."""
        reach = 100 * 1.96 * self.error
        return wording.Sentence(
            f"In {self.n_sims:,} rehearsals on the past itself the effect was found "
            f"{self.power:.0%} of the time (give or take {wording.number(reach)} points)."
        )


def rehearse(
    grid: Grid,
    *,
    effect: float,
    clusters_per_arm: int = 0,
    before: int,
    after: int,
    relative: bool = True,
    n_sims: int = 1_000,
    seed: int,
) -> Rehearsal | Absent:
    """Rehearse a two-arm experiment on a panel of the past, with the registered test.

    Parameters
    ----------
    grid : Grid
    effect : float
        Share of the outcome (-0.2 is a fall by a fifth) or, if not `relative`, units of it.
    clusters_per_arm : int
        As many as there are areas for when not given.
    before, after : int
        Periods of baseline and of follow-up; the outcome before is adjusted for.
    n_sims : int
        Rehearsals, rounded up to whole batches of 10.

    Raises
    ------
    ParameterError
        Too few areas for the arms, or an effect that leaves less than nothing.
    PanelError
        The past is shorter than baseline and follow-up together.
    """
    if not grid:
        return grid
    clusters_per_arm = clusters_per_arm or len(grid.areas) // 2
    n = 2 * clusters_per_arm
    if relative and effect <= -1:
        raise ParameterError(f"A relative effect of {effect} leaves nothing. Give more than -1.")
    if len(grid.areas) < n:
        raise ParameterError(
            f"{clusters_per_arm} clusters per arm need {n} areas; there are {len(grid.areas)}."
        )
    rng = np.random.default_rng(seed)
    splits = split_points(grid, before=before, after=after)
    scheme = blocked_scheme(map(str, range(n)), ("control", "programme"))
    found, estimates, truths = [], [], []
    for batch in range(math.ceil(n_sims / BATCH)):
        here = np.sort(rng.choice(len(grid.areas), n, replace=False))
        split = int(rng.choice(splits))
        first = grid.window(split - before, split)[here, None] if before else None
        start = scheme.draw(f"{seed}:{batch}")
        prepared = redraws(scheme, start, exposure=[0, 1], adjust=first, draws=REDRAWS)
        rows = rng.integers(0, len(prepared.raw), BATCH)
        drawn = prepared.raw[rows]
        values, truth = _with_effect(grid, (here, split, after), drawn, effect, relative, rng)
        statistic = np.abs(prepared.statistics(values.T))
        observed = statistic[rows, np.arange(BATCH)]
        p_values = (statistic >= observed * (1 - ROUNDING)).mean(axis=0)
        found.append(p_values <= ALPHA + 1e-12)
        own = prepared.coefficients(prepared.residual(values.T))
        estimates.append(own[rows, np.arange(BATCH)])
        truths.append(truth)
    shares = np.array([batch.mean() for batch in found])
    return Rehearsal(
        float(shares.mean()),
        float(shares.std(ddof=1) / math.sqrt(len(shares))) if len(shares) > 1 else math.nan,
        BATCH * len(shares),
        np.concatenate(estimates),
        np.concatenate(truths),
    )


def _with_effect(
    grid: Grid,
    window: tuple[np.ndarray, int, int],
    drawn: np.ndarray,
    effect: float,
    relative: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of the follow-up with the effect put in, and its size in units of the outcome."""
    here, split, after = window
    counts = grid.counts[here, split : split + after].sum(axis=1)
    scale = grid.multiplier / grid.exposure(split, split + after)[here]
    plain = np.broadcast_to(counts * scale, drawn.shape)
    if not relative:
        return plain + effect * drawn, np.full(len(drawn), effect)
    truth = (effect * plain * drawn).sum(axis=1) / drawn.sum(axis=1)
    if not grid.is_count:
        return plain * (1 + effect * drawn), truth
    whole = np.broadcast_to(counts.astype(np.int64), drawn.shape)
    if effect <= 0:
        changed = rng.binomial(whole, 1 + effect)
    else:
        changed = whole + rng.poisson(effect * whole)
    return np.where(drawn > 0, changed, whole) * scale, truth
