"""Build the scheme a design describes: simple, complete, blocked, paired, constrained, wedge."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.draw.constrained import constrain
from lsp_analysis.experiments.draw.scheme import Permuted, Scheme, Simple
from lsp_analysis.experiments.protocol.design import Design


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
    base = base_scheme(design, units)
    how = design.randomisation
    if how.method != "constrained":
        return base
    return constrain(
        base,
        units[how.covariates].to_numpy(float),
        key=key,
        candidates=how.candidates,
        acceptable=how.acceptable,
    )


def base_scheme(design: Design, units: pd.DataFrame) -> Permuted | Simple:
    """The scheme before allocations are picked for balance."""
    how = design.randomisation
    names = tuple(units["unit"].astype(str))
    if design.is_wedge:
        return wedge_scheme(names, how.steps, blocks=_strata(units, how.strata))
    arms = tuple(arm.name for arm in design.arms)
    shares = tuple(arm.share for arm in design.arms)
    if how.method == "simple":
        return simple_scheme(names, arms, shares)
    return blocked_scheme(names, arms, shares, blocks=_blocks(design, units))


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
        counts = _share_out(len(places), shares, behind=seen * shares / shares.sum() - given)
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
    arms = tuple(f"step {number}" for number in range(1, len(steps) + 1))
    labels = np.repeat(np.arange(len(steps)), steps)
    if blocks is None or len(np.unique(blocks)) == 1:
        return Permuted(units, arms, np.zeros(len(units), int), labels)
    return blocked_scheme(units, arms, steps, blocks=blocks)


def _share_out(n: int, shares: np.ndarray, *, behind: np.ndarray) -> np.ndarray:
    """`n` units among arms in proportion to `shares`; what is left over to those most behind."""
    counts = n * shares // shares.sum()
    left = n - counts.sum()
    order = np.argsort(-np.round(behind - counts, 9), kind="stable")
    counts[order[:left]] += 1
    return counts


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
