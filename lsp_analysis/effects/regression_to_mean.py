"""What did areas this bad do anyway? Those picked for looking worst improve without a programme."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import FAILED, PASSED, UNSURE, Case, sized
from lsp_analysis.effects.result import CheckResult

ALIKE = 10  # placebos nearest in level, for the picture
FEWEST_ALIKE = 5  # of them, under which their mean says little
MOST_ANYWAY = 0.5  # share of the neighbourhood's own change beyond which most happened anyway
LITTLE = 0.5  # of the interval's half-width, below which what such areas did is no matter
FAR = 0.5  # standard deviations of earlier levels between it and the nearest placebo


def regression_to_the_mean(case: Case) -> CheckResult:
    """The neighbourhood's change since the year before, beside that of areas as bad in that year.

    "failed" when half or more of its change, beyond that of all areas, was to be expected of any
    area that looked like it, so that a plain comparison would mislead; "too little to tell" when
    no area looked like it.
    """
    table = _changes(case)
    own, expected, alike, everyone = table["estimate"]
    share = (expected - everyone) / (own - everyone) if own != everyone else np.nan
    whole = sized(case, case.found)
    nearest = np.abs(case.found.before[1:] - case.found.before[0]).min()
    far = nearest > FAR * case.found.before[1:].std()
    since = f"Since the year before the start it {_changed(case, own)}"
    near = wording.counted(int(table.loc[2, "areas"]), "placebo")
    anyway = (
        f"of an area that looked like it {_signed(case, expected)} was expected ({near} nearest to "
        f"it then: {_signed(case, alike)} on average; all: {_signed(case, everyone)})"
    )
    if far or table.loc[2, "areas"] < FEWEST_ALIKE:
        status, rest = UNSURE, "No comparison area was as bad, so this rests on extrapolation."
    elif abs(expected - everyone) < LITTLE * (whole.high - whole.low) / 2:
        status, rest = PASSED, "Such areas hardly moved otherwise than all did."
    elif share >= MOST_ANYWAY:
        status, rest = (
            FAILED,
            "Half or more of what set it apart happened in such areas anyway; a plain comparison "
            "would credit it to the programme, the estimate does not.",
        )
    else:
        status = PASSED
        rest = "What such areas did anyway accounts for less than half of what set it apart."
    return CheckResult(
        "Regression to the mean", status, f"{since}; {anyway}. {rest}", table, "draw_forest",
        {
            "unit": "% since the year before" if case.ledger.counts else case.unit,
            "whiskers": "middle half",
        },
    )  # fmt: skip


def _changes(case: Case) -> pd.DataFrame:
    """Change from the year before the start to after it: its own, the expected, others'."""
    first = max(0, case.start - case.ledger.cycle)
    groups = case.pool.members.astype(float)
    before, after = (
        (groups @ total) / np.maximum(groups @ exposure, 1e-12)
        for total, exposure in (
            case.ledger.sums(first, case.start),
            case.ledger.sums(case.start, case.stop),
        )
    )
    changes = _change(case, before, after)
    expected = _change(case, before[:1], case.found.expected[:1] / case.found.exposure[:1])[0]
    near = _nearest(case, before)
    low, high = np.nanquantile(changes[near], [0.25, 0.75]) if len(near) else (np.nan, np.nan)
    everyone = np.nanquantile(changes[1:], [0.25, 0.75])
    rows = [
        ("This neighbourhood", 1, changes[0], np.nan, np.nan),
        ("Expected of an area that looked like it", 1, expected, np.nan, np.nan),
        (
            f"The {len(near)} nearest to it (middle half)",
            len(near),
            np.nanmean(changes[near]) if len(near) else np.nan,
            low,
            high,
        ),
        (
            f"All {case.pool.n_placebos} placebos (middle half)",
            case.pool.n_placebos,
            np.nanmean(changes[1:]),
            *everyone,
        ),
    ]
    return pd.DataFrame(rows, columns=["label", "areas", "estimate", "low", "high"])


def _change(case: Case, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    if not case.ledger.counts:
        return after - before
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, 100 * (after / before - 1), np.nan)


def _nearest(case: Case, before: np.ndarray) -> list[int]:
    """Rows of the placebos nearest in level that share no area with one another."""
    taken = np.zeros(case.pool.members.shape[1], dtype=bool)
    chosen: list[int] = []
    for row in 1 + np.argsort(np.abs(before[1:] - before[0]), kind="stable"):
        if not (case.pool.members[row] & taken).any():
            chosen.append(int(row))
            taken |= case.pool.members[row]
        if len(chosen) == ALIKE:
            break
    return chosen


def _changed(case: Case, change: float) -> str:
    return (
        wording.percent_change(change / 100)
        if case.ledger.counts
        else wording.change(change, case.unit)
    )


def _signed(case: Case, change: float) -> str:
    if not case.ledger.counts or wording.is_missing(change):
        return wording.difference(change, case.unit)
    return f"{wording.difference(change, digits=0 if abs(change) >= 10 else 1)}%"
