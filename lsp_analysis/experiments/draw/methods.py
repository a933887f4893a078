"""Build the scheme a design describes: simple, complete, blocked, paired, constrained, wedge; and
match units in pairs, or choose some that lie apart, before any draw.

Constrained randomisation draws among allocations that balance what was measured before (Moulton
2004). The score of an allocation is the sum over covariates of how far the arms' means lie apart,
in standard deviations, squared and weighted by the arms' sizes (Raab and Butcher 2001). It is
worked out in whole numbers, so that the same allocations are acceptable on every machine.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.scheme import KIND, Groups, HashStream, Permuted, Scheme, Simple
from lsp_analysis.experiments.protocol.design import Design

LARGEST_SCORE = 2**62  # of a 64-bit whole number
FEWEST = 20  # acceptable allocations under which a test at 5% cannot reject at all


def scheme_of(design: Design, units: pd.DataFrame, *, key: str = "") -> Scheme:
    """The scheme a design describes for its units.

    Parameters
    ----------
    design : Design
    units : DataFrame, one row per unit
        Column ``unit`` and the columns the design names.
    key : str
        For sampling candidates of a constrained randomisation: the hash of the registration.
    """
    how, names = design.randomisation, tuple(units["unit"].astype(str))
    if design.is_wedge:
        return wedge_scheme(names, how.steps, blocks=_strata(units, how.strata))
    arms = tuple(arm.name for arm in design.arms)
    shares = tuple(arm.share for arm in design.arms)
    if how.method == "simple":
        return simple_scheme(names, arms, shares)
    base = blocked_scheme(names, arms, shares, blocks=_blocks(design, units))
    if how.method != "constrained":
        return base
    covariates = units[how.covariates].to_numpy(float)
    options = {"candidates": how.candidates, "acceptable": how.acceptable}
    return constrain(base, covariates, key=key, **options)


def simple_scheme(
    units: Iterable[str], arms: Iterable[str], shares: Iterable[int] | None = None
) -> Simple:
    """Each unit by itself, with chances in proportion to `shares` (equal by default)."""
    units, arms = tuple(units), tuple(arms)
    shares = tuple(shares or [1] * len(arms))
    if len(units) < len(arms):
        raise DesignError(f"{len(units)} units cannot fill {len(arms)} arms. Find more units.")
    nothing = np.zeros(len(units), int)
    return Simple(units, arms, nothing, shares, nothing - 1)


def blocked_scheme(
    units: Iterable[str],
    arms: Iterable[str],
    shares: Iterable[int] | None = None,
    *,
    blocks: np.ndarray | None = None,
) -> Permuted:
    """Fixed numbers per arm within each block; without `blocks`, in all units together (complete).

    Where a block cannot be shared out evenly, the units left over go to the arms that have fallen
    furthest behind their share so far, so that the arms end up even.
    """
    units, arms = tuple(units), tuple(arms)
    shares = np.array(tuple(shares or [1] * len(arms)))
    blocks = np.zeros(len(units), int) if blocks is None else np.asarray(blocks)
    labels = np.zeros(len(units), int)
    given = np.zeros(len(arms), int)
    seen = 0
    for block in np.unique(blocks):
        places = np.flatnonzero(blocks == block)
        seen += len(places)
        counts = len(places) * shares // shares.sum()
        behind = seen * shares / shares.sum() - given - counts
        order = np.argsort(-np.round(behind, 9), kind="stable")
        counts[order[: len(places) - counts.sum()]] += 1
        given += counts
        labels[places] = np.repeat(np.arange(len(arms)), counts)
    if not given.all():
        empty = arms[int(np.argmin(given))]
        raise DesignError(
            f'No unit would get into the arm "{empty}". Find more units, or fewer arms.'
        )
    return Permuted(units, arms, blocks, labels)


def wedge_scheme(
    units: Iterable[str], steps: Iterable[int], *, blocks: np.ndarray | None = None
) -> Permuted:
    """Clusters in a random order of starts; `steps` is how many start at each."""
    units, steps = tuple(units), list(steps)
    if sum(steps) != len(units):
        raise DesignError(
            f"The steps start {sum(steps)} clusters, but there are {len(units)} units. Make the "
            "numbers in randomisation.steps add up to them."
        )
    arms = [f"step {number}" for number in range(1, len(steps) + 1)]
    return blocked_scheme(units, arms, steps, blocks=blocks)


def _blocks(design: Design, units: pd.DataFrame) -> np.ndarray:
    """Block of each unit, by strata, by the order of the file within them, or by pair."""
    how = design.randomisation
    if how.method == "pairs":
        blocks = _numbered(units[how.pair])
        if (np.bincount(blocks) != 2).any():
            raise DesignError(
                f'Column "{how.pair}" does not pair the units off: each number must come twice. '
                "`match_pairs` makes such a column."
            )
        return blocks
    blocks = _strata(units, how.strata)
    if how.method == "blocked" and how.block_size:
        within = pd.Series(blocks).groupby(blocks).cumcount().to_numpy() // how.block_size
        blocks = _numbered(pd.Series(list(zip(blocks.tolist(), within.tolist(), strict=True))))
    return blocks


def _strata(units: pd.DataFrame, columns: list[str]) -> np.ndarray:
    if not columns:
        return np.zeros(len(units), int)
    if units[columns].isna().to_numpy().any():
        raise DesignError(f"A unit has no value in {', '.join(columns)}, so it has no stratum.")
    return _numbered(units[columns].astype(str).agg("\x1f".join, axis=1))


def _numbered(values: pd.Series) -> np.ndarray:
    """Whole numbers from 0, in the order in which values first come."""
    return pd.factorize(values)[0]


@dataclass(frozen=True)
class BalanceRule:
    """How allocations are scored, and below which score they are acceptable.

    Attributes
    ----------
    standings : array of int, units x covariates
        Distance of each unit from the mean, in standard deviations times a power of ten.
    weights : tuple of int, one per arm
        Common multiple of the arms' sizes over the arm's own size.
    cutoff : int
        Allocations that score less are acceptable.
    """

    standings: np.ndarray
    weights: tuple[int, ...]
    cutoff: int

    def scores(self, allocations: np.ndarray) -> np.ndarray:
        """Imbalance of each allocation (a row each); 0 is perfect."""
        total = np.zeros(len(allocations), np.int64)
        for arm, weight in enumerate(self.weights):
            sums = (allocations == arm).astype(np.int64) @ self.standings
            total += weight * (sums**2).sum(axis=1)
        return total


@dataclass(frozen=True)
class Constrained(Scheme):
    """A list of acceptable allocations, of which one was drawn.

    Attributes
    ----------
    rows : array, allocations x units
        The acceptable allocations, best balanced first.
    base : Permuted
        The scheme they were picked from.
    rule : BalanceRule
    n_candidates : int
        Most allocations that are listed or sampled to pick from.
    """

    rows: np.ndarray = field(repr=False, compare=False)
    base: Permuted = field(repr=False, compare=False)
    rule: BalanceRule = field(repr=False, compare=False)
    n_candidates: int = 0

    @property
    def size(self) -> int:
        """How many allocations are acceptable."""
        return len(self.rows)

    @property
    def digest(self) -> str:
        """SHA-256 of the list, for the register."""
        return hashlib.sha256(self.rows.astype(">i2").tobytes()).hexdigest()

    def every(self) -> np.ndarray:
        """The acceptable allocations, a row each."""
        return self.rows

    @property
    def listable(self) -> bool:
        """They are a list already."""
        return True

    def many(self, draws: int, key: str) -> np.ndarray:
        """Rows of the list, each alike likely."""
        return self.rows[[HashStream(key, d).below(self.size) for d in range(draws)]]

    def holds(self, allocation: np.ndarray) -> bool:
        """Whether the list has `allocation`."""
        return bool((self.rows == allocation).all(axis=1).any())

    def given(self, allocation: np.ndarray, groups: Groups) -> Scheme:
        """Acceptable allocations in which units stay within their group of arms.

        With two arms it is the list itself. With more, the few rows of the list that agree would
        not do: allocations of the two arms are listed or sampled afresh and kept if acceptable.
        """
        if len(groups) == 1 and (self.group_of(allocation, groups) >= 0).all():
            return self
        base = self.base.given(allocation, groups)
        found = _candidates(base, self.n_candidates, self.digest)
        accepted = found[self.rule.scores(found) < self.rule.cutoff]
        rows = _distinct(np.vstack([accepted, allocation]).astype(KIND))
        own = base.blocks, rows, base, self.rule, self.n_candidates
        return Constrained(self.units, self.arms, *own)

    def how_many(self) -> str:
        """How many allocations are acceptable, and of how many."""
        sampled = "" if self.base.size <= self.n_candidates else " sampled"
        looked_at = min(self.base.size, self.n_candidates)
        return f"Of {looked_at:,} allocations{sampled}, {self.size:,} balance the arms well enough"

    def sentence(self, alpha: float = 0.05) -> wording.Sentence:
        """How many allocations are acceptable, what a test can do, and which units are tied."""
        said, (together, apart) = super().sentence(alpha), self.tied()
        if not together and not apart:
            return said
        return wording.Sentence(
            f"{said} Among them {wording.counted(together, 'pair')} of units always share an arm "
            f"and {apart:,} never: the outcomes of such units must not be correlated. Accept a "
            "larger share, or balance on less."
        )

    def tied(self) -> tuple[int, int]:
        """Pairs of units that share an arm in all acceptable allocations, and in none (Moulton)."""
        share = sum(
            (one := (self.rows == arm).astype(np.float64)).T @ one for arm in range(len(self.arms))
        )
        pairs = np.rint(share[np.triu_indices(len(self.units), k=1)])
        return int((pairs == self.size).sum()), int((pairs == 0).sum())

    @property
    def mirrored(self) -> bool:
        """Whether the list has the mirror image of its every allocation."""
        moving = (self.rows != self.rows[0]).any(axis=0)
        arms = np.unique(self.rows[:, moving])
        if len(arms) != 2:
            return False
        swapped = np.where(moving, arms.sum() - self.rows, self.rows).astype(KIND)
        return {row.tobytes() for row in self.rows} == {row.tobytes() for row in swapped}


def constrain(
    base: Permuted,
    covariates: np.ndarray,
    *,
    key: str,
    candidates: int = 100_000,
    acceptable: float = 0.1,
) -> Constrained:
    """Score allocations of `base` by balance, and accept the best share of them.

    Parameters
    ----------
    base : Permuted
        Complete, blocked or wedge scheme to pick from.
    covariates : array, units x covariates
        What to balance: the baseline outcome first of all, and whatever else may matter.
    key : str
        For sampling candidates where they are too many to list.
    candidates : int
        How many allocations to sample; all are listed if there are no more than that.
    acceptable : float above 0, at most 1
        Share of the candidates to accept, those with the lowest scores.

    Raises
    ------
    DesignError
        A covariate is missing somewhere or the same everywhere, or fewer than 20 allocations are
        acceptable, with which a test at 5% could never find anything.
    """
    sizes = np.bincount(base.labels, minlength=len(base.arms)).tolist()
    multiple = math.lcm(*(size for size in sizes if size))
    weights = tuple(multiple // size if size else 0 for size in sizes)
    columns = [_standardised(column, j) for j, column in enumerate(np.asarray(covariates, float).T)]
    largest = sum(math.fsum(abs(x) for x in column) ** 2 for column in columns) * sum(weights)
    digits = min(4, math.floor(math.log10(math.sqrt(LARGEST_SCORE / max(largest, 1)))))
    standings = np.rint(np.array(columns).T * 10**digits).astype(np.int64)
    found = _candidates(base, candidates, key)
    loose = BalanceRule(standings, weights, LARGEST_SCORE)
    scores = loose.scores(found)
    wanted = min(len(found), max(1, math.ceil(acceptable * len(found))))
    cutoff = int(np.partition(scores, wanted - 1)[wanted - 1]) + 1
    rule = BalanceRule(standings, weights, cutoff)
    rows = _distinct(found[scores < cutoff])
    rows = rows[np.argsort(rule.scores(rows), kind="stable")]
    if len(rows) < FEWEST:
        raise DesignError(
            f"Only {len(rows)} allocations of {len(found)} are acceptable; with fewer than "
            f"{FEWEST} no test at 5% can find an effect. Accept a larger share, or randomise more "
            "units."
        )
    return Constrained(base.units, base.arms, base.blocks, rows, base, rule, candidates)


def _candidates(base: Permuted, most: int, key: str) -> np.ndarray:
    """All allocations of `base`, or a sample of them, in which some may come twice."""
    return base.every() if base.size <= most else base.many(most, f"{key}:candidates")


def _distinct(rows: np.ndarray) -> np.ndarray:
    """Each row once, in the order of their arms read from left to right."""
    rows = np.ascontiguousarray(rows, dtype=">i2")
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return np.unique(whole).view(rows.dtype).reshape(-1, rows.shape[1]).astype(KIND)


def _standardised(column: np.ndarray, number: int) -> list[float]:
    """In plain Python with exact sums, so that no machine rounds otherwise than another."""
    values = column.tolist()
    if missing := sum(not math.isfinite(x) for x in values):
        raise DesignError(
            f"Covariate {number + 1} is missing for {missing} of "
            f"{len(values)} units. Allocations can only be balanced on what is known of all units."
        )
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / max(1, len(values) - 1))
    if spread == 0:
        raise DesignError(
            f"Covariate {number + 1} has the same value for all units, so there is nothing to "
            "balance. Leave it out."
        )
    return [(x - mean) / spread for x in values]


def match_pairs(units: pd.DataFrame, *, on: Sequence[str], unit: str = "unit") -> pd.DataFrame:
    """Pairs with the smallest total Mahalanobis distance, found by integer programming.

    A greedy match takes the closest pair first and leaves the rest to each other; this one looks
    at all pairs together (optimal nonbipartite matching, Greevy and others 2004).

    Parameters
    ----------
    units : DataFrame, one row per unit, an even number of them
    on : list of str
        Columns to match on: the baseline outcome, and covariates that foretell the outcome.
    unit : str
        Column with the unit's name.

    Returns
    -------
    `units` with the columns ``pair`` (1, 2, ..., the closest pair first) and ``pair_distance``.

    Raises
    ------
    DesignError
        An odd number of units, or a missing value in a column to match on.
    """
    if len(units) % 2 or units.empty:
        raise DesignError(
            f"{len(units)} units cannot be paired off. Leave one out before the pairs are made, "
            "and say in the protocol which and why."
        )
    distance = mahalanobis(units[list(on)].to_numpy(float), names=on)
    first, second = np.triu_indices(len(distance), k=1)
    edges = np.tile(np.arange(len(first)), 2)
    taken = _cheapest(distance[first, second], np.concatenate([first, second]), edges, at_least=1)
    mates = np.zeros(len(distance), int)
    mates[first[taken]], mates[second[taken]] = second[taken], first[taken]
    within = distance[np.arange(len(mates)), mates]
    firsts = np.flatnonzero(np.arange(len(mates)) < mates)
    firsts = firsts[np.argsort(within[firsts], kind="stable")]
    number = np.zeros(len(units), int)
    number[firsts] = number[mates[firsts]] = np.arange(1, len(firsts) + 1)
    return units.assign(pair=number, pair_distance=within).sort_values(
        ["pair", unit], ignore_index=True
    )


def mahalanobis(values: np.ndarray, *, names: Sequence[str]) -> np.ndarray:
    """Distances between all rows, counting correlated columns once and in their own spread."""
    if not np.isfinite(values).all():
        lacking = np.array(names)[~np.isfinite(values).all(axis=0)]
        raise DesignError(
            f"{', '.join(lacking)} is missing for some units. Units are matched on what is known "
            "of all of them: fill it in, or match on something else."
        )
    spread = np.atleast_2d(np.cov(values, rowvar=False))
    apart = values[:, None, :] - values[None, :, :]
    return np.sqrt(np.maximum(np.einsum("ijk,kl,ijl->ij", apart, np.linalg.pinv(spread), apart), 0))


def spaced_units(units: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.Series:
    """Which units to keep so that none are neighbours, as many as possible: a bool per row.

    The others are the buffer: they take no part. It is the largest independent set; among equals,
    units that come first in the file are kept.
    """
    n, place = len(units), {unit: i for i, unit in enumerate(units["unit"].astype(str))}
    ends = [(place[a], place[b]) for a, b in pairs if a != b and a in place and b in place]
    if not ends:
        return pd.Series(True, index=units.index)
    costs = np.arange(n) / (2.0 * n**2) - 1
    edges = np.repeat(np.arange(len(ends)), 2)
    return pd.Series(_cheapest(costs, edges, np.ravel(ends), at_least=0), index=units.index)


def _cheapest(
    costs: np.ndarray, of: np.ndarray, option: np.ndarray, *, at_least: int
) -> np.ndarray:
    """Options to take at the least cost by integer programming, at most one of each `of`."""
    from scipy.optimize import LinearConstraint, milp
    from scipy.sparse import csr_array

    touches = csr_array((np.ones(len(of)), (of, option)), shape=(of.max() + 1, len(costs)))
    found = milp(
        costs,
        integrality=np.ones(len(costs)),
        bounds=(0, 1),
        constraints=LinearConstraint(touches, at_least, 1),
        options={"mip_rel_gap": 0.0},
    )
    if not found.success:
        raise DesignError(
            f"No best set of units was found ({found.message}). Match on fewer columns, or take "
            "fewer units."
        )
    return found.x > 0.5
