"""Did the neighbourhood part from the others before anything was done?

The method is tried at earlier dates, half a year apart: the neighbourhood is predicted for the half
year that follows from what came before, and the errors are ranked among those of its placebos. A
test that finds none is only as good as its power (Roth 2022, AER: Insights 4:305), so the drift
that would have been found is given, and how large a drift would undo the finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.case import (
    FAILED,
    PASSED,
    POWER,
    UNSURE,
    Case,
    as_size,
    between,
    detectable,
    during,
    in_words,
    shown,
    shown_unit,
    sized,
    span,
)
from lsp_analysis.effects.checks.honest import HonestBounds, relative_magnitudes, smoothness
from lsp_analysis.effects.checks.honest_steps import Steps
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.one_area.judgement import Judgement
from lsp_analysis.effects.result import CheckResult
from lsp_analysis.effects.words import than_expected

MOST_DATES = 6  # half years, three years back
FEWEST_PLACEBOS = 20  # to learn a covariance of as many as seven statistics from
VIOLATIONS = {
    0: "if it did not part",
    0.1: "if a tenth as far as before",
    0.25: "if a quarter as far as before",
    0.5: "if half as far as before",
    1: "if as far as before",
    2: "if twice as far as before",
}
"""Multiples of the largest step before the start, and what rows that allow for them are called."""
WIDEST_DRAWN = 4  # half-widths of the interval on either side, beyond which bounds are arrows


@dataclass(frozen=True)
class EarlierDates:
    """The method tried at dates before the start.

    Attributes
    ----------
    dates : tuple of int
        Positions at which something might have begun, `width` periods apart.
    judgements : tuple of Judgement
        Of the `width` periods after each date.
    """

    case: Case
    dates: tuple[int, ...]
    width: int
    judgements: tuple[Judgement, ...]

    @property
    def statistics(self) -> np.ndarray:
        """Standardised errors, one row per neighbourhood (treated first), one column per date."""
        return np.column_stack([found.statistic for found in self.judgements])

    @property
    def errors(self) -> np.ndarray:
        """Standard errors of the treated neighbourhood's, in units of effect."""
        return np.array([found.errors[0] for found in self.judgements])

    @property
    def carried(self) -> np.ndarray:
        """How much a step in each half year after the start moves the mean effect."""
        after = max(1, round((self.case.stop - self.case.start) / self.width))
        return np.arange(after, 0, -1) / after


def earlier_dates(case: Case) -> EarlierDates:
    """Try the method half a year, a year, ... before the start, while there is a past to go by and
    the neighbourhood has values."""
    width = case.half_year
    count = int(np.clip((case.start - max(2, width)) // width, 0, MOST_DATES))
    back = [case.start - width * step for step in range(1, count + 1)]
    dates = tuple(takewhile(lambda date: case.seen(date, date + width), back))[::-1]
    judgements = tuple(case.judged(date, date + width) for date in dates)
    return EarlierDates(case, dates, width, judgements)


def pre_trends(case: Case, earlier: EarlierDates | None = None) -> CheckResult:
    """Whether the neighbourhood strayed from its expectation before the start; the test's power.

    "failed" when it did; "too little to tell" when a steady drift too small to be noticed could
    account for as much as was found.
    """
    name = "Pre-trends"
    earlier = earlier_dates(case) if earlier is None else earlier
    if not earlier.dates:
        return CheckResult(
            name, UNSURE, "There are too few periods before the start to look for a drift.",
            pd.DataFrame(columns=["label", "estimate", "low", "high", "p_value"]),
        )  # fmt: skip
    table = _table(earlier)
    largest = np.abs(earlier.statistics).max(axis=1)
    p_value = placebo.rank_p_value(largest[0], largest[1:])
    drift = _noticed_drift(earlier)
    carried = drift * earlier.carried.sum()
    missed = _missed(case, drift, carried)
    if p_value <= 1 - case.level + 1e-12:
        worst = table.loc[np.abs(earlier.statistics[0]).argmax()]
        return CheckResult(
            name, FAILED,
            f"It strayed before the start: in {worst['label']} it was "
            f"{than_expected(in_words(case, worst['estimate']))} ({wording.p_value(p_value)} over "
            f"{wording.counted(len(earlier.dates), 'earlier date')}).",
            table, "draw_forest", {"unit": shown_unit(case), "level": case.level},
        )  # fmt: skip
    critical = placebo.critical_value(case.found.statistic[1:], case.level)
    room = case.found.errors[0] * max(abs(case.found.statistic[0]), critical)
    status = PASSED if carried <= room else UNSURE
    return CheckResult(
        name, status,
        f"It kept to its expectation on {wording.counted(len(earlier.dates), 'earlier date')} "
        f"({wording.p_value(p_value)}). {missed}",
        table, "draw_forest", {"unit": shown_unit(case), "level": case.level},
    )  # fmt: skip


def undoing_violation(case: Case, earlier: EarlierDates | None = None) -> CheckResult:
    """How large a violation would undo the finding, with the placebos' covariance.

    "passed" when steps as large as the largest one seen before the start would not undo it.
    """
    name = "Size of violation that would undo it"
    earlier = earlier_dates(case) if earlier is None else earlier
    columns = ["label", "estimate", "low", "high"]
    if not earlier.dates or case.pool.n_placebos < FEWEST_PLACEBOS:
        return CheckResult(
            name, UNSURE,
            "There are too few earlier dates or placebos to say how large violations have been.",
            pd.DataFrame(columns=columns),
        )  # fmt: skip
    bounds, smooth = honest_bounds(case, earlier)
    before = _steps(earlier).before
    largest = in_words(case, shown(case, float(before[np.abs(before).argmax()])))
    if not bounds.breakdown:
        status, finding = UNSURE, str(bounds.sentence())
    else:
        size = _share_in_words(bounds.breakdown)
        wide = case.step_name
        finding = (
            f"The furthest it parted from the others in one {wide} before the start was {largest}. "
            f"Parting {size} after it, {wide} upon {wide}, would undo the finding"
            f"{_bending(case, smooth.breakdown)}."
        )
        noticed = _largest_p(earlier) <= 1 - case.level + 1e-12
        status = PASSED if bounds.breakdown >= 1 else FAILED if noticed else UNSURE
    return CheckResult(
        name, status, finding, _bounds_table(case, bounds)[columns], "draw_forest",
        {"unit": shown_unit(case), "level": case.level, "limits": _drawn(case, bounds)},
    )  # fmt: skip


def honest_bounds(case: Case, earlier: EarlierDates) -> tuple[HonestBounds, HonestBounds]:
    """Bounds by relative magnitudes and by smoothness, in units of effect (log, for counts)."""
    steps = _steps(earlier)
    bounds = relative_magnitudes(steps, VIOLATIONS, level=case.level, seed=case.seed)
    bends = [violation * steps.error / 2 for violation in VIOLATIONS]
    return bounds, smoothness(steps, bends, level=case.level)


def anticipation(case: Case) -> CheckResult:
    """Whether the effect was there before the start, as it would be had people acted early.

    "failed" when it was; "too little to tell" when one as large as that after the start could have
    been there. Only a move in the direction of the effect counts: a neighbourhood picked for
    looking worst looks worse than expected just before the start, and the estimate allows for that.
    """
    name = "Anticipation"
    widths = sorted({max(1, case.ledger.cycle // part) for part in (4, 2, 1)})
    widths = [
        width
        for width in widths
        if case.start - width >= 2 and case.seen(case.start - width, case.start)
    ]
    if not widths:
        return CheckResult(
            name, UNSURE, "There are too few periods before the start to look for an early effect.",
            pd.DataFrame(columns=["label", "estimate", "low", "high", "p_value"]),
        )  # fmt: skip
    judgements = [case.judged(case.start - width, case.start) for width in widths]
    sizes = [sized(case, found) for found in judgements]
    table = pd.DataFrame(
        size.row(span(case, case.start - width, case.start))
        for width, size in zip(widths, sizes, strict=True)
    )
    chosen = min(range(len(widths)), key=lambda at: abs(widths[at] - case.half_year))
    size = sizes[chosen]
    statistics = judgements[chosen].statistic * np.sign(case.found.statistic[0])
    along = statistics[0] > 0
    strayed = (
        size.p_value
        if not along
        else ((statistics[1:] >= statistics[0]).sum() + 1) / len(statistics)
    )
    seen = strayed <= 1 - case.level + 1e-12
    whole = sized(case, case.found)
    smallest = detectable(case, judgements[chosen])
    room = max(abs(whole.estimate), detectable(case, case.found))
    when = during(case, case.start - widths[chosen], case.start)
    where = f"{wording.capital(when)} it was {than_expected(in_words(case, size.estimate))}"
    if seen and along and whole.clear:
        status, rest = FAILED, "the effect, or what looks like it, began before the start."
    elif seen and along:
        status, rest = UNSURE, "with no clear effect after it, none can have begun early."
    elif seen:
        status, rest = PASSED, (
            "that is the other way from the effect, as in places picked for looking worst; "
            "the estimate allows for it."
        )  # fmt: skip
    elif whole.clear and size.low <= whole.estimate <= size.high:
        status = UNSURE
        rest = "as large an effect as that after the start could have begun then, unseen."
    else:
        status = PASSED if whole.clear or smallest <= 2 * room else UNSURE
        rest = (
            f"an early effect of {as_size(case, smallest)} would have been found."
            if np.isfinite(smallest)
            else "no early effect of any size would have been found."
        )
    return CheckResult(
        name, status, f"{where} ({between(case, size)}): {rest}", table, "draw_forest",
        {"unit": shown_unit(case), "level": case.level},
    )  # fmt: skip


def _table(earlier: EarlierDates) -> pd.DataFrame:
    case = earlier.case
    return pd.DataFrame(
        sized(case, found).row(span(case, date, date + earlier.width))
        for date, found in zip(earlier.dates, earlier.judgements, strict=True)
    )


def _largest_p(earlier: EarlierDates) -> float:
    largest = np.abs(earlier.statistics).max(axis=1)
    return placebo.rank_p_value(largest[0], largest[1:])


def _noticed_drift(earlier: EarlierDates) -> float:
    """Steady step per half year, in units of effect, that the test would find with 80% power."""
    largest = np.abs(earlier.statistics[1:]).max(axis=1)
    critical = placebo.critical_value(largest, earlier.case.level)
    if not np.isfinite(critical):
        return np.inf
    drifts = np.linspace(0, 1, 201) * 8 * earlier.errors.max()
    moved = np.abs(earlier.statistics[1:, None, :] + drifts[:, None] / earlier.errors)
    power = (moved.max(axis=2) > critical).mean(axis=0)
    return float(drifts[np.argmax(power >= POWER)]) if (power >= POWER).any() else np.inf


def _missed(case: Case, drift: float, carried: float) -> str:
    if not np.isfinite(drift):
        return "With so few placebos no drift of any size would have been found."
    each, total = (as_size(case, float(shown(case, -size))) for size in (drift, carried))
    return (
        f"A steady fall by {each} every {case.step_name} would have been noticed four times in "
        f"five, a slower one less often; by itself that one would look like an effect of {total}."
    )


def _steps(earlier: EarlierDates) -> Steps:
    """Errors at earlier dates and the estimate, with the covariance of the placebos' own."""
    case = earlier.case
    statistics = np.column_stack([earlier.statistics, case.found.statistic])
    errors = np.append(earlier.errors, case.found.errors[0])
    among = statistics[1:].T @ statistics[1:] / (len(statistics) - 1)
    values = statistics[0] * errors
    return Steps(values, among * np.outer(errors, errors), earlier.carried)


def _bounds_table(case: Case, bounds: HonestBounds) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [VIOLATIONS[v] for v in bounds.table["violation"]],
            "estimate": shown(case, bounds.estimate),
            "low": shown(case, bounds.table["low"].to_numpy()),
            "high": shown(case, bounds.table["high"].to_numpy()),
        }
    )


def _drawn(case: Case, bounds: HonestBounds) -> tuple[float, float]:
    """Range of shown effects that a picture of the bounds has room for."""
    alone = bounds.table.iloc[0]
    half = max(alone["high"] - alone["low"], abs(bounds.estimate)) / 2
    ends = bounds.estimate - WIDEST_DRAWN * half, bounds.estimate + WIDEST_DRAWN * half
    low, high = (float(shown(case, end)) for end in ends)
    return (-100.0, high) if case.ledger.counts else (low, high)


def _bending(case: Case, bend: float) -> str:
    """How far a drift must bend to undo the finding too; nothing where no bend does."""
    if not np.isfinite(bend):
        return ""
    size, wide = as_size(case, shown(case, bend)), case.step_name
    return f"; so would a drift that bends by {size} from one {wide} to the next"


def _share_in_words(share: float) -> str:
    """A multiple of how far it parted before: "3% as far", "1.4 times as far"."""
    if not np.isfinite(share):
        return "any number of times as far"
    if share < 1:
        return f"{wording.number(100 * share, 0 if share >= 0.01 else 1)}% as far"
    return f"{wording.number(share, 1)} times as far"
