"""What an estimate warns of: cautions that follow from the panel and the placebos themselves."""

from __future__ import annotations

import numpy as np

from lsp_analysis import wording
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.one_area.placebo import PlaceboPool
from lsp_analysis.effects.one_area.windows import Ledger

FEW_EVENTS = 10
MOST_PARTS = 0.1  # of values not whole, beyond which an outcome is no count that was spoilt


def short_past(ledger: Ledger, start: int) -> bool:
    """Whether less than half a year lies before the start."""
    return start < ledger.cycle // 2


def cautions_of(
    ledger: Ledger,
    pool: PlaceboPool,
    found: Judgement,
    *,
    level: float,
    start: int,
    counted: str,
) -> list[str]:
    """Cautions that follow from the panel and the placebos themselves."""
    cautions = _not_whole(ledger)
    if pool.adjacency is None:
        cautions.append(
            "No neighbours were given: areas next door, which may share the effect, are compared "
            "with, and placebos of several areas are not in one piece."
        )
    elif not (pool.adjacency & ~np.eye(len(pool.adjacency), dtype=bool)).any():
        cautions.append(
            "The neighbours that were given join no two areas of the panel: areas next door, which "
            "may share the effect, are compared with if there are any."
        )
    elif pool.members[0].sum() > 1 and not pool.contiguous:
        cautions.append("The treated areas do not form one piece, and neither do the placebos.")
    if short_past(ledger, start):
        cautions.append(
            f"Only {wording.counted(start, 'period')} before the start, less than half a year: how "
            "bad the neighbourhood usually is can hardly be known, and its usual level may be "
            "taken for an effect."
        )
    finest = 1 / (pool.n_placebos + 1)
    if finest > 1 - level + 1e-9:
        cautions.append(
            f"With {wording.counted(pool.n_placebos, 'placebo')} the finest p-value is "
            f"{wording.number(finest)}: no effect of any size could be found at the "
            f"{100 * (1 - level):.3g}% level."
        )
    elif pool.n_disjoint < pool.n_placebos:
        cautions.append(
            f"The {pool.n_placebos} placebos overlap; {pool.n_disjoint} share no area with one "
            "another."
        )
    worse = np.abs(found.before[1:] - found.before[0]).min() if pool.n_placebos else np.inf
    spread = found.before[1:].std()
    if spread > 0 and worse > 0.5 * spread:
        cautions.append(
            "No comparison neighbourhood looked like this one before the start; the expectation "
            "reaches beyond what was seen, and the interval is wider for it."
        )
    if ledger.counts and found.expected[0] < FEW_EVENTS:
        cautions.append(
            f"Only {wording.number(found.expected[0])} {counted} were expected after the start: "
            "small counts say little."
        )
    return cautions


def _not_whole(ledger: Ledger) -> list[str]:
    """A caution where a count may have been taken for a rate, as hardly a value is not whole."""
    known = ledger.total[ledger.exposure > 0] / ledger.exposure[ledger.exposure > 0]
    known = known[known != 0]
    parts = int((np.abs(known - np.round(known)) > 1e-6).sum())
    if ledger.counts or (ledger.exposure <= 1).all() or not 0 < parts < MOST_PARTS * len(known):
        return []
    return [
        f"{wording.capital(wording.counted(parts, 'value'))} of the outcome "
        f"{'is' if parts == 1 else 'are'} not whole and the others are, so it was taken for a rate "
        "that the population weighs: if it counts events, round what is not whole."
    ]
