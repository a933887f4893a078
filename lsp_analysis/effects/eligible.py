"""Which areas can be compared with, and what cannot be answered at all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.one_area.windows import Ledger
from lsp_analysis.effects.people import check_exposure
from lsp_analysis.errors import PanelError, ParameterError

FEWEST_VALUES = 0.5  # of the treated areas' values on either side of the start


def eligible_areas(
    ledger: Ledger, treated: np.ndarray, start: int, outcome: str
) -> tuple[np.ndarray, list[str]]:
    """Areas with a value in every period, the treated ones apart, and cautions on missing values.

    Parameters
    ----------
    treated : bool array (areas,)
        Of the treated areas some values may be missing, but no more than half on either side.
    start : int
        Position of the first period after the start.

    Raises
    ------
    PanelError
        Too few values, no event, or no difference between areas to learn from.
    """
    check_exposure(ledger.exposure, ledger.codes, ledger.periods)
    known = ledger.exposure > 0
    sides = known[treated, :start].mean(), known[treated, start:].mean()
    if min(sides) < FEWEST_VALUES:
        raise PanelError(
            f"The treated areas have {sides[0]:.0%} of their values of {outcome!r} before the "
            f"start and {sides[1]:.0%} of those after. At least half are needed on either side: "
            "choose another outcome or start."
        )
    eligible = known.all(axis=1) & ~treated
    gaps = int((~eligible & ~treated).sum())
    if gaps and not eligible.any():
        raise PanelError(
            f"None of the {gaps} other areas has a value of {outcome!r} in every period, as areas "
            "to compare with must. Add periods up to quarters or years, or leave out the periods "
            "with gaps."
        )
    check_something_to_learn(ledger, eligible, start, outcome=outcome)
    cautions = []
    if gaps:
        cautions.append(
            f"{wording.capital(wording.counted(gaps, 'comparison area'))} with missing values "
            f"{'was' if gaps == 1 else 'were'} left out."
        )
    if min(sides) < 1:
        cautions.append("Some of the treated areas' values are missing; the others stand for them.")
    return eligible, cautions


def check_something_to_learn(
    ledger: Ledger,
    eligible: np.ndarray,
    start: int,
    stop: int | None = None,
    *,
    outcome: str = "The outcome",
) -> None:
    """Raise PanelError where comparison areas show nothing before `start`, or do not differ on
    either side of it; periods from `stop` on do not count."""
    if ledger.counts and eligible.any() and not ledger.total[eligible, :start].any():
        raise PanelError(
            f"{outcome!r} is 0 in every comparison area before the start, so nothing can be "
            "expected from them. Choose an outcome that happens there."
        )
    if eligible.sum() > 1:
        level = ledger.total[eligible, :stop] / ledger.exposure[eligible, :stop]
        apart = np.ptp(level, axis=0) > 0
        for part, when in ((apart, ""), (apart[:start], " before"), (apart[start:], " from")):
            if not part.any():
                which = f"{when} the start{' on' if when == ' from' else ''}" if when else ""
                raise PanelError(
                    f"{outcome!r} is the same in all {int(eligible.sum())} comparison areas in "
                    f"every period{which}, so it cannot show how far areas differ by chance. Check "
                    "the column, and the periods it was measured in."
                )


def neighbour_pairs(
    neighbours: pd.DataFrame | Iterable[tuple[Any, Any]], codes: Iterable[Any]
) -> list[tuple[Any, Any]]:
    """Pairs of area codes, from a frame's first two columns or any list of pairs.

    Raises ParameterError for what holds no pairs, and when none of them holds one of `codes`.
    """
    if isinstance(neighbours, pd.DataFrame):
        neighbours = neighbours.iloc[:, :2].itertuples(index=False, name=None)
    try:
        pairs = [(pair,) if isinstance(pair, str) else tuple(pair) for pair in neighbours]
    except TypeError:
        pairs = [(neighbours,)]
    odd = next((pair for pair in pairs if not _is_pair(pair)), None)
    if odd is not None:
        shown = f"a row of {len(odd)}" if len(odd) > 3 else repr(odd if len(odd) != 1 else odd[0])
        raise ParameterError(
            f"neighbours holds {shown}, which is no pair of codes. "
            "Give a list such as [('E01004802', 'E01004803')], or a DataFrame with two columns."
        )
    known = set(codes)
    if pairs and not any(code in known for pair in pairs for code in pair):
        raise ParameterError(
            f"No pair in neighbours, the first being {pairs[0]}, holds an area of the panel. Use "
            "the panel's own codes, or leave out `neighbours`."
        )
    return pairs


def _is_pair(pair: tuple[Any, ...]) -> bool:
    return len(pair) == 2 and all(isinstance(code, Hashable) for code in pair)
