"""Power by rehearsal: run the experiment many times on the user's own past, and count.

Each rehearsal picks a stretch of the past, picks the areas that take part, draws who is treated,
puts the effect into the treated areas' follow-up and runs the registered test. Nothing about the
distribution of the outcome is assumed: shocks, seasons and likeness are the past's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import t

from lsp_analysis import wording
from lsp_analysis.errors import ParameterError
from lsp_analysis.experiments.analysis.inversion import ROUNDING
from lsp_analysis.experiments.power.past import Grid, split_points
from lsp_analysis.showing import Shown

TESTS = ("t", "randomisation")
METHODS = ("complete", "pairs")
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
    clusters_per_arm: int,
    before: int,
    after: int,
    relative: bool = True,
    areas: Sequence[str] | None = None,
    method: str = "complete",
    test: str = "t",
    alpha: float = 0.05,
    n_sims: int = 1_000,
    seed: int,
) -> Rehearsal:
    """Rehearse a two-arm experiment on a panel of the past.

    Parameters
    ----------
    grid : Grid
    effect : float
        Share of the outcome (-0.2 is a fall by a fifth) or, if not `relative`, units of it.
    clusters_per_arm : int
    before, after : int
        Periods of baseline and of follow-up; the outcome before is adjusted for.
    areas : list of str, optional
        The areas that will take part; otherwise each rehearsal picks from all of them.
    method : "complete" or "pairs"
        Pairs are made of areas next to each other in the outcome before.
    test : "t" (of the regression) or "randomisation"
        They agree but for few clusters; the first is faster.
    n_sims : int
        Rehearsals, rounded up to whole batches of 10.

    Raises
    ------
    ParameterError
        An unknown test, method or area, too few areas for the arms, or an effect that leaves less
        than nothing.
    PanelError
        The past is shorter than baseline and follow-up together.
    """
    _check(test, method, effect, relative)
    rng = np.random.default_rng(seed)
    pool = np.arange(len(grid.areas)) if areas is None else _places(grid, areas)
    if len(pool) < 2 * clusters_per_arm:
        raise ParameterError(
            f"{clusters_per_arm} clusters per arm need {2 * clusters_per_arm} areas; there are "
            f"{len(pool)}."
        )
    splits = split_points(grid, before=before, after=after)
    found, estimates, truths = [], [], []
    for _ in range(math.ceil(n_sims / BATCH)):
        here = np.sort(rng.choice(pool, 2 * clusters_per_arm, replace=False))
        split = int(rng.choice(splits))
        first = grid.window(split - before, split)[here] if before else None
        scene = _scene(first, len(here), method)
        drawn = scene.draw(rng, BATCH)
        values, truth = _with_effect(grid, here, split, after, drawn, effect, relative, rng)
        estimate, p_values = scene.test(values, drawn, test, rng)
        found.append(p_values <= alpha + 1e-12)
        estimates.append(estimate)
        truths.append(truth)
    shares = np.array([batch.mean() for batch in found])
    return Rehearsal(
        float(shares.mean()),
        float(shares.std(ddof=1) / math.sqrt(len(shares))) if len(shares) > 1 else math.nan,
        BATCH * len(shares),
        np.concatenate(estimates),
        np.concatenate(truths),
    )


@dataclass(frozen=True)
class _Scene:
    """The areas of one batch: who is paired with whom, and what is adjusted for."""

    pairs: np.ndarray | None  # areas x 2, or None where all are drawn together
    basis: np.ndarray  # orthonormal columns of what is adjusted for
    n: int

    def draw(self, rng: np.random.Generator, draws: int) -> np.ndarray:
        """Who is treated, draws x areas, as 0 and 1."""
        if self.pairs is None:
            half = np.repeat([0.0, 1.0], [self.n - self.n // 2, self.n // 2])
            return rng.permuted(np.tile(half, (draws, 1)), axis=1)
        drawn = np.zeros((draws, self.n))
        chosen = rng.integers(0, 2, (draws, len(self.pairs)))
        treated = self.pairs[np.arange(len(self.pairs)), chosen]
        drawn[np.arange(draws)[:, None], treated] = 1.0
        return drawn

    def test(
        self, values: np.ndarray, drawn: np.ndarray, test: str, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Estimates and p-values of outcomes (draws x areas) under their own draws."""
        outcome, exposure = self._cleared(values), self._cleared(drawn)
        squares = (exposure**2).sum(axis=1)
        estimate = (outcome * exposure).sum(axis=1) / squares
        if test == "t":
            df = self.n - self.basis.shape[1] - 1
            left = (outcome**2).sum(axis=1) - estimate**2 * squares
            statistic = estimate * np.sqrt(squares * df / np.maximum(left, 1e-300))
            return estimate, 2 * t.sf(np.abs(statistic), df)
        others = self._cleared(self.draw(rng, REDRAWS))
        others /= np.sqrt((others**2).sum(axis=1, keepdims=True))
        observed = np.abs(estimate) * np.sqrt(squares)
        as_large = np.abs(outcome @ others.T) >= (observed * (1 - ROUNDING))[:, None]
        return estimate, (as_large.sum(axis=1) + 1) / (REDRAWS + 1)

    def _cleared(self, rows: np.ndarray) -> np.ndarray:
        return rows - (rows @ self.basis) @ self.basis.T


def _scene(first: np.ndarray | None, n: int, method: str) -> _Scene:
    terms = [np.ones((n, 1))] if first is None else [np.ones((n, 1)), first[:, None]]
    pairs = None
    if method == "pairs":
        order = np.arange(n) if first is None else np.argsort(first, kind="stable")
        pairs = order.reshape(-1, 2)
        member = np.empty(n, int)
        member[pairs] = np.arange(n // 2)[:, None]
        terms.append(np.eye(n // 2)[member])
    left, sizes, _ = np.linalg.svd(np.column_stack(terms), full_matrices=False)
    return _Scene(pairs, left[:, sizes > 1e-10 * sizes.max()], n)


def _with_effect(
    grid: Grid,
    here: np.ndarray,
    split: int,
    after: int,
    drawn: np.ndarray,
    effect: float,
    relative: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of the follow-up with the effect put in, and its size in units of the outcome."""
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


def _places(grid: Grid, areas: Sequence[str]) -> np.ndarray:
    known = {area: place for place, area in enumerate(grid.areas)}
    lacking = [area for area in areas if area not in known]
    if lacking:
        raise ParameterError(
            f"{wording.capital(wording.counted(len(lacking), 'area'))} asked for cannot be used, "
            f"first {lacking[0]}: not in the panel, or with gaps in it. Leave them out."
        )
    return np.array([known[area] for area in areas])


def _check(test: str, method: str, effect: float, relative: bool) -> None:
    if test not in TESTS or method not in METHODS:
        raise ParameterError(
            f'test "{test}" or method "{method}" is unknown. Choose {" or ".join(TESTS)}, and '
            f"{' or '.join(METHODS)}."
        )
    if relative and effect <= -1:
        raise ParameterError(f"A relative effect of {effect} leaves nothing. Give more than -1.")
