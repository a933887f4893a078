"""What did areas this bad do anyway? Those picked for looking worst improve without a programme."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import FAILED, PASSED, UNSURE, Case, sized
from lsp_analysis.effects.result import CheckResult

ALIKE = 10  # placebos nearest in level, for the picture
FEWEST_ALIKE = 5  # of them, under which their mean says little
MISLED = 0.5  # share of the neighbourhood's own change that a plain comparison has wrong
LITTLE = 0.25  # of the interval's half-width, below which what such areas did is no matter
STOOD_OUT = 0.1  # share of areas, at both ends, that stood out in the half year before the start
FAR = 0.5  # standard deviations of earlier levels between it and the nearest placebo


def regression_to_the_mean(case: Case) -> CheckResult:
    """The neighbourhood's change since the year before, beside that of areas as bad in that year.

    An area that stood out in one year, in part by chance, comes back by itself. The estimate allows
    for that; a plain comparison of before and after does not. So this check does not doubt the
    estimate: it says whether the figures that all can see would mislead them.

    "failed" when the neighbourhood was among the tenth of areas that stood out most in the half
    year before the start, and half or more of its change beyond that of all areas was to be
    expected of any area that looked so. Areas nearer the middle have good and bad years too; theirs
    are chance, which interval and p-value speak of, and pass. "too little to tell" when no area
    looked like it, or there are too few to say who stood out.
    """
    table, rank = _changes(case)
    own, expected, alike, everyone = table["estimate"]
    whole = sized(case, case.found)
    nearest = np.abs(case.found.before[1:] - case.found.before[0]).min()
    far = nearest > FAR * case.found.before[1:].std()
    since = f"Since the year before the start it {_changed(case, own)}"
    near = wording.counted(int(table.loc[2, "areas"]), "placebo")
    anyway = (
        f"the change expected of an area that looked like it was {_signed(case, expected)} ({near} "
        f"nearest to it then: {_signed(case, alike)} together; all: {_signed(case, everyone)})"
    )
    if far or table.loc[2, "areas"] < FEWEST_ALIKE:
        status, rest = UNSURE, "No comparison area was as bad, so this rests on extrapolation."
    elif abs(expected - everyone) < LITTLE * (whole.high - whole.low) / 2:
        status, rest = PASSED, "Such areas hardly moved otherwise than all did."
    elif abs(expected - everyone) < MISLED * abs(own - everyone):
        status = PASSED
        rest = "What such areas did anyway accounts for less than half of what set it apart."
    elif 2 / (case.pool.n_placebos + 1) > STOOD_OUT:
        status, rest = UNSURE, "There are too few areas to say whether it stood out."
    elif rank > STOOD_OUT:
        status = PASSED
        rest = "It did not stand out in the half year before; such swings are chance."
    else:
        status = FAILED
        rest = (
            "It stood out in the half year before the start, and half or more of what set it apart "
            "since happened in such areas anyway: a plain comparison would credit it to the "
            "programme, the estimate does not."
        )
    return CheckResult(
        "Regression to the mean", status, f"{since}; {anyway}. {rest}", table, "draw_forest",
        {
            "unit": "% since the year before" if case.ledger.counts else case.unit,
            "whiskers": "middle half",
        },
    )  # fmt: skip


def _changes(case: Case) -> tuple[pd.DataFrame, float]:
    """Change from the year before the start to after it: its own, the expected, others'; and its
    rank, from either end, in the level of the half year before, as a share."""
    first = max(0, case.start - case.ledger.cycle)
    groups = case.pool.members.astype(float)
    before, after = (
        np.column_stack([groups @ total, groups @ exposure])
        for total, exposure in (
            case.ledger.sums(first, case.start),
            case.ledger.sums(case.start, case.stop),
        )
    )
    expected = np.column_stack([case.found.expected, case.found.exposure])
    changes = _change(case, before, after)
    level = before[:, 0] / np.maximum(before[:, 1], 1e-12)
    near = _nearest(case, level)
    rows = [
        ("This neighbourhood", 1, changes[0], np.nan, np.nan),
        (
            "Expected of an area that looked like it",
            1,
            _change(case, before[:1], expected[:1])[0],
            np.nan,
            np.nan,
        ),
    ]
    for label, areas in (
        (f"The {len(near)} nearest to it (middle half)", near),
        (f"All {case.pool.n_placebos} placebos (middle half)", list(range(1, len(groups)))),
    ):
        together = _change(case, *(part[areas].sum(axis=0)[None] for part in (before, after)))[0]
        known = changes[areas][np.isfinite(changes[areas])]
        ends = np.quantile(known, [0.25, 0.75]) if len(known) else (np.nan, np.nan)
        rows.append((label, len(areas), together, *ends))
    table = pd.DataFrame(rows, columns=["label", "areas", "estimate", "low", "high"])
    total, exposure = case.ledger.sums(max(0, case.start - case.half_year), case.start)
    recent = (groups @ total) / np.maximum(groups @ exposure, 1e-12)
    return table, 2 * min((recent >= recent[0]).sum(), (recent <= recent[0]).sum()) / len(recent)


def _change(case: Case, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Change of rows of total and exposure: per cent for counts, missing from nought."""
    old, new = (part[:, 0] / np.maximum(part[:, 1], 1e-12) for part in (before, after))
    if not case.ledger.counts:
        return new - old
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(old > 0, 100 * (new / old - 1), np.nan)


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
