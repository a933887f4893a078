"""What did areas this bad do anyway? Those picked for looking worst improve without a programme."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from lsp_analysis import wording
from lsp_analysis.effects.checks.asked import FAILED, PASSED, UNSURE, Asked
from lsp_analysis.effects.one_area.groups import disjoint_rows, placebo_groups
from lsp_analysis.effects.one_area.history import read_panel
from lsp_analysis.effects.result import CheckResult

ALIKE = 10  # placebos nearest in level, for the picture
FEWEST_ALIKE = 5  # of them, under which their mean says little
MISLED = 0.5  # share of the neighbourhood's own change that a plain comparison has wrong
LITTLE = 0.25  # of the interval's half-width, below which what such areas did is no matter
STOOD_OUT = 0.1  # share of areas, at both ends, that stood out in the half year before the start
FAR = 0.5  # standard deviations of earlier levels between it and the nearest placebo


def regression_to_the_mean(asked: Asked) -> CheckResult:
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
    groups = np.vstack([asked.question.treated, placebo_groups(asked.question)])
    table, rank, far = _changes(asked, groups)
    own, expected, alike, everyone = table["estimate"]
    whole, counts = asked.size, asked.effect.multiplicative
    said = wording.percent_change(own / 100) if counts else wording.change(own, asked.effect.unit)
    near = wording.counted(int(table.loc[2, "areas"]), "placebo")
    anyway = (
        f"Since the year before the start it {said}; the change expected of an area that looked "
        f"like it was {_signed(asked, expected)} ({near} nearest to it then: "
        f"{_signed(asked, alike)} together; all: {_signed(asked, everyone)})."
    )
    if far or table.loc[2, "areas"] < FEWEST_ALIKE:
        status, rest = UNSURE, "No comparison area was as bad, so this rests on extrapolation."
    elif abs(expected - everyone) < LITTLE * (whole.high - whole.low) / 2:
        status, rest = PASSED, "Such areas changed about as much as all areas did."
    elif abs(expected - everyone) < MISLED * abs(own - everyone):
        status = PASSED
        rest = "Such areas explain less than half of its difference from all areas."
    elif 2 / len(groups) > STOOD_OUT:
        status, rest = UNSURE, "There are too few areas to say whether it stood out."
    elif rank > STOOD_OUT:
        status = PASSED
        rest = "It did not stand out in the half year before; such swings are chance."
    else:
        status = FAILED
        rest = (
            "It stood out in the half year before the start, and half or more of its difference "
            "since then also arose in such areas without a programme: a plain comparison would "
            "count that as an effect, and the estimate does not."
        )
    unit = "% since the year before" if counts else asked.effect.unit
    options = {"unit": unit, "whiskers": "middle half"}
    return CheckResult(
        "Regression to the mean", status, f"{anyway} {rest}", table, "draw_forest", options
    )


def _changes(asked: Asked, groups: np.ndarray) -> tuple[pd.DataFrame, float, bool]:
    """Change from the year before the start to after it: its own, the expected, others'; its rank,
    from either end, in the level of the half year before, as a share; and whether it lies far from
    every placebo."""
    question, found = asked.question, asked.effect
    times, counts, panel = question.event_time, found.multiplicative, read_panel(question)

    def parts(when: np.ndarray) -> np.ndarray:
        """Total and exposure of each group over some dates; array (groups, 2)."""
        return np.column_stack(panel.sums(groups.astype(float), when))

    before, after = parts(question.just_before(question.cycle)), parts(times >= 0)
    changes = _change(before, after, counts)
    expected = [found.counterfactual / question.per, 1.0]
    if counts:
        expected = [asked.expected_total, after[0, 1]]
    anyway = _change(before[:1], np.array([expected]), counts)[0]
    level = before[:, 0] / np.maximum(before[:, 1], 1e-12)
    order = 1 + np.argsort(np.abs(level[1:] - level[0]), kind="stable")
    near = disjoint_rows(sparse.csr_array(groups), order, ALIKE)
    rows = [
        ("This neighbourhood", 1, changes[0], np.nan, np.nan),
        ("Expected of an area that looked like it", 1, anyway, np.nan, np.nan),
    ]
    for label, areas in (
        (f"The {len(near)} nearest to it (middle half)", near),
        (f"All {len(groups) - 1} placebos (middle half)", list(range(1, len(groups)))),
    ):
        together = _change(before[areas].sum(axis=0)[None], after[areas].sum(axis=0)[None], counts)
        known = changes[areas][np.isfinite(changes[areas])]
        ends = np.quantile(known, [0.25, 0.75]) if len(known) else (np.nan, np.nan)
        rows.append((label, len(areas), together[0], *ends))
    table = pd.DataFrame(rows, columns=["label", "areas", "estimate", "low", "high"])
    table[["estimate", "low", "high"]] *= 1.0 if counts else question.per
    recent = parts(question.just_before(asked.half_year))
    recent = recent[:, 0] / np.maximum(recent[:, 1], 1e-12)
    rank = 2 * min((recent >= recent[0]).sum(), (recent <= recent[0]).sum()) / len(recent)
    usual = parts(times < 0)
    usual = np.log1p(usual[:, 0] / np.maximum(usual[:, 1], 1e-12)) if counts else level
    far = np.abs(usual[1:] - usual[0]).min() > FAR * usual[1:].std()
    return table, rank, bool(far)


def _change(before: np.ndarray, after: np.ndarray, counts: bool) -> np.ndarray:
    """Change of rows of total and exposure: per cent for counts, missing from zero."""
    old, new = (part[:, 0] / np.maximum(part[:, 1], 1e-12) for part in (before, after))
    if not counts:
        return new - old
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(old > 0, 100 * (new / old - 1), np.nan)


def _signed(asked: Asked, change: float) -> str:
    if not asked.effect.multiplicative or wording.is_missing(change):
        return wording.difference(change, asked.effect.unit)
    return f"{wording.difference(change, digits=0 if abs(change) >= 10 else 1)}%"
